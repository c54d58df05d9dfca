//! The operations of training plans that multiply with weights, and the batch norms around them.
use super::operation::{Operation, Run};
use kernels::batch_norm::training as batch_norm;
use kernels::conv2d::training::{Gradients, TrainingConv2d};
use kernels::depthwise::training::TrainingDepthwise;
use kernels::pooling::training as pooling;
use kernels::{Above, Activation, Isa, Normed, Window};

/// What the reader of a value applies to what is stored of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    /// Whether a batch norm, whose coefficients then follow the value.
    pub norm: bool,
    pub activation: Activation,
}

impl Read {
    /// The value, from the reads that begin with it; and the reads that follow.
    fn take<'a, 'b>(&self, reads: &'a [&'b [f32]]) -> (Normed<'b>, &'a [&'b [f32]]) {
        let (values, rest) = reads.split_first().expect("a value");
        let (norm, rest) = match rest.split_first() {
            Some((norm, rest)) if self.norm => (Some(*norm), rest),
            _ => (None, rest),
        };
        let value = Normed {
            values,
            norm,
            activation: self.activation,
        };
        (value, rest)
    }
}

/// A batch norm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norm {
    pub epsilon: f32,
    pub momentum: f32,
    /// Whether it has a gamma.
    pub scale: bool,
    pub frozen: bool,
}

impl Norm {
    /// Gamma and beta, from the reads that begin with them.
    fn parameters<'b>(&self, reads: &[&'b [f32]]) -> (Option<&'b [f32]>, &'b [f32]) {
        if self.scale {
            (Some(reads[0]), reads[1])
        } else {
            (None, reads[0])
        }
    }
}

/// The kernel of a product.
#[derive(Debug)]
pub(crate) enum Kind {
    Conv2d(Box<TrainingConv2d>, &'static str),
    Depthwise(TrainingDepthwise),
}

impl Kind {
    pub fn conv2d(
        isa: Isa,
        window: &Window,
        channels: usize,
        filters: usize,
        threads: usize,
    ) -> Kind {
        let pointwise = window.kernel_height * window.kernel_width == 1;
        let name = if pointwise { "conv2d 1x1" } else { "conv2d" };
        let conv = TrainingConv2d::new(isa, window, channels, filters, threads);
        Kind::Conv2d(Box::new(conv), name)
    }

    pub fn depthwise(isa: Isa, window: &Window, channels: usize, threads: usize) -> Kind {
        Kind::Depthwise(TrainingDepthwise::new(isa, window, channels, threads))
    }
}

/// A layer that multiplies with weights, with the batch norm that follows it, if any.
#[derive(Debug)]
pub(crate) struct Product {
    pub kind: Kind,
    /// How it reads its input.
    pub read: Read,
    pub bias: bool,
    /// Of the output.
    pub channels: usize,
    pub norm: Option<Norm>,
}

impl Product {
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Conv2d(_, name) => name,
            Kind::Depthwise(_) => "depthwise",
        }
    }

    pub fn backward_name(&self) -> &'static str {
        match self.kind {
            Kind::Conv2d(_, "conv2d") => "conv2d back",
            Kind::Conv2d(..) => "conv2d 1x1 back",
            Kind::Depthwise(_) => "depthwise back",
        }
    }

    /// The statistics come first.
    pub fn forward_scratch(&self) -> usize {
        let kernel = match &self.kind {
            Kind::Conv2d(conv, _) => conv.forward_scratch(),
            Kind::Depthwise(depthwise) => depthwise.forward_scratch(),
        };
        2 * self.channels.next_multiple_of(16) + kernel
    }

    /// The factors of the batch norm's gradient come first.
    pub fn backward_scratch(&self) -> usize {
        let kernel = match &self.kind {
            Kind::Conv2d(conv, _) => conv.backward_scratch(),
            Kind::Depthwise(depthwise) => depthwise.backward_scratch(),
        };
        3 * self.channels.next_multiple_of(16) + kernel
    }
}

/// Reads the input, kernel, bias, gamma and beta; writes the output, the coefficients and the moving
/// statistics.
#[derive(Debug)]
pub(crate) struct Forward(pub Product);

impl Operation for Forward {
    fn run(&self, run: Run<'_, '_>) {
        let product = &self.0;
        let channels = product.channels;
        let (input, reads) = product.read.take(run.reads);
        let (kernel, reads) = reads.split_first().expect("a kernel");
        let (bias, reads) = reads.split_at(usize::from(product.bias));
        let bias = bias.first().copied();
        let (scratch, writes) = run.writes.split_last_mut().expect("memory to work in");
        let (output, norm_writes) = writes.split_first_mut().expect("an output");
        let (statistics, scratch) = scratch.split_at_mut(2 * channels.next_multiple_of(16));
        let (mean, variance) = statistics.split_at_mut(statistics.len() / 2);
        let (mean, variance) = (&mut mean[..channels], &mut variance[..channels]);
        let wanted = product
            .norm
            .is_some()
            .then_some(kernels::conv2d::training::Statistics {
                mean: &mut *mean,
                variance: &mut *variance,
            });
        let (pool, images) = (run.pool, run.images);
        match &product.kind {
            Kind::Conv2d(conv, _) => {
                conv.forward(pool, images, input, kernel, bias, output, wanted, scratch);
            }
            Kind::Depthwise(depthwise) => {
                depthwise.forward(pool, images, input, kernel, bias, output, wanted, scratch);
            }
        }
        if let Some(norm) = &product.norm {
            let (gamma, beta) = norm.parameters(reads);
            finish_norm(norm, gamma, beta, mean, variance, norm_writes);
        }
    }
}

