//! How good predictions are: accuracy, calibration, and how sure these figures themselves are.
//!
//! A prediction is a row of probabilities over the classes of a model; its label is the index of
//! the true class. [`Outcome::of`] reduces the two to what every score needs, and the scores are
//! functions of a slice of outcomes, so that any of them can be resampled by [`bootstrap`].
//! [`Confusion`] says which classes are taken for which, [`mcnemar`] compares two models on the same
//! photos, [`paired`] two ways of training over several seeds. Every score of no outcome at all is
//! NaN.

mod confusion;
mod paired;

use serde::Serialize;
use tensor::Random;

pub use confusion::{ClassScore, ConfusedPair, Confusion, macro_f1};
pub use paired::{Paired, least_p_value, paired};

/// Bins of the calibration error, of equal width, over the first answer's probability.
pub const CALIBRATION_BINS: usize = 15;
/// The 97.5th percentile of the standard normal distribution: intervals are of 95 %.
const NORMAL_97_5: f64 = 1.959_963_984_540_054;
/// Probabilities are raised to this in the logarithm, so that one impossible answer does not make
/// the whole score infinite.
const LEAST_PROBABILITY: f64 = 1e-12;

/// Why a prediction cannot be scored.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// The label is not an index into the probabilities.
    #[error("the label {label} is not one of {classes} classes")]
    Label {
        /// The label.
        label: usize,
        /// How many probabilities there are.
        classes: usize,
    },
    /// A probability is not in 0 to 1.
    #[error("{value} is not a probability (class {class})")]
    Probability {
        /// Its class.
        class: usize,
        /// The value.
        value: f32,
    },
    /// The probabilities do not sum to 1 within a thousandth.
    #[error("the probabilities sum to {0}, not to 1")]
    Sum(f64),
}

/// What one prediction is worth beside its label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The index of the true class.
    pub label: usize,
    /// The index of the first answer; of equal probabilities the lower.
    pub first: usize,
    /// How many classes stand before the true one, 0 where the first answer is right. Of equal
    /// probabilities the lower index stands first.
    pub rank: usize,
    /// The first answer's probability.
    pub first_probability: f64,
    /// The true class's probability.
    pub label_probability: f64,
    /// Sum over the classes of (probability - truth) squared, 0 to 2: Brier's score of this row.
    pub squared_error: f64,
}

impl Outcome {
    /// Scores a row of probabilities, which sum to 1, against the index of the true class.
    pub fn of(probabilities: &[f32], label: usize) -> Result<Self, ScoreError> {
        let Some(&of_label) = probabilities.get(label) else {
            return Err(ScoreError::Label {
                label,
                classes: probabilities.len(),
            });
        };
        let mut rank = 0;
        let mut first = 0;
        let mut sum = 0.0;
        let mut squared_error = 0.0;
        for (class, &value) in probabilities.iter().enumerate() {
            // A softmax in f32 may end a few units in the last place above 1.
            if !(0.0..=1.0 + 1e-5).contains(&value) {
                return Err(ScoreError::Probability { class, value });
            }
            rank += usize::from(value > of_label || (value == of_label && class < label));
            if value > probabilities[first] {
                first = class;
            }
            sum += f64::from(value);
            let truth = f64::from(u8::from(class == label));
            squared_error += (f64::from(value) - truth).powi(2);
        }
        if (sum - 1.0).abs() > 1e-3 {
            return Err(ScoreError::Sum(sum));
        }
        Ok(Outcome {
            label,
            first,
            rank,
            first_probability: f64::from(probabilities[first]),
            label_probability: f64::from(of_label),
            squared_error,
        })
    }

    /// Whether the first answer is right.
    pub fn is_right(&self) -> bool {
        self.rank == 0
    }
}

/// The share of outcomes whose true class is among the first `count` answers, 0 to 1.
pub fn top(outcomes: &[Outcome], count: usize) -> f64 {
    mean(outcomes, |outcome| {
        f64::from(u8::from(outcome.rank < count))
    })
}

/// Mean negative logarithm of the true class's probability, in nats.
pub fn negative_log_likelihood(outcomes: &[Outcome]) -> f64 {
    mean(outcomes, |outcome| {
        -outcome.label_probability.max(LEAST_PROBABILITY).ln()
    })
}

