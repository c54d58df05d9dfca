//! Adamax (Kingma and Ba 2014, section 7): Adam with the largest recent gradient in the denominator.
use super::adam::correction;
use super::{Entry, Optimizer, OptimizerOptions};

pub(super) const ADAMAX: Entry = Entry {
    name: "adamax",
    options: &["beta_1", "beta_2", "epsilon"],
    rate: 0.001,
    weight_decay: 0.0,
    build,
};

struct Adamax {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    alpha: f32,
}

fn build(options: &OptimizerOptions) -> Box<dyn Optimizer> {
    Box::new(Adamax {
        beta_1: options.beta_1.unwrap_or(0.9),
        beta_2: options.beta_2.unwrap_or(0.999),
        epsilon: options.epsilon.unwrap_or(1e-7),
        alpha: 0.0,
    })
}

impl Optimizer for Adamax {
    fn slots(&self) -> &[&'static str] {
        &["momentum", "largest"]
    }

    fn begin(&mut self, step: u64, rate: f32) {
        self.alpha = (f64::from(rate) / correction(self.beta_1, step)) as f32;
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]]) {
        let [momenta, sizes] = slots else {
            unreachable!("two slots");
        };
        let kept = momenta.iter_mut().zip(sizes.iter_mut());
        for ((value, &slope), (momentum, largest)) in values.iter_mut().zip(gradient).zip(kept) {
            *momentum += (slope - *momentum) * (1.0 - self.beta_1);
            *largest = (self.beta_2 * *largest).max(slope.abs());
            *value -= self.alpha * *momentum / (*largest + self.epsilon);
        }
    }
}
