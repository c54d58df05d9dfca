//! Fused and fast plans against the unfused readable one, on random small networks that together
//! contain every operation.
use engine::{EngineError, Kernels, Plan, PlanOptions};
use graph::{Activation, Conv2d, DepthwiseConv2d, Graph, NodeId, Op, Padding, Pool2d};
use kernels::Isa;
use tensor::{NamedTensors, Pool, Tensor};

/// max|a - b| / max|b| that folding and another order of sums may cost.
const TOLERANCE: f32 = 1e-4;

/// Repeatable random numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }

    fn within(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    /// -1 to 1
    fn value(&mut self) -> f32 {
        self.below(20001) as f32 / 10000.0 - 1.0
    }
}

/// Values for every parameter: variances positive, kernels scaled by what they add up.
fn parameters(graph: &Graph, random: &mut Random) -> NamedTensors {
    let mut all = NamedTensors::new();
    for spec in graph.parameters() {
        let shape = spec.shape;
        let fan_in = (shape.elements() / shape.channels()).max(1);
        let values: Vec<f32> = (0..shape.elements())
            .map(|_| match spec.name.rsplit('/').next() {
                Some("moving_variance") => 0.1 + random.value().abs(),
                Some("kernel") => random.value() * (3.0 / fan_in as f32).sqrt(),
                _ => random.value(),
            })
            .collect();
        all.insert(spec.name, Tensor::from_slice(shape, &values).unwrap());
    }
    all
}

fn padding(random: &mut Random, most: usize) -> Padding {
    let mut side = || random.below(most + 1);
    Padding {
        top: side(),
        bottom: side(),
        left: side(),
        right: side(),
    }
}

/// One operation of each kind, to be put on an image of this shape. The compiler asks for the arm
/// of a new variant; [`random_graph`] draws from these.
fn sample(kind: &Op, rows: usize, columns: usize, random: &mut Random) -> Op {
    let kernel = [
        random.within(1, rows.min(4)),
        random.within(1, columns.min(4)),
    ];
    let stride = [random.within(1, 2), random.within(1, 3)];
    let pool = Pool2d {
        kernel,
        stride,
        padding: Padding {
            top: random.below(kernel[0]),
            bottom: random.below(kernel[0]),
            left: random.below(kernel[1]),
            right: random.below(kernel[1]),
        },
    };
    let activations = [
        Activation::Relu,
        Activation::Relu6,
        Activation::Swish,
        Activation::Sigmoid,
        Activation::Tanh,
    ];
    match kind {
        Op::Input { .. } => Op::Input {
            height: rows,
            width: columns,
            channels: 3,
        },
        Op::Conv2d(_) => Op::Conv2d(Conv2d {
            filters: random.within(1, 40),
            kernel,
            stride,
            padding: padding(random, 2),
            bias: random.flag(),
        }),
        Op::DepthwiseConv2d(_) => Op::DepthwiseConv2d(DepthwiseConv2d {
            kernel,
            stride,
            padding: padding(random, 2),
            bias: random.flag(),
        }),
        Op::Dense { .. } => Op::Dense {
            units: random.within(1, 30),
            bias: random.flag(),
        },
        Op::BatchNorm { .. } => Op::BatchNorm {
            epsilon: 1e-3,
            momentum: 0.99,
            scale: random.flag(),
        },
        Op::Activation(_) => Op::Activation(activations[random.below(5)]),
        Op::Softmax => Op::Softmax,
        Op::Affine { .. } => Op::Affine {
            scale: random.value() + 1.5,
            offset: random.value(),
        },
        Op::Add => Op::Add,
        Op::Multiply => Op::Multiply,
        Op::Concat => Op::Concat,
        Op::MaxPool(_) => Op::MaxPool(pool),
        Op::AveragePool(_) => Op::AveragePool(pool),
        Op::GlobalAveragePool { .. } => Op::GlobalAveragePool {
            keep_dimensions: random.flag(),
        },
        Op::ZeroPad(_) => Op::ZeroPad(padding(random, 2)),
        Op::Crop(_) => Op::Crop(Padding {
            top: random.below(rows),
            left: random.below(columns),
            ..Padding::default()
        }),
        Op::Flatten => Op::Flatten,
        Op::Dropout { .. } => Op::Dropout {
            rate: 0.5,
            per_sample: random.flag(),
        },
    }
}

