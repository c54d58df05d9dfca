//! From a photo's bytes to the network's input: decode, orient, resize, scale.
//!
//! Invariant: [`decode`] and [`prepare`] are the only makers of input tensors, for the command line,
//! the pages, evaluation and measurements alike. This crate opens no file and runs no network.

pub mod augment;
mod budget;
mod color;
mod decode;
pub mod encode;
mod error;
pub mod filters;
mod format;
mod limits;
mod orientation;
mod photo;
mod prepare;
mod quality;
mod resize;
mod similarity;
pub mod steps;

pub use budget::Budget;
pub use decode::{decode, decode_within};
pub use error::{DecodeError, Excess, PrepareError};
pub use filters::shrunk;
pub use format::{Format, has_photo_ending};
pub use limits::Limits;
pub use orientation::Orientation;
pub use photo::{Found, Photo};
pub use prepare::{Scaler, Views, check, pixels, prepare};
pub use quality::{Flaw, quality};
pub use similarity::{psnr, ssim};
