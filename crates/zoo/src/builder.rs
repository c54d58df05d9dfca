//! A graph in the making: one short call a layer, padding worked out from the sizes.
use crate::{HEAD_LAYER, Head};
use graph::{Activation, Conv2d, DepthwiseConv2d, Graph, GraphError, NodeId, Op, Padding, Pool2d};
use std::collections::HashMap;

/// A node, or why it cannot be.
pub(crate) type Built = Result<NodeId, GraphError>;

/// A graph in the making, with what its batch norms have in common.
pub(crate) struct Builder {
    pub(crate) graph: Graph,
    epsilon: f32,
    momentum: f32,
    /// Whether batch norms have a `gamma`.
    scale: bool,
    /// How many layers of each kind [`Builder::numbered`] has named.
    numbers: HashMap<&'static str, usize>,
}

impl Builder {
    /// A graph of an RGB input, and batch norms of this epsilon and momentum (Keras's sense).
    pub(crate) fn new(
        height: usize,
        width: usize,
        (epsilon, momentum): (f32, f32),
    ) -> Result<(Self, NodeId), GraphError> {
        let mut graph = Graph::new();
        let input = graph.add(
            "input",
            Op::Input {
                height,
                width,
                channels: 3,
            },
            &[],
        )?;
        Ok((
            Builder {
                graph,
                epsilon,
                momentum,
                scale: true,
                numbers: HashMap::new(),
            },
            input,
        ))
    }

    /// The same, with batch norms that have no `gamma` (Keras's `scale=False`).
    pub(crate) fn without_gamma(mut self) -> Self {
        self.scale = false;
        self
    }

    /// The name that Keras gives, in a fresh process, to the next layer of this kind that was given
    /// none: `activation`, `activation_1`, ... in the order in which they are made.
    pub(crate) fn numbered(&mut self, kind: &'static str) -> String {
        let number = self.numbers.entry(kind).or_default();
        *number += 1;
        match *number - 1 {
            0 => kind.to_string(),
            number => format!("{kind}_{number}"),
        }
    }

