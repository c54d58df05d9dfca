//! The association's page: photos in, the breeds that the dog looks like out.
mod cards;
mod texts;

use crate::apps::{About, App};
use crate::service::{Outcome, Service};
use crate::site::{Asked, Asset, Failure, Page, at, logo, sign, signs};
use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use std::sync::Arc;
use texts::Texts;
use words::{Language, PageMessage, Say, fill};

pub(crate) static ABOUT: About = About {
    name: "classify",
    title: |language| &Texts::of(language).tab,
    script: Asset::script("classify.js", include_str!("classify.js")),
    writes: false,
};

/// The association's page.
pub fn classify() -> App {
    let open = |service: Option<&Service>, base: &str| {
        let app = Classify {
            service: service.context("the page needs a model")?.clone(),
            address: at(base, "").into(),
        };
        let page = get(show).post(answer);
        Ok(Router::new()
            .route(&app.address, page)
            .with_state(app.clone()))
    };
    App {
        about: &ABOUT,
        open: Box::new(open),
    }
}

/// The state of the page; cheap to clone.
#[derive(Clone)]
struct Classify {
    service: Service,
    /// The page's own.
    address: Arc<str>,
}

/// The header by which the page's script asks for the cards alone.
const CARDS_ONLY: &str = "x-museau-part";
/// What the file picker offers; browsers that know no HEIC still let its name through.
const ACCEPT: &str = "image/*,.heic,.heif";

/// The page with nothing on it yet.
async fn show(State(app): State<Classify>, asked: Asked) -> Page {
    let text = Texts::of(asked.language);
    app.page(text.title.clone(), app.start(text, asked.language))
}

/// The cards of the photos, in a page or, for the script, alone.
async fn answer(State(app): State<Classify>, asked: Asked, request: Request) -> Response {
    let cards_only = request.headers().contains_key(CARDS_ONLY);
    let answered = app.service.answer(request, true).await;
    let language = asked.language;
    let (status, title, cards) = match answered.as_ref().map(|answered| &answered.outcomes) {
        Ok(outcomes) => (
            status(outcomes),
            outcomes
                .first()
                .map_or_else(String::new, |first| cards::summary(first, language)),
            cards::cards(outcomes, language),
        ),
        Err(failure) => (
            failure.status(),
            failure.text(language),
            cards::failed(failure, language),
        ),
    };
    let response = if cards_only {
        Html(cards.into_string()).into_response()
    } else {
        let content = app.finished(cards, Texts::of(language));
        app.page(title, content).into_response()
    };
    let mut response = (status, response).into_response();
    if let Err(failure) | Ok(Some(failure)) =
        answered.as_ref().map(|answered| failed(&answered.outcomes))
    {
        failure.add_headers(response.headers_mut());
    }
    response
}

/// Success where anything was answered, else what the first photo failed with.
fn status(outcomes: &[Outcome]) -> StatusCode {
    failed(outcomes).map_or(StatusCode::OK, Failure::status)
}

/// What the first photo failed with, where nothing was answered.
fn failed(outcomes: &[Outcome]) -> Option<&Failure> {
    if outcomes.iter().any(|outcome| outcome.result.is_ok()) {
        return None;
    }
    outcomes
        .iter()
        .find_map(|outcome| outcome.result.as_ref().err())
}

impl Classify {
    fn page(&self, title: String, content: Markup) -> Page {
        Page {
            title,
            app: ABOUT.name,
            script: Some(ABOUT.script.name),
            switch: format!("{}?lang=", self.address),
            takes_photos: true,
            content,
        }
    }

    fn start(&self, text: &Texts, language: Language) -> Markup {
        html! {
            div class="intro" {
                h1 { (text.title) }
                p { (text.lead) }
            }
            (self.form(text, language))
            section class="results" id="results" aria-labelledby="results-title" hidden {
                div class="results-head" {
                    h2 id="results-title" { (text.results) }
                    button type="button" class="quiet" id="start-again" { (text.start_again) }
                }
                div class="cards" {}
            }
            p class="visually-hidden" id="status" role="status" {}
            section class="tips" aria-labelledby="tips-title" {
                h2 id="tips-title" { (text.tips_title) }
                ul {
                    li { (text.tip_one) }
                    li { (text.tip_two) }
                    li { (text.tip_three) }
                }
            }
            (self.known(text, language))
            (pointing(text))
        }
    }

