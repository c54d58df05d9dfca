//! The depthwise convolution in its plainest form: the truth for the fast ones.
//!
//! Input `[H, W, C]`, kernel `[KH, KW, C]`, bias `[C]`, output `[out H, out W, C]`; one image.
use crate::{Float, Window};

/// `output[y, x, c] = bias[c] + sum over (i, j) of
/// input[y * stride + i - top, x * stride + j - left, c] * kernel[i, j, c]`, zeros outside.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn forward<F: Float>(
    window: &Window,
    channels: usize,
    input: &[F],
    kernel: &[F],
    bias: Option<&[F]>,
    output: &mut [F],
) {
    let w = window;
    assert_eq!(input.len(), w.in_height * w.in_width * channels);
    assert_eq!(kernel.len(), w.kernel_height * w.kernel_width * channels);
    assert_eq!(output.len(), w.out_height * w.out_width * channels);
    for y in 0..w.out_height {
        for x in 0..w.out_width {
            let result = &mut output[(y * w.out_width + x) * channels..][..channels];
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
                    let weights = &kernel[(i * w.kernel_width + j) * channels..][..channels];
                    for ((result, &value), &weight) in result.iter_mut().zip(pixel).zip(weights) {
                        *result += value * weight;
                    }
                }
            }
        }
    }
}

/// The gradients of [`forward`], each added to what is there: of the input `[H, W, C]`, of the kernel
/// and of the bias, where they are wanted. `gradient` is the output's, `[out H, out W, C]`.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn backward<F: Float>(
    window: &Window,
    channels: usize,
    input: &[F],
    kernel: &[F],
    gradient: &[F],
    mut input_gradient: Option<&mut [F]>,
    mut kernel_gradient: Option<&mut [F]>,
    mut bias_gradient: Option<&mut [F]>,
) {
    let w = window;
    assert_eq!(input.len(), w.in_height * w.in_width * channels);
    assert_eq!(kernel.len(), w.kernel_height * w.kernel_width * channels);
    assert_eq!(gradient.len(), w.out_height * w.out_width * channels);
    for (index, above) in gradient.chunks_exact(channels).enumerate() {
        let (y, x) = (index / w.out_width, index % w.out_width);
        if let Some(bias) = &mut bias_gradient {
            for (sum, &above) in bias.iter_mut().zip(above) {
                *sum += above;
            }
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
                    if let Some(input_gradient) = &mut input_gradient {
                        input_gradient[pixel + channel] += kernel[tap + channel] * above[channel];
                    }
                    if let Some(kernel_gradient) = &mut kernel_gradient {
                        kernel_gradient[tap + channel] += input[pixel + channel] * above[channel];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conv2d;

    #[test]
    fn equals_a_convolution_with_a_diagonal_kernel() {
        let channels = 3;
        let window = Window::new([5, 4], [3, 2], [2, 1], [1, 1], [0, 1]);
        let value = |index: usize| ((index * 37 + 11) % 17) as f64 - 8.0;
        let input: Vec<f64> = (0..5 * 4 * channels).map(value).collect();
        let kernel: Vec<f64> = (0..6 * channels).map(|index| value(index + 5)).collect();
        let bias: Vec<f64> = (0..channels).map(value).collect();
        let mut full = vec![0.0; 6 * channels * channels];
        for (index, &weight) in kernel.iter().enumerate() {
            let channel = index % channels;
            full[index * channels + channel] = weight;
        }
        let outputs = window.out_height * window.out_width * channels;
        let (mut own, mut general) = (vec![0.0; outputs], vec![0.0; outputs]);
        forward(&window, channels, &input, &kernel, Some(&bias), &mut own);
        let bias = Some(&bias[..]);
        conv2d::reference::forward(
            &window,
            channels,
            channels,
            &input,
            &full,
            bias,
            &mut general,
        );
        assert_eq!(own, general);
    }
}
