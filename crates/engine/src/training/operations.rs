//! The operations of training plans, one layer at a time.
use super::operation::{Operation, Run};
use crate::lower::training::Size;
use crate::lower::{kernel_activation, window};
use graph::Op;
use kernels::dropout::Draw;
use kernels::{
    Isa, batch_norm, conv2d, dense, depthwise, dropout, elementwise, pooling, rearrange, softmax,
};
use tensor::Shape;

/// A layer: what it does, on shapes of one image.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub isa: Isa,
    pub op: Op,
    pub inputs: Vec<Shape>,
    pub output: Shape,
    /// Its place in the graph, for the dropouts.
    pub number: u32,
    pub frozen: bool,
}

/// The way through a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Forward,
    Backward,
}

/// The values that a backward step reads besides its gradient and its parameters.
pub(crate) struct Needs {
    pub input: bool,
    pub output: bool,
}

pub(crate) fn needs(op: &Op) -> Needs {
    let input = matches!(
        op,
        Op::Conv2d(_)
            | Op::DepthwiseConv2d(_)
            | Op::Dense { .. }
            | Op::BatchNorm { .. }
            | Op::Activation(_)
            | Op::MaxPool(_)
    );
    Needs {
        input,
        output: matches!(op, Op::Softmax),
    }
}

/// What a step works in, besides.
pub(crate) fn scratch(_layer: &Layer, _pass: Pass) -> Size {
    Size::default()
}

/// The forward step of a layer: reads its inputs and parameters, writes its value.
pub(crate) fn forward(layer: Layer) -> impl Operation {
    Forward(layer)
}

/// The backward step of a layer of one input. `add` says whether the gradient of the input is added
/// to what is there; none where it is not wanted.
pub(crate) fn backward(layer: Layer, add: Option<bool>) -> impl Operation {
    Backward { layer, add }
}

#[derive(Debug)]
struct Forward(Layer);

#[derive(Debug)]
struct Backward {
    layer: Layer,
    add: Option<bool>,
}

fn size(shape: Shape) -> [usize; 2] {
    [shape.dimensions()[0], shape.dimensions()[1]]
}

impl Operation for Forward {
    fn run(&self, run: Run<'_, '_>) {
        let layer = &self.0;
        let Run {
            images,
            reads,
            writes,
            batch,
            pool,
        } = run;
        let (output, rest) = writes.split_first_mut().expect("an output");
        let shape = layer.inputs[0];
        let channels = shape.channels();
        let out_size = layer.output.elements();
        if let Op::BatchNorm {
            epsilon,
            momentum,
            scale,
        } = layer.op
        {
            let input = reads[0];
            let gamma = scale.then(|| reads[1]);
            let beta = reads[1 + usize::from(scale)];
            if layer.frozen {
                let (mean, variance) =
                    (reads[2 + usize::from(scale)], reads[3 + usize::from(scale)]);
                batch_norm::reference::forward(epsilon, input, gamma, beta, mean, variance, output);
            } else {
                let [kept, moving_mean, moving_variance] = rest else {
                    unreachable!("statistics are kept and moved");
                };
                let (mean, variance) = kept.split_at_mut(channels);
                batch_norm::reference::statistics(input, mean, variance);
                for (moving, now) in [(moving_mean, &*mean), (moving_variance, &*variance)] {
                    for (moving, &now) in moving.iter_mut().zip(now) {
                        *moving = *moving * momentum + now * (1.0 - momentum);
                    }
                }
                batch_norm::reference::forward(epsilon, input, gamma, beta, mean, variance, output);
            }
            return;
        }
        if let Op::Dropout { rate, per_sample } = layer.op {
            let draw = Draw {
                seed: batch.seed,
                step: batch.step,
                layer: layer.number,
            };
            dropout::dropout(
                pool, images, rate, per_sample, draw, false, reads[0], output,
            );
            return;
        }
        if let Op::Activation(activation) = layer.op {
            let activation = kernel_activation(activation);
            elementwise::activation(layer.isa, pool, activation, reads[0], output);
            return;
        }
        for image in 0..images {
            let output = &mut output[image * out_size..][..out_size];
            let of = |index: usize| {
                let size = layer.inputs[index].elements();
                &reads[index][image * size..][..size]
            };
            match layer.op {
                Op::Conv2d(conv) => conv2d::reference::forward(
                    &window(shape, conv.kernel, conv.stride, conv.padding),
                    channels,
                    conv.filters,
                    of(0),
                    reads[1],
                    conv.bias.then(|| reads[2]),
                    output,
                ),
                Op::DepthwiseConv2d(conv) => depthwise::reference::forward(
                    &window(shape, conv.kernel, conv.stride, conv.padding),
                    channels,
                    of(0),
                    reads[1],
                    conv.bias.then(|| reads[2]),
                    output,
                ),
                Op::Dense { units, bias } => dense::reference::forward(
                    shape.elements() / channels,
                    channels,
                    units,
                    of(0),
                    reads[1],
                    bias.then(|| reads[2]),
                    output,
                ),
                Op::Softmax => softmax::reference::forward(channels, of(0), output),
                Op::Affine { scale, offset } => {
                    elementwise::reference::affine(scale, offset, of(0), output);
                }
                Op::Add => {
                    output.copy_from_slice(of(0));
                    for index in 1..layer.inputs.len() {
                        elementwise::reference::add_scaled(of(index), 1.0, output);
                    }
                }
                Op::Multiply => elementwise::reference::multiply(of(0), of(1), output),
                Op::Concat => {
                    let mut first = 0;
                    for (index, input) in layer.inputs.iter().enumerate() {
                        let (own, all) = (input.channels(), layer.output.channels());
                        rearrange::reference::concat_one(own, all, first, of(index), output);
                        first += own;
                    }
                }
                Op::MaxPool(pool) => {
                    let window = window(shape, pool.kernel, pool.stride, pool.padding);
                    pooling::reference::max(&window, channels, of(0), output);
                }
                Op::AveragePool(pool) => {
                    let window = window(shape, pool.kernel, pool.stride, pool.padding);
                    pooling::reference::average(&window, channels, of(0), output);
                }
                Op::GlobalAveragePool { .. } => {
                    let pixels = shape.elements() / channels;
                    pooling::reference::global_average(pixels, of(0), output);
                }
                Op::ZeroPad(padding) => rearrange::reference::zero_pad(
                    size(shape),
                    size(layer.output),
                    [padding.top, padding.left],
                    channels,
                    of(0),
                    output,
                ),
                Op::Crop(crop) => rearrange::reference::crop(
                    size(shape),
                    size(layer.output),
                    [crop.top, crop.left],
                    channels,
                    of(0),
                    output,
                ),
                Op::Input { .. }
                | Op::Flatten
                | Op::BatchNorm { .. }
                | Op::Activation(_)
                | Op::Dropout { .. } => {
                    unreachable!("{} is no step of an image", layer.op.name())
                }
            }
        }
    }
}