/// Brier's score over several classes: mean squared distance from the truth, 0 to 2.
pub fn brier(outcomes: &[Outcome]) -> f64 {
    mean(outcomes, |outcome| outcome.squared_error)
}

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// How many outcomes fall into it.
    pub count: usize,
    /// Their mean probability of the first answer; 0 where there are none.
    pub mean_probability: f64,
    /// The share of them whose first answer is right; 0 where there are none.
    pub accuracy: f64,
}

/// The reliability diagram: [`CALIBRATION_BINS`] bins of equal width over the first answer's
/// probability; a bin takes its upper edge, not its lower one.
pub fn reliability(outcomes: &[Outcome]) -> [Bin; CALIBRATION_BINS] {
    let mut bins = [Bin::default(); CALIBRATION_BINS];
    for outcome in outcomes {
        let place = (outcome.first_probability * CALIBRATION_BINS as f64).ceil() as usize;
        let bin = &mut bins[place.clamp(1, CALIBRATION_BINS) - 1];
        bin.count += 1;
        bin.mean_probability += outcome.first_probability;
        bin.accuracy += f64::from(u8::from(outcome.is_right()));
    }
    for bin in &mut bins {
        let count = bin.count.max(1) as f64;
        bin.mean_probability /= count;
        bin.accuracy /= count;
    }
    bins
}

/// Expected calibration error of the first answer, 0 to 1: the mean distance between probability
/// and accuracy over the bins of [`reliability`], weighted by their counts.
pub fn expected_calibration_error(outcomes: &[Outcome]) -> f64 {
    reliability(outcomes)
        .iter()
        .map(|bin| bin.count as f64 * (bin.mean_probability - bin.accuracy).abs())
        .sum::<f64>()
        / outcomes.len() as f64
}

fn mean(outcomes: &[Outcome], value: impl Fn(&Outcome) -> f64) -> f64 {
    outcomes.iter().map(value).sum::<f64>() / outcomes.len() as f64
}

