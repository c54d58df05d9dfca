//! From a graph to steps: what is computed, in which order, what is fused into what.

mod bands;
mod inference;
mod training;

pub(crate) use bands::group;
pub(crate) use inference::for_inference;
pub(crate) use training::{ForTraining, for_training};

use crate::work::layer::Layer;
use graph::{Graph, NodeId, Op, Padding};
use kernels::rearrange::{Channels, Inset};
use kernels::{Activation, Window};
use tensor::Shape;

/// The layer of a node of one step that has no weights and changes its values; none of others.
fn layer(graph: &Graph, id: NodeId) -> Option<Layer> {
    let node = graph.node(id);
    let input = graph.node(*node.inputs().first()?).shape();
    let channels = input.channels();
    match *node.op() {
        Op::Activation(activation) => Some(Layer::Activation(kernel_activation(activation))),
        Op::Softmax => Some(Layer::Softmax { channels }),
        Op::Affine { scale, offset } => Some(Layer::Affine {
            scale,
            offset,
            add: false,
        }),
        Op::Multiply => {
            let factors = graph.node(node.inputs()[1]).shape();
            let add = false;
            Some(if factors == input {
                Layer::Multiply { add }
            } else {
                Layer::MultiplyChannels { channels, add }
            })
        }
        Op::MaxPool(pool) => Some(Layer::MaxPool {
            window: window(input, pool.kernel, pool.stride, pool.padding),
            channels,
        }),
        Op::AveragePool(pool) => Some(Layer::AveragePool {
            window: window(input, pool.kernel, pool.stride, pool.padding),
            channels,
        }),
        Op::GlobalAveragePool { .. } => Some(Layer::GlobalAverage),
        Op::ZeroPad(padding) => {
            let place = [padding.top, padding.left];
            let inset = inset(node.shape(), input, place);
            Some(Layer::ZeroPad { inset, add: false })
        }
        Op::Crop(crop) => {
            let inset = inset(input, node.shape(), [crop.top, crop.left]);
            Some(Layer::Crop { inset, add: false })
        }
        // With weights; of several steps; or without a change of values.
        Op::Input { .. }
        | Op::Conv2d(_)
        | Op::DepthwiseConv2d(_)
        | Op::Dense { .. }
        | Op::BatchNorm { .. }
        | Op::Add
        | Op::Concat
        | Op::Flatten
        | Op::Dropout { .. } => None,
    }
}

/// The channels of a concatenation that each of its inputs has.
fn parts(graph: &Graph, id: NodeId) -> Vec<(NodeId, Channels)> {
    let node = graph.node(id);
    let all = node.shape().channels();
    let mut first = 0;
    let part = |&input: &NodeId| {
        let channels = graph.node(input).shape().channels();
        let part = Channels {
            all,
            channels,
            first,
        };
        first += channels;
        (input, part)
    };
    node.inputs().iter().map(part).collect()
}

fn inset(outer: Shape, inner: Shape, place: [usize; 2]) -> Inset {
    let size = |shape: Shape| [shape.dimensions()[0], shape.dimensions()[1]];
    Inset {
        outer: size(outer),
        inner: size(inner),
        place,
        channels: outer.channels(),
    }
}

pub(crate) fn window(
    input: Shape,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> Window {
    let size = [input.dimensions()[0], input.dimensions()[1]];
    let rows = [padding.top, padding.bottom];
    Window::new(size, kernel, stride, rows, [padding.left, padding.right])
}

pub(crate) fn kernel_activation(activation: graph::Activation) -> Activation {
    match activation {
        graph::Activation::Relu => Activation::Relu,
        graph::Activation::Relu6 => Activation::Relu6,
        graph::Activation::Swish => Activation::Swish,
        graph::Activation::Sigmoid => Activation::Sigmoid,
        graph::Activation::Tanh => Activation::Tanh,
    }
}

/// Both paddings, one around the other.
fn add(one: Padding, other: Padding) -> Padding {
    Padding {
        top: one.top + other.top,
        bottom: one.bottom + other.bottom,
        left: one.left + other.left,
        right: one.right + other.right,
    }
}

/// An image's shape without the zeros around it.
fn unpadded(shape: Shape, padding: Padding) -> Shape {
    let rows = shape.dimensions()[0] - padding.top - padding.bottom;
    let columns = shape.dimensions()[1] - padding.left - padding.right;
    Shape::from([rows, columns, shape.channels()])
}
