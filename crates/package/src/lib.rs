//! The file of a model, `NAME.museau`: what it says of itself, reading and writing it, its calibration,
//! and naming what is not one.
//!
//! Invariant: this crate runs no network and prepares no photo; whether a package can be used here is
//! for `classify` to say.

mod about;
mod calibration;
mod error;
mod foreign;
mod header;
mod package;
mod photo_ids;
mod prior;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
#[cfg(test)]
mod tests;
mod values;

pub use about::{About, Label, Provenance, Stored, TrainingRecord};
pub use calibration::{Calibration, DogRule, GateRule, TEMPERATURES, log_sum_exp, softmax};
pub use error::{PackageError, network_reason};
pub use package::Package;
pub use photo_ids::PhotoIds;
pub use prior::{Prior, PriorError};
