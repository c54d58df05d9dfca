//! Where runs are kept.
mod sqlite;

pub use sqlite::{Options, RunQuery, Storage};
pub(crate) use sqlite::{now, sign};
