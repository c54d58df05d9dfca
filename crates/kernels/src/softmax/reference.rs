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
