//! Values moved, not changed, in their plainest form.
use crate::Float;

/// `[H, W, C]` into the middle of zeros: `output` has `size` `[rows, columns]`, and the input's
/// first pixel comes to `(top, left)`.
///
/// # Panics
/// Where a slice does not have its shape's length, or the input does not fit.
pub fn zero_pad<F: Float>(
    in_size: [usize; 2],
    out_size: [usize; 2],
    [top, left]: [usize; 2],
    channels: usize,
    input: &[F],
    output: &mut [F],
) {
    assert_eq!(input.len(), in_size[0] * in_size[1] * channels);
    assert_eq!(output.len(), out_size[0] * out_size[1] * channels);
    assert!(in_size[0] + top <= out_size[0] && in_size[1] + left <= out_size[1]);
    output.fill(F::ZERO);
    let row = in_size[1] * channels;
    for y in 0..in_size[0] {
        let target = ((y + top) * out_size[1] + left) * channels;
        output[target..][..row].copy_from_slice(&input[y * row..][..row]);
    }
}

/// The rectangle of `out_size` `[rows, columns]` of `[H, W, C]` that begins at `(top, left)`.
///
/// # Panics
/// Where a slice does not have its shape's length, or the rectangle lies outside.
pub fn crop<F: Float>(
    in_size: [usize; 2],
    out_size: [usize; 2],
    [top, left]: [usize; 2],
    channels: usize,
    input: &[F],
    output: &mut [F],
) {
    assert_eq!(input.len(), in_size[0] * in_size[1] * channels);
    assert_eq!(output.len(), out_size[0] * out_size[1] * channels);
    assert!(out_size[0] + top <= in_size[0] && out_size[1] + left <= in_size[1]);
    let row = out_size[1] * channels;
    for y in 0..out_size[0] {
        let source = ((y + top) * in_size[1] + left) * channels;
        output[y * row..][..row].copy_from_slice(&input[source..][..row]);
    }
}

/// Writes `[pixels, channels]` into the channels `first..first + channels` of
/// `[pixels, all_channels]`: one input of a concatenation.
///
/// # Panics
/// Where a slice does not have its shape's length, or the channels do not fit.
pub fn concat_one<F: Float>(
    channels: usize,
    all_channels: usize,
    first: usize,
    input: &[F],
    output: &mut [F],
) {
    assert!(first + channels <= all_channels);
    assert_eq!(input.len() % channels, 0);
    assert_eq!(input.len() / channels * all_channels, output.len());
    for (pixel, all) in input
        .chunks_exact(channels)
        .zip(output.chunks_exact_mut(all_channels))
    {
        all[first..][..channels].copy_from_slice(pixel);
    }
}

/// The gradient of [`zero_pad`]'s input, added to what is there.
///
/// # Panics
/// As [`zero_pad`].
pub fn zero_pad_backward<F: Float>(
    in_size: [usize; 2],
    out_size: [usize; 2],
    place: [usize; 2],
    channels: usize,
    gradient: &[F],
    input_gradient: &mut [F],
) {
    assert_eq!(input_gradient.len(), in_size[0] * in_size[1] * channels);
    assert_eq!(gradient.len(), out_size[0] * out_size[1] * channels);
    let row = in_size[1] * channels;
    for y in 0..in_size[0] {
        let source = ((y + place[0]) * out_size[1] + place[1]) * channels;
        add_to(
            &mut input_gradient[y * row..][..row],
            &gradient[source..][..row],
        );
    }
}

/// The gradient of [`crop`]'s input, added to what is there.
///
/// # Panics
/// As [`crop`].
pub fn crop_backward<F: Float>(
    in_size: [usize; 2],
    out_size: [usize; 2],
    place: [usize; 2],
    channels: usize,
    gradient: &[F],
    input_gradient: &mut [F],
) {
    assert_eq!(input_gradient.len(), in_size[0] * in_size[1] * channels);
    assert_eq!(gradient.len(), out_size[0] * out_size[1] * channels);
    let row = out_size[1] * channels;
    for y in 0..out_size[0] {
        let target = ((y + place[0]) * in_size[1] + place[1]) * channels;
        add_to(
            &mut input_gradient[target..][..row],
            &gradient[y * row..][..row],
        );
    }
}

/// The gradient of [`concat_one`]'s input, added to what is there.
///
/// # Panics
/// As [`concat_one`].
pub fn concat_one_backward<F: Float>(
    channels: usize,
    all_channels: usize,
    first: usize,
    gradient: &[F],
    input_gradient: &mut [F],
) {
    assert!(first + channels <= all_channels);
    assert_eq!(
        input_gradient.len() / channels * all_channels,
        gradient.len()
    );
    for (pixel, all) in input_gradient
        .chunks_exact_mut(channels)
        .zip(gradient.chunks_exact(all_channels))
    {
        add_to(pixel, &all[first..][..channels]);
    }
}

fn add_to<F: Float>(sums: &mut [F], values: &[F]) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cropping_undoes_padding() {
        let input: Vec<f32> = (1..=12).map(|value| value as f32).collect();
        let mut padded = vec![9.0; 4 * 6 * 2];
        zero_pad([2, 3], [4, 6], [1, 2], 2, &input, &mut padded);
        assert_eq!(padded.iter().sum::<f32>(), 78.0);
        assert_eq!(padded[(6 + 2) * 2], 1.0);
        let mut cropped = vec![0.0; 12];
        crop([4, 6], [2, 3], [1, 2], 2, &padded, &mut cropped);
        assert_eq!(cropped, input);
    }

    #[test]
    fn channels_are_laid_side_by_side() {
        let mut output = [0f32; 6];
        concat_one(1, 3, 0, &[1.0, 4.0], &mut output);
        concat_one(2, 3, 1, &[2.0, 3.0, 5.0, 6.0], &mut output);
        assert_eq!(output, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
