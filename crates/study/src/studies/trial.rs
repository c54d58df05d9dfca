//! What is known of a trial.
use crate::space::{Assignment, Distribution};
use crate::storage::{Held, WORKER, WRITER};
use serde_json::Value;
use std::collections::BTreeMap;

/// Which values of an objective are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Low ones: a loss.
    Minimize,
    /// High ones: an accuracy.
    Maximize,
}

impl Direction {
    /// As Optuna stores it.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Minimize => "MINIMIZE",
            Direction::Maximize => "MAXIMIZE",
        }
    }

    /// What Optuna stored; one that was not set is minimised, as Optuna does.
    pub(crate) fn by_name(name: &str) -> Direction {
        match name {
            "MAXIMIZE" => Direction::Maximize,
            _ => Direction::Minimize,
        }
    }

    /// The value as one of which lower is better; what is no number is worst.
    pub fn cost(self, value: f64) -> f64 {
        match self {
            _ if value.is_nan() => f64::INFINITY,
            Direction::Minimize => value,
            Direction::Maximize => -value,
        }
    }
}

/// How far a trial has come, as Optuna tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrialState {
    /// Somebody works on it.
    Running,
    /// It has its values.
    Complete,
    /// It was ended before its time, since others did better, or never begun, since it could not fit.
    Pruned,
    /// An error ended it.
    Failed,
    /// It waits for somebody who works on it.
    Waiting,
}

impl TrialState {
    /// Every state.
    pub const ALL: [TrialState; 5] = [
        TrialState::Running,
        TrialState::Complete,
        TrialState::Pruned,
        TrialState::Failed,
        TrialState::Waiting,
    ];

    /// As Optuna stores it.
    pub fn name(self) -> &'static str {
        match self {
            TrialState::Running => "RUNNING",
            TrialState::Complete => "COMPLETE",
            TrialState::Pruned => "PRUNED",
            TrialState::Failed => "FAIL",
            TrialState::Waiting => "WAITING",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<TrialState> {
        TrialState::ALL
            .into_iter()
            .find(|state| state.name() == name)
    }

    /// Whether it has ended, one way or another.
    pub fn is_finished(self) -> bool {
        matches!(
            self,
            TrialState::Complete | TrialState::Pruned | TrialState::Failed
        )
    }
}

/// A trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Its number among all trials of the storage.
    pub(crate) id: i64,
    /// Its number among those of its study, from 0.
    pub number: u64,
    /// How far it has come.
    pub state: TrialState,
    /// When it began, in milliseconds since 1970 (UTC).
    pub started: Option<i64>,
    /// When it ended, in milliseconds since 1970 (UTC).
    pub ended: Option<i64>,
    /// Its parameters: what each could have been, and its value as it is stored.
    pub parameters: BTreeMap<String, (Distribution, f64)>,
    /// A value for each objective of the study; none before it is complete.
    pub values: Vec<f64>,
    /// What was reported on the way, by step.
    pub reported: BTreeMap<i64, f64>,
    /// What people and programs noted of it.
    pub attributes: BTreeMap<String, Value>,
    /// What samplers, pruners and workers noted of it.
    pub system: BTreeMap<String, Value>,
}

/// The attribute under which Optuna keeps what a trial exceeds, by how much.
pub(crate) const CONSTRAINTS: &str = "constraints";

/// The attribute under which Optuna keeps the parameters that a person asked for.
const FIXED: &str = "fixed_params";

impl Trial {
    /// A trial that waits, without anything.
    pub(crate) fn new(id: i64, number: u64) -> Self {
        Trial {
            id,
            number,
            state: TrialState::Waiting,
            started: None,
            ended: None,
            parameters: BTreeMap::new(),
            values: Vec::new(),
            reported: BTreeMap::new(),
            attributes: BTreeMap::new(),
            system: BTreeMap::new(),
        }
    }

    /// Its parameters as a person reads them.
    pub fn settings(&self) -> impl Iterator<Item = (&str, Value)> {
        (self.parameters.iter()).map(|(name, (kind, value))| (name.as_str(), kind.external(*value)))
    }

    /// Its parameters as they are stored.
    pub fn assignment(&self) -> Assignment {
        let parameters = self.parameters.iter();
        parameters
            .map(|(name, (_, value))| (name.clone(), *value))
            .collect()
    }

    /// By how much it exceeds what it may take, all limits together; 0 where it keeps them.
    pub fn excess(&self) -> f64 {
        let whole = self.system.get(CONSTRAINTS).and_then(Value::as_array);
        let (prefix, own) = (format!("{CONSTRAINTS}:"), self.system.iter());
        let each = own.filter(|(key, _)| key.starts_with(&prefix));
        let all = whole
            .into_iter()
            .flatten()
            .chain(each.map(|(_, value)| value));
        all.filter_map(Value::as_f64)
            .filter(|excess| *excess > 0.0)
            .sum()
    }

    /// Who works on it, where somebody does who takes part in this.
    pub(crate) fn held(&self) -> Option<Held> {
        let writer = self.system.get(WRITER)?.as_i64()?;
        let trial = self.id;
        (self.state == TrialState::Running).then_some(Held { trial, writer })
    }

    /// What the worker who has it, or had it last, says of itself.
    pub fn worker(&self) -> Option<&Value> {
        self.system.get(WORKER)
    }

    /// The values that a person asked for, by parameter.
    pub fn wanted(&self) -> BTreeMap<String, Value> {
        let wanted = self.system.get(FIXED).and_then(Value::as_object);
        let pairs = wanted.into_iter().flatten();
        pairs
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// How long it took, or has taken until `now`, in milliseconds.
    pub fn spent(&self, now: i64) -> Option<i64> {
        Some((self.ended.unwrap_or(now) - self.started?).max(0))
    }
}

/// What is said of a study when it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct NewStudy {
    /// Its name, which no other study of the storage has.
    pub name: String,
    /// Its objectives.
    pub directions: Vec<Direction>,
    /// What is known of it besides.
    pub attributes: BTreeMap<String, Value>,
}

/// A study as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyRow {
    pub(crate) id: i64,
    /// Its name.
    pub name: String,
    /// Its objectives.
    pub directions: Vec<Direction>,
    /// What is known of it besides.
    pub attributes: BTreeMap<String, Value>,
    /// Trials in each state.
    pub counts: BTreeMap<TrialState, u64>,
}

impl StudyRow {
    /// Trials in this state.
    pub fn count(&self, state: TrialState) -> u64 {
        self.counts.get(&state).copied().unwrap_or(0)
    }
}
