//! The review page: slow and foreign requests, photos that cannot be read, both languages.
use crate::common::{ask, get, photo};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, StatusCode, header};
use data::check::review::Review;
use data::{ImportOptions, import};
use hyper::body::Frame;
use serde_json::json;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use web::Options;

const HOST: &str = "127.0.0.1:8000";

pub struct Planted {
    folder: tempfile::TempDir,
    app: Router,
}

impl Planted {
    /// Two photos, each found for something.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let set = folder.path().join("set");
        for (class, name) in [("beagle", "beagle_14.jpg"), ("samoyed", "samoyed_32.jpg")] {
            std::fs::create_dir_all(set.join(class)).unwrap();
            std::fs::write(set.join(class).join(name), photo(name)).unwrap();
        }
        let apps = vec![web::apps::review(review_of(folder.path()))];
        let app = web::router(Options::new(apps, None)).unwrap();
        Planted { folder, app }
    }

    pub fn set(&self) -> PathBuf {
        self.folder.path().join("set")
    }

    /// The same review once more.
    pub fn review(&self) -> Review {
        review_of(self.folder.path())
    }

    fn beagle(&self) -> PathBuf {
        self.folder.path().join("set/beagle/beagle_14.jpg")
    }
}

/// Each photo is found for something.
fn review_of(folder: &Path) -> Review {
    let imported = import(&folder.join("set"), &ImportOptions::default(), &|_, _| {}).unwrap();
    let manifest = imported.manifest;
    let path = |index: usize| manifest.all_entries()[index].path.clone();
    let report = json!({"findings": [
        {"kind": "unreadable", "paths": [path(0)], "detail": "the file ends early"},
        {"kind": "dark", "paths": [path(1)], "value": 12.0, "detail": "12.0"},
    ]});
    let check = folder.join("check.json");
    std::fs::write(&check, report.to_string()).unwrap();
    let decisions = folder.join("decisions.csv");
    Review::open(manifest, &check, &decisions, "ada").unwrap()
}

fn page(path: &str) -> Request<Body> {
    let mut request = get(path);
    request
        .headers_mut()
        .insert(header::HOST, HOST.parse().unwrap());
    request
}

fn decide(body: impl Into<Body>) -> Request<Body> {
    Request::post("/decide")
        .header(header::HOST, HOST)
        .header(header::ACCEPT, "text/html")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.into())
        .unwrap()
}

/// A body that begins and never goes on.
struct Silent(Option<Bytes>);

impl HttpBody for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Poll::Pending,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_that_never_ends_is_refused() {
    let planted = Planted::new();
    let silent = Body::new(Silent(Some(Bytes::from("n=0&verdict="))));
    let got = ask(&planted.app, decide(silent)).await;
    assert_eq!(got.status, StatusCode::REQUEST_TIMEOUT);
    let large = vec![b'x'; 1_000_000];
    let got = ask(&planted.app, decide(large)).await;
    assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
    let got = ask(&planted.app, decide("n=1&verdict=keep")).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    let decisions = planted.folder.path().join("decisions.csv");
    assert!(std::fs::read_to_string(decisions).unwrap().contains("keep"));
}

#[tokio::test]
async fn why_a_photo_cannot_be_read_is_said_in_the_persons_language() {
    let planted = Planted::new();
    let whole = photo("beagle_14.jpg");
    // As long as before, and nothing of it a photo.
    std::fs::write(planted.beagle(), vec![b'x'; whole.len()]).unwrap();
    let french = ask(&planted.app, page("/?n=0")).await;
    assert!(
        french.text().contains("n’est pas une photo"),
        "{}",
        french.text()
    );
    let english = ask(&planted.app, page("/?n=0&lang=en")).await;
    assert!(
        english.text().contains("is not a photo"),
        "{}",
        english.text()
    );
    for got in [french, english] {
        assert!(!got.text().contains("the file ends early"));
    }
    // A photo that can be read meanwhile keeps what the report says, as do all other findings.
    std::fs::write(planted.beagle(), whole).unwrap();
    let got = ask(&planted.app, page("/?n=0&lang=en")).await;
    assert!(got.text().contains("the file ends early"));
    let other = ask(&planted.app, page("/?n=1&lang=en")).await;
    assert!(other.text().contains("12.0"), "{}", other.text());
}

#[tokio::test]
async fn refusals_speak_the_persons_language_too() {
    let planted = Planted::new();
    for (language, said) in [("fr", "vient d’un autre site"), ("en", "from another site")] {
        let mut foreign = decide("n=1&verdict=drop");
        let headers = foreign.headers_mut();
        headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
        headers.insert(header::ACCEPT_LANGUAGE, language.parse().unwrap());
        let got = ask(&planted.app, foreign).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN);
        assert!(got.text().contains(said), "{}", got.text());
    }
    let got = ask(&planted.app, page("/decide")).await;
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(got.text().contains("<html"));
}

#[tokio::test]
async fn photos_are_shown_or_said_to_be_unreadable() {
    let planted = Planted::new();
    let got = ask(&planted.app, page("/photo/0/0")).await;
    assert_eq!(got.header(header::CONTENT_TYPE), "image/jpeg");
    assert_eq!(&got.body[..], photo("beagle_14.jpg"));
    std::fs::remove_file(planted.beagle()).unwrap();
    for path in ["/photo/0/0", "/photo/0/1", "/photo/7/0", "/photo/a/0"] {
        let got = ask(&planted.app, page(path)).await;
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_a_photos_place_holds_nothing_up() {
    let planted = Planted::new();
    std::fs::remove_file(planted.beagle()).unwrap();
    make_pipe(&planted.beagle());
    for _ in 0..5 {
        for path in ["/photo/0/0", "/?n=0", "/?n=1", "/photo/1/0"] {
            let asked = ask(&planted.app, page(path));
            let got = tokio::time::timeout(std::time::Duration::from_secs(60), asked).await;
            let expected = if path == "/photo/0/0" { 404 } else { 200 };
            assert_eq!(got.unwrap().status.as_u16(), expected, "{path}");
        }
    }
}

#[cfg(unix)]
fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}
