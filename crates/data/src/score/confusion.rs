//! Which classes are taken for which: the confusion matrix, and what follows from it class by class.

use serde::Serialize;

use super::{Interval, Outcome, wilson_of_share};

/// How often the photos of each class were answered as each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// `[classes, classes]`: a row a true class, a column a first answer.
    counts: Vec<usize>,
}

/// How well one class is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassScore {
    /// Photos that show it.
    pub photos: usize,
    /// Photos that were answered as it.
    pub answered: usize,
    /// Photos that show it and were answered as it.
    pub right: usize,
    /// `right / answered`; NaN where nothing was answered as it.
    pub precision: f64,
    /// `right / photos`; NaN where no photo shows it.
    pub recall: f64,
    /// The harmonic mean of the two, `2 right / (photos + answered)`; NaN where both are 0.
    pub f1: f64,
}

/// Two classes that are taken for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ConfusedPair {
    /// The one with the lower index.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// Photos of the first that were answered as the second.
    pub first_as_second: usize,
    /// Photos of the second that were answered as the first.
    pub second_as_first: usize,
}

impl Confusion {
    /// Counts outcomes over so many classes.
    ///
    /// # Panics
    /// Where a label or an answer is not below `classes`.
    pub fn of(outcomes: &[Outcome], classes: usize) -> Self {
        let mut counts = vec![0; classes * classes];
        for outcome in outcomes {
            assert!(
                outcome.label < classes && outcome.first < classes,
                "a class"
            );
            counts[outcome.label * classes + outcome.first] += 1;
        }
        Confusion { classes, counts }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Photos of class `label` that were answered as `first`.
    pub fn count(&self, label: usize, first: usize) -> usize {
        self.counts[label * self.classes + first]
    }

    /// The matrix, a row a true class.
    pub fn rows(&self) -> impl Iterator<Item = &[usize]> {
        self.counts.chunks_exact(self.classes.max(1))
    }

    /// How well each class is told.
    pub fn class_scores(&self) -> Vec<ClassScore> {
        let share = |part: usize, of: usize| part as f64 / of as f64;
        let score = |class| {
            let photos = (0..self.classes)
                .map(|first| self.count(class, first))
                .sum();
            let answered = (0..self.classes)
                .map(|label| self.count(label, class))
                .sum();
            let right = self.count(class, class);
            ClassScore {
                photos,
                answered,
                right,
                precision: share(right, answered),
                recall: share(right, photos),
                f1: share(2 * right, photos + answered),
            }
        };
        (0..self.classes).map(score).collect()
    }

    /// The mean F1 of the classes that a photo shows: each counts the same, however many photos it
    /// has. NaN where there is none.
    pub fn macro_f1(&self) -> f64 {
        let scores = self.class_scores();
        let shown = || scores.iter().filter(|class| class.photos > 0);
        shown().map(|class| class.f1).sum::<f64>() / shown().count() as f64
    }

    /// The number of photos of which a share is as uncertain as the mean over the classes that are
    /// shown: all photos where each class has as many, fewer where few photos of one class count as
    /// much as many of another. 0 where there is none.
    pub fn effective_photos(&self) -> f64 {
        let shown: Vec<f64> = (self.rows())
            .map(|row| row.iter().sum::<usize>() as f64)
            .filter(|&photos| photos > 0.0)
            .collect();
        // The variance of a mean of shares is the sum of p (1 - p) / photos, over classes squared.
        let classes = shown.len() as f64;
        match shown.is_empty() {
            true => 0.0,
            false => classes * classes / shown.iter().map(|photos| 1.0 / photos).sum::<f64>(),
        }
    }

    /// The 95 % interval of [`Confusion::macro_f1`] over the same classes: Wilson's, of
    /// [`Confusion::effective_photos`]. It covers about as often as it says, where resampling photos
    /// covers far less: of 120 classes with 8 photos each 94 % against 84 %, of two with two photos
    /// 93 % against 60 %.
    pub fn macro_f1_interval(&self) -> Interval {
        wilson_of_share(self.macro_f1(), self.effective_photos())
    }

    /// The pairs of classes that are taken for each other, the most often first.
    pub fn confused_pairs(&self) -> Vec<ConfusedPair> {
        let mut pairs = Vec::new();
        for first in 0..self.classes {
            for second in first + 1..self.classes {
                let pair = ConfusedPair {
                    first,
                    second,
                    first_as_second: self.count(first, second),
                    second_as_first: self.count(second, first),
                };
                if pair.mistakes() > 0 {
                    pairs.push(pair);
                }
            }
        }
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.mistakes()));
        pairs
    }
}

impl ConfusedPair {
    /// Both ways together.
    pub fn mistakes(&self) -> usize {
        self.first_as_second + self.second_as_first
    }
}

