//! Why a model cannot be evaluated.

use classify::ClassifyError;
use data::score::ScoreError;
use words::{Language, Message};

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

impl EvaluateError {
    /// What happened and what to do about it, in the person's language.
    pub fn message(&self, language: Language) -> String {
        match self {
            EvaluateError::NoClass => words::message(language, Message::EvaluateNoClass),
            EvaluateError::NoPhoto => words::message(language, Message::EvaluateNoPhoto),
            EvaluateError::Classify(error) => error.text(language),
            EvaluateError::Score(error) => {
                let reason = &error.to_string();
                words::message(language, Message::EvaluateNoNumbers { reason })
            }
        }
    }
}