    pub(crate) fn add(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId]) -> Built {
        self.graph.add(name, op, inputs)
    }

    /// A square convolution without bias, 'same' or 'valid'.
    pub(crate) fn conv(
        &mut self,
        name: impl Into<String>,
        input: NodeId,
        filters: usize,
        (kernel, stride): (usize, usize),
        pad: Pad,
    ) -> Built {
        self.conv_window(name, input, filters, ([kernel; 2], stride), pad)
    }

    /// A convolution with a bias, stride 1, 'same'.
    pub(crate) fn conv_with_bias(
        &mut self,
        name: impl Into<String>,
        input: NodeId,
        filters: usize,
        kernel: usize,
    ) -> Built {
        let op = self.convolution(input, filters, ([kernel; 2], 1), Pad::Same, true);
        self.add(name, op, &[input])
    }

    /// A convolution without bias, 'same' or 'valid', of a window `[KH, KW]`.
    pub(crate) fn conv_window(
        &mut self,
        name: impl Into<String>,
        input: NodeId,
        filters: usize,
        (kernel, stride): ([usize; 2], usize),
        pad: Pad,
    ) -> Built {
        let op = self.convolution(input, filters, (kernel, stride), pad, false);
        self.add(name, op, &[input])
    }

    fn convolution(
        &self,
        input: NodeId,
        filters: usize,
        (kernel, stride): ([usize; 2], usize),
        pad: Pad,
        bias: bool,
    ) -> Op {
        Op::Conv2d(Conv2d {
            filters,
            kernel,
            stride: [stride; 2],
            padding: self.padding(input, kernel, stride, pad),
            bias,
        })
    }

    /// A square depthwise convolution without bias, 'same' or 'valid'.
    pub(crate) fn depthwise(
        &mut self,
        name: impl Into<String>,
        input: NodeId,
        (kernel, stride): (usize, usize),
        pad: Pad,
    ) -> Built {
        let (kernel, padding) = ([kernel; 2], self.padding(input, [kernel; 2], stride, pad));
        let stride = [stride; 2];
        let op = Op::DepthwiseConv2d(DepthwiseConv2d {
            kernel,
            stride,
            padding,
            bias: false,
        });
        self.add(name, op, &[input])
    }

    pub(crate) fn batch_norm(&mut self, name: impl Into<String>, input: NodeId) -> Built {
        let op = Op::BatchNorm {
            epsilon: self.epsilon,
            momentum: self.momentum,
            scale: self.scale,
        };
        self.add(name, op, &[input])
    }

    pub(crate) fn relu6(&mut self, name: impl Into<String>, input: NodeId) -> Built {
        self.activation(name, Activation::Relu6, input)
    }

    pub(crate) fn activation(
        &mut self,
        name: impl Into<String>,
        function: Activation,
        input: NodeId,
    ) -> Built {
        self.add(name, Op::Activation(function), &[input])
    }

    /// The largest value of each square window, 'same' or 'valid'.
    pub(crate) fn max_pool(
        &mut self,
        name: impl Into<String>,
        input: NodeId,
        window: (usize, usize),
        pad: Pad,
    ) -> Built {
        let op = Op::MaxPool(self.pool(input, window, pad));
        self.add(name, op, &[input])
    }

    /// The mean of each square window, 'same' or 'valid'.
    pub(crate) fn average_pool(
        &mut self,
        name: impl Into<String>,
        input: NodeId,
        window: (usize, usize),
        pad: Pad,
    ) -> Built {
        let op = Op::AveragePool(self.pool(input, window, pad));
        self.add(name, op, &[input])
    }

    fn pool(&self, input: NodeId, (kernel, stride): (usize, usize), pad: Pad) -> Pool2d {
        Pool2d {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: self.padding(input, [kernel; 2], stride, pad),
        }
    }

    /// Rows and columns of a node's image.
    pub(crate) fn size(&self, node: NodeId) -> [usize; 2] {
        let shape = self.graph.node(node).shape();
        [shape.dimensions()[0], shape.dimensions()[1]]
    }

    pub(crate) fn channels(&self, node: NodeId) -> usize {
        self.graph.node(node).shape().channels()
    }

    pub(crate) fn padding(
        &self,
        input: NodeId,
        kernel: [usize; 2],
        stride: usize,
        pad: Pad,
    ) -> Padding {
        match pad {
            Pad::Valid => Padding::default(),
            Pad::Same => Padding::same(self.size(input), kernel, [stride; 2]),
        }
    }

    /// The mean over the image, dropout where there is any, the classifier; or nothing.
    pub(crate) fn head(
        mut self,
        features: NodeId,
        pool: &str,
        dropout: Option<(&str, f32)>,
        head: Head,
    ) -> Result<Graph, GraphError> {
        if let Head::Classes(units) = head {
            let op = Op::GlobalAveragePool {
                keep_dimensions: false,
            };
            let mut last = self.add(pool, op, &[features])?;
            if let Some((name, rate)) = dropout {
                last = self.add(
                    name,
                    Op::Dropout {
                        rate,
                        per_sample: false,
                    },
                    &[last],
                )?;
            }
            self.add(HEAD_LAYER, Op::Dense { units, bias: true }, &[last])?;
        }
        Ok(self.graph)
    }
}

/// Keras's words for padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pad {
    /// So many zeros that the output has ceil(size / stride).
    Same,
    /// None.
    Valid,
}

/// Keras's `correct_pad` for the explicit zeros before a 'valid' convolution of stride 2, from the
/// static size: an even size gets one less before than after.
pub(crate) fn correct_pad(size: [usize; 2], kernel: usize) -> Padding {
    let half = kernel / 2;
    let before = |size: usize| half - (1 - size % 2);
    Padding {
        top: before(size[0]),
        bottom: half,
        left: before(size[1]),
        right: half,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_keras_own() {
        let pads = |p: Padding| [p.top, p.bottom, p.left, p.right];
        // k3 s2: even (0, 1), odd (1, 1).
        assert_eq!(
            pads(Padding::same([224, 113], [3; 2], [2; 2])),
            [0, 1, 1, 1]
        );
        assert_eq!(pads(Padding::same([7, 7], [5; 2], [1; 2])), [2, 2, 2, 2]);
        assert_eq!(pads(Padding::same([112, 13], [5; 2], [2; 2])), [1, 2, 2, 2]);
        assert_eq!(pads(Padding::same([8, 8], [1; 2], [2; 2])), [0, 0, 0, 0]);
        assert_eq!(pads(Padding::same([9, 9], [1, 7], [1; 2])), [0, 0, 3, 3]);
        for kernel in [3, 5, 7] {
            for size in [8, 9, 150, 75] {
                let expected = pads(Padding::same([size, size], [kernel; 2], [2; 2]));
                assert_eq!(
                    pads(correct_pad([size, size], kernel)),
                    expected,
                    "{kernel} {size}"
                );
            }
        }
    }
}
