//! Tests of pruners: each on trials whose order is known.
use super::*;
use crate::studies::TrialState;

/// Trials that reported these values, all complete.
fn trials(values: &[&[f64]]) -> Vec<Trial> {
    (0..)
        .zip(values)
        .map(|(number, values)| Trial {
            state: TrialState::Complete,
            reported: (1..).zip(values.iter().copied()).collect(),
            ..Trial::new(number as i64, number)
        })
        .collect()
}

fn prunes(name: &str, startup: usize, warm_up: i64, others: &[&[f64]], own: &[f64]) -> bool {
    let pruner = Pruner {
        startup,
        warm_up,
        ..Pruner::new(find(name).unwrap())
    };
    let trials = trials(others);
    let others: Vec<&Trial> = trials.iter().collect();
    let reported: BTreeMap<i64, f64> = (1..).zip(own.iter().copied()).collect();
    pruner.prunes(&Judged {
        direction: Direction::Maximize,
        trials: &others,
        reported: &reported,
        step: own.len() as i64,
    })
}

const FIVE: [&[f64]; 5] = [
    &[0.1, 0.5],
    &[0.2, 0.6],
    &[0.3, 0.7],
    &[0.4, 0.8],
    &[0.5, 0.9],
];

#[test]
fn the_median_of_the_others_decides() {
    assert!(prunes("median", 5, 0, &FIVE, &[0.0, 0.69]));
    assert!(!prunes("median", 5, 0, &FIVE, &[0.0, 0.71]));
    // The best value so far counts, not the last.
    assert!(!prunes("median", 5, 0, &FIVE, &[0.71, 0.0]));
    assert!(prunes("median", 5, 0, &FIVE, &[0.0, f64::NAN]));
    assert!(!prunes("median", 6, 0, &FIVE, &[0.0, 0.0]));
    assert!(!prunes("median", 5, 2, &FIVE, &[0.0, 0.0]));
    assert!(prunes("percentile", 5, 0, &FIVE, &[0.0, 0.79]));
    assert!(!prunes("percentile", 5, 0, &FIVE, &[0.0, 0.81]));
    assert!(!prunes("none", 0, 0, &FIVE, &[0.0, 0.0]));
}

#[test]
fn patience_has_an_end() {
    assert!(prunes(
        "patient",
        0,
        0,
        &[],
        &[0.1, 0.5, 0.4, 0.3, 0.5, 0.2, 0.1]
    ));
    assert!(!prunes(
        "patient",
        0,
        0,
        &[],
        &[0.1, 0.5, 0.4, 0.3, 0.5, 0.2, 0.6]
    ));
    assert!(!prunes("patient", 0, 0, &[], &[0.5, 0.4, 0.3, 0.2, 0.1]));
}

#[test]
fn a_third_goes_on_at_each_rung() {
    let rung: Vec<Vec<f64>> = (0..8)
        .map(|place| vec![f64::from(place) / 10.0; 3])
        .collect();
    let others: Vec<&[f64]> = rung.iter().map(Vec::as_slice).collect();
    assert!(prunes("asha", 0, 0, &others, &[0.0, 0.0, 0.45]));
    assert!(!prunes("asha", 0, 0, &others, &[0.0, 0.0, 0.55]));
    // Between the rungs nobody ends.
    assert!(!prunes("asha", 0, 0, &others, &[0.0, 0.0]));
    assert!(prunes("asha", 0, 0, &others, &[0.0]));
    assert!(!prunes("asha", 9, 0, &others, &[0.0]));
}

#[test]
fn only_what_is_surely_worse_ends() {
    let best: &[f64] = &[0.9, 0.8, 0.85, 0.9, 0.95];
    assert!(prunes("wilcoxon", 0, 0, &[best], &[0.7, 0.6, 0.65, 0.7]));
    assert!(!prunes("wilcoxon", 0, 0, &[best], &[0.7, 0.6]));
    assert!(!prunes("wilcoxon", 0, 0, &[best], &[0.95, 0.6, 0.86, 0.91]));
    // Of n differences of one sign the exact probability is 2^-n; scipy.stats.wilcoxon gives the others.
    let exact = |differences: &[f64], wanted: f64| {
        let found = wilcoxon::worse(differences);
        assert!(
            (found - wanted).abs() < 1e-12,
            "{differences:?}: {found} {wanted}"
        );
    };
    exact(&[1.0, 2.0, 3.0, 4.0, 5.0], 1.0 / 32.0);
    exact(&[-1.0, -2.0, -3.0], 1.0);
    exact(&[1.0, -2.0, 3.0, 4.0, 5.0], 3.0 / 32.0);
}
