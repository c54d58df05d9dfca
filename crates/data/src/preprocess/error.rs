//! Why no pictures are made, in the person's language.
use std::path::{Path, PathBuf};

use words::{Language, PreprocessMessage, Said, Say};

use crate::Error;

/// Why no pictures are made.
#[derive(Debug, thiserror::Error)]
pub enum PicturesError {
    /// A picture would be written over the photo that it is made of.
    #[error("{} is an original", path.display())]
    OverOriginal {
        /// The original.
        path: PathBuf,
    },
    /// Something stands in the pictures' places that museau did not make.
    #[error("{} files of others stand in the places of pictures", paths.len())]
    OverOther {
        /// What stands there.
        paths: Vec<PathBuf>,
    },
    /// The pictures would become a part of their source.
    #[error("{} is a part of {}", path.display(), holder.display())]
    IntoSource {
        /// Where the pictures would go.
        path: PathBuf,
        /// The source that holds it.
        holder: PathBuf,
    },
    /// The manifest of earlier pictures cannot be read.
    #[error(transparent)]
    Manifest(#[from] Error),
}

/// How many of others' files are named.
const MOST_NAMED: usize = 10;

impl Say for PicturesError {
    fn say(&self, language: Language) -> Said {
        let shown = |path: &Path| path.display().to_string();
        match self {
            PicturesError::OverOriginal { path } => {
                let path = &shown(path);
                PreprocessMessage::OverOriginal { path }.say(language)
            }
            PicturesError::OverOther { paths } => {
                let named = paths.iter().take(MOST_NAMED).map(|path| shown(path));
                let mut named = named.collect::<Vec<_>>().join(", ");
                if paths.len() > MOST_NAMED {
                    named.push_str(&format!(", ... ({})", paths.len()));
                }
                PreprocessMessage::OverOther { paths: &named }.say(language)
            }
            PicturesError::IntoSource { path, holder } => {
                let (path, source) = (&shown(path), &shown(holder));
                PreprocessMessage::IntoSource { path, source }.say(language)
            }
            PicturesError::Manifest(error) => error.say(language),
        }
    }
}
