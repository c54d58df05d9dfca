//! Random small networks that together contain every operation.
use graph::{Activation, Conv2d, DepthwiseConv2d, Graph, NodeId, Op, Padding, Pool2d};
use tensor::{NamedTensors, Tensor};

/// Repeatable random numbers.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }

    pub fn within(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    pub fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    /// -1 to 1
    pub fn value(&mut self) -> f32 {
        self.below(20001) as f32 / 10000.0 - 1.0
    }
}

/// Values for every parameter: variances positive, kernels scaled by what they add up.
pub fn parameters(graph: &Graph, random: &mut Random) -> NamedTensors {
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

pub fn padding(random: &mut Random, most: usize) -> Padding {
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
pub fn sample(kind: &Op, rows: usize, columns: usize, random: &mut Random) -> Op {
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
pub fn kinds() -> Vec<Op> {
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
pub fn random_graph(random: &mut Random) -> Graph {
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
            Op::Input { .. }
            | Op::Conv2d(_)
            | Op::DepthwiseConv2d(_)
            | Op::Dense { .. }
            | Op::BatchNorm { .. }
            | Op::Activation(_)
            | Op::Softmax
            | Op::Affine { .. }
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::GlobalAveragePool { .. }
            | Op::ZeroPad(_)
            | Op::Crop(_)
            | Op::Flatten
            | Op::Dropout { .. } => {}
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

pub fn images(graph: &Graph, count: usize, random: &mut Random) -> Vec<f32> {
    (0..graph.input_shape().unwrap().elements() * count)
        .map(|_| random.value())
        .collect()
}
