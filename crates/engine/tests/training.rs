//! Gradients: the readable kernels against central differences in f64, operation by operation, and
//! training plans against the readable kernels, on random networks.
mod networks;

use engine::reference::Reference;
use engine::{
    EngineError, LeastMemory, Loss, Plan, PlanOptions, StepOptions, Targets, TrainingOptions,
    TrainingPlan, TrainingState,
};
use graph::{Conv2d, Graph, NodeId, Op, Padding};
use kernels::{Float, Isa};
use networks::{Random, images, kinds, parameters, random_graph, sample};
use std::collections::{BTreeMap, HashSet};
use tensor::{NamedTensors, Pool};

const ONCE: StepOptions = StepOptions {
    seed: 11,
    step: 3,
    scale: 1.0,
    accumulate: false,
};

/// The relative error of a gradient, `||a - b|| / max(||b||, 1e-6 sqrt n)`.
fn gradient_error(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    error_above(1e-6, values)
}

/// The same with another least deviation. A bias before a batch norm has no influence: its gradient
/// is what rounding leaves of large terms.
fn error_above(least: f64, values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut difference, mut length, mut count) = (0.0, 0.0, 0);
    for (value, truth) in values {
        difference += (value - truth).powi(2);
        length += truth * truth;
        count += 1;
    }
    difference.sqrt() / length.sqrt().max(least * f64::from(count).sqrt())
}

fn floats<F: Float>(values: &[f32]) -> Vec<F> {
    values.iter().map(|&v| F::from_f64(f64::from(v))).collect()
}

fn reference<'a, F: Float>(
    graph: &'a Graph,
    weights: &NamedTensors,
    frozen: &HashSet<String>,
) -> Reference<'a, F> {
    Reference {
        graph,
        parameters: weights
            .iter()
            .map(|(n, t)| (n.clone(), floats(&t.values())))
            .collect(),
        frozen: frozen.clone(),
        seed: ONCE.seed,
        step: ONCE.step,
    }
}

/// Every operation with many draws of its attributes: the derivative of a random weighting of its
/// output by some of its inputs and parameters, by central differences.
#[test]
fn gradients_are_central_differences() {
    let mut random = Random(1);
    let mut checked: HashSet<&str> = HashSet::new();
    for kind in kinds() {
        for round in 0..12 {
            let (rows, columns) = (random.within(1, 6), random.within(1, 6));
            let mut graph = Graph::new();
            let input = Op::Input {
                height: rows,
                width: columns,
                channels: 3,
            };
            let input = graph.add("input", input, &[]).unwrap();
            // A second value of the same shape that hangs on the input too.
            let twin = Op::Affine {
                scale: -0.7,
                offset: 0.3,
            };
            let twin = graph.add("twin", twin, &[input]).unwrap();
            let op = sample(&kind, rows, columns, &mut random);
            let inputs = match op {
                Op::Add => vec![input, twin, input],
                Op::Concat => vec![twin, input, twin],
                Op::Multiply if round % 3 == 0 => vec![input, twin],
                Op::Multiply if round % 3 == 1 => vec![twin, twin],
                Op::Multiply => {
                    let mean = Op::GlobalAveragePool {
                        keep_dimensions: true,
                    };
                    vec![input, graph.add("mean", mean, &[twin]).unwrap()]
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
                | Op::Dropout { .. } => vec![input],
            };
            let Ok(of) = graph.add("layer", op, &inputs) else {
                continue;
            };
            // A batch norm is checked in both of its ways.
            let is_frozen = matches!(op, Op::BatchNorm { .. }) && round % 2 == 1;
            let frozen: HashSet<String> =
                is_frozen.then(|| "layer".to_owned()).into_iter().collect();
            let weights = parameters(&graph, &mut random);
            let mut network = reference::<f64>(&graph, &weights, &frozen);
            let count = 3;
            let mut values: Vec<f64> = images(&graph, count, &mut random)
                .iter()
                .map(|&v| f64::from(v) * 4.0)
                .collect();
            let size = graph.node(of).shape().elements() * count;
            let weighting: Vec<f64> = (0..size).map(|_| f64::from(random.value())).collect();
            let score = |network: &Reference<'_, f64>, values: &[f64]| -> f64 {
                let trace = network.forward(count, values);
                let output = &trace.values[of.index()];
                output.iter().zip(&weighting).map(|(a, b)| a * b).sum()
            };
            let trace = network.forward(count, &values);
            let found = network.backward(count, &trace, of, &weighting);
            let step = 1e-5;
            let mut pairs = Vec::new();
            for _ in 0..values.len().min(40) {
                let at = random.below(values.len());
                let kept = values[at];
                values[at] = kept + step;
                let above = score(&network, &values);
                values[at] = kept - step;
                let below = score(&network, &values);
                values[at] = kept;
                pairs.push((found.values[0][at], (above - below) / (2.0 * step)));
            }
            let error = gradient_error(pairs.into_iter());
            assert!(error < 1e-6, "{op:?} {rows} x {columns}: {error}");
            for (name, gradient) in &found.parameters {
                let mut pairs = Vec::new();
                for _ in 0..gradient.len().min(20) {
                    let at = random.below(gradient.len());
                    let mut shifted = |by: f64| {
                        network.parameters.get_mut(name).unwrap()[at] += by;
                        let score = score(&network, &values);
                        network.parameters.get_mut(name).unwrap()[at] -= by;
                        score
                    };
                    let difference = (shifted(step) - shifted(-step)) / (2.0 * step);
                    pairs.push((gradient[at], difference));
                }
                let error = gradient_error(pairs.into_iter());
                assert!(error < 1e-6, "{name} of {op:?}: {error}");
            }
            checked.insert(op.name());
        }
    }
    let missing: Vec<&str> = kinds().iter().map(Op::name).collect();
    let missing: Vec<&&str> = missing.iter().filter(|n| !checked.contains(**n)).collect();
    assert!(missing.is_empty(), "never checked: {missing:?}");
}

