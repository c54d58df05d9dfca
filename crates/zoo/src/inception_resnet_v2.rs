//! InceptionResNetV2, as `keras.applications.InceptionResNetV2` builds it (Szegedy et al. 2016).
use crate::builder::{Builder, Built, Pad};
use crate::input::stretched;
use crate::{Backbone, Head};
use graph::keras_names;
use graph::{Activation, Graph, GraphError, InputSpec, Matching, NodeId, Op, Origin, Scaling};

pub(crate) const INCEPTION_RESNET_V2: Backbone = Backbone {
    name: "inception_resnet_v2",
    title: "InceptionResNetV2",
    default_size: 299,
    minimum_size: 75,
    origins: &[Origin::Keras, Origin::KerasArchive],
    builder: build,
    // Layers are numbered by the process that made them: only their order is sure.
    names: |graph, origin| keras_names(graph, origin, Matching::Position),
    input,
};

/// Batch norm's epsilon and momentum (Keras's defaults).
const BATCH_NORM: (f32, f32) = (1e-3, 0.99);

/// A convolution of a branch: filters, window `[KH, KW]`, stride. Those of stride 2 have no padding.
type Step = (usize, [usize; 2], usize);

/// The kinds of residual block: name, how many, factor of the residual, branches.
const BLOCK35: (&str, usize, f32, &[&[Step]]) = (
    "block35",
    10,
    0.17,
    &[
        &[(32, [1, 1], 1)],
        &[(32, [1, 1], 1), (32, [3, 3], 1)],
        &[(32, [1, 1], 1), (48, [3, 3], 1), (64, [3, 3], 1)],
    ],
);
const BLOCK17: (&str, usize, f32, &[&[Step]]) = (
    "block17",
    20,
    0.1,
    &[
        &[(192, [1, 1], 1)],
        &[(128, [1, 1], 1), (160, [1, 7], 1), (192, [7, 1], 1)],
    ],
);
const BLOCK8: (&str, usize, f32, &[&[Step]]) = (
    "block8",
    10,
    0.2,
    &[
        &[(192, [1, 1], 1)],
        &[(192, [1, 1], 1), (224, [1, 3], 1), (256, [3, 1], 1)],
    ],
);

/// The branches that halve the size, beside a maximum.
const MIXED_6A: &[&[Step]] = &[
    &[(384, [3, 3], 2)],
    &[(256, [1, 1], 1), (256, [3, 3], 1), (384, [3, 3], 2)],
];
const MIXED_7A: &[&[Step]] = &[
    &[(256, [1, 1], 1), (384, [3, 3], 2)],
    &[(256, [1, 1], 1), (288, [3, 3], 2)],
    &[(256, [1, 1], 1), (288, [3, 3], 1), (320, [3, 3], 2)],
];

/// The convolutions of the first mixed block, beside a mean.
const MIXED_5B: &[&[Step]] = &[
    &[(96, [1, 1], 1)],
    &[(48, [1, 1], 1), (64, [5, 5], 1)],
    &[(64, [1, 1], 1), (96, [3, 3], 1), (96, [3, 3], 1)],
];

fn build(height: usize, width: usize, head: Head) -> Result<Graph, GraphError> {
    let (net, image) = Builder::new(height, width, BATCH_NORM)?;
    let mut net = net.without_gamma();
    let x = net.conv_norm(image, 32, ([3, 3], 2), Pad::Valid)?;
    let x = net.conv_norm(x, 32, ([3, 3], 1), Pad::Valid)?;
    let x = net.conv_norm(x, 64, ([3, 3], 1), Pad::Same)?;
    let x = net.pool_by_two(x)?;
    let x = net.conv_norm(x, 80, ([1, 1], 1), Pad::Valid)?;
    let x = net.conv_norm(x, 192, ([3, 3], 1), Pad::Valid)?;
    let x = net.pool_by_two(x)?;

    let mut branches = net.branches(x, MIXED_5B)?;
    let name = net.numbered("average_pooling2d");
    let mean = net.average_pool(name, x, (3, 1), Pad::Same)?;
    branches.push(net.conv_norm(mean, 64, ([1, 1], 1), Pad::Same)?);
    let mut x = net.add("mixed_5b", Op::Concat, &branches)?;

    x = net.residual_blocks(x, BLOCK35)?;
    let mut branches = net.branches(x, MIXED_6A)?;
    branches.push(net.pool_by_two(x)?);
    x = net.add("mixed_6a", Op::Concat, &branches)?;

    x = net.residual_blocks(x, BLOCK17)?;
    let mut branches = net.branches(x, MIXED_7A)?;
    branches.push(net.pool_by_two(x)?);
    x = net.add("mixed_7a", Op::Concat, &branches)?;

    x = net.residual_blocks(x, BLOCK8)?;
    let x = net.conv("conv_7b", x, 1536, (1, 1), Pad::Same)?;
    let x = net.batch_norm("conv_7b_bn", x)?;
    let x = net.activation("conv_7b_ac", Activation::Relu, x)?;
    net.head(x, "avg_pool", None, head)
}

impl Builder {
    /// Convolution, batch norm and ReLU, numbered as Keras numbers them.
    fn conv_norm(
        &mut self,
        input: NodeId,
        filters: usize,
        window: ([usize; 2], usize),
        pad: Pad,
    ) -> Built {
        let name = self.numbered("conv2d");
        let x = self.conv_window(name, input, filters, window, pad)?;
        let name = self.numbered("batch_normalization");
        let x = self.batch_norm(name, x)?;
        let name = self.numbered("activation");
        self.activation(name, Activation::Relu, x)
    }

    /// The largest of 3 x 3, stride 2.
    fn pool_by_two(&mut self, input: NodeId) -> Built {
        let name = self.numbered("max_pooling2d");
        self.max_pool(name, input, (3, 2), Pad::Valid)
    }

    /// The last value of each branch.
    fn branches(&mut self, input: NodeId, all: &[&[Step]]) -> Result<Vec<NodeId>, GraphError> {
        let branch = |steps: &&[Step]| {
            steps
                .iter()
                .try_fold(input, |x, &(filters, window, stride)| {
                    let pad = if stride == 2 { Pad::Valid } else { Pad::Same };
                    self.conv_norm(x, filters, (window, stride), pad)
                })
        };
        all.iter().map(branch).collect()
    }

    /// Blocks that add a share of what their branches find. The last of the last kind adds it
    /// whole, and has no activation.
    fn residual_blocks(
        &mut self,
        input: NodeId,
        (kind, count, factor, branches): (&str, usize, f32, &[&[Step]]),
    ) -> Built {
        let mut x = input;
        for number in 1..=count {
            let name = |part: &str| format!("{kind}_{number}_{part}");
            let last = kind == "block8" && number == count;
            let found = self.branches(x, branches)?;
            let found = self.add(name("mixed"), Op::Concat, &found)?;
            let mut found = self.conv_with_bias(name("conv"), found, self.channels(x), 1)?;
            if !last {
                let scaled = Op::Affine {
                    scale: factor,
                    offset: 0.0,
                };
                found = self.add(name("scaled"), scaled, &[found])?;
            }
            let sum = self.numbered("custom_scale_layer");
            x = self.add(sum, Op::Add, &[x, found])?;
            if !last {
                x = self.activation(name("ac"), Activation::Relu, x)?;
            }
        }
        Ok(x)
    }
}

/// Keras's 'tf' mode: x / 127.5 - 1.
fn input(height: usize, width: usize, _: Origin) -> InputSpec {
    stretched(height, width, Scaling::uniform(127.5, 127.5))
}
