//! Each parameter drawn evenly on its scale, whatever came before.
use super::{Asked, Sampler, random};
use crate::space::Assignment;

pub(super) const RANDOM: Sampler = Sampler {
    name: "random",
    sample,
};

#[expect(clippy::unnecessary_wraps, reason = "as every sampler")]
pub(super) fn sample(asked: &Asked<'_>) -> Option<Assignment> {
    let mut random = random(asked.seed, asked.number);
    Some((asked.space).assign(|parameter| parameter.distribution.quantile(random.uniform_f64())))
}
