//! Walks the registry: a backbone that is added is tested with no new test, but must state its
//! counts.
use super::*;
use graph::Op;
use std::collections::HashSet;
use tensor::Shape;
use testkit::golden;

/// What is published of each backbone: parameters at 1000 classes (moving statistics among them),
/// trainable ones, multiply-adds at its default size, and the shape of the features there.
fn published(name: &str) -> (u64, u64, u64, [usize; 3]) {
    match name {
        // Counted by the reference implementation in PyTorch, batch norm's statistics added.
        "efficientnet_lite0" => (4_652_008 + 42_016, 4_652_008, 385_187_552, [7, 7, 1280]),
        "efficientnet_lite1" => (5_416_680 + 53_664, 5_416_680, 600_185_232, [8, 8, 1280]),
        "efficientnet_lite2" => (6_092_072 + 58_096, 6_092_072, 859_736_272, [9, 9, 1280]),
        // Counted by Keras 3.15.1.
        "efficientnet_v2l" => (119_027_848, 118_515_272, 56_079_699_008, [15, 15, 1280]),
        "efficientnet_v2s" => (21_612_360, 21_458_488, 8_365_617_152, [12, 12, 1280]),
        "inception_resnet_v2" => (55_873_736, 55_813_192, 13_155_794_016, [8, 8, 1536]),
        "mobilenet_v2" => (3_538_984, 3_504_872, 300_774_272, [7, 7, 1280]),
        // torchvision's 0.21: 3,504,872 parameters, batch norm's statistics added.
        "mobilenet_v2_torchvision" => (3_538_984, 3_504_872, 300_774_272, [7, 7, 1280]),
        "nasnet_large" => (88_949_818, 88_753_150, 23_783_414_658, [11, 11, 4032]),
        "nasnet_mobile" => (5_326_716, 5_289_978, 563_638_816, [7, 7, 1056]),
        "vgg16" => (138_357_544, 138_357_544, 15_470_264_320, [7, 7, 512]),
        other => panic!("state the published counts of {other} here"),
    }
}

#[test]
fn counts_are_the_published_ones() {
    for backbone in all() {
        let (parameters, trainable, multiply_adds, features) = published(backbone.name);
        let size = backbone.default_size;
        let costs = backbone
            .build(size, size, Head::Classes(1000))
            .unwrap()
            .costs();
        assert_eq!(costs.parameters, parameters, "{}", backbone.name);
        assert_eq!(costs.trainable, trainable, "{}", backbone.name);
        assert_eq!(costs.multiply_adds, multiply_adds, "{}", backbone.name);
        let graph = backbone.build(size, size, Head::Features).unwrap();
        assert_eq!(
            graph.node(graph.outputs()[0]).shape(),
            Shape::from(features)
        );
    }
}

/// Tensors with and without the classifier, and parameters without it, counted by Keras 3.15.1.
#[test]
fn tensors_are_as_many_as_keras_has() {
    for (name, tensors, bare_tensors, bare, bare_trainable) in [
        ("efficientnet_v2l", 1331, 1329, 117_746_848, 117_234_272),
        ("efficientnet_v2s", 672, 670, 20_331_360, 20_177_488),
        ("inception_resnet_v2", 898, 896, 54_336_736, 54_276_192),
        ("mobilenet_v2", 262, 260, 2_257_984, 2_223_872),
        ("nasnet_large", 1546, 1544, 84_916_818, 84_720_150),
        ("nasnet_mobile", 1126, 1124, 4_269_716, 4_232_978),
        ("vgg16", 32, 26, 14_714_688, 14_714_688),
    ] {
        let backbone = find(name).unwrap();
        let size = backbone.default_size;
        let graph = backbone.build(size, size, Head::Classes(1000)).unwrap();
        assert_eq!(graph.parameters().len(), tensors, "{name}");
        let graph = backbone.build(size, size, Head::Features).unwrap();
        assert_eq!(graph.parameters().len(), bare_tensors, "{name}");
        let costs = graph.costs();
        assert_eq!(costs.parameters, bare, "{name}");
        assert_eq!(costs.trainable, bare_trainable, "{name}");
    }
}

/// Rows that windows without padding cost, beside the five strides.
fn rows_lost(name: &str) -> usize {
    match name {
        "inception_resnet_v2" => 2,
        _ => 0,
    }
}

