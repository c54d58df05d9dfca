//! Who is let in: requests that say their host, under this computer's own names, from this site, with
//! a body that arrives.
use crate::service::app::{App, Asked};
use crate::site::failure::Failure;
use crate::site::frame::failure_page;
use crate::site::{host, language};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use std::time::Duration;
use tokio::time::timeout;
use words::Language;

/// Bytes of a form of fields alone, and the time for it to arrive.
const FORM_BYTES: usize = 64 * 1024;
const FORM_TIME: Duration = Duration::from_secs(10);

/// Refuses requests that do not say which host they are for.
pub(crate) async fn said_hosts_only(request: Request, next: Next) -> Response {
    if host::is_said(&request) {
        return next.run(request).await;
    }
    let language = language::choose(None, request.headers(), Language::default());
    Failure::no_host().problem(language)
}

/// On a server for this computer alone, lets in only what is asked for under a name of its own: any
/// site can make a name of theirs point here, and then read the answers as its own.
pub(crate) async fn own_names_only(
    State(app): State<App>,
    asked: Asked,
    request: Request,
    next: Next,
) -> Response {
    // A request that names nobody (HTTP/1.0) is of no site.
    let own = host::of(&request).is_none_or(host::is_own);
    if own || !app.own_names_only {
        next.run(request).await
    } else {
        failure_page(asked, &Failure::foreign_name(), &[], None)
    }
}

/// Lets in what is asked for under an address of this machine, and forms of this page alone: other
/// sites can send a browser's forms here, and can make a name of theirs point here.
pub(crate) async fn own_site_only(asked: Asked, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = host::of(&request);
    let from_here = matches!(*request.method(), Method::GET | Method::HEAD)
        || match header_text(headers, "sec-fetch-site") {
            Some(site) => site == "same-origin" || site == "none",
            // Older browsers tell where a form comes from by this one.
            None => match header_text(headers, header::ORIGIN.as_str()) {
                Some(origin) => origin.strip_prefix("http://") == Some(host.unwrap_or_default()),
                None => true,
            },
        };
    if host.is_some_and(host::is_own) && from_here {
        next.run(request).await
    } else {
        failure_page(asked, &Failure::forbidden(), &[], None)
    }
}

/// Reads the body of a form of fields alone, which is small and arrives at once, before anybody
/// waits for it.
pub(crate) async fn small_forms_only(asked: Asked, request: Request, next: Next) -> Response {
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
    failure_page(asked, &failure, &[], None)
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