impl Operation for Backward {
    fn run(&self, run: Run<'_, '_>) {
        let layer = &self.layer;
        let Run {
            images,
            reads,
            writes,
            batch,
            pool,
        } = run;
        let above = reads[0];
        let (below, mut gradients) = match self.add {
            Some(_) => {
                let (first, rest) = writes.split_first_mut().expect("the input's gradient");
                (Some(&mut **first), rest)
            }
            None => (None, writes),
        };
        let mut below = below;
        if let Op::Dropout { rate, per_sample } = layer.op {
            let draw = Draw {
                seed: batch.seed,
                step: batch.step,
                layer: layer.number,
            };
            let add = self.add == Some(true);
            if let Some(below) = below {
                dropout::dropout(pool, images, rate, per_sample, draw, add, above, below);
            }
            return;
        }
        if let (Some(below), Some(false)) = (&mut below, self.add) {
            below.fill(0.0);
        }
        let shape = layer.inputs[0];
        let channels = shape.channels();
        if let Op::BatchNorm { epsilon, scale, .. } = layer.op {
            let gamma = scale.then(|| reads[2]);
            let kept = reads[3 + usize::from(scale)];
            if layer.frozen {
                if let Some(below) = below {
                    batch_norm::reference::backward_fixed(epsilon, gamma, kept, above, below);
                }
                return;
            }
            let (mean, variance) = kept.split_at(channels);
            let (gamma_gradient, beta_gradient) = match gradients {
                [gamma, beta] => (Some(&mut **gamma), &mut **beta),
                [beta] => (None, &mut **beta),
                _ => unreachable!("gradients of gamma and beta"),
            };
            let mut unwanted = Vec::new();
            let below = below.unwrap_or_else(|| {
                unwanted.resize(above.len(), 0.0);
                &mut unwanted
            });
            batch_norm::reference::backward(
                epsilon,
                reads[1],
                gamma,
                (mean, variance),
                above,
                below,
                gamma_gradient,
                beta_gradient,
            );
            return;
        }
        let (in_size, out_size) = (shape.elements(), layer.output.elements());
        for image in 0..images {
            let above = &above[image * out_size..][..out_size];
            let of = |index: usize| &reads[index][image * in_size..][..in_size];
            let below = below
                .as_deref_mut()
                .map(|all| &mut all[image * in_size..][..in_size]);
            if let Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::Dense { .. } = layer.op {
                let mut gradients = gradients.iter_mut().map(|gradient| &mut **gradient);
                let (kernel_gradient, bias_gradient) = (gradients.next(), gradients.next());
                match layer.op {
                    Op::Conv2d(conv) => conv2d::reference::backward(
                        &window(shape, conv.kernel, conv.stride, conv.padding),
                        channels,
                        conv.filters,
                        of(1),
                        reads[2],
                        above,
                        below,
                        kernel_gradient,
                        bias_gradient,
                    ),
                    Op::DepthwiseConv2d(conv) => depthwise::reference::backward(
                        &window(shape, conv.kernel, conv.stride, conv.padding),
                        channels,
                        of(1),
                        reads[2],
                        above,
                        below,
                        kernel_gradient,
                        bias_gradient,
                    ),
                    Op::Dense { units, .. } => dense::reference::backward(
                        in_size / channels,
                        channels,
                        units,
                        of(1),
                        reads[2],
                        above,
                        below,
                        kernel_gradient,
                        bias_gradient,
                    ),
                    _ => unreachable!("one of the three"),
                }
                continue;
            }
            let Some(below) = below else { continue };
            match layer.op {
                Op::Activation(activation) => elementwise::reference::activation_backward(
                    kernel_activation(activation),
                    of(1),
                    above,
                    below,
                ),
                Op::Softmax => {
                    let output = &reads[1][image * out_size..][..out_size];
                    softmax::reference::backward(channels, output, above, below);
                }
                Op::Affine { scale, .. } => {
                    elementwise::reference::add_scaled(above, scale, below);
                }
                Op::MaxPool(pool) => {
                    let window = window(shape, pool.kernel, pool.stride, pool.padding);
                    pooling::reference::max_backward(&window, channels, of(1), above, below);
                }
                Op::AveragePool(pool) => {
                    let window = window(shape, pool.kernel, pool.stride, pool.padding);
                    pooling::reference::average_backward(&window, channels, above, below);
                }
                Op::GlobalAveragePool { .. } => {
                    pooling::reference::global_average_backward(in_size / channels, above, below);
                }
                Op::ZeroPad(padding) => rearrange::reference::zero_pad_backward(
                    size(shape),
                    size(layer.output),
                    [padding.top, padding.left],
                    channels,
                    above,
                    below,
                ),
                Op::Crop(crop) => rearrange::reference::crop_backward(
                    size(shape),
                    size(layer.output),
                    [crop.top, crop.left],
                    channels,
                    above,
                    below,
                ),
                _ => unreachable!("{} has no plain backward step", layer.op.name()),
            }
        }
        let _ = &mut gradients;
    }
}

