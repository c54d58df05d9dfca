//! What went wrong with a request: its kind, its HTTP status, its message in the person's language,
//! and the problem document (RFC 9457) that the API answers.
use axum::Extension;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data::photo_message;
use serde::Serialize;
use std::io;
use std::path::Path;
use std::sync::Arc;
use vision::DecodeError;
use words::{FileMessage, Language, PageMessage, PhotoMessage, Said, Say};

/// What went wrong, and with which photo where it is about one.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    what: What,
    /// The name of the photo that it is about, where it has one.
    photo: Option<String>,
}

#[derive(Clone, Debug)]
enum What {
    Photo(DecodeError),
    PhotoTooLarge,
    Busy,
    Slow,
    TooLarge {
        bytes: usize,
    },
    TooManyPhotos {
        limit: usize,
    },
    NoPhoto,
    NotAForm,
    /// A body in a coding of its own, such as gzip.
    Encoded {
        coding: String,
    },
    BadForm,
    BadField {
        field: &'static str,
        value: String,
    },
    BoxOutside,
    BoxTooSmall,
    NotFound,
    MethodNotAllowed,
    Forbidden,
    ForeignName,
    NoHost,
    /// A photo of the data set, by its path there.
    File {
        path: String,
        source: Arc<io::Error>,
    },
    /// A file of the data set; said in the person's language already.
    Data(String),
    ModelNotFinite,
    NoMap,
    Internal,
}

/// The media type of a problem document.
pub(super) const PROBLEM: &str = "application/problem+json";

/// Seconds that a refused client is asked to wait.
pub(crate) const RETRY_AFTER: u64 = 2;

impl From<What> for Failure {
    fn from(what: What) -> Self {
        Failure { what, photo: None }
    }
}

