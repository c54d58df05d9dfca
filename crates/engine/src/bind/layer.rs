//! Layers without weights on the CPU's kernels: one image at inference, a batch while training.
use crate::operation::{Operation, Run};
use crate::work::Role;
use crate::work::layer::Layer;
use kernels::rearrange::Inset;
use kernels::{Activation, Isa, elementwise, pooling, rearrange, softmax};

/// A layer on the fast kernels.
#[derive(Debug)]
pub(crate) struct FastLayer {
    pub isa: Isa,
    pub layer: Layer,
}

impl Operation for FastLayer {
    fn run(&self, mut run: Run<'_, '_>) {
        let (isa, pool) = (self.isa, run.pool);
        let (input, output) = (run.read(Role::Input), run.write(Role::Output));
        let other = || run.read(Role::Other);
        match self.layer {
            Layer::Activation(activation) => {
                elementwise::activation(isa, pool, activation, input, output);
            }
            Layer::Softmax { channels } => softmax::softmax(isa, pool, input, channels, output),
            Layer::Affine { scale, offset, add } => {
                elementwise::affine(isa, pool, input, scale, offset, add, output);
            }
            Layer::Add(activation) => {
                elementwise::add(isa, pool, input, other(), activation, output);
            }
            Layer::Multiply { add } => {
                elementwise::multiply(isa, pool, input, other(), add, output);
            }
            Layer::MultiplyChannels { channels, add } => {
                let factors = other();
                elementwise::multiply_channels(isa, pool, channels, input, factors, add, output);
            }
            Layer::Join(part) => rearrange::join(pool, &part, input, output),
            Layer::Split { part, add } => rearrange::split(isa, pool, &part, input, add, output),
            Layer::MaxPool { window, channels } => {
                pooling::max_pool(isa, pool, &window, channels, input, output);
            }
            Layer::AveragePool { window, channels } => {
                pooling::average_pool(isa, pool, &window, channels, input, output);
            }
            Layer::GlobalAverage => {
                pooling::global_average_pool(isa, pool, run.images, input, output);
            }
            Layer::ZeroPad { inset, add } => {
                rearrange::zero_pad(isa, pool, &inset, input, add, output);
            }
            Layer::Crop { inset, add } => rearrange::crop(isa, pool, &inset, input, add, output),
        }
    }
}

/// A layer of one image, or of rows, on the readable kernels. Gradients have none here: theirs are in
/// [`crate::reference`].
#[derive(Debug)]
pub(crate) struct ReadableLayer(pub Layer);

impl Operation for ReadableLayer {
    fn run(&self, mut run: Run<'_, '_>) {
        let (input, output) = (run.read(Role::Input), run.write(Role::Output));
        let other = || run.read(Role::Other);
        match self.0 {
            Layer::Activation(activation) => {
                elementwise::reference::activation(activation, input, output);
            }
            Layer::Softmax { channels } => softmax::reference::forward(channels, input, output),
            Layer::Affine { scale, offset, .. } => {
                elementwise::reference::affine(scale, offset, input, output);
            }
            Layer::Add(activation) => {
                elementwise::reference::add(input, other(), output);
                if activation != Activation::Identity {
                    for value in output.iter_mut() {
                        *value = elementwise::reference::activate(activation, *value);
                    }
                }
            }
            Layer::Multiply { .. } | Layer::MultiplyChannels { .. } => {
                elementwise::reference::multiply(input, other(), output);
            }
            Layer::Join(part) => {
                rearrange::reference::concat_one(part.channels, part.all, part.first, input, output)
            }
            Layer::MaxPool { window, channels } => {
                pooling::reference::max(&window, channels, input, output);
            }
            Layer::AveragePool { window, channels } => {
                pooling::reference::average(&window, channels, input, output);
            }
            Layer::GlobalAverage => {
                let pixels = input.len() / output.len();
                pooling::reference::global_average(pixels, input, output);
            }
            Layer::ZeroPad { inset, .. } => {
                let Inset {
                    outer,
                    inner,
                    place,
                    channels,
                } = inset;
                rearrange::reference::zero_pad(inner, outer, place, channels, input, output);
            }
            Layer::Crop { inset, .. } => {
                let Inset {
                    outer,
                    inner,
                    place,
                    channels,
                } = inset;
                rearrange::reference::crop(outer, inner, place, channels, input, output);
            }
            Layer::Split { .. } => unreachable!("a gradient"),
        }
    }
}
