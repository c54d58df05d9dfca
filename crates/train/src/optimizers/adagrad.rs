//! Adagrad (Duchi et al. 2011): the gradient divided by the size of all so far.
use super::{Entry, Optimizer, OptimizerOptions};

pub(super) const ADAGRAD: Entry = Entry {
    name: "adagrad",
    options: &["epsilon", "initial_accumulator"],
    rate: 0.001,
    weight_decay: 0.0,
    build,
};

struct Adagrad {
    epsilon: f32,
    initial: f32,
    rate: f32,
}

fn build(options: &OptimizerOptions) -> Box<dyn Optimizer> {
    Box::new(Adagrad {
        epsilon: options.epsilon.unwrap_or(1e-7),
        initial: options.initial_accumulator.unwrap_or(0.1),
        rate: 0.0,
    })
}

impl Optimizer for Adagrad {
    fn slots(&self) -> &[&'static str] {
        &["accumulator"]
    }

    fn first(&self) -> f32 {
        self.initial
    }

    fn begin(&mut self, _: u64, rate: f32) {
        self.rate = rate;
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]]) {
        let pairs = values.iter_mut().zip(gradient);
        for ((value, &slope), sum) in pairs.zip(slots[0].iter_mut()) {
            *sum += slope * slope;
            *value -= self.rate * slope / (*sum + self.epsilon).sqrt();
        }
    }
}
