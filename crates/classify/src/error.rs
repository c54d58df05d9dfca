//! Why a package cannot be made ready to answer, or a photo not be answered, in the person's language.
use engine::EngineError;
use package::PackageError;
use words::{Language, ModelMessage, Said, Say};

/// Why a package cannot be made ready to answer.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is not a package that can be used.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Photos cannot be prepared as it asks.
    #[error("the description does not agree with itself: {0}")]
    Prepare(#[from] vision::PrepareError),
    /// Its network has no dense or 1 x 1 layer that features could be taken before.
    #[error("the description does not agree with itself: the network has no classification head")]
    NoHead,
    /// Its network cannot be run.
    #[error("the network cannot be run: {0}")]
    Engine(#[from] EngineError),
}

impl OpenError {
    /// Whether what [`Say::say`] says names the file.
    pub fn names_the_file(&self) -> bool {
        matches!(self, OpenError::Package(error) if error.names_the_file())
    }
}

impl Say for OpenError {
    fn say(&self, language: Language) -> Said {
        match self {
            OpenError::Package(error) => error.say(language),
            OpenError::Engine(EngineError::Memory { needed, limit, .. }) => {
                let needed = &needed.div_ceil(1_000_000).to_string();
                let limit = &(limit / 1_000_000).to_string();
                ModelMessage::Memory { needed, limit }.say(language)
            }
            OpenError::Prepare(_) | OpenError::NoHead | OpenError::Engine(_) => {
                let detail = &self.to_string();
                ModelMessage::WrongShapes { detail }.say(language)
            }
        }
    }
}

/// Why a photo cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum ClassifyError {
    /// The package's preparation cannot be done here.
    #[error(transparent)]
    Prepare(#[from] vision::PrepareError),
    /// The network did not take what was prepared.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The network gives values that are infinite or not a number: nothing can be said of the photo.
    #[error("the network gives values that are infinite or not a number")]
    NotFinite,
}

impl ClassifyError {
    /// The kind, stable from release to release, as JSON and the API show it.
    pub fn kind(&self) -> &'static str {
        match self {
            ClassifyError::Prepare(_) | ClassifyError::Engine(_) => "model",
            ClassifyError::NotFinite => "model_not_finite",
        }
    }
}

impl Say for ClassifyError {
    fn say(&self, language: Language) -> Said {
        match self {
            ClassifyError::Prepare(_) | ClassifyError::Engine(_) => {
                let reason = &self.to_string();
                ModelMessage::MakeCannotRun { reason }.say(language)
            }
            ClassifyError::NotFinite => ModelMessage::NotFinite.say(language),
        }
    }
}