/// The loss: reads logits, target shares and weights; writes the results and the logits' gradient.
#[derive(Debug)]
pub(crate) struct CrossEntropy {
    pub classes: usize,
}

impl Operation for CrossEntropy {
    fn run(&self, run: Run<'_, '_>) {
        let Run {
            images,
            reads,
            writes,
            batch,
            ..
        } = run;
        let (logits, shares, weights) = (reads[0], reads[1], reads[2]);
        let [results, gradient] = writes else {
            unreachable!("results and a gradient");
        };
        let (losses, right) = results.split_at_mut(images);
        softmax::reference::cross_entropy(
            self.classes,
            logits,
            shares,
            weights,
            batch.scale,
            losses,
            gradient,
        );
        let rows = logits
            .chunks_exact(self.classes)
            .zip(shares.chunks_exact(self.classes));
        for (right, (logits, shares)) in right.iter_mut().zip(rows) {
            *right = f32::from(largest(logits) == largest(shares));
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

/// Copies a gradient.
#[derive(Debug)]
pub(crate) struct Copy;

impl Operation for Copy {
    fn run(&self, run: Run<'_, '_>) {
        run.writes[0].copy_from_slice(run.reads[0]);
    }
}

/// Adds a gradient to another.
#[derive(Debug)]
pub(crate) struct AddTo {
    pub isa: Isa,
}

impl Operation for AddTo {
    fn run(&self, run: Run<'_, '_>) {
        let _ = self.isa;
        elementwise::reference::add_scaled(run.reads[0], 1.0, run.writes[0]);
    }
}

/// The gradient of one input of a concatenation.
#[derive(Debug)]
pub(crate) struct Slice {
    pub channels: usize,
    pub all_channels: usize,
    pub first: usize,
    pub add: bool,
}

impl Operation for Slice {
    fn run(&self, run: Run<'_, '_>) {
        let below = &mut *run.writes[0];
        if !self.add {
            below.fill(0.0);
        }
        rearrange::reference::concat_one_backward(
            self.channels,
            self.all_channels,
            self.first,
            run.reads[0],
            below,
        );
    }
}

/// The gradient of one factor of a product: of the first, or of the second, which may be `[1, 1, C]`.
#[derive(Debug)]
pub(crate) struct Factor {
    pub sizes: [usize; 2],
    pub index: usize,
    pub add: bool,
}

impl Operation for Factor {
    fn run(&self, run: Run<'_, '_>) {
        let (above, other) = (run.reads[0], run.reads[1]);
        let below = &mut *run.writes[0];
        if !self.add {
            below.fill(0.0);
        }
        let [left, right] = self.sizes;
        for image in 0..run.images {
            let above = &above[image * left..][..left];
            for (at, &above) in above.iter().enumerate() {
                if self.index == 0 {
                    below[image * left + at] += above * other[image * right + at % right];
                } else {
                    below[image * right + at % right] += above * other[image * left + at];
                }
            }
        }
    }
}
