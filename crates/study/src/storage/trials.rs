//! The seam behind which studies and their trials are kept, beside the runs.
use crate::error::Error;
use crate::space::Distribution;
use crate::studies::{NewStudy, StudyRow, Trial, TrialState};
use serde_json::Value;
use std::fmt::Debug;

/// One way of keeping studies and trials. As of runs: each call does all of its work or nothing, and
/// may come from any thread.
pub(crate) trait Studies: Debug + Send + Sync {
    /// Begins a study.
    ///
    /// # Errors
    /// [`Error::StudyExists`]
    fn new_study(&self, new: &NewStudy) -> Result<i64, Error>;

    /// All studies, in the order in which they began.
    fn studies(&self) -> Result<Vec<StudyRow>, Error>;

    /// Notes something of a study; what has the same key is replaced.
    fn note_study(&self, study: i64, key: &str, value: &Value) -> Result<(), Error>;

    /// The trials of a study that were begun after the one of this id, and those of these ids.
    fn trials(&self, study: i64, after: i64, also: &[i64]) -> Result<Vec<Trial>, Error>;

    /// Gives somebody a trial to work on: the first that waits; else the first whose worker has died; else
    /// a new one, where there are fewer than `most`. The id of the trial.
    fn claim(&self, study: i64, claim: &TrialClaim<'_>, most: u64) -> Result<Option<i64>, Error>;

    /// Gives somebody this trial, whoever had it and however it ended.
    fn reopen(&self, trial: i64, writer: i64) -> Result<(), Error>;

    /// Makes changes to a trial, in their order, and gives a sign of life for it.
    ///
    /// # Errors
    /// [`Error::TrialTakenOver`] where somebody else has it.
    fn write_trial(&self, held: Held, changes: &[TrialChange]) -> Result<(), Error>;

    /// Gives a sign of life for each of these trials that is still held so.
    fn sign_trials(&self, held: &[Held]) -> Result<(), Error>;
}

/// Who asks for a trial.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrialClaim<'a> {
    /// Another number for each claim.
    pub writer: i64,
    /// What tells the worker from others, for people and for other workers.
    pub worker: &'a Value,
    /// Who was not heard of since then has died: milliseconds since 1970 (UTC).
    pub alive_since: i64,
    /// Who is known to have died, whenever he was heard of.
    pub dead: &'a [Held],
}

/// Who works on a trial: the number is drawn anew for each claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The trial's id.
    pub trial: i64,
    /// Another number for each claim.
    pub writer: i64,
}

/// What changes of a trial.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TrialChange {
    /// A parameter has this value.
    Parameter {
        /// Its name.
        name: String,
        /// What it could have been.
        distribution: Distribution,
        /// Its value as it is stored.
        value: f64,
    },
    /// A value on the way; one of the same step is replaced.
    Reported {
        /// The step.
        step: i64,
        /// The value; NaN and infinities stay what they are.
        value: f64,
    },
    /// A fact; one of the same key is replaced.
    Attribute {
        /// Its key.
        key: String,
        /// What it is.
        value: Value,
    },
    /// What a sampler or a worker notes; one of the same key is replaced.
    System {
        /// Its key.
        key: String,
        /// What it is.
        value: Value,
    },
    /// It ends in this state, with these values; or waits again for somebody.
    End {
        /// The state.
        state: TrialState,
        /// A value for each objective.
        values: Vec<f64>,
    },
}

/// The system's attributes of a trial that name who works on it: by the number of the claim, and by what
/// the worker says of itself.
pub(crate) const WRITER: &str = "museau:writer";
pub(crate) const WORKER: &str = "museau:worker";

/// A JSON text; what is none counts as nothing.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// A number as Optuna stores it.
pub(crate) fn number(value: Option<f64>, kind: &str) -> f64 {
    match kind {
        "INF_POS" => f64::INFINITY,
        "INF_NEG" => f64::NEG_INFINITY,
        "NAN" => f64::NAN,
        _ => value.unwrap_or(f64::NAN),
    }
}

/// How Optuna stores a number.
pub(crate) fn stored(value: f64) -> (Option<f64>, &'static str) {
    match value {
        value if value.is_nan() => (None, "NAN"),
        f64::INFINITY => (None, "INF_POS"),
        f64::NEG_INFINITY => (None, "INF_NEG"),
        value => (Some(value), "FINITE"),
    }
}
