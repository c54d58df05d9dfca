//! A small network to train from scratch, after LeNet-5 (LeCun et al. 1998): blocks of convolution and
//! max pooling, then two dense layers; all of it is configuration.
use crate::builder::{Builder, Pad};
use crate::dense_head::one_or_several;
use crate::{DenseHead, Head};
use graph::{
    Activation, Conv2d, Filter, Geometry, Graph, GraphError, InputSpec, Op, Padding, Pool2d,
    Scaling, ShapeFault, View,
};
use serde::{Deserialize, Serialize};

/// Parameters from which on a LeNet is no longer small; [`LeNet::parameters`] is compared with it by
/// who builds one.
pub const SMALL: u64 = 1_000_000;

/// The network's shape: a part of a recipe's `[model]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeNet {
    /// Height and width of the input; a recipe's `[input]` has it.
    #[serde(skip)]
    pub size: usize,
    /// Filters of each block's convolution: two to five blocks.
    #[serde(deserialize_with = "one_or_several::deserialize")]
    pub filters: Vec<usize>,
    /// Height and width of each block's kernel, odd; the last stands for the blocks that follow.
    #[serde(deserialize_with = "one_or_several::deserialize")]
    pub kernels: Vec<usize>,
    /// Whether a batch norm stands between each convolution and its activation.
    pub batch_norm: bool,
    /// After each convolution and after the first dense layer; `relu`, `swish` and the like.
    #[serde(with = "activation_name")]
    pub activation: Activation,
    /// What stands on them; a recipe's `[head]`.
    #[serde(skip)]
    pub head: DenseHead,
}

impl Default for LeNet {
    /// Three blocks of 3 x 3 on 64 x 64 pixels.
    fn default() -> Self {
        LeNet {
            size: 64,
            filters: vec![32, 64, 128],
            kernels: vec![3],
            batch_norm: true,
            activation: Activation::Relu,
            head: DenseHead::default(),
        }
    }
}

/// Activations as Keras names them, in small letters.
mod activation_name {
    use graph::Activation;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    const ALL: [Activation; 5] = [
        Activation::Relu,
        Activation::Relu6,
        Activation::Swish,
        Activation::Sigmoid,
        Activation::Tanh,
    ];

    fn name(activation: Activation) -> String {
        format!("{activation:?}").to_lowercase()
    }

    pub fn serialize<S: Serializer>(activation: &Activation, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&name(*activation))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Activation, D::Error> {
        let text = String::deserialize(from)?;
        let found = ALL
            .into_iter()
            .find(|known| name(*known) == text.to_lowercase());
        found.ok_or_else(|| {
            let known = ALL.map(name).join(", ");
            D::Error::custom(format!("no activation `{text}`; known are {known}"))
        })
    }
}

/// Batch norm's epsilon and momentum, Keras's defaults.
const BATCH_NORM: (f32, f32) = (1e-3, 0.99);

/// Least and most blocks.
const BLOCKS: std::ops::RangeInclusive<usize> = 2..=5;

