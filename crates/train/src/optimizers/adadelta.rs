//! Adadelta (Zeiler 2012): steps as large as the recent ones, by gradients as large as the recent ones.
use super::{Entry, Optimizer, OptimizerOptions};

pub(super) const ADADELTA: Entry = Entry {
    name: "adadelta",
    options: &["rho", "epsilon"],
    rate: 0.001,
    weight_decay: 0.0,
    build,
};

struct Adadelta {
    rho: f32,
    epsilon: f32,
    rate: f32,
}

fn build(options: &OptimizerOptions) -> Box<dyn Optimizer> {
    Box::new(Adadelta {
        rho: options.rho.unwrap_or(0.95),
        epsilon: options.epsilon.unwrap_or(1e-7),
        rate: 0.0,
    })
}

impl Optimizer for Adadelta {
    fn slots(&self) -> &[&'static str] {
        &["gradients", "changes"]
    }

    fn begin(&mut self, _: u64, rate: f32) {
        self.rate = rate;
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]]) {
        let (rho, epsilon) = (self.rho, self.epsilon);
        let [gradients, changes] = slots else {
            unreachable!("two slots");
        };
        let kept = gradients.iter_mut().zip(changes.iter_mut());
        for ((value, &slope), (squares, moves)) in values.iter_mut().zip(gradient).zip(kept) {
            *squares = rho * *squares + (1.0 - rho) * slope * slope;
            let change = -(*moves + epsilon).sqrt() * slope / (*squares + epsilon).sqrt();
            *moves = rho * *moves + (1.0 - rho) * change * change;
            *value += self.rate * change;
        }
    }
}
