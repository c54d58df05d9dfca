//! EfficientNetV2 S and L, as `keras.applications` builds them (Tan and Le 2021).
use crate::builder::{Builder, Built, Pad};
use crate::input::{stretched, timm};
use crate::torch::{by_name, torch_rows};
use crate::{Backbone, HEAD_LAYER, Head};
use graph::keras_names;
use graph::{
    Activation, Geometry, Graph, GraphError, InputSpec, Matching, NodeId, Op, Origin, Scaling,
    WeightNames,
};

pub(crate) const EFFICIENTNET_V2S: Backbone = Backbone {
    name: "efficientnet_v2s",
    title: "EfficientNetV2S",
    default_size: 384,
    minimum_size: 32,
    origins: &[Origin::Keras, Origin::KerasArchive, Origin::PyTorch],
    builder: |height, width, head| build(24, SMALL, height, width, head),
    names,
    input: |height, width, origin| {
        let geometry = Geometry::CenterCrop { fraction: 1.0 };
        input(height, width, origin, geometry)
    },
};

pub(crate) const EFFICIENTNET_V2L: Backbone = Backbone {
    name: "efficientnet_v2l",
    title: "EfficientNetV2L",
    default_size: 480,
    minimum_size: 32,
    origins: &[Origin::Keras, Origin::KerasArchive, Origin::PyTorch],
    builder: |height, width, head| build(32, LARGE, height, width, head),
    names,
    input: |height, width, origin| input(height, width, origin, Geometry::Stretch),
};

/// Blocks of one kind after another.
struct Stage {
    kind: Kind,
    /// How many times as many channels a block has inside.
    expansion: usize,
    repeats: usize,
    channels: usize,
    /// Of the first block; the others have 1.
    stride: usize,
}

/// The two kinds of block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The expansion is a 3 x 3 convolution.
    Fused,
    /// Expansion, depthwise convolution, squeeze and excitation.
    Inverted,
}

const fn stage(
    kind: Kind,
    expansion: usize,
    repeats: usize,
    channels: usize,
    stride: usize,
) -> Stage {
    Stage {
        kind,
        expansion,
        repeats,
        channels,
        stride,
    }
}

const SMALL: &[Stage] = &[
    stage(Kind::Fused, 1, 2, 24, 1),
    stage(Kind::Fused, 4, 4, 48, 2),
    stage(Kind::Fused, 4, 4, 64, 2),
    stage(Kind::Inverted, 4, 6, 128, 2),
    stage(Kind::Inverted, 6, 9, 160, 1),
    stage(Kind::Inverted, 6, 15, 256, 2),
];

const LARGE: &[Stage] = &[
    stage(Kind::Fused, 1, 4, 32, 1),
    stage(Kind::Fused, 4, 7, 64, 2),
    stage(Kind::Fused, 4, 7, 96, 2),
    stage(Kind::Inverted, 4, 10, 192, 2),
    stage(Kind::Inverted, 6, 19, 224, 1),
    stage(Kind::Inverted, 6, 25, 384, 2),
    stage(Kind::Inverted, 6, 7, 640, 1),
];

/// Batch norm's epsilon and momentum.
const BATCH_NORM: (f32, f32) = (1e-3, 0.9);

/// Of the last block's branch, as if there were one block more; less before, in proportion. Keras
/// calls it `drop_connect_rate`, and its blocks' share of it `survival_probability`.
const DROP_PATH: f64 = 0.2;

/// Before the classifier.
const DROPOUT: f32 = 0.2;

fn build(
    stem: usize,
    stages: &[Stage],
    height: usize,
    width: usize,
    head: Head,
) -> Result<Graph, GraphError> {
    let blocks: usize = stages.iter().map(|stage| stage.repeats).sum();
    let (mut net, image) = Builder::new(height, width, BATCH_NORM)?;
    let rescaling = Op::Affine {
        scale: 1.0 / 128.0,
        offset: -1.0,
    };
    let x = net.add("rescaling", rescaling, &[image])?;
    let x = net.conv("stem_conv", x, stem, (3, 2), Pad::Same)?;
    let x = net.batch_norm("stem_bn", x)?;
    let mut x = net.activation("stem_activation", Activation::Swish, x)?;
    let mut block = 0;
    for (number, stage) in (1..).zip(stages) {
        for (repeat, letter) in (0..stage.repeats).zip('a'..) {
            let prefix = format!("block{number}{letter}_");
            let stride = if repeat == 0 { stage.stride } else { 1 };
            let input = x;
            x = match stage.kind {
                Kind::Fused => net.fused_block(&prefix, x, stage, stride)?,
                Kind::Inverted => net.inverted_block(&prefix, x, stage, stride)?,
            };
            if stride == 1 && net.channels(input) == stage.channels {
                if block > 0 {
                    let rate = (DROP_PATH * block as f64 / blocks as f64) as f32;
                    let drop = Op::Dropout {
                        rate,
                        per_sample: true,
                    };
                    x = net.add(format!("{prefix}drop"), drop, &[x])?;
                }
                x = net.add(format!("{prefix}add"), Op::Add, &[x, input])?;
            }
            block += 1;
        }
    }
    let x = net.conv("top_conv", x, 1280, (1, 1), Pad::Same)?;
    let x = net.batch_norm("top_bn", x)?;
    let x = net.activation("top_activation", Activation::Swish, x)?;
    net.head(x, "avg_pool", Some(("top_dropout", DROPOUT)), head)
}

