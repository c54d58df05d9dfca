//! Batch normalisation with fixed statistics, in its plainest form.
//!
//! Input and output `[rows, C]`; gamma, beta, mean and variance `[C]`.
use crate::Float;

/// `output[r, c] = (input[r, c] - mean[c]) / sqrt(variance[c] + epsilon) * gamma[c] + beta[c]`;
/// without gamma its factor is 1.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn forward<F: Float>(
    epsilon: f32,
    input: &[F],
    gamma: Option<&[F]>,
    beta: &[F],
    mean: &[F],
    variance: &[F],
    output: &mut [F],
) {
    let channels = beta.len();
    assert_eq!(input.len(), output.len());
    assert_eq!(input.len() % channels, 0);
    assert!(mean.len() == channels && variance.len() == channels);
    let epsilon = F::from_f64(f64::from(epsilon));
    for (index, (result, &value)) in output.iter_mut().zip(input).enumerate() {
        let channel = index % channels;
        let factor = gamma.map_or(F::ONE, |gamma| gamma[channel]);
        let deviation = (variance[channel] + epsilon).sqrt();
        *result = (value - mean[channel]) / deviation * factor + beta[channel];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_becomes_beta_and_one_deviation_becomes_gamma() {
        let mut output = [0f64; 4];
        let (mean, variance) = ([10.0, -1.0], [3.75, 0.0]);
        let input = [10.0, -1.0, 12.0, -0.5];
        forward(
            0.25,
            &input,
            Some(&[3.0, 1.0]),
            &[7.0, 8.0],
            &mean,
            &variance,
            &mut output,
        );
        assert_eq!(output, [7.0, 8.0, 10.0, 9.0]);
        forward(
            0.25,
            &input,
            None,
            &[7.0, 8.0],
            &mean,
            &variance,
            &mut output,
        );
        assert_eq!(output, [7.0, 8.0, 8.0, 9.0]);
    }
}
