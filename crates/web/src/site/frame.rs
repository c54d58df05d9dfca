//! What a person is shown when a request fails.
use crate::service::app::{App, Asked};
use crate::site::drawings::logo;
use crate::site::failure::Failure;
use crate::site::shell::{Page, Tab};
use axum::response::{IntoResponse, Response};
use classify::ModelName;
use maud::html;
use words::pages;

/// A failure as a page for browsers, as a problem document for everything else.
pub(crate) fn fail(app: &App, asked: Asked, failure: &Failure) -> Response {
    failure_page(
        asked,
        failure,
        &app.tabs,
        Some(app.recogniser.model.model()),
    )
}

/// The same, in the frame of a page with these tabs and this model.
pub(crate) fn failure_page(
    asked: Asked,
    failure: &Failure,
    tabs: &[(Tab, &'static str)],
    model: Option<&ModelName>,
) -> Response {
    if !asked.wants_page {
        return failure.problem(asked.language);
    }
    let text = pages(asked.language);
    let content = html! {
        div class="intro" {
            h1 { (failure.text(asked.language)) }
            @if let Some(hint) = failure.hint(asked.language) { p { (hint) } }
        }
        p { a class="button main" href="/" { (text.error_back) } }
        div class="lost" { (logo()) }
    };
    let page = Page {
        language: asked.language,
        title: &text.error_title,
        tab: Tab::None,
        tabs,
        script: None,
        switch: "?lang=".into(),
        model,
        content,
    };
    let response = (failure.status(), page.respond()).into_response();
    failure.with_headers(response)
}