/// An interval of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The 95 % interval of a statistic by the percentile bootstrap: `resamples` draws with
/// replacement, the same for the same seed. NaN where there is nothing to draw from or no resample.
pub fn bootstrap<Item: Copy>(
    items: &[Item],
    statistic: impl Fn(&[Item]) -> f64,
    resamples: u32,
    seed: u64,
) -> Interval {
    if items.is_empty() || resamples == 0 {
        return Interval {
            low: f64::NAN,
            high: f64::NAN,
        };
    }
    let count = u32::try_from(items.len()).expect("fewer than 2^32 items");
    let mut resample = Vec::with_capacity(items.len());
    let mut values: Vec<f64> = (0..resamples)
        .map(|index| {
            let mut random = Random::new(seed, 0, u64::from(index));
            resample.clear();
            resample.extend((0..count).map(|_| items[random.below(count) as usize]));
            statistic(&resample)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    Interval {
        low: percentile(&values, 0.025),
        high: percentile(&values, 0.975),
    }
}

/// The percentile of sorted values, linear between neighbours, as numpy's default.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// Wilson's 95 % interval of a share, `successes` of `count`; right for small counts and for
/// shares near 0 and 1. NaN where `count` is 0.
pub fn wilson(successes: usize, count: usize) -> Interval {
    let count = count as f64;
    let share = successes as f64 / count;
    let square = NORMAL_97_5 * NORMAL_97_5;
    let centre = (share + square / (2.0 * count)) / (1.0 + square / count);
    let half = NORMAL_97_5 / (1.0 + square / count)
        * (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    Interval {
        low: (centre - half).clamp(0.0, 1.0),
        high: (centre + half).clamp(0.0, 1.0),
    }
}

/// McNemar's test of two models on the same photos.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// Photos that the first model alone gets right.
    pub only_first: usize,
    /// Photos that the second model alone gets right.
    pub only_second: usize,
    /// The probability of a difference at least as great if both were equally good: exact
    /// binomial, two-sided.
    pub p_value: f64,
}

/// Compares two models by whether each was right, photo by photo, in the same order. Panics where
/// the two have different lengths.
pub fn mcnemar(first_right: &[bool], second_right: &[bool]) -> McNemar {
    assert_eq!(first_right.len(), second_right.len(), "the same photos");
    let alone = |one: &[bool], other: &[bool]| {
        one.iter()
            .zip(other)
            .filter(|(one, other)| **one && !**other)
            .count()
    };
    let only_first = alone(first_right, second_right);
    let only_second = alone(second_right, first_right);
    McNemar {
        only_first,
        only_second,
        p_value: binomial_two_sided(only_first.min(only_second), only_first + only_second),
    }
}

/// Twice the probability of at most `fewer` heads in `count` tosses of a fair coin, at most 1.
fn binomial_two_sided(fewer: usize, count: usize) -> f64 {
    // The logarithm of C(count, heads) / 2^count, by its ratio from one term to the next.
    let mut log_term = -(count as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for heads in 0..=fewer {
        sum += log_term.exp();
        log_term += ((count - heads) as f64).ln() - ((heads + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn close(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-9, "{one} is not {other}");
    }

    /// An outcome with this first answer's probability, right or wrong.
    fn outcome(first_probability: f64, right: bool) -> Outcome {
        Outcome {
            label: 0,
            first: usize::from(!right),
            rank: usize::from(!right),
            first_probability,
            label_probability: if right { first_probability } else { 0.0 },
            squared_error: 0.0,
        }
    }

    #[test]
    fn an_outcome_by_hand() {
        let scored = Outcome::of(&[0.125, 0.5, 0.25, 0.125], 2).unwrap();
        assert_eq!(
            scored,
            Outcome {
                label: 2,
                first: 1,
                rank: 1,
                first_probability: 0.5,
                label_probability: 0.25,
                squared_error: 0.015625 + 0.25 + 0.5625 + 0.015625,
            }
        );
        // Of equals, the lower index stands first.
        assert_eq!(Outcome::of(&[0.5, 0.5], 0).unwrap().rank, 0);
        assert_eq!(Outcome::of(&[0.5, 0.5], 1).unwrap().rank, 1);
        assert_eq!(Outcome::of(&[0.5, 0.5], 1).unwrap().first, 0);
    }

    #[test]
    fn what_is_no_prediction_is_refused() {
        assert_eq!(
            Outcome::of(&[1.0], 1),
            Err(ScoreError::Label {
                label: 1,
                classes: 1
            })
        );
        assert!(matches!(
            Outcome::of(&[0.5, f32::NAN], 0),
            Err(ScoreError::Probability { class: 1, .. })
        ));
        assert!(Outcome::of(&[1.5, -0.5], 0).is_err());
        assert!(matches!(
            Outcome::of(&[0.5, 0.4], 0),
            Err(ScoreError::Sum(_))
        ));
    }

    #[test]
    fn accuracy_and_likelihood_by_hand() {
        let outcomes = [
            Outcome::of(&[0.5, 0.25, 0.25], 0).unwrap(),
            Outcome::of(&[0.5, 0.25, 0.25], 2).unwrap(),
        ];
        close(top(&outcomes, 1), 0.5);
        close(top(&outcomes, 2), 0.5);
        close(top(&outcomes, 3), 1.0);
        close(
            negative_log_likelihood(&outcomes),
            (2f64.ln() + 4f64.ln()) / 2.0,
        );
        close(brier(&outcomes), (0.375 + 0.875) / 2.0);
        assert!(top(&[], 1).is_nan());
        assert!(negative_log_likelihood(&[outcome(1.0, false)]).is_finite());
    }

    #[test]
    fn calibration_by_hand() {
        // Bin 15 holds 0.95 and 0.97, one right: |0.96 - 0.5|; bin 9 holds 0.55, right.
        let outcomes = [
            outcome(0.95, true),
            outcome(0.97, false),
            outcome(0.55, true),
        ];
        close(
            expected_calibration_error(&outcomes),
            (2.0 * 0.46 + 0.45) / 3.0,
        );
        let bins = reliability(&outcomes);
        assert_eq!(bins[14].count, 2);
        assert_eq!(bins[8].count, 1);
        // An edge belongs to the bin below it; 1 to the last, 0 to the first.
        assert_eq!(reliability(&[outcome(0.2, true)])[2].count, 1);
        assert_eq!(reliability(&[outcome(1.0, true)])[14].count, 1);
        assert_eq!(reliability(&[outcome(0.0, false)])[0].count, 1);
        close(expected_calibration_error(&[outcome(1.0, true)]), 0.0);
    }

    #[test]
    fn bootstrap_repeats_by_seed_and_covers_the_share() {
        let outcomes: Vec<_> = (0..400).map(|n| outcome(0.9, n % 5 != 0)).collect();
        let top_1 = |outcomes: &[Outcome]| top(outcomes, 1);
        let interval = bootstrap(&outcomes, top_1, 2000, 1);
        assert_eq!(interval, bootstrap(&outcomes, top_1, 2000, 1));
        assert_ne!(interval, bootstrap(&outcomes, top_1, 2000, 2));
        // The normal interval of 0.8 at n = 400 is 0.8 +- 0.0392.
        assert!((interval.low - 0.7608).abs() < 0.006, "{interval:?}");
        assert!((interval.high - 0.8392).abs() < 0.006, "{interval:?}");
        assert!(bootstrap(&[], top_1, 10, 1).low.is_nan());
        let certain = bootstrap(&outcomes[1..2], top_1, 10, 1);
        assert_eq!((certain.low, certain.high), (1.0, 1.0));
    }

    #[test]
    fn wilson_by_hand() {
        // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (successes, count, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let interval = wilson(successes, count);
            assert!((interval.low - low).abs() < 5.1e-5, "{interval:?}");
            assert!((interval.high - high).abs() < 5.1e-5, "{interval:?}");
        }
        assert!(wilson(0, 0).low.is_nan());
        close(wilson(20, 20).high, 1.0);
    }

    #[test]
    fn mcnemar_by_hand() {
        // One alone against five: 2 (1 + 6) / 64.
        let first = [true, false, false, false, false, false, true, false];
        let second = [false, true, true, true, true, true, true, false];
        let test = mcnemar(&first, &second);
        assert_eq!((test.only_first, test.only_second), (1, 5));
        close(test.p_value, 14.0 / 64.0);
        close(mcnemar(&first, &first).p_value, 1.0);
        close(mcnemar(&[true, false], &[false, true]).p_value, 1.0);
        // Large counts neither overflow nor vanish.
        let p_value = binomial_two_sided(1900, 4000);
        assert!((1e-3..3e-3).contains(&p_value), "{p_value}");
    }

    /// What `tests/golden/scores.py` computed with numpy, scikit-learn and scipy.
    #[derive(Deserialize)]
    struct Golden {
        probabilities: Vec<Vec<f32>>,
        labels: Vec<usize>,
        top_1: f64,
        top_5: f64,
        negative_log_likelihood: f64,
        brier: f64,
        expected_calibration_error: f64,
        bin_counts: Vec<usize>,
        wilson: [f64; 2],
        mcnemar_other_right: Vec<bool>,
        mcnemar_p_value: f64,
        confusion: Vec<Vec<usize>>,
        precision: Vec<f64>,
        recall: Vec<f64>,
        f1: Vec<f64>,
        macro_f1: f64,
        macro_f1_of_12: f64,
        first_seeds: Vec<f64>,
        second_seeds: Vec<f64>,
        paired_difference: f64,
        paired_p_value: f64,
    }

    #[test]
    fn agrees_with_numpy_scikit_learn_and_scipy() {
        let golden: Golden =
            serde_json::from_str(include_str!("../../tests/golden/scores.json")).unwrap();
        let outcomes: Vec<_> = golden
            .probabilities
            .iter()
            .zip(&golden.labels)
            .map(|(row, &label)| Outcome::of(row, label).unwrap())
            .collect();
        close(top(&outcomes, 1), golden.top_1);
        close(top(&outcomes, 5), golden.top_5);
        close(
            negative_log_likelihood(&outcomes),
            golden.negative_log_likelihood,
        );
        close(brier(&outcomes), golden.brier);
        close(
            expected_calibration_error(&outcomes),
            golden.expected_calibration_error,
        );
        let counts: Vec<_> = reliability(&outcomes).iter().map(|bin| bin.count).collect();
        assert_eq!(counts, golden.bin_counts);
        let right: Vec<_> = outcomes.iter().map(Outcome::is_right).collect();
        let interval = wilson(right.iter().filter(|right| **right).count(), right.len());
        close(interval.low, golden.wilson[0]);
        close(interval.high, golden.wilson[1]);
        close(
            mcnemar(&right, &golden.mcnemar_other_right).p_value,
            golden.mcnemar_p_value,
        );
        let confusion = Confusion::of(&outcomes, 8);
        assert!(confusion.rows().eq(golden.confusion.iter()));
        for (class, scores) in confusion.class_scores().iter().enumerate() {
            close(scores.precision, golden.precision[class]);
            close(scores.recall, golden.recall[class]);
            close(scores.f1, golden.f1[class]);
        }
        close(macro_f1(&outcomes, 8), golden.macro_f1);
        close(macro_f1(&outcomes[..12], 8), golden.macro_f1_of_12);
        let test = paired(&golden.first_seeds, &golden.second_seeds, 1000, 1);
        close(test.mean_difference, golden.paired_difference);
        close(test.p_value, golden.paired_p_value);
    }
}
