//! The review page: what a check of a data set found, one finding at a time, with a verdict by
//! button or by key. Every verdict is in the file of decisions before the next page is shown.
//!
//! It is a local page that writes a file: it answers only under the machine's own names, and takes
//! no form from another site.
use crate::service::app::{Asked, Speaks};
use crate::service::thumbnail;
use crate::site::assets;
use crate::site::failure::Failure;
use crate::site::frame::failure_page;
use crate::site::guard;
use crate::site::router::headers;
use crate::site::shell::{Page, Tab};
use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::header;
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use data::check::Kind;
use data::check::decisions::Verdict;
use data::check::review::{Review, ReviewItem};
use data::{Entry, Manifest, part_name};
use maud::{Markup, html};
use serde::Deserialize;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use vision::{Format, Limits, Photo};
use words::{Language, Pages, fill, pages};

/// Photos that are read and decoded at a time; more wait.
const PHOTOS: usize = 2;

/// The state of the page; cheap to clone.
#[derive(Clone)]
pub(crate) struct ReviewApp {
    review: Arc<Mutex<Review>>,
    /// That of the review, so that photos are read without its lock.
    manifest: Arc<Manifest>,
    photos: Arc<Semaphore>,
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
            manifest: Arc::new(review.manifest().clone()),
            review: Arc::new(Mutex::new(review)),
            photos: Arc::new(Semaphore::new(PHOTOS)),
            language,
        }
    }

    /// A review changes only after its file did, so that a panic leaves it whole.
    fn review(&self) -> MutexGuard<'_, Review> {
        self.review.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs what reads or writes files, or goes through all findings, off the async threads.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReviewApp) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&app)).await;
        done.map_err(|_| Failure::internal())
    }

    /// What `look` makes of a photo's bytes, a few photos at a time and without the review's lock.
    async fn look<T: Send + 'static>(
        &self,
        entry: Entry,
        look: impl FnOnce(Vec<u8>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let photos = Arc::clone(&self.photos).acquire_owned();
        let place = photos.await.map_err(|_| Failure::internal())?;
        self.run(move |app| {
            let _place = place;
            if entry.bytes > Limits::default().bytes as u64 {
                return Err(Failure::photo_too_large());
            }
            let bytes = read(&app.manifest, &entry);
            look(bytes.map_err(|error| Failure::file(entry.path.as_ref(), error))?)
        })
        .await?
    }
}

/// All addresses of the page.
pub(crate) fn routes(app: ReviewApp) -> Router {
    let forms = middleware::from_fn_with_state(app.clone(), guard::small_forms_only);
    let own = middleware::from_fn_with_state(app.clone(), guard::own_site_only);
    Router::new()
        .route("/decide", post(decide))
        .route("/undo", post(undo))
        .route_layer(forms)
        .route("/", get(show))
        .route("/photo/{item}/{place}", get(photo))
        .route("/assets/{hash}/{name}", get(asset))
        .route("/favicon.ico", get(assets::favicon))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(own)
        .layer(middleware::from_fn(headers))
        .with_state(app)
}

async fn asset(asked: Asked, path: Path<(String, String)>) -> Response {
    assets::serve(path).unwrap_or_else(|| fail(asked, &Failure::not_found()))
}

async fn not_found(asked: Asked) -> Response {
    fail(asked, &Failure::not_found())
}

async fn method_not_allowed(asked: Asked) -> Response {
    fail(asked, &Failure::method_not_allowed())
}

fn fail(asked: Asked, failure: &Failure) -> Response {
    failure_page(asked, failure, &[], None)
}

