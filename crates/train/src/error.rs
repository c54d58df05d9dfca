//! Why a network cannot be trained as it was asked, in the person's language.
use engine::EngineError;
use std::io;
use std::path::{Path, PathBuf};
use words::{Language, Range, Said, Say, TrainMessage};

/// Why a network cannot be trained as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// There is no optimiser, schedule or the like of this name.
    #[error("{what}: there is no `{name}`; known are {known}")]
    Unknown {
        /// The recipe's key.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// All that there are.
        known: String,
    },
    /// An option that the chosen optimiser or schedule does not take.
    #[error("`{name}` takes no `{option}`")]
    Option {
        /// The optimiser or schedule.
        name: String,
        /// The option's key.
        option: &'static str,
    },
    /// A number outside of its range.
    #[error("`{option}` is {value}, it must be {range}")]
    Range {
        /// The key.
        option: &'static str,
        /// What was given.
        value: f64,
        /// What may be given.
        range: Range,
    },
    /// What an optimiser kept is of another training.
    #[error("what the optimiser kept does not fit: `{name}` is missing or has another shape")]
    Kept {
        /// The tensor.
        name: String,
    },
    /// A recipe is no TOML, or a word in it is none of those that may stand there.
    #[error("the recipe cannot be understood: {reason}")]
    Toml {
        /// Where, and why.
        reason: String,
    },
    /// A key that recipes do not have.
    #[error("a recipe has no key `{key}`")]
    Key {
        /// The key.
        key: String,
        /// A known one.
        nearest: Option<&'static str>,
    },
    /// A key that stands in a recipe twice, under two names.
    #[error("`{key}` and `{other}` are the same key of a recipe")]
    KeyTwice {
        /// One name.
        key: String,
        /// The other.
        other: String,
    },
    /// A key with a value of the wrong kind.
    #[error("`{key}` is {value}, it must be {}", kind.message().text(Language::English))]
    Value {
        /// The key.
        key: String,
        /// What stands there.
        value: String,
        /// What may stand there.
        kind: crate::recipe::Kind,
    },
    /// Keys of the small network are given for another one.
    #[error("`{network}` has a shape of its own: filters, kernels and the like are for `lenet`")]
    NotItsOwn {
        /// The network.
        network: String,
    },
    /// The recipe names initial weights, and none were given.
    #[error("the initial weights `{name}` were not given")]
    NoInitial {
        /// What the recipe calls them.
        name: String,
    },
    /// The network of the initial weights has no layer that a new head could replace.
    #[error("`{name}` has no last layer with weights that could be replaced")]
    InitialHead {
        /// What the recipe calls them.
        name: String,
    },
    /// A file of initial weights does not say of which backbone it is.
    #[error("`{name}` does not say which network its weights are of")]
    InitialBackbone {
        /// What the recipe calls them.
        name: String,
    },
    /// The initial weights are another network's than the recipe asks for.
    #[error("`{name}` are weights of {found}, and the recipe asks for {asked}")]
    InitialNetwork {
        /// What the recipe calls them.
        name: String,
        /// Their network.
        found: &'static str,
        /// The recipe's.
        asked: &'static str,
    },
    /// The initial weights cannot be used at the recipe's size.
    #[error("`{name}` is a network for {own} pixels, and the recipe asks for {size}")]
    InitialSize {
        /// What the recipe calls them.
        name: String,
        /// Their height.
        own: usize,
        /// The recipe's.
        size: usize,
    },
    /// Stages that cannot be understood.
    #[error("`{text}` are no stages")]
    Stages {
        /// What was written.
        text: String,
    },
    /// Stages of a network that starts at random.
    #[error("stages unfreeze layers of initial weights, and there are none")]
    StagesOfNothing,
    /// No layer is called so that it could be frozen.
    #[error("no layer's name begins with `{prefix}`")]
    Freeze {
        /// What a name should begin with.
        prefix: String,
        /// A layer that there is.
        nearest: Option<String>,
    },
    /// A chain of steps cannot be understood.
    #[error("`{key}`: {source}")]
    Steps {
        /// The key of the recipe.
        key: &'static str,
        /// Where, and why.
        source: vision::steps::StepError,
    },
    /// The views cannot be understood.
    #[error(transparent)]
    Views(#[from] graph::ParseViewsError),
    /// The network cannot be built at this size.
    #[error("the network cannot be built: {0}")]
    Network(#[from] graph::GraphError),
    /// The recipe names no data set.
    #[error("the recipe names no data set")]
    NoSource,
    /// There is one class or none.
    #[error("{count} classes: there is nothing to tell apart")]
    Classes {
        /// How many there are.
        count: usize,
    },
    /// A class has no training photo.
    #[error("class `{class}` has no training photo")]
    EmptyClass {
        /// The class.
        class: String,
    },
    /// More memory than there is.
    #[error(
        "the training needs {needed} bytes ({parameters} of parameters, gradients and the \
         optimiser's own, {working} to work in), and may have {limit}"
    )]
    Memory {
        /// Bytes in all.
        needed: usize,
        /// Bytes of parameters, gradients and what the optimiser keeps.
        parameters: usize,
        /// Bytes that a step works in.
        working: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The loss became infinite or no number.
    #[error("no number is left in epoch {epoch}, batch {batch} (rate {rate}): it began in {place}")]
    NotFinite {
        /// The epoch, counted from 1.
        epoch: u32,
        /// The batch of it, counted from 1; 0 where it showed on the validation photos.
        batch: usize,
        /// The learning rate.
        rate: f32,
        /// The loss, or the first parameter that is not finite.
        place: String,
    },
    /// The folder belongs to a training that runs.
    #[error("another training works in {}", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// There is a run in the folder already.
    #[error("{} holds a run already", folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// There is something else than a run in the folder.
    #[error("{} is not empty", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The data set lies in the folder that the run is to have.
    #[error("{} holds {}, which the training is made of", folder.display(), held.display())]
    HoldsSource {
        /// The folder.
        folder: PathBuf,
        /// The data set, or its decisions.
        held: PathBuf,
    },
    /// The network of the kept epoch is not what was written.
    #[error("{} is damaged: {reason}", path.display())]
    BestNetwork {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no run in the folder to go on with.
    #[error("{} holds no run", folder.display())]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// No checkpoint of a run is whole.
    #[error("no checkpoint in {} is whole: {reason}", folder.display())]
    Checkpoint {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with the newest.
        reason: String,
    },
    /// The run was begun with another recipe or on other photos.
    #[error("the run in {} was begun with {what}", folder.display())]
    Other {
        /// The folder.
        folder: PathBuf,
        /// `another recipe`, `other photos` or the like.
        what: Difference,
    },
    /// A file or a data set cannot be used.
    #[error(transparent)]
    File(#[from] data::Error),
    /// Photos cannot be loaded.
    #[error(transparent)]
    Loader(#[from] data::loader::LoaderError),
    /// The network gives no probabilities.
    #[error(transparent)]
    Score(#[from] data::score::ScoreError),
    /// The engine refuses.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The package cannot be made.
    #[error(transparent)]
    Package(#[from] crate::make::MakeError),
}

/// What a run was begun with, that it is not to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Another recipe.
    Recipe,
    /// Other photos.
    Photos,
    /// Other initial weights.
    Initial,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Difference::Recipe => "another recipe",
            Difference::Photos => "other photos",
            Difference::Initial => "other initial weights",
        })
    }
}

impl TrainError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> TrainError + '_ {
        move |source| {
            let path = path.to_owned();
            data::Error::Read { path, source }.into()
        }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> TrainError + '_ {
        move |source| {
            let path = path.to_owned();
            data::Error::Write { path, source }.into()
        }
    }
}

