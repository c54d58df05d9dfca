//! Fused and fast plans against the unfused readable one, on random small networks that together
//! contain every operation.
mod networks;

use engine::{EngineError, Kernels, Plan, PlanOptions};
use graph::{Activation, Conv2d, DepthwiseConv2d, Graph, NodeId, Op, Padding};
use kernels::Isa;
use networks::{Random, images, kinds, parameters, random_graph};
use tensor::{NamedTensors, Pool, Tensor};

/// max|a - b| / max|b| that folding and another order of sums may cost.
const TOLERANCE: f32 = 1e-4;

fn results(
    graph: &Graph,
    weights: &NamedTensors,
    options: &PlanOptions,
    input: &[f32],
) -> Vec<Tensor> {
    let plan = Plan::for_inference(graph, weights, options).unwrap();
    let pool = Pool::new(options.threads);
    let mut workspace = plan.workspace();
    let first = plan.infer(&pool, &mut workspace, input).unwrap();
    // A second run in the same memory must not see the first.
    let second = plan.infer(&pool, &mut workspace, input).unwrap();
    for (first, second) in first.iter().zip(&second) {
        assert!(
            first.values() == second.values(),
            "a run left something behind"
        );
    }
    second
}

fn assert_close(graph: &Graph, own: &[Tensor], truth: &[Tensor], what: &str) {
    for (index, (own, truth)) in own.iter().zip(truth).enumerate() {
        assert_eq!(own.shape(), truth.shape());
        let largest = truth
            .values()
            .iter()
            .fold(1e-20f32, |largest, v| largest.max(v.abs()));
        for (&a, &b) in own.values().iter().zip(&*truth.values()) {
            assert!(
                (a - b).abs() <= TOLERANCE * largest,
                "{what}, output {index}: {a} for {b} of {largest} in {graph:#?}"
            );
        }
    }
}

#[test]
fn every_operation_has_a_case() {
    // `sample` matches without a wildcard, so a new variant does not compile without its arm; and
    // the networks below must really contain each.
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..150 {
        let graph = random_graph(&mut Random(seed));
        seen.extend(graph.nodes().iter().map(|node| node.op().name()));
    }
    for kind in kinds() {
        assert!(
            seen.contains(kind.name()),
            "no network contains {}",
            kind.name()
        );
    }
    assert_eq!(
        seen.len(),
        kinds().len() + 1,
        "an operation is missing from `kinds`"
    );
}

#[test]
fn fused_and_fast_plans_agree_with_the_readable_one() {
    for seed in 0..100 {
        let mut random = Random(seed);
        let graph = random_graph(&mut random);
        let weights = parameters(&graph, &mut random);
        let count = random.within(1, 5);
        let input = images(&graph, count, &mut random);
        let plain = PlanOptions {
            kernels: Kernels::Readable,
            fuse: false,
            ..PlanOptions::default()
        };
        let truth = results(&graph, &weights, &plain, &input);
        let mut kernels = vec![Kernels::Readable];
        kernels.extend(Isa::available().into_iter().map(Kernels::Fast));
        for kernels in kernels {
            for (fuse, threads, batch) in [(false, 1, 1), (true, 1, 1), (true, 2, 4), (true, 3, 2)]
            {
                let options = PlanOptions {
                    kernels,
                    fuse,
                    threads,
                    batch,
                    ..PlanOptions::default()
                };
                let own = results(&graph, &weights, &options, &input);
                let what =
                    format!("seed {seed}, {kernels:?}, fuse {fuse}, {threads} threads, {batch}");
                assert_close(&graph, &own, &truth, &what);
            }
        }
    }
}

/// Weights stored as f16 give what the same numbers give as f32, in every operation.
#[test]
fn weights_of_half_precision_are_read_as_they_are() {
    for seed in 0..30 {
        let mut random = Random(seed);
        let graph = random_graph(&mut random);
        let halves: NamedTensors = parameters(&graph, &mut random)
            .into_iter()
            .map(|(name, tensor)| (name, tensor.to_f16()))
            .collect();
        let mut whole = halves.clone();
        // Stored as f32 once they are written.
        whole.values_mut().for_each(|tensor| {
            tensor.values_mut();
        });
        let input = images(&graph, 1, &mut random);
        for kernels in [Kernels::Readable, Kernels::Fast(Isa::best())] {
            let options = PlanOptions {
                kernels,
                ..PlanOptions::default()
            };
            let own = results(&graph, &halves, &options, &input);
            let truth = results(&graph, &whole, &options, &input);
            for (own, truth) in own.iter().zip(&truth) {
                assert_eq!(own.values(), truth.values(), "seed {seed}, {kernels:?}");
            }
        }
    }
}

