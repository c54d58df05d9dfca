//! Runs side by side: what they were told differently, and which did best.
use super::{Details, Goal, Point};
use std::collections::BTreeSet;

/// Several runs, compared.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The runs.
    pub runs: &'a [Details],
    /// The names of the parameters that are not the same in all of them, sorted.
    pub parameters: Vec<&'a str>,
    /// The names of the metrics of any of them, sorted.
    pub metrics: Vec<&'a str>,
}

/// A metric of a run among others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Its value at the step that the run keeps.
    pub point: Point,
    /// Whether no other run has a better one. Alone, a value is not the best of anything, nor is one
    /// of a metric without a goal, nor what is not a number.
    pub is_best: bool,
}

impl<'a> Comparison<'a> {
    /// Compares runs.
    pub fn new(runs: &'a [Details]) -> Self {
        let names: BTreeSet<&str> = (runs.iter())
            .flat_map(|run| run.row.parameters.keys().map(String::as_str))
            .collect();
        let differs = |name: &&str| {
            let mut values = runs.iter().map(|run| run.row.parameters.get(*name));
            let first = values.next();
            values.any(|value| Some(value) != first)
        };
        let metrics: BTreeSet<&str> = (runs.iter())
            .flat_map(|run| run.row.metrics.keys().map(String::as_str))
            .collect();
        Comparison {
            runs,
            parameters: names.into_iter().filter(differs).collect(),
            metrics: metrics.into_iter().collect(),
        }
    }

    /// The value of a metric of one of the runs at the step that this run keeps: a best value of
    /// another step is of a model that is gone. `None` where it has none.
    pub fn value(&self, run: usize, metric: &str) -> Option<Compared> {
        let own = self.runs.get(run)?.row.metrics.get(metric)?;
        let point = own.kept?;
        let mut values = 0;
        let mut is_beaten = false;
        for other in self.runs {
            if let Some(other) = other.row.metrics.get(metric).and_then(|other| other.kept) {
                values += 1;
                is_beaten |= own.goal.is_better(other.value, point.value);
            }
        }
        let is_compared = values > 1 && own.goal != Goal::None && !point.value.is_nan();
        Some(Compared {
            point,
            is_best: is_compared && !is_beaten,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, RunRow, State};
    use std::collections::BTreeMap;

    /// A run with these parameters, and metrics of these kept values.
    fn run(parameters: &[(&str, &str)], metrics: &[(&str, Goal, Option<f64>)]) -> Details {
        let point = |value| Point { step: 2, value };
        let parameters = parameters.iter();
        let metrics = metrics.iter().map(|&(name, goal, kept)| {
            let metric = Metric {
                goal,
                // Better than all that is kept: it must not count.
                last: point(0.0),
                best: Some(point(0.0)),
                kept: kept.map(point),
            };
            (name.to_owned(), metric)
        });
        Details {
            row: RunRow {
                id: "a".to_owned(),
                name: "a".to_owned(),
                kind: "train".to_owned(),
                state: State::Complete,
                started: 0,
                ended: None,
                spent: 0,
                seed: None,
                folder: None,
                step: Some(3),
                kept: Some(2),
                metrics: metrics.collect(),
                parameters: parameters
                    .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
            },
            environment: BTreeMap::new(),
            artefacts: Vec::new(),
        }
    }

    #[test]
    fn parameters_that_differ_are_named_and_those_that_one_lacks() {
        let runs = [
            run(&[("rate", "1"), ("size", "8"), ("only", "x")], &[]),
            run(&[("rate", "2"), ("size", "8")], &[]),
        ];
        assert_eq!(Comparison::new(&runs).parameters, ["only", "rate"]);
        assert!(Comparison::new(&runs[..1]).parameters.is_empty());
    }

    #[test]
    fn the_best_is_that_of_the_kept_steps() {
        let (least, none) = (Goal::Least, Goal::None);
        let runs = [
            run(
                &[],
                &[("loss", least, Some(1.0)), ("rate", none, Some(1.0))],
            ),
            run(
                &[],
                &[("loss", least, Some(0.5)), ("rate", none, Some(2.0))],
            ),
            run(&[], &[("loss", least, Some(f64::NAN))]),
            run(&[], &[("loss", least, None), ("alone", least, Some(1.0))]),
        ];
        let compared = Comparison::new(&runs);
        assert_eq!(compared.metrics, ["alone", "loss", "rate"]);
        let best = |metric| {
            let value = |run| compared.value(run, metric).map(|value| value.is_best);
            [0, 1, 2, 3].map(value)
        };
        let [no, yes] = [Some(false), Some(true)];
        assert_eq!(best("loss"), [no, yes, no, None]);
        assert_eq!(best("rate"), [no, no, None, None]);
        assert_eq!(best("alone"), [None, None, None, no]);
        assert_eq!(compared.value(0, "loss").unwrap().point.value, 1.0);
        assert_eq!(compared.value(9, "loss"), None);
    }
}
