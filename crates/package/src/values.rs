//! The values of a package as they are stored: f16 for matrices, f32 for vectors.
use crate::error::PackageError;
use formats::Precision;
use half::f16;
use safetensors::Dtype;
use tensor::{AlignedBuffer, Tensor, Values};

/// How a tensor is stored: matrices as f16, vectors as f32.
pub(crate) fn precision(tensor: &Tensor) -> Precision {
    match tensor.shape().rank() {
        0 | 1 => Precision::F32,
        _ => Precision::F16,
    }
}

/// Writes a tensor's values as it is stored; answers the type's name.
pub(crate) fn write(tensor: &Tensor, bytes: &mut Vec<u8>) -> &'static str {
    let precision = precision(tensor);
    formats::write_values(tensor, precision, bytes);
    precision.name()
}

/// A tensor's values, as they were stored.
pub(crate) fn read(dtype: Dtype, data: &[u8], name: &str) -> Result<Values, PackageError> {
    match dtype {
        Dtype::F32 => {
            let mut values = AlignedBuffer::zeroed(data.len() / 4);
            for (value, bytes) in values.iter_mut().zip(data.as_chunks().0) {
                *value = f32::from_le_bytes(*bytes);
            }
            Ok(Values::F32(values))
        }
        Dtype::F16 => {
            let mut values = AlignedBuffer::zeroed(data.len() / 2);
            for (value, bytes) in values.iter_mut().zip(data.as_chunks().0) {
                *value = f16::from_le_bytes(*bytes);
            }
            Ok(Values::F16(values))
        }
        other => Err(PackageError::Inconsistent {
            reason: format!("`{name}` is stored as {other:?}; F16 and F32 are understood"),
        }),
    }
}
