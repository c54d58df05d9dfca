//! Ten steps of each optimiser against Keras's own; `tests/golden/optimizers.py` writes a line a case:
//! the options as JSON, then the values of both parameters after each step.
use crate::{Descent, OptimizerOptions, TrainError};
use engine::{Plan, TrainingOptions, TrainingState};
use graph::{Graph, Op};
use std::collections::HashSet;
use tensor::Shape;
use testkit::{formula_parameters, formula_values, golden, relative_error};

/// One dense layer of two inputs and three units.
fn network() -> Graph {
    let mut graph = Graph::new();
    let input = Op::Input {
        height: 1,
        width: 1,
        channels: 2,
    };
    let input = graph.add("input", input, &[]).unwrap();
    let flat = graph.add("flatten", Op::Flatten, &[input]).unwrap();
    let dense = Op::Dense {
        units: 3,
        bias: true,
    };
    graph.add("dense", dense, &[flat]).unwrap();
    graph
}

fn start() -> TrainingState {
    let graph = network();
    let plan = Plan::for_training(&graph, &TrainingOptions::default()).unwrap();
    let parameters = formula_parameters(graph.parameters().into_iter().map(|p| (p.name, p.shape)));
    plan.state(&graph, &parameters).unwrap()
}

/// Puts the gradients of step `step` in the state, and the parameters after it in `after`.
fn step(descent: &mut Descent, state: &mut TrainingState, step: usize, after: &mut Vec<f32>) {
    state.for_each_trained(|_, trained| {
        let part = trained.name.rsplit('/').next().unwrap();
        let name = format!("gradient_{step}/of_{part}");
        let values = formula_values(&name, Shape::from([trained.gradient.len()]));
        trained.gradient.copy_from_slice(&values.values());
    });
    descent.apply(state, descent.rate());
    state.for_each_trained(|_, trained| after.extend_from_slice(trained.values));
}

fn cases() -> Vec<(OptimizerOptions, Vec<f32>)> {
    let text = String::from_utf8(golden("optimizers.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (options, values) = line.split_once('|').unwrap();
            let values = values.split_whitespace().map(|v| v.parse().unwrap());
            (serde_json::from_str(options).unwrap(), values.collect())
        })
        .collect()
}

#[test]
fn ten_steps_are_keras_own() {
    let mut seen = HashSet::new();
    for (options, wanted) in cases() {
        let mut state = start();
        let mut descent = Descent::new(&options, &state).unwrap();
        let mut found = Vec::new();
        for index in 0..10 {
            step(&mut descent, &mut state, index, &mut found);
        }
        if let Some(averages) = descent.averages() {
            averages
                .values()
                .for_each(|tensor| found.extend_from_slice(&tensor.values()));
        }
        let error = relative_error(&found, &wanted);
        assert!(error < 1e-5, "{options:?}: {error}\n{found:?}\n{wanted:?}");
        seen.insert(options.name);
    }
    for entry in super::all() {
        assert!(
            seen.contains(entry.name),
            "no golden case of {}",
            entry.name
        );
    }
}

/// A training that is cut after any step goes on as if it had not been.
#[test]
fn resuming_changes_nothing() {
    for (options, _) in cases() {
        let (mut whole, mut cut) = (start(), start());
        let mut descent = Descent::new(&options, &whole).unwrap();
        let mut other = Descent::new(&options, &cut).unwrap();
        let (mut found, mut wanted) = (Vec::new(), Vec::new());
        for index in 0..6 {
            step(&mut descent, &mut whole, index, &mut wanted);
            if index == 3 {
                let mut fresh = Descent::new(&options, &cut).unwrap();
                fresh.resume(other.steps(), &other.kept()).unwrap();
                other = fresh;
            }
            step(&mut other, &mut cut, index, &mut found);
        }
        assert_eq!(found, wanted, "{options:?}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let adam = OptimizerOptions::default();
    let build = |options: &OptimizerOptions| options.build().map(|_| ()).unwrap_err();
    let unknown = OptimizerOptions {
        name: "adamm".into(),
        ..adam.clone()
    };
    assert!(matches!(build(&unknown), TrainError::Unknown { .. }));
    let momentum = OptimizerOptions {
        momentum: Some(0.9),
        ..adam.clone()
    };
    let error = build(&momentum);
    assert!(matches!(
        error,
        TrainError::Option {
            option: "optimizer.momentum",
            ..
        }
    ));
    for beta_1 in [1.0, -0.1, f32::NAN] {
        let options = OptimizerOptions {
            beta_1: Some(beta_1),
            ..adam.clone()
        };
        assert!(matches!(build(&options), TrainError::Range { .. }));
    }
}

/// By the formula, step by step, with what has no momentum: the gradient and the pull add up.
#[test]
fn a_pull_leads_back_to_the_initial_values() {
    let sgd = |pull| OptimizerOptions {
        name: "sgd".into(),
        rate: Some(0.1),
        pull,
        ..OptimizerOptions::default()
    };
    let mut state = start();
    let mut descent = Descent::new(&sgd(Some(0.5)), &state).unwrap();
    let initial = state.parameters();
    for index in 0..4 {
        let before = state.parameters();
        let mut free = start();
        free.set_parameters(&before).unwrap();
        let mut plain = Descent::new(&sgd(None), &free).unwrap();
        step(&mut plain, &mut free, index, &mut Vec::new());
        step(&mut descent, &mut state, index, &mut Vec::new());
        let (free, pulled) = (free.parameters(), state.parameters());
        for (name, pulled) in &pulled {
            let (before, initial) = (before[name].values(), initial[name].values());
            let moved = before.iter().zip(initial.iter());
            let moved = moved.map(|(now, first)| 0.1 * 0.5 * (now - first));
            let (pulled, free) = (pulled.values(), free[name].values());
            let values = pulled.iter().zip(free.iter());
            for ((pulled, free), moved) in values.zip(moved) {
                assert!(
                    (pulled - (free - moved)).abs() < 1e-6,
                    "{name}, step {index}"
                );
            }
        }
    }
    assert!(sgd(Some(-1.0)).build().is_err());
}

#[test]
fn the_last_steps_are_averaged_alike_and_two_averages_are_refused() {
    let options = OptimizerOptions {
        name: "sgd".into(),
        rate: Some(0.1),
        average_last: Some(0.4),
        ..OptimizerOptions::default()
    };
    let mut state = start();
    let mut descent = Descent::new(&options, &state).unwrap();
    descent.expect_steps(10);
    let mut after = Vec::new();
    for index in 0..10 {
        // Cut anywhere, it goes on with what it keeps.
        let mut fresh = Descent::new(&options, &state).unwrap();
        fresh.expect_steps(10);
        fresh.resume(descent.steps(), &descent.kept()).unwrap();
        descent = fresh;
        let mut values = Vec::new();
        step(&mut descent, &mut state, index, &mut values);
        after.push(values);
        let averages = descent.averages().unwrap();
        let mut found = Vec::new();
        state.for_each_trained(|_, trained| {
            found.extend_from_slice(&averages[trained.name].values());
        });
        // The parameters themselves until the seventh step, from then on the mean of all since.
        let counted = &after[index.min(6)..];
        for (place, found) in found.iter().enumerate() {
            let sum: f32 = counted.iter().map(|values| values[place]).sum();
            let mean = sum / counted.len() as f32;
            assert!((found - mean).abs() < 1e-6, "step {index}: {found} {mean}");
        }
    }
    let both = OptimizerOptions {
        average: Some(0.9),
        ..options
    };
    assert!(matches!(both.build(), Err(TrainError::Option { .. })));
}
