//! Layers that multiply with weights, and the batch norms whose statistics and gradients they take
//! with them.
use super::norms::{finish_norm, norm_factors, seen};
use crate::operation::{Operation, Run};
use crate::work::Role;
use crate::work::training::{Kernel, Norm, Product};
use kernels::conv2d::training::{Gradients, Statistics, TrainingConv2d};
use kernels::depthwise::training::TrainingDepthwise;
use kernels::{Above, Activation, Isa, Normed};
use tensor::Pool;

/// f32 of a cache line, to which the parts of a step's memory are rounded up: no two threads then
/// write to one line.
const LINE: usize = 16;

/// f32 of the mean and the variance, with which the memory of a forward step begins.
pub(super) fn statistics_values(channels: usize) -> usize {
    2 * channels.next_multiple_of(LINE)
}

/// f32 of the factors of a batch norm's gradient, with which the memory of a backward step begins.
pub(super) fn factor_values(channels: usize) -> usize {
    3 * channels.next_multiple_of(LINE)
}

/// A kernel for some instructions and threads. It holds sizes and no weights, which a training gives
/// to each call.
#[derive(Debug)]
pub(super) enum BoundKernel {
    Conv2d(Box<TrainingConv2d>),
    Depthwise(TrainingDepthwise),
}

impl BoundKernel {
    pub fn new(isa: Isa, kernel: &Kernel, threads: usize) -> Self {
        match kernel {
            Kernel::Conv2d {
                window,
                channels,
                filters,
            } => {
                let conv = TrainingConv2d::new(isa, window, *channels, *filters, threads);
                BoundKernel::Conv2d(Box::new(conv))
            }
            Kernel::Depthwise { window, channels } => {
                BoundKernel::Depthwise(TrainingDepthwise::new(isa, window, *channels, threads))
            }
        }
    }

    pub fn forward_scratch(&self) -> usize {
        match self {
            BoundKernel::Conv2d(conv) => conv.forward_scratch(),
            BoundKernel::Depthwise(depthwise) => depthwise.forward_scratch(),
        }
    }

    pub fn backward_scratch(&self) -> usize {
        match self {
            BoundKernel::Conv2d(conv) => conv.backward_scratch(),
            BoundKernel::Depthwise(depthwise) => depthwise.backward_scratch(),
        }
    }

    fn forward(
        &self,
        (pool, images): (&Pool, usize),
        input: Normed<'_>,
        (kernel, bias): (&[f32], Option<&[f32]>),
        output: &mut [f32],
        wanted: Option<Statistics<'_>>,
        scratch: &mut [f32],
    ) {
        match self {
            BoundKernel::Conv2d(conv) => {
                conv.forward(pool, images, input, kernel, bias, output, wanted, scratch);
            }
            BoundKernel::Depthwise(depthwise) => {
                depthwise.forward(pool, images, input, kernel, bias, output, wanted, scratch);
            }
        }
    }

    fn backward(
        &self,
        (pool, images): (&Pool, usize),
        input: Normed<'_>,
        kernel: &[f32],
        above: Above<'_>,
        gradients: Gradients<'_>,
        scratch: &mut [f32],
    ) {
        match self {
            BoundKernel::Conv2d(conv) => {
                conv.backward(pool, images, input, kernel, above, gradients, scratch);
            }
            BoundKernel::Depthwise(depthwise) => {
                depthwise.backward(pool, images, input, kernel, above, gradients, scratch);
            }
        }
    }
}

/// [`Work::Product`](crate::work::training::Work::Product)
#[derive(Debug)]
pub(super) struct Forward {
    pub kernel: BoundKernel,
    pub product: Product,
    pub norm: Option<Norm>,
}

impl Operation for Forward {
    fn run(&self, mut run: Run<'_, '_>) {
        let channels = self.product.channels;
        let weights = (run.read(Role::Kernel), run.find(Role::Bias));
        let scratch = run.write(Role::Scratch);
        let (statistics, scratch) = scratch.split_at_mut(statistics_values(channels));
        let (mean, variance) = statistics.split_at_mut(statistics.len() / 2);
        let (mean, variance) = (&mut mean[..channels], &mut variance[..channels]);
        let wanted = self.norm.is_some().then_some(Statistics {
            mean: &mut *mean,
            variance: &mut *variance,
        });
        let input = seen(&run, self.product.activation);
        let output = run.write(Role::Output);
        let on = (run.pool, run.images);
        self.kernel
            .forward(on, input, weights, output, wanted, scratch);
        if let Some(norm) = &self.norm {
            finish_norm(norm, &mut run, mean, variance);
        }
    }
}

/// [`Work::ProductBackward`](crate::work::training::Work::ProductBackward)
#[derive(Debug)]
pub(super) struct Backward {
    pub kernel: BoundKernel,
    pub product: Product,
    pub activation: Activation,
    pub norm: Option<Norm>,
    pub add: bool,
}

impl Operation for Backward {
    fn run(&self, mut run: Run<'_, '_>) {
        let channels = self.product.channels;
        let scratch = run.write(Role::Scratch);
        let (factors, scratch) = scratch.split_at_mut(factor_values(channels));
        let factors = &mut factors[..3 * channels];
        let mut above = Above::plain(run.read(Role::Above));
        if self.norm.is_some() {
            norm_factors(&mut run, above.gradient.len() / channels, factors);
            above.values = run.read(Role::Output);
            above.norm = Some((run.read(Role::OutputNorm), factors));
            above.activation = self.activation;
        }
        let gradients = Gradients {
            input: run.take(Role::Below).map(|below| (below, self.add)),
            sums: run.take(Role::InputSums),
            kernel: run.take(Role::KernelGradient),
            bias: run.take(Role::BiasGradient),
        };
        let input = seen(&run, self.product.activation);
        let on = (run.pool, run.images);
        let kernel = run.read(Role::Kernel);
        self.kernel
            .backward(on, input, kernel, above, gradients, scratch);
    }
}
