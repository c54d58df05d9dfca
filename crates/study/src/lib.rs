//! Runs: what was trained, with which settings, and how it went, in a database that several
//! processes share.
//!
//! [`Storage`] keeps runs, in an SQLite file or in memory; a [`Recorder`] writes one; [`Comparison`]
//! puts several side by side.
//!
//! Invariant: this crate knows no network and no photo. A run is a name, parameters as text and
//! series of numbers, whoever makes them; what it holds can be thrown away without losing a model.
//!
//! ```
//! use study::{Goal, NewRun, RunQuery, State, Storage};
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("runs.sqlite");
//! let storage = Storage::open(&path)?;
//! let mut recorder = storage.begin(&NewRun {
//!     name: "first try".to_owned(),
//!     parameters: vec![("optimizer.rate".to_owned(), "0.001".to_owned())],
//!     goals: vec![("loss".to_owned(), Goal::Least)],
//!     ..NewRun::default()
//! })?;
//! recorder.metrics(1, &[("loss", 2.0)])?;
//! recorder.metrics(2, &[("loss", 1.5)])?;
//! recorder.finish(State::Complete)?;
//!
//! let viewer = Storage::open_read_only(&path)?;
//! let rows = viewer.runs(&RunQuery { metrics: vec!["loss".to_owned()], ..RunQuery::default() })?;
//! assert_eq!(rows[0].metrics["loss"].last.value, 1.5);
//! # Ok::<(), study::Error>(())
//! ```

mod error;
pub mod pruners;
mod recorder;
mod regular_file;
mod runs;
pub mod samplers;
mod space;
mod storage;
mod studies;

pub use error::Error;
pub use recorder::Recorder;
pub use runs::{
    Artefact, Compared, Comparison, Details, Goal, Metric, NewRun, Order, Point, RunQuery, RunRow,
    State,
};
pub use samplers::rank::front;
pub use space::{Assignment, Condition, Distribution, Parameter, Space, SpaceError};
pub use storage::{IN_MEMORY, Options, Storage};
pub use studies::{
    ActiveTrial, Direction, NewStudy, Study, StudyRow, Trial, TrialState, importance,
};
