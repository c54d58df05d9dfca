//! Nadam (Dozat 2016): Adam with Nesterov's look ahead.
use super::adam::correction;
use super::{Entry, Optimizer, OptimizerOptions};

pub(super) const NADAM: Entry = Entry {
    name: "nadam",
    options: &["beta_1", "beta_2", "epsilon"],
    rate: 0.001,
    weight_decay: 0.0,
    build,
};

struct Nadam {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    /// The last step, and the product of the momenta up to it.
    product: (u64, f64),
    /// What the momentum and the gradient are multiplied by, and the velocity's correction.
    factors: [f32; 3],
}

fn build(options: &OptimizerOptions) -> Box<dyn Optimizer> {
    Box::new(Nadam {
        beta_1: options.beta_1.unwrap_or(0.9),
        beta_2: options.beta_2.unwrap_or(0.999),
        epsilon: options.epsilon.unwrap_or(1e-7),
        product: (0, 1.0),
        factors: [0.0; 3],
    })
}

impl Nadam {
    /// The momentum of a step: it grows towards beta 1.
    fn momentum(&self, step: u64) -> f64 {
        f64::from(self.beta_1) * (1.0 - 0.5 * 0.96f64.powf(step as f64))
    }
}

impl Optimizer for Nadam {
    fn slots(&self) -> &[&'static str] {
        &["momentum", "velocity"]
    }

    fn begin(&mut self, step: u64, rate: f32) {
        if self.product.0 + 1 != step {
            // A training that goes on from a checkpoint.
            let before = (1..step).map(|earlier| self.momentum(earlier)).product();
            self.product = (step - 1, before);
        }
        let (now, next) = (self.momentum(step), self.momentum(step + 1));
        self.product = (step, self.product.1 * now);
        let rate = f64::from(rate);
        let product = self.product.1;
        let factors = [
            rate * next / (1.0 - product * next),
            rate * (1.0 - now) / (1.0 - product),
            1.0 / correction(self.beta_2, step),
        ];
        self.factors = factors.map(|factor| factor as f32);
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]]) {
        let [by_momentum, by_slope, by_velocity] = self.factors;
        let [momenta, velocities] = slots else {
            unreachable!("two slots");
        };
        let kept = momenta.iter_mut().zip(velocities.iter_mut());
        for ((value, &slope), (momentum, velocity)) in values.iter_mut().zip(gradient).zip(kept) {
            *momentum += (slope - *momentum) * (1.0 - self.beta_1);
            *velocity += (slope * slope - *velocity) * (1.0 - self.beta_2);
            let step = by_momentum * *momentum + by_slope * slope;
            *value -= step / ((*velocity * by_velocity).sqrt() + self.epsilon);
        }
    }
}
