//! How much each parameter matters: how far the values of the best trials differ from those of all (PED-ANOVA;
//! Watanabe, Bansal and Hutter, 2023).
use super::trial::{Direction, Trial, TrialState};
use crate::space::Distribution;
use std::collections::BTreeMap;

/// The share of trials that count as the best.
const BEST: f64 = 0.1;

/// Parts that a scale is cut into.
const PARTS: usize = 50;

/// The importance of each parameter, as a share of all, the most important first. Only complete trials that
/// have the parameter count; fewer than five say nothing of it.
pub fn importance(trials: &[Trial], direction: Direction) -> Vec<(String, f64)> {
    let mut complete: Vec<(&Trial, f64)> = (trials.iter())
        .filter(|trial| trial.state == TrialState::Complete)
        .filter_map(|trial| Some((trial, direction.cost(*trial.values.first()?))))
        .filter(|(_, cost)| cost.is_finite())
        .collect();
    complete.sort_by(|one, other| one.1.total_cmp(&other.1));
    let mut divergence: BTreeMap<&str, f64> = BTreeMap::new();
    let names = complete
        .iter()
        .flat_map(|(trial, _)| trial.parameters.keys());
    for name in names {
        if !divergence.contains_key(name.as_str()) {
            divergence.insert(name, of(name, &complete));
        }
    }
    let sum: f64 = divergence.values().sum();
    let share = |value: f64| if sum > 0.0 { value / sum } else { 0.0 };
    let mut found: Vec<(String, f64)> = divergence
        .into_iter()
        .map(|(name, value)| (name.to_owned(), share(value)))
        .collect();
    found.sort_by(|one, other| other.1.total_cmp(&one.1));
    found
}

/// Pearson's divergence between the densities of a parameter in the best trials and in all.
fn of(name: &str, sorted: &[(&Trial, f64)]) -> f64 {
    let values: Vec<(&Distribution, f64)> = (sorted.iter())
        .filter_map(|(trial, _)| {
            trial
                .parameters
                .get(name)
                .map(|(kind, value)| (kind, *value))
        })
        .collect();
    let best = ((values.len() as f64 * BEST).ceil() as usize).max(2);
    if values.len() < 5 {
        return 0.0;
    }
    // Of a range that changed on the way the newest counts.
    let (kind, _) = values[values.len() - 1];
    let parts = kind
        .count()
        .map_or(PARTS, |count| (count as usize).min(PARTS))
        .max(1);
    let (low, high) = kind.scale();
    let part = |(_, value): &(&Distribution, f64)| {
        let share = (kind.to_scale(*value) - low) / (high - low);
        ((share * parts as f64) as usize).min(parts - 1)
    };
    let places: Vec<usize> = values.iter().map(part).collect();
    let ordered = !matches!(kind, Distribution::Categorical { .. });
    let all = density(&places, parts, ordered);
    let good = density(&places[..best], parts, ordered);
    good.iter()
        .zip(&all)
        .map(|(good, all)| all * (good / all - 1.0).powi(2))
        .sum()
}

/// How often each part is met: a normal kernel around each place of a scale, a place alone of choices, and
/// one place spread over all.
fn density(places: &[usize], parts: usize, ordered: bool) -> Vec<f64> {
    let count = places.len() as f64;
    let mean = places.iter().map(|place| *place as f64).sum::<f64>() / count;
    let variance = places
        .iter()
        .map(|place| (*place as f64 - mean).powi(2))
        .sum::<f64>()
        / count;
    // Scott's width (1992), and no less than half a part.
    let width = (1.059 * variance.sqrt() * count.powf(-0.2)).max(0.5);
    let mut density = vec![1.0 / parts as f64; parts];
    for &place in places {
        if !ordered {
            density[place] += 1.0;
            continue;
        }
        let kernel = |part: usize| {
            let distance = (part as f64 - place as f64) / width;
            (-0.5 * distance * distance).exp()
        };
        let sum: f64 = (0..parts).map(kernel).sum();
        for (part, value) in density.iter_mut().enumerate() {
            *value += kernel(part) / sum;
        }
    }
    let sum: f64 = density.iter().sum();
    density.into_iter().map(|value| value / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_decides_matters_most_and_what_does_not_matters_least() {
        let mut random = tensor::Random::new(1, 0, 0);
        let names = Distribution::Categorical {
            choices: vec![json!("a"), json!("b"), json!("c")],
        };
        let trials: Vec<Trial> = (0..300)
            .map(|number| {
                let mut trial = Trial::new(number as i64, number);
                let mut set = |name: &str, kind: &Distribution| {
                    let value = kind.quantile(random.uniform_f64());
                    trial
                        .parameters
                        .insert(name.to_owned(), (kind.clone(), value));
                    value
                };
                let much = set("much", &Distribution::number(-1.0, 1.0));
                let little = set("little", &Distribution::whole(0, 10));
                let choice = set("choice", &names);
                set("nothing", &Distribution::number(0.0, 5.0));
                trial.values = vec![10.0 * much * much + 0.05 * little + 0.8 * choice];
                trial.state = TrialState::Complete;
                trial
            })
            .collect();
        let found = importance(&trials, Direction::Minimize);
        let order: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(order[0], "much", "{found:?}");
        let share = |name: &str| found.iter().find(|(known, _)| known == name).unwrap().1;
        assert!(share("much") > 3.0 * share("nothing"), "{found:?}");
        assert!(share("choice") > share("nothing"), "{found:?}");
        assert!((found.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(
            importance(&trials[..3], Direction::Minimize)
                .iter()
                .all(|(_, share)| *share == 0.0)
        );
    }
}