/// The loss with smoothing, shares and weights, by central differences.
#[test]
fn the_loss_is_derived_rightly() {
    let mut random = Random(5);
    let (rows, classes) = (4, 6);
    let mut logits: Vec<f64> = (0..rows * classes)
        .map(|_| f64::from(random.value()) * 5.0)
        .collect();
    let loss = Loss {
        label_smoothing: 0.1,
        class_weights: (0..classes).map(|class| class as f32 + 0.5).collect(),
    };
    let mixed: Vec<f32> = (0..rows * classes)
        .map(|at| match at % classes {
            1 => 0.3,
            4 => 0.7,
            _ => 0.0,
        })
        .collect();
    for targets in [Targets::Classes(&[0, 5, 2, 2]), Targets::Shares(&mixed)] {
        let (mut shares, mut weights) = (vec![0.0; rows * classes], vec![0.0; rows]);
        loss.prepare(classes, targets, &mut shares, &mut weights);
        let shares: Vec<f64> = shares.into_iter().map(f64::from).collect();
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        let total = |logits: &[f64]| {
            let (mut losses, mut gradient) = (vec![0.0; rows], vec![0.0; rows * classes]);
            kernels::softmax::reference::cross_entropy(
                classes,
                logits,
                &shares,
                &weights,
                1.0,
                &mut losses,
                &mut gradient,
            );
            (losses.iter().sum::<f64>(), gradient)
        };
        let gradient = total(&logits).1;
        for at in 0..logits.len() {
            let kept = logits[at];
            logits[at] = kept + 1e-5;
            let above = total(&logits).0;
            logits[at] = kept - 1e-5;
            let below = total(&logits).0;
            logits[at] = kept;
            let difference = (above - below) / 2e-5;
            assert!(
                (difference - gradient[at]).abs() < 1e-7,
                "{difference} {}",
                gradient[at]
            );
        }
    }
}

/// The layers of a network, a line each.
fn layers(graph: &Graph) -> String {
    let line = |node: &graph::Node| {
        let inputs: Vec<usize> = node.inputs().iter().map(|input| input.index()).collect();
        format!(
            "{} {} {inputs:?} {:?}\n",
            node.name(),
            node.shape(),
            node.op()
        )
    };
    graph.nodes().iter().map(line).collect()
}

