//! Why a package cannot be made, in the person's language.
use classify::{ClassifyError, OpenError};
use formats::{FormatError, Mismatch};
use graph::GraphError;
use package::{PackageError, network_reason};
use std::path::PathBuf;
use words::{FileMessage, Language, ModelMessage, Said, Say};

/// Why a package cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The file of weights cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file of weights is none, or damaged.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The file holds other weights than the network's.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The network cannot be built at this size.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The file is of a kind whose names for this network are not known.
    #[error("{backbone}: what files of this kind call its weights is not known")]
    Names {
        /// The network.
        backbone: &'static str,
    },
    /// The file is of a network that has the same layers and computes something else.
    #[error("{backbone}: the weights are of {}", lookalike.title)]
    Lookalike {
        /// The network.
        backbone: &'static str,
        /// The file's.
        lookalike: &'static zoo::Lookalike,
    },
    /// The number of classes is not that of the weights' head.
    #[error("the weights have {outputs} outputs, {wanted} are wanted for these classes")]
    Outputs {
        /// The weights'.
        outputs: usize,
        /// The classes'.
        wanted: usize,
    },
    /// The package does not hold together.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The package cannot be made ready to answer.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The network cannot be run.
    #[error(transparent)]
    Classify(#[from] ClassifyError),
    /// The photos to fit on cannot be used.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// No class of the photos is one of the package.
    #[error("{}: no folder has the name of a class with photos in it", path.display())]
    NoClass {
        /// The data set.
        path: PathBuf,
    },
    /// There is no photo with a dog to fit on.
    #[error("no photo with a dog to calibrate on")]
    NoDogs,
    /// There is no photo without a dog to fit on.
    #[error("no photo without a dog to calibrate on")]
    NoOthers,
}

impl Say for MakeError {
    fn say(&self, language: Language) -> Said {
        let say = |message: &dyn Say| message.say(language);
        match self {
            MakeError::Io { path, source } => {
                let path = &path.display().to_string();
                let reason = &source.message(language);
                say(&FileMessage::CannotRead { path, reason }).because(source, language)
            }
            MakeError::Format(error) => say(&weights(error)),
            MakeError::Mismatch(error) => mismatch(error, language),
            MakeError::Graph(error) => say(&ModelMessage::MakeNetwork {
                reason: &network_reason(error, language),
            }),
            MakeError::Names { backbone } => say(&ModelMessage::MakeNames { backbone }),
            MakeError::Lookalike {
                backbone,
                lookalike,
            } => {
                let title = lookalike.title;
                say(&match lookalike.differs {
                    zoo::Differs::Padding => ModelMessage::MakeOtherPadding { title, backbone },
                    zoo::Differs::Epsilon { instead } => ModelMessage::MakeOtherEpsilon {
                        title,
                        backbone,
                        instead,
                    },
                    zoo::Differs::Pooling => ModelMessage::MakeOtherPooling { title, backbone },
                })
            }
            MakeError::Outputs { outputs, wanted } => say(&ModelMessage::MakeOutputs {
                outputs: &outputs.to_string(),
                wanted: &wanted.to_string(),
            }),
            MakeError::Package(error) => error.say(language),
            MakeError::Open(error) => error.say(language),
            MakeError::Classify(error) => error.say(language),
            MakeError::Data(error) => error.say(language),
            MakeError::NoClass { path } => say(&ModelMessage::MakeNoClass {
                path: &path.display().to_string(),
            }),
            MakeError::NoDogs => say(&ModelMessage::MakeNoDogs),
            MakeError::NoOthers => say(&ModelMessage::MakeNoOthers),
        }
    }
}

