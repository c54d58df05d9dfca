//! A training from a recipe to a package, in a folder of its own.
mod checkpoint;
mod curve;
mod folder;
mod network;
mod photos;
mod trainer;

pub use folder::{About, RunFolder};
pub use network::{Network, network};
pub use photos::photos;
pub use trainer::{Ended, Outcome, Surroundings, begin, resume, try_rates};

#[cfg(test)]
mod tests;
