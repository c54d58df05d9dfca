//! The keys of a recipe: what each is for and what may stand behind it.
use crate::TrainError;
use toml::Value;
use words::Message;

/// A key of a recipe.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.key`
    pub name: &'static str,
    /// What may stand behind it.
    pub kind: Kind,
    /// What it is for, in a few English words, for the command line's help.
    pub help: &'static str,
}

/// What may stand behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number, 0 or more.
    Whole,
    /// A number.
    Number,
    /// Yes or no.
    Switch,
    /// Several whole numbers.
    Wholes,
}

impl Kind {
    /// In words, for an error.
    pub fn message(self) -> Message<'static> {
        match self {
            Kind::Text => Message::TrainKindText,
            Kind::Whole => Message::TrainKindWhole,
            Kind::Number => Message::TrainKindNumber,
            Kind::Switch => Message::TrainKindSwitch,
            Kind::Wholes => Message::TrainKindWholes,
        }
    }

    /// A value of this kind from what a person writes on a command line; `none` takes a value away
    /// that need not be there.
    #[expect(clippy::option_option, reason = "no value at all, or none wanted")]
    pub(super) fn read(self, text: &str) -> Option<Option<Value>> {
        let text = text.trim();
        if text == "none" && self != Kind::Text {
            return Some(None);
        }
        let whole = |text: &str| {
            let number = text.trim().parse::<u32>().ok();
            number.map(|number| Value::Integer(i64::from(number)))
        };
        let value = match self {
            Kind::Text => Value::String(text.to_owned()),
            Kind::Whole => whole(text)?,
            Kind::Number => Value::Float(text.parse().ok()?),
            Kind::Switch => Value::Boolean(text.parse().ok()?),
            Kind::Wholes => {
                let list = text.trim_matches(['[', ']']).split(',').map(whole);
                Value::Array(list.collect::<Option<_>>()?)
            }
        };
        Some(Some(value))
    }

    pub(super) fn is(self, value: &Value) -> bool {
        let whole = |value: &Value| matches!(value, Value::Integer(0..));
        match (self, value) {
            (Kind::Text, Value::String(_)) | (Kind::Switch, Value::Boolean(_)) => true,
            (Kind::Whole, value) => whole(value),
            (Kind::Number, Value::Float(number)) => number.is_finite(),
            (Kind::Number, Value::Integer(_)) => true,
            (Kind::Wholes, Value::Array(values)) => values.iter().all(whole),
            _ => false,
        }
    }
}

impl Key {
    /// Its section and its name there.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or((self.name, ""))
    }
}

