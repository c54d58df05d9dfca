//! The seam behind which runs are kept: what a storage must be able to do, in values of this crate.
use super::trials::Studies;
use crate::error::Error;
use crate::runs::{Artefact, Details, NewRun, Point, RunQuery, RunRow, State};

/// One way of keeping runs. Each call does all of its work or nothing, sees nothing half-done by
/// another, and may come from any thread. Times are milliseconds since 1970 (UTC); a run that is
/// `running` and whose last sign of life is older than `alive_since` is told as interrupted.
pub(crate) trait Backend: Studies {
    /// The studies that are kept in the same place.
    fn studies_kept(&self) -> &dyn Studies;

    /// Begins the run of this claim, whose id no run has.
    fn begin(&self, claim: &Claim, new: &NewRun, now: i64) -> Result<(), Error>;

    /// Gives a run to this claim and takes it from the one before, without what was recorded of steps
    /// after `step`. The folder of the run.
    fn resume(&self, claim: &Claim, step: u64, now: i64) -> Result<Option<String>, Error>;

    /// Gives a sign of life for each of these runs that is still the claim's.
    fn sign(&self, claims: &[Claim], now: i64) -> Result<(), Error>;

    /// Makes changes to a run, in their order, and gives a sign of life for it.
    ///
    /// # Errors
    /// [`Error::TakenOver`] where the run is another claim's, [`Error::NoSuchRun`] where it is gone.
    fn write(&self, claim: &Claim, changes: &[Change], now: i64) -> Result<(), Error>;

    /// Removes runs; [`Error::NoSuchRun`], and all of them stay, where one is not there.
    fn remove(&self, ids: &[String]) -> Result<(), Error>;

    /// A list of runs.
    fn runs(&self, query: &RunQuery, alive_since: i64) -> Result<Vec<RunRow>, Error>;

    /// How many runs a list has without its limit and without what it skips.
    fn count(&self, query: &RunQuery, alive_since: i64) -> Result<u64, Error>;

    /// The names of all metrics that any run reported, sorted.
    fn metric_names(&self) -> Result<Vec<String>, Error>;

    /// The names of all parameters of any run, sorted.
    fn parameter_names(&self) -> Result<Vec<String>, Error>;

    /// The ids of the runs that have this name, or whose id begins so in any case; newest first.
    fn called(&self, wanted: &str) -> Result<Vec<String>, Error>;

    /// All of a run but its series.
    fn details(&self, id: &str, alive_since: i64) -> Result<Details, Error>;

    /// The values of a metric of a run by their steps; none where it has no such metric.
    fn series(&self, id: &str, metric: &str) -> Result<Vec<Point>, Error>;
}

/// Who may write a run: drawn anew for each beginning and resumption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The run's id.
    pub id: String,
    /// Another number for each writer of the run.
    pub writer: i64,
}

/// What changes of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// A value of a metric; one of the same step is replaced.
    Point {
        /// The metric.
        metric: String,
        /// Its step.
        step: u64,
        /// Its value; NaN and infinities stay what they are.
        value: f64,
    },
    /// The step whose result the run keeps from now on.
    Keep(u64),
    /// A fact about the run; one of the same name is replaced.
    Note {
        /// Its name.
        name: String,
        /// What it is.
        value: String,
    },
    /// A file; one of the same path is replaced.
    Artefact(Artefact),
    /// The run ends, in this state.
    End(State),
}
