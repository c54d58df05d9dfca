//! The convolution in its plainest form: the truth that the fast ones are tested against.
//!
//! Input `[H, W, C]`, kernel `[KH, KW, C, OC]`, bias `[OC]`, output `[out H, out W, OC]`; one image.
use crate::{Float, Window};

/// `output[y, x, o] = bias[o] + sum over (i, j, c) of
/// input[y * stride + i - top, x * stride + j - left, c] * kernel[i, j, c, o]`, zeros outside.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn forward<F: Float>(
    window: &Window,
    channels: usize,
    filters: usize,
    input: &[F],
    kernel: &[F],
    bias: Option<&[F]>,
    output: &mut [F],
) {
    let w = window;
    assert_eq!(input.len(), w.in_height * w.in_width * channels);
    assert_eq!(
        kernel.len(),
        w.kernel_height * w.kernel_width * channels * filters
    );
    assert_eq!(output.len(), w.out_height * w.out_width * filters);
    for y in 0..w.out_height {
        for x in 0..w.out_width {
            let result = &mut output[(y * w.out_width + x) * filters..][..filters];
            match bias {
                Some(bias) => result.copy_from_slice(bias),
                None => result.fill(F::ZERO),
            }
            for i in 0..w.kernel_height {
                let Some(row) = w.input_row(y, i) else {
                    continue;
                };
                for j in 0..w.kernel_width {
                    let Some(column) = w.input_column(x, j) else {
                        continue;
                    };
                    let pixel = &input[(row * w.in_width + column) * channels..][..channels];
                    let weights = &kernel[(i * w.kernel_width + j) * channels * filters..];
                    for (&value, weights) in pixel.iter().zip(weights.chunks_exact(filters)) {
                        for (result, &weight) in result.iter_mut().zip(weights) {
                            *result += value * weight;
                        }
                    }
                }
            }
        }
    }
}

/// The gradients of [`forward`], each added to what is there: of the input `[H, W, C]`, of the kernel
/// and of the bias, where they are wanted. `gradient` is the output's, `[out H, out W, OC]`.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn backward<F: Float>(
    window: &Window,
    channels: usize,
    filters: usize,
    input: &[F],
    kernel: &[F],
    gradient: &[F],
    mut input_gradient: Option<&mut [F]>,
    mut kernel_gradient: Option<&mut [F]>,
    mut bias_gradient: Option<&mut [F]>,
) {
    let w = window;
    let taps = w.kernel_height * w.kernel_width;
    assert_eq!(input.len(), w.in_height * w.in_width * channels);
    assert_eq!(kernel.len(), taps * channels * filters);
    assert_eq!(gradient.len(), w.out_height * w.out_width * filters);
    for (index, above) in gradient.chunks_exact(filters).enumerate() {
        let (y, x) = (index / w.out_width, index % w.out_width);
        if let Some(bias) = &mut bias_gradient {
            add_to(bias, above);
        }
        for i in 0..w.kernel_height {
            let Some(row) = w.input_row(y, i) else {
                continue;
            };
            for j in 0..w.kernel_width {
                let Some(column) = w.input_column(x, j) else {
                    continue;
                };
                let pixel = (row * w.in_width + column) * channels;
                let tap = (i * w.kernel_width + j) * channels;
                for channel in 0..channels {
                    let weights = (tap + channel) * filters;
                    if let Some(input_gradient) = &mut input_gradient {
                        let weights = &kernel[weights..][..filters];
                        for (&weight, &above) in weights.iter().zip(above) {
                            input_gradient[pixel + channel] += weight * above;
                        }
                    }
                    if let Some(kernel_gradient) = &mut kernel_gradient {
                        let value = input[pixel + channel];
                        let weights = &mut kernel_gradient[weights..][..filters];
                        for (weight, &above) in weights.iter_mut().zip(above) {
                            *weight += value * above;
                        }
                    }
                }
            }
        }
    }
}

fn add_to<F: Float>(sums: &mut [F], values: &[F]) {
    assert_eq!(sums.len(), values.len());
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_kernel_shifts_the_image() {
        // One weight of 1 at (2, 0) with one row and column of zeros around: each output is the
        // input one row below and one column to the left.
        let window = Window::new([3, 4], [3, 3], [1, 1], [1, 1], [1, 1]);
        let input: Vec<f64> = (1..=12).map(f64::from).collect();
        let mut kernel = vec![0.0; 9];
        kernel[6] = 1.0;
        let mut output = vec![0.0; 12];
        forward(&window, 1, 1, &input, &kernel, Some(&[0.5]), &mut output);
        let wanted = [0.0, 5.0, 6.0, 7.0, 0.0, 9.0, 10.0, 11.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(output, wanted.map(|value| value + 0.5));
    }

    #[test]
    fn a_kernel_of_ones_counts_what_it_covers() {
        // Stride 2 with padding at the bottom and right only, as TensorFlow pads even sizes.
        let window = Window::new([4, 4], [3, 3], [2, 2], [0, 1], [0, 1]);
        assert_eq!((window.out_height, window.out_width), (2, 2));
        let mut output = vec![0f32; 4 * 2];
        forward(&window, 2, 2, &[1.0; 32], &[1.0; 36], None, &mut output);
        assert_eq!(output, [18.0, 18.0, 12.0, 12.0, 12.0, 12.0, 8.0, 8.0]);
    }

    #[test]
    fn a_1x1_kernel_is_a_matrix() {
        let window = Window::new([1, 2], [1, 1], [1, 1], [0, 0], [0, 0]);
        let mut output = vec![0f32; 6];
        let kernel = [1.0, 2.0, 3.0, 10.0, 20.0, 30.0];
        forward(
            &window,
            2,
            3,
            &[1.0, 0.0, 2.0, 1.0],
            &kernel,
            None,
            &mut output,
        );
        assert_eq!(output, [1.0, 2.0, 3.0, 12.0, 24.0, 36.0]);
    }
}