/// Which finding to show, from 0; the first open one where none is named.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
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
    // The report says in English why a photo could not be read: it is looked at once more.
    let unreadable = app.run(move |app| {
        let review = app.review();
        let item = place.n.or_else(|| first_open(&review.decided()))?;
        let unreadable = review.items().get(item)?.kind == Kind::Unreadable;
        review.photo(item, 0).filter(|_| unreadable).cloned()
    });
    let reason = match unreadable.await {
        Ok(Some(entry)) => app.look(entry, |bytes| decode(&bytes)).await.err(),
        _ => None,
    };
    let shown = app.run(move |app| {
        let review = app.review();
        let decided = review.decided();
        let view = View {
            review: &review,
            decided: &decided,
            reason: reason.map(|failure| failure.text(asked.language)),
            language: asked.language,
            text: pages(asked.language),
        };
        let (content, n) = match place.n.or_else(|| first_open(&decided)) {
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
    });
    shown.await.unwrap_or_else(|failure| fail(asked, &failure))
}

fn first_open(decided: &[bool]) -> Option<usize> {
    decided.iter().position(|decided| !decided)
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
    let decided = app.run(move |app| {
        let mut review = app.review();
        let item = review.items().get(said.n).ok_or_else(Failure::not_found)?;
        let photos = item.photos.len();
        let verdicts = said.verdicts(photos, review.manifest().classes());
        let verdicts = verdicts.ok_or_else(|| Failure::bad_field("verdict", &said.verdict))?;
        let decided = review.decide(said.n, &verdicts);
        decided.map_err(|error| Failure::data(error.message(asked.language)))?;
        // The next open one after it; from the start where there is none.
        let decided = review.decided();
        let after = (said.n..decided.len()).find(|&n| !decided[n]);
        Ok(after.map_or("/".to_owned(), |n| format!("/?n={n}")))
    });
    match decided.await.and_then(|decided| decided) {
        Ok(address) => Redirect::to(&address).into_response(),
        Err(failure) => fail(asked, &failure),
    }
}

async fn undo(State(app): State<ReviewApp>, asked: Asked) -> Response {
    match app.run(|app| app.review().undo()).await {
        Ok(Ok(Some(n))) => Redirect::to(&format!("/?n={n}")).into_response(),
        Ok(Ok(None)) => Redirect::to("/").into_response(),
        Ok(Err(error)) => fail(asked, &Failure::data(error.message(asked.language))),
        Err(failure) => fail(asked, &failure),
    }
}

/// A photo of a finding: as it is where browsers show it, else as a JPEG.
async fn photo(
    State(app): State<ReviewApp>,
    asked: Asked,
    place: Result<Path<(usize, usize)>, PathRejection>,
) -> Response {
    let found = app.run(move |app| {
        let Path((item, place)) = place.ok()?;
        app.review().photo(item, place).cloned()
    });
    let Ok(Some(entry)) = found.await else {
        return fail(asked, &Failure::not_found());
    };
    let shown = app.look(entry, |bytes| {
        let media = match Format::of(&bytes) {
            Ok(Format::Jpeg) => "image/jpeg",
            Ok(Format::Png) => "image/png",
            Ok(Format::WebP) => "image/webp",
            Ok(Format::Gif) => "image/gif",
            _ => return Ok(("image/jpeg", thumbnail::large_jpeg(&decode(&bytes)?))),
        };
        Ok((media, bytes))
    });
    match shown.await {
        Ok((media, bytes)) => ([(header::CONTENT_TYPE, media)], bytes).into_response(),
        Err(failure) => fail(asked, &failure),
    }
}

/// A photo's bytes. What is no regular file, such as a pipe, is not opened: that may never end.
fn read(manifest: &Manifest, entry: &Entry) -> io::Result<Vec<u8>> {
    if !manifest.locate(entry).metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    manifest.read(entry)
}

fn decode(bytes: &[u8]) -> Result<Photo, Failure> {
    vision::decode(bytes, &Limits::default()).map_err(Failure::photo)
}

/// What the page shows.
struct View<'a> {
    review: &'a Review,
    decided: &'a [bool],
    /// Why the photo cannot be read, where that is what was found.
    reason: Option<String>,
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
                        @match &self.reason {
                            Some(reason) => { br; (reason) }
                            None if !item.detail.is_empty() && place == 0 => {
                                br; span lang="en" { (item.detail) }
                            }
                            None => {}
                        }
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
