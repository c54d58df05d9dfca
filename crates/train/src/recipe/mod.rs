//! A recipe: all that a training depends on but the photos themselves, as one TOML file.
//!
//! Every key is also a flag of the command line (`--optimizer.rate 0.001`): [`Recipe::set`]. An
//! unknown key is an error that names the nearest known one.
use crate::{OptimizerOptions, ScheduleOptions, TrainError};
use data::split::ClassRequest;
use graph::{Filter, View};
use serde::{Deserialize, Serialize};
use std::path::Path;
use toml::{Table, Value};
use vision::augment::Augmentation;
use vision::filters::Pipeline;
use zoo::{DenseHead, LeNet};

mod keys;
mod stages;
mod table;
mod written;

pub(crate) use keys::in_range;
pub use keys::{KEYS, Key, Kind, find};
pub use stages::{From, Stage, Stages};
pub use written::{Architecture, FromText, Prefixes, Written};

use written::LENET;

/// All that a training depends on but the photos themselves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// Which photos.
    pub data: DataSection,
    /// How a photo becomes the network's input.
    pub input: InputSection,
    /// Classic preprocessing, before the input.
    pub preprocess: StepsSection,
    /// Augmentation, of train photos alone.
    pub augment: AugmentSection,
    /// The network.
    pub model: ModelSection,
    /// What stands on the last features of a network that has no head of its own.
    pub head: DenseHead,
    /// The optimiser.
    pub optimizer: OptimizerOptions,
    /// The learning rate over time.
    pub schedule: ScheduleOptions,
    /// The rest.
    pub train: TrainSection,
}

/// Which photos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataSection {
    /// A manifest, or anything else that a data set is imported from. A relative path starts at the
    /// recipe's folder.
    pub source: String,
    /// Further data sets, whose photos are used together with those of `source`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Which classes go by another name, or are left out: a table ([`data::ClassMap`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_map: Option<String>,
    /// Decisions about photos, to be honoured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<String>,
    /// The classes to tell apart: a number, or names joined by commas; empty for all.
    pub classes: Written<ClassRequest>,
    /// The share of the photos outside the test split for validation, where the data set has no
    /// such part.
    pub validation: f64,
    /// What decides that draw.
    pub seed: u64,
    /// At most so many photos of a class in each part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<usize>,
}

impl DataSection {
    /// All data sets, in their order.
    pub fn all_sources(&self) -> impl Iterator<Item = &str> {
        let first = Some(self.source.as_str()).filter(|source| !source.is_empty());
        first
            .into_iter()
            .chain(self.sources.iter().map(String::as_str))
    }

    /// All that names a file or a folder.
    pub fn paths_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let tables = self.class_map.iter_mut().chain(&mut self.decisions);
        let sources = std::iter::once(&mut self.source).chain(&mut self.sources);
        sources.chain(tables).filter(|path| !path.is_empty())
    }
}

impl Default for DataSection {
    fn default() -> Self {
        DataSection {
            source: String::new(),
            sources: Vec::new(),
            class_map: None,
            decisions: None,
            classes: written(""),
            validation: 0.2,
            seed: 1,
            most: None,
        }
    }
}

/// How a photo becomes the network's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InputSection {
    /// Height and width.
    pub size: usize,
    /// The resampling filter.
    pub filter: Filter,
    /// How photos are looked at, as `models make --views` has it. Training uses the first view;
    /// answers are the mean of all.
    pub views: Written<Vec<View>>,
}

impl Default for InputSection {
    fn default() -> Self {
        InputSection {
            size: 64,
            filter: Filter::Bilinear,
            views: written("stretch"),
        }
    }
}

/// A chain of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepsSection {
    /// As text: `clahe(2,8) | gaussian(3)`; empty for none.
    pub steps: Written<Pipeline>,
}

impl Default for StepsSection {
    fn default() -> Self {
        StepsSection { steps: written("") }
    }
}

/// Augmentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AugmentSection {
    /// As text: `flip | rotate(15) | zoom(0.8,1.2) | mixup(0.2)`; empty for none.
    pub steps: Written<Augmentation>,
    /// How many times larger than the input the pictures are stored that it chooses from.
    pub margin: f32,
    /// Where all but the head is frozen: how many augmented views of each photo the head is trained on,
    /// whose features are computed once; 0 to compute them anew in each epoch. 4 where there is none, or 1
    /// without augmentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<usize>,
}

