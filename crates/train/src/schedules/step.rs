//! A rate that is cut every few epochs (Keras's `ExponentialDecay` with `staircase`).
use super::{Entry, Progress, Schedule};

pub(super) const STEP: Entry = Entry {
    name: "step",
    options: &["warm_up", "every", "factor"],
    build: |options| {
        Box::new(Step {
            every: options.every.unwrap_or(30.0),
            factor: options.factor.unwrap_or(0.1),
        })
    },
};

struct Step {
    every: f32,
    factor: f32,
}

impl Schedule for Step {
    fn rate(&self, rate: f32, progress: Progress) -> f32 {
        let every = f64::from(self.every) * progress.steps_per_epoch.max(1) as f64;
        let cuts = (progress.step as f64 / every).floor();
        (f64::from(rate) * f64::from(self.factor).powf(cuts)) as f32
    }
}
