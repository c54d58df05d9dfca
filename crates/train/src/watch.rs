//! The observer while a network is trained: what they are told, and that they may stop it.
use crate::recipe::From;
use engine::TrainingMemory;
use std::path::PathBuf;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// End here, as if the last epoch had been done: what is there so far is kept and packaged.
    Stop,
}

/// What a training is about to do, told before it takes memory or time.
#[derive(Clone, Debug, PartialEq)]
pub struct Beginning {
    /// Training photos.
    pub train_photos: usize,
    /// Validation photos; the training is not fitted to them.
    pub validation_photos: usize,
    /// Classes, by name.
    pub classes: Vec<String>,
    /// Parameters of the network, moving statistics among them.
    pub parameters: u64,
    /// Bytes that it will take.
    pub memory: TrainingMemory,
    /// Bytes that the optimiser keeps besides.
    pub optimizer_bytes: usize,
    /// Bytes for the batches that are made ahead, and for the larger of the look at the photos for
    /// choosing and a checkpoint's copy.
    pub other_bytes: usize,
    /// Threads that compute.
    pub threads: usize,
    /// Epochs to do in all.
    pub epochs: u32,
    /// The epoch that it goes on from: 0 for a new one.
    pub epoch: u32,
    /// The accuracy on the validation photos after that epoch, and after the one
    /// that is kept so far.
    pub validation: Option<(f64, f64)>,
}

impl Beginning {
    /// Bytes in all.
    pub fn bytes(&self) -> usize {
        let own = self.memory.total().saturating_add(self.optimizer_bytes);
        own.saturating_add(self.other_bytes)
    }
}

/// How far an epoch is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Live {
    /// Epochs that are over.
    pub epoch: u32,
    /// Epochs in all.
    pub epochs: u32,
    /// Batches of this epoch that are done.
    pub batch: usize,
    /// Batches of an epoch.
    pub batches: usize,
    /// Mean loss of this epoch so far.
    pub loss: f64,
    /// Share of this epoch's photos so far that were predicted correctly.
    pub accuracy: f64,
    /// Photos a second, of this epoch.
    pub photos_per_second: f64,
}

/// Something about a training that a person should know.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// It goes on with another number of threads, which changes the last digits.
    Threads {
        /// Before.
        before: usize,
        /// Now.
        now: usize,
    },
    /// It goes on with other instructions of the processor, which changes the last digits.
    Instructions {
        /// Before.
        before: String,
        /// Now.
        now: String,
    },
    /// The newest checkpoint is damaged; it goes on from the one before.
    OlderCheckpoint {
        /// What is wrong with the newest.
        reason: String,
    },
    /// A file that is not the training's own stood where it writes; it has another name now.
    MovedAside {
        /// Where it stood.
        from: PathBuf,
        /// What it is called now.
        to: PathBuf,
    },
    /// The network has more parameters than a small one should ([`zoo::SMALL`]).
    Large {
        /// How many.
        parameters: u64,
    },
    /// The page of its curves cannot be written; it goes on without.
    NoCurve {
        /// The page.
        path: PathBuf,
        /// Why, in the language of the run's report.
        reason: String,
    },
    /// A part of the photos was left out: they have a twin on another side.
    LeftOut {
        /// How many.
        count: usize,
    },
    /// There are no validation photos, without which these keys of the recipe do nothing.
    NoValidation {
        /// As the recipe names them, joined by commas.
        keys: String,
    },
    /// There are no validation photos, so that the schedule hears the loss of those learnt from.
    PlateauOfTraining,
    /// Validation photos could not be read when the temperature was fitted to them.
    Uncalibrated {
        /// How many.
        count: usize,
        /// Of so many.
        all: usize,
        /// The first of them.
        path: String,
    },
    /// Features of photos could not be kept; a training that goes on will compute them again.
    FeaturesUnkept {
        /// Their file.
        path: PathBuf,
        /// Why, in the language of the run's report.
        reason: String,
    },
    /// A stage of several begins.
    Stage {
        /// Its number, counted from 1.
        number: usize,
        /// How many there are.
        all: usize,
        /// The lowest layers that it trains.
        from: From,
        /// Epochs of it.
        epochs: u32,
    },
    /// The network tells its classes no better than always answering the most frequent one.
    LearntNothing {
        /// The share of validation photos that it predicts correctly.
        accuracy: f64,
        /// The share of the most frequent class.
        guessed: f64,
    },
    /// The model is not guarded by the embedded model, to which too many of its own validation photos
    /// are no dogs.
    NoGate {
        /// How many photos were looked at.
        photos: usize,
        /// Of these those without a dog.
        not_dogs: usize,
    },
    /// The augmentation mixes photos, so that their features cannot be computed once.
    FeaturesMixed,
}

/// The observer. `report` is what a record needs; the rest is for showing.
pub trait Watch {
    /// It begins, or goes on.
    fn begins(&mut self, _beginning: &Beginning) {}

    /// A batch is done.
    fn live(&mut self, _live: &Live) {}

    /// Something to know.
    fn notice(&mut self, _notice: &Notice) {}

    /// An epoch is done: `step` epochs by now. The metrics are [`METRICS`], those of validation only
    /// where there is one.
    fn report(&mut self, step: u64, metrics: &[(&str, f64)]) -> Flow;

    /// The network of this epoch, counted from 1, is the one that is kept so far. Told before the
    /// epoch's report, and of an earlier epoch when a training goes on; never where the last epoch's
    /// network is kept, whichever was the best.
    fn keeps(&mut self, _epoch: u32) {}
}

/// The names of what is reported of each epoch.
pub const METRICS: [&str; 7] = [
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "rate",
    "seconds",
    "photos_per_second",
];

/// The places of some among [`METRICS`].
pub(crate) const LOSS: usize = 0;
pub(crate) const ACCURACY: usize = 1;
pub(crate) const VAL_LOSS: usize = 2;
pub(crate) const VAL_ACCURACY: usize = 3;

/// No observer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn report(&mut self, _step: u64, _metrics: &[(&str, f64)]) -> Flow {
        Flow::Continue
    }
}
