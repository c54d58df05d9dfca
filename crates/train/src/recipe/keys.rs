//! The keys of a recipe: what each is for and what may stand behind it.
use super::stages::Stages;
use super::written::{Architecture, FromText as _};
use crate::{TrainError, optimizers, schedules};
use graph::View;
use toml::Value;
use vision::augment::Augmentation;
use vision::filters::Pipeline;
use words::{Range, TrainMessage};

/// A key of a recipe.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.key`, as it is written.
    pub name: &'static str,
    /// Where else it may stand, for the keys of one family of networks and of the head:
    /// `model.lenet.filters`, `head.units`. Recipes had them all in `[model]` when there was one family,
    /// and are still written so: the same recipe has the same text, and goes on with the same runs.
    table: Option<&'static str>,
    /// What may stand behind it.
    pub kind: Kind,
    /// Which numbers, where not all of its kind.
    pub range: Option<Range>,
    /// What it is for, in a few English words, for the command line's help.
    pub help: &'static str,
}

/// What may stand behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Several texts.
    Texts,
    /// A whole number, 0 or more.
    Whole,
    /// A number.
    Number,
    /// Yes or no.
    Switch,
    /// Several whole numbers, or one.
    Wholes,
    /// The name of a network.
    Network,
    /// Views of a photo.
    Views,
    /// A chain of classic steps.
    Preprocessing,
    /// A chain of random steps.
    Augmentation,
    /// Stages of a training.
    Stages,
}

impl Kind {
    /// In words, for an error.
    pub fn message(self) -> TrainMessage<'static> {
        match self {
            Kind::Text
            | Kind::Network
            | Kind::Views
            | Kind::Preprocessing
            | Kind::Augmentation
            | Kind::Stages => TrainMessage::KindText,
            Kind::Whole => TrainMessage::KindWhole,
            Kind::Number => TrainMessage::KindNumber,
            Kind::Switch => TrainMessage::KindSwitch,
            Kind::Wholes => TrainMessage::KindWholes,
            Kind::Texts => TrainMessage::KindTexts,
        }
    }

    /// A value of this kind from what a person writes on a command line; `none` takes a value away
    /// that need not be there.
    #[expect(clippy::option_option, reason = "no value at all, or none wanted")]
    pub(super) fn read(self, text: &str) -> Option<Option<Value>> {
        let text = text.trim();
        match self {
            Kind::Wholes | Kind::Texts if text == "none" => {
                return Some(Some(Value::Array(Vec::new())));
            }
            kind if text == "none" && !kind.is_text() => return Some(None),
            _ => {}
        }
        let whole = |text: &str| {
            let number = text.trim().parse::<u32>().ok();
            number.map(|number| Value::Integer(i64::from(number)))
        };
        let value = match self {
            Kind::Text
            | Kind::Network
            | Kind::Views
            | Kind::Preprocessing
            | Kind::Augmentation
            | Kind::Stages => Value::String(text.to_owned()),
            Kind::Whole => whole(text)?,
            Kind::Number => Value::Float(text.parse().ok()?),
            Kind::Switch => Value::Boolean(text.parse().ok()?),
            Kind::Wholes => {
                let list = text.trim_matches(['[', ']']).trim();
                let list = list.split(',').filter(|_| !list.is_empty());
                Value::Array(list.map(whole).collect::<Option<_>>()?)
            }
            Kind::Texts => {
                let list = text
                    .split(',')
                    .map(str::trim)
                    .filter(|text| !text.is_empty());
                Value::Array(list.map(Value::from).collect())
            }
        };
        Some(Some(value))
    }

    fn is_text(self) -> bool {
        match self {
            Kind::Text
            | Kind::Network
            | Kind::Views
            | Kind::Preprocessing
            | Kind::Augmentation
            | Kind::Stages => true,
            Kind::Whole | Kind::Number | Kind::Switch | Kind::Wholes | Kind::Texts => false,
        }
    }

    /// Whether a value of the key `name` is of this kind, and can be understood.
    ///
    /// # Errors
    /// [`TrainError::Value`], or what is wrong with a text.
    pub(super) fn check(self, name: &str, value: &Value) -> Result<(), TrainError> {
        if !self.is(value) {
            return Err(TrainError::Value {
                key: name.to_owned(),
                value: value.to_string(),
                kind: self,
            });
        }
        let text = value.as_str().unwrap_or_default();
        match self {
            Kind::Network => Architecture::from_text(text).map(drop),
            Kind::Views => Vec::<View>::from_text(text).map(drop),
            Kind::Preprocessing => Pipeline::from_text(text).map(drop),
            Kind::Augmentation => Augmentation::from_text(text).map(drop),
            Kind::Stages => Stages::from_text(text).map(drop),
            Kind::Text | Kind::Texts | Kind::Whole | Kind::Number | Kind::Switch | Kind::Wholes => {
                Ok(())
            }
        }
    }

    fn is(self, value: &Value) -> bool {
        let whole = |value: &Value| matches!(value, Value::Integer(0..));
        match (self, value) {
            (Kind::Switch, Value::Boolean(_)) => true,
            (kind, Value::String(_)) => kind.is_text(),
            (Kind::Whole, value) => whole(value),
            (Kind::Number, Value::Float(number)) => number.is_finite(),
            (Kind::Number, Value::Integer(_)) => true,
            (Kind::Wholes, Value::Array(values)) => values.iter().all(whole),
            (Kind::Wholes, value) => whole(value),
            (Kind::Texts, Value::Array(values)) => values.iter().all(Value::is_str),
            _ => false,
        }
    }
}

