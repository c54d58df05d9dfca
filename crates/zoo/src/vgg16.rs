//! VGG16, as `keras.applications.VGG16` builds it (Simonyan and Zisserman 2014).
use crate::builder::{Builder, Pad};
use crate::input::{stretched, torchvision};
use crate::{Backbone, HEAD_LAYER, Head};
use graph::keras_names;
use graph::{
    Activation, Graph, GraphError, InputSpec, Layout, Matching, Op, Origin, Scaling, WeightNames,
    WeightRow,
};

pub(crate) const VGG16: Backbone = Backbone {
    name: "vgg16",
    title: "VGG16",
    default_size: 224,
    minimum_size: 32,
    origins: &[Origin::Keras, Origin::KerasArchive, Origin::PyTorch],
    builder: build,
    names: |graph, origin| match origin {
        Origin::PyTorch => torch_names(graph),
        _ => keras_names(graph, origin, Matching::NameOrPosition),
    },
    input,
};

/// Convolutions and channels of each block.
const BLOCKS: [(usize, usize); 5] = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)];

/// Units of the two layers before the classifier.
const UNITS: usize = 4096;

fn build(height: usize, width: usize, head: Head) -> Result<Graph, GraphError> {
    // There is no batch norm: its epsilon and momentum are Keras's own, and nowhere used.
    let (mut net, mut x) = Builder::new(height, width, (1e-3, 0.99))?;
    for (block, (convolutions, channels)) in (1..).zip(BLOCKS) {
        for number in 1..=convolutions {
            let name = format!("block{block}_conv{number}");
            x = net.conv_with_bias(&*name, x, channels, 3)?;
            x = net.activation(name + "_relu", Activation::Relu, x)?;
        }
        x = net.max_pool(format!("block{block}_pool"), x, (2, 2), Pad::Valid)?;
    }
    let Head::Classes(classes) = head else {
        return Ok(net.graph);
    };
    let dense = |units| Op::Dense { units, bias: true };
    x = net.add("flatten", Op::Flatten, &[x])?;
    for name in ["fc1", "fc2"] {
        x = net.add(name, dense(UNITS), &[x])?;
        x = net.activation(format!("{name}_relu"), Activation::Relu, x)?;
    }
    net.add(HEAD_LAYER, dense(classes), &[x])?;
    Ok(net.graph)
}

/// The keys of torchvision's `state_dict`: its layers are counted through, ReLUs and maxima too. timm's
/// has the same features, and its dense layers as convolutions.
fn torch_names(graph: &Graph) -> WeightNames {
    let mut rows = Vec::new();
    let (mut features, mut classifier) = (0, 0);
    for id in graph.ids() {
        let node = graph.node(id);
        let (module, layout) = match node.op() {
            Op::Conv2d(_) => (format!("features.{features}"), Layout::ConvOutputFirst),
            Op::Dense { .. } if classifier == 0 => {
                // The last features have as many channels, at whatever size.
                let (_, channels) = BLOCKS[BLOCKS.len() - 1];
                let layout = Layout::FlattenedOutputFirst { channels };
                ("classifier.0".to_string(), layout)
            }
            Op::Dense { .. } => (format!("classifier.{classifier}"), Layout::DenseOutputFirst),
            Op::Input { .. } | Op::Flatten => continue,
            Op::DepthwiseConv2d(_)
            | Op::BatchNorm { .. }
            | Op::Activation(_)
            | Op::Softmax
            | Op::Affine { .. }
            | Op::Add
            | Op::Multiply
            | Op::Concat
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::GlobalAveragePool { .. }
            | Op::ZeroPad(_)
            | Op::Crop(_)
            | Op::Dropout { .. } => {
                if classifier == 0 {
                    features += 1;
                }
                continue;
            }
        };
        match node.op() {
            // Linear, ReLU, dropout.
            Op::Dense { .. } => classifier += 3,
            _ => features += 1,
        }
        let timm = match node.name() {
            "fc1" => Some("pre_logits.fc1"),
            "fc2" => Some("pre_logits.fc2"),
            HEAD_LAYER => Some("head.fc"),
            _ => None,
        };
        for spec in graph.node_parameters(id) {
            let (key, layout) = match spec.shape.rank() {
                1 => ("bias", Layout::Same),
                _ => ("weight", layout),
            };
            let mut row = WeightRow::new(spec.name, format!("{module}.{key}"), layout);
            row.sources
                .extend(timm.map(|module| format!("{module}.{key}")));
            rows.push(row);
        }
    }
    WeightNames {
        rows,
        ..WeightNames::default()
    }
}

/// Keras's 'caffe' mode: blue first, less the mean of ImageNet's pixels, not scaled.
fn input(height: usize, width: usize, origin: Origin) -> InputSpec {
    if origin == Origin::PyTorch {
        return torchvision(height, width);
    }
    let scaling = Scaling {
        mean: [103.939, 116.779, 123.68],
        deviation: [1.0; 3],
        blue_first: true,
    };
    stretched(height, width, scaling)
}