#[test]
fn every_backbone_builds_at_odd_sizes_and_says_when_it_cannot() {
    for backbone in all() {
        let least = backbone.minimum_size;
        let lost = rows_lost(backbone.name);
        for (height, width) in [
            (least, least),
            (least + 1, least + 15),
            (75, 161),
            (225, 99),
            (300, 131),
            (512, 513),
        ] {
            let graph = backbone.build(height, width, Head::Classes(3)).unwrap();
            let input = graph.input_shape().unwrap();
            assert_eq!(input, Shape::from([height, width, 3]), "{}", backbone.name);
            let features = backbone.build(height, width, Head::Features).unwrap();
            let shape = features.node(features.outputs()[0]).shape();
            // Five strides of 2, each rounded up or down by a border.
            let [rows, columns] = [height, width]
                .map(|size| (size / 32).saturating_sub(lost)..=size.div_ceil(32) - lost / 2);
            assert!(
                rows.contains(&shape.dimensions()[0]),
                "{}: {shape}",
                backbone.name
            );
            assert!(
                columns.contains(&shape.dimensions()[1]),
                "{}: {shape}",
                backbone.name
            );
        }
        assert!(backbone.build(0, 64, Head::Features).is_err());
        assert!(backbone.build(64, 64, Head::Classes(0)).is_err());
        let spec = backbone.input_spec(75, 161);
        assert_eq!(
            (spec.height, spec.width, spec.views.is_empty()),
            (75, 161, false)
        );
    }
}

#[test]
fn names_are_found_and_told_apart() {
    let names: HashSet<_> = all().iter().map(|backbone| backbone.name).collect();
    assert_eq!(names.len(), all().len());
    for backbone in all() {
        assert_eq!(find(backbone.name).unwrap().title, backbone.title);
        assert_eq!(find(backbone.title).unwrap().name, backbone.name);
    }
    assert!(find("resnet").is_none());
}

#[test]
fn every_parameter_has_one_row_for_every_origin() {
    for backbone in all() {
        for head in [Head::Features, Head::Classes(7)] {
            let size = backbone.minimum_size.max(64);
            let graph = backbone.build(size, size, head).unwrap();
            let wanted: Vec<String> = graph.parameters().into_iter().map(|p| p.name).collect();
            for origin in backbone.origins.iter().copied().chain([
                Origin::Safetensors,
                Origin::Onnx,
                Origin::TfLite,
            ]) {
                let Some(names) = backbone.weight_names(&graph, origin) else {
                    // Branches side by side: the order of computation is not sure.
                    let parallel = ["nasnet_mobile", "nasnet_large", "inception_resnet_v2"];
                    assert!(parallel.contains(&backbone.name), "{}", backbone.name);
                    assert_eq!(origin, Origin::TfLite);
                    continue;
                };
                let mut filled: Vec<&String> = names.rows.iter().map(|r| &r.parameter).collect();
                filled.sort();
                let mut wanted: Vec<&String> = wanted.iter().collect();
                wanted.sort();
                assert_eq!(filled, wanted, "{} {origin:?}", backbone.name);
                let sources: Vec<&String> = names.rows.iter().flat_map(|r| &r.sources).collect();
                let distinct: HashSet<&&String> = sources.iter().collect();
                assert_eq!(
                    distinct.len(),
                    sources.len(),
                    "{} {origin:?}",
                    backbone.name
                );
            }
        }
    }
}

/// Kernels and biases of a file fill a network whose batch norms then do nothing else.
#[test]
fn folded_batch_norms_keep_nothing_but_the_bias() {
    for backbone in all() {
        let size = backbone.minimum_size.max(64);
        let graph = backbone.build(size, size, Head::Classes(3)).unwrap();
        let Some(folded) = backbone.folded(&graph) else {
            assert!(backbone.weight_names(&graph, Origin::TfLite).is_none());
            continue;
        };
        let found = folded
            .parameters
            .iter()
            .map(|spec| (spec.name.clone(), tensor::Tensor::zeros(spec.shape)))
            .collect();
        let all = folded.complete(&graph, found);
        let wanted: Vec<String> = graph.parameters().into_iter().map(|p| p.name).collect();
        assert!(all.keys().eq(&wanted), "{}", backbone.name);
        for id in graph.ids() {
            let Op::BatchNorm { epsilon, .. } = *graph.node(id).op() else {
                continue;
            };
            let of = |name: &str| {
                let tensor = all.get(&format!("{}/{name}", graph.node(id).name()));
                tensor.map(|tensor| tensor.values()[0])
            };
            let factor =
                of("gamma").unwrap_or(1.0) / (of("moving_variance").unwrap() + epsilon).sqrt();
            assert!((factor - 1.0).abs() < 1e-6);
            assert_eq!(of("moving_mean"), Some(0.0));
        }
    }
}

