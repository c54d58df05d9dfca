//! What stands around every answer: the site's own addresses, the headers that all carry, and the
//! page or the document that is made of what a handler answers.
//!
//! A handler answers a [`Page`] or a [`Failure`], which travel as extensions of its response; here
//! they get the frame, in the language of who asks.
use crate::site::assets;
use crate::site::drawings::logo;
use crate::site::failure::{Failure, PROBLEM};
use crate::site::guard;
use crate::site::language::{self, Asked, asked_language};
use crate::site::shell::{Page, Site};
use crate::site::texts::Texts;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use maud::html;
use std::sync::Arc;
use words::Language;

/// The apps' addresses in the frame, with its own beside them.
pub(crate) fn router(site: Arc<Site>, apps: Router) -> Router {
    let own = Router::new()
        .route("/assets/{hash}/{name}", get(asset))
        .route("/favicon.ico", get(assets::favicon))
        .with_state(Arc::clone(&site));
    apps.merge(own)
        .method_not_allowed_fallback(|| async { Failure::method_not_allowed() })
        .fallback(|| async { Failure::not_found() })
        // The upload limits are our own (see `upload`), not the 2 MB of the library.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(site.doors, guard::let_in))
        .layer(middleware::from_fn_with_state(site, frame))
}

async fn asset(
    State(site): State<Arc<Site>>,
    Path((hash, name)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let found = site.assets.serve(&hash, &name);
    found.ok_or_else(Failure::not_found)
}

/// No script or style but our own files, no other site, no frame. Pictures may also be the page's
/// own data, for the small pictures in the answers.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Tells the handler who asks, puts its answer into the frame, and adds the headers.
async fn frame(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let asked = Asked::of(&request, site.language);
    let chosen = asked_language(request.uri().query()).and_then(|code| code.parse().ok());
    let has_body = request.method() != Method::HEAD;
    request.extensions_mut().insert(asked);
    let mut response = framed(&site, asked, next.run(request).await, has_body);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    set_where_missing(headers, header::CACHE_CONTROL, "no-store");
    set_where_missing(headers, header::VARY, "Accept, Accept-Language, Cookie");
    if let Some(chosen) = chosen
        && let Ok(cookie) = HeaderValue::from_str(&language::remember(chosen))
    {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The answer itself where it is whole; a page or a document of what stands for one.
fn framed(site: &Site, asked: Asked, mut answer: Response, has_body: bool) -> Response {
    let failure = answer.extensions_mut().remove::<Failure>();
    let page = answer.extensions_mut().remove::<Page>();
    let (media_type, body) = match (failure, page) {
        (Some(failure), _) => {
            failure.add_headers(answer.headers_mut());
            match asked.wants_page {
                true => (
                    HTML,
                    failure_page(&failure, asked.language).render(site, asked.language),
                ),
                false => (PROBLEM, failure.problem(asked.language)),
            }
        }
        (None, Some(page)) => (HTML, page.render(site, asked.language)),
        (None, None) => return answer,
    };
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    *answer.body_mut() = if has_body {
        Body::from(body)
    } else {
        Body::empty()
    };
    answer
}

const HTML: &str = "text/html; charset=utf-8";

/// What a person is shown when a request fails.
fn failure_page(failure: &Failure, language: Language) -> Page {
    let text = Texts::of(language);
    Page {
        title: text.error_title.clone(),
        app: "",
        script: None,
        switch: "?lang=".into(),
        takes_photos: false,
        content: html! {
            div class="intro" {
                h1 { (failure.text(language)) }
                @if let Some(hint) = failure.hint(language) { p { (hint) } }
            }
            p { a class="button main" href="/" { (text.error_back) } }
            div class="lost" { (logo()) }
        },
    }
}

fn set_where_missing(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers
        .entry(name)
        .or_insert(HeaderValue::from_static(value));
}
