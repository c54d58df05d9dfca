//! The review page: what a check of a data set found, one finding at a time, with a verdict by
//! button or by key. Every verdict is in the file of decisions before the next page is shown.
//!
//! It is a local page that writes a file: it answers only under the machine's own names, and takes
//! no form from another site.
use crate::app::{Asked, Speaks};
use crate::assets;
use crate::failure::Failure;
use crate::failure_page::failure_page;
use crate::host;
use crate::router::headers;
use crate::thumbnail;
use crate::ui::{Page, Tab};
use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use data::check::decisions::Verdict;
use data::check::review::{Review, ReviewItem};
use data::{Entry, part_name};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vision::{Format, Limits};
use words::{Language, Pages, fill, pages};

/// The state of the page; cheap to clone.
#[derive(Clone)]
pub(crate) struct ReviewApp {
    review: Arc<Mutex<Review>>,
    language: Language,
}

impl Speaks for ReviewApp {
    fn language(&self) -> Language {
        self.language
    }
}

impl ReviewApp {
    pub(crate) fn new(review: Review, language: Language) -> Self {
        ReviewApp {
            review: Arc::new(Mutex::new(review)),
            language,
        }
    }

    /// A review changes only after its file did, so that a panic leaves it whole.
    fn review(&self) -> MutexGuard<'_, Review> {
        self.review.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All addresses of the page.
pub(crate) fn routes(app: ReviewApp) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/decide", post(decide))
        .route("/undo", post(undo))
        .route("/photo/{item}/{place}", get(photo))
        .route("/assets/{hash}/{name}", get(asset))
        .route("/favicon.ico", get(assets::favicon))
        .fallback(not_found)
        .layer(middleware::from_fn(own_site_only))
        .layer(middleware::from_fn(headers))
        .with_state(app)
}

async fn asset(asked: Asked, path: Path<(String, String)>) -> Response {
    assets::serve(path).unwrap_or_else(|| fail(asked, &Failure::not_found()))
}

async fn not_found(asked: Asked) -> Response {
    fail(asked, &Failure::not_found())
}

fn fail(asked: Asked, failure: &Failure) -> Response {
    failure_page(asked, failure, &[], None)
}

