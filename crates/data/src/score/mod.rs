//! How good predictions are: accuracy, calibration, and how sure these figures themselves are.
//!
//! A prediction is a row of probabilities over the classes of a model; its label is the index of
//! the true class. [`Outcome::of`] reduces the two to what every score needs, and the scores are
//! functions of a slice of outcomes.
//!
//! Intervals are those that hold for few photos too: [`wilson`] for shares, [`student`] for means
//! over seeds. Resampling would give an interval of no width where all of two photos are right.
//! [`Confusion`] says which classes are taken for which, [`mcnemar`] compares two models on the same
//! photos, [`paired`] two ways of training over several seeds. Every score of no outcome at all is
//! NaN.

mod confusion;
mod paired;

use serde::Serialize;

pub use confusion::{ClassScore, ConfusedPair, Confusion, macro_f1};
pub use paired::{GroupAccuracy, Paired, least_p_value, paired};

/// Below this p-value a difference counts as one.
pub const SIGNIFICANT: f64 = 0.05;
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

impl Interval {
    /// What is said where nothing can be: NaN at both ends.
    pub const NONE: Interval = Interval {
        low: f64::NAN,
        high: f64::NAN,
    };

    /// Whether there is one.
    pub fn is_some(&self) -> bool {
        !self.low.is_nan() && !self.high.is_nan()
    }
}

/// Wilson's 95 % interval of a share, `successes` of `count`; right for small counts and for
/// shares near 0 and 1. NaN where `count` is 0.
pub fn wilson(successes: usize, count: usize) -> Interval {
    let count = count as f64;
    wilson_of_share(successes as f64 / count, count)
}

/// The same of a share that was seen on a number of photos which need not be whole, as
/// [`Confusion::effective_photos`] is.
pub fn wilson_of_share(share: f64, count: f64) -> Interval {
    if count.is_nan() || count <= 0.0 {
        return Interval::NONE;
    }
    let square = NORMAL_97_5 * NORMAL_97_5;
    let centre = (share + square / (2.0 * count)) / (1.0 + square / count);
    let half = NORMAL_97_5 / (1.0 + square / count)
        * (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    Interval {
        low: (centre - half).clamp(0.0, 1.0),
        high: (centre + half).clamp(0.0, 1.0),
    }
}

/// Student's 95 % interval of the mean of values that scatter as a normal distribution does, such as
/// the accuracies of the same training with other seeds. NaN of fewer than two values, and of values
/// that are all the same: they do not tell how far others would lie.
pub fn student(values: &[f64]) -> Interval {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let variance = squares / (count - 1.0);
    // What rounding leaves is no scatter.
    let most = values
        .iter()
        .fold(0.0, |most: f64, value| most.max(value.abs()));
    let scatters = values
        .iter()
        .any(|value| (value - mean).abs() > 1e-12 * most);
    if !scatters || !variance.is_finite() {
        return Interval::NONE;
    }
    let half = student_97_5(values.len() - 1) * (variance / count).sqrt();
    Interval {
        low: mean - half,
        high: mean + half,
    }
}

/// The 97.5th percentile of Student's t distribution, by halving between 0 and one degree's.
fn student_97_5(degrees: usize) -> f64 {
    let (mut low, mut high) = (0.0, 13.0);
    // 60 halvings: as exact as a number of 53 bits.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        match student_within(middle, degrees) < 0.95 {
            true => low = middle,
            false => high = middle,
        }
    }
    low
}

/// The share of Student's t distribution between -t and t (Abramowitz and Stegun, 26.7.3 and
/// 26.7.4): a finite sum for whole degrees of freedom.
fn student_within(t: f64, degrees: usize) -> f64 {
    let angle = (t / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let odd = degrees % 2;
    // Of an odd number cos, 2/3 cos^3, 2/3 4/5 cos^5, ...; of an even one 1, 1/2 cos^2, ...
    let mut term = if odd == 1 { cosine } else { 1.0 };
    let mut sum = 0.0;
    let mut power = odd;
    while power + 2 <= degrees {
        sum += term;
        term *= (power + 1) as f64 / (power + 2) as f64 * cosine * cosine;
        power += 2;
    }
    match odd {
        1 => (angle + sine * sum) * std::f64::consts::FRAC_2_PI,
        _ => sine * sum,
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
        assert!(!wilson(0, 0).is_some());
        close(wilson(20, 20).high, 1.0);
        // Two of two say little: 1 / (1 + z^2 / 2).
        close(wilson(2, 2).low, 0.342_380_227_250_664_9);
        close(wilson(2, 2).high, 1.0);
    }

    #[test]
    fn every_interval_holds_its_share_and_has_a_width() {
        for count in 1..40 {
            for successes in 0..=count {
                let share = successes as f64 / count as f64;
                let interval = wilson(successes, count);
                assert!(
                    interval.low <= share + 1e-12 && share <= interval.high + 1e-12,
                    "{successes} of {count}: {interval:?}"
                );
                assert!(
                    interval.high - interval.low > 0.05,
                    "{successes} of {count}"
                );
            }
        }
    }

    #[test]
    fn student_by_hand() {
        // One degree of freedom: tan(0.475 pi) = 12.706 times half of the distance.
        let two = student(&[0.7, 0.8]);
        let half = (0.475 * std::f64::consts::PI).tan() * 0.05;
        close(two.low, 0.75 - half);
        close(two.high, 0.75 + half);
        // Two degrees: t / sqrt(t^2 + 2) = 0.95.
        close(
            student_97_5(2),
            0.95 * (2.0_f64 / (1.0 - 0.95 * 0.95)).sqrt(),
        );
        assert!((student_97_5(10_000) - NORMAL_97_5).abs() < 1e-3);
        for nothing in [
            &[][..],
            &[0.7],
            &[0.7; 3],
            &[0.1, 0.3 - 0.2],
            &[f64::NAN, 1.0],
        ] {
            assert!(!student(nothing).is_some(), "{nothing:?}");
        }
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
        /// Right, of so many, and the interval.
        wilson_of_few: Vec<(usize, usize, f64, f64)>,
        /// Degrees of freedom and the 97.5th percentile.
        student_97_5: Vec<(usize, f64)>,
        student: [f64; 2],
        effective_photos: f64,
        macro_f1_interval: [f64; 2],
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
        paired_interval: [f64; 2],
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
        for (successes, count, low, high) in golden.wilson_of_few {
            let interval = wilson(successes, count);
            close(interval.low, low);
            close(interval.high, high);
        }
        for (degrees, percentile) in golden.student_97_5 {
            close(student_97_5(degrees), percentile);
        }
        let interval = student(&golden.first_seeds);
        close(interval.low, golden.student[0]);
        close(interval.high, golden.student[1]);
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
        close(confusion.effective_photos(), golden.effective_photos);
        let interval = confusion.macro_f1_interval();
        close(interval.low, golden.macro_f1_interval[0]);
        close(interval.high, golden.macro_f1_interval[1]);
        let test = paired(&golden.first_seeds, &golden.second_seeds, 1);
        close(test.mean_difference, golden.paired_difference);
        close(test.interval.low, golden.paired_interval[0]);
        close(test.interval.high, golden.paired_interval[1]);
        close(test.p_value, golden.paired_p_value);
    }
}
