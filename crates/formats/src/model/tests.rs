//! Every operation in every format, read back; what has no counterpart; what differs.
use super::*;
use graph::{Activation, Conv2d, DepthwiseConv2d, NodeId, Op, Padding, Pool2d};
use tensor::Tensor;

const SAME: Padding = Padding {
    top: 1,
    bottom: 1,
    left: 1,
    right: 1,
};

struct Net(Graph);

impl Net {
    fn new() -> (Self, NodeId) {
        let mut graph = Graph::new();
        let input = Op::Input {
            height: 9,
            width: 8,
            channels: 3,
        };
        let input = graph.add("input", input, &[]).unwrap();
        (Net(graph), input)
    }

    fn add(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
        self.0.add(name, op, inputs).unwrap()
    }
}

fn conv(filters: usize, kernel: [usize; 2], stride: usize, padding: Padding, bias: bool) -> Op {
    Op::Conv2d(Conv2d {
        filters,
        kernel,
        stride: [stride; 2],
        padding,
        bias,
    })
}

fn depthwise(padding: Padding, bias: bool) -> Op {
    Op::DepthwiseConv2d(DepthwiseConv2d {
        kernel: [3; 2],
        stride: [1; 2],
        padding,
        bias,
    })
}

fn window(kernel: usize, stride: usize, padding: Padding) -> Pool2d {
    Pool2d {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding,
    }
}

fn norm(scale: bool) -> Op {
    Op::BatchNorm {
        epsilon: 1e-3,
        momentum: 0.99,
        scale,
    }
}

/// A network of every operation, with every choice that one has.
fn everything() -> Graph {
    let (mut net, input) = Net::new();
    let one_side = Padding {
        bottom: 1,
        right: 1,
        ..Padding::default()
    };
    let affine = |scale, offset| Op::Affine { scale, offset };
    let pool = |keep_dimensions| Op::GlobalAveragePool { keep_dimensions };
    let dropout = |per_sample| Op::Dropout {
        rate: 0.25,
        per_sample,
    };
    let x = net.add("rescaling", affine(0.125, -1.0), &[input]);
    let x = net.add("stem", conv(4, [3, 3], 1, SAME, true), &[x]);
    let x = net.add("stem_relu", Op::Activation(Activation::Relu), &[x]);
    // Zeros on one side only, which no word of Keras's says.
    let odd = Padding {
        top: 2,
        ..Padding::default()
    };
    let x = net.add("odd", conv(6, [3, 1], 1, odd, false), &[x]);
    let x = net.add("norm", norm(false), &[x]);
    let x = net.add("six", Op::Activation(Activation::Relu6), &[x]);
    let y = net.add("depthwise", depthwise(SAME, true), &[x]);
    let y = net.add("norm_2", norm(true), &[y]);
    let y = net.add("silu", Op::Activation(Activation::Swish), &[y]);
    let z = net.add("separable_depthwise", depthwise(SAME, false), &[y]);
    let z = net.add(
        "separable",
        conv(6, [1, 1], 1, Padding::default(), true),
        &[z],
    );
    let z = net.add("drop", dropout(true), &[z]);
    let x = net.add("sum", Op::Add, &[x, y, z]);
    let squeezed = net.add("squeeze", pool(true), &[x]);
    let gate = net.add("gate", Op::Activation(Activation::Sigmoid), &[squeezed]);
    let x = net.add("excite", Op::Multiply, &[x, gate]);
    let y = net.add("scaled", affine(0.17, 0.0), &[x]);
    let x = net.add("both", Op::Concat, &[x, y]);
    let x = net.add(
        "per_pixel",
        Op::Dense {
            units: 5,
            bias: true,
        },
        &[x],
    );
    let x = net.add(
        "bare",
        Op::Dense {
            units: 5,
            bias: false,
        },
        &[x],
    );
    let x = net.add("zeros", Op::ZeroPad(one_side), &[x]);
    let x = net.add("cut", Op::Crop(odd), &[x]);
    let x = net.add(
        "largest",
        Op::MaxPool(window(2, 2, Padding::default())),
        &[x],
    );
    let x = net.add("mean", Op::AveragePool(window(3, 1, SAME)), &[x]);
    let x = net.add("tanh", Op::Activation(Activation::Tanh), &[x]);
    let flat = net.add("flatten", Op::Flatten, &[x]);
    let pooled = net.add("pool", pool(false), &[x]);
    let x = net.add("ends", Op::Concat, &[flat, pooled]);
    let x = net.add("drop_2", dropout(false), &[x]);
    let x = net.add("norm_3", norm(true), &[x]);
    let x = net.add(
        "predictions",
        Op::Dense {
            units: 7,
            bias: true,
        },
        &[x],
    );
    net.add("softmax", Op::Softmax, &[x]);
    net.0
}

/// Values that are all different, and no variance below 0.
fn values(graph: &Graph) -> NamedTensors {
    let mut tensors = NamedTensors::new();
    for spec in graph.parameters() {
        let mut tensor = Tensor::zeros(spec.shape);
        let start = tensors.len() as f32;
        for (place, value) in tensor.values_mut().iter_mut().enumerate() {
            *value = start + place as f32 / 1024.0;
        }
        tensors.insert(spec.name, tensor);
    }
    tensors
}

fn metadata() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("labels".to_owned(), "épagneul\n".repeat(9000)),
        ("empty".to_owned(), String::new()),
    ])
}

