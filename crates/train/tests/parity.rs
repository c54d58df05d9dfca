//! Training against Keras in f64 (`tests/golden/training.py`): loss, gradients, and what five steps of SGD
//! and of Adam change; and every backbone of the zoo trains whole.
use engine::{Plan, StepOptions, Targets, TrainingOptions, TrainingPlan, TrainingState};
use graph::Graph;
use tensor::{NamedTensors, Pool};
use testkit::{formula_parameters, formula_values, golden_f32, gradient_error};
use train::{Descent, OptimizerOptions};
use zoo::{Head, LeNet};

const BATCH: usize = 8;
const CLASSES: usize = 7;
const STEPS: u32 = 5;
const SAMPLES: usize = 64;

/// The values that the golden file has of an array.
fn samples(values: &[f32]) -> impl Iterator<Item = f32> {
    let count = values.len().min(SAMPLES);
    (0..count).map(move |index| values[index * values.len() / count])
}

struct Training<'a> {
    plan: &'a TrainingPlan,
    pool: Pool,
    images: Vec<f32>,
    labels: Vec<u32>,
}

impl Training<'_> {
    fn step(&self, state: &mut TrainingState, step: u32) -> f32 {
        let options = StepOptions {
            seed: 1,
            step,
            scale: 1.0,
            accumulate: false,
        };
        let targets = Targets::Classes(&self.labels);
        let result = self
            .plan
            .step(&self.pool, state, &self.images, targets, options);
        result.unwrap().loss
    }
}

fn weights(graph: &Graph) -> NamedTensors {
    formula_parameters(graph.parameters().into_iter().map(|p| (p.name, p.shape)))
}

fn compare(name: &str, graph: &Graph) {
    let golden = golden_f32(&format!("training/{name}.bin"));
    let options = TrainingOptions {
        batch: BATCH,
        threads: 2,
        ..TrainingOptions::default()
    };
    let plan = Plan::for_training(graph, &options).unwrap();
    let mut shape = vec![BATCH];
    shape.extend_from_slice(plan.input_shape().dimensions());
    let training = Training {
        plan: &plan,
        pool: Pool::new(2),
        images: formula_values("pixels", &shape[..]).values().to_vec(),
        labels: (0..BATCH)
            .map(|image| (image * 3 % CLASSES) as u32)
            .collect(),
    };
    let start = weights(graph);
    let mut state = plan.state(graph, &start).unwrap();
    let loss = training.step(&mut state, 0);
    assert!(
        (loss - golden[0]).abs() < 1e-4 * golden[0],
        "{name}: {loss} for {}",
        golden[0]
    );
    let mut rest = &golden[1..];
    let mut worst = [
        (0.0, String::new()),
        (0.0, String::new()),
        (0.0, String::new()),
    ];
    let mut check = |kind: usize, parameter: &str, values: &[f32]| {
        let values: Vec<f32> = samples(values).collect();
        let (truth, after) = rest.split_at(values.len());
        rest = after;
        let error = gradient_error(&values, truth);
        if error > worst[kind].0 {
            worst[kind] = (error, parameter.to_owned());
        }
    };
    state.for_each_trained(|_, trained| check(0, trained.name, trained.gradient));
    let sgd = OptimizerOptions {
        name: "sgd".into(),
        rate: Some(0.01),
        ..OptimizerOptions::default()
    };
    let adam = OptimizerOptions {
        epsilon: Some(1e-3),
        ..OptimizerOptions::default()
    };
    for (kind, options) in [(1, sgd), (2, adam)] {
        state.set_parameters(&start).unwrap();
        let mut descent = Descent::new(&options, &state).unwrap();
        for step in 0..STEPS {
            training.step(&mut state, step);
            descent.apply(&mut state, descent.rate());
        }
        state.for_each_trained(|_, trained| {
            let before = start[trained.name].values();
            let change = trained
                .values
                .iter()
                .zip(before)
                .map(|(after, before)| after - before);
            check(kind, trained.name, &change.collect::<Vec<f32>>());
        });
    }
    assert!(
        rest.is_empty(),
        "{name}: {} golden values are left",
        rest.len()
    );
    println!("{name}: worst errors of gradients, SGD's and Adam's changes: {worst:?}");
    for (error, parameter) in worst {
        assert!(error < 1e-3, "{name}: {parameter}: {error}");
    }
}

#[test]
fn mobilenet_v2_trains_as_keras_does() {
    let backbone = zoo::find("mobilenet_v2").unwrap();
    compare(
        "mobilenet_v2",
        &backbone.build(96, 96, Head::Classes(CLASSES)).unwrap(),
    );
}

#[test]
fn lenet_trains_as_keras_does() {
    let lenet = LeNet {
        dropout: 0.0,
        ..LeNet::default()
    };
    compare("lenet", &lenet.build(Head::Classes(CLASSES)).unwrap());
}

#[test]
fn every_parameter_of_every_backbone_is_trained() {
    for backbone in zoo::all() {
        let size = backbone.minimum_size.max(64);
        let graph = backbone.build(size, size, Head::Classes(3)).unwrap();
        let options = TrainingOptions {
            batch: 4,
            threads: 2,
            ..TrainingOptions::default()
        };
        let plan = Plan::for_training(&graph, &options).unwrap();
        let mut state = plan.state(&graph, &weights(&graph)).unwrap();
        let training = Training {
            plan: &plan,
            pool: Pool::new(2),
            images: formula_values("pixels", [4, size, size, 3])
                .values()
                .to_vec(),
            labels: vec![0, 1, 2, 0],
        };
        training.step(&mut state, 0);
        for spec in graph.parameters().iter().filter(|spec| spec.trainable) {
            let gradient = state.gradient(&spec.name);
            let gradient = gradient.unwrap_or_else(|| panic!("{}: {}", backbone.name, spec.name));
            assert!(
                gradient.iter().all(|v| v.is_finite()),
                "{}: {}",
                backbone.name,
                spec.name
            );
            assert!(
                gradient.iter().any(|&v| v != 0.0),
                "{}: {}",
                backbone.name,
                spec.name
            );
        }
    }
}