/// Lets in what is asked for under an address of this machine, and forms of this page alone: other
/// sites can send a browser's forms here, and can make a name of theirs point here.
async fn own_site_only(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = host::of(headers);
    let from_here = request.method() == Method::GET
        || match header_text(headers, "sec-fetch-site") {
            Some(site) => site == "same-origin" || site == "none",
            // Older browsers tell where a form comes from by this one.
            None => match header_text(headers, header::ORIGIN.as_str()) {
                Some(origin) => origin.strip_prefix("http://") == Some(host.unwrap_or_default()),
                None => true,
            },
        };
    if host.is_some_and(host::is_own) && from_here {
        next.run(request).await
    } else {
        Failure::forbidden().problem(Language::default())
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Which finding to show, from 0; the first open one where none is named.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Place {
    n: Option<usize>,
}

async fn show(
    State(app): State<ReviewApp>,
    asked: Asked,
    place: Result<Query<Place>, QueryRejection>,
) -> Response {
    let place = place.map(|Query(place)| place).unwrap_or_default();
    let review = app.review();
    let decided = review.decided();
    let first_open = || decided.iter().position(|decided| !decided);
    let view = View {
        review: &review,
        decided: &decided,
        language: asked.language,
        text: pages(asked.language),
    };
    let (content, n) = match place.n.or_else(first_open) {
        Some(n) if n < review.items().len() => (view.item(n), Some(n)),
        Some(_) => return fail(asked, &Failure::not_found()),
        None => (view.finished(), None),
    };
    let page = Page {
        language: asked.language,
        title: &view.text.review_title,
        tab: Tab::None,
        tabs: &[],
        script: Some("review.js"),
        switch: n.map_or("?lang=".to_owned(), |n| format!("?n={n}&lang=")),
        model: None,
        content,
    };
    page.respond()
}

/// A form of the page: the finding, and what is said about it.
#[derive(Debug, Deserialize)]
struct Said {
    n: usize,
    /// `keep`, `drop0`, `drop1`, `drop`, `class0`, `class1`.
    verdict: String,
    #[serde(default)]
    class0: String,
    #[serde(default)]
    class1: String,
}

impl Said {
    /// A verdict for each of so many photos; `None` where the form makes no sense.
    fn verdicts(&self, photos: usize, classes: &[data::Class]) -> Option<Vec<Verdict>> {
        // Of a pair, what is said of one says nothing of the other: it may have a third twin.
        let one = |place: usize, verdict: Verdict| {
            let mut all = vec![Verdict::Open; photos];
            *all.get_mut(place)? = verdict;
            Some(all)
        };
        let class = |name: &str| {
            let known = classes.iter().any(|class| class.folder == name);
            known.then(|| Verdict::Class(name.to_owned()))
        };
        match self.verdict.as_str() {
            "keep" => Some(vec![Verdict::Keep; photos]),
            "drop" => Some(vec![Verdict::Drop; photos]),
            "drop0" => one(0, Verdict::Drop),
            "drop1" => one(1, Verdict::Drop),
            "class0" => one(0, class(&self.class0)?),
            "class1" => one(1, class(&self.class1)?),
            _ => None,
        }
    }
}

async fn decide(
    State(app): State<ReviewApp>,
    asked: Asked,
    said: Result<Form<Said>, FormRejection>,
) -> Response {
    let Ok(Form(said)) = said else {
        return fail(asked, &Failure::bad_form());
    };
    let mut review = app.review();
    let Some(photos) = review.items().get(said.n).map(|item| item.photos.len()) else {
        return fail(asked, &Failure::not_found());
    };
    let Some(verdicts) = said.verdicts(photos, review.manifest().classes()) else {
        return fail(asked, &Failure::bad_field("verdict", &said.verdict));
    };
    if let Err(error) = review.decide(said.n, &verdicts) {
        return fail(asked, &Failure::data(error.message(asked.language)));
    }
    // The next open one after it; from the start where there is none.
    let decided = review.decided();
    let after = (said.n..decided.len()).find(|&n| !decided[n]);
    let address = after.map_or("/".to_owned(), |n| format!("/?n={n}"));
    Redirect::to(&address).into_response()
}

async fn undo(State(app): State<ReviewApp>, asked: Asked) -> Response {
    match app.review().undo() {
        Ok(Some(n)) => Redirect::to(&format!("/?n={n}")).into_response(),
        Ok(None) => Redirect::to("/").into_response(),
        Err(error) => fail(asked, &Failure::data(error.message(asked.language))),
    }
}

/// A photo of a finding: as it is where browsers show it, else as a JPEG.
async fn photo(
    State(app): State<ReviewApp>,
    asked: Asked,
    place: Result<Path<(usize, usize)>, PathRejection>,
) -> Response {
    let found = place.ok().and_then(|Path((item, place))| {
        let review = app.review();
        let entry = review.photo(item, place)?;
        review.manifest().read(entry).ok()
    });
    let Some(bytes) = found else {
        return fail(asked, &Failure::not_found());
    };
    let shown = tokio::task::spawn_blocking(move || {
        let media = match Format::of(&bytes) {
            Ok(Format::Jpeg) => "image/jpeg",
            Ok(Format::Png) => "image/png",
            Ok(Format::WebP) => "image/webp",
            Ok(Format::Gif) => "image/gif",
            _ => {
                let photo = vision::decode(&bytes, &Limits::default()).ok()?;
                return Some(("image/jpeg", thumbnail::large_jpeg(&photo)));
            }
        };
        Some((media, bytes))
    });
    match shown.await {
        Ok(Some((media, bytes))) => ([(header::CONTENT_TYPE, media)], bytes).into_response(),
        _ => fail(asked, &Failure::not_found()),
    }
}

/// What the page shows.
struct View<'a> {
    review: &'a Review,
    decided: &'a [bool],
    language: Language,
    text: &'static Pages,
}

impl View<'_> {
    fn item(&self, n: usize) -> Markup {
        let text = self.text;
        let item = &self.review.items()[n];
        let verdicts = self.review.verdicts(n);
        let pair = item.photos.len() == 2;
        html! {
            div class="intro" {
                h1 { (item.kind.message().text(self.language)) }
                p class="source" { (self.progress(n)) }
            }
            form method="post" action="/decide" {
                input type="hidden" name="n" value=(n);
                div class=(if pair { "review pair" } else { "review" }) {
                    @for (place, verdict) in verdicts.iter().enumerate() {
                        (self.photo(n, place, item, verdict))
                    }
                }
                div class="row verdicts" {
                    (self.button("keep", "k", if pair { &text.review_keep_both } else { &text.review_keep }, true))
                    @if pair {
                        (self.button("drop0", "1", &text.review_drop_first, false))
                        (self.button("drop1", "2", &text.review_drop_second, false))
                        (self.button("drop", "d", &text.review_drop_both, false))
                    } @else {
                        (self.button("drop", "d", &text.review_drop, false))
                    }
                }
            }
            (self.steps(n))
        }
    }

    fn progress(&self, n: usize) -> String {
        let number = |value: usize| words::number(self.language, value as f64, 0);
        let done = self.decided.iter().filter(|decided| **decided).count();
        fill(
            &self.text.review_progress,
            &[
                ("number", &number(n + 1)),
                ("all", &number(self.decided.len())),
                ("done", &number(done)),
            ],
        )
    }

    fn photo(&self, n: usize, place: usize, item: &ReviewItem, verdict: &Verdict) -> Markup {
        let text = self.text;
        let Some(entry) = self.review.photo(n, place) else {
            return html! {};
        };
        let manifest = self.review.manifest();
        let class = manifest.class_name(entry);
        let named = |folder: &str| {
            let breed = data::breed_of_folder(folder);
            breed.map_or(folder.to_owned(), |breed| {
                breed.name(self.language).to_owned()
            })
        };
        let alt = fill(&text.photo_alt, &[("name", file_name(entry))]);
        let field = format!("class{place}");
        html! {
            div class="panel" {
                figure {
                    div class="frame" { img src={ "/photo/" (n) "/" (place) } alt=(alt); }
                    figcaption {
                        b { (named(class)) } " · "
                        @if !part_name(entry.part).is_empty() { (part_name(entry.part)) " · " }
                        (file_name(entry))
                        @if !item.detail.is_empty() && place == 0 { br; span lang="en" { (item.detail) } }
                    }
                }
                @match verdict {
                    Verdict::Open => {}
                    Verdict::Keep => p class="note good" { (text.review_kept) },
                    Verdict::Drop => p class="note bad" { (text.review_dropped) },
                    Verdict::Class(other) => p class="note" {
                        (fill(&text.review_renamed, &[("class", &named(other))]))
                    },
                }
                div class="field" {
                    label for=(field) { (text.review_class) }
                    div class="row" {
                        select id=(field) name=(field) {
                            @for other in manifest.classes() {
                                option value=(other.folder) selected[other.folder == class] { (named(&other.folder)) }
                            }
                        }
                        button type="submit" name="verdict" value=(field) { (text.review_rename) }
                    }
                }
            }
        }
    }

    fn button(&self, verdict: &str, key: &str, label: &str, main: bool) -> Markup {
        html! {
            button type="submit" name="verdict" value=(verdict) data-key=(key) class=[main.then_some("main")] {
                (label) " " kbd { (key.to_uppercase()) }
            }
        }
    }

    /// Back, forth, undo.
    fn steps(&self, n: usize) -> Markup {
        let text = self.text;
        html! {
            div class="row steps" {
                @if let Some(before) = n.checked_sub(1) {
                    a class="button" href={ "/?n=" (before) } data-key="ArrowLeft" { (text.review_previous) " " kbd { "←" } }
                }
                @if n + 1 < self.decided.len() {
                    a class="button" href={ "/?n=" (n + 1) } data-key="ArrowRight" { (text.review_next) " " kbd { "→" } }
                }
                (self.undo())
            }
            p class="hint" { (text.review_hint) }
        }
    }

    fn undo(&self) -> Markup {
        html! {
            form method="post" action="/undo" {
                button type="submit" data-key="u" disabled[!self.review.can_undo()] {
                    (self.text.review_undo) " " kbd { "U" }
                }
            }
        }
    }

    fn finished(&self) -> Markup {
        let text = self.text;
        html! {
            div class="intro" {
                h1 { (text.review_finished) }
                p { (text.review_finished_lead) }
            }
            div class="row steps" {
                a class="button" href="/?n=0" { (text.review_again) }
                (self.undo())
            }
        }
    }
}

fn file_name(entry: &Entry) -> &str {
    entry.path.rsplit(['/', '\\']).next().unwrap_or(&entry.path)
}

/// The page's router, for a server.
pub(crate) fn router(review: Review, language: Language) -> Router {
    routes(ReviewApp::new(review, language))
}
