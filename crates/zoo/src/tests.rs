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
        "mobilenet_v2" => (3_538_984, 3_504_872, 300_774_272, [7, 7, 1280]),
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

#[test]
fn every_backbone_builds_at_odd_sizes_and_says_when_it_cannot() {
    for backbone in all() {
        let least = backbone.minimum_size;
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
            let [rows, columns] = [height, width].map(|size| size / 32..=size.div_ceil(32));
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
            let graph = backbone.build(64, 64, head).unwrap();
            let wanted: Vec<String> = graph.parameters().into_iter().map(|p| p.name).collect();
            for origin in backbone
                .origins
                .iter()
                .copied()
                .chain([Origin::Safetensors])
            {
                let names = backbone.weight_names(&graph, origin).unwrap();
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
            let dimensions = |shape: Shape| {
                let all: Vec<String> = shape.dimensions().iter().map(usize::to_string).collect();
                all.join("x")
            };
            let weights: Vec<String> = graph
                .node_parameters(id)
                .iter()
                .map(|spec| {
                    let name = spec.name.rsplit('/').next().unwrap_or_default();
                    format!("{name} {}", dimensions(spec.shape))
                })
                .collect();
            let (name, class, shape) = (node.name(), keras_class(node.op()), node.shape());
            let (inputs, weights) = (inputs.join(","), weights.join(","));
            let ours = format!("{name}|{class}|{}|{inputs}|{weights}", dimensions(shape));
            assert_eq!(ours, line, "{file}");
            compared += 1;
        }
    }
    assert!(compared > 300);
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
