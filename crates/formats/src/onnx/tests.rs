//! ONNX models made here as PyTorch and TensorFlow's exporters make them, and damaged ones.
use super::proto::Attribute;
use super::*;

/// Stored numbers that count up from 0.
fn stored(name: &str, dimensions: &[i64]) -> Stored {
    let count: i64 = dimensions.iter().product();
    let values = (0..count).flat_map(|value| (value as f32).to_le_bytes());
    Stored {
        dimensions: dimensions.to_vec(),
        kind: 1,
        name: name.into(),
        raw: values.collect(),
        ..Stored::default()
    }
}

fn node(op: &str, name: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        inputs: inputs.iter().map(|input| input.to_string()).collect(),
        outputs: vec![output.into()],
        name: name.into(),
        op: op.into(),
        attributes: Vec::new(),
    }
}

fn with(mut node: Node, name: &str, integer: i64, integers: &[i64]) -> Node {
    node.attributes.push(Attribute {
        name: name.into(),
        integer: Some(integer),
        integers: integers.to_vec(),
        ..Attribute::default()
    });
    node
}

fn bytes(nodes: Vec<Node>, initializers: Vec<Stored>) -> Vec<u8> {
    let model = Model {
        ir_version: 8,
        producer: "test".into(),
        graph: Some(Graph {
            nodes,
            initializers,
            ..Graph::default()
        }),
        ..Model::default()
    };
    model.encode_to_vec()
}

fn shapes(bytes: &[u8]) -> Vec<String> {
    let weights = crate::read(bytes).unwrap();
    assert_eq!(weights.origin, Origin::Onnx);
    weights
        .tensors
        .iter()
        .map(|(name, tensor)| format!("{name} {}", tensor.shape()))
        .collect()
}

/// Convolution, depthwise convolution, batch norm, then a dense layer on the flattened image.
fn example(turned: bool) -> Vec<u8> {
    let mut nodes = vec![
        node("Conv", "first", &["image", "w0", "b0"], "v0"),
        with(node("Conv", "deep", &["v0", "w1"], "v1"), "group", 2, &[]),
        node(
            "BatchNormalization",
            "norm",
            &["v1", "g", "b", "m", "v"],
            "v2",
        ),
    ];
    let mut last = "v2";
    if turned {
        nodes.push(with(
            node("Transpose", "turn", &[last], "v3"),
            "perm",
            0,
            &[0, 2, 3, 1],
        ));
        last = "v3";
    }
    nodes.extend([
        node("Reshape", "flat", &[last, "size"], "v4"),
        node("MatMul", "fc", &["v4", "w2"], "v5"),
        node("Add", "sum", &["v5", "b2"], "v6"),
        with(
            node("Gemm", "head", &["v6", "w3", "b3"], "v7"),
            "transB",
            1,
            &[],
        ),
    ]);
    let each = ["g", "b", "m", "v"].map(|name| stored(name, &[2]));
    let mut initializers = vec![
        stored("b3", &[3]),
        stored("w3", &[3, 5]),
        stored("w2", &[8, 5]),
        stored("b2", &[5]),
        stored("w0", &[2, 3, 1, 2]),
        stored("b0", &[2]),
        stored("w1", &[2, 1, 1, 1]),
        stored("a bound", &[]),
    ];
    initializers.extend(each);
    bytes(nodes, initializers)
}

#[test]
fn layers_come_in_the_order_of_computation_and_in_our_layouts() {
    assert_eq!(
        shapes(&example(false)),
        [
            "first/kernel [1, 2, 3, 2]",
            "first/bias [2]",
            "deep/kernel [1, 1, 2]",
            "norm/gamma [2]",
            "norm/beta [2]",
            "norm/moving_mean [2]",
            "norm/moving_variance [2]",
            "fc/kernel [8, 5]",
            "fc/bias [5]",
            "head/kernel [5, 3]",
            "head/bias [3]",
        ]
    );
    let weights = crate::read(&example(false)).unwrap().tensors;
    // [OC 1, C 2, KH 0, KW 1] of [2, 3, 1, 2].
    assert_eq!(weights["first/kernel"].values()[(3 + 2) * 2 + 1], 11.0);
    assert_eq!(weights["head/kernel"].values()[4 * 3 + 2], 14.0);
    // Row (place 1, channel 0) of 4 places and 2 channels is the file's row 1.
    assert_eq!(weights["fc/kernel"].values()[2 * 5], 5.0);
    let turned = crate::read(&example(true)).unwrap().tensors;
    assert_eq!(turned["fc/kernel"].values()[2 * 5], 10.0);
}

#[test]
fn constants_and_second_names_are_stored_values_too() {
    let mut constant = node("Constant", "", &[], "w");
    constant.attributes.push(Attribute {
        name: "value".into(),
        tensor: Some(stored("", &[2, 3, 1, 1])),
        ..Attribute::default()
    });
    let nodes = vec![
        constant,
        node("Identity", "", &["shared"], "b"),
        node("Conv", "", &["image", "w", "b"], "v"),
        node("Mul", "", &["v", "left over"], "u"),
    ];
    let stored = vec![stored("shared", &[2]), stored("left over", &[2, 1, 1])];
    assert_eq!(
        shapes(&bytes(nodes, stored)),
        [
            "Conv_2/kernel [1, 1, 3, 2]",
            "Conv_2/bias [2]",
            "left over [2, 1, 1]"
        ]
    );
}

#[test]
fn what_is_not_supported_is_named() {
    let conv = || node("Conv", "c", &["image", "w"], "v");
    let mut elsewhere = stored("w", &[2, 3, 1, 1]);
    elsewhere.place = 1;
    let mut short = stored("w", &[2, 3, 1, 1]);
    short.raw.pop();
    let mut huge = stored("w", &[1]);
    huge.dimensions = vec![i64::MAX, 2, 2, 2];
    for (nodes, stored, reason) in [
        (vec![conv()], vec![elsewhere], "external data"),
        (vec![conv()], vec![], "computed"),
        (vec![conv()], vec![short], "`w`"),
        (vec![conv()], vec![huge], "`w`"),
        (vec![conv()], vec![stored("w", &[2, 3, 1])], "1 dimensions"),
        (
            vec![with(conv(), "group", 2, &[])],
            vec![stored("w", &[4, 3, 1, 1])],
            "2 groups",
        ),
        (vec![node("LSTM", "l", &["image"], "v")], vec![], "LSTM"),
        (vec![], vec![], "without any weight"),
    ] {
        let error = crate::read(&bytes(nodes, stored)).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

#[test]
fn no_damage_panics() {
    let bytes = example(false);
    testkit::damage(&bytes, 0..bytes.len(), |damaged| {
        let _ = crate::read(damaged);
    });
    for length in 0..bytes.len() {
        assert!(crate::read(&bytes[..length]).is_err(), "cut at {length}");
    }
}
