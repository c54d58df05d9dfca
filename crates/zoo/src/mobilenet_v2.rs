//! MobileNetV2 at alpha 1 (Sandler et al. 2018), as `keras.applications.MobileNetV2` builds it and as
//! torchvision does: with the same layers, but other padding where the stride is 2, and another
//! epsilon, so that weights of the one are not the other's.
use crate::builder::{Builder, Pad, correct_pad};
use crate::input::{self, stretched};
use crate::torch::{by_name, either, torch_rows};
use crate::{Backbone, HEAD_LAYER, Head};
use graph::keras_names;
use graph::{Graph, GraphError, InputSpec, Matching, Op, Origin, Padding, Scaling, WeightRow};

pub(crate) const MOBILENET_V2: Backbone = Backbone {
    name: "mobilenet_v2",
    title: "MobileNetV2",
    default_size: 224,
    minimum_size: 32,
    origins: &[Origin::Keras, Origin::KerasArchive],
    builder: |height, width, head| build(KERAS, height, width, head),
    names: |graph, origin| keras_names(graph, origin, Matching::NameOrPosition),
    input: keras_input,
};

pub(crate) const MOBILENET_V2_TORCHVISION: Backbone = Backbone {
    name: "mobilenet_v2_torchvision",
    title: "MobileNetV2 (torchvision)",
    default_size: 224,
    minimum_size: 32,
    origins: &[Origin::PyTorch],
    builder: |height, width, head| build(TORCHVISION, height, width, head),
    names: |graph, _| by_name(either(rows(graph, torchvision), rows(graph, timm))),
    input: |height, width, _| input::torchvision(height, width),
};

