//! Ends a trial that is surely worse than the best one, seed by seed or fold by fold: steps are seeds, and
//! the differences to the best trial's values are judged by Wilcoxon's signed-rank test.
use super::Kind;
use crate::studies::TrialState;

pub(super) const WILCOXON: Kind = Kind {
    name: "wilcoxon",
    prunes: |_, judged| {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let costs = |values: Vec<&f64>| -> Vec<f64> {
            values
                .into_iter()
                .map(|value| judged.direction.cost(*value))
                .collect()
        };
        let complete = judged
            .trials
            .iter()
            .filter(|trial| trial.state == TrialState::Complete);
        let best = complete
            .filter(|trial| !trial.reported.is_empty())
            .min_by(|one, other| {
                let [one, other] =
                    [one, other].map(|trial| mean(&costs(trial.reported.values().collect())));
                one.total_cmp(&other)
            });
        let Some(best) = best else {
            return false;
        };
        let both = judged.reported.iter().filter_map(|(step, value)| {
            let own = judged.direction.cost(*value);
            Some(own - judged.direction.cost(*best.reported.get(step)?))
        });
        let differences: Vec<f64> = both.collect();
        differences.len() >= LEAST && mean(&differences) > 0.0 && worse(&differences) < SURE
    },
};

/// Steps that two trials must have in common at least.
const LEAST: usize = 2;

/// The error that is accepted, as Optuna does.
const SURE: f64 = 0.1;

/// The probability of ranks that speak so much against the trial, if signs were chance: exact, ties and all,
/// by counting over all signs. Of a difference of 0 half speaks for either side.
pub fn worse(differences: &[f64]) -> f64 {
    // More are not told apart from endless ones.
    let capped = |difference: &f64| {
        if difference.is_nan() {
            f64::INFINITY
        } else {
            *difference
        }
    };
    let differences: Vec<f64> = differences.iter().map(capped).collect();
    let mut sizes: Vec<f64> = differences
        .iter()
        .map(|difference| difference.abs())
        .collect();
    sizes.sort_by(f64::total_cmp);
    // Twice the rank, so that the middle of equal ones is a whole number.
    let rank = |difference: &f64| {
        let size = difference.abs();
        let first = sizes.iter().position(|known| *known == size).unwrap_or(0);
        let last = sizes.iter().rposition(|known| *known == size).unwrap_or(0);
        first + last + 2
    };
    let ranks: Vec<usize> = differences.iter().map(rank).collect();
    let total: usize = ranks.iter().sum();
    let against: f64 = (differences.iter().zip(&ranks))
        .map(|(difference, rank)| match difference.total_cmp(&0.0) {
            _ if *difference == 0.0 => *rank as f64 / 2.0,
            std::cmp::Ordering::Greater => *rank as f64,
            _ => 0.0,
        })
        .sum();
    let mut chances = vec![0.0; total + 1];
    chances[0] = 1.0;
    for rank in ranks {
        for sum in (0..=total).rev() {
            let with = sum.checked_sub(rank).map_or(0.0, |below| chances[below]);
            chances[sum] = f64::midpoint(chances[sum], with);
        }
    }
    chances[against.ceil() as usize..].iter().sum()
}
