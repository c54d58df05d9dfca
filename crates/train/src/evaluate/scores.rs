//! Every score of a table of probabilities and labels, whoever made it.

use data::score::{
    self, Bin, CALIBRATION_BINS, ClassScore, ConfusedPair, Confusion, Interval, Outcome, ScoreError,
};
use serde::Serialize;

/// Resamples of a bootstrap: its ends then move by about a hundredth of their distance.
pub const RESAMPLES: u32 = 1000;
/// The seed of the resamples.
const SEED: u64 = 1;
/// The first answers that `top_5` looks at; it is given where there are more classes.
const FIRST_ANSWERS: usize = 5;

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// By the bootstrap over photos.
    #[serde(flatten)]
    pub interval: Interval,
}

/// How good predictions are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Photos that were scored.
    pub photos: usize,
    /// Classes that could be answered.
    pub classes: usize,
    /// The share whose first answer is right.
    pub top_1: Estimate,
    /// The share whose class is among the first five answers; none where there are five or fewer.
    pub top_5: Option<Estimate>,
    /// The mean F1 of the classes that a photo shows.
    pub macro_f1: Estimate,
    /// In nats.
    pub negative_log_likelihood: f64,
    /// 0 to 2.
    pub brier: f64,
    /// Over 15 bins of equal width.
    pub expected_calibration_error: f64,
    /// The bins, from 0 to 1.
    pub reliability: [Bin; CALIBRATION_BINS],
    /// How well each class is told.
    pub class_scores: Vec<ClassScore>,
    /// The confusion matrix, a row a true class, a column a first answer.
    pub confusion: Vec<Vec<usize>>,
    /// The pairs of classes that are taken for each other, the most often first.
    pub confused_pairs: Vec<ConfusedPair>,
}

/// Scores predictions, `[photos, classes]`, each row summing to 1, against the index of each photo's
/// class. `resamples` ([`RESAMPLES`]) decides how exact the intervals are; with 0 they are NaN and
/// nothing is spent on them, as between the epochs of a training.
///
/// # Errors
/// [`ScoreError`] where a row is no prediction or a label no class.
///
/// # Panics
/// Where there are not as many rows as labels.
pub fn score(
    probabilities: &[f32],
    classes: usize,
    labels: &[usize],
    resamples: u32,
) -> Result<Scores, ScoreError> {
    assert_eq!(probabilities.len(), labels.len() * classes, "a row a label");
    let rows = probabilities.chunks_exact(classes.max(1)).zip(labels);
    let outcomes: Vec<Outcome> = rows
        .map(|(row, &label)| Outcome::of(row, label))
        .collect::<Result<_, _>>()?;
    Ok(Scores::of(&outcomes, classes, resamples))
}

impl Scores {
    /// The same from outcomes over so many classes.
    ///
    /// # Panics
    /// Where a label or an answer is not below `classes`.
    pub fn of(outcomes: &[Outcome], classes: usize, resamples: u32) -> Self {
        let estimate = |statistic: &dyn Fn(&[Outcome]) -> f64| Estimate {
            value: statistic(outcomes),
            interval: score::bootstrap(outcomes, statistic, resamples, SEED),
        };
        let confusion = Confusion::of(outcomes, classes);
        Scores {
            photos: outcomes.len(),
            classes,
            top_1: estimate(&|outcomes| score::top(outcomes, 1)),
            top_5: (classes > FIRST_ANSWERS)
                .then(|| estimate(&|outcomes| score::top(outcomes, FIRST_ANSWERS))),
            macro_f1: estimate(&|outcomes| score::macro_f1(outcomes, classes)),
            negative_log_likelihood: score::negative_log_likelihood(outcomes),
            brier: score::brier(outcomes),
            expected_calibration_error: score::expected_calibration_error(outcomes),
            reliability: score::reliability(outcomes),
            class_scores: confusion.class_scores(),
            confused_pairs: confusion.confused_pairs(),
            confusion: confusion.rows().map(<[usize]>::to_vec).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_scored_whole() {
        let rows = [0.75, 0.25, 0.25, 0.75, 0.5, 0.5];
        let scores = score(&rows, 2, &[0, 0, 1], RESAMPLES).unwrap();
        assert_eq!((scores.photos, scores.classes, scores.top_5), (3, 2, None));
        assert!((scores.top_1.value - 1.0 / 3.0).abs() < 1e-12);
        assert!(scores.top_1.interval.low <= scores.top_1.value);
        // Class 0: one of two right, two answered; class 1: never right.
        assert!((scores.macro_f1.value - 0.25).abs() < 1e-12);
        assert_eq!(scores.confusion, [[1, 1], [1, 0]]);
        let quick = score(&rows, 2, &[0, 0, 1], 0).unwrap();
        assert_eq!(quick.top_1.value, scores.top_1.value);
        assert!(quick.top_1.interval.low.is_nan());
        assert!(score(&rows, 2, &[0, 0, 2], 0).is_err());
        let six = score(&[1.0 / 6.0; 6], 6, &[4], 0).unwrap();
        assert_eq!(six.top_5.map(|top| top.value), Some(1.0));
        let json = serde_json::to_value(&six).unwrap();
        assert_eq!(json["top_5"]["value"], 1.0);
        assert!(json["top_1"]["low"].is_null(), "no interval was asked for");
    }
}
