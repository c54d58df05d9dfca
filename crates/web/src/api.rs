//! `POST /api/v1/classify`: photos in, the command line's JSON out; errors are problem documents.
use crate::service::app::{App, Asked};
use crate::service::recognise::Outcome;
use crate::site::failure::Failure;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use classify::Answer;
use serde::Serialize;
use words::Language;

/// One photo: its answer, or a problem document. Several: a list with an answer or an error each,
/// in their order. Several of one animal (`together`): one answer, with the errors of those that
/// could not be read beside it; a problem where none could.
pub(crate) async fn classify(State(app): State<App>, asked: Asked, request: Request) -> Response {
    let language = asked.language;
    match app.answer(request, false).await {
        Err(failure) => failure.problem(language),
        Ok(answered) if answered.together => one(&answered.outcomes, language),
        Ok(answered) => {
            let items: Vec<Item<'_>> = answered
                .outcomes
                .iter()
                .map(|outcome| item(outcome, language))
                .collect();
            Json(items).into_response()
        }
    }
}

fn one(outcomes: &[Outcome], language: Language) -> Response {
    let answered = outcomes.iter().find(|outcome| outcome.result.is_ok());
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err());
    match answered {
        Some(answered) => Json(Together {
            answered: item(answered, language),
            errors: failed.map(|outcome| item(outcome, language)).collect(),
        })
        .into_response(),
        None => {
            let mut failures = failed.filter_map(|outcome| outcome.result.as_ref().err());
            match failures.next() {
                Some(failure) => failure.problem(language),
                None => Failure::internal().problem(language),
            }
        }
    }
}

/// The answer about one animal.
#[derive(Serialize)]
struct Together<'a> {
    #[serde(flatten)]
    answered: Item<'a>,
    /// The photos that it says nothing about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Item<'a>>,
}

/// An answer or an error, as the command line prints it.
#[derive(Serialize)]
struct Item<'a> {
    /// The photo, or the first of several of one animal.
    photo: &'a str,
    /// All photos of one animal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    photos: Vec<&'a str>,
    #[serde(flatten)]
    result: ItemResult<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ItemResult<'a> {
    Answer(&'a Answer),
    Error { error: ItemError },
}

#[derive(Serialize)]
struct ItemError {
    kind: &'static str,
    message: String,
}

fn item(outcome: &Outcome, language: Language) -> Item<'_> {
    let names = outcome.photos.iter().map(|seen| seen.name.as_str());
    let mut photos: Vec<&str> = names.collect();
    let photo = photos.first().copied().unwrap_or_default();
    if photos.len() == 1 {
        photos.clear();
    }
    let result = match &outcome.result {
        Ok(answer) => ItemResult::Answer(answer),
        Err(failure) => ItemResult::Error {
            error: ItemError {
                kind: failure.kind(),
                message: failure.text(language),
            },
        },
    };
    Item {
        photo,
        photos,
        result,
    }
}
