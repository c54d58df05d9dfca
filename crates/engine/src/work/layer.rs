//! Layers without weights: the same data whether a network is used or trained, for one image or many.
use kernels::rearrange::{Channels, Inset};
use kernels::{Activation, Window};

/// What a layer without weights computes from its input (and `Other`).
///
/// Some are the gradients of others as well: that of a padding is a cropping, that of a product the
/// product with the other factor. These may add to what is there, as gradients do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Layer {
    Activation(Activation),
    Softmax {
        channels: usize,
    },
    /// `input * scale + offset`
    Affine {
        scale: f32,
        offset: f32,
        add: bool,
    },
    /// The sum of both inputs, then the activation.
    Add(Activation),
    /// The product of two values of one shape.
    Multiply {
        add: bool,
    },
    /// The product of images and a factor for each of their channels, `[N, C]`.
    MultiplyChannels {
        channels: usize,
        add: bool,
    },
    /// Writes the input into its channels of the whole: one step an input of a concatenation.
    Join(Channels),
    /// Takes some channels of the whole: the gradient of [`Layer::Join`].
    Split {
        part: Channels,
        add: bool,
    },
    MaxPool {
        window: Window,
        channels: usize,
    },
    AveragePool {
        window: Window,
        channels: usize,
    },
    /// The mean of each image's pixels.
    GlobalAverage,
    ZeroPad {
        inset: Inset,
        add: bool,
    },
    Crop {
        inset: Inset,
        add: bool,
    },
}

impl Layer {
    /// The operation's name, for a profile.
    pub fn kind(&self) -> &'static str {
        match self {
            Layer::Activation(_) => "activation",
            Layer::Softmax { .. } => "softmax",
            Layer::Affine { .. } => "affine",
            Layer::Add(_) => "add",
            Layer::Multiply { .. } | Layer::MultiplyChannels { .. } => "multiply",
            Layer::Join(_) => "concat",
            Layer::Split { .. } => "split",
            Layer::MaxPool { .. } => "max pool",
            Layer::AveragePool { .. } => "average pool",
            Layer::GlobalAverage => "global average",
            Layer::ZeroPad { .. } => "zero pad",
            Layer::Crop { .. } => "crop",
        }
    }
}
