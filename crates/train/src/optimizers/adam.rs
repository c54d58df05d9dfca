//! Adam (Kingma and Ba 2014), its AMSGrad variant (Reddi et al. 2018), and AdamW (Loshchilov and Hutter
//! 2019), which is Adam with a weight decay by default.
use super::{Entry, Optimizer, OptimizerOptions};

pub(super) const ADAM: Entry = Entry {
    name: "adam",
    options: &["beta_1", "beta_2", "epsilon", "amsgrad"],
    rate: 0.001,
    weight_decay: 0.0,
    build,
};

pub(super) const ADAMW: Entry = Entry {
    name: "adamw",
    weight_decay: 0.004,
    ..ADAM
};

struct Adam {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    amsgrad: bool,
    alpha: f32,
}

fn build(options: &OptimizerOptions) -> Box<dyn Optimizer> {
    Box::new(Adam {
        beta_1: options.beta_1.unwrap_or(0.9),
        beta_2: options.beta_2.unwrap_or(0.999),
        epsilon: options.epsilon.unwrap_or(1e-7),
        amsgrad: options.amsgrad.unwrap_or(false),
        alpha: 0.0,
    })
}

/// `1 - beta^step`, in f64: at the first steps f32 would lose half of its digits.
pub(super) fn correction(beta: f32, step: u64) -> f64 {
    1.0 - f64::from(beta).powf(step as f64)
}

impl Optimizer for Adam {
    fn slots(&self) -> &[&'static str] {
        if self.amsgrad {
            &["momentum", "velocity", "largest_velocity"]
        } else {
            &["momentum", "velocity"]
        }
    }

    fn begin(&mut self, step: u64, rate: f32) {
        let factor = correction(self.beta_2, step).sqrt() / correction(self.beta_1, step);
        self.alpha = (f64::from(rate) * factor) as f32;
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]]) {
        let (first, second) = (1.0 - self.beta_1, 1.0 - self.beta_2);
        let (alpha, epsilon) = (self.alpha, self.epsilon);
        let [momenta, velocities, largest @ ..] = slots else {
            unreachable!("two slots at least");
        };
        let pairs = values.iter_mut().zip(gradient);
        let kept = momenta.iter_mut().zip(velocities.iter_mut());
        if let [largest] = largest {
            for (((value, &slope), (momentum, velocity)), largest) in
                pairs.zip(kept).zip(largest.iter_mut())
            {
                *momentum += (slope - *momentum) * first;
                *velocity += (slope * slope - *velocity) * second;
                *largest = largest.max(*velocity);
                *value -= *momentum * alpha / (largest.sqrt() + epsilon);
            }
            return;
        }
        for ((value, &slope), (momentum, velocity)) in pairs.zip(kept) {
            *momentum += (slope - *momentum) * first;
            *velocity += (slope * slope - *velocity) * second;
            *value -= *momentum * alpha / (velocity.sqrt() + epsilon);
        }
    }
}