/// A random network that ends in logits.
fn classifier(random: &mut Random) -> Graph {
    let mut graph = random_graph(random);
    let mut last = graph.outputs()[0];
    let dense = |units| Op::Dense { units, bias: true };
    if graph.node(last).shape().rank() == 3 {
        last = graph.add("flatten", Op::Flatten, &[last]).unwrap();
    }
    last = graph.add("logits", dense(5), &[last]).unwrap();
    if random.flag() {
        last = graph.add("softmax", Op::Softmax, &[last]).unwrap();
    }
    graph.set_outputs(&[last]).unwrap();
    graph
}

fn plan_and_state(
    graph: &Graph,
    weights: &NamedTensors,
    options: &TrainingOptions,
) -> (TrainingPlan, TrainingState) {
    let plan = Plan::for_training(graph, options).unwrap();
    let state = plan.state(graph, weights).unwrap();
    (plan, state)
}

/// What the readable kernels give.
struct Readable {
    loss: f64,
    gradients: BTreeMap<String, Vec<f64>>,
    statistics: Vec<(Vec<f64>, Vec<f64>)>,
}

fn readable<F: Float>(
    graph: &Graph,
    weights: &NamedTensors,
    options: &TrainingOptions,
    input: &[f32],
    classes: &[u32],
) -> Readable {
    let count = classes.len();
    let network = reference::<F>(graph, weights, &options.frozen);
    let trace = network.forward(count, &floats(input));
    let logits = graph.find("logits").unwrap();
    let (mut shares, mut class_weights) = (vec![0.0; count * 5], vec![0.0; count]);
    let targets = Targets::Classes(classes);
    options
        .loss
        .prepare(5, targets, &mut shares, &mut class_weights);
    let (mut losses, mut gradient) = (vec![F::ZERO; count], vec![F::ZERO; count * 5]);
    kernels::softmax::reference::cross_entropy(
        5,
        &trace.values[logits.index()],
        &floats::<F>(&shares),
        &floats::<F>(&class_weights),
        F::ONE / F::from_count(count),
        &mut losses,
        &mut gradient,
    );
    let gradients = network
        .backward(count, &trace, logits, &gradient)
        .parameters;
    let f64s = |values: &[F]| values.iter().map(|&v| v.to_f64()).collect::<Vec<f64>>();
    let both = |(a, b): &(Vec<F>, Vec<F>)| (f64s(a), f64s(b));
    Readable {
        loss: f64s(&losses).iter().sum::<f64>() / count as f64,
        gradients: gradients
            .iter()
            .map(|(name, all)| (name.clone(), f64s(all)))
            .collect(),
        statistics: trace.statistics.iter().map(both).collect(),
    }
}

