//! Cutmix: a rectangle of two photos exchanged, their labels by its area (Yun et al., 2019).
use tensor::Random;

use super::mixup::{alpha, beta};
use super::{Kind, Pair, Step};

pub(super) const KIND: Kind = Kind {
    name: "cutmix",
    purpose: "pastes a rectangle of one photo into another; its area is drawn from Beta(alpha, alpha)",
    parameters: &[alpha(1.0)],
    idle: Some("cutmix(0)"),
    make: |values| Box::new(Cutmix(values[0].unwrap_or_default())),
};

struct Cutmix(f32);

impl Step for Cutmix {
    fn mixes(&self) -> bool {
        self.0 > 0.0
    }

    fn mix(&self, random: &mut Random, pair: &mut Pair<'_>) -> f32 {
        let side = (1.0 - beta(random, self.0)).sqrt();
        // The rectangle has its centre anywhere, so a part of it may lie outside.
        let mut span = |length: usize| {
            let centre = random.uniform_f32() * length as f32;
            let half = side * length as f32 / 2.0;
            let start = (centre - half).round().max(0.0) as usize;
            let end = (centre + half).round().min(length as f32) as usize;
            start.min(end)..end
        };
        let (rows, columns) = (span(pair.height), span(pair.width));
        let area = rows.len() * columns.len();
        for row in rows {
            let part = (row * pair.width + columns.start) * 3..(row * pair.width + columns.end) * 3;
            pair.one[part.clone()].swap_with_slice(&mut pair.other[part]);
        }
        1.0 - area as f32 / (pair.width * pair.height) as f32
    }
}
