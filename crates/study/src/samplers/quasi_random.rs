//! Sobol's sequence: values that fill the space more evenly than chance does.
use super::{Asked, Sampler};
use crate::space::Assignment;

pub(super) const SOBOL: Sampler = Sampler {
    name: "sobol",
    sample,
};

/// The library knows so many dimensions; parameters beyond share them under other scrambles.
const DIMENSIONS: usize = sobol_burley::NUM_DIMENSIONS as usize;

/// With Owen's scrambling (Burley 2020); a trial's point is that of its number.
#[expect(clippy::unnecessary_wraps, reason = "as every sampler")]
fn sample(asked: &Asked<'_>) -> Option<Assignment> {
    // Spaces of equal seeds but other parameters share nothing that would matter.
    let seed = (asked.seed ^ asked.seed >> 32) as u32;
    let index = asked.number as u32;
    let places = asked.space.parameters().iter().enumerate();
    let shares: Vec<(&str, f64)> = places
        .map(|(place, parameter)| {
            let (round, dimension) = (place / DIMENSIONS, place % DIMENSIONS);
            let seed = seed.wrapping_add(round as u32);
            let share = sobol_burley::sample(index, dimension as u32, seed);
            (parameter.name.as_str(), f64::from(share))
        })
        .collect();
    Some(asked.space.assign(|parameter| {
        let share = shares.iter().find(|(name, _)| *name == parameter.name);
        parameter
            .distribution
            .quantile(share.map_or(0.5, |(_, share)| *share))
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tpe::tried;
    use super::*;
    use crate::space::{Distribution, Parameter, Space};

    /// Of the first 2^k points each of 2^k equal parts of an axis holds one, and each quarter of a plane
    /// a quarter.
    #[test]
    fn parts_of_equal_size_hold_equally_many() {
        let parameter = |name: &str| Parameter {
            name: name.to_owned(),
            distribution: Distribution::number(0.0, 1.0),
            when: None,
        };
        let space = Space::new(vec![parameter("x"), parameter("y")]).unwrap();
        let trials = tried(&SOBOL, &space, 64, 9, |_| 0.0);
        for name in ["x", "y"] {
            let mut parts: Vec<u64> = trials
                .iter()
                .map(|trial| (trial.parameters[name].1 * 64.0) as u64)
                .collect();
            parts.sort_unstable();
            assert!(parts.into_iter().eq(0..64));
        }
        let quarter =
            |trial: &&crate::Trial| trial.parameters.values().all(|(_, value)| *value < 0.5);
        assert_eq!(trials.iter().filter(quarter).count(), 16);
    }
}