    /// What the model knows: of anything else it cannot say the name.
    fn known(&self, text: &Texts, language: Language) -> Markup {
        let breeds = self.service.breeds(language);
        html! {
            details class="known" {
                summary { (fill(&text.knows, &[("count", &breeds.len().to_string())])) }
                p class="hint" { (text.knows_hint) }
                ul { @for breed in &breeds { li { (breed) } } }
            }
        }
    }

    fn form(&self, text: &Texts, language: Language) -> Markup {
        html! {
            form id="app" method="post" action=(self.address) enctype="multipart/form-data" data-texts=(script_texts(text, language)) {
                div class="drop" id="drop" {
                    (logo())
                    h2 {
                        span class="with-mouse" { (text.drop_title) }
                        span class="with-finger" { (text.add_title) }
                    }
                    p class="hint with-mouse" { (text.paste_hint) }
                    div class="choices" {
                        label class="button main" for="photos" {
                            (sign(signs::PHOTOS)) span { (text.choose) }
                            input type="file" id="photos" name="photo" accept=(ACCEPT) multiple;
                        }
                        label class="button camera" for="camera" {
                            (sign(signs::CAMERA)) span { (text.camera) }
                            input type="file" id="camera" name="photo" accept="image/*" capture="environment";
                        }
                    }
                    label class="check" {
                        input type="checkbox" id="together" name="together" value="1";
                        span { (text.together) span class="hint" { (text.together_hint) } }
                    }
                    details class="part" {
                        summary { (text.part) }
                        p class="hint" { (text.part_hint) }
                        (sides(text, ["box_left", "box_top", "box_width", "box_height"], "1"))
                    }
                    button type="submit" class="main submit" { (text.submit) }
                    p class="hint formats" { (text.formats_hint) }
                }
            }
        }
    }

    /// The page after a submit without script.
    fn finished(&self, cards: Markup, text: &Texts) -> Markup {
        html! {
            div class="results-head" {
                h1 { (text.results) }
                a class="button" href=(self.address) { (text.other_photos) }
            }
            section class="cards" { (cards) }
        }
    }
}

/// The four numbers of a part of a photo: its left and top edge, and its width and height of at least
/// `least` per cent.
fn sides(text: &Texts, [left, top, width, height]: [&str; 4], least: &str) -> Markup {
    html! {
        div class="four" {
            @for (name, label, least) in [
                (left, &text.box_left, "0"),
                (top, &text.box_top, "0"),
                (width, &text.box_width, least),
                (height, &text.box_height, least),
            ] {
                label { (label) " (%)" input type="number" name=(name) min=(least) max="100" step="1" inputmode="numeric"; }
            }
        }
    }
}

/// The dialog in which one dog of a photo is pointed at.
fn pointing(text: &Texts) -> Markup {
    html! {
        dialog id="pointing" aria-labelledby="pointing-title" {
            form method="dialog" {
                h2 id="pointing-title" { (text.box_title) }
                p class="hint" id="pointing-help" {
                    (text.box_help) " "
                    span class="with-mouse" { (text.box_mouse) }
                    span class="with-finger" { (text.box_finger) }
                    " " span class="with-keyboard" { (text.box_keys) }
                }
                div class="stage-wrap" {
                    div class="stage" tabindex="0" role="application" aria-label=(text.box_title)
                        aria-describedby="pointing-help" {
                        img alt="" draggable="false";
                        div class="selection" {}
                    }
                }
                details class="exact" {
                    summary { (text.box_exact) }
                    (sides(text, ["x", "y", "width", "height"], "2"))
                }
                div class="dialog-actions" {
                    button type="submit" class="main" value="part" { (text.box_apply) }
                    button type="submit" value="whole" { (text.box_whole) }
                    button type="submit" value="cancel" formnovalidate { (text.cancel) }
                }
            }
        }
    }
}

/// What the script says by itself.
fn script_texts(text: &Texts, language: Language) -> String {
    serde_json::json!({
        "drop_title": text.drop_title,
        "drop_now": text.drop_now,
        "pasted": text.pasted,
        "looking": text.looking,
        "waiting": text.waiting,
        "network": PageMessage::Unreachable.message(language),
        "retry": text.retry,
        "explained_alt": text.explained_alt,
        "explain_hint": text.explain_hint,
        "box_area": text.box_area,
    })
    .to_string()
}
