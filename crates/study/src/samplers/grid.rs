//! Every combination once, in order. A range without a step is cut into a few values.
use super::{Asked, Sampler};
use crate::space::{Assignment, Distribution, Space};

pub(super) const GRID: Sampler = Sampler {
    name: "grid",
    sample,
};

/// So many values stand for a range that has no end of them.
const VALUES: u64 = 5;

fn sample(asked: &Asked<'_>) -> Option<Assignment> {
    let mut before = asked.number;
    walk(asked.space, 0, &mut Assignment::new(), &mut before)
}

/// The combination before which there are so many others, of those that begin so.
fn walk(
    space: &Space,
    place: usize,
    begun: &mut Assignment,
    before: &mut u64,
) -> Option<Assignment> {
    let Some(parameter) = space.parameters().get(place) else {
        return match before.checked_sub(1) {
            Some(fewer) => {
                *before = fewer;
                None
            }
            None => Some(begun.clone()),
        };
    };
    if !space.exists(parameter, begun) {
        return walk(space, place + 1, begun, before);
    }
    let kind = &parameter.distribution;
    for value in values(kind) {
        begun.insert(parameter.name.clone(), value);
        if let Some(found) = walk(space, place + 1, begun, before) {
            return Some(found);
        }
    }
    begun.remove(&parameter.name);
    None
}

fn values(kind: &Distribution) -> Vec<f64> {
    match kind.count() {
        Some(count) => (0..count).map(|place| kind.at(place)).collect(),
        None => {
            let share = |place| place as f64 / (VALUES - 1) as f64;
            (0..VALUES)
                .map(|place| kind.quantile(share(place)))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tpe::tried;
    use super::*;
    use crate::space::{Condition, Parameter};
    use serde_json::json;

    #[test]
    fn every_combination_comes_once_and_then_no_more() {
        let parameter = |name: &str, distribution, when: Option<&str>| Parameter {
            name: name.to_owned(),
            distribution,
            when: when.map(|value| Condition {
                parameter: "name".to_owned(),
                among: vec![json!(value)],
            }),
        };
        let names = Distribution::Categorical {
            choices: vec![json!("adam"), json!("sgd")],
        };
        let space = Space::new(vec![
            parameter("name", names, None),
            parameter("momentum", Distribution::number(0.0, 1.0), Some("sgd")),
            parameter("units", Distribution::whole(1, 3), None),
        ])
        .unwrap();
        let trials = tried(&GRID, &space, 1000, 1, |_| 0.0);
        let mut seen: Vec<String> = trials
            .iter()
            .map(|trial| format!("{:?}", trial.assignment()))
            .collect();
        seen.sort();
        seen.dedup();
        // Three with adam, three times five with sgd.
        assert_eq!((trials.len(), seen.len()), (18, 18));
    }
}
