//! What the steps of an inference compute. Shapes are of one image.
use super::layer::Layer;
use super::schedule::Schedule;
use graph::NodeId;
use kernels::{Activation, Window};

/// What a step computes.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A convolution; reads the image and, where there is a residual, that as `Other`.
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
    Layer(Layer),
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
            Work::Layer(layer) => layer.kind(),
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
            Work::Layer(_) => 0,
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

impl Linear {
    /// A node's weights as they are.
    pub fn of(node: NodeId) -> Self {
        Linear {
            node,
            folds: Vec::new(),
            activation: Activation::Identity,
        }
    }
}

/// What is folded into the weights before it, channel by channel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fold {
    BatchNorm { node: NodeId, epsilon: f32 },
    Affine { scale: f32, offset: f32 },
}
