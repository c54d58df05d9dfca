//! The closed list of operations. Whatever differs by origin (Keras, PyTorch) is an attribute here,
//! never a flag in the engine.
use serde::{Deserialize, Serialize};

/// Rows and columns added around an image, each side by itself: TensorFlow's 'same' is
/// asymmetric when the stride is 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns at the left.
    pub left: usize,
    /// Columns at the right.
    pub right: usize,
}

impl Padding {
    /// TensorFlow's 'same', so many that a window over an image of this height and width gives
    /// ceil(size / stride): what is odd goes to the bottom and the right.
    pub fn same(size: [usize; 2], kernel: [usize; 2], stride: [usize; 2]) -> Self {
        let around = |side: usize| {
            let (size, stride) = (size[side], stride[side].max(1));
            let out = size.div_ceil(stride);
            let total = (out.saturating_sub(1) * stride + kernel[side]).saturating_sub(size);
            (total / 2, total - total / 2)
        };
        let ((top, bottom), (left, right)) = (around(0), around(1));
        Padding {
            top,
            bottom,
            left,
            right,
        }
    }
}

/// A function of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x * sigmoid(x)`, also called SiLU
    Swish,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `tanh(x)`
    Tanh,
}

/// A convolution over NHWC. Weights `[KH, KW, C, OC]`, bias `[OC]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conv2d {
    /// Output channels, OC.
    pub filters: usize,
    /// `[KH, KW]`
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`
    pub stride: [usize; 2],
    /// Zeros around the input.
    pub padding: Padding,
    /// Whether a bias is added.
    pub bias: bool,
}

/// A convolution of each channel by itself. Weights `[KH, KW, C]`, bias `[C]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DepthwiseConv2d {
    /// `[KH, KW]`
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`
    pub stride: [usize; 2],
    /// Zeros around the input.
    pub padding: Padding,
    /// Whether a bias is added.
    pub bias: bool,
}

/// A window of a pooling operation. The padding is never counted: it is minus infinity for a
/// maximum and left out of an average (where zeros must count, a [`Op::ZeroPad`] stands before).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pool2d {
    /// `[KH, KW]`
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`
    pub stride: [usize; 2],
    /// Positions around the input that do not count.
    pub padding: Padding,
}

/// What a node does. Inputs are NHWC; shapes below leave the batch out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// The network's input, `[H, W, C]`.
    Input {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Channels.
        channels: usize,
    },
    /// A convolution; parameters `kernel`, `bias`.
    Conv2d(Conv2d),
    /// A depthwise convolution; parameters `kernel`, `bias`.
    DepthwiseConv2d(DepthwiseConv2d),
    /// `x W + b` over the last dimension; parameters `kernel` `[in, units]`, `bias` `[units]`.
    Dense {
        /// Output channels.
        units: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Batch normalisation over the channels; parameters `gamma`, `beta`, `moving_mean`,
    /// `moving_variance`, each `[C]`.
    BatchNorm {
        /// Added to the variance.
        epsilon: f32,
        /// How much of the moving statistics is kept at a training step (Keras's sense).
        momentum: f32,
        /// Whether there is a `gamma` (InceptionResNetV2 has none).
        scale: bool,
    },
    /// A function of each value.
    Activation(Activation),
    /// The softmax over the last dimension.
    Softmax,
    /// `x * scale + offset`, the same for all (EfficientNetV2's `rescaling`, InceptionResNetV2's
    /// residual scale).
    Affine {
        /// The factor.
        scale: f32,
        /// What is added.
        offset: f32,
    },
    /// The sum of two or more inputs of one shape.
    Add,
    /// The product of two inputs: `[H, W, C]` by the same, or by `[1, 1, C]` (squeeze and
    /// excitation).
    Multiply,
    /// The inputs one after the other along the channels.
    Concat,
    /// The largest value of each window.
    MaxPool(Pool2d),
    /// The mean of each window.
    AveragePool(Pool2d),
    /// The mean of each channel over the image.
    GlobalAveragePool {
        /// Whether the result is `[1, 1, C]` rather than `[C]`.
        keep_dimensions: bool,
    },
    /// Zeros around the image.
    ZeroPad(Padding),
    /// Rows and columns cut off around the image.
    Crop(Padding),
    /// `[H, W, C]` to `[H * W * C]`, in that order.
    Flatten,
    /// While training, zeroes values at random and scales the others by `1 / (1 - rate)`;
    /// nothing at inference.
    Dropout {
        /// The share that is dropped, 0 to 1.
        rate: f32,
        /// Whether a whole sample is dropped at once (drop path).
        per_sample: bool,
    },
}

impl Op {
    /// The operation's name, as the variant is called.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input { .. } => "Input",
            Op::Conv2d(_) => "Conv2d",
            Op::DepthwiseConv2d(_) => "DepthwiseConv2d",
            Op::Dense { .. } => "Dense",
            Op::BatchNorm { .. } => "BatchNorm",
            Op::Activation(_) => "Activation",
            Op::Softmax => "Softmax",
            Op::Affine { .. } => "Affine",
            Op::Add => "Add",
            Op::Multiply => "Multiply",
            Op::Concat => "Concat",
            Op::MaxPool(_) => "MaxPool",
            Op::AveragePool(_) => "AveragePool",
            Op::GlobalAveragePool { .. } => "GlobalAveragePool",
            Op::ZeroPad(_) => "ZeroPad",
            Op::Crop(_) => "Crop",
            Op::Flatten => "Flatten",
            Op::Dropout { .. } => "Dropout",
        }
    }
}
