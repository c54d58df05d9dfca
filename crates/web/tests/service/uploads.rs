//! Forms as programs and browsers write them, and a server that has too much to do.
use crate::common::{BOUNDARY, Double, app, ask, form, get, options, photo, post};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A form of one photo.
fn one_photo() -> Vec<u8> {
    form(&[("photo", Some("a.jpg"), &photo("beagle_14.jpg"))])
}

fn with_media_type(media_type: &str, body: Vec<u8>) -> Request<Body> {
    let mut request = post("/api/v1/classify", body);
    let media_type = media_type.parse().unwrap();
    request
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    request
}

/// A form of one part with this head.
fn part(head: &str, content: &[u8]) -> Vec<u8> {
    let mut body = format!("--{BOUNDARY}\r\n{head}\r\n\r\n").into_bytes();
    body.extend_from_slice(content);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    body
}

// ---- forms as they are written ----------------------------------------------------------------

#[tokio::test]
async fn the_media_type_is_read_in_any_case() {
    let app = app();
    for media_type in [
        format!("Multipart/Form-Data; boundary={BOUNDARY}"),
        format!("multipart/form-data; Boundary=\"{BOUNDARY}\""),
        format!("MULTIPART/FORM-DATA;charset=\"utf-8\" ; BOUNDARY = {BOUNDARY};"),
    ] {
        let got = ask(&app, with_media_type(&media_type, one_photo())).await;
        assert_eq!(got.status, StatusCode::OK, "{media_type}: {}", got.text());
    }
    for (media_type, status, kind) in [
        ("multipart/form-data", 400, "bad_multipart"),
        ("multipart/form-data; boundary=\"\"", 400, "bad_multipart"),
        ("multipart/form-data; boundary=other", 400, "bad_multipart"),
        ("multipart/form-datax; boundary=a", 415, "not_a_form"),
        ("multipart/mixed; boundary=a", 415, "not_a_form"),
        ("image/jpeg", 415, "not_a_form"),
        ("", 415, "not_a_form"),
    ] {
        let got = ask(&app, with_media_type(media_type, one_photo())).await;
        got.is_problem(status, kind);
    }
}

#[tokio::test]
async fn a_photo_needs_no_file_name() {
    let app = app();
    let beagle = photo("beagle_14.jpg");
    for (head, name) in [
        ("Content-Disposition: form-data; name=\"photo\"", ""),
        ("content-disposition: Form-Data; Name=photo", ""),
        (
            "Content-Disposition: form-data; name=\"photo\"; FileName=\"C:\\d\\rex.jpg\"",
            "rex.jpg",
        ),
        (
            "Content-Disposition: form-data; name=\"photo\"; filename*=UTF-8''%C3%A9t%C3%A9.jpg",
            "été.jpg",
        ),
        (
            "Content-Disposition: form-data; name=photo; filename=e.jpg; filename*=utf-8''%C3%A9.jpg",
            "é.jpg",
        ),
        (
            "Content-Disposition: form-data; name=\"file\"\r\nContent-Type: Image/JPEG",
            "",
        ),
        (
            "Content-Disposition: form-data; name=\"any\"; filename=\"a.jpg\"",
            "a.jpg",
        ),
    ] {
        let got = ask(&app, post("/api/v1/classify", part(head, &beagle))).await;
        assert_eq!(got.status, StatusCode::OK, "{head}: {}", got.text());
        assert_eq!(got.json()["photo"], name, "{head}");
    }
    // A header may go on in the next line.
    for fold in ["\r\n ", "\r\n\t", "\r\n   "] {
        let head =
            format!("Content-Disposition: form-data;{fold}name=\"photo\";{fold}filename=\"a.jpg\"");
        let got = ask(&app, post("/api/v1/classify", part(&head, &beagle))).await;
        assert_eq!(got.status, StatusCode::OK, "{head}: {}", got.text());
        assert_eq!(got.json()["photo"], "a.jpg", "{head}");
    }
    // Nor does an unknown field disturb, whatever it holds; nothing chosen is no photo.
    let unknown = "Content-Disposition: form-data; name=\"x\"";
    for (head, content) in [
        (unknown, &beagle[..]),
        ("Content-Disposition: form-data; name=\"photo\"", b""),
    ] {
        let got = ask(&app, post("/api/v1/classify", part(head, content))).await;
        got.is_problem(400, "missing_photo");
    }
}

