//! A training from a recipe to a package, in a folder of its own.
mod best;
mod checkpoint;
mod content;
mod curve;
mod folder;
mod head_source;
mod keeper;
mod metrics;
pub mod names;
mod network;
mod outcome;
mod own;
mod photos;
mod prepared;
mod result;
mod session;
mod source;
mod surroundings;
mod trainer;
mod training;

pub use folder::{About, RunFolder, best_networks};
pub use network::{Network, Transfer, network};
pub use outcome::{Ended, Outcome};
pub use photos::photos;
pub use surroundings::Surroundings;
pub use trainer::{begin, resume, try_rates};

#[cfg(test)]
pub(crate) mod tests;