/// Loss, every gradient and every moving statistic of a step against the readable kernels in f64.
fn compare(seed: u64, graph: &Graph, weights: &NamedTensors, options: &TrainingOptions) {
    let mut random = Random(seed);
    let count = random.within(1, options.batch);
    let input = images(graph, count, &mut random);
    let classes: Vec<u32> = (0..count).map(|_| random.below(5) as u32).collect();
    let (plan, mut state) = plan_and_state(graph, weights, options);
    let pool = Pool::new(options.threads);
    // What another batch left must not be seen.
    let other = images(graph, options.batch, &mut random);
    let others = vec![0; options.batch];
    plan.step(&pool, &mut state, &other, Targets::Classes(&others), ONCE)
        .unwrap();
    state.set_parameters(weights).unwrap();
    let result = plan
        .step(&pool, &mut state, &input, Targets::Classes(&classes), ONCE)
        .unwrap();

    let [truth, rough] = [
        readable::<f64>(graph, weights, options, &input, &classes),
        readable::<f32>(graph, weights, options, &input, &classes),
    ];
    let what = format!("seed {seed}, {}, {} threads", options.isa, options.threads);
    assert!(
        (f64::from(result.loss) - truth.loss).abs() < 1e-4 * truth.loss.max(1.0),
        "{what}: {} for {}",
        result.loss,
        truth.loss
    );
    let mut compared = 0;
    let all = truth.gradients.values().flatten();
    let least = 3e-3 * all.fold(1e-3f64, |largest, v| largest.max(v.abs()));
    for (name, wanted) in &truth.gradients {
        // A graph's nodes that the logits do not need have no gradient.
        let Some(own) = state.gradient(name) else {
            assert!(
                wanted.iter().all(|&v| v == 0.0),
                "{what}: {name} has no gradient"
            );
            continue;
        };
        let own = own.iter().map(|&v| f64::from(v));
        let error = error_above(least, own.zip(wanted.iter().copied()));
        let rough = rough.gradients[name].iter().copied();
        let usual = error_above(least, rough.zip(wanted.iter().copied()));
        assert!(
            error < 2e-3 || error < 20.0 * usual,
            "{what}: {name}: {error}, in f32 {usual}\n{}",
            layers(graph)
        );
        compared += 1;
    }
    assert_eq!(compared, state.trained().count(), "{what}");
    for id in graph.ids() {
        let Op::BatchNorm { momentum, .. } = *graph.node(id).op() else {
            continue;
        };
        let name = graph.node(id).name();
        let momentum = f64::from(momentum);
        let (mean, variance) = &truth.statistics[id.index()];
        for (part, batch) in [("moving_mean", mean), ("moving_variance", variance)] {
            let name_of = format!("{name}/{part}");
            let before = weights[&name_of].values();
            let after = state.parameter(&name_of).unwrap();
            let moved = before != after;
            if options.frozen.contains(name) || !moved {
                // Frozen, or not needed by the logits.
                assert!(!moved, "{what}: {name_of}");
                continue;
            }
            for ((&before, &after), &batch) in before.iter().zip(after).zip(batch) {
                let wanted = f64::from(before) * momentum + batch * (1.0 - momentum);
                let error = (f64::from(after) - wanted).abs();
                assert!(
                    error < 1e-4 * batch.abs().max(1.0),
                    "{what}: {name_of}: {after} for {wanted}\n{}",
                    layers(graph)
                );
            }
        }
    }
}

#[test]
fn plans_agree_with_the_readable_kernels() {
    for seed in 0..400 {
        let mut random = Random(seed);
        let graph = classifier(&mut random);
        let weights = parameters(&graph, &mut random);
        let isas = Isa::available();
        let mut frozen = HashSet::new();
        if seed % 3 == 0 {
            let names = graph.nodes().iter().map(|node| node.name().to_owned());
            frozen = names
                .filter(|name| name != "logits" && random.flag())
                .collect();
        }
        let options = TrainingOptions {
            isa: isas[seed as usize % isas.len()],
            batch: random.within(1, 5),
            threads: random.within(1, 4),
            frozen,
            loss: Loss {
                label_smoothing: if random.flag() { 0.1 } else { 0.0 },
                class_weights: if random.flag() {
                    vec![1.0, 2.0, 0.5, 0.0, 3.0]
                } else {
                    Vec::new()
                },
            },
            memory_limit: None,
        };
        compare(seed, &graph, &weights, &options);
    }
}

/// What is shared out among threads only where there is enough of it: sums, products, concatenation,
/// padding, cropping and averages of large images.
#[test]
fn layers_of_many_values_agree_with_the_readable_kernels() {
    let mut graph = Graph::new();
    let mut add = |name: &str, op, inputs: &[NodeId]| graph.add(name, op, inputs).unwrap();
    let (height, width, channels) = (34, 30, 3);
    let input = add(
        "input",
        Op::Input {
            height,
            width,
            channels,
        },
        &[],
    );
    let conv = |filters, kernel| {
        Op::Conv2d(Conv2d {
            filters,
            kernel: [kernel; 2],
            stride: [1, 1],
            padding: Padding::default(),
            bias: true,
        })
    };
    let around = Padding {
        top: 1,
        bottom: 1,
        left: 1,
        right: 1,
    };
    let wide = add("wide", conv(20, 1), &[input]);
    let sum = add("sum", Op::Add, &[wide, wide, wide]);
    let mean = Op::GlobalAveragePool {
        keep_dimensions: true,
    };
    let mean = add("mean", mean, &[sum]);
    let factors = add("factors", conv(20, 1), &[mean]);
    let sigmoid = Op::Activation(graph::Activation::Sigmoid);
    let factors = add("sigmoid", sigmoid, &[factors]);
    let scaled = add("scaled", Op::Multiply, &[sum, factors]);
    let squared = add("squared", Op::Multiply, &[scaled, wide]);
    let padded = add("padded", Op::ZeroPad(around), &[squared]);
    let cropped = add("cropped", Op::Crop(around), &[padded]);
    let affine = Op::Affine {
        scale: -0.7,
        offset: 0.2,
    };
    let affine = add("affine", affine, &[cropped]);
    let shares = add("shares", Op::Softmax, &[affine]);
    let average = Op::AveragePool(graph::Pool2d {
        kernel: [3, 3],
        stride: [1, 1],
        padding: around,
    });
    let average = add("average", average, &[scaled]);
    let whole = add("whole", Op::Concat, &[average, shares, affine, scaled]);
    let mean = Op::GlobalAveragePool {
        keep_dimensions: false,
    };
    let mean = add("last_mean", mean, &[whole]);
    let (units, bias) = (5, true);
    add("logits", Op::Dense { units, bias }, &[mean]);
    let weights = parameters(&graph, &mut Random(4));
    for (turn, isa) in Isa::available().into_iter().enumerate() {
        let options = TrainingOptions {
            isa,
            batch: 3,
            threads: 1 + turn,
            ..TrainingOptions::default()
        };
        compare(turn as u64, &graph, &weights, &options);
    }
}

