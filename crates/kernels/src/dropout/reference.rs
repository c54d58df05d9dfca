//! Dropout in its plainest form, for one sample.
use crate::Float;
use tensor::Random;

/// Adds to `output` the values of `input` that are kept, times `1 / (1 - rate)`: each by a number of
/// its own from `random` that is at least `rate`, or all by one.
///
/// # Panics
/// Where the lengths differ.
pub fn add_kept<F: Float>(
    rate: f32,
    per_sample: bool,
    mut random: Random,
    input: &[F],
    output: &mut [F],
) {
    assert_eq!(input.len(), output.len());
    if rate >= 1.0 {
        return;
    }
    let scale = F::from_f64(1.0 / (1.0 - f64::from(rate)));
    let all = per_sample.then(|| random.uniform_f32() >= rate);
    for (result, &value) in output.iter_mut().zip(input) {
        let kept = all.unwrap_or_else(|| random.uniform_f32() >= rate);
        if kept {
            *result += value * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_told_are_dropped_and_the_mean_stays() {
        let mut output = vec![0f64; 10_000];
        add_kept(
            0.3,
            false,
            Random::new(7, 1, 2),
            &[1.0; 10_000],
            &mut output,
        );
        let dropped = output.iter().filter(|&&value| value == 0.0).count();
        assert!((2_800..3_200).contains(&dropped), "{dropped}");
        assert!((output.iter().sum::<f64>() / 10_000.0 - 1.0).abs() < 0.03);
        let mut counts = [0; 2];
        for sample in 0..1000 {
            let mut output = [0f32; 3];
            add_kept(0.3, true, Random::new(7, 1, sample), &[1.0; 3], &mut output);
            assert!(output.iter().all(|&value| value == output[0]));
            counts[usize::from(output[0] > 0.0)] += 1;
        }
        assert!((250..350).contains(&counts[0]), "{counts:?}");
    }
}
