//! What is known of a run.
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Its process gave a sign of life within [`crate::Options::patience`].
    Running,
    /// It came to its end.
    Complete,
    /// An error ended it.
    Failed,
    /// It was stopped, or its process died; it may be resumed.
    Interrupted,
}

impl State {
    /// Every state.
    pub const ALL: [State; 4] = [
        State::Running,
        State::Complete,
        State::Failed,
        State::Interrupted,
    ];

    /// As it is stored and as programs read it.
    pub fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Complete => "complete",
            State::Failed => "failed",
            State::Interrupted => "interrupted",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Which values of a metric are good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// None is better than another: a learning rate.
    #[default]
    None,
    /// Low ones: a loss.
    Least,
    /// High ones: an accuracy.
    Most,
}

impl Goal {
    /// As it is stored and as programs read it; nothing where no value is better.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Goal::None => None,
            Goal::Least => Some("min"),
            Goal::Most => Some("max"),
        }
    }

    pub(crate) fn by_name(name: Option<&str>) -> Goal {
        match name {
            Some("min") => Goal::Least,
            Some("max") => Goal::Most,
            _ => Goal::None,
        }
    }

    /// Whether `value` is better than `than`; NaN never is.
    pub fn is_better(self, value: f64, than: f64) -> bool {
        match self {
            Goal::None => false,
            Goal::Least => value < than,
            Goal::Most => value > than,
        }
    }
}

/// What is said of a run when it begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewRun {
    /// Its id, where another database gave it one; otherwise one is drawn.
    pub id: Option<String>,
    /// A name for people; several runs may have the same.
    pub name: String,
    /// What was done: `train`.
    pub kind: String,
    /// The seed of its random numbers.
    pub seed: Option<u64>,
    /// The folder that it writes into.
    pub folder: Option<PathBuf>,
    /// Its settings, flat: `optimizer.rate`, `0.001`.
    pub parameters: Vec<(String, String)>,
    /// Where it ran: versions, host, threads.
    pub environment: Vec<(String, String)>,
    /// Which values of its metrics are good; of the others none is better.
    pub goals: Vec<(String, Goal)>,
}

/// A value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The step, such as the epoch.
    pub step: u64,
    /// The value; NaN and infinities as they came.
    pub value: f64,
}

/// The latest and the best value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Which values are good.
    pub goal: Goal,
    /// The value of the highest step.
    pub last: Point,
    /// The best value, at the first step that had it; nothing without a goal or where all are NaN.
    pub best: Option<Point>,
    /// The value of the step whose result the run keeps ([`RunRow::kept`]), else of its last step.
    pub kept: Option<Point>,
}

/// A file that a run made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    /// What it is: `package`, `checkpoint`, `report`.
    pub kind: String,
    /// Its place: within the run's folder relative to it, else absolute.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// The BLAKE3 of its content, in hexadecimal.
    pub hash: String,
}

/// A run as a list shows it, with the metrics and parameters that were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Twelve hexadecimal digits, drawn by chance.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What was done.
    pub kind: String,
    /// How far it has come.
    pub state: State,
    /// When it began, in milliseconds since 1970 (UTC).
    pub started: i64,
    /// When it ended, in milliseconds since 1970 (UTC).
    pub ended: Option<i64>,
    /// Milliseconds that it was at work: without the time between a break and its resumption.
    pub spent: i64,
    /// The seed of its random numbers.
    pub seed: Option<u64>,
    /// The folder that it writes into.
    pub folder: Option<PathBuf>,
    /// The highest step of any of its metrics.
    pub step: Option<u64>,
    /// The step whose result it keeps, such as the epoch whose weights do best; nothing where it keeps
    /// the last.
    pub kept: Option<u64>,
    /// Those of the metrics asked for that it has.
    pub metrics: BTreeMap<String, Metric>,
    /// Those of the parameters asked for that it has.
    pub parameters: BTreeMap<String, String>,
}

/// All that is known of a run but its series.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// What a list shows, with every metric and parameter.
    pub row: RunRow,
    /// Where it ran.
    pub environment: BTreeMap<String, String>,
    /// The files that it made.
    pub artefacts: Vec<Artefact>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::by_name(state.name()), Some(state));
        }
        for goal in [Goal::None, Goal::Least, Goal::Most] {
            assert_eq!(Goal::by_name(goal.name()), goal);
            assert!(!goal.is_better(f64::NAN, 1.0) && !goal.is_better(1.0, 1.0));
        }
    }
}
