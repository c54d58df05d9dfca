//! What every request handler shares, and what it asks of a request before anything else.
use crate::apps::demo::set::Demo;
use crate::service::recognise::{Outcome, Recogniser};
use crate::service::upload::{Gate, Sender};
use crate::site::failure::Failure;
use crate::site::language;
use crate::site::shell::Tab;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use words::Language;

/// The state of the router; cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) recogniser: Recogniser,
    pub(crate) gate: Gate,
    /// The language of those who name none.
    pub(crate) language: Language,
    /// The pages to go to, with their addresses.
    pub(crate) tabs: Arc<[(Tab, &'static str)]>,
    pub(crate) demo: Option<Arc<Demo>>,
    /// Whether requests under other names than this computer's own are refused.
    pub(crate) own_names_only: bool,
    /// Set when the server has been asked to stop.
    pub(crate) stopping: Arc<AtomicBool>,
}

/// What became of an upload.
pub(crate) struct Answered {
    /// As [`Recogniser::answer`] gives them.
    pub(crate) outcomes: Vec<Outcome>,
    /// Whether all photos show one animal.
    pub(crate) together: bool,
}

impl App {
    /// Reads an upload and answers it, with small pictures where a page shows them.
    pub(crate) async fn answer(
        &self,
        request: Request,
        thumbnails: bool,
    ) -> Result<Answered, Failure> {
        let form = self.gate.read(request).await?;
        let together = form.together || form.photos.len() == 1;
        let answered = self.recogniser.answer(form, thumbnails).await;
        let refused = match &answered {
            Ok(outcomes) => outcomes.iter().any(Outcome::is_refused),
            Err(failure) => failure.is_refusal(),
        };
        if refused {
            self.gate.refused();
        }
        answered.map(|outcomes| Answered { outcomes, together })
    }

    /// Whether an upload from that sender would be answered now.
    pub(crate) fn takes_uploads(&self, sender: Sender) -> bool {
        self.gate.is_open(sender) && self.recogniser.compute.has_room()
    }
}

/// Who asks: the language, and whether a page or a document is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) language: Language,
    pub(crate) wants_page: bool,
}

/// A state that knows the language of those who name none.
pub(crate) trait Speaks: Send + Sync {
    fn language(&self) -> Language;
}

impl Speaks for App {
    fn language(&self) -> Language {
        self.language
    }
}

impl<S: Speaks> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &S) -> Result<Self, Infallible> {
        let asked = asked_language(parts.uri.query());
        Ok(Asked {
            language: language::choose(asked, &parts.headers, app.language()),
            wants_page: !parts.uri.path().starts_with("/api") && accepts_pages(&parts.headers),
        })
    }
}

/// The query's `lang`.
pub(crate) fn asked_language(query: Option<&str>) -> Option<&str> {
    query?
        .split('&')
        .find_map(|pair| pair.strip_prefix("lang="))
}

/// Whether the client says that it shows pages, as every browser does.
fn accepts_pages(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}