/// Three blocks of convolution, activation and pooling, and a dense layer.
fn small_network(batch_norm: bool) -> Graph {
    let mut graph = Graph::new();
    let input = Op::Input {
        height: 12,
        width: 12,
        channels: 3,
    };
    let mut last = graph.add("input", input, &[]).unwrap();
    for block in 0..2 {
        let conv = Op::Conv2d(Conv2d {
            filters: 8,
            kernel: [3, 3],
            stride: [1, 1],
            padding: Padding {
                top: 1,
                bottom: 1,
                left: 1,
                right: 1,
            },
            bias: !batch_norm,
        });
        last = graph.add(format!("conv_{block}"), conv, &[last]).unwrap();
        if batch_norm {
            let norm = Op::BatchNorm {
                epsilon: 1e-3,
                momentum: 0.9,
                scale: true,
            };
            last = graph.add(format!("norm_{block}"), norm, &[last]).unwrap();
        }
        let relu = Op::Activation(graph::Activation::Relu);
        last = graph.add(format!("relu_{block}"), relu, &[last]).unwrap();
        let pool = Op::MaxPool(graph::Pool2d {
            kernel: [2, 2],
            stride: [2, 2],
            padding: Padding::default(),
        });
        last = graph.add(format!("pool_{block}"), pool, &[last]).unwrap();
    }
    last = graph.add("flatten", Op::Flatten, &[last]).unwrap();
    let dense = Op::Dense {
        units: 4,
        bias: true,
    };
    graph.add("logits", dense, &[last]).unwrap();
    graph
}

/// Some batches of plain gradient descent on images whose class is the channel that is lit.
fn train(graph: &Graph, threads: usize) -> (Vec<f32>, NamedTensors) {
    let mut random = Random(3);
    let weights = parameters(graph, &mut random);
    let options = TrainingOptions {
        batch: 16,
        threads,
        ..TrainingOptions::default()
    };
    let (plan, mut state) = plan_and_state(graph, &weights, &options);
    let pool = Pool::new(threads);
    let mut losses = Vec::new();
    for step in 0..40 {
        let classes: Vec<u32> = (0..16).map(|_| random.below(4) as u32).collect();
        let mut input = images(graph, 16, &mut random);
        for (image, &class) in input.chunks_exact_mut(12 * 12 * 3).zip(&classes) {
            for pixel in image.chunks_exact_mut(3) {
                if let Some(value) = pixel.get_mut(class as usize) {
                    *value += 1.0;
                }
            }
        }
        let options = StepOptions { step, ..ONCE };
        let targets = Targets::Classes(&classes);
        let result = plan
            .step(&pool, &mut state, &input, targets, options)
            .unwrap();
        losses.push(result.loss);
        state.for_each_trained(|_, trained| {
            for (value, gradient) in trained.values.iter_mut().zip(trained.gradient) {
                *value -= 0.1 * *gradient;
            }
        });
    }
    (losses, state.parameters())
}

