//! Why photos cannot be loaded, in the person's language.
use std::path::{Path, PathBuf};

use vision::steps::{StepError, StepFault};
use vision::{DecodeError, PrepareError};
use words::{Language, Message};

use crate::Error;

/// Why photos cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// The cache cannot be read or written.
    #[error(transparent)]
    File(#[from] Error),
    /// A photo is not what the manifest says.
    #[error("{path} has changed since the data set was imported")]
    Changed {
        /// The photo.
        path: String,
    },
    /// A photo cannot be decoded.
    #[error("{path}: {source}")]
    Photo {
        /// The photo.
        path: String,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The input cannot be made as asked.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The pixels in the cache are not those that were written.
    #[error("the cache {} is damaged", path.display())]
    Damaged {
        /// The cache's file, which is removed so that the next run makes it anew.
        path: PathBuf,
    },
    /// There is no photo to load.
    #[error("there is no photo to load")]
    Nothing,
    /// A thread of the loader ended without saying why.
    #[error("a thread of the loader has failed")]
    Thread,
}

impl LoaderError {
    /// What happened and what to do about it, in the person's language.
    pub fn message(&self, language: Language) -> String {
        let say = |message| words::message(language, message);
        match self {
            LoaderError::File(error) => error.message(language),
            LoaderError::Changed { path } => say(Message::LoaderChanged { path }),
            LoaderError::Photo { path, source } => {
                let reason = &source.to_string();
                say(Message::LoaderPhoto { path, reason })
            }
            LoaderError::Prepare(error) => {
                let reason = &error.to_string();
                say(Message::LoaderPrepare { reason })
            }
            LoaderError::Damaged { path } => {
                let path = &path.display().to_string();
                say(Message::LoaderDamaged { path })
            }
            LoaderError::Nothing => say(Message::LoaderNothing),
            LoaderError::Thread => say(Message::LoaderThread),
        }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> LoaderError + '_ {
        move |source| LoaderError::File(Error::write(path)(source))
    }
}

/// What is wrong with the text of a chain of steps, in the person's language.
pub fn step_message(error: &StepError, language: Language) -> String {
    let position = &error.position.to_string();
    let message = match &error.fault {
        StepFault::Expected { expected } => Message::StepExpected { position, expected },
        StepFault::UnknownName { name, nearest } => {
            let unknown = Message::StepUnknown { position, name };
            return words::message_unknown(language, unknown, Some(nearest));
        }
        StepFault::UnknownParameter { name, nearest } => {
            let unknown = Message::StepNoParameter { position, name };
            return words::message_unknown(language, unknown, Some(nearest));
        }
        StepFault::NoName { name, known } => Message::StepNone {
            position,
            name,
            known,
        },
        StepFault::Count { step, usage } => Message::StepCount {
            position,
            step,
            usage,
        },
        StepFault::Value {
            value,
            argument,
            allowed,
        } => Message::StepValue {
            position,
            value,
            argument,
            allowed,
        },
        StepFault::TooLong => Message::StepTooLong,
    };
    words::message(language, message)
}
