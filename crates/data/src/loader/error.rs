//! Why photos cannot be loaded, in the person's language.
use std::path::{Path, PathBuf};

use vision::steps::{Range, StepError, StepFault};
use vision::{DecodeError, PrepareError};
use words::{DataMessage, Language, PreprocessMessage, Said, Say};

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
    pub(super) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> LoaderError + '_ {
        move |source| LoaderError::File(Error::write(path)(source))
    }
}

impl Say for LoaderError {
    fn say(&self, language: Language) -> Said {
        let say = |message: DataMessage<'_>| message.say(language);
        match self {
            LoaderError::File(error) => error.say(language),
            LoaderError::Changed { path } => say(DataMessage::LoaderChanged { path }),
            LoaderError::Photo { path, source } => {
                let reason = crate::photo_message(source).text(language);
                let reason = reason.trim_end_matches('.');
                say(DataMessage::LoaderPhoto { path, reason })
            }
            LoaderError::Prepare(error) => {
                let reason = &error.to_string();
                say(DataMessage::LoaderPrepare { reason })
            }
            LoaderError::Damaged { path } => {
                let path = &path.display().to_string();
                say(DataMessage::LoaderDamaged { path })
            }
            LoaderError::Nothing => say(DataMessage::LoaderNothing),
            LoaderError::Thread => say(DataMessage::LoaderThread),
        }
    }
}

/// What a step's parameter may be, in words.
pub fn range_text(range: Range, language: Language) -> String {
    let from_to = |least, most| words::Range::FromTo(least, most).text(language);
    match range {
        Range::Number(least, most) => from_to(least, most),
        Range::Whole(least, most) => from_to(least.into(), most.into()),
        Range::Odd(least, most) => {
            let (least, most) = (&least.to_string(), &most.to_string());
            PreprocessMessage::AllowedOdd { least, most }.text(language)
        }
        Range::Size(most) => {
            let most = &most.to_string();
            PreprocessMessage::AllowedSize { most }.text(language)
        }
        Range::Choice(words) => words.join(", "),
    }
}

/// What is wrong with the text of a chain of steps.
pub fn step_said(error: &StepError, language: Language) -> Said {
    let position = &error.position.to_string();
    let nearest = |name: &str, known: &[&'static str]| {
        words::nearest(name, known.iter().map(|known| (*known, *known)))
    };
    let message = match &error.fault {
        StepFault::Expected { expected } => PreprocessMessage::StepExpected { position, expected },
        StepFault::UnknownName { name, known } => {
            let Some(meant) = nearest(name, known) else {
                let known = &known.join(", ");
                let none = PreprocessMessage::StepNone {
                    position,
                    name,
                    known,
                };
                return none.say(language);
            };
            let unknown = PreprocessMessage::StepUnknown { position, name };
            return unknown.say(language).with_meant(Some(meant), language);
        }
        StepFault::UnknownParameter {
            name,
            known,
            step,
            usage,
        } => match nearest(name, known) {
            Some(meant) => {
                let unknown = PreprocessMessage::StepNoParameter { position, name };
                return unknown.say(language).with_meant(Some(meant), language);
            }
            None => PreprocessMessage::StepCount {
                position,
                step,
                usage,
            },
        },
        StepFault::Count { step, usage } => PreprocessMessage::StepCount {
            position,
            step,
            usage,
        },
        StepFault::Value {
            value,
            argument,
            allowed,
        } => {
            let allowed = &range_text(*allowed, language);
            let wrong = PreprocessMessage::StepValue {
                position,
                value,
                argument,
                allowed,
            };
            return wrong.say(language);
        }
        StepFault::TooLong => PreprocessMessage::StepTooLong,
    };
    message.say(language)
}
