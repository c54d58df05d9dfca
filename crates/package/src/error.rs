//! What may be wrong with a package, in the person's language.
use graph::{GraphError, ShapeFault};
use std::path::{Path, PathBuf};
use tensor::Shape;
use words::{Language, ModelMessage, Said, Say, TrainMessage};

/// Why a file is not a model that can be used.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// Git LFS left its pointer in the place of the file.
    #[error("this is a Git LFS pointer, not the model itself{}", size_of_object(.size))]
    GitLfsPointer {
        /// Bytes of the real file, where the pointer says so.
        size: Option<u64>,
    },
    /// A download that was answered with a web page.
    #[error("this is a web page (HTML), not a model: the download was answered with a page")]
    HtmlPage,
    /// Something else altogether.
    #[error("this is not a model of museau: {}", found.text(Language::English))]
    NotAPackage {
        /// What it seems to be: one of the messages `looks`.
        found: ModelMessage<'static>,
    },
    /// A safetensors file that another program wrote.
    #[error("these are weights (safetensors) without museau's description of the network")]
    ForeignSafetensors,
    /// The file ends too early.
    #[error("the file was cut short: it has {found} bytes of {expected}")]
    Truncated {
        /// Bytes that its header announces.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The content is not what was written.
    #[error("the file is damaged: {reason}")]
    Damaged {
        /// What does not agree.
        reason: String,
    },
    /// The header is well, the values or the description are not those that were written.
    #[error("the file is damaged: its content does not have the hash that it names")]
    WrongHash,
    /// Written by a later museau.
    #[error("the file has format version {version}, and this museau reads up to {known}")]
    Newer {
        /// The file's.
        version: u64,
        /// The newest that is understood here.
        known: u64,
    },
    /// The values do not fit the network.
    #[error("weights: `{name}` has {}, the network wants {expected}", shape_or_none(.found))]
    Shape {
        /// The parameter.
        name: String,
        /// The network's.
        expected: Shape,
        /// The file's; `None` where it is missing.
        found: Option<Shape>,
    },
    /// A value of the network is infinite or not a number.
    #[error("weights: `{name}` holds values that are infinite or not a number")]
    NotFinite {
        /// The parameter.
        name: String,
    },
    /// A description that contradicts itself.
    #[error("the description does not agree with itself: {reason}")]
    Inconsistent {
        /// What does not agree.
        reason: String,
    },
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl PackageError {
    /// Whether what [`Say::say`] says names the file.
    pub fn names_the_file(&self) -> bool {
        matches!(self, PackageError::Read { .. })
    }
}

impl Say for PackageError {
    fn say(&self, language: Language) -> Said {
        let (found, supported, path);
        let looks = |found: &ModelMessage<'_>| found.text(language);
        let shown = |path: &Path, source: &std::io::Error| {
            (path.display().to_string(), source.message(language))
        };
        let detail = self.to_string();
        let message = match self {
            PackageError::Empty => {
                found = looks(&ModelMessage::LooksEmpty);
                ModelMessage::NotAPackage { found: &found }
            }
            PackageError::NotAPackage { found: kind } => {
                found = looks(kind);
                ModelMessage::NotAPackage { found: &found }
            }
            PackageError::GitLfsPointer { .. } => ModelMessage::GitLfsPointer,
            PackageError::HtmlPage => ModelMessage::HtmlPage,
            PackageError::ForeignSafetensors => ModelMessage::ForeignSafetensors,
            PackageError::Truncated { .. } => ModelMessage::Truncated,
            PackageError::Damaged { .. } => ModelMessage::Damaged,
            PackageError::WrongHash => ModelMessage::WrongHash,
            PackageError::Newer { version, known } => {
                (found, supported) = (version.to_string(), known.to_string());
                ModelMessage::WrongVersion {
                    found: &found,
                    supported: &supported,
                }
            }
            PackageError::NotFinite { name } => ModelMessage::WeightsNotFinite { name },
            PackageError::Shape { .. } | PackageError::Inconsistent { .. } => {
                ModelMessage::WrongShapes { detail: &detail }
            }
            PackageError::Read { path: file, source } => {
                (path, found) = shown(file, source);
                ModelMessage::CannotRead {
                    path: &path,
                    reason: &found,
                }
            }
        };
        let said = message.say(language);
        match self {
            PackageError::Read { source, .. } => said.because(source, language),
            _ => said,
        }
    }
}

fn size_of_object(size: &Option<u64>) -> String {
    match size {
        Some(size) => format!(" (of {size} bytes): fetch it with `git lfs pull`"),
        None => ": fetch it with `git lfs pull`".into(),
    }
}

fn shape_or_none(found: &Option<Shape>) -> String {
    match found {
        Some(shape) => shape.to_string(),
        None => "no values".into(),
    }
}

/// A description that contradicts itself.
pub(crate) fn wrong<T>(reason: String) -> Result<T, PackageError> {
    Err(PackageError::Inconsistent { reason })
}

/// Why a network cannot be built, in the person's language; what no recipe can bring about is in
/// English.
pub fn network_reason(error: &GraphError, language: Language) -> String {
    let GraphError::Shape {
        name,
        op,
        inputs,
        reason,
    } = error
    else {
        return error.to_string();
    };
    let shape;
    let message = match reason {
        ShapeFault::Uncountable { shape: found } => {
            shape = found.to_string();
            TrainMessage::ShapeUncountable { shape: &shape }
        }
        ShapeFault::PaddingFillsWindow => TrainMessage::ShapePaddingFillsWindow,
        ShapeFault::NoWindow => TrainMessage::ShapeNoWindow,
        ShapeFault::WindowTooLarge => TrainMessage::ShapeWindowTooLarge,
        ShapeFault::TooMany => TrainMessage::ShapeTooMany,
        ShapeFault::NothingLeft => TrainMessage::ShapeNothingLeft,
        ShapeFault::Blocks => TrainMessage::ShapeBlocks,
        ShapeFault::EvenKernel => TrainMessage::ShapeEvenKernel,
        ShapeFault::Dropout => TrainMessage::ShapeDropout,
        // Of networks that neither a recipe nor the zoo makes.
        ShapeFault::Differ
        | ShapeFault::Number
        | ShapeFault::NoBroadcast
        | ShapeFault::DifferBeyondChannels
        | ShapeFault::Scalar
        | ShapeFault::NoImage => return error.to_string(),
    };
    let reason = &message.text(language);
    let inputs: Vec<String> = inputs.iter().map(ToString::to_string).collect();
    let inputs = &inputs.join(", ");
    let layer = match inputs.is_empty() {
        true => TrainMessage::ShapeLayer { name, op, reason },
        false => TrainMessage::ShapeLayerOn {
            name,
            op,
            inputs,
            reason,
        },
    };
    layer.text(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_told_as_such() {
        let read = PackageError::Read {
            path: PathBuf::from("nope.museau"),
            source: std::io::ErrorKind::NotFound.into(),
        };
        let said = read.message(Language::French);
        assert!(said.contains("nope.museau n’a pas pu être lu"), "{said}");
        assert!(said.contains("il n’existe pas"), "{said}");
        assert!(read.names_the_file());
        assert!(!PackageError::WrongHash.names_the_file());
    }
}