impl Default for AugmentSection {
    fn default() -> Self {
        AugmentSection {
            steps: written(""),
            margin: 1.0,
            views: None,
        }
    }
}

/// The network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelSection {
    /// `lenet`, or a backbone of the zoo. With initial weights it is theirs.
    pub network: Written<Architecture>,
    /// The weights that the training starts from, by name or path; drawn at random without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial: Option<String>,
    /// The layers that are not trained: those whose names begin with one of these texts, joined by
    /// commas; `*` for all that come with the initial weights. Their batch norms use the moving
    /// statistics and leave them.
    pub freeze: Written<Prefixes>,
    /// Whether batch norms that come with the initial weights are trained where their layers are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_norms: Option<bool>,
    /// What a `lenet` is made of; each family has a table of its own.
    pub lenet: LeNet,
}

impl Default for ModelSection {
    fn default() -> Self {
        ModelSection {
            network: written(LENET),
            initial: None,
            freeze: written(""),
            batch_norms: None,
            lenet: LeNet::default(),
        }
    }
}

/// A default.
fn written<T: FromText>(text: &str) -> Written<T> {
    Written::read(text).expect("a default makes sense")
}

/// What counts as better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// A lower loss on the validation photos.
    #[default]
    ValLoss,
    /// More of them predicted correctly.
    ValAccuracy,
}

/// What photos of each class count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// 1 each.
    #[default]
    None,
    /// So that all classes count the same: photos / (classes x photos of the class).
    Balanced,
}

/// The rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainSection {
    /// The run's name; the recipe file's where it is empty.
    pub name: String,
    /// Passes over the train photos; with stages, of all of them together.
    pub epochs: u32,
    /// Stages that train more of a network that starts from weights, one after the other, as text:
    /// `head 10 0.001 | block7 5 0.0001`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stages: Option<Written<Stages>>,
    /// Photos of a step.
    pub batch: usize,
    /// Batches whose gradients make one step of the optimiser.
    pub accumulate: u32,
    /// What decides initial weights, order, augmentation and dropout.
    pub seed: u64,
    /// How much of each target is shared out among all classes.
    pub label_smoothing: f32,
    /// What photos of each class count.
    pub class_weights: ClassWeights,
    /// What counts as better.
    pub monitor: Monitor,
    /// Epochs without anything better after which it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u32>,
    /// Whether the result is the best epoch's network rather than the last one's.
    pub restore_best: bool,
    /// Seconds between checkpoints at least; 0 for one each epoch.
    pub checkpoint_seconds: f64,
}

impl Default for TrainSection {
    fn default() -> Self {
        TrainSection {
            name: String::new(),
            epochs: 60,
            stages: None,
            batch: 32,
            accumulate: 1,
            seed: 1,
            label_smoothing: 0.0,
            class_weights: ClassWeights::None,
            monitor: Monitor::ValLoss,
            patience: None,
            restore_best: true,
            checkpoint_seconds: 30.0,
        }
    }
}

