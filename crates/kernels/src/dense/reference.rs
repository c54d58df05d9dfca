//! The dense layer in its plainest form: the truth for the fast one.
//!
//! Input `[rows, in]`, kernel `[in, units]`, bias `[units]`, output `[rows, units]`.
use crate::Float;

/// `output[r, u] = bias[u] + sum over i of input[r, i] * kernel[i, u]`
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn forward<F: Float>(
    rows: usize,
    features: usize,
    units: usize,
    input: &[F],
    kernel: &[F],
    bias: Option<&[F]>,
    output: &mut [F],
) {
    assert_eq!(input.len(), rows * features);
    assert_eq!(kernel.len(), features * units);
    assert_eq!(output.len(), rows * units);
    for (row, result) in input
        .chunks_exact(features)
        .zip(output.chunks_exact_mut(units))
    {
        match bias {
            Some(bias) => result.copy_from_slice(bias),
            None => result.fill(F::ZERO),
        }
        for (&value, weights) in row.iter().zip(kernel.chunks_exact(units)) {
            for (result, &weight) in result.iter_mut().zip(weights) {
                *result += value * weight;
            }
        }
    }
}

/// The gradients of [`forward`], each added to what is there: of the input, of the kernel and of the
/// bias, where they are wanted. `gradient` is the output's, `[rows, units]`.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn backward<F: Float>(
    rows: usize,
    features: usize,
    units: usize,
    input: &[F],
    kernel: &[F],
    gradient: &[F],
    input_gradient: Option<&mut [F]>,
    kernel_gradient: Option<&mut [F]>,
    bias_gradient: Option<&mut [F]>,
) {
    // A dense layer is a convolution of one row of pixels by a window of one pixel.
    let window = crate::Window::new([1, rows], [1, 1], [1, 1], [0, 0], [0, 0]);
    crate::conv2d::reference::backward(
        &window,
        features,
        units,
        input,
        kernel,
        gradient,
        input_gradient,
        kernel_gradient,
        bias_gradient,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_matrix_product_plus_bias() {
        let mut output = [0f32; 4];
        let (input, kernel) = (
            [1.0, 2.0, 3.0, 0.0, 1.0, 0.0],
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        );
        forward(2, 3, 2, &input, &kernel, Some(&[100.0, 200.0]), &mut output);
        assert_eq!(output, [122.0, 228.0, 103.0, 204.0]);
    }
}
