//! The values of a package as they are stored: f16 or int8 for matrices, f32 for vectors.
use crate::error::PackageError;
use formats::Precision;
use half::f16;
use safetensors::Dtype;
use tensor::{AlignedBuffer, Shape, Tensor, Values};

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

/// A matrix in whole numbers from -127 to 127.
pub(crate) struct Int8 {
    /// Row-major.
    values: Vec<i8>,
    /// What 1 stands for, for each output channel (place of the last axis).
    scales: Vec<f32>,
}

/// The largest whole number: -128 would have no counterpart.
const LARGEST: f32 = 127.0;

impl Int8 {
    /// The nearest whole numbers; exactly those of a matrix that was made of whole numbers by
    /// [`Int8::tensor`].
    pub(crate) fn of(tensor: &Tensor) -> Self {
        let all = tensor.values();
        let channels = tensor.shape().channels();
        let mut scales = vec![0f32; channels];
        for row in all.chunks_exact(channels) {
            for (scale, value) in scales.iter_mut().zip(row) {
                *scale = scale.max(value.abs());
            }
        }
        for scale in &mut scales {
            // Of 16 significant bits, times 127 no bit of f32 is lost: what is read gives the scale again.
            *scale = f32::from_bits((*scale / LARGEST).to_bits() & !0xFF);
        }
        let nearest = |(value, &scale): (&f32, &f32)| match scale > 0.0 {
            true => (value / scale).round().clamp(-LARGEST, LARGEST) as i8,
            false => 0,
        };
        let values = all.chunks_exact(channels);
        let values = values.flat_map(|row| row.iter().zip(&scales).map(nearest));
        Int8 {
            values: values.collect(),
            scales,
        }
    }

    /// From what a file holds; none where there are not as many scales as output channels, or they are no
    /// numbers.
    pub(crate) fn read(values: &[u8], scales: &[u8], shape: Shape) -> Option<Self> {
        let scales = scales.as_chunks().0.iter();
        let scales: Vec<f32> = scales.map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let sound =
            scales.len() == shape.channels() && scales.iter().all(|scale| scale.is_finite());
        sound.then(|| Int8 {
            values: values.iter().map(|&byte| byte.cast_signed()).collect(),
            scales,
        })
    }

    /// The numbers that it stands for.
    pub(crate) fn tensor(&self, shape: Shape) -> Tensor {
        let channels = self.scales.len();
        let mut tensor = Tensor::zeros(shape);
        let rows = tensor.values_mut().chunks_exact_mut(channels.max(1));
        for (to, from) in rows.zip(self.values.chunks_exact(channels.max(1))) {
            for ((to, &from), scale) in to.iter_mut().zip(from).zip(&self.scales) {
                *to = f32::from(from) * scale;
            }
        }
        tensor
    }

    /// Writes the whole numbers.
    pub(crate) fn write_values(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.values.iter().map(|value| value.cast_unsigned()));
    }

    /// Writes the scales, little-endian f32.
    pub(crate) fn write_scales(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.scales.iter().flat_map(|scale| scale.to_le_bytes()));
    }
}
