//! Runs and studies in the memory of one process: for runs that nobody will look up later, and for tests.
mod studies;

use super::backend::{Backend, Change, Claim};
use super::trials::Studies;
use super::{IN_MEMORY, locked};
use crate::error::Error;
use crate::runs::{Artefact, Details, Goal, Metric, NewRun, Order, Point, RunQuery, RunRow, State};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;

/// Runs in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Memory {
    runs: Mutex<Vec<Run>>,
    studies: Mutex<studies::Kept>,
}

/// A run.
#[derive(Debug)]
struct Run {
    new: NewRun,
    claim: Claim,
    state: State,
    started: i64,
    ended: Option<i64>,
    spent: i64,
    heartbeat: i64,
    kept: Option<u64>,
    parameters: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    goals: BTreeMap<String, Goal>,
    series: BTreeMap<String, BTreeMap<u64, f64>>,
    artefacts: BTreeMap<PathBuf, Artefact>,
}

impl Memory {
    /// Does `work` with one run.
    fn with<T>(&self, id: &str, work: impl FnOnce(&mut Run) -> T) -> Result<T, Error> {
        let mut runs = locked(&self.runs);
        let run = runs.iter_mut().find(|run| run.claim.id == id);
        run.map(work).ok_or_else(|| Error::no_such_run(id))
    }

    /// The names in all runs, each once and sorted.
    fn names(&self, of: impl Fn(&Run) -> Vec<String>) -> Vec<String> {
        let names: BTreeSet<String> = locked(&self.runs).iter().flat_map(of).collect();
        names.into_iter().collect()
    }
}

impl Backend for Memory {
    fn studies_kept(&self) -> &dyn Studies {
        self
    }

    fn begin(&self, claim: &Claim, new: &NewRun, now: i64) -> Result<(), Error> {
        let mut runs = locked(&self.runs);
        if runs.iter().any(|run| run.claim.id == claim.id) {
            return Err(Error::Refused {
                place: IN_MEMORY.to_owned(),
                detail: format!("the run `{}` is there already", claim.id),
            });
        }
        runs.push(Run {
            new: new.clone(),
            claim: claim.clone(),
            state: State::Running,
            started: now,
            ended: None,
            spent: 0,
            heartbeat: now,
            kept: None,
            parameters: new.parameters.iter().cloned().collect(),
            environment: new.environment.iter().cloned().collect(),
            goals: new.goals.iter().cloned().collect(),
            series: BTreeMap::new(),
            artefacts: BTreeMap::new(),
        });
        Ok(())
    }

    fn resume(&self, claim: &Claim, step: u64, now: i64) -> Result<Option<String>, Error> {
        self.with(&claim.id, |run| {
            run.claim = claim.clone();
            run.state = State::Running;
            run.ended = None;
            run.heartbeat = now;
            run.kept = run.kept.filter(|kept| *kept <= step);
            for series in run.series.values_mut() {
                series.retain(|known, _| *known <= step);
            }
            run.series.retain(|_, series| !series.is_empty());
            let folder = run.new.folder.as_ref();
            folder.map(|folder| folder.to_string_lossy().into_owned())
        })
    }

    fn sign(&self, claims: &[Claim], now: i64) -> Result<(), Error> {
        for run in locked(&self.runs).iter_mut() {
            if claims.contains(&run.claim) {
                run.sign(now);
            }
        }
        Ok(())
    }

    fn write(&self, claim: &Claim, changes: &[Change], now: i64) -> Result<(), Error> {
        self.with(&claim.id, |run| {
            if run.claim != *claim {
                return Err(Error::taken_over(&claim.id));
            }
            run.sign(now);
            for change in changes {
                run.apply(change, now);
            }
            Ok(())
        })?
    }

    fn remove(&self, ids: &[String]) -> Result<(), Error> {
        let mut runs = locked(&self.runs);
        let mut gone = BTreeSet::new();
        for id in ids {
            let there = runs.iter().any(|run| run.claim.id == *id);
            if !there || !gone.insert(id) {
                return Err(Error::no_such_run(id));
            }
        }
        runs.retain(|run| !gone.contains(&run.claim.id));
        Ok(())
    }

    fn runs(&self, query: &RunQuery, alive_since: i64) -> Result<Vec<RunRow>, Error> {
        let runs = locked(&self.runs);
        let mut rows: Vec<(usize, &Run)> = (runs.iter().enumerate())
            .filter(|(_, run)| run.matches(query, alive_since))
            .collect();
        let newest = |(place, run): &(usize, &Run)| (run.started, *place);
        rows.sort_by(|a, b| {
            let better = match &query.order {
                Order::Newest => Ordering::Equal,
                Order::Best(metric) => a.1.rank(metric, b.1),
            };
            better.then_with(|| newest(b).cmp(&newest(a)))
        });
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(rows
            .into_iter()
            .skip(whole(query.skip))
            .take(query.limit.map_or(usize::MAX, whole))
            .map(|(_, run)| {
                let mut row = run.row(alive_since);
                row.metrics.retain(|name, _| query.metrics.contains(name));
                row.parameters
                    .retain(|name, _| query.parameters.contains(name));
                row
            })
            .collect())
    }

    fn count(&self, query: &RunQuery, alive_since: i64) -> Result<u64, Error> {
        let runs = locked(&self.runs);
        let listed = runs.iter().filter(|run| run.matches(query, alive_since));
        Ok(listed.count() as u64)
    }

