//! Who is let in: requests that say their host, under this computer's own names, from this site, with
//! a body that arrives.
use crate::site::failure::{Failure, PROBLEM};
use crate::site::{host, language};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use std::time::Duration;
use tokio::time::timeout;
use words::Language;

/// Whom a site lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doors {
    /// Everybody.
    Open,
    /// On a server for this computer alone: what is asked for under a name of its own. Any site can
    /// make a name of theirs point here, and then read the answers as its own.
    OwnNames,
    /// Where pages write files: what is asked for under an address of this machine, and forms of
    /// these pages alone. Other sites can send a browser's forms here.
    OwnSite,
}

/// Bytes of a form of fields alone, and the time for it to arrive.
const FORM_BYTES: usize = 64 * 1024;
const FORM_TIME: Duration = Duration::from_secs(10);

/// A router that refuses requests that do not say which host they are for; in this language those that
/// ask for none.
pub(crate) fn said_hosts_only(router: Router, language: Language) -> Router {
    router.layer(middleware::from_fn_with_state(language, let_in_if_said))
}

async fn let_in_if_said(State(default): State<Language>, request: Request, next: Next) -> Response {
    if host::is_said(&request) {
        return next.run(request).await;
    }
    let language = language::choose(None, request.headers(), default);
    let failure = Failure::no_host();
    let headers = [(header::CONTENT_TYPE, PROBLEM)];
    (failure.status(), headers, failure.problem(language)).into_response()
}

/// Refuses whom the doors are closed to.
pub(super) async fn let_in(State(doors): State<Doors>, request: Request, next: Next) -> Response {
    let host = host::of(&request);
    let failure = match doors {
        Doors::Open => None,
        // A request that names nobody (HTTP/1.0) is of no site.
        Doors::OwnNames if host.is_none_or(host::is_own) => None,
        Doors::OwnNames => Some(Failure::foreign_name()),
        Doors::OwnSite if host.is_some_and(host::is_own) && is_from(&request, host) => None,
        Doors::OwnSite => Some(Failure::forbidden()),
    };
    match failure {
        None => next.run(request).await,
        Some(failure) => failure.into_response(),
    }
}

/// Whether a request changes nothing, or was sent by a page of that host.
fn is_from(request: &Request, host: Option<&str>) -> bool {
    let headers = request.headers();
    matches!(*request.method(), Method::GET | Method::HEAD)
        || match header_text(headers, "sec-fetch-site") {
            Some(site) => site == "same-origin" || site == "none",
            // Older browsers tell where a form comes from by this one.
            None => match header_text(headers, header::ORIGIN.as_str()) {
                Some(origin) => {
                    let origin = origin.strip_prefix("http://");
                    origin.is_some_and(|origin| host::is_same(origin, host.unwrap_or_default()))
                }
                None => true,
            },
        }
}

/// Reads the body of a form of fields alone, which is small and arrives at once, before anybody
/// waits for it.
pub(crate) async fn small_forms_only(request: Request, next: Next) -> Response {
    if let Some(coding) = coding(request.headers()) {
        return Failure::encoded(&coding).into_response();
    }
    let (parts, body) = request.into_parts();
    let whole = timeout(FORM_TIME, Limited::new(body, FORM_BYTES).collect());
    let failure = match whole.await {
        Ok(Ok(whole)) => {
            let body = Body::from(whole.to_bytes());
            return next.run(Request::from_parts(parts, body)).await;
        }
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Failure::too_large(FORM_BYTES)
        }
        Ok(Err(_)) => Failure::bad_form(),
        Err(_) => Failure::slow(),
    };
    failure.into_response()
}

/// The coding of a request's body, such as `gzip`, where it is another than none: of what was sent, or
/// of how it was sent. Pieces are put together already.
pub(crate) fn coding(headers: &HeaderMap) -> Option<String> {
    let content = headers.get_all(header::CONTENT_ENCODING).iter();
    let all = content.chain(headers.get_all(header::TRANSFER_ENCODING));
    all.flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(|one| String::from_utf8_lossy(one).trim().to_ascii_lowercase())
        .find(|coding| !matches!(coding.as_str(), "" | "identity" | "chunked"))
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
