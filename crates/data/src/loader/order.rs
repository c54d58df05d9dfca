//! In which order the photos of an epoch come: by the seed and the epoch, and by nothing else.
use tensor::Random;

/// The stream of the order: no photo has this index, so no photo's own numbers are used.
const STREAM: u64 = u64::MAX;

/// The numbers 0 to `count` in the order of an epoch.
pub fn shuffled(count: usize, seed: u64, epoch: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    Random::new(seed, epoch, STREAM).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_each_photo_once_and_depends_on_seed_and_epoch() {
        let order = shuffled(100, 1, 2);
        assert_eq!(order, shuffled(100, 1, 2));
        assert_ne!(order, shuffled(100, 2, 2));
        assert_ne!(order, shuffled(100, 1, 3));
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert!(shuffled(0, 1, 2).is_empty());
    }
}
