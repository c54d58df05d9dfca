//! Samplers on standard functions, for `benches/search`: prints function, sampler, seed and the best value
//! after each trial.
//!
//!     functions SAMPLER,... SEEDS TRIALS
use serde_json::Value;
use std::collections::BTreeMap;
use study::{
    Condition, Direction, Distribution, NewStudy, Parameter, Space, Storage, TrialState, samplers,
};

type Values = BTreeMap<String, Value>;

/// A function to be minimised, with its space.
struct Function {
    name: &'static str,
    space: fn() -> Space,
    value: fn(&Values) -> f64,
}

const FUNCTIONS: [Function; 6] = [
    Function {
        name: "branin",
        space: || numbers(&[(-5.0, 10.0), (0.0, 15.0)]),
        value: |values| branin(&place(values)),
    },
    Function {
        name: "rosenbrock",
        space: || numbers(&[(-2.0, 2.0); 4]),
        value: |values| rosenbrock(&place(values)),
    },
    Function {
        name: "ackley",
        space: || numbers(&[(-32.768, 32.768); 5]),
        value: |values| ackley(&place(values)),
    },
    Function {
        name: "hartmann6",
        space: || numbers(&[(0.0, 1.0); 6]),
        value: |values| hartmann6(&place(values)),
    },
    Function {
        name: "rastrigin",
        space: || numbers(&[(-5.12, 5.12); 5]),
        value: |values| rastrigin(&place(values)),
    },
    Function {
        name: "conditional",
        space: conditional,
        value: network,
    },
];

fn parameter(
    name: &str,
    distribution: Distribution,
    when: Option<(&str, Vec<Value>)>,
) -> Parameter {
    Parameter {
        name: name.to_owned(),
        distribution,
        when: when.map(|(parameter, among)| Condition {
            parameter: parameter.to_owned(),
            among,
        }),
    }
}

fn numbers(ranges: &[(f64, f64)]) -> Space {
    let parameters = ranges.iter().enumerate().map(|(place, (low, high))| {
        parameter(
            &format!("x{place}"),
            Distribution::number(*low, *high),
            None,
        )
    });
    Space::new(parameters.collect()).expect("a space")
}

fn place(values: &Values) -> Vec<f64> {
    values.values().filter_map(Value::as_f64).collect()
}

fn branin(x: &[f64]) -> f64 {
    let pi = std::f64::consts::PI;
    let inner = x[1] - 5.1 / (4.0 * pi * pi) * x[0] * x[0] + 5.0 / pi * x[0] - 6.0;
    inner * inner + 10.0 * (1.0 - 1.0 / (8.0 * pi)) * x[0].cos() + 10.0
}

fn rosenbrock(x: &[f64]) -> f64 {
    x.windows(2)
        .map(|x| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2))
        .sum()
}

fn ackley(x: &[f64]) -> f64 {
    let n = x.len() as f64;
    let squares = x.iter().map(|x| x * x).sum::<f64>() / n;
    let waves = x
        .iter()
        .map(|x| (std::f64::consts::TAU * x).cos())
        .sum::<f64>()
        / n;
    -20.0 * (-0.2 * squares.sqrt()).exp() - waves.exp() + 20.0 + std::f64::consts::E
}

fn rastrigin(x: &[f64]) -> f64 {
    x.iter()
        .map(|x| x * x - 10.0 * (std::f64::consts::TAU * x).cos() + 10.0)
        .sum()
}

fn hartmann6(x: &[f64]) -> f64 {
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let term = |((a, p), alpha): ((&[f64; 6], &[f64; 6]), f64)| {
        let sum: f64 = (0..6)
            .map(|place| a[place] * (x[place] - p[place]).powi(2))
            .sum();
        alpha * (-sum).exp()
    };
    -A.iter()
        .zip(&P)
        .zip([1.0, 1.2, 3.0, 3.2])
        .map(term)
        .sum::<f64>()
}

