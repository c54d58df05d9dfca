//! The convolution.
pub mod reference;
