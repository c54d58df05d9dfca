//! Two ways of doing a thing, tried with the same seeds: is one better, and by how much?

use serde::Serialize;
use tensor::Random;
use words::{EvaluateMessage, Language};

use super::{Interval, SIGNIFICANT, student};

/// Up to so many pairs every change of signs is tried, above it [`DRAWS`] of them.
const MOST_EXACT: usize = 20;
/// Changes of signs drawn where there are too many to try all.
const DRAWS: u32 = 100_000;

/// How good the models of a group are, trained alike but for their seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupAccuracy {
    /// Of each model, 0 to 1.
    pub accuracies: Vec<f64>,
    /// Their mean; NaN where there are none.
    pub mean: f64,
    /// 95 %, Student's over the models; none of one model, or where all are the same.
    pub interval: Option<Interval>,
}

impl GroupAccuracy {
    /// Of these accuracies.
    pub fn of(accuracies: Vec<f64>) -> Self {
        GroupAccuracy {
            mean: accuracies.iter().sum::<f64>() / accuracies.len() as f64,
            interval: Some(student(&accuracies))
                .filter(Interval::is_some)
                // Few models of much scatter reach out of what a share can be.
                .map(|Interval { low, high }| Interval {
                    low: low.max(0.0),
                    high: high.min(1.0),
                }),
            accuracies,
        }
    }
}

/// What pairs of results say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// How many pairs there are.
    pub pairs: usize,
    /// Mean of (second - first).
    pub mean_difference: f64,
    /// Its 95 % interval, Student's over pairs: wide where there are few, and none (NaN) of one pair
    /// or where all differences are the same. The verdict is `p_value`'s.
    pub interval: Interval,
    /// The probability of a mean at least as far from 0 if each difference could as well have had
    /// the other sign: permutation test, two-sided, exact up to 20 pairs.
    pub p_value: f64,
}

/// Compares two results for each seed (or fold), in the same order: by the mean of their
/// differences. NaN where there is no pair.
///
/// # Panics
/// Where the two have different lengths.
pub fn paired(first: &[f64], second: &[f64], seed: u64) -> Paired {
    assert_eq!(first.len(), second.len(), "the same seeds");
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| b - a).collect();
    Paired {
        pairs: differences.len(),
        mean_difference: differences.iter().sum::<f64>() / differences.len() as f64,
        interval: student(&differences),
        p_value: sign_permutation(&differences, seed),
    }
}

impl Paired {
    /// Whether chance is no good explanation of the difference.
    pub fn is_significant(&self) -> bool {
        self.p_value < SIGNIFICANT
    }

    /// The verdict in words, in points of per cent: a gain, a loss or neither, and how many pairs it
    /// takes where there are too few to show anything.
    pub fn text(&self, language: Language) -> String {
        let points = |share: f64| words::number(language, 100.0 * share, 1);
        // 'A loss of 2 points', but 'no difference: -2 points'.
        let difference = &points(match self.is_significant() {
            true => self.mean_difference.abs(),
            false => self.mean_difference,
        });
        let Interval { low, high } = self.interval;
        let (low, high) = (&points(low), &points(high));
        let interval = match self.interval.is_some() {
            true => EvaluateMessage::CompareInterval { low, high },
            false => EvaluateMessage::CompareNoInterval,
        };
        let interval = &interval.text(language);
        let pairs = &self.pairs.to_string();
        let p = &words::number(language, self.p_value, 3);
        let verdict = match (self.is_significant(), self.mean_difference > 0.0) {
            (true, true) => EvaluateMessage::CompareGain {
                difference,
                interval,
                pairs,
                p,
            },
            (true, false) => EvaluateMessage::CompareLoss {
                difference,
                interval,
                pairs,
                p,
            },
            (false, _) => EvaluateMessage::CompareNoDifference {
                difference,
                interval,
                pairs,
                p,
            },
        };
        let mut text = verdict.text(language);
        let can_show = |pairs: &usize| least_p_value(*pairs) < SIGNIFICANT;
        if !can_show(&self.pairs)
            && let Some(needed) = (self.pairs..).find(can_show)
        {
            let needed = &needed.to_string();
            text += " ";
            text += &EvaluateMessage::CompareTooFew { needed }.text(language);
        }
        text
    }
}

/// The least p-value that so many pairs can have, however alike and large their differences are.
pub fn least_p_value(pairs: usize) -> f64 {
    match pairs {
        0 => f64::NAN,
        // The signs as they are, and all of them turned.
        1..=MOST_EXACT => 2.0 / f64::from(1u32 << pairs),
        _ => 1.0 / f64::from(DRAWS + 1),
    }
}

