//! Tensors, and maps of them by name: what a weights file holds and a graph is filled with.
use crate::{AlignedBuffer, Shape, Values};
use indexmap::IndexMap;
use std::borrow::Cow;

/// Values with their shape, row-major, the innermost dimension contiguous.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Shape,
    values: Values,
}

/// What may be wrong with a tensor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// The number of values is not the product of the dimensions.
    #[error("a tensor of shape {shape} cannot hold {values} values")]
    Elements {
        /// The shape asked for.
        shape: Shape,
        /// The number of values given.
        values: usize,
    },
}

impl Tensor {
    /// A tensor of zeros.
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        Tensor {
            shape,
            values: Values::F32(AlignedBuffer::zeroed(shape.elements())),
        }
    }

    /// A tensor of these values.
    ///
    /// # Errors
    /// [`TensorError::Elements`] where the number of values is not the shape's.
    pub fn new(shape: impl Into<Shape>, values: impl Into<Values>) -> Result<Self, TensorError> {
        let (shape, values) = (shape.into(), values.into());
        if shape.checked_elements() != Some(values.len()) {
            return Err(TensorError::Elements {
                shape,
                values: values.len(),
            });
        }
        Ok(Tensor { shape, values })
    }

    /// A tensor of these values, copied.
    ///
    /// # Errors
    /// As [`Tensor::new`].
    pub fn from_slice(shape: impl Into<Shape>, values: &[f32]) -> Result<Self, TensorError> {
        Self::new(shape, AlignedBuffer::from(values))
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The values, row-major, as they are stored.
    pub fn stored(&self) -> &Values {
        &self.values
    }

    /// The values, row-major, as f32: those of another type are converted at each call.
    pub fn values(&self) -> Cow<'_, [f32]> {
        self.values.to_f32()
    }

    /// The values, row-major, to be written as f32: they are stored so from now on.
    pub fn values_mut(&mut self) -> &mut [f32] {
        if !matches!(self.values, Values::F32(_)) {
            self.values = Values::F32(AlignedBuffer::from(&*self.values.to_f32()));
        }
        match &mut self.values {
            Values::F32(values) => values,
            Values::F16(_) | Values::I8(_) | Values::U8(_) => unreachable!("stored as f32"),
        }
    }

    /// The same tensor, its values rounded to f16 and stored so.
    pub fn to_f16(&self) -> Tensor {
        Tensor {
            shape: self.shape,
            values: self.values.to_f16(),
        }
    }
}

/// Tensors by name, in the order in which they were added (Keras's legacy files map weights by
/// position, so the order is part of the data).
pub type NamedTensors = IndexMap<String, Tensor>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_and_values_must_agree() {
        assert!(Tensor::from_slice([2, 3], &[0.0; 6]).is_ok());
        assert_eq!(
            Tensor::from_slice([2, 3], &[0.0; 5]).unwrap_err(),
            TensorError::Elements {
                shape: Shape::from([2, 3]),
                values: 5
            }
        );
    }

    #[test]
    fn what_is_written_is_f32() {
        let mut tensor = Tensor::new([2], AlignedBuffer::from(&[3i8, -4][..])).unwrap();
        tensor.values_mut()[0] = 0.1;
        assert!(matches!(tensor.stored(), Values::F32(_)));
        assert_eq!(*tensor.values(), [0.1, -4.0]);
        let half = half::f16::from_f32(0.1).to_f32();
        assert_eq!(*tensor.to_f16().values(), [half, -4.0]);
    }
}
