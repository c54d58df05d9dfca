//! The convolution of each channel by itself.
pub mod reference;
