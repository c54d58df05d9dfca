//! Runs as values: what is said of one, what a list asks for, and several side by side.
mod comparison;
mod query;
mod run;

pub use comparison::{Compared, Comparison};
pub use query::{Order, RunQuery};
pub use run::{Artefact, Details, Goal, Metric, NewRun, Point, RunRow, State};
