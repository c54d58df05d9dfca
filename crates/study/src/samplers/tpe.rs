//! Tree-structured Parzen estimators: where good trials are dense and bad ones are not. Parameters that
//! exist together are drawn together; a trial that still runs counts as a bad one, so that workers side by
//! side do not try the same.
use super::parzen::Parzen;
use super::{Asked, Sampler, random, rank};
use crate::space::{Assignment, Condition, Distribution, Parameter, Space};
use crate::studies::{Direction, Trial, TrialState};

pub(super) const TPE: Sampler = Sampler {
    name: "tpe",
    sample,
};

/// Trials that are drawn evenly before any is estimated.
const STARTUP: usize = 10;

/// Candidates of which the best is taken.
const CANDIDATES: usize = 24;

/// At most so many trials count as good.
const MOST_GOOD: usize = 25;

fn sample(asked: &Asked<'_>) -> Option<Assignment> {
    let over = |trial: &&&Trial| matches!(trial.state, TrialState::Complete | TrialState::Pruned);
    let even = super::random::sample(asked)?;
    if asked.trials.iter().filter(over).count() < STARTUP {
        return Some(even);
    }
    let (good, bad) = split(asked);
    let mut random = random(asked.seed, asked.number);
    let mut chosen = Assignment::new();
    for group in groups(asked.space) {
        let exists = group
            .iter()
            .all(|parameter| asked.space.exists(parameter, &chosen));
        if !exists {
            continue;
        }
        let kinds: Vec<&Distribution> = group.iter().map(|known| &known.distribution).collect();
        // Of a single objective older trials count less; of several the good ones are all alike.
        let aging = asked.directions.len() < 2;
        let good = Parzen::new(&kinds, &values(&group, &good), aging);
        let bad = Parzen::new(&kinds, &values(&group, &bad), true);
        let mut best: Option<(f64, Vec<f64>)> = None;
        for _ in 0..CANDIDATES {
            let candidate = good.draw(&mut random);
            let score = good.log_density(&candidate) - bad.log_density(&candidate);
            if best.as_ref().is_none_or(|(known, _)| score > *known) {
                best = Some((score, candidate));
            }
        }
        let best = best.map(|(_, values)| values).unwrap_or_default();
        chosen.extend(group.iter().map(|known| known.name.clone()).zip(best));
    }
    // A parameter whose group has none of its conditions met together.
    Some(asked.space.assign(|parameter| {
        let name = &parameter.name;
        let known = chosen.get(name).or_else(|| even.get(name)).copied();
        known.unwrap_or_else(|| parameter.distribution.quantile(random.uniform_f64()))
    }))
}

/// The values of the trials that have all parameters of a group, as values that the space still has.
fn values(group: &[&Parameter], trials: &[&Trial]) -> Vec<Vec<f64>> {
    let of = |trial: &&Trial| {
        let value = |parameter: &&Parameter| {
            let (kind, value) = trial.parameters.get(&parameter.name)?;
            let own = &parameter.distribution;
            match kind == own {
                true => Some(*value),
                // Of another program, or of an earlier, wider range.
                false => own.internal(&kind.external(*value)),
            }
        };
        group.iter().map(value).collect::<Option<Vec<f64>>>()
    };
    trials.iter().filter_map(of).collect()
}

/// Parameters that exist together, each group behind those that it depends on.
fn groups(space: &Space) -> Vec<Vec<&Parameter>> {
    let mut groups: Vec<(Option<&Condition>, Vec<&Parameter>)> = Vec::new();
    for parameter in space.parameters() {
        let when = parameter.when.as_ref().filter(|when| !always(space, when));
        match groups.iter_mut().find(|(known, _)| *known == when) {
            Some((_, group)) => group.push(parameter),
            None => groups.push((when, vec![parameter])),
        }
    }
    // What exists always comes first, whatever depends on it.
    groups.sort_by_key(|(when, _)| when.is_some());
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Whether a condition is met whatever is chosen.
fn always(space: &Space, condition: &Condition) -> bool {
    let on = space.find(&condition.parameter);
    on.is_some_and(|on| {
        let free = on.when.as_ref().is_none_or(|when| always(space, when));
        free && on.distribution.count() == Some(condition.among.len() as u64)
    })
}

/// The good trials and the others, each from old to new. Complete ones come before pruned ones, of which
/// those that came farther, before those that exceed what they may take, by how much; what runs is no good
/// one.
fn split<'a>(asked: &Asked<'a>) -> (Vec<&'a Trial>, Vec<&'a Trial>) {
    let mut running = Vec::new();
    let (mut complete, mut pruned, mut excessive) = (Vec::new(), Vec::new(), Vec::new());
    for trial in asked.trials.iter().copied() {
        match trial.state {
            TrialState::Running => running.push(trial),
            TrialState::Complete | TrialState::Pruned if trial.excess() > 0.0 => {
                excessive.push(trial)
            }
            TrialState::Complete => complete.push(trial),
            TrialState::Pruned => pruned.push(trial),
            TrialState::Failed | TrialState::Waiting => {}
        }
    }
    let count = complete.len() + pruned.len() + excessive.len();
    let good = count.div_ceil(10);
    let good = if asked.directions.len() < 2 {
        good.min(MOST_GOOD)
    } else {
        good
    };
    rank::sort(&mut complete, asked.directions);
    let direction = asked
        .directions
        .first()
        .copied()
        .unwrap_or(Direction::Minimize);
    let reached = |trial: &Trial| {
        let last = trial.reported.last_key_value();
        // Far ones first, then low costs.
        last.map_or((1, f64::INFINITY), |(step, value)| {
            (-step, direction.cost(*value))
        })
    };
    pruned.sort_by(|one, other| {
        let (one, other) = (reached(one), reached(other));
        one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
    });
    excessive.sort_by(|one, other| one.excess().total_cmp(&other.excess()));
    let mut ordered: Vec<&Trial> = complete
        .into_iter()
        .chain(pruned)
        .chain(excessive)
        .collect();
    let mut others = ordered.split_off(good.min(ordered.len()));
    others.extend(running);
    let by_number = |trials: &mut Vec<&Trial>| trials.sort_by_key(|trial| trial.number);
    by_number(&mut ordered);
    by_number(&mut others);
    (ordered, others)
}

