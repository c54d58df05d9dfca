//! The router as a whole: what people and programs see of good and of bad requests. The model is a
//! double with known answers; the real one is met in the browser's tests.
#[path = "service/common.rs"]
mod common;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use common::{BOUNDARY, Double, Got, Part, app, ask, form, get, options, photo, post};
use data::Dataset;
use hyper::body::Frame;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::ServiceExt;
use web::ServerEvent;

/// A body in chunks that comes to an end, or to a silence for ever.
struct Chunks<I>(I, bool);

impl<I: Iterator<Item = Bytes> + Unpin> HttpBody for Chunks<I> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.next() {
            Some(chunk) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            None if self.1 => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

// ---- languages, headers, addresses ------------------------------------------------------------

#[tokio::test]
async fn the_page_speaks_the_persons_language() {
    let app = app();
    for (accept, expected) in [
        ("", "fr"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.2", "en"),
    ] {
        let mut request = get("/");
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
        let got = ask(&app, request).await;
        assert_eq!(got.status, StatusCode::OK);
        let html = format!("<html lang=\"{expected}\">");
        assert!(got.text().contains(&html), "{accept}");
    }
    let switched = ask(&app, get("/?lang=en")).await;
    assert!(switched.text().contains("<html lang=\"en\">"));
    let cookie = switched.header(header::SET_COOKIE);
    assert!(cookie.starts_with("museau-lang=en;"), "{cookie}");
    let mut later = get("/");
    let kept = cookie.split(';').next().unwrap().parse().unwrap();
    later.headers_mut().insert(header::COOKIE, kept);
    assert!(ask(&app, later).await.text().contains("<html lang=\"en\">"));
}

#[tokio::test]
async fn every_answer_has_the_safety_headers_and_no_page_has_inline_code() {
    let set = demo_set();
    let app = demo_app(&set);
    for path in [
        "/",
        "/demo?seed=1",
        "/demo?seed=1&show=1",
        "/nowhere",
        "/healthz",
        "/favicon.ico",
    ] {
        let got = ask(&app, get(path)).await;
        let policy = got.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.contains("default-src 'none'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(got.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        if !got.header(header::CONTENT_TYPE).starts_with("text/html") {
            continue;
        }
        let page = got.text();
        assert!(
            !page.contains("<style") && !page.contains(" style="),
            "{path}"
        );
        for script in page.split("<script").skip(1) {
            let ours = " type=\"module\" src=\"/assets/";
            assert!(script.starts_with(ours), "{path}");
        }
        for inline in [" onclick=", " onload=", " onerror=", "javascript:"] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
    }
}

#[tokio::test]
async fn assets_stand_under_their_hash_alone() {
    let app = app();
    let page = ask(&app, get("/")).await;
    let addresses = page.text().split('"');
    let mut found = 0;
    for address in addresses.filter(|text| text.starts_with("/assets/")) {
        let asset = ask(&app, get(address)).await;
        assert_eq!(asset.status, StatusCode::OK, "{address}");
        assert!(asset.header(header::CACHE_CONTROL).contains("immutable"));
        found += 1;
        let name = address.rsplit('/').next().unwrap();
        let stale = ask(&app, get(&format!("/assets/0000000000000000/{name}"))).await;
        assert_eq!(stale.status, StatusCode::NOT_FOUND);
    }
    assert!(found >= 3);
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_answered_in_both_forms() {
    let app = app();
    let page = ask(&app, get("/nowhere")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text().contains("Cette page n’existe pas"));
    let program = Request::get("/nowhere").body(Body::empty()).unwrap();
    ask(&app, program).await.is_problem(404, "not_found");
    let api = ask(&app, get("/api/v1/nothing")).await;
    api.is_problem(404, "not_found");

    let wrong = ask(&app, get("/api/v1/classify")).await;
    wrong.is_problem(405, "method_not_allowed");
    assert!(wrong.header(header::ALLOW).contains("POST"));
    let mut delete = get("/");
    *delete.method_mut() = Method::DELETE;
    let page = ask(&app, delete).await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(page.text().contains("<html"));
}

#[tokio::test]
async fn health_and_readiness_are_told() {
    let app = app();
    assert_eq!(ask(&app, get("/healthz")).await.text(), "ok\n");
    assert_eq!(ask(&app, get("/readyz")).await.text(), "ready\n");
}

// ---- photos -----------------------------------------------------------------------------------

#[tokio::test]
async fn one_photo_gives_one_answer() {
    let beagle = photo("beagle_14.jpg");
    let body = form(&[
        ("photo", Some("C:\\chiens\\rex.jpg"), &beagle),
        ("top", None, b"1"),
    ]);
    let got = ask(&app(), post("/api/v1/classify", body)).await;
    assert_eq!(got.status, StatusCode::OK);
    let answer = got.json();
    assert_eq!(answer["photo"], "rex.jpg");
    assert_eq!(answer["answer"], "dog");
    assert_eq!(answer["breeds"].as_array().unwrap().len(), 1);
    assert_eq!(answer["breeds"][0]["id"], "n02088364");
    assert!(answer["milliseconds"]["decode"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn several_photos_give_a_list_with_each_ones_error() {
    let beagle = photo("beagle_14.jpg");
    let body = form(&[
        ("photo", Some("a.jpg"), &beagle),
        ("photo", Some("b.jpg"), b"not a photo at all"),
        ("photo", Some("c.jpg"), &beagle),
    ]);
    let got = ask(&app(), post("/api/v1/classify", body)).await;
    assert_eq!(got.status, StatusCode::OK);
    let list = got.json();
    assert_eq!(list[0]["photo"], "a.jpg");
    assert_eq!(list[1]["photo"], "b.jpg");
    assert_eq!(list[1]["error"]["kind"], "not_a_photo");
    assert_eq!(list[2]["answer"], "dog");
}

#[tokio::test]
async fn photos_of_one_dog_give_one_answer() {
    let double = Arc::new(Double::new());
    let app = web::router(options(double.clone())).unwrap();
    let (beagle, samoyed) = (photo("beagle_14.jpg"), photo("samoyed_32.jpg"));
    let body = form(&[
        ("photo", Some("a.jpg"), &beagle),
        ("photo", Some("b.jpg"), &samoyed),
        ("together", None, b"1"),
    ]);
    let got = ask(&app, post("/api/v1/classify", body)).await;
    assert_eq!(got.json()["photos"], serde_json::json!(["a.jpg", "b.jpg"]));
    assert_eq!(got.json()["answer"], "dog");
    assert_eq!(double.seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_box_is_cut_out_of_the_photo() {
    let double = Arc::new(Double::new());
    let app = web::router(options(double.clone())).unwrap();
    let beagle = photo("beagle_14.jpg"); // 334 x 500
    let body = form(&[
        ("box", None, b"0.5,0.2,0.5,0.4"),
        ("photo", Some("a.jpg"), &beagle),
    ]);
    let got = ask(&app, post("/api/v1/classify", body)).await;
    assert_eq!(got.status, StatusCode::OK);
    // The form without script says it in per cent.
    let body = form(&[
        ("photo", Some("a.jpg"), &beagle),
        ("box_left", None, b""),
        ("box_top", None, b"50"),
        ("box_width", None, b"50"),
        ("box_height", None, b""),
    ]);
    assert_eq!(ask(&app, post("/", body)).await.status, StatusCode::OK);
    assert_eq!(*double.seen.lock().unwrap(), [(167, 200), (167, 250)]);
    for (wrong, kind) in [
        ("0,0,2,1", "box_outside"),
        ("a", "bad_request"),
        ("0,0,0,0", "box_too_small"),
        ("0.9,0.9,0.5,0.5", "box_outside"),
    ] {
        let body = form(&[
            ("box", None, wrong.as_bytes()),
            ("photo", Some("a.jpg"), &beagle),
        ]);
        let got = ask(&app, post("/api/v1/classify", body)).await;
        got.is_problem(400, kind);
    }
}

#[tokio::test]
async fn a_box_outside_the_photo_is_told_in_words() {
    let beagle = photo("beagle_14.jpg");
    for (fields, french, english) in [
        (
            [("box_left", "120"), ("box_width", "")],
            "Le cadre sort de la photo",
            "The box reaches beyond the photo",
        ),
        (
            [("box_left", "60"), ("box_width", "50")],
            "Le cadre sort de la photo",
            "The box reaches beyond the photo",
        ),
        (
            [("box_left", "60"), ("box_width", "0")],
            "Le cadre est trop petit",
            "The box is too small",
        ),
    ] {
        let mut parts: Vec<Part<'_>> = vec![("photo", Some("a.jpg"), &beagle)];
        parts.extend(fields.map(|(name, value)| (name, None, value.as_bytes())));
        for (path, said) in [("/?lang=fr", french), ("/?lang=en", english)] {
            let got = ask(&app(), post(path, form(&parts))).await;
            assert_eq!(got.status, StatusCode::BAD_REQUEST);
            assert!(got.text().contains(said), "{fields:?}: {}", got.text());
            assert!(!got.text().contains("box ="), "{fields:?}");
        }
    }
}

/// The cards that the page's script is answered.
async fn cards(app: &Router, body: impl Into<Body>) -> Got {
    let mut request = post("/", body);
    let headers = request.headers_mut();
    headers.insert("x-museau-part", "cards".parse().unwrap());
    ask(app, request).await
}

#[tokio::test]
async fn a_card_names_and_removes_the_photo_that_it_is_about() {
    let beagle = photo("beagle_14.jpg");
    let large = vec![0; 25_000_001];
    let body = form(&[
        ("photo", Some("first.jpg"), &beagle),
        ("photo", Some("second.jpg"), &beagle),
        ("photo", Some("third.heic"), &large),
    ]);
    let got = cards(&app(), body).await;
    // The others have their answers.
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.text().matches("<article class=\"card\"").count(), 3);
    assert!(got.text().contains("data-photo=\"2\""), "{}", got.text());
    assert!(got.text().contains("aria-label=\"Retirer third.heic\""));

    let body = form(&[
        ("photo", Some("first.jpg"), &beagle),
        ("photo", Some(""), &large),
    ]);
    let got = cards(&app(), body).await;
    assert!(got.text().contains("data-photo=\"1\""), "{}", got.text());
    assert!(got.text().contains("aria-label=\"Retirer Photo 2\""));

    let many: Vec<Part<'_>> = vec![("photo", Some("a.jpg"), b"x"); 21];
    let got = cards(&app(), form(&many)).await;
    assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(got.text().contains("Trop de photos"));
    for absent in ["data-photo", "data-do"] {
        assert!(!got.text().contains(absent), "{absent}: {}", got.text());
    }
}

#[tokio::test]
async fn a_failed_photo_is_told_with_each_languages_colon() {
    for (path, summary) in [
        (
            "/?lang=fr",
            "data-summary=\"rex.jpg\u{a0}: Ce fichier est vide",
        ),
        ("/?lang=en", "data-summary=\"rex.jpg: This file is empty"),
    ] {
        let body = form(&[("photo", Some("rex.jpg"), b"")]);
        let got = ask(&app(), post(path, body)).await;
        assert!(got.text().contains(summary), "{}", got.text());
    }
}

#[tokio::test]
async fn the_form_works_without_script() {
    let (beagle, samoyed) = (photo("beagle_14.jpg"), photo("samoyed_32.jpg"));
    let body = form(&[
        ("photo", Some("<b>rex</b>.jpg"), &beagle),
        ("photo", Some("blanc.jpg"), &samoyed),
    ]);
    let got = ask(&app(), post("/", body)).await;
    assert_eq!(got.status, StatusCode::OK);
    let page = got.text();
    assert_eq!(page.matches("<article class=\"card\"").count(), 2);
    assert!(page.contains("Ressemble à") && page.contains("90\u{a0}%"));
    assert!(page.contains("Foxhound anglais"));
    assert_eq!(page.matches("data:image/jpeg;base64,").count(), 2);
    assert!(
        !page.contains("<b>rex"),
        "a file's name is text, not markup"
    );

    let nothing = form(&[("photo", Some(""), b"")]);
    let nothing = ask(&app(), post("/", nothing)).await;
    assert_eq!(nothing.status, StatusCode::BAD_REQUEST);
    assert!(nothing.text().contains("role=\"alert\""));
}

// ---- bad requests -----------------------------------------------------------------------------

#[tokio::test]
async fn bad_photos_are_named_by_their_kind() {
    let app = app();
    let beagle = photo("beagle_14.jpg");
    let avif = b"\0\0\0\x18ftypavif\0\0\0\0avifmif1";
    for (content, status, kind) in [
        (&b""[..], 422, "empty"),
        (b"hello, this is text", 422, "not_a_photo"),
        (&beagle[..beagle.len() / 3], 422, "truncated"),
        (avif, 415, "unsupported_format"),
    ] {
        let body = form(&[("photo", Some("x.jpg"), content)]);
        let got = ask(&app, post("/api/v1/classify", body.clone())).await;
        got.is_problem(status, kind);
        assert_eq!(got.json()["photo"], "x.jpg");
        let page = ask(&app, post("/", body)).await;
        assert_eq!(page.status.as_u16(), status);
        assert!(page.text().contains("role=\"alert\""));
    }
}

#[tokio::test]
async fn wrong_forms_are_refused() {
    let app = app();
    let beagle = photo("beagle_14.jpg");
    let file: Part<'_> = ("photo", Some("a.jpg"), &beagle);
    let whole = form(&[file]);
    for (body, kind) in [
        (whole[..whole.len() / 2].to_vec(), "bad_multipart"),
        (b"no boundary here".to_vec(), "bad_multipart"),
        (Vec::new(), "bad_multipart"),
        (form(&[("together", None, b"1")]), "missing_photo"),
        (form(&[("photo", Some(""), b"")]), "missing_photo"),
        (form(&[("top", None, b"0"), file]), "bad_request"),
        (form(&[("together", None, b"maybe"), file]), "bad_request"),
        (
            form(&[("together", None, b"\xFF\xFE"), file]),
            "bad_multipart",
        ),
    ] {
        let got = ask(&app, post("/api/v1/classify", body)).await;
        got.is_problem(400, kind);
    }
    let many: Vec<Part<'_>> = vec![("photo", Some("a.jpg"), b"x"); 21];
    let got = ask(&app, post("/api/v1/classify", form(&many))).await;
    got.is_problem(413, "too_many_photos");
    let mut json = post("/api/v1/classify", "{}");
    let media_type = "application/json".parse().unwrap();
    json.headers_mut().insert(header::CONTENT_TYPE, media_type);
    ask(&app, json).await.is_problem(415, "not_a_form");
}

#[tokio::test]
async fn a_body_of_100_megabytes_is_refused_whether_its_length_is_said_or_not() {
    let app = app();
    let mut head = form(&[("photo", Some("a.jpg"), b"")]);
    head.truncate(head.len() - format!("\r\n--{BOUNDARY}--\r\n").len());
    let large = || {
        let chunk = Bytes::from(vec![0; 100_000]);
        let chunks = std::iter::once(Bytes::from(head.clone()));
        let chunks = chunks.chain(std::iter::repeat_n(chunk, 1000));
        post("/api/v1/classify", Body::new(Chunks(chunks, false)))
    };
    let unsaid = ask(&app, large()).await;
    unsaid.is_problem(413, "body_too_large");
    let mut said = large();
    let length = "100000000".parse().unwrap();
    said.headers_mut().insert(header::CONTENT_LENGTH, length);
    ask(&app, said).await.is_problem(413, "body_too_large");
}

#[tokio::test]
async fn a_photo_over_the_limit_is_named() {
    let large = vec![0; 25_000_001];
    let body = form(&[("photo", Some("grande.jpg"), &large)]);
    let got = ask(&app(), post("/api/v1/classify", body)).await;
    got.is_problem(413, "too_large");
    assert_eq!(got.json()["photo"], "grande.jpg");
}

#[tokio::test]
async fn a_model_that_panics_is_an_answer_of_500_and_no_end() {
    let mut double = Double::new();
    double.panics = true;
    let app = web::router(options(Arc::new(double))).unwrap();
    let body = form(&[("photo", Some("a.jpg"), &photo("beagle_14.jpg"))]);
    for _ in 0..3 {
        let got = ask(&app, post("/api/v1/classify", body.clone())).await;
        got.is_problem(500, "internal");
    }
    assert_eq!(ask(&app, get("/healthz")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_model_that_gives_no_numbers_is_told_as_such_in_both_languages() {
    let double = Double {
        gives_no_numbers: true,
        ..Double::new()
    };
    let app = web::router(options(Arc::new(double))).unwrap();
    let body = form(&[("photo", Some("a.jpg"), &photo("beagle_14.jpg"))]);
    let got = ask(&app, post("/api/v1/classify", body.clone())).await;
    got.is_problem(500, "model_not_finite");
    for (language, said) in [
        ("fr", "infinies ou indéfinies (NaN)"),
        ("en", "infinite or not a number"),
    ] {
        let mut request = post("/", body.clone());
        let value = HeaderValue::from_static(language);
        request.headers_mut().insert(header::ACCEPT_LANGUAGE, value);
        let page = ask(&app, request).await;
        assert!(page.text().contains(said), "{}", page.text());
    }
}

#[tokio::test]
async fn an_answer_is_explained_by_a_picture_of_its_photo() {
    let beagle = photo("beagle_14.jpg");
    let app = app();
    let body = form(&[
        ("box", None, b"0,0,0.5,1"),
        ("photo", Some("a.jpg"), &beagle),
    ]);
    let got = ask(&app, post("/api/v1/explain", body)).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.header(header::CONTENT_TYPE), "image/jpeg");
    let (whole, part) = (decoded(&beagle), decoded(&got.body));
    assert_eq!(
        (part.width(), part.height()),
        (whole.width() / 2, whole.height())
    );

    let two = form(&[
        ("photo", Some("a.jpg"), &beagle),
        ("photo", Some("b.jpg"), &beagle),
    ]);
    let got = ask(&app, post("/api/v1/explain", two)).await;
    got.is_problem(413, "too_many_photos");
    let text = form(&[("photo", Some("a.jpg"), b"no photo")]);
    let got = ask(&app, post("/api/v1/explain", text)).await;
    got.is_problem(422, "not_a_photo");

    let without_maps = Double {
        explains: false,
        ..Double::new()
    };
    let app = web::router(options(Arc::new(without_maps))).unwrap();
    let body = form(&[("photo", Some("a.jpg"), &beagle)]);
    let got = ask(&app, post("/api/v1/explain", body)).await;
    got.is_problem(501, "no_map");
}

fn decoded(photo: &[u8]) -> vision::Photo {
    vision::decode(photo, &vision::Limits::default()).unwrap()
}

// ---- load and slow senders --------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn of_200_uploads_at_once_each_is_answered_or_cleanly_refused() {
    let mut double = Double::new();
    double.takes = Duration::from_millis(30);
    let mut options = options(Arc::new(double));
    options.compute_waiting = 40;
    let app = web::router(options).unwrap();
    let body = form(&[("photo", Some("a.jpg"), &photo("beagle_14.jpg"))]);
    let asked: Vec<_> = (0..200)
        .map(|_| {
            let (app, request) = (app.clone(), post("/api/v1/classify", body.clone()));
            tokio::spawn(async move { ask(&app, request).await })
        })
        .collect();
    let (mut answered, mut refused) = (0, 0);
    for one in asked {
        let got = one.await.unwrap();
        if got.status == StatusCode::OK {
            answered += 1;
        } else {
            got.is_problem(503, "busy");
            let seconds: u64 = got.header(header::RETRY_AFTER).parse().unwrap();
            assert!(seconds > 0);
            refused += 1;
        }
    }
    assert!(answered >= 40, "{answered} answered");
    assert!(refused > 0, "{refused} refused");
    let after = ask(&app, post("/api/v1/classify", body)).await;
    assert_eq!(after.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_wait_for_memory_rather_than_take_it() {
    let mut options = options(Arc::new(Double::new()));
    options.uploads.memory = 200_000; // A few of the photos at a time.
    options.uploads.request = 100_000;
    let app = web::router(options).unwrap();
    let body = form(&[("photo", Some("a.jpg"), &photo("beagle_14.jpg"))]);
    assert!(body.len() < 100_000);
    let asked: Vec<_> = (0..60)
        .map(|_| {
            let (app, request) = (app.clone(), post("/api/v1/classify", body.clone()));
            tokio::spawn(async move { ask(&app, request).await.status })
        })
        .collect();
    for one in asked {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_who_falls_silent_is_told_so() {
    let body = form(&[("photo", Some("a.jpg"), &photo("beagle_14.jpg"))]);
    let half = Bytes::copy_from_slice(&body[..body.len() / 2]);
    let silent = Body::new(Chunks(std::iter::once(half), true));
    let begun = tokio::time::Instant::now();
    let got = ask(&app(), post("/api/v1/classify", silent)).await;
    got.is_problem(408, "timeout");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_card_offers_another_try_where_that_may_help() {
    let body = form(&[("photo", Some("a.jpg"), &photo("beagle_14.jpg"))]);
    let half = Bytes::copy_from_slice(&body[..body.len() / 2]);
    let slow = cards(&app(), Body::new(Chunks(std::iter::once(half), true))).await;
    assert_eq!(slow.status, StatusCode::REQUEST_TIMEOUT);
    let mut options = options(Arc::new(Double::new()));
    options.uploads.waiting = 0;
    options.uploads.memory = 0;
    options.uploads.request = body.len();
    let app = web::router(options).unwrap();
    let held = Body::new(Chunks(std::iter::empty(), true));
    let mut held = post("/api/v1/classify", held);
    let length = body.len().to_string().parse().unwrap();
    held.headers_mut().insert(header::CONTENT_LENGTH, length);
    let holding = tokio::spawn(app.clone().oneshot(held));
    tokio::task::yield_now().await;
    let busy = cards(&app, body).await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    holding.abort();
    for card in [slow, busy] {
        assert!(card.text().contains("data-do=\"retry\""), "{}", card.text());
        assert!(!card.text().contains("data-do=\"remove\""));
        assert!(!card.text().contains("data-photo"));
    }
}

// ---- the name that is asked for ---------------------------------------------------------------

/// Serves on a real socket, for as long as the tests run.
fn serve(listen: &'static str, set: &tempfile::TempDir) -> SocketAddr {
    let mut options = options(Arc::new(Double::new()));
    options
        .apps
        .push(web::apps::demo(Dataset::open(set.path()).unwrap()));
    let (ready, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        web::serve(listen, options, move |event| {
            if let ServerEvent::Ready(address) = event {
                ready.send(address).unwrap();
            }
        })
        .unwrap();
    });
    address.recv().unwrap()
}

/// The answer to a request for `path` under the name `host`.
fn ask_under(address: SocketAddr, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", address.port())).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_server_for_this_computer_answers_under_its_own_names_alone() {
    let set = demo_set();
    let address = serve("127.0.0.1:0", &set);
    let port = address.port();
    let paths = [
        "/",
        "/demo?seed=1",
        "/demo/photo/1/1",
        "/healthz",
        "/nowhere",
    ];
    for path in paths {
        let foreign = ask_under(address, &format!("evil.example:{port}"), path);
        assert!(foreign.starts_with("HTTP/1.1 421"), "{path}: {foreign}");
        assert!(foreign.contains("foreign_name"), "{path}: {foreign}");
        assert!(foreign.contains("content-security-policy"), "{path}");
        for own in ["127.0.0.1", "localhost", "[::1]"] {
            let answer = ask_under(address, &format!("{own}:{port}"), path);
            assert!(!answer.starts_with("HTTP/1.1 421"), "{path}: {answer}");
        }
    }
}

#[test]
fn a_server_for_a_network_answers_under_any_name() {
    let set = demo_set();
    let address = serve("0.0.0.0:0", &set);
    let answer = ask_under(address, "shelter.example", "/healthz");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

// ---- the test page ----------------------------------------------------------------------------

/// Two classes of one photo each.
fn demo_set() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, name) in [
        ("n02088364-beagle", "beagle_14.jpg"),
        ("n02111889-Samoyed", "samoyed_32.jpg"),
    ] {
        let class = folder.path().join(class);
        std::fs::create_dir(&class).unwrap();
        std::fs::write(class.join(name), photo(name)).unwrap();
    }
    folder
}

fn demo_app(folder: &tempfile::TempDir) -> Router {
    let mut options = options(Arc::new(Double::new()));
    options
        .apps
        .push(web::apps::demo(Dataset::open(folder.path()).unwrap()));
    web::router(options).unwrap()
}

/// A draw whose first photo is the beagle, which is what the double always answers.
async fn seed_of_beagle(app: &Router) -> u64 {
    for seed in 0..64 {
        let page = ask(app, get(&format!("/demo?seed={seed}&show=1"))).await;
        if page.text().contains("id=\"score-model\">1 sur 1") {
            return seed;
        }
    }
    panic!("no draw begins with the beagle");
}

#[tokio::test]
async fn the_test_page_hides_the_label_then_scores_both() {
    let set = demo_set();
    let app = demo_app(&set);
    let fresh = ask(&app, get("/demo")).await;
    assert_eq!(fresh.status, StatusCode::SEE_OTHER);
    assert!(fresh.header(header::LOCATION).starts_with("/demo?seed="));

    let seed = seed_of_beagle(&app).await;
    let question = ask(&app, get(&format!("/demo?seed={seed}"))).await;
    let page = question.text();
    assert!(page.contains(&format!("/demo/photo/{seed}/1")));
    let before_list = page.split("<datalist").next().unwrap();
    assert!(
        !before_list.contains("eagle"),
        "the label is shown too early"
    );
    assert!(page.contains("photos sont toutes utilisées"));

    let address = format!("/demo?seed={seed}&n=1&you=0-0&model=0-0&guess=beagle");
    let right = ask(&app, get(&address)).await;
    let page = right.text();
    assert!(page.contains("Vous avez raison") && page.contains("Le modèle a raison"));
    assert!(page.contains("90\u{a0}%") && page.contains("10\u{a0}%"));
    assert!(page.contains("id=\"score-you\">1 sur 1"));
    assert!(page.contains(&format!("src=\"/demo/why/{seed}/1\"")));
    let next = format!("href=\"/demo?seed={seed}&amp;n=2&amp;you=1-1&amp;model=1-1\"");
    assert!(page.contains(&next), "{page}");

    let wrong = ask(&app, get(&format!("/demo?seed={seed}&guess=samoy%C3%A8de"))).await;
    assert!(wrong.text().contains("id=\"score-you\">0 sur 1"));
    let passed = ask(&app, get(&format!("/demo?seed={seed}&you=1-2&show=1"))).await;
    assert!(passed.text().contains("id=\"score-you\">1 sur 2"));
    let unknown = ask(&app, get(&format!("/demo?seed={seed}&guess=licorne"))).await;
    assert!(unknown.text().contains("aria-invalid=\"true\""));
    assert!(!unknown.text().contains("id=\"next\""));
}

#[tokio::test]
async fn the_test_page_serves_photos_of_the_set_alone() {
    let set = demo_set();
    let app = demo_app(&set);
    let got = ask(&app, get("/demo/photo/3/1")).await;
    assert_eq!(got.header(header::CONTENT_TYPE), "image/jpeg");
    assert!(got.body.starts_with(&[0xFF, 0xD8]));
    let why = ask(&app, get("/demo/why/3/1")).await;
    assert_eq!(why.header(header::CONTENT_TYPE), "image/jpeg");
    assert!(why.body.starts_with(&[0xFF, 0xD8]));
    let last = format!("/demo/photo/{}/{}", u64::MAX, u64::MAX);
    assert_eq!(ask(&app, get(&last)).await.status, StatusCode::OK);
    let last = format!("/demo?seed=1&n={}&show=1", u64::MAX);
    assert_eq!(ask(&app, get(&last)).await.status, StatusCode::OK);
    let twice = ask(&app, get("/demo?seed=1&seed=2")).await;
    assert!(
        twice.text().contains("<html"),
        "a page, not a line of the library"
    );
    for path in [
        "/demo/photo/3/0",
        "/demo/why/3/0",
        "/demo/why/x/1",
        "/demo/photo/3/..%2f..%2fCargo.toml",
        "/demo/photo/..%2f/1",
        "/demo/photo/-1/1",
    ] {
        let got = ask(&app, get(path)).await;
        assert!(got.status.is_client_error(), "{path}: {}", got.status);
    }
}

/// A JPEG with an EXIF block behind its first marker: orientation 6 (a quarter turn to the right), and
/// a place where it was taken.
fn with_exif(jpeg: &[u8]) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        let mut entry = Vec::new();
        entry.extend(tag.to_be_bytes());
        entry.extend(kind.to_be_bytes());
        entry.extend(count.to_be_bytes());
        entry.extend(value);
        entry
    };
    let mut exif = b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x02".to_vec();
    exif.extend(entry(0x0112, 3, 1, [0, 6, 0, 0])); // Orientation.
    exif.extend(entry(0x8825, 4, 1, [0, 0, 0, 38])); // The GPS table, at byte 38.
    exif.extend([0; 4]);
    exif.extend([0, 1]);
    exif.extend(entry(0x001D, 2, 4, *b"GPS\0"));
    exif.extend([0; 4]);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &exif, &jpeg[2..]].concat()
}

#[tokio::test]
async fn the_test_page_gives_out_no_metadata_and_upright_photos() {
    let set = demo_set();
    let samoyed = set.path().join("n02111889-Samoyed/samoyed_32.jpg");
    std::fs::remove_file(&samoyed).unwrap();
    std::fs::remove_dir(samoyed.parent().unwrap()).unwrap();
    let turned = with_exif(&photo("beagle_14.jpg")); // 334 x 500 as it is stored.
    std::fs::write(set.path().join("n02088364-beagle/beagle_14.jpg"), &turned).unwrap();
    let limits = vision::Limits::default();
    let upright = vision::decode(&turned, &limits).unwrap();
    assert_eq!((upright.width(), upright.height()), (500, 334));

    let got = ask(&demo_app(&set), get("/demo/photo/3/1")).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.header(header::CONTENT_TYPE), "image/jpeg");
    for metadata in [&b"Exif"[..], b"GPS"] {
        let mut windows = got.body.windows(metadata.len());
        assert!(!windows.any(|bytes| bytes == metadata));
    }
    let shown = vision::decode(&got.body, &limits).unwrap();
    assert_eq!((shown.width(), shown.height()), (500, 334));
}

#[tokio::test]
async fn a_photo_that_was_deleted_meanwhile_is_named() {
    let set = demo_set();
    let app = demo_app(&set);
    for file in [
        "n02088364-beagle/beagle_14.jpg",
        "n02111889-Samoyed/samoyed_32.jpg",
    ] {
        std::fs::remove_file(set.path().join(file)).unwrap();
    }
    let page = ask(&app, get("/demo?seed=1&you=1-1&show=1")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains(".jpg n’a pas pu être lu"));
    assert!(page.text().contains("il n’existe pas"));
    assert!(page.text().contains("n=2&amp;you=1-1"));
    let photo = ask(&app, get("/demo/photo/1/1")).await;
    assert_eq!(photo.status, StatusCode::NOT_FOUND);
    for got in [page, photo] {
        assert!(!got.text().contains("Cette page n’existe pas"));
    }
}

#[tokio::test]
async fn a_photo_that_cannot_be_read_counts_for_nobody() {
    let set = demo_set();
    for file in [
        "n02088364-beagle/beagle_14.jpg",
        "n02111889-Samoyed/samoyed_32.jpg",
    ] {
        std::fs::write(set.path().join(file), "not a photo").unwrap();
    }
    let address = "/demo?seed=1&you=1-1&model=0-1&show=1";
    let got = ask(&demo_app(&set), get(address)).await;
    assert_eq!(got.status, StatusCode::OK);
    assert!(got.text().contains("ne peut pas être lue"));
    assert!(got.text().contains("n=2&amp;you=1-1&amp;model=0-1"));
}

#[tokio::test]
async fn the_test_page_can_stand_alone() {
    let set = demo_set();
    let mut options = options(Arc::new(Double::new()));
    options.apps = vec![web::apps::demo(Dataset::open(set.path()).unwrap())];
    let app = web::router(options).unwrap();
    let fresh = ask(&app, get("/")).await;
    assert!(fresh.header(header::LOCATION).starts_with("/?seed="));
    let page = ask(&app, get("/?seed=5")).await;
    assert!(page.text().contains("src=\"/photo/5/1\""));
    assert_eq!(ask(&app, get("/photo/5/1")).await.status, StatusCode::OK);
}
