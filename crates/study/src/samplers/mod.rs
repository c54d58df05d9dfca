//! Samplers: functions of the trials so far and a seed, which say what the next trial is. They know no
//! database.
mod cma_es;
mod eigen;
mod grid;
mod parzen;
mod quasi_random;
mod random;
pub(crate) mod rank;
mod tpe;

use crate::space::{Assignment, Space};
use crate::studies::{Direction, Trial};
use tensor::Random;

/// What a sampler is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The parameters.
    pub space: &'a Space,
    /// The objectives.
    pub directions: &'a [Direction],
    /// The other trials of the study by their numbers, in any state.
    pub trials: &'a [&'a Trial],
    /// What decides its draws.
    pub seed: u64,
    /// The number of the trial that it is asked for.
    pub number: u64,
}

/// A sampler.
#[derive(Clone, Copy, Debug)]
pub struct Sampler {
    /// Its name.
    pub name: &'static str,
    /// The parameters of the trial that it is asked for; none where there is nothing left to try.
    pub sample: fn(&Asked<'_>) -> Option<Assignment>,
}

/// All samplers.
pub fn all() -> &'static [Sampler] {
    const ALL: &[Sampler] = &[
        tpe::TPE,
        random::RANDOM,
        grid::GRID,
        quasi_random::SOBOL,
        cma_es::CMA_ES,
    ];
    ALL
}

/// The sampler of this name.
pub fn find(name: &str) -> Option<&'static Sampler> {
    all().iter().find(|sampler| sampler.name == name)
}

/// The random numbers of a trial.
pub(crate) fn random(seed: u64, number: u64) -> Random {
    /// Among the streams of a seed, those of samplers.
    const STREAM: u32 = u32::from_le_bytes(*b"smpl");
    Random::new(seed, STREAM, number)
}

/// A normal number with mean 0 and deviation 1 (Box and Muller), in all digits.
pub(crate) fn normal(random: &mut Random) -> f64 {
    let radius = (-2.0 * (1.0 - random.uniform_f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.uniform_f64()).cos()
}