impl Builder {
    /// Convolution of 3 x 3 to more channels, then of 1 x 1 to the stage's; or one alone, where
    /// there are no more.
    fn fused_block(&mut self, prefix: &str, input: NodeId, stage: &Stage, stride: usize) -> Built {
        let name = |part: &str| format!("{prefix}{part}");
        if stage.expansion == 1 {
            let window = (3, stride);
            let x = self.conv(
                name("project_conv"),
                input,
                stage.channels,
                window,
                Pad::Same,
            )?;
            let x = self.batch_norm(name("project_bn"), x)?;
            return self.activation(name("project_activation"), Activation::Swish, x);
        }
        let expanded = stage.expansion * self.channels(input);
        let x = self.conv(name("expand_conv"), input, expanded, (3, stride), Pad::Same)?;
        let x = self.batch_norm(name("expand_bn"), x)?;
        let x = self.activation(name("expand_activation"), Activation::Swish, x)?;
        let x = self.conv(name("project_conv"), x, stage.channels, (1, 1), Pad::Same)?;
        self.batch_norm(name("project_bn"), x)
    }

    /// Convolution of 1 x 1 to more channels, depthwise convolution, squeeze and excitation,
    /// convolution of 1 x 1 to the stage's channels.
    fn inverted_block(
        &mut self,
        prefix: &str,
        input: NodeId,
        stage: &Stage,
        stride: usize,
    ) -> Built {
        let name = |part: &str| format!("{prefix}{part}");
        let expanded = stage.expansion * self.channels(input);
        let x = self.conv(name("expand_conv"), input, expanded, (1, 1), Pad::Same)?;
        let x = self.batch_norm(name("expand_bn"), x)?;
        let x = self.activation(name("expand_activation"), Activation::Swish, x)?;
        let x = self.depthwise(name("dwconv2"), x, (3, stride), Pad::Same)?;
        let x = self.batch_norm(name("bn"), x)?;
        let x = self.activation(name("activation"), Activation::Swish, x)?;

        let mean = Op::GlobalAveragePool {
            keep_dimensions: true,
        };
        let excited = self.add(name("se_squeeze"), mean, &[x])?;
        // A quarter of what the block was given, not of what it expands that to.
        let reduced = (self.channels(input) / 4).max(1);
        let excited = self.conv_with_bias(name("se_reduce"), excited, reduced, 1)?;
        let excited = self.activation(name("se_reduce_swish"), Activation::Swish, excited)?;
        let excited = self.conv_with_bias(name("se_expand"), excited, expanded, 1)?;
        let excited = self.activation(name("se_expand_sigmoid"), Activation::Sigmoid, excited)?;
        let x = self.add(name("se_excite"), Op::Multiply, &[x, excited])?;

        let x = self.conv(name("project_conv"), x, stage.channels, (1, 1), Pad::Same)?;
        self.batch_norm(name("project_bn"), x)
    }
}

fn names(graph: &Graph, origin: Origin) -> WeightNames {
    match origin {
        Origin::PyTorch => timm_names(graph),
        _ => keras_names(graph, origin, Matching::NameOrPosition),
    }
}

/// The keys of the `state_dict` of timm's `tf_efficientnetv2_s` and `_l`. Its `efficientnetv2_s`, of
/// which no trained weights are published, has the same keys and another padding.
fn timm_names(graph: &Graph) -> WeightNames {
    let mut rows = Vec::new();
    for id in graph.ids() {
        let layer = graph.node(id).name();
        let module = match layer {
            "stem_conv" => "conv_stem".to_string(),
            "stem_bn" => "bn1".to_string(),
            "top_conv" => "conv_head".to_string(),
            "top_bn" => "bn2".to_string(),
            HEAD_LAYER => "classifier".to_string(),
            _ => match timm_module(graph, layer) {
                Some(module) => module,
                None => continue,
            },
        };
        rows.extend(torch_rows(graph, id, &module));
    }
    by_name(rows)
}

/// timm's name of a block's layer: its batch norms are counted through, its convolutions of 1 x 1 are
/// called by what they do.
fn timm_module(graph: &Graph, layer: &str) -> Option<String> {
    let (block, part) = layer.strip_prefix("block")?.split_once('_')?;
    let has = |part: &str| graph.find(&format!("block{block}_{part}")).is_some();
    let (alone, inverted) = (!has("expand_conv"), has("dwconv2"));
    let module = match part {
        "expand_conv" if inverted => "conv_pw",
        "expand_conv" => "conv_exp",
        "expand_bn" => "bn1",
        "dwconv2" => "conv_dw",
        "bn" => "bn2",
        "se_reduce" => "se.conv_reduce",
        "se_expand" => "se.conv_expand",
        "project_conv" if alone => "conv",
        "project_conv" => "conv_pwl",
        "project_bn" if alone => "bn1",
        "project_bn" if inverted => "bn3",
        "project_bn" => "bn2",
        _ => return None,
    };
    let letter = block.find(|c: char| c.is_ascii_lowercase())?;
    let stage: usize = block[..letter].parse().ok()?;
    let repeat = block.as_bytes()[letter] - b'a';
    Some(format!("blocks.{}.{repeat}.{module}", stage - 1))
}

/// As the pixels are: the network's first layer rescales them. timm's weights want x / 127.5 - 1 after
/// it.
fn input(height: usize, width: usize, origin: Origin, geometry: Geometry) -> InputSpec {
    match origin {
        Origin::PyTorch => timm(
            height,
            width,
            Scaling::uniform(0.0, 127.5 / 128.0),
            geometry,
        ),
        _ => stretched(height, width, Scaling::uniform(0.0, 1.0)),
    }
}
