//! What is done to each value by itself.
pub mod reference;
