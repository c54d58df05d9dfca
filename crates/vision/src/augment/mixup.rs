//! Mixup: two photos laid over each other, their labels likewise (Zhang et al., 2018).
use tensor::Random;

use super::{Kind, Pair, Parameter, Step};

pub(super) const fn alpha(default: f32) -> Parameter {
    Parameter {
        name: "alpha",
        least: 0.0,
        most: 10.0,
        default: Some(default),
    }
}

pub(super) const KIND: Kind = Kind {
    name: "mixup",
    purpose: "blends two photos and their labels with a weight drawn from Beta(alpha, alpha)",
    parameters: &[alpha(0.2)],
    idle: Some("mixup(0)"),
    make: |values| Box::new(Mixup(values[0].unwrap_or_default())),
};

struct Mixup(f32);

impl Step for Mixup {
    fn mixes(&self) -> bool {
        self.0 > 0.0
    }

    fn mix(&self, random: &mut Random, pair: &mut Pair<'_>) -> f32 {
        let share = beta(random, self.0);
        let rest = 1.0 - share;
        for (one, other) in pair.one.iter_mut().zip(pair.other.iter_mut()) {
            (*one, *other) = (share * *one + rest * *other, share * *other + rest * *one);
        }
        share
    }
}

/// A number of the distribution Beta(alpha, alpha), in 0..=1: of two of the gamma distribution, the
/// first's share of the sum.
pub(super) fn beta(random: &mut Random, alpha: f32) -> f32 {
    let (one, other) = (gamma(random, alpha.into()), gamma(random, alpha.into()));
    if one + other > 0.0 {
        (one / (one + other)) as f32
    } else {
        // Both so small that nothing is left of them: the distribution lies at its two ends.
        random.below(2) as f32
    }
}

/// A number of the gamma distribution with this shape and scale 1 (Marsaglia and Tsang, 2000; a
/// shape below 1 by that of one more, times a power of a uniform number).
fn gamma(random: &mut Random, shape: f64) -> f64 {
    if shape < 1.0 {
        let uniform = 1.0 - random.uniform_f64();
        return gamma(random, shape + 1.0) * uniform.powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let normal = f64::from(random.normal_f32());
        let cubed = (1.0 + c * normal).powi(3);
        if cubed <= 0.0 {
            continue;
        }
        let uniform = 1.0 - random.uniform_f64();
        if uniform.ln() < 0.5 * normal * normal + d - d * cubed + d * cubed.ln() {
            return d * cubed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beta_has_its_mean_and_variance() {
        for alpha in [0.001, 0.2, 1.0, 4.0] {
            let mut random = Random::new(5, 0, 0);
            let count = 20_000;
            let numbers: Vec<f64> = (0..count)
                .map(|_| beta(&mut random, alpha).into())
                .collect();
            assert!(numbers.iter().all(|share| (0.0..=1.0).contains(share)));
            let mean = numbers.iter().sum::<f64>() / f64::from(count);
            let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
            let variance = variance / f64::from(count);
            // Of Beta(a, a): 1/2 and 1 / (4 (2 a + 1)).
            let wanted = 1.0 / (4.0 * (2.0 * f64::from(alpha) + 1.0));
            assert!(
                (mean - 0.5).abs() < 5.0 * (wanted / f64::from(count)).sqrt(),
                "{mean}"
            );
            assert!(
                (variance / wanted - 1.0).abs() < 0.04,
                "{alpha}: {variance}"
            );
        }
    }
}
