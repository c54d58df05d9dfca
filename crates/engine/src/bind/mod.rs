//! From steps as data to operations on the CPU's kernels. For each lowering a binding tells the memory
//! that a step works in, which is all that a layout must know, and later makes its operation.
pub(crate) mod inference;
mod layer;
pub(crate) mod training;
