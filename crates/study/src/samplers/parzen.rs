//! A Parzen estimator over the parameters of a group: one kernel for each trial and one over the whole
//! space, each the product of a distribution per parameter.
//!
//! Widths, weights and the prior are those of Optuna's estimator, after Bergstra, Bardenet, Bengio and
//! Kégl, 'Algorithms for Hyper-Parameter Optimization' (2011), and Watanabe, 'Tree-Structured Parzen
//! Estimator: Understanding Its Algorithm Components' (2023).
use crate::space::Distribution;
use tensor::Random;

/// Kernels over some parameters.
pub struct Parzen<'a> {
    kinds: Vec<&'a Distribution>,
    /// One for each kernel; their sum is 1.
    weights: Vec<f64>,
    /// For each parameter, what each kernel says of it.
    axes: Vec<Axis>,
}

/// One parameter in every kernel.
enum Axis {
    /// Normal distributions on the parameter's scale, cut off at its ends.
    Numeric {
        means: Vec<f64>,
        deviations: Vec<f64>,
        /// The logarithm of what lies between the ends.
        masses: Vec<f64>,
        ends: (f64, f64),
    },
    /// The probability of each choice, kernel by kernel.
    Choices(Vec<Vec<f64>>),
}

/// The weight of the kernel over the whole space, beside 1 for a trial.
const PRIOR: f64 = 1.0;

/// The newest trials, each of which has the weight 1; older ones have less.
const FULL: usize = 25;

impl<'a> Parzen<'a> {
    /// Of trials from old to new, each with a value for each parameter. `aging` gives older ones less
    /// weight.
    pub fn new(kinds: &[&'a Distribution], trials: &[Vec<f64>], aging: bool) -> Self {
        let count = trials.len();
        let old = count.saturating_sub(FULL);
        let weight = |place: usize| match old {
            _ if !aging || place >= old => 1.0,
            1 => 1.0 / count as f64,
            _ => {
                let least = 1.0 / count as f64;
                least + (1.0 - least) * place as f64 / (old - 1) as f64
            }
        };
        let mut weights: Vec<f64> = (0..count).map(weight).collect();
        weights.push(PRIOR);
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let axis = |(place, kind): (usize, &&Distribution)| {
            let values: Vec<f64> = trials.iter().map(|trial| trial[place]).collect();
            match kind {
                Distribution::Categorical { choices } => Axis::choices(choices.len(), &values),
                _ => Axis::numeric(kind, &values),
            }
        };
        Parzen {
            axes: kinds.iter().enumerate().map(axis).collect(),
            kinds: kinds.to_vec(),
            weights,
        }
    }

    /// Draws values for all parameters.
    pub fn draw(&self, random: &mut Random) -> Vec<f64> {
        let kernel = drawn(&self.weights, random.uniform_f64());
        let axes = self.axes.iter().zip(&self.kinds);
        axes.map(|(axis, kind)| match axis {
            Axis::Choices(shares) => drawn(&shares[kernel], random.uniform_f64()) as f64,
            Axis::Numeric {
                means,
                deviations,
                ends,
                ..
            } => kind.from_scale(within(means[kernel], deviations[kernel], *ends, random)),
        })
        .collect()
    }

    /// The logarithm of the density at these values.
    pub fn log_density(&self, values: &[f64]) -> f64 {
        let mut logs: Vec<f64> = self.weights.iter().map(|weight| weight.ln()).collect();
        for ((axis, kind), &value) in self.axes.iter().zip(&self.kinds).zip(values) {
            match axis {
                Axis::Choices(shares) => {
                    for (log, share) in logs.iter_mut().zip(shares) {
                        *log += share[value as usize].ln();
                    }
                }
                Axis::Numeric {
                    means,
                    deviations,
                    masses,
                    ..
                } => {
                    let at = place(kind, value);
                    let kernels = means.iter().zip(deviations).zip(masses);
                    for (log, ((mean, deviation), mass)) in logs.iter_mut().zip(kernels) {
                        *log += at.log_density(*mean, *deviation) - mass;
                    }
                }
            }
        }
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if most == f64::NEG_INFINITY {
            return most;
        }
        most + logs.iter().map(|log| (log - most).exp()).sum::<f64>().ln()
    }
}

impl Axis {
    fn choices(count: usize, values: &[f64]) -> Axis {
        let kernels = values.len() + 1;
        let even = PRIOR / kernels as f64;
        let shares = |chosen: Option<&f64>| {
            let mut shares = vec![even; count];
            if let Some(chosen) = chosen {
                shares[*chosen as usize] += 1.0;
            }
            let sum: f64 = shares.iter().sum();
            shares.iter_mut().for_each(|share| *share /= sum);
            shares
        };
        Axis::Choices(values.iter().map(Some).chain([None]).map(shares).collect())
    }