#[test]
fn a_network_learns_and_always_the_same_way() {
    for batch_norm in [false, true] {
        let graph = small_network(batch_norm);
        for threads in [1, 2, 3] {
            let (losses, parameters) = train(&graph, threads);
            let (first, last) = (losses[0], losses[39]);
            assert!(last < 0.3 * first, "{first} to {last}");
            let (again, same) = train(&graph, threads);
            assert_eq!(losses, again);
            for (name, tensor) in &parameters {
                assert_eq!(tensor.values(), same[name].values(), "{name}");
            }
        }
    }
}

/// The gradients of a batch are those of its halves added up, where no batch norm looks at all.
#[test]
fn gradients_add_up() {
    let graph = small_network(false);
    let mut random = Random(9);
    let weights = parameters(&graph, &mut random);
    let options = TrainingOptions {
        batch: 8,
        ..TrainingOptions::default()
    };
    let (plan, mut whole) = plan_and_state(&graph, &weights, &options);
    let mut halves = plan.state(&graph, &weights).unwrap();
    let pool = Pool::serial();
    let input = images(&graph, 8, &mut random);
    let classes: Vec<u32> = (0..8).map(|image| image % 4).collect();
    plan.step(&pool, &mut whole, &input, Targets::Classes(&classes), ONCE)
        .unwrap();
    for half in 0..2 {
        let size = input.len() / 2;
        let options = StepOptions {
            scale: 0.5,
            accumulate: half > 0,
            ..ONCE
        };
        let targets = Targets::Classes(&classes[half * 4..][..4]);
        let input = &input[half * size..][..size];
        plan.step(&pool, &mut halves, input, targets, options)
            .unwrap();
    }
    for (name, _) in whole.trained() {
        let pairs = whole
            .gradient(name)
            .unwrap()
            .iter()
            .zip(halves.gradient(name).unwrap());
        let error = gradient_error(pairs.map(|(&a, &b)| (f64::from(a), f64::from(b))));
        assert!(error < 1e-5, "{name}: {error}");
    }
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let graph = small_network(true);
    let with = |change: &dyn Fn(&mut TrainingOptions)| {
        let mut options = TrainingOptions::default();
        change(&mut options);
        Plan::for_training(&graph, &options)
    };
    let plan = with(&|_| {}).unwrap();
    let needed = plan.memory().total();
    assert!(plan.memory().working > 32 * 12 * 12 * 8 * size_of::<f32>());
    assert!(with(&|options| options.memory_limit = Some(needed)).is_ok());
    let refused = with(&|options| options.memory_limit = Some(needed - 1)).unwrap_err();
    assert!(matches!(refused, EngineError::Memory { needed: n, .. } if n == needed));
    let all: HashSet<String> = graph
        .nodes()
        .iter()
        .map(|node| node.name().to_owned())
        .collect();
    let refused = with(&|options| options.frozen = all.clone()).unwrap_err();
    assert_eq!(refused, EngineError::NothingTrained);
    let refused = with(&|options| options.frozen = HashSet::from(["nose".to_owned()]));
    assert!(matches!(refused, Err(EngineError::UnknownOutput { .. })));
    let refused = with(&|options| options.loss.class_weights = vec![1.0]);
    assert!(matches!(refused, Err(EngineError::ClassWeights { .. })));

    let weights = parameters(&graph, &mut Random(1));
    let mut state = plan.state(&graph, &weights).unwrap();
    let pool = Pool::serial();
    let image = vec![0.0; 12 * 12 * 3];
    let mut step = |input: &[f32], classes: &[u32]| {
        plan.step(&pool, &mut state, input, Targets::Classes(classes), ONCE)
            .map(|_| ())
    };
    assert_eq!(step(&image, &[3]), Ok(()));
    assert!(matches!(
        step(&image, &[4]),
        Err(EngineError::Targets { .. })
    ));
    assert!(matches!(
        step(&image, &[]),
        Err(EngineError::Targets { .. })
    ));
    assert!(matches!(
        step(&image[1..], &[0]),
        Err(EngineError::Batch { .. })
    ));
    assert!(matches!(step(&[], &[]), Err(EngineError::Batch { .. })));
}

