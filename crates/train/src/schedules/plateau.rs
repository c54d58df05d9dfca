//! A rate that is cut when the validation loss stops falling (Keras's `ReduceLROnPlateau`).
use super::{Entry, Progress, Schedule};

pub(super) const PLATEAU: Entry = Entry {
    name: "plateau",
    options: &["warm_up", "factor", "patience", "least", "threshold"],
    build: |options| {
        Box::new(Plateau {
            factor: options.factor.unwrap_or(0.1),
            patience: options.patience.unwrap_or(10),
            least: options.least.unwrap_or(0.0),
            threshold: options.threshold.unwrap_or(1e-4),
            share: 1.0,
            best: f64::INFINITY,
            waited: 0,
        })
    },
};

struct Plateau {
    factor: f32,
    patience: u32,
    least: f32,
    threshold: f32,
    /// What the rate is multiplied by now.
    share: f64,
    best: f64,
    /// Epochs since the best.
    waited: u32,
}

impl Schedule for Plateau {
    fn rate(&self, rate: f32, _: Progress) -> f32 {
        (f64::from(rate) * self.share) as f32
    }

    fn epoch_ended(&mut self, loss: f32) {
        let loss = f64::from(loss);
        if loss < self.best - f64::from(self.threshold) {
            self.best = loss;
            self.waited = 0;
            return;
        }
        self.waited += 1;
        if self.waited >= self.patience {
            self.share = (self.share * f64::from(self.factor)).max(f64::from(self.least));
            self.waited = 0;
        }
    }

    fn kept(&self) -> Vec<f64> {
        vec![self.share, self.best, f64::from(self.waited)]
    }

    fn resume(&mut self, kept: &[f64]) {
        if let &[share, best, waited] = kept {
            (self.share, self.best, self.waited) = (share, best, waited as u32);
        }
    }
}
