//! What the tests of the router share: a model with known answers, photos, forms, and asking.
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use classify::{Answer, AnswerKind, BreedGuess, Milliseconds, ModelName};
use http_body_util::BodyExt;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;
use vision::Photo;
use web::{Options, Recognise};

/// Answers the same to every photo, and remembers the sizes of those it was shown.
pub struct Double {
    pub name: ModelName,
    pub seen: Mutex<Vec<(usize, usize)>>,
    pub takes: Duration,
    pub panics: bool,
    pub gives_no_numbers: bool,
    pub explains: bool,
}

impl Double {
    pub fn new() -> Self {
        Double {
            name: ModelName {
                name: "double".into(),
                version: "1".into(),
            },
            seen: Mutex::default(),
            takes: Duration::ZERO,
            panics: false,
            gives_no_numbers: false,
            explains: true,
        }
    }
}

impl Recognise for Double {
    fn recognise(
        &self,
        photos: &mut dyn Iterator<Item = Photo>,
        top: usize,
    ) -> anyhow::Result<Option<Answer>> {
        let sizes = photos.map(|photo| (photo.width(), photo.height()));
        let sizes: Vec<_> = sizes.collect();
        if sizes.is_empty() {
            return Ok(None);
        }
        assert!(!self.panics, "on purpose");
        if self.gives_no_numbers {
            return Err(classify::ClassifyError::NotFinite.into());
        }
        std::thread::sleep(self.takes);
        self.seen.lock().unwrap().extend(sizes);
        let breed = |id: &str, probability| {
            let known = words::breed(id).unwrap();
            BreedGuess {
                id: id.into(),
                name: known.name_en.clone(),
                name_fr: Some(known.name_fr.clone()),
                group: None,
                wild: false,
                probability,
            }
        };
        let mut breeds = vec![breed("n02088364", 0.9), breed("n02089973", 0.1)];
        breeds.truncate(top);
        Ok(Some(Answer {
            answer: AnswerKind::Dog,
            dog_probability: 0.99,
            breeds,
            breed_type: None,
            group: None,
            mixed: false,
            look_alikes: vec!["n02089973".into()],
            notices: vec![],
            quality: vec![],
            model: self.name.clone(),
            milliseconds: Milliseconds::default(),
        }))
    }

    fn explain(&self, photo: &Photo) -> anyhow::Result<Option<Photo>> {
        // A network without maps has none of any photo.
        Ok(self.explains.then(|| photo.clone()))
    }

    fn model(&self) -> &ModelName {
        &self.name
    }

    fn breeds(&self, _language: words::Language) -> Vec<&str> {
        vec!["Beagle", "English foxhound"]
    }
}

/// The association's page with this model.
pub fn options(model: Arc<Double>) -> Options {
    Options::new(vec![web::apps::classify()], Some(model))
}

pub fn app() -> Router {
    web::router(options(Arc::new(Double::new()))).unwrap()
}

pub fn photos() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/photos")
}

pub fn photo(name: &str) -> Vec<u8> {
    std::fs::read(photos().join(name)).unwrap()
}

pub const BOUNDARY: &str = "museau-test-boundary";

/// One part of a form: the field, the file's name where it is one, the content.
pub type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

pub fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, file, content) in parts {
        let disposition = format!("Content-Disposition: form-data; name=\"{field}\"");
        body.extend(format!("--{BOUNDARY}\r\n{disposition}").bytes());
        if let Some(file) = file {
            body.extend(format!("; filename=\"{file}\"\r\nContent-Type: image/jpeg").bytes());
        }
        body.extend(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

pub fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
    Request::post(path)
        .header(header::CONTENT_TYPE, media_type)
        .body(body.into())
        .unwrap()
}

pub fn get(path: &str) -> Request<Body> {
    Request::get(path)
        .header(header::ACCEPT, "text/html,*/*")
        .body(Body::empty())
        .unwrap()
}

pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem document of that status and kind.
    pub fn is_problem(&self, status: u16, kind: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        let media_type = self.header(header::CONTENT_TYPE);
        assert_eq!(media_type, "application/problem+json");
        let document = self.json();
        assert_eq!(document["kind"], kind);
        assert_eq!(document["status"], status);
        assert!(document["detail"].as_str().unwrap().len() > 10);
        assert!(document["type"].as_str().unwrap().ends_with(kind));
    }
}

pub async fn ask(app: &Router, request: Request<Body>) -> Got {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Got {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}
