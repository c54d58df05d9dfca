//! How the learning rate changes over a training, one file each and one line in [`all`].
mod constant;
mod cosine;
mod exponential;
mod one_cycle;
mod plateau;
mod step;

use crate::TrainError;
use crate::recipe::in_range;
use serde::{Deserialize, Serialize};

/// How far a training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Steps of the whole training.
    pub steps: u64,
}

impl Progress {
    /// Epochs that are over.
    pub fn epoch(&self) -> u64 {
        self.step / self.steps_per_epoch.max(1)
    }
}

/// How the learning rate changes.
pub trait Schedule: Send + Sync {
    /// The rate of the next step, where `rate` is what the recipe asks for.
    fn rate(&self, rate: f32, progress: Progress) -> f32;

    /// Hears the validation loss at the end of each epoch.
    fn epoch_ended(&mut self, _loss: f32) {}

    /// What it remembers, for a checkpoint.
    fn kept(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Goes on from what [`Schedule::kept`] gave.
    fn resume(&mut self, _kept: &[f64]) {}
}

/// A schedule with its numbers: a recipe's `[schedule]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleOptions {
    /// `constant`, `cosine`, ...: one of [`all`].
    pub name: String,
    /// Epochs over which the rate rises from 0 at first, with any schedule but `one_cycle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<f32>,
    /// `step` and `exponential`: epochs from one cut to the next; what the rate falls over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<f32>,
    /// `step`, `exponential` and `plateau`: what a cut multiplies the rate by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f32>,
    /// `cosine` and `plateau`: the least share of the rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<f32>,
    /// `plateau`: epochs without a better loss before a cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u32>,
    /// `plateau`: what a loss must be better by to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// `one_cycle`: the share of the training in which the rate rises.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rise: Option<f32>,
}

impl Default for ScheduleOptions {
    fn default() -> Self {
        ScheduleOptions {
            name: "constant".into(),
            warm_up: None,
            every: None,
            factor: None,
            least: None,
            patience: None,
            threshold: None,
            rise: None,
        }
    }
}

/// The schedule that hears the validation loss, by name.
pub(crate) const PLATEAU: &str = plateau::PLATEAU.name;

/// A known schedule.
pub struct Entry {
    /// As a recipe names it.
    pub name: &'static str,
    /// The options that it takes.
    pub options: &'static [&'static str],
    build: fn(&ScheduleOptions) -> Box<dyn Schedule>,
}

/// All schedules.
pub fn all() -> &'static [Entry] {
    const ALL: &[Entry] = &[
        constant::CONSTANT,
        step::STEP,
        exponential::EXPONENTIAL,
        cosine::COSINE,
        one_cycle::ONE_CYCLE,
        plateau::PLATEAU,
    ];
    ALL
}

impl ScheduleOptions {
    /// Checks the options and makes the schedule.
    ///
    /// # Errors
    /// An unknown name, an option that the schedule does not take, or a number out of its range.
    pub fn build(&self) -> Result<Box<dyn Schedule>, TrainError> {
        let entry = all().iter().find(|entry| entry.name == self.name);
        let entry = entry.ok_or_else(|| TrainError::Unknown {
            what: "schedule.name",
            name: self.name.clone(),
            known: all()
                .iter()
                .map(|entry| entry.name)
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        let patience = self.patience.map(|epochs| epochs as f32);
        for (key, value) in [
            ("schedule.warm_up", self.warm_up),
            ("schedule.every", self.every),
            ("schedule.factor", self.factor),
            ("schedule.least", self.least),
            ("schedule.patience", patience),
            ("schedule.threshold", self.threshold),
            ("schedule.rise", self.rise),
        ] {
            let Some(value) = value else { continue };
            let option = key.trim_start_matches("schedule.");
            if !entry.options.contains(&option) {
                let name = self.name.clone();
                return Err(TrainError::Option { name, option: key });
            }
            in_range(key, value.into())?;
        }
        let schedule = (entry.build)(self);
        Ok(match self.warm_up {
            Some(epochs) if epochs > 0.0 => Box::new(WarmUp {
                epochs,
                then: schedule,
            }),
            _ => schedule,
        })
    }
}

/// A rate that rises from 0 in a straight line, and another schedule's from then on.
struct WarmUp {
    epochs: f32,
    then: Box<dyn Schedule>,
}

impl Schedule for WarmUp {
    fn rate(&self, rate: f32, progress: Progress) -> f32 {
        let warm_up = f64::from(self.epochs) * progress.steps_per_epoch as f64;
        let step = progress.step as f64;
        if step < warm_up {
            return (f64::from(rate) * step / warm_up) as f32;
        }
        // What follows counts from the end of the rise.
        let skipped = warm_up as u64;
        let progress = Progress {
            step: progress.step - skipped,
            steps: progress.steps.saturating_sub(skipped),
            ..progress
        };
        self.then.rate(rate, progress)
    }

    fn epoch_ended(&mut self, loss: f32) {
        self.then.epoch_ended(loss);
    }

    fn kept(&self) -> Vec<f64> {
        self.then.kept()
    }

    fn resume(&mut self, kept: &[f64]) {
        self.then.resume(kept);
    }
}

#[cfg(test)]
mod tests;