impl Recipe {
    /// A hash of what it asks for, wherever the photos lie, hexadecimal.
    pub(crate) fn hash(&self) -> String {
        let mut asked = self.clone();
        asked.data.source = String::new();
        asked.data.sources = Vec::new();
        asked.data.class_map = None;
        asked.data.decisions = None;
        // Known by their content.
        asked.model.initial = asked.model.initial.map(|_| String::new());
        // What a later version adds stands at its default and changes nothing.
        let defaults = Recipe::default().flat();
        let mut hasher = blake3::Hasher::new();
        for pair in asked.flat() {
            if !defaults.contains(&pair) {
                hasher.update(format!("{} = {}\n", pair.0, pair.1).as_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// From the text of a TOML file.
    ///
    /// # Errors
    /// What is no TOML, an unknown key, a value of the wrong kind or out of its range.
    pub fn parse(text: &str) -> Result<Self, TrainError> {
        let table = text.parse::<Table>().map_err(|error| TrainError::Toml {
            reason: error.to_string().trim_end().to_owned(),
        })?;
        Self::from_table(table)
    }

    /// From a TOML file; the name is the file's where it gives none.
    ///
    /// # Errors
    /// As [`Recipe::parse`], and a file that cannot be read.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let mut recipe = Self::parse(&Self::read_text(path)?)?;
        if recipe.train.name.is_empty()
            && let Some(stem) = path.file_stem()
        {
            recipe.train.name = stem.to_string_lossy().into_owned();
        }
        Ok(recipe)
    }

    /// The text of a TOML file, to be read over a base.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read_text(path: &Path) -> Result<String, TrainError> {
        tensor::read_text(path).map_err(TrainError::read(path))
    }

    /// What the text of a TOML file says, and `base` where it says nothing.
    ///
    /// # Errors
    /// As [`Recipe::parse`].
    pub fn parse_over(base: &Recipe, text: &str) -> Result<Self, TrainError> {
        // What is wrong with it is told of the text alone.
        let own = text.parse::<Table>().map_err(|error| TrainError::Toml {
            reason: error.to_string().trim_end().to_owned(),
        })?;
        let mut table = table::of(base);
        for (key, value) in table::values(own)? {
            table::put(&mut table, key.name, value);
        }
        Self::from_table(table)
    }

    /// The same with other values of some keys, `section.key` each, given as a person writes them on
    /// a command line: text needs no quotes.
    ///
    /// # Errors
    /// As [`Recipe::parse`].
    pub fn set<'a>(
        &self,
        changes: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, TrainError> {
        let mut table = table::of(self);
        for (name, text) in changes {
            let key = keys::find(name)?;
            let wrong = || TrainError::Value {
                key: key.name.to_owned(),
                value: text.to_owned(),
                kind: key.kind,
            };
            match key.kind.read(text).ok_or_else(wrong)? {
                Some(value) => table::put(&mut table, key.name, value),
                None => table::remove(&mut table, key.name),
            }
        }
        Self::from_table(table)
    }

    /// The whole recipe as TOML, defaults too.
    pub fn text(&self) -> String {
        table::of(self).to_string()
    }

    /// Every key that has a value, as `section.key` and text.
    pub fn flat(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for (section, values) in table::of(self) {
            for (key, value) in values.as_table().into_iter().flatten() {
                let text = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                all.push((format!("{section}.{key}"), text));
            }
        }
        all
    }

    fn from_table(table: Table) -> Result<Self, TrainError> {
        let mut recipe: Recipe =
            Value::Table(table::checked(table)?)
                .try_into()
                .map_err(|error: toml::de::Error| TrainError::Toml {
                    reason: error.to_string().trim_end().to_owned(),
                })?;
        if let Some(stages) = &recipe.train.stages {
            recipe.train.epochs = stages.epochs();
        }
        recipe.model.lenet.size = recipe.input.size;
        recipe.model.lenet.head = recipe.head.clone();
        recipe.check()?;
        Ok(recipe)
    }

    /// The recipe of each stage: of one that has none, itself. What is frozen besides is told by
    /// [`Stage::from`].
    pub fn stages(&self) -> Vec<(Option<Stage>, Recipe)> {
        let Some(stages) = &self.train.stages else {
            return vec![(None, self.clone())];
        };
        let of_stage = |stage: &Stage| {
            let mut recipe = self.clone();
            recipe.train.epochs = stage.epochs;
            recipe.optimizer.rate = stage.rate.or(recipe.optimizer.rate);
            (Some(stage.clone()), recipe)
        };
        stages.0.iter().map(of_stage).collect()
    }

    /// Whether the numbers make sense, as far as they can be judged without photos.
    fn check(&self) -> Result<(), TrainError> {
        for (section, values) in table::of(self) {
            for (name, value) in values.as_table().into_iter().flatten() {
                let several = value
                    .as_array()
                    .map_or(std::slice::from_ref(value), Vec::as_slice);
                for value in several {
                    let whole = || value.as_integer().map(|number| number as f64);
                    if let Some(number) = value.as_float().or_else(whole) {
                        keys::in_range(&format!("{section}.{name}"), number)?;
                    }
                }
            }
        }
        self.optimizer.build()?;
        self.schedule.build()?;
        if self.train.stages.is_some() && self.model.initial.is_none() {
            return Err(TrainError::StagesOfNothing);
        }
        let own = LeNet {
            size: self.input.size,
            ..LeNet::default()
        };
        // The head that is put on initial weights may be any.
        let own = match self.model.initial {
            Some(_) => LeNet {
                head: self.head.clone(),
                ..own
            },
            None => own,
        };
        let is_its_own = self.model.lenet == own;
        let is_lenet = matches!(*self.model.network, Architecture::LeNet);
        match is_its_own || is_lenet && self.model.initial.is_none() {
            true => Ok(()),
            false => Err(TrainError::NotItsOwn {
                network: match &self.model.initial {
                    Some(initial) => initial.clone(),
                    None => self.model.network.text().to_owned(),
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests;
