//! What may be wrong with a file of weights.
use std::fmt::Display;

/// Why a file of weights could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// A Git LFS pointer stands where the file should be.
    #[error("this is a Git LFS pointer, not the file itself; hint: run `git lfs pull`")]
    LfsPointer,
    /// A web page stands where the file should be.
    #[error("this is a web page, not a file of weights; hint: download the file itself")]
    Html,
    /// Nothing that is known.
    #[error(
        "not a file of weights that museau reads (safetensors, PyTorch .pth, Keras .h5 and .keras, ONNX, TensorFlow Lite)"
    )]
    Unknown,
    /// Of a known kind, but it breaks the kind's own rules: truncated, overwritten.
    #[error("damaged {format} file: {detail}")]
    Damaged {
        /// The kind of file.
        format: &'static str,
        /// What was found and where.
        detail: String,
    },
    /// Of a known kind and perhaps whole, but it uses what is not supported.
    #[error("{format} file: {detail} is not supported")]
    Unsupported {
        /// The kind of file.
        format: &'static str,
        /// What is not supported.
        detail: String,
    },
    /// It would need far more memory than its own size accounts for.
    #[error(
        "{format} file: its tensors would take {elements} values, more than {bytes} bytes can hold"
    )]
    TooLarge {
        /// The kind of file.
        format: &'static str,
        /// The values claimed.
        elements: usize,
        /// The size of the file.
        bytes: usize,
    },
    /// A layer that the format has no word for.
    #[error("{format} has no counterpart of the layer `{layer}` ({op})")]
    NoCounterpart {
        /// The kind of file.
        format: &'static str,
        /// The layer's name.
        layer: String,
        /// What it does.
        op: String,
    },
    /// What was written is not what was meant.
    #[error("the {format} file read back differs: {detail}")]
    Differs {
        /// The kind of file.
        format: &'static str,
        /// The first difference.
        detail: String,
    },
}

impl FormatError {
    pub(crate) fn damaged(format: &'static str, detail: impl Display) -> Self {
        FormatError::Damaged {
            format,
            detail: detail.to_string(),
        }
    }

    pub(crate) fn unsupported(format: &'static str, detail: impl Display) -> Self {
        FormatError::Unsupported {
            format,
            detail: detail.to_string(),
        }
    }
}