/// The weights of a large dense layer stay f16 from the file to the kernel.
#[test]
fn a_large_dense_layer_of_half_precision_keeps_half_the_bytes() {
    let mut graph = Graph::new();
    let input = Op::Input {
        height: 1,
        width: 1,
        channels: 1100,
    };
    let input = graph.add("input", input, &[]).unwrap();
    let pool = Op::GlobalAveragePool {
        keep_dimensions: false,
    };
    let pool = graph.add("pool", pool, &[input]).unwrap();
    let dense = Op::Dense {
        units: 1000,
        bias: true,
    };
    graph.add("dense", dense, &[pool]).unwrap();
    let mut random = Random(1);
    let mut halves = parameters(&graph, &mut random);
    let kernel = &mut halves["dense/kernel"];
    *kernel = kernel.to_f16();
    let mut whole = halves.clone();
    whole["dense/kernel"].values_mut();
    let input = images(&graph, 2, &mut random);
    let options = PlanOptions::default();
    let own = results(&graph, &halves, &options, &input);
    let truth = results(&graph, &whole, &options, &input);
    assert_close(&graph, &own, &truth, "half precision");
    let bytes = |weights: &NamedTensors| {
        let plan = Plan::for_inference(&graph, weights, &options).unwrap();
        plan.memory().weights
    };
    assert!(10 * bytes(&halves) < 6 * bytes(&whole));
}

/// A small network with all that is fused: padding, batch norm, activation, residual.
fn block() -> Graph {
    let mut graph = Graph::new();
    let conv = |filters, kernel: usize, padding| {
        let padding = Padding {
            top: padding,
            bottom: padding,
            left: padding,
            right: padding,
        };
        let (kernel, stride) = ([kernel; 2], [1, 1]);
        Op::Conv2d(Conv2d {
            filters,
            kernel,
            stride,
            padding,
            bias: false,
        })
    };
    let norm = Op::BatchNorm {
        epsilon: 1e-3,
        momentum: 0.99,
        scale: true,
    };
    let relu = Op::Activation(Activation::Relu6);
    let mut add = |name: &str, op, inputs: &[NodeId]| graph.add(name, op, inputs).unwrap();
    let input = add(
        "input",
        Op::Input {
            height: 9,
            width: 7,
            channels: 8,
        },
        &[],
    );
    let expand = add("expand", conv(48, 1, 0), &[input]);
    let expand = add("expand_BN", norm, &[expand]);
    let expand = add("expand_relu", relu, &[expand]);
    let one = Padding {
        top: 1,
        bottom: 1,
        left: 1,
        right: 1,
    };
    let pad = add("pad", Op::ZeroPad(one), &[expand]);
    let depthwise = DepthwiseConv2d {
        kernel: [3, 3],
        stride: [1, 1],
        padding: Padding::default(),
        bias: false,
    };
    let depthwise = add("depthwise", Op::DepthwiseConv2d(depthwise), &[pad]);
    let depthwise = add("depthwise_BN", norm, &[depthwise]);
    let depthwise = add("depthwise_relu", relu, &[depthwise]);
    let project = add("project", conv(8, 1, 0), &[depthwise]);
    let project = add("project_BN", norm, &[project]);
    let sum = add("add", Op::Add, &[input, project]);
    let pooled = add(
        "pool",
        Op::GlobalAveragePool {
            keep_dimensions: false,
        },
        &[sum],
    );
    let dropped = add(
        "dropout",
        Op::Dropout {
            rate: 0.2,
            per_sample: false,
        },
        &[pooled],
    );
    let dense = add(
        "dense",
        Op::Dense {
            units: 5,
            bias: true,
        },
        &[dropped],
    );
    add("softmax", Op::Softmax, &[dense]);
    graph
}

