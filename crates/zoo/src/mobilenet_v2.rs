//! MobileNetV2 at alpha 1, as `keras.applications.MobileNetV2` builds it (Sandler et al. 2018).
use crate::builder::{Builder, Pad, correct_pad, keras_names};
use crate::{Backbone, Head};
use graph::{Filter, Geometry, Graph, GraphError, InputSpec, Op, Origin, Scaling, View};

pub(crate) const MOBILENET_V2: Backbone = Backbone {
    name: "mobilenet_v2",
    title: "MobileNetV2",
    default_size: 224,
    minimum_size: 32,
    origins: &[Origin::Keras],
    builder: build,
    names: |graph, _| keras_names(graph),
    input,
};

/// Batch norm's epsilon and momentum.
const BATCH_NORM: (f32, f32) = (1e-3, 0.999);

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

fn build(height: usize, width: usize, head: Head) -> Result<Graph, GraphError> {
    let (mut net, image) = Builder::new(height, width, BATCH_NORM)?;
    let x = net.conv("Conv1", image, 32, (3, 2), Pad::Same)?;
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
            x = net.add(name("pad"), Op::ZeroPad(correct_pad(net.size(x), 3)), &[x])?;
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
    net.head(x, "global_average_pooling2d", None, head)
}

/// Keras's 'tf' mode: x / 127.5 - 1.
fn input(height: usize, width: usize) -> InputSpec {
    InputSpec {
        height,
        width,
        filter: Filter::Bilinear,
        scaling: Scaling::uniform(127.5, 127.5),
        views: vec![View {
            geometry: Geometry::Stretch,
            mirrored: false,
        }],
        preprocessing: String::new(),
    }
}
