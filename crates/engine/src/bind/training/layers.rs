//! The steps of a training that have no weights and are no layer of an inference as well.
use super::norms::seen;
use crate::operation::{Operation, Run};
use crate::work::Role;
use crate::work::training::Gradient;
use kernels::dropout::Draw;
use kernels::pooling::training as pooling;
use kernels::{Activation, Isa, Window, dropout, elementwise, softmax};

/// [`Work::MaxApart`](crate::work::training::Work::MaxApart)
#[derive(Debug)]
pub(super) struct MaxApart {
    pub isa: Isa,
    pub window: Window,
    pub channels: usize,
    pub activation: Activation,
}

impl Operation for MaxApart {
    fn run(&self, mut run: Run<'_, '_>) {
        let (input, output) = (seen(&run, self.activation), run.write(Role::Output));
        let (isa, pool, images) = (self.isa, run.pool, run.images);
        pooling::max_forward(
            isa,
            pool,
            images,
            &self.window,
            self.channels,
            input,
            output,
        );
    }
}

/// [`Work::MaxApartBackward`](crate::work::training::Work::MaxApartBackward)
#[derive(Debug)]
pub(super) struct MaxApartBackward {
    pub isa: Isa,
    pub window: Window,
    pub channels: usize,
    pub activation: Activation,
}

impl Operation for MaxApartBackward {
    fn run(&self, mut run: Run<'_, '_>) {
        let (below, sums) = (run.write(Role::Below), run.take(Role::InputSums));
        pooling::max_backward_normed(
            self.isa,
            run.pool,
            run.images,
            &self.window,
            self.channels,
            seen(&run, self.activation),
            run.read(Role::Above),
            below,
            sums,
            run.write(Role::Scratch),
        );
    }
}

/// [`Work::Gradient`](crate::work::training::Work::Gradient)
#[derive(Debug)]
pub(super) struct LayerGradient {
    pub isa: Isa,
    pub of: Gradient,
    pub add: bool,
}

impl Operation for LayerGradient {
    fn run(&self, mut run: Run<'_, '_>) {
        let (isa, pool, images, add) = (self.isa, run.pool, run.images, self.add);
        let (above, below) = (run.read(Role::Above), run.write(Role::Below));
        match self.of {
            Gradient::Softmax { channels } => {
                let output = run.read(Role::Output);
                softmax::backward(isa, pool, output, above, channels, add, below);
            }
            Gradient::MaxPool { window, channels } => {
                let input = run.read(Role::Input);
                pooling::max_backward(
                    isa, pool, images, &window, channels, input, above, add, below,
                );
            }
            Gradient::AveragePool { window, channels } => {
                pooling::average_backward(isa, pool, images, &window, channels, above, add, below);
            }
            Gradient::GlobalAverage => {
                pooling::global_average_backward(isa, pool, images, above, add, below);
            }
            Gradient::Factors { channels } => {
                let other = run.read(Role::Other);
                elementwise::training::factors_backward(
                    isa, pool, channels, above, other, add, below,
                );
            }
        }
    }
}

/// [`Work::Dropout`](crate::work::training::Work::Dropout)
#[derive(Debug)]
pub(super) struct Dropout {
    pub rate: f32,
    pub per_sample: bool,
    pub layer: u32,
    pub add: bool,
}

impl Operation for Dropout {
    fn run(&self, mut run: Run<'_, '_>) {
        let draw = Draw {
            seed: run.batch.seed,
            step: run.batch.step,
            layer: self.layer,
        };
        let (input, output) = (run.read(Role::Input), run.write(Role::Output));
        let (pool, images) = (run.pool, run.images);
        let (rate, per_sample) = (self.rate, self.per_sample);
        dropout::dropout(
            pool, images, rate, per_sample, draw, self.add, input, output,
        );
    }
}

/// [`Work::CrossEntropy`](crate::work::training::Work::CrossEntropy)
#[derive(Debug)]
pub(super) struct CrossEntropy {
    pub classes: usize,
}

impl Operation for CrossEntropy {
    fn run(&self, mut run: Run<'_, '_>) {
        let (logits, targets) = (run.read(Role::Input), run.read(Role::Targets));
        let (losses, right) = run.write(Role::Results).split_at_mut(run.images);
        softmax::reference::cross_entropy(
            self.classes,
            logits,
            targets,
            run.read(Role::Weights),
            run.batch.scale,
            losses,
            run.write(Role::Below),
        );
        let targets = targets.chunks_exact(self.classes);
        let rows = logits.chunks_exact(self.classes).zip(targets);
        for (right, (logits, targets)) in right.iter_mut().zip(rows) {
            *right = f32::from(largest(logits) == largest(targets));
        }
    }
}

/// The place of the first of the largest values.
fn largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, &value) in values.iter().enumerate() {
        if value > values[best] {
            best = index;
        }
    }
    best
}

/// [`Work::Copy`](crate::work::training::Work::Copy)
#[derive(Debug)]
pub(super) struct Copy;

impl Operation for Copy {
    fn run(&self, mut run: Run<'_, '_>) {
        elementwise::copy(run.pool, run.read(Role::Input), run.write(Role::Output));
    }
}

/// [`Work::Accumulate`](crate::work::training::Work::Accumulate)
#[derive(Debug)]
pub(super) struct Accumulate {
    pub isa: Isa,
}

impl Operation for Accumulate {
    fn run(&self, mut run: Run<'_, '_>) {
        let (gradient, sums) = (run.read(Role::Input), run.write(Role::Output));
        elementwise::accumulate(self.isa, run.pool, gradient, sums);
    }
}
