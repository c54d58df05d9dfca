//! The only door to a prediction: the package, its calibration, the answer.
//!
//! Invariant: nothing else turns a network's outputs into what people read; and this crate embeds no
//! model: it is given bytes or a path.

mod answer;
mod calibration;
mod decide;
mod error;
mod graph_text;
mod package;

pub use answer::{Answer, AnswerKind, BreedGuess, Group, Milliseconds, ModelName, Notice, Quality};
pub use calibration::{Calibration, DogRule};
pub use decide::Probabilities;
pub use error::PackageError;
pub use package::{About, Label, Package, Provenance};