impl Failure {
    pub(crate) fn photo(error: DecodeError) -> Self {
        match error {
            DecodeError::Busy => What::Busy.into(),
            error => What::Photo(error).into(),
        }
    }
    /// A file that is larger than any photo may be.
    pub(crate) fn photo_too_large() -> Self {
        What::PhotoTooLarge.into()
    }
    pub(crate) fn busy() -> Self {
        What::Busy.into()
    }
    pub(crate) fn slow() -> Self {
        What::Slow.into()
    }
    pub(crate) fn too_large(bytes: usize) -> Self {
        What::TooLarge { bytes }.into()
    }
    pub(crate) fn too_many_photos(limit: usize) -> Self {
        What::TooManyPhotos { limit }.into()
    }
    pub(crate) fn no_photo() -> Self {
        What::NoPhoto.into()
    }
    pub(crate) fn not_a_form() -> Self {
        What::NotAForm.into()
    }
    pub(crate) fn encoded(coding: &str) -> Self {
        let coding = coding.chars().take(60).collect();
        What::Encoded { coding }.into()
    }
    pub(crate) fn bad_form() -> Self {
        What::BadForm.into()
    }
    pub(crate) fn bad_field(field: &'static str, value: &str) -> Self {
        let value = value.chars().take(60).collect();
        What::BadField { field, value }.into()
    }
    /// A part that reaches out of its photo.
    pub(crate) fn box_outside() -> Self {
        What::BoxOutside.into()
    }
    /// A part that is too small to show anything.
    pub(crate) fn box_too_small() -> Self {
        What::BoxTooSmall.into()
    }
    pub(crate) fn not_found() -> Self {
        What::NotFound.into()
    }
    pub(crate) fn method_not_allowed() -> Self {
        What::MethodNotAllowed.into()
    }
    pub(crate) fn forbidden() -> Self {
        What::Forbidden.into()
    }
    /// A request under a name that is not this computer's.
    pub(crate) fn foreign_name() -> Self {
        What::ForeignName.into()
    }
    /// A request that does not say, or says more than once, which host it is for.
    pub(crate) fn no_host() -> Self {
        What::NoHost.into()
    }
    /// A photo of the data set cannot be read.
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        let path = path.display().to_string();
        let source = Arc::new(source);
        What::File { path, source }.into()
    }
    /// A file of the data set cannot be read or written; `text` says it.
    pub(crate) fn data(text: String) -> Self {
        What::Data(text).into()
    }
    /// The model gives values that are no numbers. No other request would be answered better, and the
    /// photo is not the cause: an error of the server.
    pub(crate) fn model_not_finite() -> Self {
        What::ModelNotFinite.into()
    }
    /// The model keeps no map of a photo that its answers could be explained by.
    pub(crate) fn no_map() -> Self {
        What::NoMap.into()
    }
    pub(crate) fn internal() -> Self {
        What::Internal.into()
    }

    /// The same failure, said of one photo, by its file name, which may be empty.
    pub(crate) fn about(mut self, name: &str) -> Self {
        self.photo = (!name.is_empty()).then(|| name.to_string());
        self
    }

    /// The name of the photo that it is about, where it has one.
    pub(crate) fn photo_name(&self) -> Option<&str> {
        self.photo.as_deref()
    }

    /// Whether the same request may succeed later.
    pub(crate) fn may_pass(&self) -> bool {
        self.is_refusal() || matches!(self.what, What::Slow)
    }

    /// Whether it is about nothing but how much there is to do.
    pub(crate) fn is_refusal(&self) -> bool {
        self.status() == StatusCode::SERVICE_UNAVAILABLE
    }

    /// The kind, stable from release to release; those of a photo are the command line's.
    pub(crate) fn kind(&self) -> &'static str {
        let kind = self.say(Language::default()).kind;
        kind.split_once('.').map_or(kind, |(_, kind)| kind)
    }

    pub(crate) fn status(&self) -> StatusCode {
        match &self.what {
            What::Photo(DecodeError::TooLarge { .. })
            | What::PhotoTooLarge
            | What::TooLarge { .. }
            | What::TooManyPhotos { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            What::Photo(
                DecodeError::UnsupportedFormat { .. }
                | DecodeError::UnsupportedFeature { .. }
                | DecodeError::Video
                | DecodeError::CameraRaw,
            )
            | What::NotAForm
            | What::Encoded { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            What::Photo(_) => StatusCode::UNPROCESSABLE_ENTITY,
            What::Busy => StatusCode::SERVICE_UNAVAILABLE,
            What::Slow => StatusCode::REQUEST_TIMEOUT,
            What::NoPhoto
            | What::BadForm
            | What::BadField { .. }
            | What::BoxOutside
            | What::BoxTooSmall
            | What::NoHost => StatusCode::BAD_REQUEST,
            What::NotFound | What::File { .. } => StatusCode::NOT_FOUND,
            What::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            What::Forbidden => StatusCode::FORBIDDEN,
            What::ForeignName => StatusCode::MISDIRECTED_REQUEST,
            What::NoMap => StatusCode::NOT_IMPLEMENTED,
            What::Data(_) | What::ModelNotFinite | What::Internal => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// What happened.
    pub(crate) fn text(&self, language: Language) -> String {
        self.say(language).text
    }

    /// What to do about it, where there is something to do.
    pub(crate) fn hint(&self, language: Language) -> Option<String> {
        self.say(language).hint
    }

    /// The problem document.
    pub(super) fn problem(&self, language: Language) -> String {
        let status = self.status();
        let document = Problem {
            r#type: format!("urn:museau:problem:{}", self.kind()),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.message(language),
            kind: self.kind(),
            photo: self.photo_name(),
        };
        // Strings and numbers alone always become JSON.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// Adds the headers that say what would succeed: `Retry-After` where the same would later,
    /// `Accept-Encoding` where it would without its coding.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        if self.is_refusal() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
        }
        if matches!(self.what, What::Encoded { .. }) {
            let plain = HeaderValue::from_static("identity");
            headers.insert(header::ACCEPT_ENCODING, plain);
        }
    }
}

impl Say for Failure {
    fn say(&self, language: Language) -> Said {
        match &self.what {
            What::Photo(error) => photo_message(error).say(language),
            What::PhotoTooLarge => PhotoMessage::TooLarge.say(language),
            What::Busy => PageMessage::Busy.say(language),
            What::Slow => PageMessage::Timeout.say(language),
            What::TooLarge { bytes } => PageMessage::BodyTooLarge {
                limit: &words::bytes(language, *bytes as u64),
            }
            .say(language),
            What::TooManyPhotos { limit } => PageMessage::TooManyPhotos {
                limit: &limit.to_string(),
            }
            .say(language),
            What::NoPhoto => PageMessage::MissingPhoto.say(language),
            What::NotAForm => PageMessage::NotAForm.say(language),
            What::Encoded { coding } => PageMessage::EncodedBody { coding }.say(language),
            What::BadForm => PageMessage::BadMultipart.say(language),
            What::BadField { field, value } => PageMessage::BadRequest {
                detail: &format!("{field} = {value}"),
            }
            .say(language),
            What::BoxOutside => PageMessage::BoxOutside.say(language),
            What::BoxTooSmall => PageMessage::BoxTooSmall.say(language),
            What::NotFound => PageMessage::NotFound.say(language),
            What::MethodNotAllowed => PageMessage::MethodNotAllowed.say(language),
            What::Forbidden => PageMessage::Forbidden.say(language),
            What::ForeignName => PageMessage::ForeignName.say(language),
            What::NoHost => PageMessage::NoHost.say(language),
            What::File { path, source } => {
                let reason = &source.message(language);
                let said = FileMessage::CannotRead { path, reason }.say(language);
                said.because(source, language)
            }
            What::Data(detail) => PageMessage::Data { detail }.say(language),
            What::ModelNotFinite => PageMessage::ModelNotFinite.say(language),
            What::NoMap => PageMessage::NoMap.say(language),
            What::Internal => PageMessage::Internal.say(language),
        }
    }
}

/// The answer of a handler that fails: the frame makes a page or a document of it.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status(), Extension(self)).into_response()
    }
}

/// The document of RFC 9457, with museau's kind.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    photo: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_has_one_kind_in_the_decoder_and_in_the_words() {
        for error in [
            DecodeError::Empty,
            DecodeError::NotAPhoto,
            DecodeError::UnsupportedFormat { name: "AVIF" },
        ] {
            assert_eq!(
                photo_message(&error).kind(),
                format!("photo.{}", error.kind())
            );
            assert!(Failure::photo(error).status().is_client_error());
        }
    }

    #[test]
    fn a_photo_that_finds_no_memory_may_be_sent_again() {
        let busy = Failure::photo(DecodeError::Busy);
        assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(busy.may_pass());
        let mut headers = HeaderMap::new();
        busy.add_headers(&mut headers);
        assert!(headers.contains_key(header::RETRY_AFTER));
        let too_much = DecodeError::TooLarge {
            what: vision::Excess::Memory,
            found: 2,
            limit: 1,
        };
        let never = Failure::photo(too_much);
        assert_eq!(never.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(!never.may_pass());
    }
}
