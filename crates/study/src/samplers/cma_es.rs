//! Covariance matrix adaptation: a normal distribution that moves and stretches towards good trials. For
//! numbers without conditions; other parameters are drawn evenly.
//!
//! Hansen, 'The CMA Evolution Strategy: A Tutorial' (2016), with its default weights, the negative ones
//! among them. The distribution is made again from the trials so far for each new one, so that nothing but
//! them need be kept: as many complete ones as a generation has move it by one step.
use super::eigen::Eigen;
use super::{Asked, Sampler, random};
use crate::space::{Assignment, Distribution, Parameter};
use crate::studies::{Direction, Trial, TrialState};

pub(super) const CMA_ES: Sampler = Sampler {
    name: "cma-es",
    sample,
};

/// The deviation that it begins with, as a share of each scale; Optuna's.
const BEGINNING: f64 = 1.0 / 6.0;

/// A draw outside of the space is drawn again so many times for each dimension, then moved to its edge.
const REDRAWN: usize = 10;

fn sample(asked: &Asked<'_>) -> Option<Assignment> {
    let even = super::random::sample(asked)?;
    let numeric: Vec<&Parameter> = (asked.space.parameters().iter())
        .filter(|known| known.when.is_none() && known.distribution.count() != Some(1))
        .filter(|known| !matches!(known.distribution, Distribution::Categorical { .. }))
        .collect();
    if numeric.is_empty() {
        return Some(even);
    }
    let direction = asked
        .directions
        .first()
        .copied()
        .unwrap_or(Direction::Minimize);
    let mut state = State::new(numeric.len());
    let known: Vec<(Vec<f64>, f64)> = (asked.trials.iter())
        .filter(|trial| trial.state == TrialState::Complete)
        .filter_map(|trial| point(trial, &numeric, direction))
        .collect();
    for generation in known.chunks_exact(state.population) {
        state.step(generation);
    }
    let mut random = random(asked.seed, asked.number);
    let drawn = state.draw(&mut random);
    Some(asked.space.assign(|parameter| {
        let name = &parameter.name;
        let place = numeric.iter().position(|known| known.name == *name);
        match place {
            Some(place) => parameter.distribution.quantile(drawn[place]),
            None => (even.get(name).copied())
                .unwrap_or_else(|| parameter.distribution.quantile(random.uniform_f64())),
        }
    }))
}

/// Where a trial lies, each parameter as a share of its scale, and what it cost.
fn point(trial: &Trial, numeric: &[&Parameter], direction: Direction) -> Option<(Vec<f64>, f64)> {
    let share = |parameter: &&Parameter| {
        let (_, value) = trial.parameters.get(&parameter.name)?;
        let (low, high) = parameter.distribution.scale();
        Some((parameter.distribution.to_scale(*value) - low) / (high - low))
    };
    let place = numeric.iter().map(share).collect::<Option<Vec<f64>>>()?;
    Some((place, direction.cost(*trial.values.first()?)))
}

/// The distribution.
struct State {
    /// Trials of a generation.
    population: usize,
    weights: Vec<f64>,
    /// How many trials the positive weights count as.
    effective: f64,
    rank_one: f64,
    rank_many: f64,
    path_decay: f64,
    step_decay: f64,
    damping: f64,
    mean: Vec<f64>,
    deviation: f64,
    covariance: Vec<Vec<f64>>,
    path: Vec<f64>,
    step_path: Vec<f64>,
    generation: i32,
}

