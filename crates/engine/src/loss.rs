//! What training lowers: the softmax cross-entropy, with label smoothing, soft targets and weights
//! of the classes.

/// The loss, as Keras's `CategoricalCrossentropy(from_logits=True)` has it: the mean over the batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loss {
    /// How much of each target is shared out evenly among all classes, 0 to 1.
    pub label_smoothing: f32,
    /// What a photo of each class counts, in the classes' order; empty for 1 each. A photo with
    /// shares of several classes counts their weighted mean. As in Keras the sum is divided by the
    /// number of photos, not of their weights.
    pub class_weights: Vec<f32>,
}

/// What the network ought to say of each photo of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Targets<'a> {
    /// The number of its class.
    Classes(&'a [u32]),
    /// The share of each class, `[N, classes]`: what mixing photos gives. A row sums to 1.
    Shares(&'a [f32]),
}

impl Targets<'_> {
    /// The photos that they are of.
    pub fn images(&self, classes: usize) -> usize {
        match self {
            Targets::Classes(all) => all.len(),
            Targets::Shares(all) => all.len() / classes.max(1),
        }
    }

    /// Whether there are `images` of them, each of one of `classes`.
    pub(crate) fn fit(&self, images: usize, classes: usize) -> bool {
        match self {
            Targets::Classes(all) => {
                all.len() == images && all.iter().all(|&class| (class as usize) < classes)
            }
            Targets::Shares(all) => all.len() == images * classes,
        }
    }
}

impl Loss {
    /// Fills the smoothed target shares `[N, classes]` and the weight of each photo.
    pub fn prepare(
        &self,
        classes: usize,
        targets: Targets<'_>,
        shares: &mut [f32],
        weights: &mut [f32],
    ) {
        match targets {
            Targets::Classes(all) => {
                shares.fill(0.0);
                for (row, &class) in shares.chunks_exact_mut(classes).zip(all) {
                    row[class as usize] = 1.0;
                }
            }
            Targets::Shares(all) => shares.copy_from_slice(all),
        }
        let spread = self.label_smoothing / classes as f32;
        for (row, weight) in shares.chunks_exact_mut(classes).zip(weights) {
            *weight = if self.class_weights.is_empty() {
                1.0
            } else {
                row.iter()
                    .zip(&self.class_weights)
                    .map(|(a, b)| a * b)
                    .sum()
            };
            if self.label_smoothing > 0.0 {
                for share in row {
                    *share = *share * (1.0 - self.label_smoothing) + spread;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_smoothed_and_weighted() {
        let loss = Loss {
            label_smoothing: 0.2,
            class_weights: vec![1.0, 3.0],
        };
        let (mut shares, mut weights) = ([0.0; 4], [0.0; 2]);
        loss.prepare(2, Targets::Classes(&[1, 0]), &mut shares, &mut weights);
        assert_eq!(weights, [3.0, 1.0]);
        assert!((shares[0] - 0.1).abs() < 1e-6 && (shares[1] - 0.9).abs() < 1e-6);
        loss.prepare(
            2,
            Targets::Shares(&[0.5, 0.5, 1.0, 0.0]),
            &mut shares,
            &mut weights,
        );
        assert_eq!(weights, [2.0, 1.0]);
        assert!((shares[0] - 0.5).abs() < 1e-6);
        assert!(Targets::Classes(&[1]).fit(1, 2) && !Targets::Classes(&[2]).fit(1, 2));
    }
}
