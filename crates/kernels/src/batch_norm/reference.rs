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

/// The statistics of `[rows, C]` that a batch norm uses while training: the mean and the variance of
/// each channel, the latter divided by the number of rows (Keras's, biased).
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn statistics<F: Float>(input: &[F], mean: &mut [F], variance: &mut [F]) {
    let channels = mean.len();
    assert_eq!(variance.len(), channels);
    assert!(!input.is_empty() && input.len().is_multiple_of(channels));
    let share = F::ONE / F::from_count(input.len() / channels);
    mean.fill(F::ZERO);
    variance.fill(F::ZERO);
    for (index, &value) in input.iter().enumerate() {
        mean[index % channels] += value * share;
    }
    for (index, &value) in input.iter().enumerate() {
        let distance = value - mean[index % channels];
        variance[index % channels] += distance * distance * share;
    }
}

/// The gradients of a batch norm whose statistics are those of its own input, each added to what is
/// there. `mean` and `variance` are what [`statistics`] gave, `gradient` is the output's.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn backward<F: Float>(
    epsilon: f32,
    input: &[F],
    gamma: Option<&[F]>,
    (mean, variance): (&[F], &[F]),
    gradient: &[F],
    input_gradient: &mut [F],
    gamma_gradient: Option<&mut [F]>,
    beta_gradient: &mut [F],
) {
    let channels = mean.len();
    assert_eq!(input.len(), gradient.len());
    assert_eq!(input.len(), input_gradient.len());
    let share = F::ONE / F::from_count(input.len() / channels);
    let epsilon = F::from_f64(f64::from(epsilon));
    let normal = |index: usize| {
        let channel = index % channels;
        (input[index] - mean[channel]) / (variance[channel] + epsilon).sqrt()
    };
    let mut sums = vec![F::ZERO; channels];
    let mut products = vec![F::ZERO; channels];
    for (index, &above) in gradient.iter().enumerate() {
        sums[index % channels] += above;
        products[index % channels] += above * normal(index);
    }
    for (index, &above) in gradient.iter().enumerate() {
        let channel = index % channels;
        let factor = gamma.map_or(F::ONE, |gamma| gamma[channel]);
        let rest = (sums[channel] + normal(index) * products[channel]) * share;
        input_gradient[index] += factor * (above - rest) / (variance[channel] + epsilon).sqrt();
    }
    for channel in 0..channels {
        beta_gradient[channel] += sums[channel];
    }
    if let Some(gamma_gradient) = gamma_gradient {
        for channel in 0..channels {
            gamma_gradient[channel] += products[channel];
        }
    }
}

/// The gradient of the input of a batch norm with fixed statistics, added to what is there: each
/// channel's times `gamma / sqrt(variance + epsilon)`.
///
/// # Panics
/// Where a slice does not have its shape's length.
pub fn backward_fixed<F: Float>(
    epsilon: f32,
    gamma: Option<&[F]>,
    variance: &[F],
    gradient: &[F],
    input_gradient: &mut [F],
) {
    let channels = variance.len();
    assert_eq!(gradient.len(), input_gradient.len());
    let epsilon = F::from_f64(f64::from(epsilon));
    for (index, (result, &above)) in input_gradient.iter_mut().zip(gradient).enumerate() {
        let factor = gamma.map_or(F::ONE, |gamma| gamma[index % channels]);
        *result += above * factor / (variance[index % channels] + epsilon).sqrt();
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
