//! The numeric kernels: one folder an operation, in each the readable reference and the fast one.
//!
//! Invariant: every intrinsic and nearly all unsafe code of museau is here, behind safe functions
//! that check their slices. Everything is f32 NHWC, one image at a time; a kernel is given the pool
//! that it may use and splits its own work.

pub mod batch_norm;
pub mod conv2d;
pub mod dense;
pub mod depthwise;
pub mod dropout;
pub mod elementwise;
pub mod peak;
pub mod pooling;
pub mod rearrange;
pub mod softmax;

mod activation;
mod float;
mod gemm;
mod isa;
mod normed;
mod share;
#[cfg(test)]
mod tests;
mod window;

pub use activation::Activation;
pub use float::Float;
pub use isa::{Isa, Loops};
pub use normed::{Above, Normed};
pub use window::Window;