/// Fills the coefficients and moves the moving statistics.
fn finish_norm(
    norm: &Norm,
    gamma: Option<&[f32]>,
    beta: &[f32],
    mean: &[f32],
    variance: &[f32],
    writes: &mut [&mut [f32]],
) {
    let [coefficients, moving_mean, moving_variance] = writes else {
        unreachable!("coefficients and moving statistics");
    };
    batch_norm::coefficients(norm.epsilon, gamma, beta, mean, variance, coefficients);
    batch_norm::move_statistics(norm.momentum, mean, moving_mean);
    batch_norm::move_statistics(norm.momentum, variance, moving_variance);
}

/// The coefficients of a batch norm that no product takes the statistics of: reads the value, gamma
/// and beta, writes coefficients and moving statistics; or, frozen, reads gamma, beta and the moving
/// statistics and writes the coefficients.
#[derive(Debug)]
pub(crate) struct Statistics {
    pub isa: Isa,
    pub channels: usize,
    pub norm: Norm,
}

/// f32 that sums over rows are worked out in.
pub(crate) fn sums_scratch(channels: usize, threads: usize) -> usize {
    2 * channels + batch_norm::scratch_values(channels, threads)
}

impl Operation for Statistics {
    fn run(&self, run: Run<'_, '_>) {
        let norm = &self.norm;
        if norm.frozen {
            let (gamma, beta) = norm.parameters(run.reads);
            let moving = &run.reads[1 + usize::from(norm.scale)..];
            let epsilon = norm.epsilon;
            let coefficients = &mut *run.writes[0];
            batch_norm::coefficients(epsilon, gamma, beta, moving[0], moving[1], coefficients);
            return;
        }
        let (scratch, writes) = run.writes.split_last_mut().expect("memory to work in");
        let (statistics, scratch) = scratch.split_at_mut(2 * self.channels);
        let (mean, variance) = statistics.split_at_mut(self.channels);
        batch_norm::statistics(self.isa, run.pool, run.reads[0], mean, variance, scratch);
        let (gamma, beta) = norm.parameters(&run.reads[1..]);
        finish_norm(norm, gamma, beta, mean, variance, writes);
    }
}

/// Stores a value: reads it and perhaps a residual, which is added.
#[derive(Debug)]
pub(crate) struct Apply {
    pub isa: Isa,
    pub channels: usize,
    pub read: Read,
}

impl Operation for Apply {
    fn run(&self, run: Run<'_, '_>) {
        let (value, rest) = self.read.take(run.reads);
        let residual = rest.first().copied();
        let output = &mut *run.writes[0];
        batch_norm::apply(self.isa, run.pool, &value, self.channels, residual, output);
    }
}

/// The sums that a batch norm's gradient needs: reads the gradient, the value and the coefficients.
#[derive(Debug)]
pub(crate) struct Sums {
    pub isa: Isa,
    pub activation: Activation,
}

impl Operation for Sums {
    fn run(&self, run: Run<'_, '_>) {
        let [gradient, values, coefficients] = run.reads else {
            unreachable!("three values");
        };
        let input = Normed {
            values,
            norm: Some(coefficients),
            activation: self.activation,
        };
        let [sums, scratch] = run.writes else {
            unreachable!("sums and memory to work in");
        };
        batch_norm::sum_gradient(self.isa, run.pool, &input, gradient, sums, scratch);
    }
}

/// The gradient below an activation (reads gradient and value, writes the gradient) or below a batch
/// norm (reads gradient, value, coefficients and sums; writes factors, the gradients of gamma and
/// beta, and the gradient if it is wanted).
#[derive(Debug)]
pub(crate) struct Below {
    pub isa: Isa,
    pub channels: usize,
    pub activation: Activation,
    pub norm: Option<Norm>,
    pub add: bool,
}

impl Operation for Below {
    fn run(&self, run: Run<'_, '_>) {
        let mut above = Above {
            gradient: run.reads[0],
            values: run.reads[1],
            norm: None,
            activation: self.activation,
        };
        let Some(norm) = &self.norm else {
            let below = &mut *run.writes[0];
            return kernels::batch_norm::training::backward(
                self.isa,
                run.pool,
                &above,
                self.channels,
                self.add,
                below,
            );
        };
        let coefficients = run.reads[2];
        let (factors, writes) = run.writes.split_first_mut().expect("factors");
        let rows = above.gradient.len() / self.channels;
        let sums = run.reads.get(3).copied();
        let used = norm_factors(norm, rows, coefficients, sums, factors, writes);
        above.norm = Some((coefficients, factors));
        if let Some(below) = writes.get_mut(used) {
            kernels::batch_norm::training::backward(
                self.isa,
                run.pool,
                &above,
                self.channels,
                self.add,
                below,
            );
        }
    }
}

