//! Pruners: functions of what the other trials reported, which say whether one should end here.
mod halving;
mod median;
mod patient;
mod wilcoxon;

use crate::studies::{Direction, Trial};
use std::collections::BTreeMap;

/// What a pruner is asked of.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Which values are good.
    pub direction: Direction,
    /// The other trials of the study.
    pub trials: &'a [&'a Trial],
    /// What the trial reported, by step.
    pub reported: &'a BTreeMap<i64, f64>,
    /// The last of these steps.
    pub step: i64,
}

/// A pruner with what it is told.
#[derive(Clone, Copy, Debug)]
pub struct Pruner {
    /// Its kind.
    pub kind: &'static Kind,
    /// Trials that must be over before any is pruned.
    pub startup: usize,
    /// Steps that each trial may do at least.
    pub warm_up: i64,
}

/// A kind of pruner.
#[derive(Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    prunes: fn(&Pruner, &Judged<'_>) -> bool,
}

/// All pruners.
pub fn all() -> &'static [Kind] {
    const ALL: &[Kind] = &[
        NONE,
        median::MEDIAN,
        median::PERCENTILE,
        patient::PATIENT,
        halving::HALVING,
        wilcoxon::WILCOXON,
    ];
    ALL
}

/// Never ends a trial.
const NONE: Kind = Kind {
    name: "none",
    prunes: |_, _| false,
};

/// The pruner of this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    all().iter().find(|kind| kind.name == name)
}

impl Pruner {
    /// Of this kind, as it is usually told.
    pub fn new(kind: &'static Kind) -> Self {
        Pruner {
            kind,
            startup: 5,
            warm_up: 3,
        }
    }

    /// Whether the trial should end here.
    pub fn prunes(&self, judged: &Judged<'_>) -> bool {
        judged.reported.len() as i64 > self.warm_up && (self.kind.prunes)(self, judged)
    }
}

/// The best cost until a step, of a trial that reported these.
fn best_until(judged: &Judged<'_>, reported: &BTreeMap<i64, f64>, step: i64) -> Option<f64> {
    let costs = reported
        .range(..=step)
        .map(|(_, value)| judged.direction.cost(*value));
    costs.min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests;
