//! The photos that were named: files as they are, folders walked in the order of their names.
use crate::context::Context;
use crate::failure::Status;
use anyhow::Result;
use classify::ClassifyError;
use data::{Aside, Links, Unread, What};
use std::path::{Path, PathBuf};
use vision::Photo;
use words::{FileMessage, Language, Say};

/// A photo to read, or why there is none where one was asked for.
pub type Found = Result<PathBuf, (PathBuf, String)>;

/// All photos of these files and folders. A named file is taken whatever it is called; links in
/// folders are followed to files, never to folders, so that no walk is endless.
pub fn find(context: &Context, named: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    for path in named {
        if path.is_dir() {
            let before = found.len();
            walk(context, path, &mut found);
            if found.len() == before {
                let shown = path.display().to_string();
                let said = context.say(FileMessage::NoPhotoInFolder { path: &shown });
                found.push(Err((path.clone(), said)));
            }
        } else {
            found.push(Ok(path.clone()));
        }
    }
    found
}

fn walk(context: &Context, folder: &Path, found: &mut Vec<Found>) {
    for met in data::walk(folder, Links::ToFiles) {
        let reason = match met.what {
            // A pipe or a device is told when it is to be read.
            What::Photo | What::Aside(Aside::NotAFile) => {
                found.push(Ok(met.path));
                continue;
            }
            What::Aside(Aside::Unreadable(error)) => error.message(context.language),
            What::Aside(Aside::TooDeep) => context.say(FileMessage::ReasonTooDeep),
            What::Folder | What::Aside(_) => continue,
        };
        let path = met.path.display().to_string();
        let said = context.say(FileMessage::FolderUnreadable {
            path: &path,
            reason: &reason,
        });
        found.push(Err((met.path, said)));
    }
}

/// Why a photo has no answer: what machines and what people are told.
pub struct Unanswered {
    /// The kind, stable from release to release.
    pub kind: &'static str,
    /// The sentence, with what to do, in the person's language.
    pub message: String,
}

impl Unanswered {
    /// The model cannot answer.
    pub fn model(language: Language, error: &ClassifyError) -> Self {
        Unanswered {
            kind: error.kind(),
            message: error.message(language),
        }
    }

    /// How a command ends that could not answer for this.
    pub fn status(&self) -> Status {
        match self.kind {
            "model" | "model_not_finite" => Status::Unusable,
            _ => Status::Failed,
        }
    }
}

/// Reads and decodes one photo.
pub fn load(context: &Context, one: Found) -> Result<(PathBuf, Photo), (PathBuf, Unanswered)> {
    let path = one.map_err(|(path, message)| {
        (
            path,
            Unanswered {
                kind: "cannot_read",
                message,
            },
        )
    })?;
    match data::read_photo(&path) {
        Ok(photo) => Ok((path, photo)),
        Err(why) => {
            let why = explain(context, &path, why);
            Err((path, why))
        }
    }
}

/// What is told about it.
pub fn explain(context: &Context, path: &Path, why: Unread) -> Unanswered {
    match why {
        Unread::Photo(error) => Unanswered {
            kind: error.kind(),
            message: context.say(data::photo_message(&error)),
        },
        Unread::File(error) => {
            let path = path.display().to_string();
            if error.kind() == std::io::ErrorKind::NotFound {
                let message = context.say(FileMessage::NotFound { path: &path });
                return Unanswered {
                    kind: "not_found",
                    message,
                };
            }
            let reason = error.message(context.language);
            let message = FileMessage::CannotRead {
                path: &path,
                reason: &reason,
            };
            let said = message.say(context.language);
            let message = said.because(&error, context.language).to_string();
            Unanswered {
                kind: "cannot_read",
                message,
            }
        }
    }
}
