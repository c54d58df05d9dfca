//! The matrix product under every convolution and dense layer: weights packed in panels, and tiles
//! of sums that stay in registers.

mod panels;
mod source;
mod tile;

pub(crate) use panels::{Epilogue, Panels, SharedOutput};
pub(crate) use source::Source;
