//! The operations of training plans, one layer at a time.
use super::operation::{Operation, Run};
use crate::lower::window;
use graph::Op;
use kernels::dropout::Draw;
use kernels::{Isa, dropout, elementwise, pooling, rearrange, softmax};
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
}

/// The values that a backward step reads besides its gradient and its parameters.
pub(crate) struct Needs {
    pub input: bool,
    pub output: bool,
}

pub(crate) fn needs(op: &Op) -> Needs {
    let input = matches!(op, Op::MaxPool(_));
    Needs {
        input,
        output: matches!(op, Op::Softmax),
    }
}

/// The forward step of a layer: reads its inputs and parameters, writes its value.
pub(crate) fn forward(layer: Layer) -> impl Operation {
    Forward(layer)
}

/// The backward step of a layer of one input without parameters. `add` says whether the gradient of the
/// input is added to what is there.
pub(crate) fn backward(layer: Layer, add: bool) -> impl Operation {
    Backward { layer, add }
}

#[derive(Debug)]
struct Forward(Layer);

#[derive(Debug)]
struct Backward {
    layer: Layer,
    add: bool,
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
        let output = &mut *writes[0];
        let shape = layer.inputs[0];
        let channels = shape.channels();
        let out_size = layer.output.elements();
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
        for image in 0..images {
            let output = &mut output[image * out_size..][..out_size];
            let of = |index: usize| {
                let size = layer.inputs[index].elements();
                &reads[index][image * size..][..size]
            };
            match layer.op {
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
                Op::MaxPool(max) => {
                    let window = window(shape, max.kernel, max.stride, max.padding);
                    pooling::max_pool(layer.isa, pool, &window, channels, of(0), output);
                }
                Op::AveragePool(average) => {
                    let window = window(shape, average.kernel, average.stride, average.padding);
                    pooling::average_pool(layer.isa, pool, &window, channels, of(0), output);
                }
                Op::GlobalAveragePool { .. } => {
                    pooling::global_average_pool(layer.isa, pool, of(0), output);
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
                | Op::Conv2d(_)
                | Op::DepthwiseConv2d(_)
                | Op::Dense { .. }
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
        let below = &mut *writes[0];
        if let Op::Dropout { rate, per_sample } = layer.op {
            let draw = Draw {
                seed: batch.seed,
                step: batch.step,
                layer: layer.number,
            };
            dropout::dropout(pool, images, rate, per_sample, draw, self.add, above, below);
            return;
        }
        let shape = layer.inputs[0];
        let channels = shape.channels();
        match layer.op {
            Op::MaxPool(max) => {
                let window = window(shape, max.kernel, max.stride, max.padding);
                return pooling::training::max_backward(
                    layer.isa, pool, images, &window, channels, reads[1], above, self.add, below,
                );
            }
            Op::AveragePool(average) => {
                let window = window(shape, average.kernel, average.stride, average.padding);
                return pooling::training::average_backward(
                    pool, images, &window, channels, above, self.add, below,
                );
            }
            Op::GlobalAveragePool { .. } => {
                let pixels = shape.elements() / channels;
                return pooling::training::global_average_backward(
                    pool, images, pixels, above, self.add, below,
                );
            }
            _ => {}
        }
        if !self.add {
            below.fill(0.0);
        }
        let (in_size, out_size) = (shape.elements(), layer.output.elements());
        for image in 0..images {
            let above = &above[image * out_size..][..out_size];
            let below = &mut below[image * in_size..][..in_size];
            match layer.op {
                Op::Softmax => {
                    let output = &reads[1][image * out_size..][..out_size];
                    softmax::reference::backward(channels, output, above, below);
                }
                Op::Affine { scale, .. } => {
                    elementwise::reference::add_scaled(above, scale, below);
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
        elementwise::accumulate(self.isa, run.pool, run.reads[0], run.writes[0]);
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