fn weights(error: &FormatError) -> ModelMessage<'_> {
    match error {
        FormatError::Empty => ModelMessage::MakeWeightsEmpty,
        FormatError::LfsPointer => ModelMessage::GitLfsPointer,
        FormatError::Html => ModelMessage::HtmlPage,
        FormatError::Damaged { format, detail } => {
            ModelMessage::MakeWeightsDamaged { format, detail }
        }
        FormatError::Unsupported { format, detail } => {
            ModelMessage::MakeWeightsUnsupported { format, detail }
        }
        FormatError::NoCounterpart { format, layer, op } => {
            ModelMessage::ExportNoCounterpart { format, layer, op }
        }
        FormatError::Differs { format, detail } => ModelMessage::ExportDiffers { format, detail },
        FormatError::TooLarge { format, .. } => ModelMessage::MakeWeightsTooLarge { format },
        // `Unknown`, and what a later kind of file may add.
        _ => ModelMessage::MakeWeightsUnknown,
    }
}

/// Most lines of each kind that are shown.
const SHOWN: usize = 8;

/// All that does not fit: names and shapes, under headings.
fn mismatch(error: &Mismatch, language: Language) -> Said {
    let mut lines = vec![ModelMessage::MakeMismatch.text(language)];
    let mut section = |heading: fn(&str) -> ModelMessage<'_>, found: Vec<String>| {
        if found.is_empty() {
            return;
        }
        lines.push(heading(&found.len().to_string()).text(language));
        lines.extend(found.iter().take(SHOWN).map(|line| format!("  {line}")));
        if found.len() > SHOWN {
            let count = &(found.len() - SHOWN).to_string();
            lines.push(format!(
                "  {}",
                ModelMessage::MakeMore { count }.text(language)
            ));
        }
    };
    let shapes = error.shapes.iter().map(|found| {
        let (source, has, wants) = (&found.source, &found.has, &found.wants);
        format!("`{source}` {has} ≠ `{}` {wants}", found.parameter)
    });
    section(
        |count| ModelMessage::MakeOtherShapes { count },
        shapes.collect(),
    );
    let missing = error
        .missing
        .iter()
        .map(|(name, shape, source)| match source {
            Some(source) if source != name => format!("`{name}` {shape} (`{source}`)"),
            _ => format!("`{name}` {shape}"),
        });
    section(
        |count| ModelMessage::MakeMissing { count },
        missing.collect(),
    );
    let unused = error.unused.iter();
    let unused = unused.map(|(name, shape)| format!("`{name}` {shape}"));
    section(|count| ModelMessage::MakeUnused { count }, unused.collect());
    let not_finite = error.not_finite.iter().map(|name| format!("`{name}`"));
    section(
        |count| ModelMessage::MakeNotFinite { count },
        not_finite.collect(),
    );
    Said {
        kind: ModelMessage::MakeMismatch.kind(),
        text: lines.join("\n"),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Shape;

    #[test]
    fn weights_that_do_not_fit_are_listed_in_the_persons_language() {
        let shape = || Shape::new(&[3, 4]);
        let error = MakeError::from(Mismatch {
            missing: vec![("head".into(), shape(), Some("top".into()))],
            unused: (0..10).map(|n| (format!("extra_{n}"), shape())).collect(),
            ..Mismatch::default()
        });
        let said = error.message(Language::French).replace('\u{a0}', " ");
        assert!(
            said.contains("absents du fichier (1) :\n  `head` "),
            "{said}"
        );
        assert!(said.contains("(`top`)\n"), "{said}");
        assert!(said.ends_with("et 2 de plus"), "{said}");
        let said = error.message(Language::English);
        assert!(
            said.contains("Missing from the file (1):\n  `head` "),
            "{said}"
        );
    }

    #[test]
    fn a_file_that_is_none_is_said_in_french() {
        for (error, french) in [
            (FormatError::Unknown, "pas de poids que museau sache lire"),
            (FormatError::Empty, "est vide"),
            (FormatError::LfsPointer, "pointeur Git LFS"),
        ] {
            let said = MakeError::from(error).message(Language::French);
            assert!(said.contains(french), "{said}");
        }
    }
}