#[test]
fn a_block_becomes_few_steps() {
    let graph = block();
    let weights = parameters(&graph, &mut Random(1));
    let plan = Plan::for_inference(&graph, &weights, &PlanOptions::default()).unwrap();
    let pool = Pool::serial();
    let input = images(&graph, 1, &mut Random(2));
    let steps = plan
        .profile(&pool, &mut plan.workspace(), &input, 2)
        .unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "expand+expand_BN+expand_relu",
            "depthwise+depthwise_BN+depthwise_relu > project+project_BN+add",
            "pool",
            "dense",
            "softmax"
        ]
    );
}

/// Convolutions of 3x3 windows with so many channels that they are computed by tiles, one with a sum
/// before its activation and one with a sum after it.
#[test]
fn wide_convolutions_agree_with_the_readable_ones() {
    let mut graph = Graph::new();
    let one = Padding {
        top: 1,
        bottom: 1,
        left: 1,
        right: 1,
    };
    let conv = |filters| {
        Op::Conv2d(Conv2d {
            filters,
            kernel: [3, 3],
            stride: [1, 1],
            padding: one,
            bias: true,
        })
    };
    let relu = Op::Activation(Activation::Relu);
    let mut add = |name: &str, op, inputs: &[NodeId]| graph.add(name, op, inputs).unwrap();
    let (height, width, channels) = (9, 14, 3);
    let input = Op::Input {
        height,
        width,
        channels,
    };
    let input = add("input", input, &[]);
    let first = add("first", conv(20), &[input]);
    let second = add("second", conv(20), &[first]);
    let before = add("before", Op::Add, &[first, second]);
    let before = add("before_relu", relu, &[before]);
    let third = add("third", conv(20), &[before]);
    let third = add("third_relu", relu, &[third]);
    let after = add("after", Op::Add, &[before, third]);
    add("last", conv(33), &[after]);
    let weights = parameters(&graph, &mut Random(5));
    let input = images(&graph, 3, &mut Random(6));
    let readable = PlanOptions {
        kernels: Kernels::Readable,
        fuse: false,
        ..PlanOptions::default()
    };
    let truth = results(&graph, &weights, &readable, &input);
    for isa in Isa::available() {
        for (batch, threads) in [(1, 1), (1, 2), (2, 2), (3, 2)] {
            let options = PlanOptions {
                kernels: Kernels::Fast(isa),
                batch,
                threads,
                ..PlanOptions::default()
            };
            let own = results(&graph, &weights, &options, &input);
            assert_close(&graph, &own, &truth, &format!("{isa} {batch} {threads}"));
            let foreseen = Plan::memory_for_inference(&graph, &options).unwrap();
            let memory = Plan::for_inference(&graph, &weights, &options)
                .unwrap()
                .memory();
            assert_eq!(foreseen.workspace, memory.workspace);
            assert!(foreseen.weights >= memory.weights);
        }
    }
}

/// An activation of one value is computed once, however many layers of the network ask for it.
#[test]
fn what_two_layers_compute_alike_is_made_once() {
    let mut graph = Graph::new();
    let mut add = |name: &str, op, inputs: &[NodeId]| graph.add(name, op, inputs).unwrap();
    let (height, width, channels) = (4, 4, 5);
    let input = Op::Input {
        height,
        width,
        channels,
    };
    let input = add("input", input, &[]);
    let relu = Op::Activation(Activation::Relu);
    let left = add("left", relu, &[input]);
    let right = add("right", relu, &[input]);
    let swish = add("swish", Op::Activation(Activation::Swish), &[input]);
    let both = add("both", Op::Concat, &[left, right, swish]);
    add("again", relu, &[both]);
    let weights = parameters(&graph, &mut Random(1));
    let input = images(&graph, 2, &mut Random(2));
    let fused = PlanOptions::default();
    let plan = Plan::for_inference(&graph, &weights, &fused).unwrap();
    let pool = Pool::serial();
    let steps = plan.profile(&pool, &mut plan.workspace(), &input[..80], 1);
    let kinds: Vec<&str> = steps.unwrap().iter().map(|step| step.kind).collect();
    let activations = kinds.iter().filter(|kind| **kind == "activation").count();
    assert_eq!(activations, 3, "{kinds:?}");
    let plain = PlanOptions {
        fuse: false,
        kernels: Kernels::Readable,
        ..fused.clone()
    };
    let truth = results(&graph, &weights, &plain, &input);
    assert_close(
        &graph,
        &results(&graph, &weights, &fused, &input),
        &truth,
        "made once",
    );
}

