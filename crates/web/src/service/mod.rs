//! From uploads to answers: what the apps and the API share. It knows neither.
mod compute;
mod recognise;
mod thumbnail;
mod upload;

pub use recognise::{Model, OpenExplainer, Recognise};
pub(crate) use recognise::{Outcome, Seen};
pub(crate) use thumbnail::large_jpeg;
pub use upload::UploadLimits;

use crate::site::{Failure, Sender};
use axum::extract::Request;
use classify::{Answer, ModelName};
use compute::{Compute, ComputeError};
use recognise::Recogniser;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use upload::Gate;
use vision::{Budget, Limits};
use words::Language;

/// What answers photos; cheap to clone.
#[derive(Clone)]
pub(crate) struct Service {
    recogniser: Recogniser,
    compute: Compute,
    gate: Gate,
    stopping: Arc<AtomicBool>,
}

/// How much a service works on at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    /// Photos that are worked on at a time.
    pub(crate) threads: usize,
    /// Pieces of work that wait for these threads; more are refused.
    pub(crate) waiting: usize,
    /// What may be uploaded.
    pub(crate) uploads: UploadLimits,
    /// What may be decoded.
    pub(crate) photos: Limits,
}

/// What became of an upload.
pub(crate) struct Answered {
    /// One outcome a photo, or one for all that show the same animal, followed by those that could
    /// not be read.
    pub(crate) outcomes: Vec<Outcome>,
    /// Whether all photos show one animal.
    pub(crate) together: bool,
}

impl Service {
    /// # Errors
    /// Where the system refuses the threads.
    pub(crate) fn new(model: Arc<dyn Recognise>, capacity: &Capacity) -> io::Result<Self> {
        Ok(Service {
            recogniser: Recogniser {
                model,
                limits: capacity.photos,
                budget: Arc::clone(Budget::shared()),
            },
            compute: Compute::new(capacity.threads, capacity.waiting)?,
            gate: Gate::new(capacity.uploads),
            stopping: Arc::default(),
        })
    }

    /// The model that answers.
    pub(crate) fn model(&self) -> &ModelName {
        self.recogniser.model.model()
    }

    /// The breeds that it knows.
    pub(crate) fn breeds(&self, language: Language) -> Vec<&str> {
        self.recogniser.model.breeds(language)
    }

    /// What may be decoded.
    pub(crate) fn limits(&self) -> Limits {
        self.recogniser.limits
    }

    /// Reads an upload and answers it, with small pictures where a page shows them.
    pub(crate) async fn answer(
        &self,
        request: Request,
        thumbnails: bool,
    ) -> Result<Answered, Failure> {
        let form = self.gate.read(request).await?;
        let together = form.together || form.photos.len() == 1;
        let recogniser = self.recogniser.clone();
        let answered = self.run(move || Ok(recogniser.answer(form, thumbnails)));
        let answered = answered.await;
        let refused = match &answered {
            Ok(outcomes) => outcomes.iter().any(Outcome::is_refused),
            Err(failure) => failure.is_refusal(),
        };
        if refused {
            self.gate.refused();
        }
        answered.map(|outcomes| Answered { outcomes, together })
    }

    /// Reads an upload of one photo and explains its answer, as a JPEG.
    pub(crate) async fn explain(&self, request: Request) -> Result<Vec<u8>, Failure> {
        let form = self.gate.read(request).await?;
        let recogniser = self.recogniser.clone();
        let explained = self.run(move || recogniser.explain(form)).await;
        if explained.as_ref().is_err_and(Failure::is_refusal) {
            self.gate.refused();
        }
        explained
    }

    /// Explains the answer about one photo of a data set, as a JPEG.
    pub(crate) async fn explain_photo(
        &self,
        read: impl FnOnce(&Limits) -> Result<Vec<u8>, Failure> + Send + 'static,
    ) -> Result<Vec<u8>, Failure> {
        let recogniser = self.recogniser.clone();
        self.run(move || recogniser.explain_photo(read)).await
    }

    /// Answers one photo of a data set, with every breed that the model knows.
    pub(crate) async fn answer_photo(
        &self,
        read: impl FnOnce(&Limits) -> Result<Vec<u8>, Failure> + Send + 'static,
    ) -> Result<Answer, Failure> {
        let recogniser = self.recogniser.clone();
        self.run(move || recogniser.answer_photo(read)).await
    }

    /// Runs on the compute pool what decodes a photo or looks at one.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.compute.run(work).await?
    }

    /// Whether an upload from that sender would be answered now.
    pub(crate) fn takes_uploads(&self, sender: Sender) -> bool {
        self.gate.is_open(sender) && self.compute.has_room()
    }

    /// Whether the server has been asked to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Is set when the server is asked to stop.
    pub(crate) fn stopping(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stopping)
    }
}

impl From<ComputeError> for Failure {
    fn from(error: ComputeError) -> Self {
        match error {
            ComputeError::Full => Failure::busy(),
            ComputeError::Panicked => Failure::internal(),
        }
    }
}

/// A photo's bytes as a data set gives them, or why it does not.
pub(crate) fn of_data_set(path: &Path, read: io::Result<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    read.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => Failure::photo_too_large(),
        _ => {
            let shown = path.display().to_string();
            let shown = words::plain_line(&shown);
            tracing::warn!("{shown} of the data set could not be read: {error}");
            Failure::file(path, error)
        }
    })
}