/// What tells the two apart.
#[derive(Clone, Copy)]
struct Variant {
    /// Batch norm's epsilon and momentum.
    batch_norm: (f32, f32),
    /// Whether 3 x 3 windows of stride 2 have one row of zeros on each side, whatever the size.
    even_padding: bool,
    /// Before the classifier.
    dropout: Option<(&'static str, f32)>,
}

const KERAS: Variant = Variant {
    batch_norm: (1e-3, 0.999),
    even_padding: false,
    dropout: None,
};

const TORCHVISION: Variant = Variant {
    batch_norm: (1e-5, 0.9),
    even_padding: true,
    dropout: Some(("dropout", 0.2)),
};

/// Channels and stride of blocks 0 to 16. Block 0 does not expand; the others do, six times.
const BLOCKS: [(usize, usize); 17] = [
    (16, 1),
    (24, 2),
    (24, 1),
    (32, 2),
    (32, 1),
    (32, 1),
    (64, 2),
    (64, 1),
    (64, 1),
    (64, 1),
    (96, 1),
    (96, 1),
    (96, 1),
    (160, 2),
    (160, 1),
    (160, 1),
    (320, 1),
];

fn build(variant: Variant, height: usize, width: usize, head: Head) -> Result<Graph, GraphError> {
    let (mut net, mut x) = Builder::new(height, width, variant.batch_norm)?;
    let around = Padding {
        top: 1,
        bottom: 1,
        left: 1,
        right: 1,
    };
    let mut pad = Pad::Same;
    if variant.even_padding {
        x = net.add("Conv1_pad", Op::ZeroPad(around), &[x])?;
        pad = Pad::Valid;
    }
    let x = net.conv("Conv1", x, 32, (3, 2), pad)?;
    let x = net.batch_norm("bn_Conv1", x)?;
    let mut x = net.relu6("Conv1_relu", x)?;
    for (index, (channels, stride)) in BLOCKS.into_iter().enumerate() {
        let prefix = if index == 0 {
            "expanded_conv_".to_string()
        } else {
            format!("block_{index}_")
        };
        let name = |part: &str| format!("{prefix}{part}");
        let input = x;
        if index > 0 {
            let expanded = 6 * net.channels(x);
            x = net.conv(name("expand"), x, expanded, (1, 1), Pad::Same)?;
            x = net.batch_norm(name("expand_BN"), x)?;
            x = net.relu6(name("expand_relu"), x)?;
        }
        let pad = if stride == 2 {
            let zeros = match variant.even_padding {
                true => around,
                false => correct_pad(net.size(x), 3),
            };
            x = net.add(name("pad"), Op::ZeroPad(zeros), &[x])?;
            Pad::Valid
        } else {
            Pad::Same
        };
        x = net.depthwise(name("depthwise"), x, (3, stride), pad)?;
        x = net.batch_norm(name("depthwise_BN"), x)?;
        x = net.relu6(name("depthwise_relu"), x)?;
        x = net.conv(name("project"), x, channels, (1, 1), Pad::Same)?;
        x = net.batch_norm(name("project_BN"), x)?;
        if stride == 1 && net.channels(input) == channels {
            x = net.add(name("add"), Op::Add, &[input, x])?;
        }
    }
    let x = net.conv("Conv_1", x, 1280, (1, 1), Pad::Same)?;
    let x = net.batch_norm("Conv_1_bn", x)?;
    let x = net.relu6("out_relu", x)?;
    net.head(x, "global_average_pooling2d", variant.dropout, head)
}

/// The rows of all layers, by what `name` calls the layer `part` of a block. What comes before the
/// blocks, and after them, is no block's.
fn rows(graph: &Graph, name: fn(Option<usize>, &str) -> Option<String>) -> Vec<WeightRow> {
    let mut rows = Vec::new();
    for id in graph.ids() {
        let layer = graph.node(id).name();
        let (block, part) = match layer.strip_prefix("expanded_conv_") {
            Some(part) => (Some(0), part),
            None => match layer.strip_prefix("block_").and_then(|l| l.split_once('_')) {
                Some((number, part)) => (number.parse().ok(), part),
                None => (None, layer),
            },
        };
        if let Some(module) = name(block, part) {
            rows.extend(torch_rows(graph, id, &module));
        }
    }
    rows
}

/// The keys of torchvision's `state_dict`: blocks and layers counted through.
fn torchvision(block: Option<usize>, part: &str) -> Option<String> {
    let Some(block) = block else {
        let module = match part {
            "Conv1" => "features.0.0",
            "bn_Conv1" => "features.0.1",
            "Conv_1" => "features.18.0",
            "Conv_1_bn" => "features.18.1",
            HEAD_LAYER => "classifier.1",
            _ => return None,
        };
        return Some(module.to_string());
    };
    // The first block has no expansion, so that what follows is counted from 0.
    let from = usize::from(block > 0);
    let module = match part {
        "expand" => "0.0".to_string(),
        "expand_BN" => "0.1".to_string(),
        "depthwise" => format!("{from}.0"),
        "depthwise_BN" => format!("{from}.1"),
        "project" => (from + 1).to_string(),
        "project_BN" => (from + 2).to_string(),
        _ => return None,
    };
    Some(format!("features.{}.conv.{module}", block + 1))
}

/// The keys of timm's `mobilenetv2_100`, which is torchvision's network: blocks counted by the stages,
/// which begin where the channels change.
fn timm(block: Option<usize>, part: &str) -> Option<String> {
    let Some(block) = block else {
        let module = match part {
            "Conv1" => "conv_stem",
            "bn_Conv1" => "bn1",
            "Conv_1" => "conv_head",
            "Conv_1_bn" => "bn2",
            HEAD_LAYER => "classifier",
            _ => return None,
        };
        return Some(module.to_string());
    };
    let starts = |&block: &usize| block == 0 || BLOCKS[block].0 != BLOCKS[block - 1].0;
    let starts: Vec<usize> = (0..=block).filter(starts).collect();
    let (stage, first) = (starts.len() - 1, starts.last()?);
    let module = match (part, block) {
        ("depthwise", _) => "conv_dw",
        ("depthwise_BN", 0) => "bn1",
        ("project", 0) => "conv_pw",
        ("project_BN", 0) => "bn2",
        ("expand", _) => "conv_pw",
        ("expand_BN", _) => "bn1",
        ("depthwise_BN", _) => "bn2",
        ("project", _) => "conv_pwl",
        ("project_BN", _) => "bn3",
        _ => return None,
    };
    Some(format!("blocks.{stage}.{}.{module}", block - first))
}

/// Keras's 'tf' mode: x / 127.5 - 1.
fn keras_input(height: usize, width: usize, _: Origin) -> InputSpec {
    stretched(height, width, Scaling::uniform(127.5, 127.5))
}
