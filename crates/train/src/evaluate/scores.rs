//! Every score of a table of probabilities and labels, whoever made it.

use data::score::{
    self, Bin, CALIBRATION_BINS, ClassScore, ConfusedPair, Confusion, Interval, Outcome, ScoreError,
};
use serde::Serialize;

/// The first answers that `top_5` looks at; it is given where there are more classes.
const FIRST_ANSWERS: usize = 5;

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Wilson's; of macro F1 at as many photos as a mean over classes is worth. None without photos.
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
/// class.
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
) -> Result<Scores, ScoreError> {
    assert_eq!(probabilities.len(), labels.len() * classes, "a row a label");
    let rows = probabilities.chunks_exact(classes.max(1)).zip(labels);
    let outcomes: Vec<Outcome> = rows
        .map(|(row, &label)| Outcome::of(row, label))
        .collect::<Result<_, _>>()?;
    Ok(Scores::of(&outcomes, classes))
}

impl Scores {
    /// The same from outcomes over so many classes.
    ///
    /// # Panics
    /// Where a label or an answer is not below `classes`.
    pub fn of(outcomes: &[Outcome], classes: usize) -> Self {
        let top = |answers| {
            let among = outcomes.iter().filter(|outcome| outcome.rank < answers);
            Estimate {
                value: score::top(outcomes, answers),
                interval: score::wilson(among.count(), outcomes.len()),
            }
        };
        let confusion = Confusion::of(outcomes, classes);
        Scores {
            photos: outcomes.len(),
            classes,
            top_1: top(1),
            top_5: (classes > FIRST_ANSWERS).then(|| top(FIRST_ANSWERS)),
            macro_f1: Estimate {
                value: confusion.macro_f1(),
                interval: confusion.macro_f1_interval(),
            },
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
        let scores = super::score(&rows, 2, &[0, 0, 1]).unwrap();
        assert_eq!((scores.photos, scores.classes, scores.top_5), (3, 2, None));
        assert!((scores.top_1.value - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(scores.top_1.interval, score::wilson(1, 3));
        // Class 0: one of two right, two answered; class 1: never right.
        assert!((scores.macro_f1.value - 0.25).abs() < 1e-12);
        assert_eq!(scores.confusion, [[1, 1], [1, 0]]);
        assert!(super::score(&rows, 2, &[0, 0, 2]).is_err());
        let six = super::score(&[1.0 / 6.0; 6], 6, &[4]).unwrap();
        assert_eq!(six.top_5.map(|top| top.value), Some(1.0));
        let json = serde_json::to_value(&six).unwrap();
        assert_eq!(json["top_5"]["value"], 1.0);
    }

    #[test]
    fn two_photos_that_are_right_are_no_certainty_and_none_have_no_interval() {
        let scores = super::score(&[1.0, 0.0, 0.0, 1.0], 2, &[0, 1]).unwrap();
        for estimate in [scores.top_1, scores.macro_f1] {
            assert_eq!(estimate.value, 1.0);
            assert!(
                (estimate.interval.low - 0.342_380_227).abs() < 1e-9,
                "{estimate:?}"
            );
            assert_eq!(estimate.interval.high, 1.0);
        }
        let none = super::score(&[], 2, &[]).unwrap();
        let json = serde_json::to_value(&none).unwrap();
        for figure in ["top_1", "macro_f1"] {
            for end in ["value", "low", "high"] {
                assert!(json[figure][end].is_null(), "{figure} {end}");
            }
        }
    }
}
