//! A training from a recipe to a package, in a folder of its own.
mod checkpoint;
mod curve;
mod folder;
mod network;
mod outcome;
mod photos;
mod prepared;
mod surroundings;
mod trainer;
mod training;

pub use folder::{About, RunFolder, best_epoch};
pub use network::{Network, network};
pub use outcome::{Ended, Outcome};
pub use photos::photos;
pub use surroundings::Surroundings;
pub use trainer::{begin, resume, try_rates};

#[cfg(test)]
mod tests;
