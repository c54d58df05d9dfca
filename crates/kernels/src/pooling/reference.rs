//! Pooling in its plainest form; positions of the padding never count.
//!
//! Input `[H, W, C]`, output `[out H, out W, C]`; one image.
use crate::{Float, Window};

/// The largest value of each window.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn max<F: Float>(window: &Window, channels: usize, input: &[F], output: &mut [F]) {
    output.fill(F::NEG_INFINITY);
    for_each_position(window, channels, input, output, |result, value| {
        *result = result.larger(value);
    });
}

/// The mean of each window's values.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn average<F: Float>(window: &Window, channels: usize, input: &[F], output: &mut [F]) {
    output.fill(F::ZERO);
    for_each_position(window, channels, input, output, |result, value| {
        *result += value
    });
    for y in 0..window.out_height {
        let rows = (0..window.kernel_height)
            .filter_map(|i| window.input_row(y, i))
            .count();
        for x in 0..window.out_width {
            let across = (0..window.kernel_width).filter_map(|j| window.input_column(x, j));
            let share = F::ONE / F::from_count(rows * across.count());
            let result = &mut output[(y * window.out_width + x) * channels..][..channels];
            result.iter_mut().for_each(|result| *result *= share);
        }
    }
}

fn for_each_position<F: Float>(
    window: &Window,
    channels: usize,
    input: &[F],
    output: &mut [F],
    take: impl Fn(&mut F, F),
) {
    let w = window;
    assert_eq!(input.len(), w.in_height * w.in_width * channels);
    assert_eq!(output.len(), w.out_height * w.out_width * channels);
    for y in 0..w.out_height {
        for x in 0..w.out_width {
            let result = &mut output[(y * w.out_width + x) * channels..][..channels];
            for row in (0..w.kernel_height).filter_map(|i| w.input_row(y, i)) {
                for column in (0..w.kernel_width).filter_map(|j| w.input_column(x, j)) {
                    let pixel = &input[(row * w.in_width + column) * channels..][..channels];
                    result
                        .iter_mut()
                        .zip(pixel)
                        .for_each(|(result, &value)| take(result, value));
                }
            }
        }
    }
}

/// The mean of each channel over the image: `[pixels, C]` to `[C]`.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn global_average<F: Float>(pixels: usize, input: &[F], output: &mut [F]) {
    let channels = output.len();
    assert_eq!(input.len(), pixels * channels);
    output.fill(F::ZERO);
    for pixel in input.chunks_exact(channels) {
        output
            .iter_mut()
            .zip(pixel)
            .for_each(|(sum, &value)| *sum += value);
    }
    let share = F::ONE / F::from_count(pixels);
    output.iter_mut().for_each(|sum| *sum *= share);
}

/// The gradient of [`max`]'s input, added to what is there: all of it goes to the first of the
/// largest values, rows before columns.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn max_backward<F: Float>(
    window: &Window,
    channels: usize,
    input: &[F],
    gradient: &[F],
    input_gradient: &mut [F],
) {
    let w = window;
    assert_eq!(input.len(), w.in_height * w.in_width * channels);
    assert_eq!(input_gradient.len(), input.len());
    assert_eq!(gradient.len(), w.out_height * w.out_width * channels);
    for (index, &above) in gradient.iter().enumerate() {
        let (pixel, channel) = (index / channels, index % channels);
        let (y, x) = (pixel / w.out_width, pixel % w.out_width);
        let mut best: Option<usize> = None;
        for row in (0..w.kernel_height).filter_map(|i| w.input_row(y, i)) {
            for column in (0..w.kernel_width).filter_map(|j| w.input_column(x, j)) {
                let at = (row * w.in_width + column) * channels + channel;
                if best.is_none_or(|best| input[at] > input[best]) {
                    best = Some(at);
                }
            }
        }
        if let Some(best) = best {
            input_gradient[best] += above;
        }
    }
}

/// The gradient of [`average`]'s input, added to what is there.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn average_backward<F: Float>(
    window: &Window,
    channels: usize,
    gradient: &[F],
    input_gradient: &mut [F],
) {
    let w = window;
    assert_eq!(input_gradient.len(), w.in_height * w.in_width * channels);
    assert_eq!(gradient.len(), w.out_height * w.out_width * channels);
    for (index, above) in gradient.chunks_exact(channels).enumerate() {
        let (y, x) = (index / w.out_width, index % w.out_width);
        let rows = || (0..w.kernel_height).filter_map(|i| w.input_row(y, i));
        let columns = || (0..w.kernel_width).filter_map(|j| w.input_column(x, j));
        let share = F::ONE / F::from_count(rows().count() * columns().count());
        for row in rows() {
            for column in columns() {
                let at = (row * w.in_width + column) * channels;
                for (result, &above) in input_gradient[at..].iter_mut().zip(above) {
                    *result += above * share;
                }
            }
        }
    }
}

/// The gradient of [`global_average`]'s input, added to what is there.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn global_average_backward<F: Float>(pixels: usize, gradient: &[F], input_gradient: &mut [F]) {
    assert_eq!(input_gradient.len(), pixels * gradient.len());
    let share = F::ONE / F::from_count(pixels);
    for pixel in input_gradient.chunks_exact_mut(gradient.len()) {
        for (result, &above) in pixel.iter_mut().zip(gradient) {
            *result += above * share;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_padding_does_not_count() {
        let window = Window::new([3, 3], [3, 3], [1, 1], [1, 1], [1, 1]);
        let input = [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0];
        let mut output = [0f64; 9];
        max(&window, 1, &input, &mut output);
        assert_eq!(
            output,
            [-1.0, -1.0, -2.0, -1.0, -1.0, -2.0, -4.0, -4.0, -5.0]
        );
        average(&window, 1, &input, &mut output);
        assert_eq!(
            output,
            [-3.0, -3.5, -4.0, -4.5, -5.0, -5.5, -6.0, -6.5, -7.0]
        );
    }

    #[test]
    fn strides_and_channels() {
        let window = Window::new([4, 5], [2, 2], [2, 2], [0, 0], [0, 0]);
        let input: Vec<f32> = (0..4 * 5 * 2).map(|index| index as f32).collect();
        let mut output = [0f32; 8];
        max(&window, 2, &input, &mut output);
        assert_eq!(output, [12.0, 13.0, 16.0, 17.0, 32.0, 33.0, 36.0, 37.0]);
        let mut means = [0f32; 2];
        global_average(20, &input, &mut means);
        assert_eq!(means, [19.0, 20.0]);
    }
}
