//! What a network is: operations, their shapes and costs, and what input it wants.
//!
//! Invariant: this crate computes nothing. A [`Graph`] is a description; the values of its
//! parameters live beside it in a `tensor::NamedTensors`, and `engine` runs it.

mod input;
mod op;

pub use input::{Filter, Geometry, InputSpec, Scaling, View};
pub use op::{Activation, Conv2d, DepthwiseConv2d, Op, Padding, Pool2d};
