//! Who asks: which language they are spoken to in (their choice, else their browser's, else the
//! default), and whether they want a page or a document.
use crate::site::failure::Failure;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use std::borrow::Cow;
use words::Language;

/// Who asks. The frame tells it of every request; handlers take it as an argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) language: Language,
    pub(crate) wants_page: bool,
}

impl Asked {
    /// `default` is the language of those who name none.
    pub(super) fn of(request: &Request, default: Language) -> Self {
        let asked = asked_language(request.uri().query());
        let is_api = request.uri().path().starts_with("/api");
        Asked {
            language: choose(asked.as_deref(), request.headers(), default),
            wants_page: !is_api && accepts_pages(request.headers()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let asked = parts.extensions.get().copied();
        asked.ok_or_else(Failure::internal)
    }
}

/// The query's `lang`.
pub(super) fn asked_language(query: Option<&str>) -> Option<Cow<'_, str>> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(name, _)| name == "lang").map(|(_, code)| code)
}

/// Whether the client says that it shows pages, as every browser does.
fn accepts_pages(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}

/// The cookie that keeps the choice.
const COOKIE: &str = "museau-lang";

/// `asked` is the query's `lang`; then come the cookie, `Accept-Language` and the default.
pub(super) fn choose(asked: Option<&str>, headers: &HeaderMap, default: Language) -> Language {
    asked
        .and_then(|code| code.parse().ok())
        .or_else(|| from_cookie(headers))
        .or_else(|| from_browser(headers))
        .unwrap_or(default)
}

/// The header that makes a browser remember a choice for a year.
pub(super) fn remember(language: Language) -> String {
    format!(
        "{COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
        language.code()
    )
}

fn from_cookie(headers: &HeaderMap) -> Option<Language> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then(|| value.parse().ok()).flatten())
}

fn from_browser(headers: &HeaderMap) -> Option<Language> {
    let value = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    Language::from_accept_language(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_comes_before_the_cookie_and_that_before_the_browser() {
        let mut headers = HeaderMap::new();
        let default = Language::French;
        assert_eq!(choose(None, &headers, default), Language::French);
        headers.insert(header::ACCEPT_LANGUAGE, "en-GB,fr;q=0.5".parse().unwrap());
        assert_eq!(choose(None, &headers, default), Language::English);
        headers.insert(header::COOKIE, "a=b; museau-lang=fr".parse().unwrap());
        assert_eq!(choose(None, &headers, default), Language::French);
        assert_eq!(choose(Some("en"), &headers, default), Language::English);
        assert_eq!(choose(Some("xx"), &headers, default), Language::French);
    }
}
