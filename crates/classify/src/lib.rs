//! The only door to a prediction: a package opened, photos answered.
//!
//! Invariant: nothing else turns a network's outputs into what people read; and this crate embeds no
//! model: it is given bytes or a path.
//!
//! [`Classifier::open`] checks a package and plans its network; [`Classifier::classify`] answers
//! photos; [`Features`] gives what the head of the network sees.

mod answer;
mod classifier;
mod decide;
mod error;
mod explain;
mod features;
mod gate;
mod network;
mod said;

pub use answer::{
    Answer, AnswerKind, BreedGuess, BreedType, Group, Milliseconds, ModelName, Notice, Quality,
};
pub use classifier::{Classifier, ClassifyOptions, Seen};
pub use decide::Probabilities;
pub use error::{ClassifyError, OpenError};
pub use explain::{Deletion, Explainer, HeatMap};
pub use features::Features;
pub use gate::{Gate, Guarded};
pub use network::OpenOptions;