impl LeNet {
    /// The network; with [`Head::Classes`] its output are the logits.
    ///
    /// # Errors
    /// [`GraphError`] where the image is too small for the blocks, a number is 0, a kernel is even,
    /// or there are fewer than two or more than five blocks.
    pub fn build(&self, head: Head) -> Result<Graph, GraphError> {
        let (mut net, image) = Builder::new(self.size, self.size, BATCH_NORM)?;
        let refuse = |reason| GraphError::Shape {
            name: "lenet".into(),
            op: "LeNet",
            inputs: Vec::new(),
            reason,
        };
        if !BLOCKS.contains(&self.filters.len()) {
            return Err(refuse(ShapeFault::Blocks));
        }
        if self.kernels.is_empty() || self.kernels.iter().any(|kernel| kernel % 2 == 0) {
            return Err(refuse(ShapeFault::EvenKernel));
        }
        let mut x = image;
        for (index, &filters) in self.filters.iter().enumerate() {
            let number = index + 1;
            let kernel = self.kernels[index.min(self.kernels.len() - 1)];
            let name = |layer: &str| format!("{layer}_{number}");
            let padding = net.padding(x, [kernel; 2], 1, Pad::Same);
            let conv = Op::Conv2d(Conv2d {
                filters,
                kernel: [kernel; 2],
                stride: [1; 2],
                padding,
                bias: !self.batch_norm,
            });
            x = net.add(name("conv"), conv, &[x])?;
            if self.batch_norm {
                x = net.batch_norm(name("norm"), x)?;
            }
            x = net.add(name("activation"), Op::Activation(self.activation), &[x])?;
            let pool = Op::MaxPool(Pool2d {
                kernel: [2; 2],
                stride: [2; 2],
                padding: Padding::default(),
            });
            x = net.add(name("pool"), pool, &[x])?;
        }
        let Head::Classes(classes) = head else {
            return Ok(net.graph);
        };
        self.head.put(&mut net.graph, x, self.activation, classes)?;
        Ok(net.graph)
    }

    /// Parameters with this many classes, moving statistics among them; see [`SMALL`].
    ///
    /// # Errors
    /// As [`LeNet::build`].
    pub fn parameters(&self, classes: usize) -> Result<u64, GraphError> {
        Ok(self.build(Head::Classes(classes))?.costs().parameters)
    }

    /// The input: the whole photo stretched to a square, values between -1 and 1.
    pub fn input_spec(&self) -> InputSpec {
        InputSpec {
            height: self.size,
            width: self.size,
            filter: Filter::Bilinear,
            scaling: Scaling::uniform(127.5, 127.5),
            views: vec![View {
                geometry: Geometry::Stretch,
                mirrored: false,
            }],
            preprocessing: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_small_and_its_parameters_are_counted() {
        let lenet = LeNet::default();
        // Three kernels, batch norms of four values a channel, and 8 x 8 x 128 flattened.
        let convolutions = 9 * (3 * 32 + 32 * 64 + 64 * 128) + 4 * (32 + 64 + 128);
        let dense = 8 * 8 * 128 * 64 + 64 + 64 * 5 + 5;
        assert_eq!(lenet.parameters(5).unwrap(), convolutions + dense);
        assert!(lenet.parameters(120).unwrap() < SMALL);
    }

    #[test]
    fn every_configuration_builds_or_says_why_not() {
        for blocks in 1..=6 {
            for (batch_norm, global_pooling, dropout) in
                [(true, true, 0.0), (false, true, 0.5), (true, false, 0.2)]
            {
                let lenet = LeNet {
                    filters: vec![8; blocks],
                    kernels: vec![5, 3],
                    batch_norm,
                    head: DenseHead {
                        global_pooling,
                        dropout,
                        ..DenseHead::default()
                    },
                    size: 33,
                    ..LeNet::default()
                };
                let built = lenet.build(Head::Classes(3));
                assert_eq!(built.is_ok(), (2..=5).contains(&blocks), "{lenet:?}");
                let Ok(graph) = built else { continue };
                assert_eq!(graph.node(graph.outputs()[0]).shape().dimensions(), [3]);
                assert_eq!(graph.find("norm_1").is_some(), batch_norm);
                assert_eq!(graph.find("dropout").is_some(), dropout > 0.0);
                let shape = graph.node(graph.find("conv_1").unwrap()).shape();
                assert_eq!(shape.dimensions(), [33, 33, 8], "padding is 'same'");
            }
        }
        for lenet in [
            LeNet {
                kernels: vec![4],
                ..LeNet::default()
            },
            LeNet {
                size: 4,
                ..LeNet::default()
            },
            LeNet {
                filters: vec![0, 1],
                ..LeNet::default()
            },
            LeNet {
                head: DenseHead {
                    dropout: 1.0,
                    ..DenseHead::default()
                },
                ..LeNet::default()
            },
        ] {
            assert!(lenet.build(Head::Classes(3)).is_err(), "{lenet:?}");
        }
    }
}
