//! From lowered steps to operations on kernels.
pub(crate) mod inference;
pub(crate) mod training;
