//! Two models on the same photos: who is right where the other is wrong.

use classify::ModelName;
use data::score::{McNemar, Outcome, SIGNIFICANT, ScoreError, mcnemar, top};
use serde::Serialize;
use std::collections::HashMap;

use super::Predicted;

/// Two models compared on the photos that both have answered, each restricted to the classes of the
/// data set that both know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The model that was evaluated.
    pub first: ModelName,
    /// The one that it is compared with.
    pub second: ModelName,
    /// Where the first is, told where another of those compared has its name and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_path: Option<String>,
    /// Where the second is, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_path: Option<String>,
    /// Whether that is the model which nothing was trained for.
    pub baseline: bool,
    /// The photos.
    pub photos: usize,
    /// The classes.
    pub classes: usize,
    /// The share that the first gets right.
    pub first_top_1: f64,
    /// The share that the second gets right.
    pub second_top_1: f64,
    /// McNemar's test.
    #[serde(flatten)]
    pub test: McNemar,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first is better.
    First,
    /// The second is better.
    Second,
    /// No significant difference.
    Neither,
}

impl Comparison {
    /// Compares two models; none where they have no photo in common.
    ///
    /// # Errors
    /// Where a network gives no numbers.
    pub fn of(
        first: &Predicted,
        second: &Predicted,
        baseline: bool,
    ) -> Result<Option<Self>, ScoreError> {
        let both = first.of_data.iter().zip(&second.of_data);
        let (mut of_first, mut of_second): (Vec<usize>, Vec<usize>) = both
            .filter_map(|(&first, &second)| first.zip(second))
            .unzip();
        for own in [&mut of_first, &mut of_second] {
            own.sort_unstable();
            own.dedup();
        }
        let theirs: HashMap<usize, _> = second
            .photos
            .iter()
            .map(|photo| (photo.entry, photo))
            .collect();
        let mut outcomes: [Vec<Outcome>; 2] = Default::default();
        for photo in &first.photos {
            let other = theirs.get(&photo.entry);
            let pair = other.and_then(|other| {
                let own = first.probabilities(photo, &of_first, None)?;
                Some([own, second.probabilities(other, &of_second, None)?])
            });
            if let Some(pair) = pair {
                for (outcomes, (row, label)) in outcomes.iter_mut().zip(pair) {
                    outcomes.push(Outcome::of(&row, label)?);
                }
            }
        }
        if outcomes[0].is_empty() {
            return Ok(None);
        }
        let right = outcomes
            .each_ref()
            .map(|own| own.iter().map(Outcome::is_right).collect::<Vec<_>>());
        Ok(Some(Comparison {
            first: first.model.clone(),
            second: second.model.clone(),
            first_path: None,
            second_path: None,
            baseline,
            photos: outcomes[0].len(),
            classes: of_first.len(),
            first_top_1: top(&outcomes[0], 1),
            second_top_1: top(&outcomes[1], 1),
            test: mcnemar(&right[0], &right[1]),
        }))
    }

    /// Which of the two is better, if one is.
    pub fn verdict(&self) -> Verdict {
        if self.test.p_value >= SIGNIFICANT {
            Verdict::Neither
        } else if self.test.only_first > self.test.only_second {
            Verdict::First
        } else {
            Verdict::Second
        }
    }

    /// Tells models of one name and version apart by where they are: a path for the first, and for
    /// the second of each of the comparisons.
    pub fn tell_apart(comparisons: &mut [Self], first: &str, seconds: &[String]) {
        let own = comparisons.first().map(|comparison| &comparison.first);
        let others = comparisons.iter().map(|comparison| &comparison.second);
        let names: Vec<ModelName> = own.into_iter().chain(others).cloned().collect();
        let shared = |name: &ModelName| names.iter().filter(|other| *other == name).count() > 1;
        for (comparison, second) in comparisons.iter_mut().zip(seconds) {
            comparison.first_path = shared(&comparison.first).then(|| first.to_owned());
            comparison.second_path = shared(&comparison.second).then(|| second.clone());
        }
    }
}
