//! RMSprop (Hinton's lecture 6e): the gradient divided by its recent size.
use super::{Entry, Optimizer, OptimizerOptions};

pub(super) const RMSPROP: Entry = Entry {
    name: "rmsprop",
    options: &["rho", "momentum", "epsilon", "centered"],
    rate: 0.001,
    weight_decay: 0.0,
    build,
};

struct RmsProp {
    rho: f32,
    momentum: f32,
    epsilon: f32,
    centered: bool,
    slots: Vec<&'static str>,
    rate: f32,
}

fn build(options: &OptimizerOptions) -> Box<dyn Optimizer> {
    let momentum = options.momentum.unwrap_or(0.0);
    let centered = options.centered.unwrap_or(false);
    let mut slots = vec!["velocity"];
    if momentum > 0.0 {
        slots.push("momentum");
    }
    if centered {
        slots.push("average_gradient");
    }
    Box::new(RmsProp {
        rho: options.rho.unwrap_or(0.9),
        momentum,
        epsilon: options.epsilon.unwrap_or(1e-7),
        centered,
        slots,
        rate: 0.0,
    })
}

impl Optimizer for RmsProp {
    fn slots(&self) -> &[&'static str] {
        &self.slots
    }

    fn begin(&mut self, _: u64, rate: f32) {
        self.rate = rate;
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]]) {
        let rho = self.rho;
        for (at, (value, &slope)) in values.iter_mut().zip(gradient).enumerate() {
            let velocity = &mut slots[0][at];
            *velocity = rho * *velocity + (1.0 - rho) * slope * slope;
            let mut size = *velocity;
            if self.centered {
                let mean = &mut slots[self.slots.len() - 1][at];
                *mean = rho * *mean + (1.0 - rho) * slope;
                size -= *mean * *mean;
            }
            let step = self.rate * slope / (size + self.epsilon).sqrt();
            if self.momentum > 0.0 {
                let speed = &mut slots[1][at];
                *speed = self.momentum * *speed + step;
                *value -= *speed;
            } else {
                *value -= step;
            }
        }
    }
}
