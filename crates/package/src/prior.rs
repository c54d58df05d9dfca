//! How frequent the classes are where a model is used, which is not how often its training photos
//! showed them.
use serde::{Deserialize, Serialize};

/// Shares of the classes, and how far they are trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// Of each class, in the labels' order, its share of the dogs there: above 0, together 1.
    pub shares: Vec<f32>,
    /// The exponent of the shares: 0 leaves the network's probabilities as they are, 1 takes its
    /// training photos to have shown every class alike.
    pub strength: f32,
    /// Where the shares come from, in words.
    pub source: String,
    /// Whether they are those of France.
    #[serde(default)]
    pub france: bool,
}

/// Below this share of all dogs a class is rare: 25 of the 250,000 puppies that the French stud book
/// registers a year, which is one dog in a shelter of 500 a year once in 20 years.
const RARE: f32 = 1e-4;

/// A sum that differs from 1 by more was not meant as shares.
const SUM_TOLERANCE: f32 = 1e-3;

/// Why numbers are no prior.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriorError {
    /// All counts are 0.
    #[error("the counts of the classes sum to 0")]
    Nothing,
    /// A count is negative, infinite or not a number.
    #[error("a count is negative or not a number")]
    NotACount,
}

impl Prior {
    /// Shares of counts, one a class in the labels' order. One is added to each count, for a class that
    /// nobody counted is not impossible.
    ///
    /// # Errors
    /// [`PriorError`]
    pub fn of_counts(counts: &[f64], strength: f32, source: &str) -> Result<Self, PriorError> {
        if !counts
            .iter()
            .all(|count| count.is_finite() && *count >= 0.0)
        {
            return Err(PriorError::NotACount);
        }
        if counts.iter().all(|&count| count == 0.0) {
            return Err(PriorError::Nothing);
        }
        let sum: f64 = counts.iter().map(|count| count + 1.0).sum();
        if !sum.is_finite() {
            return Err(PriorError::NotACount);
        }
        let share = |count: &f64| (((count + 1.0) / sum) as f32).max(f32::MIN_POSITIVE);
        Ok(Prior {
            shares: counts.iter().map(share).collect(),
            strength,
            source: source.into(),
            france: false,
        })
    }

    /// Whether the numbers make sense for so many classes; else what does not.
    pub(crate) fn check(&self, classes: usize) -> Result<(), String> {
        if self.shares.len() != classes {
            let shares = self.shares.len();
            return Err(format!(
                "the prior has {shares} shares of {classes} classes"
            ));
        }
        if !self
            .shares
            .iter()
            .all(|share| *share > 0.0 && *share <= 1.0)
        {
            return Err("a share of the prior is not above 0 and at most 1".into());
        }
        let sum: f32 = self.shares.iter().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(format!("the shares of the prior sum to {sum}"));
        }
        if !(0.0..=1.0).contains(&self.strength) {
            let strength = self.strength;
            return Err(format!(
                "the prior's strength is {strength}, it must be 0 to 1"
            ));
        }
        Ok(())
    }

    /// What is added to the logarithm of a class's probability, before the sum is made 1 again.
    pub fn log_weight(&self, class: usize) -> f32 {
        self.strength * self.shares[class].ln()
    }

    /// Whether a class is hardly ever met.
    pub fn is_rare(&self, class: usize) -> bool {
        self.shares[class] < RARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_counts_sum_to_one_and_none_is_zero() {
        let prior = Prior::of_counts(&[17_609.0, 98.0, 0.0], 0.25, "counted").unwrap();
        assert!(prior.check(3).is_ok());
        let sum: f32 = prior.shares.iter().sum();
        assert!((sum - 1.0).abs() < 1e-6);
        // One more of each: 17,610, 99 and 1 of 17,710.
        assert!((prior.shares[1] - 99.0 / 17_710.0).abs() < 1e-7);
        assert!((prior.log_weight(2) - 0.25 * (1f32 / 17_710.0).ln()).abs() < 1e-5);
        assert!(prior.is_rare(2) && !prior.is_rare(1));
    }

    #[test]
    fn what_is_no_count_is_refused() {
        let of = |counts: &[f64]| Prior::of_counts(counts, 0.25, "").unwrap_err();
        assert_eq!(of(&[0.0, 0.0]), PriorError::Nothing);
        assert_eq!(of(&[]), PriorError::Nothing);
        for wrong in [-1.0, f64::NAN, f64::INFINITY, f64::MAX] {
            assert_eq!(of(&[f64::MAX, wrong]), PriorError::NotACount, "{wrong}");
        }
    }

    #[test]
    fn a_prior_that_does_not_fit_is_told() {
        let good = Prior::of_counts(&[3.0, 1.0], 0.5, "").unwrap();
        let changed = |change: fn(&mut Prior)| {
            let mut prior = good.clone();
            change(&mut prior);
            prior.check(2).is_err()
        };
        assert!(good.check(2).is_ok() && good.check(3).is_err());
        assert!(changed(|prior| prior.shares[0] = 0.0));
        assert!(changed(|prior| prior.shares[0] = f32::NAN));
        assert!(changed(|prior| prior.shares[0] = 0.9));
        assert!(changed(|prior| prior.strength = 1.5));
        assert!(changed(|prior| prior.strength = f32::NAN));
    }
}
