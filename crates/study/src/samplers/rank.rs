//! The order of complete trials: by their value; of several objectives by how many fronts lie before.
use crate::studies::{Direction, Trial};

/// Sorts trials, best first. Of several objectives the trials that none beats in everything come first,
/// then those that only these beat, and so on; within a front those that stand apart from the others.
pub fn sort(trials: &mut Vec<&Trial>, directions: &[Direction]) {
    if let [direction] = directions {
        let cost =
            |trial: &Trial| direction.cost(trial.values.first().copied().unwrap_or(f64::NAN));
        trials.sort_by(|one, other| cost(one).total_cmp(&cost(other)));
        return;
    }
    let mut left = std::mem::take(trials);
    while !left.is_empty() {
        let is_first: Vec<bool> = (left.iter())
            .map(|trial| !left.iter().any(|other| beats(other, trial, directions)))
            .collect();
        let mut marks = is_first.iter();
        let (mut front, rest): (Vec<&Trial>, Vec<&Trial>) =
            left.into_iter().partition(|_| marks.next() == Some(&true));
        spread(&mut front, directions);
        trials.extend(front);
        left = rest;
    }
}

/// Whether a trial is at least as good in everything and better in something.
pub fn beats(one: &Trial, other: &Trial, directions: &[Direction]) -> bool {
    let costs = |trial: &Trial| -> Vec<f64> {
        let values = trial.values.iter().zip(directions);
        values
            .map(|(value, direction)| direction.cost(*value))
            .collect()
    };
    let (one, other) = (costs(one), costs(other));
    let pairs = || one.iter().zip(&other);
    pairs().all(|(one, other)| one <= other) && pairs().any(|(one, other)| one < other)
}

/// The trials that no other beats, in the order of their numbers.
pub fn front<'a>(trials: &[&'a Trial], directions: &[Direction]) -> Vec<&'a Trial> {
    let unbeaten = |trial: &&&Trial| !trials.iter().any(|other| beats(other, trial, directions));
    trials.iter().filter(unbeaten).copied().collect()
}

/// Puts those first that stand apart: by the distance between the two neighbours in each objective
/// (Deb, Pratap, Agarwal and Meyarivan, NSGA-II, 2002).
fn spread(front: &mut Vec<&Trial>, directions: &[Direction]) {
    let mut apart = vec![0.0f64; front.len()];
    for objective in 0..directions.len() {
        let value = |place: usize| {
            front[place]
                .values
                .get(objective)
                .copied()
                .unwrap_or(f64::NAN)
        };
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|one, other| value(*one).total_cmp(&value(*other)));
        let (Some(&first), Some(&last)) = (order.first(), order.last()) else {
            return;
        };
        let width = value(last) - value(first);
        apart[first] = f64::INFINITY;
        apart[last] = f64::INFINITY;
        if width > 0.0 && width.is_finite() {
            for three in order.windows(3) {
                apart[three[1]] += (value(three[2]) - value(three[0])) / width;
            }
        }
    }
    let mut order: Vec<usize> = (0..front.len()).collect();
    order.sort_by(|one, other| apart[*other].total_cmp(&apart[*one]));
    *front = order.into_iter().map(|place| front[place]).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts_come_one_after_the_other() {
        let directions = [Direction::Maximize, Direction::Minimize];
        let values = [
            [0.9, 10.0],
            [0.8, 5.0],
            [0.7, 6.0],
            [0.9, 12.0],
            [0.5, 1.0],
            [f64::NAN, 0.5],
        ];
        let trials: Vec<Trial> = (0..)
            .zip(values)
            .map(|(number, values)| Trial {
                values: values.to_vec(),
                ..Trial::new(number as i64, number)
            })
            .collect();
        let mut sorted: Vec<&Trial> = trials.iter().collect();
        let first: Vec<u64> = front(&sorted, &directions)
            .iter()
            .map(|trial| trial.number)
            .collect();
        assert_eq!(first, [0, 1, 4, 5]);
        sort(&mut sorted, &directions);
        let numbers: Vec<u64> = sorted.iter().map(|trial| trial.number).collect();
        assert_eq!(numbers.len(), 6);
        assert!(
            numbers[4..].iter().all(|number| [2, 3].contains(number)),
            "{numbers:?}"
        );
    }
}
