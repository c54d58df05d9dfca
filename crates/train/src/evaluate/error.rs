//! Why a model cannot be evaluated.

use classify::ClassifyError;
use data::score::ScoreError;
use words::{EvaluateMessage, Language, Said, Say};

/// Why a model cannot be evaluated on a data set.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The model knows none of the classes of the photos.
    #[error("the model knows none of the classes of the photos")]
    NoClass,
    /// None of the photos can be read.
    #[error("none of the photos can be read")]
    NoPhoto,
    /// The model's preparation or network refuses a photo.
    #[error(transparent)]
    Classify(ClassifyError),
    /// The network gives no numbers.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

impl Say for EvaluateError {
    fn say(&self, language: Language) -> Said {
        match self {
            EvaluateError::NoClass => EvaluateMessage::NoClass.say(language),
            EvaluateError::NoPhoto => EvaluateMessage::NoPhoto.say(language),
            EvaluateError::Classify(error) => error.say(language),
            EvaluateError::Score(error) => {
                let reason = &error.to_string();
                EvaluateMessage::NoNumbers { reason }.say(language)
            }
        }
    }
}