#[test]
fn any_layer_can_be_asked_for() {
    let graph = block();
    let weights = parameters(&graph, &mut Random(1));
    let input = images(&graph, 2, &mut Random(2));
    let all: Vec<String> = graph
        .nodes()
        .iter()
        .map(|node| node.name().to_owned())
        .collect();
    let plain = PlanOptions {
        kernels: Kernels::Readable,
        fuse: false,
        outputs: all.clone(),
        ..PlanOptions::default()
    };
    let truth = results(&graph, &weights, &plain, &input);
    assert_eq!(truth[0].values(), input, "the input itself");
    let fused = PlanOptions {
        outputs: all.clone(),
        batch: 2,
        threads: 2,
        ..PlanOptions::default()
    };
    assert_close(
        &graph,
        &results(&graph, &weights, &fused, &input),
        &truth,
        "all at once",
    );
    for (index, name) in all.iter().enumerate() {
        let alone = PlanOptions {
            outputs: vec![name.clone()],
            ..PlanOptions::default()
        };
        let own = results(&graph, &weights, &alone, &input);
        assert_close(&graph, &own, &truth[index..=index], name);
    }
}

#[test]
fn what_cannot_run_is_refused_by_kind() {
    let graph = block();
    let weights = parameters(&graph, &mut Random(1));
    let options = PlanOptions::default();
    let error = |graph: &Graph, weights: &NamedTensors, options: &PlanOptions| {
        Plan::for_inference(graph, weights, options).unwrap_err()
    };
    assert_eq!(error(&Graph::new(), &weights, &options), EngineError::Empty);
    let mut missing = weights.clone();
    missing.swap_remove("dense/bias");
    assert!(matches!(
        error(&graph, &missing, &options),
        EngineError::MissingParameter { name, .. } if name == "dense/bias"
    ));
    let mut wrong = weights.clone();
    wrong.insert("dense/bias".into(), Tensor::zeros([6]));
    let message = error(&graph, &wrong, &options).to_string();
    assert_eq!(
        message,
        "weights: `dense/bias` has [6], the network wants [5]"
    );
    let unknown = PlanOptions {
        outputs: vec!["nothing".into()],
        ..options.clone()
    };
    assert!(matches!(
        error(&graph, &weights, &unknown),
        EngineError::UnknownOutput { .. }
    ));

    let plan = Plan::for_inference(&graph, &weights, &options).unwrap();
    let memory = plan.memory();
    let foreseen = Plan::memory_for_inference(&graph, &options).unwrap();
    assert_eq!(foreseen.workspace, memory.workspace);
    assert!(foreseen.weights >= memory.weights);
    assert!(memory.weights >= graph.parameters().len() * 4 && memory.workspace > 0);
    let tight = PlanOptions {
        memory_limit: Some(memory.workspace),
        ..options
    };
    match error(&graph, &weights, &tight) {
        EngineError::Memory {
            needed,
            weights,
            working,
            limit,
        } => {
            assert!(
                weights >= memory.weights,
                "the estimate may not be below the truth"
            );
            assert_eq!(
                (needed, working, limit),
                (weights + working, memory.workspace, working)
            );
        }
        other => panic!("{other:?}"),
    }

    let pool = Pool::serial();
    let mut workspace = plan.workspace();
    let short = plan.infer(&pool, &mut workspace, &[0.0; 5]);
    assert!(matches!(
        short,
        Err(EngineError::Input {
            given: 5,
            image: 504
        })
    ));
    let wrong = plan.run(&pool, &mut workspace, &[0.0; 504], &mut [&mut [0.0; 4]]);
    assert!(matches!(wrong, Err(EngineError::Outputs { .. })));
    assert!(
        plan.infer(&pool, &mut workspace, &[]).unwrap()[0]
            .values()
            .is_empty()
    );
}