/// Fills the factors of a batch norm's gradient and adds to the gradients of gamma and beta, with
/// which `writes` begins if it is trained; gives how many of them there were.
fn norm_factors(
    norm: &Norm,
    rows: usize,
    coefficients: &[f32],
    sums: Option<&[f32]>,
    factors: &mut [f32],
    writes: &mut [&mut [f32]],
) -> usize {
    let Some(sums) = sums.filter(|_| !norm.frozen) else {
        batch_norm::fixed_factors(coefficients, factors);
        return 0;
    };
    let count = 1 + usize::from(norm.scale);
    let (gamma, beta) = match &mut writes[..count] {
        [gamma, beta] => (Some(&mut **gamma), &mut **beta),
        [beta] => (None, &mut **beta),
        _ => unreachable!("beta, and gamma perhaps"),
    };
    batch_norm::backward_factors(rows, coefficients, sums, factors, gamma, Some(beta));
    count
}

/// Reads the gradient; with a norm the product's output, its coefficients and sums; the input; the
/// kernel. Writes the gradient of the input and its sums; the gradients of the kernel and the bias,
/// and of gamma and beta.
#[derive(Debug)]
pub(crate) struct Backward {
    pub product: Product,
    /// What the gradient has still to pass.
    pub activation: Activation,
    /// Whether the input's gradient is added to what is there; none where it is not wanted.
    pub below: Option<bool>,
    /// Whether the input's batch norm needs sums.
    pub sums: bool,
    /// Whether the kernel is trained.
    pub trained: bool,
}

impl Operation for Backward {
    fn run(&self, run: Run<'_, '_>) {
        let product = &self.product;
        let channels = product.channels;
        let (scratch, writes) = run.writes.split_last_mut().expect("memory to work in");
        let (factors, scratch) = scratch.split_at_mut(3 * channels.next_multiple_of(16));
        let factors = &mut factors[..3 * channels];
        let (gradient, mut reads) = run.reads.split_first().expect("a gradient");
        let (below, writes) = writes.split_at_mut(usize::from(self.below.is_some()));
        let (sums, writes) = writes.split_at_mut(usize::from(self.sums));
        let weights = if self.trained {
            1 + usize::from(product.bias)
        } else {
            0
        };
        let (weights, norm_writes) = writes.split_at_mut(weights);
        let mut above = Above::plain(gradient);
        if let Some(norm) = &product.norm {
            above.values = reads[0];
            let (coefficients, own_sums) = (reads[1], reads[2]);
            reads = &reads[3..];
            let rows = gradient.len() / channels;
            norm_factors(
                norm,
                rows,
                coefficients,
                Some(own_sums),
                factors,
                norm_writes,
            );
            above.norm = Some((coefficients, factors));
            above.activation = self.activation;
        }
        let (input, reads) = product.read.take(reads);
        let kernel = reads[0];
        let mut weights = weights.iter_mut().map(|gradient| &mut **gradient);
        let gradients = Gradients {
            input: below
                .first_mut()
                .map(|below| (&mut **below, self.below == Some(true))),
            sums: sums.first_mut().map(|sums| &mut **sums),
            kernel: weights.next(),
            bias: weights.next(),
        };
        let (pool, images) = (run.pool, run.images);
        match &product.kind {
            Kind::Conv2d(conv, _) => {
                conv.backward(pool, images, input, kernel, above, gradients, scratch);
            }
            Kind::Depthwise(depthwise) => {
                depthwise.backward(pool, images, input, kernel, above, gradients, scratch);
            }
        }
    }
}

/// The largest value of windows that lie apart: reads the value, writes the results.
#[derive(Debug)]
pub(crate) struct Pooled {
    pub isa: Isa,
    pub window: Window,
    pub channels: usize,
    pub read: Read,
}

impl Operation for Pooled {
    fn run(&self, run: Run<'_, '_>) {
        let (input, _) = self.read.take(run.reads);
        let output = &mut *run.writes[0];
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

/// Its gradient: reads the gradient and the value; writes the gradient below, the sums if they are
/// wanted, and works in the rest.
#[derive(Debug)]
pub(crate) struct PooledBackward {
    pub pooled: Pooled,
    pub sums: bool,
}

impl Operation for PooledBackward {
    fn run(&self, run: Run<'_, '_>) {
        let Pooled {
            isa,
            window,
            channels,
            read,
        } = &self.pooled;
        let (gradient, reads) = run.reads.split_first().expect("a gradient");
        let (input, _) = read.take(reads);
        let (scratch, writes) = run.writes.split_last_mut().expect("memory to work in");
        let (below, sums) = writes.split_first_mut().expect("a gradient below");
        let sums = sums
            .first_mut()
            .filter(|_| self.sums)
            .map(|sums| &mut **sums);
        pooling::max_backward_normed(
            *isa, run.pool, run.images, window, *channels, input, gradient, below, sums, scratch,
        );
    }
}
