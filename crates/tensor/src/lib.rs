//! Shapes, typed aligned buffers, named tensors, the worker pool, how much memory is free: what every other
//! crate stands on.
//!
//! Invariant: this crate knows no network and no file format. Its only unsafe code is the allocation
//! of aligned memory, the hand-over of borrowed work to the pool's threads, and the mapping of a
//! file's bytes.

mod buffer;
mod mapped_file;
pub mod memory;
mod named;
mod pool;
mod random;
mod regular_file;
mod shape;
mod values;

pub use buffer::{AlignedBuffer, Element};
pub use mapped_file::MappedFile;
pub use named::{NamedTensors, Tensor, TensorError};
pub use pool::Pool;
pub use random::Random;
pub use regular_file::{
    open_named, open_regular, read_named, read_regular, read_text, regular_metadata,
};
pub use shape::Shape;
pub use values::Values;
