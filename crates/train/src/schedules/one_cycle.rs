//! A rate that rises, then falls far below where it began (Smith and Topin 2018; PyTorch's
//! `OneCycleLR`): the recipe's rate is the highest.
use super::{Entry, Progress, Schedule};

pub(super) const ONE_CYCLE: Entry = Entry {
    name: "one_cycle",
    options: &["rise"],
    build: |options| {
        Box::new(OneCycle {
            rise: options.rise.unwrap_or(0.3),
        })
    },
};

/// The highest rate over the first one.
const FIRST: f64 = 25.0;

/// The first rate over the last one.
const LAST: f64 = 1e4;

struct OneCycle {
    rise: f32,
}

impl Schedule for OneCycle {
    fn rate(&self, rate: f32, progress: Progress) -> f32 {
        let highest = f64::from(rate);
        let first = highest / FIRST;
        let last = first / LAST;
        let all = progress.steps as f64;
        let top = f64::from(self.rise) * all - 1.0;
        let step = (progress.step as f64).min(all - 1.0);
        let along = |from: f64, to: f64, share: f64| {
            to + (from - to) / 2.0 * (1.0 + (std::f64::consts::PI * share).cos())
        };
        // A rise that ends at the first step, or before it, has no length to divide by.
        let rate = if step < top {
            along(first, highest, step / top)
        } else {
            along(highest, last, (step - top) / (all - 1.0 - top).max(1e-9))
        };
        rate as f32
    }
}
