//! Which of several models to use: one that is not significantly worse than the best, and the fastest of
//! those.
use super::Predicted;
use data::score::{Outcome, SIGNIFICANT, ScoreError, mcnemar};
use std::collections::HashMap;

/// Models on the same photos, and which of them to use.
#[derive(Clone, Debug, PartialEq)]
pub struct Pick {
    /// The model with the most right answers; of equally good ones the fastest.
    pub best: usize,
    /// The fastest of those that are not significantly worse than the best.
    pub chosen: usize,
    /// For each model, whether no other is both at least as accurate and at least as fast, and better in
    /// one of the two (the Pareto front).
    pub on_front: Vec<bool>,
    /// For each model, the probability of so large a difference from the best by chance (McNemar).
    pub p_values: Vec<f64>,
}

impl Pick {
    /// Picks by which photos each model gets right, the same photos in the same order, and by what an
    /// answer takes; none of no models.
    pub fn of(right: &[Vec<bool>], milliseconds: &[f64]) -> Option<Self> {
        let counts: Vec<usize> = right
            .iter()
            .map(|right| right.iter().filter(|right| **right).count())
            .collect();
        let faster =
            |&first: &usize, &second: &usize| milliseconds[first].total_cmp(&milliseconds[second]);
        let most = counts.iter().max()?;
        let places = 0..right.len();
        let best = places.clone().filter(|&place| counts[place] == *most);
        let best = best.min_by(faster)?;
        let p_values: Vec<f64> = right
            .iter()
            .map(|own| mcnemar(&right[best], own).p_value)
            .collect();
        let as_good = places
            .clone()
            .filter(|&place| p_values[place] >= SIGNIFICANT);
        let chosen = as_good.min_by(faster).unwrap_or(best);
        let beats = |first: usize, second: usize| {
            let (accuracy, time) = (
                counts[first].cmp(&counts[second]),
                milliseconds[second].total_cmp(&milliseconds[first]),
            );
            accuracy.is_ge() && time.is_ge() && (accuracy.is_gt() || time.is_gt())
        };
        let on_front = places
            .clone()
            .map(|place| !places.clone().any(|other| beats(other, place)))
            .collect();
        Some(Pick {
            best,
            chosen,
            on_front,
            p_values,
        })
    }
}

/// The classes of the data set that all of several models know.
pub fn known_to_all(all: &[Predicted]) -> Vec<usize> {
    let classes = all.first().map_or(0, |first| first.of_data.len());
    (0..classes)
        .filter(|&class| all.iter().all(|one| one.of_data[class].is_some()))
        .collect()
}

/// What each of several models says of the photos that all have answered, among the classes of
/// [`known_to_all`]: the same photos in the same order.
///
/// # Errors
/// Where a network gives no numbers.
pub fn on_common_ground(all: &[Predicted]) -> Result<Vec<Vec<Outcome>>, ScoreError> {
    let known = known_to_all(all);
    let answers: Vec<HashMap<usize, Outcome>> = all
        .iter()
        .map(|one| {
            let own = known.iter().filter_map(|&class| one.of_data[class]);
            let mut own: Vec<usize> = own.collect();
            own.sort_unstable();
            own.dedup();
            let rows = one.photos.iter().filter_map(|photo| {
                let (row, label) = one.probabilities(photo, &own, None)?;
                Some(Outcome::of(&row, label).map(|outcome| (photo.entry, outcome)))
            });
            rows.collect::<Result<_, _>>()
        })
        .collect::<Result<_, ScoreError>>()?;
    let mut photos: Vec<usize> = answers.first().map_or_else(Vec::new, |first| {
        let everybody = |photo: &&usize| answers.iter().all(|one| one.contains_key(*photo));
        first.keys().filter(everybody).copied().collect()
    });
    photos.sort_unstable();
    let of_photos = |mut one: HashMap<usize, Outcome>| {
        let outcomes = photos.iter().filter_map(|photo| one.remove(photo));
        outcomes.collect()
    };
    Ok(answers.into_iter().map(of_photos).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `right` photos of 200 right, the first ones.
    fn first(right: usize) -> Vec<bool> {
        (0..200).map(|photo| photo < right).collect()
    }

    #[test]
    fn the_fastest_is_chosen_of_those_that_are_as_good() {
        // 180 and 178 of 200 are told apart by two photos: chance. 150 is worse.
        let right = [first(180), first(178), first(150), first(170)];
        let pick = Pick::of(&right, &[90.0, 30.0, 10.0, 95.0]).unwrap();
        assert_eq!((pick.best, pick.chosen), (0, 1));
        assert_eq!(pick.on_front, [true, true, true, false]);
        assert_eq!(pick.p_values[0], 1.0);
        assert!(pick.p_values[1] > 0.4 && pick.p_values[2] < 1e-6);
    }

    #[test]
    fn of_equally_good_ones_the_fastest_is_best_and_none_of_none() {
        let right = [first(100), first(100)];
        let pick = Pick::of(&right, &[20.0, 10.0]).unwrap();
        assert_eq!((pick.best, pick.chosen), (1, 1));
        assert_eq!(pick.on_front, [false, true]);
        assert_eq!(Pick::of(&[], &[]), None);
    }
}