/// What a test asks of a sampler, again and again: the values that a function gives are its trials'.
#[cfg(test)]
pub(super) fn tried(
    sampler: &Sampler,
    space: &Space,
    trials: u64,
    seed: u64,
    function: impl Fn(&std::collections::BTreeMap<String, serde_json::Value>) -> f64,
) -> Vec<Trial> {
    let mut all: Vec<Trial> = Vec::new();
    for number in 0..trials {
        let others: Vec<&Trial> = all.iter().collect();
        let directions = [Direction::Minimize];
        let asked = Asked {
            space,
            directions: &directions,
            trials: &others,
            seed,
            number,
        };
        let Some(assignment) = (sampler.sample)(&asked) else {
            break;
        };
        let mut trial = Trial::new(number as i64, number);
        for parameter in space.parameters() {
            if let Some(value) = assignment.get(&parameter.name) {
                let setting = (parameter.distribution.clone(), *value);
                trial.parameters.insert(parameter.name.clone(), setting);
            }
        }
        let settings = trial
            .settings()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        trial.values = vec![function(&settings)];
        trial.state = TrialState::Complete;
        all.push(trial);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn space() -> Space {
        let parameter = |name: &str, distribution, when: Option<&str>| Parameter {
            name: name.to_owned(),
            distribution,
            when: when.map(|value| Condition {
                parameter: "kind".to_owned(),
                among: vec![json!(value)],
            }),
        };
        let kinds = Distribution::Categorical {
            choices: vec![json!("square"), json!("line"), json!("other")],
        };
        Space::new(vec![
            parameter("kind", kinds, None),
            parameter("x", Distribution::number(-5.0, 5.0), None),
            parameter("y", Distribution::number(-5.0, 5.0), Some("square")),
            parameter("n", Distribution::whole(0, 20), Some("line")),
        ])
        .unwrap()
    }

    fn function(values: &BTreeMap<String, serde_json::Value>) -> f64 {
        let number = |name: &str| values[name].as_f64().unwrap();
        let base = (number("x") - 1.5).powi(2);
        base + match values["kind"].as_str().unwrap() {
            "square" => (number("y") + 2.0).powi(2),
            "line" => 0.5 + (number("n") - 7.0).abs(),
            _ => 6.0,
        }
    }

    /// The best of 60 trials is better than chance's, over the same ten seeds, and every trial has exactly
    /// the parameters that exist under its choice.
    #[test]
    fn it_finds_better_values_than_chance() {
        let space = space();
        let best = |sampler: &Sampler, seed| {
            let trials = tried(sampler, &space, 60, seed, function);
            for trial in &trials {
                let wanted = space.assign(|parameter| trial.parameters[&parameter.name].1);
                assert_eq!(wanted, trial.assignment());
            }
            trials
                .iter()
                .map(|trial| trial.values[0])
                .fold(f64::INFINITY, f64::min)
        };
        let better =
            (0..10).filter(|seed| best(&TPE, *seed) < best(&super::super::random::RANDOM, *seed));
        assert!(better.count() >= 8);
    }

    #[test]
    fn what_runs_is_avoided() {
        let space = space();
        let trials = tried(&TPE, &space, 30, 1, function);
        let ask = |trials: &[&Trial], number| {
            let directions = [Direction::Minimize];
            sample(&Asked {
                space: &space,
                directions: &directions,
                trials,
                seed: 5,
                number,
            })
            .unwrap()
        };
        let mut others: Vec<&Trial> = trials.iter().collect();
        let first = ask(&others, 30);
        let mut running = Trial::new(30, 30);
        running.state = TrialState::Running;
        for (name, value) in &first {
            let kind = space.find(name).unwrap().distribution.clone();
            running.parameters.insert(name.clone(), (kind, *value));
        }
        let many: Vec<Trial> = (0..20)
            .map(|place| Trial {
                number: 30 + place,
                ..running.clone()
            })
            .collect();
        others.extend(&many);
        let next = ask(&others, 30);
        assert!((next["x"] - first["x"]).abs() > 1e-3 || next["kind"] != first["kind"]);
    }
}