/// The share of all changes of signs whose sum is at least as far from 0.
fn sign_permutation(differences: &[f64], seed: u64) -> f64 {
    if differences.is_empty() {
        return f64::NAN;
    }
    let size: f64 = differences.iter().map(|difference| difference.abs()).sum();
    // Sums that are equal but for rounding count as equal.
    let seen = differences.iter().sum::<f64>().abs() - size * 1e-12;
    let reaches = |sign: &mut dyn FnMut(usize) -> bool| {
        let signed = |(place, difference): (usize, &f64)| match sign(place) {
            true => *difference,
            false => -difference,
        };
        let sum: f64 = differences.iter().enumerate().map(signed).sum();
        u32::from(sum.abs() >= seen)
    };
    if differences.len() <= MOST_EXACT {
        let all = 1u32 << differences.len();
        let count: u32 = (0..all)
            .map(|signs| reaches(&mut |place| signs >> place & 1 == 1))
            .sum();
        return f64::from(count) / f64::from(all);
    }
    let count: u32 = (0..DRAWS)
        .map(|draw| {
            let mut random = Random::new(seed, 1, u64::from(draw));
            reaches(&mut |_| random.below(2) == 1)
        })
        .sum();
    // The signs as they are count as one draw, so that it is never 0.
    f64::from(count + 1) / f64::from(DRAWS + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_by_hand() {
        // Of the eight sums of +-1 +-2 +-3 two are as far from 0 as 6, four as far as 4.
        let test = paired(&[0.0; 3], &[1.0, 2.0, 3.0], 1);
        assert_eq!(
            (test.pairs, test.mean_difference, test.p_value),
            (3, 2.0, 0.25)
        );
        // Of three the interval is wider than they scatter: 2 +- 4.303 / sqrt(3).
        assert!((test.interval.low - -0.4841).abs() < 1e-4, "{test:?}");
        assert!((test.interval.high - 4.4841).abs() < 1e-4, "{test:?}");
        assert_eq!(paired(&[1.0, 0.0, 0.0], &[0.0, 2.0, 3.0], 1).p_value, 0.5);
        let same = paired(&[0.7; 10], &[0.7; 10], 1);
        assert_eq!((same.mean_difference, same.p_value), (0.0, 1.0));
        assert!(!same.interval.is_some());
        assert!(!paired(&[0.7], &[0.8], 1).interval.is_some());
        assert!(paired(&[], &[], 1).p_value.is_nan());
    }

    #[test]
    fn the_verdict_is_told_in_words() {
        let test = |differences: &[f64]| paired(&vec![0.5; differences.len()], differences, 1);
        let scattered = |sign: f64| -> Vec<f64> {
            (0..8)
                .map(|n| 0.5 + sign * (0.02 + f64::from(n) * 0.002))
                .collect()
        };
        let (gain, loss) = (test(&scattered(1.0)), test(&scattered(-1.0)));
        assert!(gain.is_significant() && loss.is_significant());
        let english = |test: &Paired| test.text(Language::English);
        assert!(english(&gain).starts_with("A gain: 2.7 points (95% interval 2.3 to 3.1, 8 pairs"));
        assert!(
            english(&loss).starts_with("A loss: 2.7 points"),
            "{}",
            english(&loss)
        );
        let french = loss.text(Language::French);
        assert!(french.starts_with("Une perte") && french.contains("2,7 points"));
        let few = test(&[0.4, 0.4, 0.4]);
        let told = english(&few);
        assert!(
            told.starts_with("No significant difference: -10.0 points (no interval"),
            "{told}"
        );
        assert!(told.ends_with("at least 6 are needed."), "{told}");
        assert!(!english(&gain).contains("needed"));
    }

    #[test]
    fn the_accuracy_of_a_group_stays_within_what_a_share_can_be() {
        let group = GroupAccuracy::of(vec![0.9, 1.0, 0.8]);
        let interval = group.interval.unwrap();
        assert!((group.mean - 0.9).abs() < 1e-12 && interval.high == 1.0 && interval.low < 0.7);
        assert_eq!(GroupAccuracy::of(vec![0.9]).interval, None);
    }

    #[test]
    fn no_p_value_is_less_than_the_least() {
        for pairs in 1..=8 {
            let test = paired(&vec![0.0; pairs], &vec![1.0; pairs], 1);
            assert_eq!(test.p_value, least_p_value(pairs), "{pairs}");
        }
        assert!(least_p_value(5) > 0.05 && least_p_value(6) < 0.05);
        assert!(least_p_value(MOST_EXACT) > 0.0 && least_p_value(64) > 0.0);
    }

    #[test]
    fn many_pairs_are_drawn_and_repeat_by_seed() {
        let first = vec![0.0; 30];
        let second: Vec<f64> = (0..30)
            .map(|n| 0.1 + f64::from(n % 7) * 0.1 - 0.3)
            .collect();
        let test = paired(&first, &second, 5);
        assert_eq!(test, paired(&first, &second, 5));
        // The normal approximation: mean / sqrt(sum of squares) of the differences.
        let z = second.iter().sum::<f64>() / second.iter().map(|d| d * d).sum::<f64>().sqrt();
        let normal = 2.0 * (1.0 - normal_share(z));
        assert!(
            (test.p_value - normal).abs() < 0.01,
            "{} {normal}",
            test.p_value
        );
        assert!(
            test.interval.low < test.mean_difference && test.mean_difference < test.interval.high
        );
    }

    /// The share of the standard normal distribution below z, by Simpson's rule from -8.
    fn normal_share(z: f64) -> f64 {
        const STEPS: usize = 4000;
        let step = (z + 8.0) / STEPS as f64;
        let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let weight = |n: usize| match n {
            0 | STEPS => 1.0,
            n if n % 2 == 1 => 4.0,
            _ => 2.0,
        };
        (0..=STEPS)
            .map(|n| weight(n) * density(-8.0 + n as f64 * step))
            .sum::<f64>()
            * step
            / 3.0
    }
}
