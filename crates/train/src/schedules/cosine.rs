//! A rate that falls along half a cosine (Keras's `CosineDecay`; Loshchilov and Hutter 2017).
use super::{Entry, Progress, Schedule};

pub(super) const COSINE: Entry = Entry {
    name: "cosine",
    options: &["warm_up", "least"],
    build: |options| {
        Box::new(Cosine {
            least: options.least.unwrap_or(0.0),
        })
    },
};

struct Cosine {
    least: f32,
}

impl Schedule for Cosine {
    fn rate(&self, rate: f32, progress: Progress) -> f32 {
        let done = (progress.step as f64 / progress.steps.max(1) as f64).min(1.0);
        let wave = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
        let least = f64::from(self.least);
        (f64::from(rate) * ((1.0 - least) * wave + least)) as f32
    }
}
