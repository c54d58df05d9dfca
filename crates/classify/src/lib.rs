//! The only door to a prediction: the package, its calibration, the answer.
//!
//! Invariant: nothing else turns a network's outputs into what people read; and this crate embeds no
//! model: it is given bytes or a path.
//!
//! [`Classifier::open`] checks a package and plans its network; [`Classifier::classify`] answers
//! photos; [`Features`] gives what the head of the network sees. [`make`] makes packages from published weights.

mod answer;
mod calibration;
mod classifier;
mod decide;
mod error;
mod features;
mod graph_text;
pub mod make;
mod network;
mod package;
mod said;

pub use answer::{Answer, AnswerKind, BreedGuess, Group, Milliseconds, ModelName, Notice, Quality};
pub use calibration::{Calibration, DogRule, softmax};
pub use classifier::{Classifier, ClassifyOptions, Seen};
pub use decide::Probabilities;
pub use error::{ClassifyError, PackageError, network_reason, photo_message};
pub use features::Features;
pub use network::OpenOptions;
pub use package::{About, Label, Package, PhotoIds, Provenance, TrainingRecord};
