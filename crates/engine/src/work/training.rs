//! What the steps of a training compute, for whole batches. Shapes are of one image.
use super::layer::Layer;
use kernels::{Activation, Window};

/// What a step computes.
///
/// A batch norm between two layers is not computed by itself: what is stored is the value before it,
/// and whoever reads that applies the norm (where the step has `InputNorm`) and the activation that
/// follow. So its result is neither written nor read again, and a batch's values take half the
/// memory.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A layer with weights, and where it writes `OutputNorm` the statistics and coefficients of the
    /// batch norm that follows.
    Product {
        product: Product,
        norm: Option<Norm>,
    },
    /// The gradients of a product's input and weights; where it reads `OutputNorm` from the gradient
    /// of what its batch norm's readers saw.
    ProductBackward {
        product: Product,
        /// What follows the batch norm, which the gradient has still to pass.
        activation: Activation,
        norm: Option<Norm>,
        /// Whether the input's gradient is added to what is there.
        add: bool,
    },
    /// The coefficients of a batch norm that no product takes the statistics of.
    Statistics { channels: usize, norm: Norm },
    /// Stores what readers see of a value; where it reads `Other`, with that added.
    Store {
        channels: usize,
        activation: Activation,
    },
    /// The sums that a batch norm's gradient needs, where no reader of its result makes them.
    Sums {
        channels: usize,
        activation: Activation,
    },
    /// The gradient below an activation, or below a batch norm and the activation after it.
    NormBackward {
        channels: usize,
        activation: Activation,
        norm: Option<Norm>,
        add: bool,
    },
    /// The largest value of windows that lie apart, of what a reader sees.
    MaxApart {
        window: Window,
        channels: usize,
        activation: Activation,
    },
    MaxApartBackward {
        window: Window,
        channels: usize,
        activation: Activation,
    },
    /// A layer without weights, or a gradient that is computed as one.
    Layer(Layer),
    /// A gradient that no layer computes.
    Gradient { of: Gradient, add: bool },
    /// Drops values, forward and backward alike.
    Dropout {
        rate: f32,
        per_sample: bool,
        /// Tells the dropouts of a network apart.
        layer: u32,
        add: bool,
    },
    /// The loss, and the gradient of the logits.
    CrossEntropy { classes: usize },
    /// Copies a gradient that others still read, before something is added to it.
    Copy,
    /// Adds a gradient to another.
    Accumulate,
}

/// The gradient of a layer without weights that is no such layer itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gradient {
    /// Reads the output.
    Softmax {
        channels: usize,
    },
    /// Reads the input.
    MaxPool {
        window: Window,
        channels: usize,
    },
    AveragePool {
        window: Window,
        channels: usize,
    },
    GlobalAverage,
    /// Of the factors of [`Layer::MultiplyChannels`]; reads the other factor.
    Factors {
        channels: usize,
    },
}

/// A layer that multiplies with weights, and what it applies to its input first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub kernel: Kernel,
    /// Of the output.
    pub channels: usize,
    /// What follows the input's batch norm, if any.
    pub activation: Activation,
}

/// How weights are applied.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    Conv2d {
        window: Window,
        channels: usize,
        filters: usize,
    },
    Depthwise {
        window: Window,
        channels: usize,
    },
}

/// A batch norm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norm {
    pub epsilon: f32,
    pub momentum: f32,
    /// Whether it uses the moving statistics and leaves them.
    pub frozen: bool,
}

impl Work {
    /// The operation's name, for a profile.
    pub fn kind(&self) -> &'static str {
        match self {
            Work::Product { product, .. } => product.kind(["conv2d 1x1", "conv2d", "depthwise"]),
            Work::ProductBackward { product, .. } => {
                product.kind(["conv2d 1x1 back", "conv2d back", "depthwise back"])
            }
            Work::Statistics { .. } => "statistics",
            Work::Store { .. } => "store",
            Work::Sums { .. } => "sums",
            Work::NormBackward { .. } => "norm back",
            Work::MaxApart { .. } => "max pool",
            Work::MaxApartBackward { .. } => "max pool back",
            Work::Layer(layer) => layer.kind(),
            Work::Gradient { of, .. } => match of {
                Gradient::Softmax { .. } => "softmax back",
                Gradient::MaxPool { .. } => "max pool back",
                Gradient::AveragePool { .. } => "average pool back",
                Gradient::GlobalAverage => "global average back",
                Gradient::Factors { .. } => "factors back",
            },
            Work::Dropout { .. } => "dropout",
            Work::CrossEntropy { .. } => "loss",
            Work::Copy => "copy",
            Work::Accumulate => "accumulate",
        }
    }
}

impl Product {
    /// One of the names for a convolution of one pixel, another one, and a depthwise one.
    fn kind(&self, [pointwise, conv, depthwise]: [&'static str; 3]) -> &'static str {
        match self.kernel {
            Kernel::Conv2d { window, .. } if window.kernel_height * window.kernel_width == 1 => {
                pointwise
            }
            Kernel::Conv2d { .. } => conv,
            Kernel::Depthwise { .. } => depthwise,
        }
    }
}