    fn numeric(kind: &Distribution, values: &[f64]) -> Axis {
        let ends = kind.scale();
        let width = ends.1 - ends.0;
        let mut means: Vec<f64> = values.iter().map(|value| kind.to_scale(*value)).collect();
        let mut order: Vec<usize> = (0..means.len()).collect();
        order.sort_by(|one, other| means[*one].total_cmp(&means[*other]));
        // Not narrower than this, so that the kernels of many trials in one place stay apart from points.
        let least = width / (means.len() as f64 + 2.0).min(100.0);
        let mut deviations = vec![width; means.len()];
        for (rank, &trial) in order.iter().enumerate() {
            let below = rank
                .checked_sub(1)
                .map(|rank| means[trial] - means[order[rank]]);
            let above = order
                .get(rank + 1)
                .map(|other| means[*other] - means[trial]);
            // The distance to the farther neighbour; an end of the scale counts as one of a single trial.
            let alone = (means[trial] - ends.0).max(ends.1 - means[trial]);
            let far = below
                .into_iter()
                .chain(above)
                .reduce(f64::max)
                .unwrap_or(alone);
            deviations[trial] = far.max(least).min(width);
        }
        means.push(f64::midpoint(ends.0, ends.1));
        deviations.push(width);
        let mass = |(mean, deviation): (&f64, &f64)| {
            log_mass((ends.0 - mean) / deviation, (ends.1 - mean) / deviation)
        };
        Axis::Numeric {
            masses: means.iter().zip(&deviations).map(mass).collect(),
            means,
            deviations,
            ends,
        }
    }
}

/// Where a value lies on its scale: a point, or from where to where of a value with neighbours.
enum Place {
    Point(f64),
    Between(f64, f64),
}

fn place(kind: &Distribution, value: f64) -> Place {
    let half = match kind {
        Distribution::Float { step: None, .. } | Distribution::Categorical { .. } => {
            return Place::Point(kind.to_scale(value));
        }
        Distribution::Float {
            step: Some(step), ..
        } => step / 2.0,
        Distribution::Int { step, .. } => *step as f64 / 2.0,
    };
    Place::Between(kind.to_scale(value - half), kind.to_scale(value + half))
}

impl Place {
    fn log_density(&self, mean: f64, deviation: f64) -> f64 {
        match *self {
            Place::Point(place) => {
                let distance = (place - mean) / deviation;
                -0.5 * distance * distance - deviation.ln() - 0.5 * std::f64::consts::TAU.ln()
            }
            Place::Between(low, high) => {
                log_mass((low - mean) / deviation, (high - mean) / deviation)
            }
        }
    }
}

/// The logarithm of the share of a standard normal distribution between two places.
fn log_mass(low: f64, high: f64) -> f64 {
    // In the upper tail differences of numbers near 1 would be nothing.
    let (low, high) = if low > 0.0 {
        (-high, -low)
    } else {
        (low, high)
    };
    (below(high) - below(low)).ln()
}

/// The share of a standard normal distribution below a place.
fn below(place: f64) -> f64 {
    0.5 * libm::erfc(-place * std::f64::consts::FRAC_1_SQRT_2)
}

/// A normal number between the ends: drawn again where it lies outside, which is rare, since the mean lies
/// between them and the deviation is at most their distance.
fn within(mean: f64, deviation: f64, ends: (f64, f64), random: &mut Random) -> f64 {
    loop {
        let number = mean + deviation * super::normal(random);
        if (ends.0..=ends.1).contains(&number) {
            return number;
        }
    }
}

/// The place among shares that a number from 0 to 1 falls into.
fn drawn(shares: &[f64], mut number: f64) -> usize {
    for (place, share) in shares.iter().enumerate() {
        if number < *share {
            return place;
        }
        number -= share;
    }
    shares.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::tests_each;

    /// The density sums to 1 over all values of a parameter, however they are spread.
    #[test]
    fn a_density_sums_to_one() {
        for kind in tests_each() {
            let trials: Vec<Vec<f64>> = [0.1, 0.15, 0.5, 0.9, 0.9]
                .map(|share| vec![kind.quantile(share)])
                .to_vec();
            let parzen = Parzen::new(&[&kind], &trials, true);
            let sum: f64 = match kind.count() {
                Some(count) => (0..count)
                    .map(|place| parzen.log_density(&[kind.at(place)]).exp())
                    .sum(),
                None => {
                    let (low, high) = kind.scale();
                    let steps = 20_000;
                    let width = (high - low) / f64::from(steps);
                    let at = |step| kind.from_scale(low + (f64::from(step) + 0.5) * width);
                    (0..steps)
                        .map(|step| parzen.log_density(&[at(step)]).exp() * width)
                        .sum()
                }
            };
            assert!((sum - 1.0).abs() < 1e-4, "{kind:?}: {sum}");
        }
    }

    /// What is drawn is drawn as often as the density says.
    #[test]
    fn draws_follow_the_density() {
        let mut random = Random::new(3, 0, 0);
        for kind in tests_each() {
            let Some(count) = kind.count() else { continue };
            let trials = vec![vec![kind.quantile(0.2)], vec![kind.quantile(0.3)]];
            let parzen = Parzen::new(&[&kind], &trials, true);
            let draws = 20_000;
            let mut seen = vec![0u32; count as usize];
            for _ in 0..draws {
                let value = parzen.draw(&mut random)[0];
                let place = (0..count).find(|place| kind.at(*place) == value).unwrap();
                seen[place as usize] += 1;
            }
            for (place, seen) in (0..).zip(seen) {
                let expected = parzen.log_density(&[kind.at(place)]).exp() * f64::from(draws);
                let deviation = expected.sqrt().max(1.0);
                assert!(
                    (f64::from(seen) - expected).abs() < 5.0 * deviation,
                    "{kind:?} {place} {seen} {expected}"
                );
            }
        }
    }

    #[test]
    fn tails_keep_their_digits() {
        let exact = log_mass(-9.0, -8.0);
        assert!((log_mass(8.0, 9.0) - exact).abs() < 1e-12 && exact < -30.0);
        assert!((log_mass(-1.0, 1.0) - 0.682_689_492_137_086f64.ln()).abs() < 1e-12);
    }
}
