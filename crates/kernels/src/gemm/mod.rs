//! The matrix product under every convolution and dense layer: weights packed in panels, and tiles
//! of sums that stay in registers.

mod halves;
mod outer;
mod panels;
mod source;
mod tile;

pub(crate) use halves::HalfPanels;
pub(crate) use outer::{Outer, add_outer};
pub(crate) use panels::{Epilogue, Layout, Packed, Panels, SharedOutput};
pub(crate) use source::{Source, gather};