impl Key {
    /// Its section and its name there.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or((self.name, ""))
    }

    /// Where the recipe's structs have it.
    pub fn place(&self) -> &'static str {
        self.table.unwrap_or(self.name)
    }

    /// What it is where a recipe does not say, for the command line's help; `None` for an empty text.
    /// `defaults` is [`Recipe::flat`](super::Recipe::flat) of the default recipe.
    pub fn default_text(&self, defaults: &[(String, String)]) -> Option<String> {
        if let Some((_, text)) = defaults.iter().find(|(name, _)| name == self.name) {
            let text = text.trim_matches(['[', ']']);
            return (!text.is_empty()).then(|| text.to_owned());
        }
        let (section, bare) = self.parts();
        let taken = match section {
            "optimizer" => {
                ["rate", "weight_decay"].contains(&bare)
                    || optimizers::all()
                        .iter()
                        .any(|entry| entry.options.contains(&bare))
            }
            "schedule" => schedules::all()
                .iter()
                .any(|entry| entry.options.contains(&bare)),
            _ => false,
        };
        Some(match taken {
            true => format!("depends on {section}.name"),
            false => "none".to_owned(),
        })
    }

    const fn in_table(self, table: &'static str) -> Key {
        let table = Some(table);
        Key { table, ..self }
    }

    const fn within(self, range: Range) -> Key {
        let range = Some(range);
        Key { range, ..self }
    }
}

/// A share that is less than the whole.
const SHARE: Range = Range::Below(0.0, 1.0);

