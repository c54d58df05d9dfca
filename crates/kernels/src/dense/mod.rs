//! The dense layer.
pub mod reference;
