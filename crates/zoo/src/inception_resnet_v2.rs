//! InceptionResNetV2, as `keras.applications.InceptionResNetV2` builds it (Szegedy et al. 2016).
use crate::builder::{Builder, Built, Pad};
use crate::input::{stretched, timm};
use crate::torch::{by_name, torch_rows};
use crate::{Backbone, HEAD_LAYER, Head};
use graph::keras_names;
use graph::{
    Activation, Geometry, Graph, GraphError, InputSpec, Matching, NodeId, Op, Origin, Scaling,
    WeightNames,
};

pub(crate) const INCEPTION_RESNET_V2: Backbone = Backbone {
    name: "inception_resnet_v2",
    title: "InceptionResNetV2",
    default_size: 299,
    minimum_size: 75,
    origins: &[Origin::Keras, Origin::KerasArchive, Origin::PyTorch],
    builder: build,
    names: |graph, origin| match origin {
        Origin::PyTorch => timm_names(graph),
        // Layers are numbered by the process that made them: only their order is sure.
        _ => keras_names(graph, origin, Matching::Position),
    },
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

/// The keys of timm's `state_dict`. Its batch norms have factors, which TensorFlow's weights leave 1.
fn timm_names(graph: &Graph) -> WeightNames {
    let (mut rows, mut ones) = (Vec::new(), Vec::new());
    let mut modules = timm_modules().into_iter();
    let mut module = String::new();
    for id in graph.ids() {
        let layer = graph.node(id).name();
        let path = match (graph.node(id).op(), layer) {
            (_, HEAD_LAYER) => "classif".to_string(),
            (Op::Conv2d(conv), _) if conv.bias => match block_of(layer) {
                Some(block) => format!("{block}.conv2d"),
                None => continue,
            },
            (Op::Conv2d(_), _) => {
                module = modules.next().unwrap_or_default();
                format!("{module}.conv")
            }
            (Op::BatchNorm { .. }, _) => {
                ones.push(format!("{module}.bn.weight"));
                format!("{module}.bn")
            }
            _ => continue,
        };
        rows.extend(torch_rows(graph, id, &path));
    }
    WeightNames {
        ones,
        ..by_name(rows)
    }
}

/// timm's names of the convolutions with batch norms, in the order in which they are made.
fn timm_modules() -> Vec<String> {
    let branches = |block: &str, branches: &[&[Step]]| {
        let mut found = Vec::new();
        for (branch, steps) in branches.iter().enumerate() {
            found.extend((0..steps.len()).map(|step| match steps.len() {
                1 => format!("{block}.branch{branch}"),
                _ => format!("{block}.branch{branch}.{step}"),
            }));
        }
        found
    };
    let residual = |(kind, count, _, steps): (&str, usize, f32, &[&[Step]])| {
        let block = |number| block_of(&format!("{kind}_{number}_conv")).unwrap_or_default();
        let found = (1..=count).map(|number| branches(&block(number), steps));
        found.collect::<Vec<_>>().concat()
    };
    let stem = ["1a", "2a", "2b", "3b", "4a"].map(|place| format!("conv2d_{place}"));
    [
        stem.to_vec(),
        branches("mixed_5b", MIXED_5B),
        vec!["mixed_5b.branch3.1".to_string()],
        residual(BLOCK35),
        branches("mixed_6a", MIXED_6A),
        residual(BLOCK17),
        branches("mixed_7a", MIXED_7A),
        residual(BLOCK8),
        vec!["conv2d_7b".to_string()],
    ]
    .concat()
}

/// timm's name of the residual block that ends in this convolution (`block17_3_conv`).
fn block_of(layer: &str) -> Option<String> {
    let (kind, rest) = layer.split_once('_')?;
    let number: usize = rest.strip_suffix("_conv")?.parse().ok()?;
    Some(match kind {
        "block35" => format!("repeat.{}", number - 1),
        "block17" => format!("repeat_1.{}", number - 1),
        // The last of them, which has no activation, stands alone.
        _ if number == BLOCK8.1 => "block8".to_string(),
        _ => format!("repeat_2.{}", number - 1),
    })
}

/// Keras's 'tf' mode: x / 127.5 - 1.
fn input(height: usize, width: usize, origin: Origin) -> InputSpec {
    let scaling = Scaling::uniform(127.5, 127.5);
    match origin {
        Origin::PyTorch => {
            let geometry = Geometry::CenterCrop { fraction: 0.8975 };
            timm(height, width, scaling, geometry)
        }
        _ => stretched(height, width, scaling),
    }
}
