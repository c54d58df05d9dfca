//! The numbers of a calibration from outputs whose truth is known: one temperature, one logistic
//! curve, one threshold, all by plain search.
use package::{TEMPERATURES, log_sum_exp};

/// What the squared logarithm of a temperature costs beside the photos' log-likelihood.
const PRIOR: f64 = 0.2;

/// The temperature at which the softmax of `logits / temperature` gives the truth the most
/// probability on average (the least negative log-likelihood), one of [`TEMPERATURES`].
///
/// A prior of less weight than one photo holds it near 1: where few photos are all predicted correctly the
/// likelihood alone would ask for a network that is always sure.
///
/// `logits` has one row a photo, of one value a class; `truths` the position of its class.
pub(crate) fn temperature(logits: &[Vec<f32>], truths: &[usize]) -> f32 {
    let loss = |log_temperature: f64| -> f64 {
        let temperature = log_temperature.exp();
        let of_photo = |(row, &truth): (&Vec<f32>, &usize)| {
            // Beside the truth's: a logarithm is lost beside large logits.
            let truth = f64::from(row[truth]);
            let scaled = row
                .iter()
                .map(|&logit| (f64::from(logit) - truth) / temperature);
            log_sum_exp(scaled)
        };
        let prior = PRIOR * log_temperature * log_temperature;
        logits.iter().zip(truths).map(of_photo).sum::<f64>() + prior
    };
    // The loss has one minimum over the inverse temperature (it is convex there), so over its
    // logarithm as well.
    let (low, high) = (*TEMPERATURES.start(), *TEMPERATURES.end());
    let logarithm = |temperature: f32| f64::from(temperature).ln();
    let found = golden_section(logarithm(low), logarithm(high), loss).exp() as f32;
    found.clamp(low, high)
}

/// Where a function of one minimum has it, to a thousandth.
fn golden_section(mut low: f64, mut high: f64, function: impl Fn(f64) -> f64) -> f64 {
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let at = |low: f64, high: f64| (high - ratio * (high - low), low + ratio * (high - low));
    let (mut left, mut right) = at(low, high);
    let (mut at_left, mut at_right) = (function(left), function(right));
    while high - low > 1e-3 {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = at(low, high).0;
            at_left = function(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = at(low, high).1;
            at_right = function(right);
        }
    }
    (low + high) / 2.0
}

