//! What is known of runs.
mod run;

pub use run::{Artefact, Details, Goal, Metric, NewRun, Point, RunRow, State};