/// One of each variant, in any state; `sample` draws the attributes.
fn kinds() -> Vec<Op> {
    let window = Pool2d {
        kernel: [1, 1],
        stride: [1, 1],
        padding: Padding::default(),
    };
    let (kernel, stride, padding) = ([1, 1], [1, 1], Padding::default());
    vec![
        Op::Conv2d(Conv2d {
            filters: 1,
            kernel,
            stride,
            padding,
            bias: true,
        }),
        Op::DepthwiseConv2d(DepthwiseConv2d {
            kernel,
            stride,
            padding,
            bias: true,
        }),
        Op::Dense {
            units: 1,
            bias: true,
        },
        Op::BatchNorm {
            epsilon: 1e-3,
            momentum: 0.99,
            scale: true,
        },
        Op::Activation(Activation::Relu),
        Op::Softmax,
        Op::Affine {
            scale: 1.0,
            offset: 0.0,
        },
        Op::Add,
        Op::Multiply,
        Op::Concat,
        Op::MaxPool(window),
        Op::AveragePool(window),
        Op::GlobalAveragePool {
            keep_dimensions: false,
        },
        Op::ZeroPad(padding),
        Op::Crop(padding),
        Op::Flatten,
        Op::Dropout {
            rate: 0.5,
            per_sample: false,
        },
    ]
}

/// A network of random layers, most of them on the newest value, as real ones are.
fn random_graph(random: &mut Random) -> Graph {
    let mut graph = Graph::new();
    let (rows, columns) = (random.within(1, 13), random.within(1, 13));
    let input = sample(
        &Op::Input {
            height: 0,
            width: 0,
            channels: 0,
        },
        rows,
        columns,
        random,
    );
    let mut newest = graph.add("input", input, &[]).unwrap();
    let kinds = kinds();
    for layer in 0..random.within(3, 24) {
        let shape = graph.node(newest).shape();
        let [rows, columns] = match shape.dimensions() {
            &[rows, columns, _] => [rows, columns],
            _ => [1, 1],
        };
        // Convolutions, batch norms and activations more often: what is fused.
        let kind = match random.below(3) {
            0 => &kinds[[0, 1, 3, 4, 7][random.below(5)]],
            _ => &kinds[random.below(kinds.len())],
        };
        let mut op = sample(kind, rows, columns, random);
        if matches!(op, Op::Flatten | Op::GlobalAveragePool { .. }) && layer < 8 {
            continue;
        }
        let mut inputs = vec![newest];
        let others: Vec<NodeId> = graph.ids().collect();
        let other = |random: &mut Random, fits: &dyn Fn(NodeId) -> bool| {
            let fitting: Vec<NodeId> = others.iter().copied().filter(|&id| fits(id)).collect();
            fitting[random.below(fitting.len())]
        };
        match op {
            Op::Add => {
                for _ in 0..random.within(1, 2) {
                    inputs.push(other(random, &|id| graph.node(id).shape() == shape));
                }
                let last = inputs.len() - 1;
                inputs.swap(0, random.below(last + 1));
            }
            Op::Multiply => {
                let broadcast = tensor::Shape::from([1, 1, shape.channels()]);
                let fits = |id: NodeId| {
                    let own = graph.node(id).shape();
                    own == shape || (shape.rank() == 3 && own == broadcast)
                };
                inputs.push(other(random, &fits));
            }
            Op::Concat => {
                for _ in 0..random.within(1, 3) {
                    inputs.push(other(random, &|id| {
                        let own = graph.node(id).shape();
                        let outer = shape.rank() - 1;
                        own.rank() == shape.rank()
                            && own.dimensions()[..outer] == shape.dimensions()[..outer]
                    }));
                }
            }
            // Squeeze and excitation, whose factors a product then finds.
            Op::GlobalAveragePool { .. } if shape.rank() == 3 && random.flag() => {
                op = Op::GlobalAveragePool {
                    keep_dimensions: true,
                };
                let pooled = graph
                    .add(format!("squeeze_{layer}"), op, &[newest])
                    .unwrap();
                let factors = sample(&kinds[4], 1, 1, random);
                graph
                    .add(format!("excite_{layer}"), factors, &[pooled])
                    .unwrap();
                continue;
            }
            _ => {}
        }
        // What does not fit this shape (a window on a row) is left out.
        if let Ok(id) = graph.add(format!("layer_{layer}"), op, &inputs) {
            newest = id;
        }
    }
    let mut outputs = vec![newest];
    for _ in 0..random.below(3) {
        outputs.push(graph.ids().nth(random.below(graph.nodes().len())).unwrap());
    }
    graph.set_outputs(&outputs).unwrap();
    graph
}

fn images(graph: &Graph, count: usize, random: &mut Random) -> Vec<f32> {
    (0..graph.input_shape().unwrap().elements() * count)
        .map(|_| random.value())
        .collect()
}

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
        for (&a, &b) in own.values().iter().zip(truth.values()) {
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
