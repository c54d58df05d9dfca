//! Bytes to named tensors and back: safetensors, PyTorch's `.pth`, Keras's `.h5`, `.weights.h5` and
//! `.keras`, ONNX, TensorFlow Lite; and the strict hand-over of a file's tensors to the parameters
//! that a graph wants. Whole models are written too ([`Target`]).
//!
//! Invariant: this crate knows no backbone. What a file calls its tensors and how it lays them out
//! is told by [`graph::WeightNames`]; whatever is not told is an error, never a guess. No input,
//! however damaged, makes it panic, run anything, or take more memory than a small multiple of the
//! file's own size.

mod archive;
mod assign;
mod error;
mod keras;
mod limits;
mod model;
mod npy;
mod number;
mod onnx;
mod pytorch;
mod safetensors;
mod tflite;

pub use assign::{Fit, Mismatch, ShapeMismatch, assign, fit};
pub use error::FormatError;
pub use graph::Origin;
pub use model::{Model, Target};
pub use npy::write_npy;
pub use safetensors::{Header, Precision, read_safetensors, write_safetensors, write_values};

use std::collections::BTreeMap;
use tensor::NamedTensors;

/// What a file of weights holds.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Where the file comes from.
    pub origin: Origin,
    /// The tensors, in the file's own order, layout and type of number: f32, f16, i8 or u8, all
    /// others rounded to f32.
    pub tensors: NamedTensors,
    /// What else the file says of itself as text: safetensors's metadata, Keras's `model_config`,
    /// `keras_version`, `backend` and `training_config`.
    pub metadata: BTreeMap<String, String>,
}

/// Reads a file of weights of any format that this crate knows, found by its first bytes.
///
/// # Errors
/// [`FormatError`] where the file is of no known kind, damaged, or asks for what is not supported.
pub fn read(bytes: &[u8]) -> Result<Weights, FormatError> {
    if bytes.is_empty() {
        Err(FormatError::Empty)
    } else if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
        keras::read(bytes)
    } else if bytes.starts_with(b"PK\x03\x04") {
        let files = archive::unzip(bytes)?;
        match files.contains_key("model.weights.h5") || files.contains_key("config.json") {
            true => keras::read_keras(&files),
            false => pytorch::read_zip(files, bytes.len()),
        }
    } else if bytes.starts_with(&pytorch::LEGACY_MAGIC) {
        pytorch::read_legacy(bytes)
    } else if bytes.get(8) == Some(&b'{') {
        let (tensors, metadata) = read_safetensors(bytes)?;
        Ok(Weights {
            origin: Origin::Safetensors,
            tensors,
            metadata,
        })
    } else if bytes.get(4..8) == Some(b"TFL3") {
        tflite::read(bytes)
    } else {
        match foreign(bytes) {
            // ONNX has no sign of its own.
            FormatError::Unknown => onnx::read(bytes)?.ok_or(FormatError::Unknown),
            other => Err(other),
        }
    }
}

/// Names a file that holds no weights as what it is, where that can be seen.
fn foreign(bytes: &[u8]) -> FormatError {
    let start = &bytes[..bytes.len().min(512)];
    let text = String::from_utf8_lossy(start)
        .trim_start()
        .to_ascii_lowercase();
    if start.starts_with(b"version https://git-lfs") {
        FormatError::LfsPointer
    } else if text.starts_with("<!doctype html") || text.starts_with("<html") {
        FormatError::Html
    } else {
        FormatError::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_holds_no_weights() {
        let kinds = [
            (&b""[..], FormatError::Empty),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
                FormatError::LfsPointer,
            ),
            (b"\n<!DOCTYPE html><html>", FormatError::Html),
            (b"just a text", FormatError::Unknown),
        ];
        for (bytes, expected) in kinds {
            assert_eq!(read(bytes).unwrap_err().to_string(), expected.to_string());
        }
    }
}
