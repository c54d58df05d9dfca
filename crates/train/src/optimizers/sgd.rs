//! Gradient descent, with momentum and Nesterov's look ahead where they are asked for.
use super::{Entry, Optimizer, OptimizerOptions};

pub(super) const SGD: Entry = Entry {
    name: "sgd",
    options: &["momentum", "nesterov"],
    rate: 0.01,
    weight_decay: 0.0,
    build,
};

struct Sgd {
    momentum: f32,
    nesterov: bool,
    rate: f32,
}

fn build(options: &OptimizerOptions) -> Box<dyn Optimizer> {
    Box::new(Sgd {
        momentum: options.momentum.unwrap_or(0.0),
        nesterov: options.nesterov.unwrap_or(false),
        rate: 0.0,
    })
}

impl Optimizer for Sgd {
    fn slots(&self) -> &[&'static str] {
        if self.momentum > 0.0 {
            &["momentum"]
        } else {
            &[]
        }
    }

    fn begin(&mut self, _: u64, rate: f32) {
        self.rate = rate;
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]]) {
        let (rate, momentum) = (self.rate, self.momentum);
        let [speeds] = slots else {
            for (value, &slope) in values.iter_mut().zip(gradient) {
                *value -= rate * slope;
            }
            return;
        };
        for ((value, &slope), speed) in values.iter_mut().zip(gradient).zip(speeds.iter_mut()) {
            *speed = momentum * *speed - rate * slope;
            *value += if self.nesterov {
                momentum * *speed - rate * slope
            } else {
                *speed
            };
        }
    }
}