impl State {
    fn new(dimensions: usize) -> Self {
        let n = dimensions as f64;
        let population = 4 + (3.0 * n.ln()) as usize;
        let parents = population / 2;
        let raw: Vec<f64> = (0..population)
            .map(|rank| f64::midpoint(population as f64, 1.0).ln() - (rank as f64 + 1.0).ln())
            .collect();
        let effective = |weights: &[f64]| {
            let (sum, squares): (f64, f64) = (
                weights.iter().sum(),
                weights.iter().map(|weight| weight * weight).sum(),
            );
            sum * sum / squares
        };
        let (positive, negative) = (effective(&raw[..parents]), effective(&raw[parents..]));
        let rank_one = 2.0 / ((n + 1.3).powi(2) + positive);
        let rank_many = (2.0 * (positive - 2.0 + 1.0 / positive) / ((n + 2.0).powi(2) + positive))
            .min(1.0 - rank_one - 1e-8);
        let least = [
            1.0 + rank_one / rank_many,
            1.0 + 2.0 * negative / (positive + 2.0),
            (1.0 - rank_one - rank_many) / (n * rank_many),
        ];
        let least = least.into_iter().fold(f64::INFINITY, f64::min);
        let sum = |sign: f64| {
            raw.iter()
                .filter(|raw| **raw * sign > 0.0)
                .sum::<f64>()
                .abs()
        };
        let (positives, negatives) = (sum(1.0), sum(-1.0));
        let weight = |raw: &f64| match *raw {
            raw if raw >= 0.0 => raw / positives,
            raw => raw * least / negatives,
        };
        let step_decay = (positive + 2.0) / (n + positive + 5.0);
        State {
            population,
            weights: raw.iter().map(weight).collect(),
            effective: positive,
            rank_one,
            rank_many,
            path_decay: (4.0 + positive / n) / (n + 4.0 + 2.0 * positive / n),
            step_decay,
            damping: 1.0
                + 2.0 * (((positive - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0)
                + step_decay,
            mean: vec![0.5; dimensions],
            deviation: BEGINNING,
            covariance: (0..dimensions)
                .map(|row| {
                    (0..dimensions)
                        .map(|column| f64::from(u8::from(row == column)))
                        .collect()
                })
                .collect(),
            path: vec![0.0; dimensions],
            step_path: vec![0.0; dimensions],
            generation: 0,
        }
    }

    /// Moves the distribution by what a generation cost.
    fn step(&mut self, generation: &[(Vec<f64>, f64)]) {
        let n = self.mean.len();
        let mut sorted: Vec<&(Vec<f64>, f64)> = generation.iter().collect();
        sorted.sort_by(|one, other| one.1.total_cmp(&other.1));
        let steps: Vec<Vec<f64>> = (sorted.iter())
            .map(|(place, _)| {
                let pairs = place.iter().zip(&self.mean);
                pairs
                    .map(|(place, mean)| (place - mean) / self.deviation)
                    .collect()
            })
            .collect();
        let mut mean_step = vec![0.0; n];
        for (step, weight) in steps.iter().zip(&self.weights).take(self.population / 2) {
            add(&mut mean_step, step, *weight);
        }
        let eigen = Eigen::of(&self.covariance);
        add(&mut self.mean, &mean_step, self.deviation);
        let scale = (self.step_decay * (2.0 - self.step_decay) * self.effective).sqrt();
        self.step_path
            .iter_mut()
            .for_each(|value| *value *= 1.0 - self.step_decay);
        add(&mut self.step_path, &eigen.whitened(&mean_step), scale);
        let length = norm(&self.step_path);
        let dimensions = n as f64;
        let expected = dimensions.sqrt()
            * (1.0 - 1.0 / (4.0 * dimensions) + 1.0 / (21.0 * dimensions * dimensions));
        self.deviation *= (self.step_decay / self.damping * (length / expected - 1.0)).exp();
        // Beyond this nothing of the space is left to tell apart.
        self.deviation = self.deviation.clamp(1e-12, 1e4);
        self.generation += 1;
        let faded = 1.0 - (1.0 - self.step_decay).powi(2 * self.generation);
        let moves = length / faded.sqrt() < (1.4 + 2.0 / (dimensions + 1.0)) * expected;
        let moves = f64::from(u8::from(moves));
        self.path
            .iter_mut()
            .for_each(|value| *value *= 1.0 - self.path_decay);
        let scale = (self.path_decay * (2.0 - self.path_decay) * self.effective).sqrt();
        add(&mut self.path, &mean_step, moves * scale);
        let held = (1.0 - moves) * self.path_decay * (2.0 - self.path_decay);
        let sum: f64 = self.weights.iter().sum();
        let kept = 1.0 + self.rank_one * held - self.rank_one - self.rank_many * sum;
        self.covariance
            .iter_mut()
            .flatten()
            .for_each(|value| *value *= kept);
        outer(&mut self.covariance, &self.path, self.rank_one);
        for (step, weight) in steps.iter().zip(&self.weights) {
            let weight = match *weight {
                weight if weight >= 0.0 => weight,
                weight => weight * dimensions / (norm(&eigen.whitened(step)).powi(2) + 1e-8),
            };
            outer(&mut self.covariance, step, self.rank_many * weight);
        }
    }

    /// Draws a place, each parameter as a share of its scale.
    fn draw(&self, random: &mut tensor::Random) -> Vec<f64> {
        let eigen = Eigen::of(&self.covariance);
        let draw = |random: &mut tensor::Random| {
            let normal: Vec<f64> = self.mean.iter().map(|_| super::normal(random)).collect();
            let mut place = self.mean.clone();
            add(&mut place, &eigen.coloured(&normal), self.deviation);
            place
        };
        let inside = |place: &Vec<f64>| place.iter().all(|share| (0.0..=1.0).contains(share));
        let draws = REDRAWN * self.mean.len();
        let found = (0..draws).map(|_| draw(random)).find(inside);
        found.unwrap_or_else(|| {
            let place = draw(random);
            place
                .into_iter()
                .map(|share| share.clamp(0.0, 1.0))
                .collect()
        })
    }
}

fn add(sum: &mut [f64], other: &[f64], factor: f64) {
    for (value, other) in sum.iter_mut().zip(other) {
        *value += factor * other;
    }
}

fn outer(matrix: &mut [Vec<f64>], vector: &[f64], factor: f64) {
    for (row, left) in matrix.iter_mut().zip(vector) {
        add(row, vector, factor * left);
    }
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::tpe::tried;
    use super::*;
    use crate::space::Space;

    /// A narrow valley across the axes is followed to its ground.
    #[test]
    fn it_follows_a_narrow_valley() {
        let parameter = |name: &str| Parameter {
            name: name.to_owned(),
            distribution: Distribution::number(-3.0, 3.0),
            when: None,
        };
        let space = Space::new(["x", "y", "z"].map(parameter).to_vec()).unwrap();
        let function = |values: &std::collections::BTreeMap<String, serde_json::Value>| {
            let at = |name: &str| values[name].as_f64().unwrap();
            let (x, y, z) = (at("x") - 1.0, at("y") + 0.5, at("z"));
            (x + y).powi(2) + 100.0 * (x - y).powi(2) + 10.0 * z * z
        };
        for seed in 0..3 {
            let trials = tried(&CMA_ES, &space, 400, seed, function);
            let best = trials
                .iter()
                .map(|trial| trial.values[0])
                .fold(f64::INFINITY, f64::min);
            assert!(best < 1e-4, "{seed}: {best}");
        }
    }
}