    fn metric_names(&self) -> Result<Vec<String>, Error> {
        Ok(self.names(|run| run.series.keys().cloned().collect()))
    }

    fn parameter_names(&self) -> Result<Vec<String>, Error> {
        Ok(self.names(|run| run.parameters.keys().cloned().collect()))
    }

    fn called(&self, wanted: &str) -> Result<Vec<String>, Error> {
        let beginning = wanted.to_ascii_lowercase();
        let runs = locked(&self.runs);
        let mut called: Vec<(usize, &Run)> = (runs.iter().enumerate())
            .filter(|(_, run)| {
                let begins = !wanted.is_empty() && run.claim.id.starts_with(&beginning);
                run.new.name == wanted || begins
            })
            .collect();
        called.sort_by_key(|(place, run)| std::cmp::Reverse((run.started, *place)));
        Ok(called
            .into_iter()
            .map(|(_, run)| run.claim.id.clone())
            .collect())
    }

    fn details(&self, id: &str, alive_since: i64) -> Result<Details, Error> {
        self.with(id, |run| {
            let mut artefacts: Vec<Artefact> = run.artefacts.values().cloned().collect();
            artefacts.sort_by(|a, b| (&a.kind, &a.path).cmp(&(&b.kind, &b.path)));
            Details {
                row: run.row(alive_since),
                environment: run.environment.clone(),
                artefacts,
            }
        })
    }

    fn series(&self, id: &str, metric: &str) -> Result<Vec<Point>, Error> {
        let runs = locked(&self.runs);
        let run = runs.iter().find(|run| run.claim.id == id);
        let series = run.and_then(|run| run.series.get(metric));
        Ok(series.into_iter().flat_map(points).collect())
    }
}

impl Run {
    /// What passes between two signs of life was spent at work.
    fn sign(&mut self, now: i64) {
        self.spent += (now - self.heartbeat).max(0);
        self.heartbeat = now;
    }

    fn apply(&mut self, change: &Change, now: i64) {
        match change.clone() {
            Change::Point {
                metric,
                step,
                value,
            } => {
                self.series.entry(metric).or_default().insert(step, value);
            }
            Change::Keep(step) => self.kept = Some(step),
            Change::Note { name, value } => {
                self.environment.insert(name, value);
            }
            Change::Artefact(artefact) => {
                self.artefacts.insert(artefact.path.clone(), artefact);
            }
            Change::End(state) => {
                self.state = state;
                self.ended = Some(now);
            }
        }
    }

    fn state(&self, alive_since: i64) -> State {
        match self.state {
            State::Running if self.heartbeat < alive_since => State::Interrupted,
            known => known,
        }
    }

    fn matches(&self, query: &RunQuery, alive_since: i64) -> bool {
        let of_kind = query
            .kind
            .as_ref()
            .is_none_or(|kind| *kind == self.new.kind);
        let in_state = |state| self.state(alive_since) == state;
        of_kind && query.state.is_none_or(in_state)
    }

    /// The highest step of any metric.
    fn step(&self) -> Option<u64> {
        let last = |series: &BTreeMap<u64, f64>| series.last_key_value().map(|(step, _)| *step);
        self.series.values().filter_map(last).max()
    }

    /// All of a metric that is not its series.
    fn metric(&self, name: &str) -> Option<Metric> {
        let goal = self.goals.get(name).copied().unwrap_or_default();
        let series = self.series.get(name)?;
        let numbers = points(series).filter(|point| goal != Goal::None && !point.value.is_nan());
        let best = numbers.reduce(
            |best, point| match goal.is_better(point.value, best.value) {
                true => point,
                false => best,
            },
        );
        let kept = self.kept.or_else(|| self.step())?;
        Some(Metric {
            goal,
            last: points(series).next_back()?,
            best,
            kept: series.get(&kept).map(|&value| Point { step: kept, value }),
        })
    }

    /// Which of two runs comes first by a metric: the better one, and what has no number last.
    fn rank(&self, metric: &str, other: &Run) -> Ordering {
        let key = |run: &Run| {
            let metric = run.metric(metric)?;
            let value = metric.kept?.value;
            let cost = if metric.goal == Goal::Most {
                -value
            } else {
                value
            };
            (!value.is_nan()).then_some(cost)
        };
        match (key(self), key(other)) {
            (Some(own), Some(other)) => own.partial_cmp(&other).unwrap_or(Ordering::Equal),
            (own, other) => other.is_some().cmp(&own.is_some()),
        }
    }

    fn row(&self, alive_since: i64) -> RunRow {
        let metrics = self.series.keys();
        RunRow {
            id: self.claim.id.clone(),
            name: self.new.name.clone(),
            kind: self.new.kind.clone(),
            state: self.state(alive_since),
            started: self.started,
            ended: self.ended,
            spent: self.spent,
            seed: self.new.seed,
            folder: self.new.folder.clone(),
            step: self.step(),
            kept: self.kept,
            metrics: metrics
                .filter_map(|name| Some((name.clone(), self.metric(name)?)))
                .collect(),
            parameters: self.parameters.clone(),
        }
    }
}

/// The points of a series, in the order of their steps.
fn points(series: &BTreeMap<u64, f64>) -> impl DoubleEndedIterator<Item = Point> {
    series.iter().map(|(&step, &value)| Point { step, value })
}
