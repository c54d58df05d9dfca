//! The values of a package as they are stored: f16 for matrices, f32 for vectors.
use crate::error::PackageError;
use formats::Precision;
use half::slice::HalfFloatSliceExt;
use safetensors::Dtype;
use tensor::{AlignedBuffer, Tensor};

/// How a tensor is stored: matrices as f16, vectors as f32.
pub(crate) fn precision(tensor: &Tensor) -> Precision {
    match tensor.shape().rank() {
        0 | 1 => Precision::F32,
        _ => Precision::F16,
    }
}

/// Writes a tensor's values as it is stored; answers the type's name.
pub(crate) fn write(tensor: &Tensor, bytes: &mut Vec<u8>) -> &'static str {
    let values = tensor.values().iter();
    match precision(tensor) {
        Precision::F32 => {
            bytes.extend(values.flat_map(|value| value.to_le_bytes()));
            "F32"
        }
        Precision::F16 => {
            let halves = values.map(|&value| half::f16::from_f32(value));
            bytes.extend(halves.flat_map(|value| value.to_le_bytes()));
            "F16"
        }
    }
}

/// A tensor's values, as they were stored.
pub(crate) fn read(dtype: Dtype, data: &[u8], name: &str) -> Result<AlignedBuffer, PackageError> {
    match dtype {
        Dtype::F32 => {
            let mut values = AlignedBuffer::zeroed(data.len() / 4);
            for (value, bytes) in values.iter_mut().zip(data.chunks_exact(4)) {
                *value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
            Ok(values)
        }
        Dtype::F16 => {
            /// Halves converted at a time: few enough to stay in the first cache.
            const BLOCK: usize = 4096;
            let mut values = AlignedBuffer::zeroed(data.len() / 2);
            let mut halves = [half::f16::ZERO; BLOCK];
            for (values, bytes) in values.chunks_mut(BLOCK).zip(data.chunks(2 * BLOCK)) {
                let halves = &mut halves[..values.len()];
                for (half, bytes) in halves.iter_mut().zip(bytes.chunks_exact(2)) {
                    *half = half::f16::from_le_bytes([bytes[0], bytes[1]]);
                }
                halves.convert_to_f32_slice(values);
            }
            Ok(values)
        }
        other => Err(PackageError::Inconsistent {
            reason: format!("`{name}` is stored as {other:?}; F16 and F32 are understood"),
        }),
    }
}