/// What another network takes: a function that builds it, what its files call its weights, its
/// input. Everything else follows.
#[test]
fn a_backbone_made_up_here_needs_no_more_than_its_file() {
    use crate::builder::{Builder, Pad};
    use crate::input::stretched;
    use graph::keras_names;
    use graph::{Activation, Matching, Scaling};

    const MADE_UP: Backbone = Backbone {
        name: "made_up",
        title: "MadeUp",
        default_size: 64,
        minimum_size: 8,
        origins: &[Origin::Keras, Origin::KerasArchive],
        builder: |height, width, head| {
            let (mut net, image) = Builder::new(height, width, (1e-3, 0.99))?;
            let x = net.conv("stem", image, 8, (3, 2), Pad::Same)?;
            let x = net.batch_norm("stem_bn", x)?;
            let x = net.activation("stem_relu", Activation::Relu, x)?;
            let y = net.depthwise("separable_depthwise", x, (3, 1), Pad::Same)?;
            let y = net.conv("separable", y, 8, (1, 1), Pad::Same)?;
            let x = net.add("sum", Op::Add, &[x, y])?;
            net.head(x, "pool", None, head)
        },
        names: |graph, origin| keras_names(graph, origin, Matching::NameOrPosition),
        input: |height, width, _| stretched(height, width, Scaling::uniform(127.5, 127.5)),
    };

    let graph = MADE_UP.build(33, 31, Head::Classes(5)).unwrap();
    let layers: Vec<String> = keras_layers(&graph)
        .into_iter()
        .map(|layer| format!("{} {}", layer.class, layer.name))
        .collect();
    assert_eq!(
        layers,
        [
            "conv2d stem",
            "batch_normalization stem_bn",
            "separable_conv2d separable",
            "dense predictions"
        ]
    );
    for origin in [Origin::Keras, Origin::KerasArchive, Origin::Onnx] {
        let names = MADE_UP.weight_names(&graph, origin).unwrap();
        assert_eq!(names.rows.len(), graph.parameters().len(), "{origin:?}");
    }
    assert!(MADE_UP.weight_names(&graph, Origin::PyTorch).is_none());
    assert_eq!(MADE_UP.input_spec(33, 31).width, 31);
}

/// `tests/golden/keras_layers.py` writes a line a layer: name, class, output, inputs, weights.
#[test]
fn layers_are_keras_own() {
    let mut compared = 0;
    for (backbone, file, size, head) in [
        (
            "mobilenet_v2",
            "mobilenet_v2_224.txt",
            [224, 224],
            Head::Classes(1000),
        ),
        (
            "mobilenet_v2",
            "mobilenet_v2_odd_notop.txt",
            [131, 99],
            Head::Features,
        ),
    ] {
        let [height, width] = size;
        let graph = find(backbone).unwrap().build(height, width, head).unwrap();
        let text = String::from_utf8(golden(&format!("keras_layers/{file}"))).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), graph.nodes().len(), "{file}");
        for (line, id) in lines.into_iter().zip(graph.ids()) {
            let node = graph.node(id);
            let inputs: Vec<&str> = node
                .inputs()
                .iter()
                .map(|&input| graph.node(input).name())
                .collect();
            let ours = keras_line(&graph, node.name(), &[id], &inputs.join(","));
            assert_eq!(ours, line, "{file}");
            compared += 1;
        }
    }
    assert!(compared > 300);
}

/// A layer as `tests/golden/keras_layers.py` writes it, from the nodes that it is made of.
fn keras_line(graph: &Graph, name: &str, nodes: &[graph::NodeId], inputs: &str) -> String {
    let dimensions = |shape: Shape| {
        let all: Vec<String> = shape.dimensions().iter().map(usize::to_string).collect();
        all.join("x")
    };
    let last = graph.node(*nodes.last().unwrap());
    let class = match nodes {
        // The window is the depthwise one's.
        [depthwise, _] => {
            keras_class(graph.node(*depthwise).op()).replace("Depthwise", "Separable")
        }
        _ => keras_class(last.op()),
    };
    let weights: Vec<String> = nodes
        .iter()
        .flat_map(|&node| {
            let depthwise = matches!(graph.node(node).op(), Op::DepthwiseConv2d(_));
            let specs = graph.node_parameters(node).into_iter();
            specs.map(move |spec| (spec, depthwise))
        })
        .map(|(spec, depthwise)| {
            let weight = spec.name.rsplit('/').next().unwrap_or_default();
            let part = match (nodes.len(), depthwise) {
                (2, true) => "depthwise_",
                (2, false) => "pointwise_",
                _ => "",
            };
            format!("{part}{weight} {}", dimensions(spec.shape))
        })
        .collect();
    let (shape, weights) = (dimensions(last.shape()), weights.join(","));
    format!("{name}|{class}|{shape}|{inputs}|{weights}")
}