/// A step holds its values by a fixed number of places, whatever the number of a layer's inputs.
#[test]
fn a_layer_of_many_inputs_is_trained() {
    for count in [2, 10, 18, 19, 20, 40, 300] {
        let mut graph = Graph::new();
        let input = Op::Input {
            height: 2,
            width: 2,
            channels: 1,
        };
        let input = graph.add("input", input, &[]).unwrap();
        let parts: Vec<NodeId> = (0..count)
            .map(|number| {
                let dense = Op::Dense {
                    units: 1,
                    bias: false,
                };
                graph.add(format!("part{number}"), dense, &[input]).unwrap()
            })
            .collect();
        let all = graph.add("all", Op::Concat, &parts).unwrap();
        let flat = graph.add("flat", Op::Flatten, &[all]).unwrap();
        let dense = Op::Dense {
            units: 3,
            bias: true,
        };
        graph.add("logits", dense, &[flat]).unwrap();
        let options = TrainingOptions {
            batch: 1,
            ..TrainingOptions::default()
        };
        let weights = parameters(&graph, &mut Random(1));
        let (plan, mut state) = plan_and_state(&graph, &weights, &options);
        let targets = Targets::Classes(&[1]);
        plan.step(&Pool::serial(), &mut state, &[0.5; 4], targets, ONCE)
            .unwrap();
        let gradient = state.gradient(&format!("part{}/kernel", count - 1));
        assert!(gradient.unwrap()[0] != 0.0, "{count}");
    }
}

/// What cannot be had is refused by the description alone: lowering it would take memory already.
#[test]
fn a_network_that_no_machine_holds_is_refused_before_it_is_lowered() {
    let dense = |units: usize| {
        let mut graph = Graph::new();
        let input = Op::Input {
            height: 8,
            width: 8,
            channels: 128,
        };
        let input = graph.add("input", input, &[]).unwrap();
        let flat = graph.add("flat", Op::Flatten, &[input]).unwrap();
        let units = Op::Dense { units, bias: true };
        let hidden = graph.add("hidden", units, &[flat]).unwrap();
        let logits = Op::Dense {
            units: 2,
            bias: true,
        };
        graph.add("logits", logits, &[hidden]).unwrap();
        graph
    };
    for units in [2_000_000_000, 1 << 40, isize::MAX as usize / (4 * 8192)] {
        let graph = dense(units);
        for memory_limit in [Some(1 << 40), Some(1 << 30)] {
            let options = TrainingOptions {
                memory_limit,
                ..TrainingOptions::default()
            };
            let refused = Plan::for_training(&graph, &options).unwrap_err();
            assert!(matches!(refused, EngineError::Memory { .. }), "{refused}");
            let options = PlanOptions {
                memory_limit,
                ..PlanOptions::default()
            };
            let refused = Plan::memory_for_inference(&graph, &options).unwrap_err();
            assert!(matches!(refused, EngineError::Memory { .. }), "{refused}");
        }
    }
    // Never more than the plan itself needs.
    let graph = dense(64);
    let plan = Plan::for_training(&graph, &TrainingOptions::default()).unwrap();
    let least = LeastMemory::for_training(&graph, 32, &HashSet::new(), 0);
    assert!(least.total() <= plan.memory().total() as u64);
    assert!(2 * least.parameters >= plan.memory().parameters as u64);
}

/// Nothing is computed for what is frozen below the lowest layer that is trained.
#[test]
fn frozen_layers_cost_no_backward() {
    let graph = small_network(true);
    let options = |frozen: &[&str]| TrainingOptions {
        frozen: frozen.iter().map(|&name| name.to_owned()).collect(),
        ..TrainingOptions::default()
    };
    let all = Plan::for_training(&graph, &options(&[])).unwrap();
    let frozen = ["conv_0", "norm_0", "conv_1", "norm_1"];
    let head = Plan::for_training(&graph, &options(&frozen)).unwrap();
    assert!(head.memory().working < all.memory().working);
    let weights = parameters(&graph, &mut Random(1));
    let state = head.state(&graph, &weights).unwrap();
    let names: Vec<&str> = state.trained().map(|(name, _)| name).collect();
    assert_eq!(names, ["logits/kernel", "logits/bias"]);
}