/// All keys; a test holds them against the recipe's own fields.
pub const KEYS: &[Key] = &[
    key(
        "data.source",
        Kind::Text,
        "A manifest, or anything that a data set is imported from",
    ),
    key(
        "data.decisions",
        Kind::Text,
        "Decisions about photos, to be honoured",
    ),
    key(
        "data.classes",
        Kind::Text,
        "Classes to tell apart: a number, or names joined by commas",
    ),
    key(
        "data.validation",
        Kind::Number,
        "Share of the photos that is for choosing, where none is",
    ),
    key("data.seed", Kind::Whole, "What decides that draw"),
    key(
        "data.most",
        Kind::Whole,
        "At most so many photos of a class in each part",
    ),
    key(
        "input.size",
        Kind::Whole,
        "Height and width of the network's input",
    ),
    key(
        "input.filter",
        Kind::Text,
        "Resampling filter: bilinear or bicubic",
    ),
    key(
        "input.views",
        Kind::Text,
        "How photos are looked at: stretch, crop:0.875, stretch+stretch:mirror",
    ),
    key(
        "preprocess.steps",
        Kind::Text,
        "Classic steps on every photo: 'clahe(2,8) | gaussian(3)'",
    ),
    key(
        "augment.steps",
        Kind::Text,
        "Random steps on train photos: 'flip | rotate(15) | mixup(0.2)'",
    ),
    key(
        "augment.margin",
        Kind::Number,
        "How much larger the pictures are stored that it chooses from",
    ),
    key(
        "model.network",
        Kind::Text,
        "lenet, or a backbone, trained from scratch",
    ),
    key(
        "model.freeze",
        Kind::Text,
        "Layers not to train: beginnings of their names, joined by commas",
    ),
    key(
        "model.filters",
        Kind::Wholes,
        "Filters of each block: two to five blocks",
    ),
    key(
        "model.kernels",
        Kind::Wholes,
        "Kernel sizes of the blocks, odd; the last stands for the rest",
    ),
    key(
        "model.batch_norm",
        Kind::Switch,
        "Batch norm after each convolution",
    ),
    key(
        "model.activation",
        Kind::Text,
        "relu, relu6, swish, sigmoid or tanh",
    ),
    key(
        "model.global_pooling",
        Kind::Switch,
        "Average the last feature maps rather than flatten them",
    ),
    key("model.units", Kind::Whole, "Units of the first dense layer"),
    key(
        "model.dropout",
        Kind::Number,
        "Share of its values that is dropped while training",
    ),
    key(
        "optimizer.name",
        Kind::Text,
        "sgd, rmsprop, adam, adamw, nadam, adamax, adagrad, adadelta, lion",
    ),
    key("optimizer.rate", Kind::Number, "Learning rate"),
    key(
        "optimizer.momentum",
        Kind::Number,
        "Momentum of sgd and rmsprop",
    ),
    key("optimizer.nesterov", Kind::Switch, "Look ahead (sgd)"),
    key(
        "optimizer.rho",
        Kind::Number,
        "Decay of rmsprop and adadelta",
    ),
    key(
        "optimizer.centered",
        Kind::Switch,
        "Take the mean off (rmsprop)",
    ),
    key(
        "optimizer.beta_1",
        Kind::Number,
        "Decay of the first moment",
    ),
    key(
        "optimizer.beta_2",
        Kind::Number,
        "Decay of the second moment",
    ),
    key("optimizer.epsilon", Kind::Number, "Added to a denominator"),
    key(
        "optimizer.amsgrad",
        Kind::Switch,
        "Divide by the largest second moment so far",
    ),
    key(
        "optimizer.initial_accumulator",
        Kind::Number,
        "What adagrad's sums start with",
    ),
    key(
        "optimizer.weight_decay",
        Kind::Number,
        "Decoupled weight decay",
    ),
    key(
        "optimizer.decay_kernels_only",
        Kind::Switch,
        "Spare biases and batch norms the decay",
    ),
    key(
        "optimizer.clip_norm",
        Kind::Number,
        "Largest norm of each gradient",
    ),
    key(
        "optimizer.clip_global_norm",
        Kind::Number,
        "Largest norm of all gradients together",
    ),
    key(
        "optimizer.clip_value",
        Kind::Number,
        "Largest size of a gradient's value",
    ),
    key(
        "optimizer.average",
        Kind::Number,
        "Decay of a moving average of the parameters (0.999)",
    ),
    key(
        "schedule.name",
        Kind::Text,
        "constant, step, exponential, cosine, one_cycle or plateau",
    ),
    key(
        "schedule.warm_up",
        Kind::Number,
        "Epochs over which the rate rises from 0",
    ),
    key(
        "schedule.every",
        Kind::Number,
        "Epochs between cuts (step, exponential)",
    ),
    key(
        "schedule.factor",
        Kind::Number,
        "What a cut multiplies the rate by",
    ),
    key(
        "schedule.least",
        Kind::Number,
        "Least share of the rate (cosine, plateau)",
    ),
    key(
        "schedule.patience",
        Kind::Whole,
        "Epochs without a better loss before a cut (plateau)",
    ),
    key(
        "schedule.threshold",
        Kind::Number,
        "What a loss must be better by (plateau)",
    ),
    key(
        "schedule.rise",
        Kind::Number,
        "Share of the training in which the rate rises (one_cycle)",
    ),
    key("train.name", Kind::Text, "The run's name"),
    key("train.epochs", Kind::Whole, "Passes over the train photos"),
    key("train.batch", Kind::Whole, "Photos of a step"),
    key(
        "train.accumulate",
        Kind::Whole,
        "Batches whose gradients make one step",
    ),
    key(
        "train.seed",
        Kind::Whole,
        "What decides first values, order, augmentation and dropout",
    ),
    key(
        "train.label_smoothing",
        Kind::Number,
        "Share of each target that goes to all classes",
    ),
    key(
        "train.class_weights",
        Kind::Text,
        "none, or balanced: all classes count the same",
    ),
    key(
        "train.monitor",
        Kind::Text,
        "What counts as better: val_loss or val_accuracy",
    ),
    key(
        "train.patience",
        Kind::Whole,
        "Epochs without anything better after which it ends",
    ),
    key(
        "train.restore_best",
        Kind::Switch,
        "Keep the best epoch's network rather than the last's",
    ),
    key(
        "train.checkpoint_seconds",
        Kind::Number,
        "Seconds between checkpoints; 0: each epoch",
    ),
];

const fn key(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key { name, kind, help }
}

/// The key of this name.
pub(super) fn find(name: &str) -> Result<&'static Key, TrainError> {
    let found = KEYS.iter().find(|key| key.name == name);
    found.ok_or_else(|| unknown(name))
}

/// The error that there is no such key or section.
pub(super) fn unknown(name: &str) -> TrainError {
    // A key may have been given without its section, or be a section.
    let meant = KEYS.iter().flat_map(|key| {
        let (section, bare) = key.parts();
        [(key.name, key.name), (bare, key.name), (section, section)]
    });
    TrainError::Key {
        key: name.to_owned(),
        nearest: words::nearest(name, meant),
    }
}