/// Layers with weights, as Keras saves them: the same lines but without the inputs, their number and
/// their CRC-32. The parity with Keras's values holds how they are connected.
#[test]
fn saved_layers_are_keras_own() {
    let text = String::from_utf8(golden("keras_layers/saved.txt")).unwrap();
    let mut compared = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, height, width, top, layers, checksum] = fields[..] else {
            panic!("{line}")
        };
        let head = match top {
            "top" => Head::Classes(1000),
            _ => Head::Features,
        };
        let (height, width) = (height.parse().unwrap(), width.parse().unwrap());
        let graph = find(name).unwrap().build(height, width, head).unwrap();
        let lines: Vec<String> = keras_layers(&graph)
            .iter()
            .map(|layer| keras_line(&graph, &layer.name, &layer.nodes, "") + "\n")
            .collect();
        assert_eq!(lines.len().to_string(), layers, "{line}");
        let ours = format!("{:08x}", crc32fast::hash(lines.concat().as_bytes()));
        assert_eq!(ours, checksum, "{line}: {}", lines.concat());
        compared += 1;
    }
    // Seven networks: with the classifier at the default size, without it there and at an odd one.
    assert_eq!(compared, 21);
}

fn keras_class(op: &Op) -> String {
    let pair = |[a, b]: [usize; 2]| format!("{a}x{b}");
    match op {
        Op::Input { .. } => "InputLayer".into(),
        Op::Conv2d(conv) => format!("Conv2D {} {}", pair(conv.kernel), pair(conv.stride)),
        Op::DepthwiseConv2d(conv) => {
            format!(
                "DepthwiseConv2D {} {}",
                pair(conv.kernel),
                pair(conv.stride)
            )
        }
        Op::Dense { .. } => "Dense".into(),
        Op::BatchNorm {
            epsilon, momentum, ..
        } => {
            format!("BatchNormalization {epsilon} {momentum}")
        }
        Op::Activation(graph::Activation::Relu6) => "ReLU 6".into(),
        Op::Add => "Add".into(),
        Op::ZeroPad(p) => {
            format!(
                "ZeroPadding2D {}+{},{}+{}",
                p.top, p.bottom, p.left, p.right
            )
        }
        Op::GlobalAveragePool { .. } => "GlobalAveragePooling2D".into(),
        other @ (Op::Activation(_)
        | Op::Softmax
        | Op::Affine { .. }
        | Op::Multiply
        | Op::Concat
        | Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::Crop(_)
        | Op::Flatten
        | Op::Dropout { .. }) => format!("{other:?}"),
    }
}

/// `tests/golden/state_dicts.py` writes a line a tensor of the reference implementation.
#[test]
fn keys_are_pytorchs_own() {
    for name in ["efficientnet_lite0", "efficientnet_lite2"] {
        let graph = find(name)
            .unwrap()
            .build(224, 224, Head::Classes(1000))
            .unwrap();
        let names = find(name)
            .unwrap()
            .weight_names(&graph, Origin::PyTorch)
            .unwrap();
        let text = String::from_utf8(golden(&format!("state_dicts/{name}.txt"))).unwrap();
        let theirs: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.contains("num_batches_tracked"))
            .collect();
        let elements: Vec<String> = names
            .rows
            .iter()
            .zip(graph.parameters())
            .map(|(row, spec)| {
                assert_eq!(row.parameter, spec.name);
                format!("{} {}", row.sources[0], spec.shape.elements())
            })
            .collect();
        assert_eq!(elements, theirs, "{name}");
    }
}

/// Of torchvision's and timm's networks the keys and their number of elements are kept as a CRC-32.
#[test]
fn keys_are_torchvisions_and_timms_own() {
    let text = String::from_utf8(golden("state_dicts/twins.txt")).unwrap();
    let mut compared = HashSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, library, tensors, checksum] = fields[..] else {
            panic!("{line}")
        };
        let backbone = find(name).unwrap();
        let size = backbone.default_size;
        let graph = backbone.build(size, size, Head::Classes(1000)).unwrap();
        let names = backbone.weight_names(&graph, Origin::PyTorch).unwrap();
        assert_eq!(names.rows.len().to_string(), tensors, "{line}");
        let keys = names
            .rows
            .iter()
            .zip(graph.parameters())
            .map(|(row, spec)| {
                assert_eq!(row.parameter, spec.name);
                // Where both have the network, torchvision's name comes first.
                let source = match library {
                    "timm" => row.sources.last(),
                    _ => row.sources.first(),
                };
                format!("{} {}\n", source.unwrap(), spec.shape.elements())
            });
        let keys: String = keys.collect();
        let ours = format!("{:08x}", crc32fast::hash(keys.as_bytes()));
        assert_eq!(ours, checksum, "{line}: {keys}");
        compared.insert(name);
    }
    let published = |backbone: &&Backbone| {
        backbone.origins.contains(&Origin::PyTorch) && !backbone.name.contains("lite")
    };
    assert_eq!(compared.len(), all().iter().filter(published).count());
}
