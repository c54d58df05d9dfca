//! Random numbers that depend on nothing but (seed, epoch, index): the counter-based Philox.

/// A stream of random numbers chosen by (seed, epoch, index), so that the same photo, epoch and
/// seed give the same numbers whatever the number of threads and whoever asks first.
///
/// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, 'Parallel random numbers: as easy as 1, 2, 3'
/// (SC 2011): the seed is its key; epoch, index and the number of the block are its counter, so
/// different streams never share a block. A stream has 2^34 numbers of 32 bits before it repeats.
/// Not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    key: [u32; 2],
    /// Block, epoch, low half of the index, high half.
    counter: [u32; 4],
    block: [u32; 4],
    /// How many of `block` are used up.
    used: usize,
}

impl Random {
    /// The stream of `index` (a photo, a resample, a trial) in `epoch` under `seed`.
    pub fn new(seed: u64, epoch: u32, index: u64) -> Self {
        Random {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, epoch, index as u32, (index >> 32) as u32],
            block: [0; 4],
            used: 4,
        }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == self.block.len() {
            self.block = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let number = self.block[self.used];
        self.used += 1;
        number
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        low | u64::from(self.next_u32()) << 32
    }

    /// Uniform in [0, 1), a multiple of 2^-24.
    pub fn uniform_f32(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / (1u32 << 24) as f32)
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub fn uniform_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in 0..`end`, without bias (Lemire 2019). Panics where `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        assert!(end > 0, "there is no number below 0");
        let threshold = end.wrapping_neg() % end;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(end);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller).
    pub fn normal_f32(&mut self) -> f32 {
        // 1 - u is in (0, 1], so its logarithm is finite.
        let radius = (-2.0 * (1.0 - self.uniform_f64()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.uniform_f64()).cos()) as f32
    }

    /// Puts `items` in a random order, each order equally likely (Fisher and Yates). Panics where
    /// there are 2^32 items or more.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        assert!(items.len() as u64 <= u64::from(u32::MAX));
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

/// Ten rounds of Philox4x32: multipliers and key increments as in the paper.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let first = u64::from(counter[0]) * 0xD251_1F53;
        let second = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key[0] = key[0].wrapping_add(0x9E37_79B9);
        key[1] = key[1].wrapping_add(0xBB67_AE85);
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_authors_known_answers() {
        // Random123's kat_vectors, 'philox4x32 10'.
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn a_stream_depends_on_seed_epoch_and_index_alone() {
        let first = |seed, epoch, index| Random::new(seed, epoch, index).next_u64();
        assert_eq!(first(1, 2, 3), first(1, 2, 3));
        let others = [
            first(2, 2, 3),
            first(1 << 40, 2, 3),
            first(1, 3, 3),
            first(1, 2, 4),
            first(1, 2, 3 | 1 << 40),
        ];
        assert!(others.iter().all(|&other| other != first(1, 2, 3)));
    }

    #[test]
    fn uniform_numbers_stay_in_range_and_spread() {
        let mut random = Random::new(7, 0, 0);
        let count = 100_000;
        let mut sum = 0.0;
        for _ in 0..count {
            let single = random.uniform_f32();
            assert!((0.0..1.0).contains(&single));
            let double = random.uniform_f64();
            assert!((0.0..1.0).contains(&double));
            sum += double;
        }
        // Five standard errors of the mean: 5 / sqrt(12 n).
        assert!((sum / f64::from(count) - 0.5).abs() < 0.0046);
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let mut random = Random::new(8, 0, 0);
        let count = 100_000;
        let numbers: Vec<f64> = (0..count).map(|_| f64::from(random.normal_f32())).collect();
        let mean = numbers.iter().sum::<f64>() / f64::from(count);
        let variance = numbers.iter().map(|x| x * x).sum::<f64>() / f64::from(count);
        assert!(mean.abs() < 0.016, "{mean}");
        assert!((variance - 1.0).abs() < 0.023, "{variance}");
    }

    #[test]
    fn below_reaches_every_number_equally() {
        let mut random = Random::new(9, 0, 0);
        let mut seen = [0u32; 7];
        for _ in 0..70_000 {
            seen[random.below(7) as usize] += 1;
        }
        // Five deviations of a binomial count: 5 sqrt(70000 / 7 * 6 / 7).
        assert!(
            seen.iter().all(|count| count.abs_diff(10_000) < 463),
            "{seen:?}"
        );
        assert_eq!(random.below(1), 0);
    }

    #[test]
    fn shuffle_keeps_every_item_and_reaches_every_order() {
        let mut orders = std::collections::HashMap::new();
        for index in 0..6_000 {
            let mut items = [0, 1, 2];
            Random::new(10, 0, index).shuffle(&mut items);
            *orders.entry(items).or_insert(0u32) += 1;
        }
        assert_eq!(orders.len(), 6);
        assert!(
            orders.values().all(|count| count.abs_diff(1000) < 145),
            "{orders:?}"
        );
    }
}
