//! All addresses in one place, the headers that every answer carries, and what unknown ones get.
use crate::service::app::{App, Asked, asked_language};
use crate::service::upload::Peer;
use crate::site::failure::Failure;
use crate::site::frame::fail;
use crate::site::{assets, guard, language};
use crate::{api, apps};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::atomic::Ordering;

/// Every page and address of the server.
pub(crate) fn router(app: App) -> Router {
    let demo_at = app.demo.as_ref().map(|demo| demo.base);
    let mut router = Router::new()
        .route("/api/v1/classify", post(api::classify))
        .route("/assets/{hash}/{name}", get(asset))
        .route("/favicon.ico", get(assets::favicon))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready));
    if demo_at != Some("") {
        let page = get(apps::classify::show).post(apps::classify::answer);
        router = router.route("/", page);
    }
    if let Some(base) = demo_at {
        let page = if base.is_empty() { "/" } else { base };
        router = router.route(page, get(apps::demo::show)).route(
            &format!("{base}/photo/{{seed}}/{{number}}"),
            get(apps::demo::photo),
        );
    }
    router
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        // The upload limits are our own (see `upload`), not the 2 MB of the library.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(
            app.clone(),
            guard::own_names_only,
        ))
        .layer(middleware::from_fn(headers))
        .with_state(app)
}

async fn asset(State(app): State<App>, asked: Asked, path: Path<(String, String)>) -> Response {
    match assets::serve(path) {
        Some(response) => response,
        None => fail(&app, asked, &Failure::not_found()),
    }
}

/// `GET /readyz`: whether whoever asks would have an upload answered.
async fn ready(State(app): State<App>, request: Request) -> Response {
    let Peer(sender) = request.extensions().get().copied().unwrap_or_default();
    if app.stopping.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response()
    } else if !app.takes_uploads(sender) {
        (StatusCode::SERVICE_UNAVAILABLE, "busy\n").into_response()
    } else {
        "ready\n".into_response()
    }
}

async fn not_found(State(app): State<App>, asked: Asked) -> Response {
    fail(&app, asked, &Failure::not_found())
}

async fn method_not_allowed(State(app): State<App>, asked: Asked) -> Response {
    fail(&app, asked, &Failure::method_not_allowed())
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

pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let chosen = asked_language(request.uri().query()).and_then(|code| code.parse().ok());
    let mut response = next.run(request).await;
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

fn set_where_missing(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers
        .entry(name)
        .or_insert(HeaderValue::from_static(value));
}
