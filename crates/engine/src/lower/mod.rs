//! From a graph to drafts of steps: what is computed, in which order, what is fused into what.

mod bands;
mod inference;
pub(crate) mod training;

pub(crate) use bands::group;
pub(crate) use inference::for_inference;

use crate::work::schedule::Schedule;
use graph::{NodeId, Padding};
use kernels::{Activation, Window};
use tensor::Shape;

/// A value that a step makes and others read; value 0 is the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ValueId(pub usize);

/// The network's input.
pub(crate) const INPUT: ValueId = ValueId(0);

/// When a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Once for each image.
    Image,
    /// Once for all images of a thread, after the others: what works on `[C]` rows, so that the
    /// weights of a dense layer are read once for many images.
    Rows,
}

/// A step before its weights are packed and its values have places.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// The names of the layers that it computes, joined by `+`.
    pub name: String,
    pub phase: Phase,
    pub work: Work,
    pub reads: Vec<ValueId>,
    pub write: ValueId,
    /// A value that only this step uses, for what it keeps between.
    pub scratch: Option<ValueId>,
}

/// What a step computes. Shapes are of one image.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A convolution; reads the image and, where there is a residual, that.
    Conv2d {
        linear: Linear,
        window: Window,
        channels: usize,
        filters: usize,
        residual: Residual,
    },
    /// A depthwise convolution, or a batch norm by itself (as one with a window of 1 x 1).
    Depthwise {
        linear: Linear,
        window: Window,
        channels: usize,
    },
    /// A dense layer on rows of `features`.
    Dense {
        linear: Linear,
        features: usize,
        units: usize,
    },
    Activation(Activation),
    Softmax {
        channels: usize,
    },
    Affine {
        scale: f32,
        offset: f32,
    },
    /// The sum of two values, then the activation.
    Add(Activation),
    /// The product of two values of one shape.
    Multiply,
    /// The product of an image with `[1, 1, C]`.
    MultiplyChannels,
    /// Writes one input's channels into those of the whole from `first` on.
    Concat {
        channels: usize,
        all_channels: usize,
        first: usize,
    },
    MaxPool {
        window: Window,
        channels: usize,
    },
    AveragePool {
        window: Window,
        channels: usize,
    },
    GlobalAverage,
    ZeroPad {
        from: Shape,
        to: Shape,
        place: [usize; 2],
    },
    Crop {
        from: Shape,
        to: Shape,
        place: [usize; 2],
    },
    /// Convolutions in a row that run band by band.
    Bands {
        stages: Vec<Work>,
        schedule: Schedule,
    },
}

impl Work {
    /// The operation's name, for a profile.
    pub fn kind(&self) -> &'static str {
        match self {
            Work::Conv2d { window, .. } if window.kernel_height * window.kernel_width == 1 => {
                "conv2d 1x1"
            }
            Work::Conv2d { .. } => "conv2d",
            Work::Depthwise { .. } => "depthwise",
            Work::Dense { .. } => "dense",
            Work::Activation(_) => "activation",
            Work::Softmax { .. } => "softmax",
            Work::Affine { .. } => "affine",
            Work::Add(_) => "add",
            Work::Multiply | Work::MultiplyChannels => "multiply",
            Work::Concat { .. } => "concat",
            Work::MaxPool { .. } => "max pool",
            Work::AveragePool { .. } => "average pool",
            Work::GlobalAverage => "global average",
            Work::ZeroPad { .. } => "zero pad",
            Work::Crop { .. } => "crop",
            Work::Bands { .. } => "bands",
        }
    }

    /// Multiply-adds of one image, of what multiplies with weights.
    pub fn multiply_adds(&self) -> usize {
        let taps = |window: &Window| {
            let outputs = window.out_height * window.out_width;
            outputs * window.kernel_height * window.kernel_width
        };
        match self {
            Work::Conv2d {
                window,
                channels,
                filters,
                ..
            } => taps(window) * channels * filters,
            Work::Depthwise {
                window, channels, ..
            } => taps(window) * channels,
            Work::Dense {
                features, units, ..
            } => features * units,
            Work::Bands { stages, .. } => stages.iter().map(Work::multiply_adds).sum(),
            _ => 0,
        }
    }
}

/// Whether and where a residual is added to a convolution's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Residual {
    None,
    /// `activation(convolution + residual)`
    BeforeActivation,
    /// `activation(convolution) + residual`
    AfterActivation,
}

/// What every step with weights has: whose they are, what is folded into them, what follows.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    pub node: NodeId,
    /// In the order in which they apply.
    pub folds: Vec<Fold>,
    pub activation: Activation,
}

/// What is folded into the weights before it, channel by channel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fold {
    BatchNorm { node: NodeId, epsilon: f32 },
    Affine { scale: f32, offset: f32 },
}

/// What a lowering gives.
#[derive(Debug)]
pub(crate) struct Drafts {
    pub steps: Vec<Draft>,
    /// f32 of each value, for one image.
    pub sizes: Vec<usize>,
    /// The value of each output.
    pub outputs: Vec<ValueId>,
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
pub(crate) fn add(one: Padding, other: Padding) -> Padding {
    Padding {
        top: one.top + other.top,
        bottom: one.bottom + other.bottom,
        left: one.left + other.left,
        right: one.right + other.right,
    }
}
