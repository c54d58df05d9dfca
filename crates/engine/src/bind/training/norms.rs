//! Batch norms and activations around the layers with weights.
use crate::operation::{Operation, Run};
use crate::work::Role;
use crate::work::training::Norm;
use kernels::batch_norm::training as batch_norm;
use kernels::{Above, Activation, Isa, Normed};

/// What a step sees of its input: its batch norm, if any, then the activation.
pub(super) fn seen<'b>(run: &Run<'_, 'b>, activation: Activation) -> Normed<'b> {
    Normed {
        values: run.read(Role::Input),
        norm: run.find(Role::InputNorm),
        activation,
    }
}

/// Fills the coefficients of a batch norm from its batch's statistics, and moves the moving ones.
pub(super) fn finish_norm(norm: &Norm, run: &mut Run<'_, '_>, mean: &[f32], variance: &[f32]) {
    let (gamma, beta) = (run.find(Role::Gamma), run.read(Role::Beta));
    let coefficients = run.write(Role::OutputNorm);
    batch_norm::coefficients(norm.epsilon, gamma, beta, mean, variance, coefficients);
    for (role, now) in [(Role::MovingMean, mean), (Role::MovingVariance, variance)] {
        batch_norm::move_statistics(norm.momentum, now, run.write(role));
    }
}

/// Fills the factors of a batch norm's gradient, whose output has `rows`, and adds to the gradients
/// of gamma and beta.
pub(super) fn norm_factors(run: &mut Run<'_, '_>, rows: usize, factors: &mut [f32]) {
    let coefficients = run.read(Role::OutputNorm);
    match run.find(Role::OutputSums) {
        Some(sums) => {
            let gamma = run.take(Role::GammaGradient);
            let beta = run.take(Role::BetaGradient);
            batch_norm::backward_factors(rows, coefficients, sums, factors, gamma, beta);
        }
        None => batch_norm::fixed_factors(coefficients, factors),
    }
}

/// [`Work::Statistics`](crate::work::training::Work::Statistics)
#[derive(Debug)]
pub(super) struct Statistics {
    pub isa: Isa,
    pub channels: usize,
    pub norm: Norm,
}

impl Operation for Statistics {
    fn run(&self, mut run: Run<'_, '_>) {
        if self.norm.frozen {
            let (gamma, beta) = (run.find(Role::Gamma), run.read(Role::Beta));
            let (mean, variance) = (run.read(Role::MovingMean), run.read(Role::MovingVariance));
            let (epsilon, coefficients) = (self.norm.epsilon, run.write(Role::OutputNorm));
            batch_norm::coefficients(epsilon, gamma, beta, mean, variance, coefficients);
            return;
        }
        let (statistics, scratch) = run.write(Role::Scratch).split_at_mut(2 * self.channels);
        let (mean, variance) = statistics.split_at_mut(self.channels);
        let values = run.read(Role::Input);
        batch_norm::statistics(self.isa, run.pool, values, mean, variance, scratch);
        finish_norm(&self.norm, &mut run, mean, variance);
    }
}

/// [`Work::Store`](crate::work::training::Work::Store)
#[derive(Debug)]
pub(super) struct Store {
    pub isa: Isa,
    pub channels: usize,
    pub activation: Activation,
}

impl Operation for Store {
    fn run(&self, mut run: Run<'_, '_>) {
        let (value, residual) = (seen(&run, self.activation), run.find(Role::Other));
        let output = run.write(Role::Output);
        batch_norm::apply(self.isa, run.pool, &value, self.channels, residual, output);
    }
}

/// [`Work::Sums`](crate::work::training::Work::Sums)
#[derive(Debug)]
pub(super) struct Sums {
    pub isa: Isa,
    pub activation: Activation,
}

impl Operation for Sums {
    fn run(&self, mut run: Run<'_, '_>) {
        let value = Normed {
            values: run.read(Role::Input),
            norm: run.find(Role::OutputNorm),
            activation: self.activation,
        };
        let gradient = run.read(Role::Above);
        let (sums, scratch) = (run.write(Role::OutputSums), run.write(Role::Scratch));
        batch_norm::sum_gradient(self.isa, run.pool, &value, gradient, sums, scratch);
    }
}

/// [`Work::NormBackward`](crate::work::training::Work::NormBackward)
#[derive(Debug)]
pub(super) struct NormBackward {
    pub isa: Isa,
    pub channels: usize,
    pub activation: Activation,
    pub norm: Option<Norm>,
    pub add: bool,
}

impl Operation for NormBackward {
    fn run(&self, mut run: Run<'_, '_>) {
        let gradient = run.read(Role::Above);
        let mut above = Above {
            gradient,
            values: run.read(Role::Input),
            norm: None,
            activation: self.activation,
        };
        if self.norm.is_some() {
            let factors = run.write(Role::Scratch);
            norm_factors(&mut run, gradient.len() / self.channels, factors);
            above.norm = Some((run.read(Role::OutputNorm), factors));
        }
        if let Some(below) = run.take(Role::Below) {
            let (isa, channels) = (self.isa, self.channels);
            batch_norm::backward(isa, run.pool, &above, channels, self.add, below);
        }
    }
}
