//! Why an archive was not fetched, in the person's language.
use std::io;
use std::path::PathBuf;

use words::{DataMessage, FileMessage, Language, Said, Say};

/// Why an archive was not fetched. What had arrived stays where a rerun goes on from it, except
/// after [`FetchError::WrongBytes`].
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The place answers with a status that is no success, or the mirror's folder lacks the file.
    #[error("{place} does not have it: {answer}")]
    Refused {
        /// The address or the path.
        place: String,
        /// The status, or what the system said.
        answer: String,
    },
    /// The transfer broke off, again and again.
    #[error("{place}: broke off after {arrived} bytes: {reason}")]
    Broken {
        /// The address or the path.
        place: String,
        /// Bytes that have arrived, and are kept.
        arrived: u64,
        /// What happened last.
        reason: String,
    },
    /// The file there has another length than the published one.
    #[error("{place} has {found} bytes, not {wanted}")]
    WrongLength {
        /// The address or the path.
        place: String,
        /// The length there.
        found: u64,
        /// The published length.
        wanted: u64,
    },
    /// The file has the right length but another content.
    #[error("{place} has the checksum {found}, not {wanted}")]
    WrongBytes {
        /// The address or the path.
        place: String,
        /// The checksum of what arrived.
        found: String,
        /// The published one.
        wanted: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process is fetching into the same place.
    #[error("{} is being written by another process", path.display())]
    InUse {
        /// The unfinished file.
        path: PathBuf,
    },
}

impl Say for FetchError {
    fn say(&self, language: Language) -> Said {
        match self {
            FetchError::Refused { place, answer } => {
                DataMessage::FetchRefused { place, answer }.say(language)
            }
            FetchError::Broken {
                place,
                arrived,
                reason,
            } => {
                let arrived = &arrived.to_string();
                DataMessage::FetchBroken {
                    place,
                    arrived,
                    reason,
                }
                .say(language)
            }
            FetchError::WrongLength {
                place,
                found,
                wanted,
            } => {
                let (found, wanted) = (&found.to_string(), &wanted.to_string());
                DataMessage::FetchWrongLength {
                    place,
                    found,
                    wanted,
                }
                .say(language)
            }
            FetchError::WrongBytes { place, .. } => {
                DataMessage::FetchWrongBytes { place }.say(language)
            }
            FetchError::File { path, source } => {
                let path = &path.display().to_string();
                let reason = &source.message(language);
                let said = FileMessage::CannotWrite { path, reason }.say(language);
                said.because(source, language)
            }
            FetchError::InUse { path } => {
                let path = &path.display().to_string();
                DataMessage::FetchInUse { path }.say(language)
            }
        }
    }
}