#[test]
fn every_operation_is_read_back_from_every_format() {
    let graph = everything();
    let (parameters, metadata) = (values(&graph), metadata());
    let model = Model {
        name: "everything",
        graph: &graph,
        parameters: &parameters,
        metadata: &metadata,
    };
    for target in Target::ALL {
        let bytes = target.write(&model).unwrap();
        assert_eq!(bytes, target.write(&model).unwrap(), "{target:?}");
        target.compare(&model, &bytes).unwrap();
        // A value, a text and a layer that are not the model's.
        let mut other = parameters.clone();
        let name = "norm_2/moving_variance";
        other[name].values_mut()[5] += 1.0;
        let changed = Model {
            parameters: &other,
            ..model
        };
        let error = target.compare(&changed, &bytes).unwrap_err().to_string();
        assert!(error.contains(name), "{target:?}: {error}");
        let texts = BTreeMap::new();
        let changed = Model {
            metadata: &texts,
            ..model
        };
        assert!(target.compare(&changed, &bytes).is_err(), "{target:?}");
        let mut missing = parameters.clone();
        missing.shift_remove("stem/bias");
        let changed = Model {
            parameters: &missing,
            ..model
        };
        let error = target.write(&changed).unwrap_err().to_string();
        assert!(error.contains("stem/bias"), "{target:?}: {error}");
        // No cut of it is taken for whole.
        for part in 0..20 {
            let cut = &bytes[..bytes.len() * part / 20];
            assert!(target.compare(&model, cut).is_err(), "{target:?} {part}/20");
        }
    }
}

#[test]
fn another_network_of_the_same_values_differs() {
    let networks = [Activation::Relu, Activation::Tanh].map(|function| {
        let (mut net, input) = Net::new();
        let x = net.add("conv", conv(4, [3, 3], 1, SAME, true), &[input]);
        net.add("activation", Op::Activation(function), &[x]);
        net.0
    });
    let (parameters, metadata) = (values(&networks[0]), BTreeMap::new());
    let [one, other] = networks.each_ref().map(|graph| Model {
        name: "net",
        graph,
        parameters: &parameters,
        metadata: &metadata,
    });
    for target in Target::ALL {
        let bytes = target.write(&one).unwrap();
        let compared = target.compare(&other, &bytes);
        // Values alone say nothing of activations.
        assert_eq!(
            compared.is_err(),
            target != Target::KerasWeights,
            "{target:?}"
        );
    }
}

#[test]
fn what_a_format_has_no_word_for_is_named() {
    let odd = Padding {
        top: 1,
        ..Padding::default()
    };
    let uneven = Op::DepthwiseConv2d(DepthwiseConv2d {
        kernel: [3; 2],
        stride: [1, 2],
        padding: Padding::default(),
        bias: false,
    });
    let keras = [Target::Keras, Target::KerasLegacy];
    for (name, op, refusing) in [
        ("maximum", Op::MaxPool(window(2, 1, odd)), &keras[..]),
        ("mean", Op::AveragePool(window(2, 1, odd)), &keras),
        ("uneven", uneven, &keras),
        ("a/path", Op::Activation(Activation::Relu), &keras),
        ("input/none", Op::Flatten, &keras),
    ] {
        let (mut net, input) = Net::new();
        let last = net.add(name, op, &[input]);
        net.add("conv", norm(true), &[last]);
        let parameters = values(&net.0);
        let metadata = BTreeMap::new();
        let model = Model {
            name: "net",
            graph: &net.0,
            parameters: &parameters,
            metadata: &metadata,
        };
        for target in [Target::Onnx, Target::Keras, Target::KerasLegacy] {
            match (target.write(&model), refusing.contains(&target)) {
                (Ok(bytes), false) => target.compare(&model, &bytes).unwrap(),
                (Err(FormatError::NoCounterpart { layer, .. }), true) => assert_eq!(layer, name),
                (result, _) => panic!("{target:?} {name}: {:?}", result.map(|_| ())),
            }
        }
    }
}

#[test]
fn names_that_would_be_two_values_are_refused() {
    let (mut net, input) = Net::new();
    let x = net.add("a", Op::Activation(Activation::Swish), &[input]);
    net.add("a/sigmoid", Op::Activation(Activation::Relu), &[x]);
    let (parameters, metadata) = (NamedTensors::new(), BTreeMap::new());
    let model = Model {
        name: "net",
        graph: &net.0,
        parameters: &parameters,
        metadata: &metadata,
    };
    let error = Target::Onnx.write(&model).unwrap_err().to_string();
    assert!(error.contains("a/sigmoid"), "{error}");
}

/// Many layers and long lists: trees of several levels, lists that are spread over attributes.
#[test]
fn a_thousand_layers_are_read_back() {
    let (mut net, input) = Net::new();
    let mut x = input;
    for layer in 0..1100 {
        let name = format!(
            "{}_{layer}",
            "a_rather_long_name_of_a_batch_norm_".repeat(2)
        );
        x = net.add(&name, norm(layer % 2 == 0), &[x]);
    }
    let (parameters, metadata) = (values(&net.0), metadata());
    let model = Model {
        name: "long",
        graph: &net.0,
        parameters: &parameters,
        metadata: &metadata,
    };
    for target in Target::ALL {
        let bytes = target.write(&model).unwrap();
        target.compare(&model, &bytes).unwrap();
    }
}
