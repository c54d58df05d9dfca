//! Batch normalisation.
pub mod reference;
pub mod training;