/// All keys; a test holds them against the recipe's own fields.
pub const KEYS: &[Key] = &[
    key(
        "data.source",
        Kind::Text,
        "A manifest, or any data set that can be imported (required)",
    ),
    key(
        "data.sources",
        Kind::Texts,
        "More data sets, used together with data.source; classes of one name or breed are one class",
    ),
    key(
        "data.class_map",
        Kind::Text,
        "A table of classes that get another name or are left out: columns class, as and, for one data set alone, source",
    ),
    key("data.decisions", Kind::Text, "A decisions file to apply"),
    key(
        "data.classes",
        Kind::Text,
        "Classes: a number (so many that are easy to tell apart), or names separated by commas; all if not given",
    ),
    key(
        "data.validation",
        Kind::Number,
        "Fraction of validation photos, if the data set has no validation split",
    )
    .within(Range::FromTo(0.0, 0.9)),
    key("data.seed", Kind::Whole, "Seed of that split"),
    key(
        "data.most",
        Kind::Whole,
        "Maximum number of photos per class in each split",
    )
    .within(Range::AtLeast(1.0)),
    key(
        "input.size",
        Kind::Whole,
        "Height and width of the network's input, in pixels",
    )
    .within(Range::FromTo(8.0, 1024.0)),
    key(
        "input.filter",
        Kind::Text,
        "Resampling filter: bilinear or bicubic",
    ),
    key(
        "input.views",
        Kind::Views,
        "Views of a photo (how it is fitted to the input): stretch, crop:0.875, letterbox; several joined by +, with :mirror for the mirror image",
    ),
    key(
        "preprocess.steps",
        Kind::Preprocessing,
        "Preprocessing of every photo: 'clahe(2,8) | gaussian(3)'",
    ),
    key(
        "augment.steps",
        Kind::Augmentation,
        "Augmentation of training photos: 'flip | rotate(15) | mixup(0.2)'",
    ),
    key(
        "augment.margin",
        Kind::Number,
        "Size at which photos are stored for random crops, as a multiple of input.size",
    )
    .within(Range::FromTo(1.0, 4.0)),
    key(
        "augment.views",
        Kind::Whole,
        "Frozen network: augmented views per photo whose features are computed once; 0: none are kept",
    ),
    key(
        "model.network",
        Kind::Network,
        "lenet (a small convolutional network) or a backbone; with initial weights, theirs",
    ),
    key(
        "model.initial",
        Kind::Text,
        "Initial weights: a model, a file of weights, a backbone whose weights you imported, or random",
    ),
    key(
        "model.freeze",
        Kind::Text,
        "Layers that are not trained: name prefixes separated by commas; * for all of the initial network",
    ),
    key(
        "model.batch_norms",
        Kind::Switch,
        "Train the batch norms of the initial network too",
    ),
    key(
        "model.filters",
        Kind::Wholes,
        "Number of filters of each block: two to five blocks",
    )
    .in_table("model.lenet.filters"),
    key(
        "model.kernels",
        Kind::Wholes,
        "Kernel size of each block, odd; the last one is repeated",
    )
    .in_table("model.lenet.kernels"),
    key(
        "model.batch_norm",
        Kind::Switch,
        "Batch norm after each convolution",
    )
    .in_table("model.lenet.batch_norm"),
    key(
        "model.activation",
        Kind::Text,
        "relu, relu6, swish, sigmoid or tanh",
    )
    .in_table("model.lenet.activation"),
    key(
        "model.global_pooling",
        Kind::Switch,
        "Global average pooling instead of flattening",
    )
    .in_table("head.global_pooling"),
    key(
        "model.units",
        Kind::Wholes,
        "Units of the dense layers before the classes: 64, or 256,64, or none",
    )
    .within(Range::AtLeast(1.0))
    .in_table("head.units"),
    key(
        "model.dropout",
        Kind::Number,
        "Dropout rate before the layer of the classes",
    )
    .within(SHARE)
    .in_table("head.dropout"),
    key(
        "optimizer.name",
        Kind::Text,
        "sgd, rmsprop, adam, adamw, nadam, adamax, adagrad, adadelta, lion",
    ),
    key("optimizer.rate", Kind::Number, "Learning rate").within(Range::AtLeast(0.0)),
    key(
        "optimizer.momentum",
        Kind::Number,
        "Momentum of sgd and rmsprop",
    )
    .within(SHARE),
    key(
        "optimizer.nesterov",
        Kind::Switch,
        "Nesterov momentum (sgd)",
    ),
    key(
        "optimizer.rho",
        Kind::Number,
        "Decay of rmsprop and adadelta",
    )
    .within(SHARE),
    key(
        "optimizer.centered",
        Kind::Switch,
        "Subtract the mean gradient (rmsprop)",
    ),
    key(
        "optimizer.beta_1",
        Kind::Number,
        "Decay rate of the first moment",
    )
    .within(SHARE),
    key(
        "optimizer.beta_2",
        Kind::Number,
        "Decay rate of the second moment",
    )
    .within(SHARE),
    key(
        "optimizer.epsilon",
        Kind::Number,
        "Small constant for numerical stability",
    )
    .within(Range::Above(0.0)),
    key(
        "optimizer.amsgrad",
        Kind::Switch,
        "Use the maximum of past second moments (adam)",
    ),
    key(
        "optimizer.initial_accumulator",
        Kind::Number,
        "Initial accumulator value (adagrad)",
    )
    .within(Range::Above(0.0)),
    key(
        "optimizer.weight_decay",
        Kind::Number,
        "Decoupled weight decay",
    )
    .within(Range::AtLeast(0.0)),
    key(
        "optimizer.decay_kernels_only",
        Kind::Switch,
        "Apply weight decay to kernels only, not to biases and batch norms",
    ),
    key(
        "optimizer.clip_norm",
        Kind::Number,
        "Clip each gradient to this norm",
    )
    .within(Range::Above(0.0)),
    key(
        "optimizer.clip_global_norm",
        Kind::Number,
        "Clip all gradients to this global norm",
    )
    .within(Range::Above(0.0)),
    key(
        "optimizer.clip_value",
        Kind::Number,
        "Clip gradient values to this magnitude",
    )
    .within(Range::Above(0.0)),
    key(
        "optimizer.layer_decay",
        Kind::Number,
        "Factor of the learning rate from each layer with a kernel to the one below (0.9)",
    )
    .within(Range::Between(0.0, 1.0)),
    key(
        "optimizer.pull",
        Kind::Number,
        "Pull of the parameters towards their initial values (L2-SP)",
    )
    .within(Range::AtLeast(0.0)),
    key(
        "optimizer.average",
        Kind::Number,
        "Decay of the exponential moving average (EMA) of the parameters, such as 0.999",
    )
    .within(SHARE),
    key(
        "optimizer.average_last",
        Kind::Number,
        "Equal average of the parameters over this last part of all steps (SWA), such as 0.25",
    )
    .within(Range::FromTo(0.0, 1.0)),
    key(
        "schedule.name",
        Kind::Text,
        "constant, step, exponential, cosine, one_cycle or plateau",
    ),
    key(
        "schedule.warm_up",
        Kind::Number,
        "Warm-up epochs, over which the learning rate rises from 0",
    )
    .within(Range::AtLeast(0.0)),
    key(
        "schedule.every",
        Kind::Number,
        "Epochs between reductions, or step size (step, exponential)",
    )
    .within(Range::Above(0.0)),
    key(
        "schedule.factor",
        Kind::Number,
        "Factor of each reduction, or gamma (step, exponential, plateau)",
    )
    .within(Range::Between(0.0, 1.0)),
    key(
        "schedule.least",
        Kind::Number,
        "Minimum learning rate, as a fraction of the initial one (cosine, plateau)",
    )
    .within(Range::FromTo(0.0, 1.0)),
    key(
        "schedule.patience",
        Kind::Whole,
        "Epochs without a better loss before a reduction (plateau)",
    )
    .within(Range::AtLeast(0.0)),
    key(
        "schedule.threshold",
        Kind::Number,
        "Minimum improvement of the loss (plateau)",
    )
    .within(Range::AtLeast(0.0)),
    key(
        "schedule.rise",
        Kind::Number,
        "Warm-up fraction: how much of the training the rate rises for (one_cycle)",
    )
    .within(Range::Between(0.0, 1.0)),
    key(
        "train.name",
        Kind::Text,
        "The run's name; its folder's if not given",
    ),
    key(
        "train.epochs",
        Kind::Whole,
        "Number of epochs: passes over the training photos",
    )
    .within(Range::FromTo(1.0, 100_000.0)),
    key(
        "train.stages",
        Kind::Stages,
        "Stages from initial weights: lowest layer trained, epochs, rate: 'head 10 0.001 | block7 5 0.0001'",
    ),
    key("train.batch", Kind::Whole, "Batch size").within(Range::FromTo(1.0, 4096.0)),
    key(
        "train.accumulate",
        Kind::Whole,
        "Batches whose gradients are accumulated for one step",
    )
    .within(Range::FromTo(1.0, 4096.0)),
    key(
        "train.seed",
        Kind::Whole,
        "Seed of the initial weights, order, augmentation and dropout",
    ),
    key(
        "train.label_smoothing",
        Kind::Number,
        "Label smoothing: fraction of each target spread over all classes",
    )
    .within(Range::FromTo(0.0, 0.9)),
    key(
        "train.class_weights",
        Kind::Text,
        "none, or balanced: every class has the same total weight",
    ),
    key(
        "train.monitor",
        Kind::Text,
        "Metric that selects the best epoch: val_loss or val_accuracy",
    ),
    key(
        "train.patience",
        Kind::Whole,
        "Early stopping: epochs without improvement",
    )
    .within(Range::AtLeast(1.0)),
    key(
        "train.restore_best",
        Kind::Switch,
        "Keep the network of the best epoch instead of the last",
    ),
    key(
        "train.checkpoint_seconds",
        Kind::Number,
        "Seconds between checkpoints; 0: each epoch",
    )
    .within(Range::FromTo(0.0, 86_400.0)),
];

