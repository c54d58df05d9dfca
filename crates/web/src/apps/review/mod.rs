//! The review page: what a check of a data set found, one finding at a time, with a verdict by
//! button or by key. Every verdict is in the file of decisions before the next page is shown.
//!
//! It is a local page that writes a file: it answers only under the machine's own names, and takes
//! no form from another site.
mod texts;
mod view;

use self::texts::Texts;
use self::view::View;
use crate::apps::{About, App};
use crate::service::{Service, large_jpeg, of_data_set};
use crate::site::{Asked, Asset, Failure, at, small_forms_only};
use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::header;
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use data::check::Kind;
use data::check::decisions::Verdict;
use data::check::review::Review;
use data::{Entry, Manifest};
use serde::Deserialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use vision::{Format, Limits, Photo};
use words::Say;

pub(crate) static ABOUT: About = About {
    name: "review",
    title: |language| &Texts::of(language).title,
    script: Asset::script("review.js", include_str!("review.js")),
    writes: true,
};

/// The review page of a data set.
pub fn review(review: Review) -> App {
    let open = move |_: Option<&Service>, base: &str| {
        let app = ReviewApp {
            manifest: Arc::new(review.manifest().clone()),
            review: Arc::new(Mutex::new(review)),
            photos: Arc::new(Semaphore::new(PHOTOS)),
            base: base.into(),
        };
        Ok(routes(base).with_state(app))
    };
    App {
        about: &ABOUT,
        open: Box::new(open),
    }
}

fn routes(base: &str) -> Router<ReviewApp> {
    Router::new()
        .route(&at(base, "/decide"), post(decide))
        .route(&at(base, "/undo"), post(undo))
        .route_layer(middleware::from_fn(small_forms_only))
        .route(&at(base, ""), get(show))
        .route(&at(base, "/photo/{item}/{place}"), get(photo))
}

/// Photos that are read and decoded at a time; more wait.
const PHOTOS: usize = 2;

/// The state of the page; cheap to clone.
#[derive(Clone)]
struct ReviewApp {
    review: Arc<Mutex<Review>>,
    /// That of the review, so that photos are read without its lock.
    manifest: Arc<Manifest>,
    photos: Arc<Semaphore>,
    /// Before the page's own addresses.
    base: Arc<str>,
}

impl ReviewApp {
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

    /// Shows that finding, or the first open one.
    fn go_to(&self, finding: Option<usize>) -> Redirect {
        let page = at(&self.base, "");
        Redirect::to(&finding.map_or(page.clone(), |n| format!("{page}?n={n}")))
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
            look(of_data_set(entry.path.as_ref(), app.manifest.read(&entry))?)
        })
        .await?
    }
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
) -> Result<Response, Failure> {
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
            base: &app.base,
            decided: &decided,
            reason: reason.map(|failure| failure.text(asked.language)),
            language: asked.language,
            text: Texts::of(asked.language),
        };
        match place.n.or_else(|| first_open(&decided)) {
            Some(n) if n < review.items().len() => Ok(view.page(view.item(n), Some(n))),
            Some(_) => Err(Failure::not_found()),
            None => Ok(view.page(view.finished(), None)),
        }
    });
    Ok(shown.await??.into_response())
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
) -> Result<Redirect, Failure> {
    let Form(said) = said.map_err(|_| Failure::bad_form())?;
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
        Ok::<_, Failure>((said.n..decided.len()).find(|&n| !decided[n]))
    });
    Ok(app.go_to(decided.await??))
}

async fn undo(State(app): State<ReviewApp>, asked: Asked) -> Result<Redirect, Failure> {
    let undone = app.run(|app| app.review().undo()).await?;
    let undone = undone.map_err(|error| Failure::data(error.message(asked.language)))?;
    Ok(app.go_to(undone))
}

/// A photo of a finding: as it is where browsers show it, else as a JPEG.
async fn photo(
    State(app): State<ReviewApp>,
    place: Result<Path<(usize, usize)>, PathRejection>,
) -> Result<Response, Failure> {
    let found = app.run(move |app| {
        let Path((item, place)) = place.ok()?;
        app.review().photo(item, place).cloned()
    });
    let Ok(Some(entry)) = found.await else {
        return Err(Failure::not_found());
    };
    let shown = app.look(entry, |bytes| {
        let media = match Format::of(&bytes) {
            Ok(Format::Jpeg) => "image/jpeg",
            Ok(Format::Png) => "image/png",
            Ok(Format::WebP) => "image/webp",
            Ok(Format::Gif) => "image/gif",
            _ => return Ok(("image/jpeg", large_jpeg(&decode(&bytes)?))),
        };
        Ok((media, bytes))
    });
    let (media, bytes) = shown.await?;
    Ok(([(header::CONTENT_TYPE, media)], bytes).into_response())
}

fn decode(bytes: &[u8]) -> Result<Photo, Failure> {
    vision::decode(bytes, &Limits::default()).map_err(Failure::photo)
}
