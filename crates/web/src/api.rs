//! `POST /api/v1/classify`: photos in, the command line's JSON out; `POST /api/v1/explain`: a photo in,
//! a picture of what its answer rests on out. Errors are problem documents.
use crate::service::{Outcome, Service};
use crate::site::{Asked, Failure, Peer};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use classify::Answer;
use serde::Serialize;
use words::Language;

/// The addresses for programs.
pub(crate) fn routes(service: Service) -> Router {
    Router::new()
        .route("/api/v1/classify", post(classify))
        .route("/api/v1/explain", post(explain))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(service)
}

/// `GET /readyz`: whether whoever asks would have an upload answered.
async fn ready(State(service): State<Service>, request: Request) -> Response {
    let Peer(sender) = request.extensions().get().copied().unwrap_or_default();
    if service.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response()
    } else if !service.takes_uploads(sender) {
        (StatusCode::SERVICE_UNAVAILABLE, "busy\n").into_response()
    } else {
        "ready\n".into_response()
    }
}

/// One photo: its answer, or a problem document. Several: a list with an answer or an error each,
/// in their order. Several of one animal (`together`): one answer, with the errors of those that
/// could not be read beside it; a problem where none could.
async fn classify(State(service): State<Service>, asked: Asked, request: Request) -> Response {
    let language = asked.language;
    match service.answer(request, false).await {
        Err(failure) => failure.into_response(),
        Ok(answered) if answered.together => one(&answered.outcomes, language),
        Ok(answered) => {
            let outcomes = answered.outcomes.iter();
            let items: Vec<Item<'_>> = outcomes.map(|outcome| item(outcome, language)).collect();
            Json(items).into_response()
        }
    }
}

/// One photo: a JPEG of it, grey, with what its answer rests on in colour.
async fn explain(State(service): State<Service>, request: Request) -> Result<Response, Failure> {
    let jpeg = service.explain(request).await?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response())
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
            let failure = failures.next().cloned();
            failure.unwrap_or_else(Failure::internal).into_response()
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