/// [`Confusion::macro_f1`] of outcomes over so many classes.
pub fn macro_f1(outcomes: &[Outcome], classes: usize) -> f64 {
    Confusion::of(outcomes, classes).macro_f1()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(pairs: &[(usize, usize)]) -> Vec<Outcome> {
        let outcome = |&(label, first)| Outcome {
            label,
            first,
            rank: usize::from(label != first),
            first_probability: 0.5,
            label_probability: 0.5,
            squared_error: 0.0,
        };
        pairs.iter().map(outcome).collect()
    }

    #[test]
    fn precision_recall_and_f1_by_hand() {
        // Class 0: three photos, two right; class 1: one, right, and one of class 0 taken for it;
        // class 2 is shown by none and answered once; class 3 is neither.
        let all = outcomes(&[(0, 0), (0, 0), (0, 1), (1, 1), (1, 2)]);
        let confusion = Confusion::of(&all, 4);
        let scores = confusion.class_scores();
        assert_eq!(
            (scores[0].photos, scores[0].answered, scores[0].right),
            (3, 2, 2)
        );
        assert_eq!((scores[0].precision, scores[0].recall), (1.0, 2.0 / 3.0));
        assert!((scores[0].f1 - 0.8).abs() < 1e-12);
        assert_eq!(
            (scores[1].precision, scores[1].recall, scores[1].f1),
            (0.5, 0.5, 0.5)
        );
        assert!(scores[2].recall.is_nan() && scores[2].f1 == 0.0);
        assert!(scores[3].precision.is_nan() && scores[3].f1.is_nan());
        assert!(
            (confusion.macro_f1() - 0.65).abs() < 1e-12,
            "class 2 shows nothing"
        );
        assert!(macro_f1(&[], 4).is_nan());
        assert_eq!(confusion.rows().next().unwrap(), [2, 1, 0, 0]);
    }

    #[test]
    fn two_photos_that_are_right_say_little_of_macro_f1() {
        let interval = |pairs: &[(usize, usize)], classes| {
            Confusion::of(&outcomes(pairs), classes).macro_f1_interval()
        };
        let two = interval(&[(0, 0), (1, 1)], 2);
        assert_eq!((two.low, two.high), {
            let wilson = super::super::wilson(2, 2);
            (wilson.low, wilson.high)
        });
        // Classes that no photo shows change nothing.
        assert_eq!(two, interval(&[(0, 0), (1, 1)], 120));
        assert!(!interval(&[], 3).is_some());
        // 9 photos of one class and one of another: 4 / (1/9 + 1).
        let mut uneven = vec![(0, 0); 9];
        uneven.push((1, 1));
        let effective = Confusion::of(&outcomes(&uneven), 2).effective_photos();
        assert!((effective - 3.6).abs() < 1e-12, "{effective}");
    }

    /// The interval holds what it is of in about 95 of 100 samples, of few photos too.
    #[test]
    fn the_interval_of_macro_f1_covers() {
        /// Photos of each class, of how many in a hundred right.
        const CASES: [(&[usize], u32); 3] = [(&[5, 5, 5, 5], 90), (&[8; 20], 80), (&[40, 40], 75)];
        const SAMPLES: u64 = 1000;
        for (photos, percent) in CASES {
            let classes = photos.len();
            // Mistakes fall on all others alike, so that F1 is the share that is right.
            let truth = f64::from(percent) / 100.0;
            let covered = (0..SAMPLES).filter(|&sample| {
                let mut random = tensor::Random::new(7, classes as u32, sample);
                let mut pairs = Vec::new();
                for (label, &count) in photos.iter().enumerate() {
                    for _ in 0..count {
                        let wrong = 1 + random.below(classes as u32 - 1) as usize;
                        let right = random.below(100) < percent;
                        let first = if right {
                            label
                        } else {
                            (label + wrong) % classes
                        };
                        pairs.push((label, first));
                    }
                }
                let interval = Confusion::of(&outcomes(&pairs), classes).macro_f1_interval();
                (interval.low..=interval.high).contains(&truth)
            });
            let share = covered.count() as f64 / SAMPLES as f64;
            assert!((0.92..=0.98).contains(&share), "{photos:?}: {share}");
        }
    }

    #[test]
    fn pairs_are_counted_both_ways_and_the_worst_comes_first() {
        let all = outcomes(&[(0, 1), (2, 1), (1, 2), (1, 2), (0, 0)]);
        let pairs = Confusion::of(&all, 3).confused_pairs();
        let of = |first, second, first_as_second, second_as_first| ConfusedPair {
            first,
            second,
            first_as_second,
            second_as_first,
        };
        assert_eq!(pairs, [of(1, 2, 2, 1), of(0, 1, 1, 0)]);
    }
}