#[tokio::test]
async fn an_encoded_body_is_refused_as_such() {
    let app = app();
    for coding in ["gzip", "GZip", "br", "identity, gzip", "deflate"] {
        let mut request = post("/api/v1/classify", one_photo());
        let value = coding.parse().unwrap();
        request
            .headers_mut()
            .insert(header::CONTENT_ENCODING, value);
        let got = ask(&app, request).await;
        got.is_problem(415, "encoded_body");
        assert_eq!(got.header(header::ACCEPT_ENCODING), "identity");
    }
    for coding in ["identity", "", "Identity"] {
        let mut request = post("/api/v1/classify", one_photo());
        let value = coding.parse().unwrap();
        request
            .headers_mut()
            .insert(header::CONTENT_ENCODING, value);
        assert_eq!(ask(&app, request).await.status, StatusCode::OK, "{coding}");
    }
    // So is one that was encoded on the way, but for being sent in pieces.
    for (coding, status) in [
        ("gzip, chunked", 415),
        ("GZIP,chunked", 415),
        ("Chunked", 200),
    ] {
        for body in [one_photo(), b"\x1f\x8b\x08".to_vec()] {
            let is_form = body.len() > 3;
            let mut request = post("/api/v1/classify", body);
            let value = coding.parse().unwrap();
            request
                .headers_mut()
                .insert(header::TRANSFER_ENCODING, value);
            let got = ask(&app, request).await;
            match status {
                200 if is_form => assert_eq!(got.status, StatusCode::OK, "{}", got.text()),
                200 => got.is_problem(400, "bad_multipart"),
                status => got.is_problem(status, "encoded_body"),
            }
        }
    }
    let head = "Content-Disposition: form-data; name=\"photo\"; filename=\"a.jpg\"\r\n\
                Content-Transfer-Encoding: base64";
    let got = ask(&app, post("/api/v1/classify", part(head, b"/9j/"))).await;
    got.is_problem(415, "encoded_body");
}

#[tokio::test]
async fn heads_without_end_and_fields_without_number_are_refused() {
    let app = app();
    let endless = part(&format!("X: {}", "x".repeat(2_000_000)), b"");
    let preamble = [vec![b' '; 2_000_000], one_photo()].concat();
    let fields = vec![("box", None, &b""[..]); 10_000];
    for body in [endless, preamble, form(&fields)] {
        let got = ask(&app, post("/api/v1/classify", body)).await;
        got.is_problem(400, "bad_multipart");
    }
    let long = "x".repeat(5000);
    let got = ask(
        &app,
        post("/api/v1/classify", form(&[("top", None, long.as_bytes())])),
    )
    .await;
    got.is_problem(400, "bad_request");
    // What comes in many small fields, and in fields that nobody knows, is still a form.
    let beagle = photo("beagle_14.jpg");
    let mut parts = vec![("unknown", None, long.as_bytes()); 50];
    parts.push(("photo", Some("a.jpg"), &beagle));
    let got = ask(&app, post("/api/v1/classify", form(&parts))).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
}

// ---- readiness --------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_not_ready_while_uploads_are_refused() {
    let mut double = Double::new();
    double.takes = Duration::from_millis(100);
    let mut options = options(Arc::new(double));
    options.compute_threads = 1;
    options.compute_waiting = 2;
    let app = web::router(options).unwrap();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move {
                let mut refused = 0;
                for _ in 0..10 {
                    let got = ask(&app, post("/api/v1/classify", one_photo())).await;
                    if got.status != StatusCode::OK {
                        got.is_problem(503, "busy");
                        refused += 1;
                        // Whoever is refused sees that others would be too.
                        let ready = ask(&app, get("/readyz")).await;
                        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
                        assert_eq!(ready.text(), "busy\n");
                    }
                }
                refused
            })
        })
        .collect();
    let mut refused = 0;
    for client in clients {
        refused += client.await.unwrap();
    }
    assert!(refused > 0);
    let until = Instant::now() + Duration::from_secs(60);
    while ask(&app, get("/readyz")).await.text() != "ready\n" {
        assert!(Instant::now() < until, "it stays busy with nothing to do");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
