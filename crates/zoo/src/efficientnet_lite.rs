//! EfficientNet-Lite 0, 1 and 2: EfficientNet without squeeze and excitation, with ReLU6, its stem
//! and head not scaled. After the reference implementation in PyTorch, the package
//! `efficientnet-lite-pytorch` 0.1.0, whose published weights it takes; the layers bear the names
//! that Keras gives to those of EfficientNet.
use crate::builder::{Builder, Pad};
use crate::torch::torch_rows;
use crate::{Backbone, HEAD_LAYER, Head};
use graph::{
    Filter, Geometry, Graph, GraphError, InputSpec, Op, Origin, Scaling, View, WeightNames,
};

pub(crate) const LITE0: Backbone = variant(
    "efficientnet_lite0",
    "EfficientNet-Lite0",
    224,
    |height, width, head| {
        build(
            Scale {
                width: 1.0,
                depth: 1.0,
                dropout: 0.2,
            },
            height,
            width,
            head,
        )
    },
);

pub(crate) const LITE1: Backbone = variant(
    "efficientnet_lite1",
    "EfficientNet-Lite1",
    240,
    |height, width, head| {
        build(
            Scale {
                width: 1.0,
                depth: 1.1,
                dropout: 0.2,
            },
            height,
            width,
            head,
        )
    },
);

pub(crate) const LITE2: Backbone = variant(
    "efficientnet_lite2",
    "EfficientNet-Lite2",
    260,
    |height, width, head| {
        build(
            Scale {
                width: 1.1,
                depth: 1.2,
                dropout: 0.3,
            },
            height,
            width,
            head,
        )
    },
);

const fn variant(
    name: &'static str,
    title: &'static str,
    default_size: usize,
    builder: fn(usize, usize, Head) -> Result<Graph, GraphError>,
) -> Backbone {
    let origins = &[Origin::PyTorch];
    Backbone {
        name,
        title,
        default_size,
        minimum_size: 32,
        origins,
        builder,
        names,
        input,
    }
}

/// What tells the variants apart.
#[derive(Clone, Copy)]
struct Scale {
    /// Of the channels.
    width: f64,
    /// Of the repeats.
    depth: f64,
    /// Before the classifier.
    dropout: f32,
}

impl Scale {
    /// Channels: the nearest multiple of 8, but never more than a tenth below.
    fn channels(self, channels: usize) -> usize {
        let scaled = channels as f64 * self.width;
        let rounded = ((scaled + 4.0) as usize / 8 * 8).max(8);
        if (rounded as f64) < 0.9 * scaled {
            rounded + 8
        } else {
            rounded
        }
    }

    fn repeats(self, repeats: usize) -> usize {
        (repeats as f64 * self.depth).ceil() as usize
    }
}

/// Batch norm's epsilon and momentum (PyTorch's 0.01 is Keras's 0.99).
const BATCH_NORM: (f32, f32) = (1e-3, 0.99);

/// Of the last block's branch, as if there were one block more; less before, in proportion.
const DROP_PATH: f32 = 0.2;

/// Repeats, kernel, stride, expansion, channels of each stage.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

fn build(scale: Scale, height: usize, width: usize, head: Head) -> Result<Graph, GraphError> {
    // The first and the last stage are not repeated more often.
    let repeats = |stage: usize| match stage {
        0 | 6 => STAGES[stage].0,
        _ => scale.repeats(STAGES[stage].0),
    };
    let blocks: usize = (0..STAGES.len()).map(repeats).sum();

    let (mut net, image) = Builder::new(height, width, BATCH_NORM)?;
    let x = net.conv("stem_conv", image, 32, (3, 2), Pad::Same)?;
    let x = net.batch_norm("stem_bn", x)?;
    let mut x = net.relu6("stem_activation", x)?;
    let mut block = 0;
    for (stage, (_, kernel, stride, expansion, channels)) in STAGES.into_iter().enumerate() {
        let channels = scale.channels(channels);
        for (repeat, letter) in (0..repeats(stage)).zip('a'..) {
            let name = |part: &str| format!("block{}{letter}_{part}", stage + 1);
            let stride = if repeat == 0 { stride } else { 1 };
            let input = x;
            if expansion != 1 {
                let expanded = expansion * net.channels(x);
                x = net.conv(name("expand_conv"), x, expanded, (1, 1), Pad::Same)?;
                x = net.batch_norm(name("expand_bn"), x)?;
                x = net.relu6(name("expand_activation"), x)?;
            }
            x = net.depthwise(name("dwconv"), x, (kernel, stride), Pad::Same)?;
            x = net.batch_norm(name("bn"), x)?;
            x = net.relu6(name("activation"), x)?;
            x = net.conv(name("project_conv"), x, channels, (1, 1), Pad::Same)?;
            x = net.batch_norm(name("project_bn"), x)?;
            if stride == 1 && net.channels(input) == channels {
                let rate = DROP_PATH * block as f32 / blocks as f32;
                x = net.add(
                    name("drop"),
                    Op::Dropout {
                        rate,
                        per_sample: true,
                    },
                    &[x],
                )?;
                x = net.add(name("add"), Op::Add, &[x, input])?;
            }
            block += 1;
        }
    }
    let x = net.conv("top_conv", x, 1280, (1, 1), Pad::Same)?;
    let x = net.batch_norm("top_bn", x)?;
    let x = net.relu6("top_activation", x)?;
    net.head(x, "avg_pool", Some(("top_dropout", scale.dropout)), head)
}

/// The keys of the reference implementation's `state_dict`: its blocks are counted through.
fn names(graph: &Graph, _: Origin) -> WeightNames {
    let mut rows = Vec::new();
    let mut blocks: Vec<String> = Vec::new();
    for id in graph.ids() {
        let layer = graph.node(id).name();
        let module = match layer {
            "stem_conv" => "_conv_stem".to_string(),
            "stem_bn" => "_bn0".to_string(),
            "top_conv" => "_conv_head".to_string(),
            "top_bn" => "_bn1".to_string(),
            HEAD_LAYER => "_fc".to_string(),
            _ => {
                let Some((block, part)) = layer.split_once('_') else {
                    continue;
                };
                let module = match part {
                    "expand_conv" => "_expand_conv",
                    "expand_bn" => "_bn0",
                    "dwconv" => "_depthwise_conv",
                    "bn" => "_bn1",
                    "project_conv" => "_project_conv",
                    "project_bn" => "_bn2",
                    _ => continue,
                };
                if blocks.last().is_none_or(|last| last != block) {
                    blocks.push(block.to_string());
                }
                format!("_blocks.{}.{module}", blocks.len() - 1)
            }
        };
        rows.extend(torch_rows(graph, id, &module));
    }
    let ignored = vec![
        "*.num_batches_tracked".to_string(),
        "optimizer.*".to_string(),
    ];
    WeightNames {
        rows,
        ignored,
        ..WeightNames::default()
    }
}

/// (x - 127) / 128; the published figures are with Pillow's bicubic filter and the centre.
fn input(height: usize, width: usize, _: Origin) -> InputSpec {
    InputSpec {
        height,
        width,
        filter: Filter::Bicubic,
        scaling: Scaling::uniform(127.0, 128.0),
        views: vec![View {
            geometry: Geometry::CenterCrop { fraction: 0.875 },
            mirrored: false,
        }],
        preprocessing: String::new(),
    }
}
