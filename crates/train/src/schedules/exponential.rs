//! A rate that falls by the same factor in the same time (Keras's `ExponentialDecay`).
use super::{Entry, Progress, Schedule};

pub(super) const EXPONENTIAL: Entry = Entry {
    name: "exponential",
    options: &["warm_up", "every", "factor"],
    build: |options| {
        Box::new(Exponential {
            every: options.every.unwrap_or(1.0),
            factor: options.factor.unwrap_or(0.95),
        })
    },
};

struct Exponential {
    every: f32,
    factor: f32,
}

impl Schedule for Exponential {
    fn rate(&self, rate: f32, progress: Progress) -> f32 {
        let every = f64::from(self.every) * progress.steps_per_epoch.max(1) as f64;
        let power = progress.step as f64 / every;
        (f64::from(rate) * f64::from(self.factor).powf(power)) as f32
    }
}
