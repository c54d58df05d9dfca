//! The softmax.
pub mod reference;