const fn key(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key {
        name,
        table: None,
        kind,
        range: None,
        help,
    }
}

/// Whether a number may stand behind the key `name`.
///
/// # Errors
/// [`TrainError::Range`], and a name that no key has.
pub(crate) fn in_range(name: &str, value: f64) -> Result<(), TrainError> {
    let key = find(name)?;
    match key.range {
        Some(range) if !range.contains(value) => Err(TrainError::Range {
            option: key.name,
            value,
            range,
        }),
        _ => Ok(()),
    }
}

/// The key of this name.
///
/// # Errors
/// [`TrainError::Key`], which names the nearest one.
pub fn find(name: &str) -> Result<&'static Key, TrainError> {
    let found = KEYS
        .iter()
        .find(|key| key.name == name || key.place() == name);
    found.ok_or_else(|| unknown(name))
}

/// Whether keys stand in a table of this name.
pub(super) fn is_table(name: &str) -> bool {
    let mut names = KEYS.iter().flat_map(|key| [key.name, key.place()]);
    names.any(|key| {
        key.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// The error that there is no such key or section.
pub(super) fn unknown(name: &str) -> TrainError {
    // A key may have been given without its section, or be a section.
    let meant = KEYS.iter().flat_map(|key| {
        let (section, bare) = key.parts();
        let place = key.place();
        [
            (key.name, key.name),
            (bare, key.name),
            (section, section),
            (place, place),
        ]
    });
    TrainError::Key {
        key: name.to_owned(),
        nearest: words::nearest(name, meant),
    }
}
