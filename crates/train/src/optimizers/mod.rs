//! The optimisers that Keras lists, one file each and one line in [`all`].
//!
//! Each is Keras's own formula (Keras 3.15), with its defaults; golden values of ten steps pin them.
mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod lion;
mod nadam;
mod rmsprop;
mod sgd;

use crate::TrainError;
use crate::recipe::in_range;
use serde::{Deserialize, Serialize};

/// How parameters follow their gradients. What it keeps for each parameter (its slots) is given to
/// it, zeros at first unless [`Optimizer::first`] says otherwise.
pub trait Optimizer: Send + Sync {
    /// What it keeps of each parameter, in order: `momentum`, `velocity` and the like.
    fn slots(&self) -> &[&'static str];

    /// The first value of every slot.
    fn first(&self) -> f32 {
        0.0
    }

    /// Gets ready for step `step`, counted from 1.
    fn begin(&mut self, step: u64, rate: f32);

    /// Changes one parameter, or a part of one, by its gradient. `slots` has a slice of the same
    /// length for each of [`Optimizer::slots`].
    fn update(&self, values: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]]);
}

/// An optimiser and all that goes with it: a recipe's `[optimizer]`. What is left out has the
/// optimiser's own default (Keras's).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerOptions {
    /// `sgd`, `adam`, ...: one of [`all`].
    pub name: String,
    /// The learning rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f32>,
    /// SGD's and RMSprop's momentum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f32>,
    /// SGD's look ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nesterov: Option<bool>,
    /// RMSprop's and Adadelta's decay of what is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rho: Option<f32>,
    /// Whether RMSprop takes the mean off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centered: Option<bool>,
    /// The decay of the first moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_1: Option<f32>,
    /// The decay of the second moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_2: Option<f32>,
    /// Added to a denominator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f32>,
    /// Whether Adam divides by the largest second moment so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amsgrad: Option<bool>,
    /// What Adagrad's sums start with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_accumulator: Option<f32>,
    /// Each step takes this share, times the rate, off every parameter (decoupled; Keras's).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f32>,
    /// Whether biases, gammas and betas are spared the weight decay.
    pub decay_kernels_only: bool,
    /// The largest norm of each parameter's gradient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f32>,
    /// The largest norm of all gradients together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_global_norm: Option<f32>,
    /// The largest size of each value of a gradient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f32>,
    /// What the rate of a layer with a kernel is multiplied by for the one below it (discriminative
    /// fine-tuning; Howard and Ruder 2018).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_decay: Option<f32>,
    /// Half of it times the squared distance of the parameters from their initial values is added to the
    /// loss (L2-SP; Li et al. 2018).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<f32>,
    /// Keeps a moving average of the parameters, of which each step leaves this share (0.999, say).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<f32>,
    /// Keeps the equal average of the parameters over this last part of all steps (stochastic weight
    /// averaging; Izmailov et al. 2018), in place of the moving one; statistics of batch norms stay the
    /// last ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_last: Option<f32>,
}

impl Default for OptimizerOptions {
    /// Adam, as Keras has it.
    fn default() -> Self {
        OptimizerOptions {
            name: "adam".into(),
            rate: None,
            momentum: None,
            nesterov: None,
            rho: None,
            centered: None,
            beta_1: None,
            beta_2: None,
            epsilon: None,
            amsgrad: None,
            initial_accumulator: None,
            weight_decay: None,
            decay_kernels_only: false,
            clip_norm: None,
            clip_global_norm: None,
            clip_value: None,
            layer_decay: None,
            pull: None,
            average: None,
            average_last: None,
        }
    }
}

/// A known optimiser.
pub struct Entry {
    /// As a recipe names it.
    pub name: &'static str,
    /// The options of its own that it takes, besides those that all do.
    pub options: &'static [&'static str],
    /// The learning rate, where none is given.
    pub rate: f32,
    /// The weight decay, where none is given.
    pub weight_decay: f32,
    build: fn(&OptimizerOptions) -> Box<dyn Optimizer>,
}

/// All optimisers.
pub fn all() -> &'static [Entry] {
    const ALL: &[Entry] = &[
        sgd::SGD,
        rmsprop::RMSPROP,
        adam::ADAM,
        adam::ADAMW,
        nadam::NADAM,
        adamax::ADAMAX,
        adagrad::ADAGRAD,
        adadelta::ADADELTA,
        lion::LION,
    ];
    ALL
}

/// The optimiser of this name.
///
/// # Errors
/// [`TrainError::Unknown`]
pub fn find(name: &str) -> Result<&'static Entry, TrainError> {
    all()
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| TrainError::Unknown {
            what: "optimizer.name",
            name: name.to_owned(),
            known: all()
                .iter()
                .map(|entry| entry.name)
                .collect::<Vec<_>>()
                .join(", "),
        })
}

impl OptimizerOptions {
    /// Checks the options and makes the optimiser.
    ///
    /// # Errors
    /// An unknown name, an option that the optimiser does not take, or a number out of its range.
    pub fn build(&self) -> Result<Box<dyn Optimizer>, TrainError> {
        let entry = find(&self.name)?;
        for (key, given) in [
            ("optimizer.momentum", self.momentum.is_some()),
            ("optimizer.nesterov", self.nesterov.is_some()),
            ("optimizer.rho", self.rho.is_some()),
            ("optimizer.centered", self.centered.is_some()),
            ("optimizer.beta_1", self.beta_1.is_some()),
            ("optimizer.beta_2", self.beta_2.is_some()),
            ("optimizer.epsilon", self.epsilon.is_some()),
            ("optimizer.amsgrad", self.amsgrad.is_some()),
            (
                "optimizer.initial_accumulator",
                self.initial_accumulator.is_some(),
            ),
        ] {
            let option = key.trim_start_matches("optimizer.");
            if given && !entry.options.contains(&option) {
                let name = self.name.clone();
                return Err(TrainError::Option { name, option: key });
            }
        }
        for (key, value) in [
            ("optimizer.rate", self.rate),
            ("optimizer.momentum", self.momentum),
            ("optimizer.rho", self.rho),
            ("optimizer.beta_1", self.beta_1),
            ("optimizer.beta_2", self.beta_2),
            ("optimizer.epsilon", self.epsilon),
            ("optimizer.initial_accumulator", self.initial_accumulator),
            ("optimizer.weight_decay", self.weight_decay),
            ("optimizer.clip_norm", self.clip_norm),
            ("optimizer.clip_global_norm", self.clip_global_norm),
            ("optimizer.clip_value", self.clip_value),
            ("optimizer.layer_decay", self.layer_decay),
            ("optimizer.pull", self.pull),
            ("optimizer.average", self.average),
            ("optimizer.average_last", self.average_last),
        ] {
            value.map_or(Ok(()), |value| in_range(key, value.into()))?;
        }
        if self.average.is_some() && self.average_last.is_some() {
            let (name, option) = ("optimizer.average".to_owned(), "optimizer.average_last");
            return Err(TrainError::Option { name, option });
        }
        Ok((entry.build)(self))
    }

    /// Whether an average of the parameters is kept.
    pub(crate) fn averages(&self) -> bool {
        self.average.is_some() || self.average_last.is_some()
    }

    /// Values that are kept for each that is trained: the optimiser's own, their average, and the
    /// initial values that the pull leads back to.
    ///
    /// # Errors
    /// As [`OptimizerOptions::build`].
    pub fn copies(&self) -> Result<usize, TrainError> {
        let slots = self.build()?.slots().len();
        Ok(slots + usize::from(self.averages()) + usize::from(self.pull.is_some()))
    }
}

#[cfg(test)]
mod tests;
