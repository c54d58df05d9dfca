//! How fast one core can multiply and add at all: the yardstick of the other kernels.
use crate::isa::{Isa, Simd, Work};
use std::hint::black_box;
use std::time::Instant;

/// Sums in flight: enough to hide the latency of a multiply-add (4 or 5 cycles, two a cycle) and
/// few enough for sixteen registers.
const SUMS: usize = 12;

/// Multiply-adds a second of the calling thread, each counted as two operations, in units of
/// 10^9; the best of several short trials.
pub fn gigaflops(isa: Isa) -> f64 {
    const ROUNDS: usize = 200_000;
    (0..20)
        .map(|_| {
            let start = Instant::now();
            black_box(isa.run(MultiplyAdds {
                rounds: black_box(ROUNDS),
            }));
            (2 * ROUNDS * SUMS * isa.lanes()) as f64 / start.elapsed().as_nanos() as f64
        })
        .fold(0.0, f64::max)
}

struct MultiplyAdds {
    rounds: usize,
}

impl Work for MultiplyAdds {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        let factor = simd.splat(black_box(0.999));
        let mut sums = [simd.splat(black_box(1.0)); SUMS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = simd.mul_add(*sum, factor, factor);
            }
        }
        let mut lanes = [0.0; 16];
        for sum in sums {
            // SAFETY: no set has more than 16 lanes.
            unsafe { simd.store(lanes.as_mut_ptr(), sum) };
            black_box(lanes);
        }
        lanes[0]
    }
}
