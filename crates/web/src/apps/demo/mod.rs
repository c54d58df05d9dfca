//! The test page: a photo drawn from a data set, first without its label; then the true breed and
//! the model's two best answers, and the score of both.
//!
//! All of its state stands in the address (draw, photo, both scores before this photo), so that a
//! reload or a step back counts nothing twice and the server remembers nobody.
mod place;
mod set;
mod texts;
mod view;

use self::place::{Place, Score};
use self::set::{Draw, name};
use self::texts::Texts;
use self::view::View;
use crate::apps::{About, App};
use crate::service::{Service, large_jpeg};
use crate::site::{Asked, Asset, Failure, at};
use anyhow::Context;
use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use data::Dataset;
use serde::Deserialize;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use vision::Limits;

pub(crate) static ABOUT: About = About {
    name: "demo",
    title: |language| &Texts::of(language).tab,
    script: Asset::script("demo.js", include_str!("demo.js")),
    writes: false,
};

/// The test page on a data set.
pub fn demo(set: Dataset) -> App {
    let open = move |service: Option<&Service>, base: &str| {
        let base = base.to_owned();
        let (page, photos) = (at(&base, ""), at(&base, "/photo/{seed}/{number}"));
        let explained = at(&base, "/why/{seed}/{number}");
        let app = Demo {
            service: service.context("the test page needs a model")?.clone(),
            draw: Arc::new(Draw { base, set }),
        };
        let routes = Router::new().route(&page, get(show));
        let routes = routes
            .route(&photos, get(photo))
            .route(&explained, get(why));
        Ok(routes.with_state(app))
    };
    App {
        about: &ABOUT,
        open: Box::new(open),
    }
}

/// The state of the page; cheap to clone.
#[derive(Clone)]
struct Demo {
    service: Service,
    draw: Arc<Draw>,
}

/// What the address says, as it was written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    seed: String,
    n: String,
    you: String,
    model: String,
    guess: String,
    show: String,
}

/// The question; with a guess, or with the wish to see, the answer.
async fn show(
    State(app): State<Demo>,
    asked: Asked,
    written: Result<Query<Written>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(written) = written.map_err(|_| Failure::not_found())?;
    let draw = &app.draw;
    let Ok(seed) = written.seed.trim().parse() else {
        // A fresh draw gets its number now, so that a reload shows the same photo.
        let seed = RandomState::new().hash_one(()) % 100_000;
        return Ok(Redirect::to(&draw.address(Place::start(seed))).into_response());
    };
    let state = Place {
        seed,
        // Two are left above, for the next photo and for its number as it is written, from 1.
        number: written.n.parse().unwrap_or(1).clamp(1, u64::MAX - 1) - 1,
        you: Score::parse(&written.you),
        model: Score::parse(&written.model),
    };
    let view = View {
        draw,
        state,
        language: asked.language,
        text: Texts::of(asked.language),
    };
    let photo = draw.set.random_photo(seed, state.number).clone();
    let guess = written.guess.trim();
    let showing = !written.show.is_empty();
    let guessed = draw.meant(guess);
    if !showing && guessed.is_none() {
        let content = view.question((!guess.is_empty()).then_some(guess));
        return Ok(view.page(content, "").into_response());
    }
    let guessed = if showing { None } else { guessed };
    let guessed_name = guessed.map(|class| name(&draw.set.classes()[class], asked.language));
    let asked_again = asked_again(guessed_name);
    let class = photo.class;
    let read = {
        let draw = Arc::clone(draw);
        move |limits: &Limits| draw.read(&photo, limits)
    };
    let content = match app.service.answer_photo(read).await {
        Ok(answer) => view.revealed(class, guessed, &answer),
        Err(failure) if failure.status().is_server_error() => return Err(failure),
        Err(failure) => view.unreadable(&failure),
    };
    Ok(view.page(content, &asked_again).into_response())
}

/// A photo of the draw; its address says nothing of its breed.
async fn photo(
    State(app): State<Demo>,
    place: Result<Path<(u64, u64)>, PathRejection>,
) -> Result<Response, Failure> {
    let Ok(Path((seed, number @ 1..))) = place else {
        return Err(Failure::not_found());
    };
    let limits = app.service.limits();
    let draw = Arc::clone(&app.draw);
    // Decoded and made into a JPEG, so that none of the file's metadata, such as where it was taken,
    // goes out with it, and any browser shows it upright.
    let shown = move || {
        let bytes = draw.read(draw.set.random_photo(seed, number - 1), &limits)?;
        let photo = vision::decode(&bytes, &limits).map_err(Failure::photo)?;
        Ok(large_jpeg(&photo))
    };
    Ok(shown_a_while(app.service.run(shown).await?))
}

/// What the model's answer about a photo of the draw rests on.
async fn why(
    State(app): State<Demo>,
    place: Result<Path<(u64, u64)>, PathRejection>,
) -> Result<Response, Failure> {
    let Ok(Path((seed, number @ 1..))) = place else {
        return Err(Failure::not_found());
    };
    let draw = Arc::clone(&app.draw);
    let read = move |limits: &Limits| draw.read(draw.set.random_photo(seed, number - 1), limits);
    Ok(shown_a_while(app.service.explain_photo(read).await?))
}

/// A JPEG that the browser may keep.
fn shown_a_while(jpeg: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CACHE_CONTROL, "private, max-age=3600"),
    ];
    (headers, jpeg).into_response()
}

/// What stands behind a page's address, so that it is answered again as it was: the guess, or none.
fn asked_again(guess: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::for_suffix("&".to_owned(), 1);
    match guess {
        Some(guess) => query.append_pair("guess", guess),
        None => query.append_pair("show", "1"),
    };
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use words::Language;

    fn draw() -> (tempfile::TempDir, Draw) {
        let folder = tempfile::tempdir().unwrap();
        for class in [
            "n02088364-beagle",
            "n02099601-golden_retriever",
            "Labrador retriever",
            "chien de Bretagne",
        ] {
            let class = folder.path().join(class);
            std::fs::create_dir(&class).unwrap();
            std::fs::write(class.join("1.jpg"), b"not looked at").unwrap();
        }
        let set = Dataset::open(folder.path()).unwrap();
        let base = String::new();
        (folder, Draw { base, set })
    }

    #[test]
    fn a_guess_is_understood_in_both_languages_and_by_an_own_part() {
        let (_folder, draw) = draw();
        let meant = |guess: &str| {
            let class = &draw.set.classes()[draw.meant(guess)?];
            Some(name(class, Language::English))
        };
        assert_eq!(meant("BEAGLE"), Some("Beagle"));
        assert_eq!(meant("golden"), Some("Golden retriever"));
        assert_eq!(meant("chien de bretagne"), Some("chien de Bretagne"));
        assert_eq!(meant("Labrador Retriever"), Some("Labrador retriever"));
        assert_eq!(meant("retriever"), None, "two breeds have that part");
        assert_eq!(meant("  "), None);
        assert_eq!(meant("cat"), None);
    }

    #[test]
    fn a_score_that_makes_no_sense_is_none() {
        assert_eq!(Score::parse("3-5"), Score { right: 3, count: 5 });
        for wrong in ["", "5-3", "-1-2", "a-b", "3", "4294967295-4294967295"] {
            assert_eq!(Score::parse(wrong), Score::default(), "{wrong}");
        }
    }

    #[test]
    fn a_query_value_is_encoded() {
        let again = asked_again(Some("Épagneul & co"));
        assert_eq!(again, "&guess=%C3%89pagneul+%26+co");
        assert_eq!(asked_again(None), "&show=1");
    }
}
