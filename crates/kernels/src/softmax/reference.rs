//! The softmax in its plainest form.
//!
//! Input and output `[rows, C]`.
use crate::Float;

/// `output[r, c] = exp(input[r, c]) / sum over k of exp(input[r, k])`, with the row's largest value
/// subtracted first, so that nothing overflows.
///
/// # Panics
/// Where the lengths differ or are no multiple of the channels.
pub fn forward<F: Float>(channels: usize, input: &[F], output: &mut [F]) {
    assert_eq!(input.len(), output.len());
    assert_eq!(input.len() % channels, 0);
    for (row, result) in input
        .chunks_exact(channels)
        .zip(output.chunks_exact_mut(channels))
    {
        let largest = row
            .iter()
            .fold(F::NEG_INFINITY, |largest, &value| largest.larger(value));
        let mut sum = F::ZERO;
        for (result, &value) in result.iter_mut().zip(row) {
            *result = (value - largest).exp();
            sum += *result;
        }
        result.iter_mut().for_each(|result| *result = *result / sum);
    }
}

/// The gradient of [`forward`]'s input, added to what is there; `output` is what it gave.
///
/// # Panics
/// Where the lengths differ or are no multiple of the channels.
pub fn backward<F: Float>(channels: usize, output: &[F], gradient: &[F], input_gradient: &mut [F]) {
    assert!(output.len() == gradient.len() && output.len() == input_gradient.len());
    assert_eq!(output.len() % channels, 0);
    for (index, result) in input_gradient.iter_mut().enumerate() {
        let row = index / channels * channels;
        let mut product = F::ZERO;
        for at in row..row + channels {
            product += output[at] * gradient[at];
        }
        *result += output[index] * (gradient[index] - product);
    }
}

/// The cross-entropy of each row of `logits` (`[rows, C]`) against its target shares, into `losses`,
/// `-weight * sum over c of target[c] * log softmax(logits)[c]`, and its derivative by the logits,
/// times `scale`, into `gradient`. `targets` is `[rows, C]`, `weights` one factor a row.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn cross_entropy<F: Float>(
    channels: usize,
    logits: &[F],
    targets: &[F],
    weights: &[F],
    scale: F,
    losses: &mut [F],
    gradient: &mut [F],
) {
    let rows = losses.len();
    assert!(logits.len() == rows * channels && targets.len() == rows * channels);
    assert!(weights.len() == rows && gradient.len() == rows * channels);
    forward(channels, logits, gradient);
    for row in 0..rows {
        let range = row * channels..(row + 1) * channels;
        let (logits, targets) = (&logits[range.clone()], &targets[range.clone()]);
        let largest = logits
            .iter()
            .fold(F::NEG_INFINITY, |largest, &value| largest.larger(value));
        let (mut total, mut whole, mut named) = (F::ZERO, F::ZERO, F::ZERO);
        for (&logit, &target) in logits.iter().zip(targets) {
            total += (logit - largest).exp();
            whole += target;
            named += target * (logit - largest);
        }
        losses[row] = weights[row] * (whole * total.ln() - named);
        for (result, &target) in gradient[range].iter_mut().zip(targets) {
            *result = (*result * whole - target) * weights[row] * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_to_one_and_ignores_a_common_offset() {
        let mut output = [0f64; 6];
        let (two, three) = (2f64.ln(), 3f64.ln());
        forward(
            3,
            &[0.0, two, three, 1e4, 1e4 + two, 1e4 + three],
            &mut output,
        );
        for row in output.chunks_exact(3) {
            for (result, wanted) in row.iter().zip([1.0 / 6.0, 2.0 / 6.0, 3.0 / 6.0]) {
                assert!((result - wanted).abs() < 1e-12, "{row:?}");
            }
        }
    }
}