impl Say for TrainError {
    fn say(&self, language: Language) -> Said {
        let say = |message: TrainMessage<'_>| message.say(language);
        let shown = |path: &Path| path.display().to_string();
        let megabytes = |bytes: usize| (bytes / 1_000_000).to_string();
        match self {
            TrainError::Unknown { what, name, known } => {
                say(TrainMessage::Unknown { what, name, known })
            }
            TrainError::Option { name, option } => say(TrainMessage::Option { name, option }),
            TrainError::Range {
                option,
                value,
                range,
            } => {
                let (value, range) = (&value.to_string(), &range.text(language));
                say(TrainMessage::Range {
                    option,
                    value,
                    range,
                })
            }
            TrainError::Kept { name } => say(TrainMessage::Kept { name }),
            TrainError::Toml { reason } => say(TrainMessage::Toml { lines: reason }),
            TrainError::Key { key, nearest } => TrainMessage::Key { key }
                .say(language)
                .with_meant(*nearest, language),
            TrainError::KeyTwice { key, other } => say(TrainMessage::KeyTwice { key, other }),
            TrainError::Value { key, value, kind } => {
                let kind = &kind.message().text(language);
                say(TrainMessage::Value { key, value, kind })
            }
            TrainError::NotItsOwn { network } => say(TrainMessage::NotItsOwn { network }),
            TrainError::Stages { text } => say(TrainMessage::Stages { text }),
            TrainError::StagesOfNothing => say(TrainMessage::StagesOfNothing),
            TrainError::NoInitial { name } => say(TrainMessage::NoInitial { name }),
            TrainError::InitialHead { name } => say(TrainMessage::InitialHead { name }),
            TrainError::InitialBackbone { name } => say(TrainMessage::InitialBackbone { name }),
            TrainError::InitialNetwork { name, found, asked } => {
                say(TrainMessage::InitialNetwork { name, found, asked })
            }
            TrainError::InitialSize { name, own, size } => {
                let (own, size) = (&own.to_string(), &size.to_string());
                say(TrainMessage::InitialSize { name, own, size })
            }
            TrainError::Freeze { prefix, nearest } => {
                let unknown = TrainMessage::Freeze { prefix };
                unknown
                    .say(language)
                    .with_meant(nearest.as_deref(), language)
            }
            TrainError::Steps { key, source } => {
                let reason = &data::loader::step_said(source, language).to_string();
                say(TrainMessage::Steps { key, reason })
            }
            TrainError::Views(graph::ParseViewsError(view)) => say(TrainMessage::Views { view }),
            TrainError::Network(error) => {
                let reason = &package::network_reason(error, language);
                say(TrainMessage::Network { reason })
            }
            TrainError::NoSource => say(TrainMessage::NoSource),
            TrainError::Classes { count } => {
                let count = &count.to_string();
                say(TrainMessage::Classes { count })
            }
            TrainError::EmptyClass { class } => say(TrainMessage::EmptyClass { class }),
            TrainError::Memory {
                needed,
                parameters,
                working,
                limit,
            } => say(TrainMessage::Memory {
                needed: &megabytes(*needed),
                parameters: &megabytes(*parameters),
                working: &megabytes(*working),
                limit: &megabytes(*limit),
            }),
            TrainError::NotFinite {
                epoch,
                batch,
                rate,
                place,
            } => {
                let (rate, epoch_text) = (&rate.to_string(), &epoch.to_string());
                let mut said = match batch {
                    0 => say(TrainMessage::NotFiniteValidation {
                        epoch: epoch_text,
                        rate,
                        place,
                    }),
                    _ => say(TrainMessage::NotFinite {
                        epoch: epoch_text,
                        batch: &batch.to_string(),
                        rate,
                        place,
                    }),
                };
                // The first epoch ends with the first checkpoint.
                if *epoch > 1 {
                    said.text += " ";
                    said.text += &TrainMessage::CheckpointKept.text(language);
                }
                said
            }
            TrainError::InUse { folder } => say(TrainMessage::InUse {
                path: &shown(folder),
            }),
            TrainError::Taken { folder } => say(TrainMessage::Taken {
                path: &shown(folder),
            }),
            TrainError::NotEmpty { folder } => say(TrainMessage::NotEmpty {
                path: &shown(folder),
            }),
            TrainError::HoldsSource { folder, held } => say(TrainMessage::HoldsSource {
                path: &shown(folder),
                source: &shown(held),
            }),
            TrainError::BestNetwork { path, reason } => say(TrainMessage::BestNetwork {
                path: &shown(path),
                reason,
            }),
            TrainError::NoRun { folder } => say(TrainMessage::NoRun {
                path: &shown(folder),
            }),
            TrainError::Checkpoint { folder, reason } => say(TrainMessage::Checkpoint {
                path: &shown(folder),
                reason,
            }),
            TrainError::Other { folder, what } => {
                let path = &shown(folder);
                say(match what {
                    Difference::Recipe => TrainMessage::OtherRecipe { path },
                    Difference::Photos => TrainMessage::OtherPhotos { path },
                    Difference::Initial => TrainMessage::OtherInitial { path },
                })
            }
            TrainError::File(error) => error.say(language),
            TrainError::Loader(error) => error.say(language),
            TrainError::Score(error) => say(TrainMessage::Network {
                reason: &error.to_string(),
            }),
            TrainError::Engine(EngineError::NothingTrained) => say(TrainMessage::NothingTrained),
            TrainError::Engine(error) => say(TrainMessage::Network {
                reason: &error.to_string(),
            }),
            TrainError::Package(error) => error.say(language),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipe;

    #[test]
    fn what_is_wrong_with_a_network_is_said_in_french() {
        let said = |changes: &[(&str, &str)]| {
            let recipe = Recipe::default().set(changes.iter().copied());
            let error = recipe
                .and_then(|recipe| crate::run::network(&recipe, None, 3))
                .unwrap_err();
            error.message(Language::French).replace('\u{a0}', " ")
        };
        let small = said(&[("input.size", "8"), ("model.filters", "4,4,4,4,4")]);
        assert!(
            small.contains("couche « pool_4 »") && small.contains("plus grande que l’image"),
            "{small}"
        );
        let blocks = said(&[("model.filters", "4")]);
        assert!(blocks.contains("deux à cinq blocs"), "{blocks}");
        let views = said(&[("input.views", "stretch+cropp")]);
        assert!(views.contains("« cropp »"), "{views}");
        let kernels = said(&[("model.kernels", "4")]);
        assert!(kernels.contains("taille impaire"), "{kernels}");
    }
}