/// As a small network's: how many blocks, how wide each is, an optimiser with an option of its own.
fn conditional() -> Space {
    let choices = |names: &[&str]| Distribution::Categorical {
        choices: names.iter().map(|name| Value::from(*name)).collect(),
    };
    let log = |low, high| Distribution::Float {
        low,
        high,
        log: true,
        step: None,
    };
    let wide = Distribution::Int {
        low: 8,
        high: 128,
        log: true,
        step: 1,
    };
    let blocks = |least: i64| Some(("blocks", (least..=4).map(Value::from).collect()));
    Space::new(vec![
        parameter("blocks", Distribution::whole(2, 4), None),
        parameter("filters1", wide.clone(), None),
        parameter("filters2", wide.clone(), None),
        parameter("filters3", wide.clone(), blocks(3)),
        parameter("filters4", wide, blocks(4)),
        parameter("optimizer", choices(&["adam", "sgd"]), None),
        parameter("rate", log(1e-5, 1.0), None),
        parameter(
            "momentum",
            Distribution::number(0.0, 0.99),
            Some(("optimizer", vec!["sgd".into()])),
        ),
        parameter("activation", choices(&["relu", "swish", "tanh"]), None),
    ])
    .expect("a space")
}

/// A made-up loss: each choice has its own optimum of the others.
fn network(values: &Values) -> f64 {
    let number = |name: &str| values[name].as_f64().expect("a number");
    let text = |name: &str| values[name].as_str().expect("a text").to_owned();
    let blocks = number("blocks") as i64;
    let wanted = [5.0, 5.5, 6.0, 6.5];
    let filters: f64 = (1..=blocks)
        .map(|block| {
            (number(&format!("filters{block}")).log2() - wanted[block as usize - 1]).powi(2)
        })
        .sum();
    let depth = [0.0, 0.0, 0.9, 0.3, 0.0][blocks as usize];
    let (rate, optimizer) = (number("rate").log10(), text("optimizer"));
    let optimizer = match optimizer.as_str() {
        "adam" => (rate + 3.0).powi(2),
        _ => 0.1 + (rate + 1.5).powi(2) + 4.0 * (number("momentum") - 0.9).powi(2),
    };
    let activation = match text("activation").as_str() {
        "swish" => 0.0,
        "relu" => 0.15,
        _ => 0.6,
    };
    0.2 * filters + depth + optimizer + activation
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [names, seeds, trials] = &arguments[..] else {
        panic!("functions SAMPLER,... SEEDS TRIALS");
    };
    let (seeds, trials): (u64, u64) = (
        seeds.parse().expect("a number"),
        trials.parse().expect("a number"),
    );
    for function in &FUNCTIONS {
        for name in names.split(',') {
            let sampler = samplers::find(name).expect("a sampler");
            for seed in 0..seeds {
                let values = best(function, sampler, seed, trials);
                let values: Vec<String> = values.iter().map(f64::to_string).collect();
                println!("{},{name},{seed},{}", function.name, values.join(","));
            }
        }
    }
}

/// The best value after each trial.
fn best(function: &Function, sampler: &samplers::Sampler, seed: u64, trials: u64) -> Vec<f64> {
    let storage = Storage::in_memory();
    let new = NewStudy {
        name: function.name.to_owned(),
        directions: vec![Direction::Minimize],
        attributes: BTreeMap::new(),
    };
    let study = storage.new_study(&new).expect("a study");
    let space = (function.space)();
    let mut found = Vec::new();
    let mut best = f64::INFINITY;
    while let Some(mut trial) = study.claim(trials).expect("a trial") {
        assert!(trial.sample(&space, sampler, seed).expect("values"));
        let values = trial
            .trial()
            .settings()
            .map(|(name, value)| (name.to_owned(), value));
        let value = (function.value)(&values.collect());
        best = best.min(value);
        found.push(best);
        trial
            .finish(TrialState::Complete, &[value])
            .expect("an end");
    }
    found
}
