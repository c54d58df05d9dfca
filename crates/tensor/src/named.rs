//! Tensors, and maps of them by name: what a weights file holds and a graph is filled with.
use crate::{AlignedBuffer, Shape};
use indexmap::IndexMap;

/// Values with their shape, row-major, the innermost dimension contiguous.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Shape,
    values: AlignedBuffer,
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
            values: AlignedBuffer::zeroed(shape.elements()),
        }
    }

    /// A tensor of these values.
    ///
    /// # Errors
    /// [`TensorError::Elements`] where the number of values is not the shape's.
    pub fn new(shape: impl Into<Shape>, values: AlignedBuffer) -> Result<Self, TensorError> {
        let shape = shape.into();
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

    /// The values, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values, row-major, to be written.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
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
}