/// `(slope, offset)` of the logistic curve that tells `yes` from `no`, both sides with equal weight
/// however many they are. A little shrinkage keeps it finite where the two never overlap.
pub(crate) fn logistic(yes: &[f64], no: &[f64]) -> (f64, f64) {
    /// Of the squared slope, against a total weight of 1.
    const SHRINKAGE: f64 = 1e-3;
    let (mut slope, mut offset) = (1.0, 0.0);
    // Newton's method; the loss is convex and this many steps are far more than it needs.
    for _ in 0..50 {
        let (mut gradient, mut hessian) = ([SHRINKAGE * slope, 0.0], [SHRINKAGE, 0.0, 1e-9]);
        for (values, target) in [(yes, 1.0), (no, 0.0)] {
            let weight = 0.5 / values.len().max(1) as f64;
            for &x in values {
                let p = 1.0 / (1.0 + (-(slope * x + offset)).exp());
                let (error, curvature) = (weight * (p - target), weight * p * (1.0 - p));
                gradient = [gradient[0] + error * x, gradient[1] + error];
                hessian = [
                    hessian[0] + curvature * x * x,
                    hessian[1] + curvature * x,
                    hessian[2] + curvature,
                ];
            }
        }
        let determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
        let step = [
            (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant,
            (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant,
        ];
        // A step of more than 2 leaves the region where the parabola says anything.
        let shorten = (2.0 / step[0].abs().max(step[1].abs())).min(1.0);
        slope -= shorten * step[0];
        offset -= shorten * step[1];
    }
    (slope, offset)
}

/// The threshold at which the worse of two shares is least: of `yes` below it, measured in units of
/// `yes_allowed`, and of `no` at or above it, in units of `no_allowed`. Where several are equally
/// good, the middle of them.
pub(crate) fn threshold(yes: &[f64], no: &[f64], yes_allowed: f64, no_allowed: f64) -> f64 {
    let mut candidates: Vec<f64> = yes.iter().chain(no).copied().collect();
    candidates.sort_by(f64::total_cmp);
    let share = |values: &[f64], test: &dyn Fn(f64) -> bool| {
        values.iter().filter(|&&value| test(value)).count() as f64 / values.len().max(1) as f64
    };
    let cost = |threshold: f64| {
        let missed = share(yes, &|value| value < threshold) / yes_allowed;
        let taken = share(no, &|value| value >= threshold) / no_allowed;
        missed.max(taken)
    };
    // The cost changes only at the candidates: it is that of the gap just below each of them.
    let costs: Vec<f64> = candidates
        .iter()
        .map(|&candidate| cost(candidate))
        .collect();
    let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let best = |position: &usize| costs[*position] <= least + 1e-12;
    let Some(first) = (0..costs.len()).find(best) else {
        return 0.0;
    };
    let mut last = first;
    while last + 1 < costs.len() && best(&(last + 1)) {
        last += 1;
    }
    let low = if first == 0 {
        candidates[0]
    } else {
        candidates[first - 1]
    };
    (low + candidates[last]) / 2.0
}

/// The value that the share `part` of `values` lies below; `None` of no values.
pub(crate) fn quantile(values: &[f32], part: f64) -> Option<f32> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let position = (part * sorted.len() as f64) as usize;
    sorted
        .get(position.min(sorted.len().saturating_sub(1)))
        .copied()
}

/// Below this number a quantile rests on its few smallest values: of 20, the one that 4 % lie below is the
/// smallest of all, and every further photo may well lie lower.
const FEW: usize = 100;

/// The value that the share `part` of further values like these is expected to lie below: of many their
/// quantile, of few the bound of prediction of a normal distribution, `mean - t s sqrt(1 + 1/n)`. `None`
/// where there are too few to tell how they spread.
pub(crate) fn bound_below(values: &[f32], part: f64) -> Option<f32> {
    let count = values.len();
    if count >= FEW {
        return quantile(values, part);
    }
    if count < 3 {
        return None;
    }
    let n = count as f64;
    let mean = values.iter().copied().map(f64::from).sum::<f64>() / n;
    let squares = values
        .iter()
        .map(|&value| (f64::from(value) - mean).powi(2));
    let deviation = (squares.sum::<f64>() / (n - 1.0)).sqrt();
    let bound = mean - student(part, n - 1.0) * deviation * (1.0 + 1.0 / n).sqrt();
    Some(bound as f32)
}

/// The value that Student's t of so many degrees of freedom exceeds with probability `part`, by its
/// expansion around the normal distribution (Abramowitz and Stegun 26.7.5), which that of the latter
/// (26.2.23) is accurate enough for.
fn student(part: f64, freedom: f64) -> f64 {
    let t = (-2.0 * part.ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let z = t - above / below;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    z + first / freedom + second / (freedom * freedom)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that look random, 0 to 1, the same each time.
    fn noise(count: usize) -> impl Iterator<Item = f64> {
        (0..count).map(|index| (index as f64 * 0.618_033_988_75).fract())
    }

    #[test]
    fn temperature_is_found_again() {
        // Truths drawn from the softmax of `logits / 2.5`, exactly in proportion.
        let logits = vec![vec![0.0f32, 1.0, 4.0]; 4000];
        let p = package::softmax([0.0f32, 1.0, 4.0].into_iter(), 2.5);
        let truth = |u: f64| {
            if u < p[0].into() {
                0
            } else if u < (p[0] + p[1]).into() {
                1
            } else {
                2
            }
        };
        let truths: Vec<usize> = noise(4000).map(truth).collect();
        assert!((temperature(&logits, &truths) - 2.5).abs() < 0.05);
    }

    #[test]
    fn few_photos_that_are_all_told_right_make_no_network_that_is_always_sure() {
        let logits = vec![vec![2.0f32, 0.0, 0.0]; 15];
        let found = temperature(&logits, &[0; 15]);
        assert!((0.3..1.0).contains(&found), "{found}");
    }

    #[test]
    fn logistic_is_found_again() {
        let mut sides = [Vec::new(), Vec::new()];
        for (index, u) in noise(20_000).enumerate() {
            let x = (index % 200) as f64 / 20.0 - 5.0;
            let p = 1.0 / (1.0 + (-(1.5 * x)).exp());
            sides[usize::from(u >= p)].push(x);
        }
        let (slope, offset) = logistic(&sides[0], &sides[1]);
        assert!(
            (slope - 1.5).abs() < 0.1 && offset.abs() < 0.1,
            "{slope} {offset}"
        );
        let (slope, _) = logistic(&[1.0, 2.0], &[-1.0, -2.0]);
        assert!(
            slope.is_finite() && slope > 0.0,
            "apart altogether: {slope}"
        );
    }

    #[test]
    fn threshold_balances_the_two_sides() {
        let yes: Vec<f64> = noise(1000).map(|u| u + 0.9).collect();
        let no: Vec<f64> = noise(1000).collect();
        // 0.9 to 1 overlap: with equal allowances the middle of it.
        assert!((threshold(&yes, &no, 0.01, 0.01) - 0.95).abs() < 0.005);
        // Three times as much of `no` may pass: a quarter of the overlap from the bottom.
        assert!((threshold(&yes, &no, 0.01, 0.03) - 0.925).abs() < 0.005);
        // Apart: the middle of the gap.
        assert!((threshold(&[4.0, 5.0], &[1.0, 2.0], 0.01, 0.01) - 3.0).abs() < 1e-9);
    }

    /// Over many draws of few values each, as much of what comes next lies below as was asked for; below
    /// the quantile of the draw lies up to twice as much.
    #[test]
    fn a_bound_of_few_values_holds_for_the_next_ones() {
        let mut random = tensor::Random::new(3, 0, 0);
        let next: Vec<f32> = (0..4000).map(|_| random.normal_f32()).collect();
        let share_below = |least: f32| {
            next.iter().filter(|value| **value < least).count() as f64 / next.len() as f64
        };
        for (count, quantiles_share) in [(10, 0.07), (20, 0.042), (60, 0.044)] {
            let (mut by_bound, mut by_quantile) = (0.0, 0.0);
            for _ in 0..400 {
                let values: Vec<f32> = (0..count).map(|_| random.normal_f32()).collect();
                by_bound += share_below(bound_below(&values, 0.04).unwrap()) / 400.0;
                by_quantile += share_below(quantile(&values, 0.04).unwrap()) / 400.0;
            }
            assert!((by_bound - 0.04).abs() < 0.008, "{count}: {by_bound}");
            assert!(by_quantile > quantiles_share, "{count}: {by_quantile}");
        }
        let many: Vec<f32> = (0..FEW).map(|value| value as f32).collect();
        assert_eq!(bound_below(&many, 0.04), quantile(&many, 0.04));
        assert_eq!(bound_below(&[1.0; 5], 0.04), Some(1.0));
        assert_eq!(bound_below(&[1.0, 2.0], 0.04), None);
    }

    #[test]
    fn quantile_of_a_list() {
        let values: Vec<f32> = (0..100).rev().map(|value| value as f32).collect();
        assert_eq!(quantile(&values, 0.05), Some(5.0));
        assert_eq!(quantile(&values, 1.0), Some(99.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
