//! Lion (Chen et al. 2023): steps of one size, by the sign of gradient and momentum.
use super::{Entry, Optimizer, OptimizerOptions};

pub(super) const LION: Entry = Entry {
    name: "lion",
    options: &["beta_1", "beta_2"],
    rate: 0.001,
    weight_decay: 0.0,
    build,
};

struct Lion {
    beta_1: f32,
    beta_2: f32,
    rate: f32,
}

fn build(options: &OptimizerOptions) -> Box<dyn Optimizer> {
    Box::new(Lion {
        beta_1: options.beta_1.unwrap_or(0.9),
        beta_2: options.beta_2.unwrap_or(0.99),
        rate: 0.0,
    })
}

impl Optimizer for Lion {
    fn slots(&self) -> &[&'static str] {
        &["momentum"]
    }

    fn begin(&mut self, _: u64, rate: f32) {
        self.rate = rate;
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]]) {
        let pairs = values.iter_mut().zip(gradient);
        for ((value, &slope), momentum) in pairs.zip(slots[0].iter_mut()) {
            let direction = *momentum * self.beta_1 + slope * (1.0 - self.beta_1);
            // The sign of 0 is 0.
            if direction > 0.0 {
                *value -= self.rate;
            } else if direction < 0.0 {
                *value += self.rate;
            }
            *momentum = *momentum * self.beta_2 + slope * (1.0 - self.beta_2);
        }
    }
}
