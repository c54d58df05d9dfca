//! The only door to a prediction: the package, its calibration, the answer.

mod answer;

pub use answer::{Answer, AnswerKind, BreedGuess, Group, Milliseconds, ModelName, Notice, Quality};
