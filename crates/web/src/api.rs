//! `POST /api/v1/classify`: photos in, the command line's JSON out; errors are problem documents.
use crate::app::{App, Asked};
use crate::failure::Failure;
use crate::recognise::Outcome;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use classify::Answer;
use serde::Serialize;
use words::Language;

/// One photo: its answer, or a problem document. Several: a list with an answer or an error each,
/// in their order. Several of one animal (`together`): one answer, or a problem where any of them
/// cannot be read.
pub(crate) async fn classify(State(app): State<App>, asked: Asked, request: Request) -> Response {
    let answered = async {
        let form = app.gate.read(request).await?;
        let one = form.together || form.photos.len() == 1;
        let outcomes = app.recogniser.answer(form, false).await?;
        Ok::<_, Failure>((one, outcomes))
    };
    let language = asked.language;
    match answered.await {
        Err(failure) => failure.problem(language),
        Ok((true, outcomes)) => one(&outcomes, language),
        Ok((false, outcomes)) => {
            let items: Vec<Item<'_>> = outcomes
                .iter()
                .map(|outcome| item(outcome, language))
                .collect();
            Json(items).into_response()
        }
    }
}

fn one(outcomes: &[Outcome], language: Language) -> Response {
    for outcome in outcomes {
        if let Err(failure) = &outcome.result {
            return failure.problem(language);
        }
    }
    match outcomes {
        [outcome] => Json(item(outcome, language)).into_response(),
        _ => Failure::internal().problem(language),
    }
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
