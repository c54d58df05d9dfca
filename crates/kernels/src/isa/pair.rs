//! For tests on processors without AVX-512: its vectors of sixteen and its tile sizes, each vector
//! as two of AVX2. All that the generic kernels do for AVX-512 is thereby run; only the one-line
//! methods of its token are not.
use super::avx2::Avx2;
use super::avx512::Avx512;
use super::simd::{MOST_VECTORS, Simd};
use core::arch::x86_64::__m256;

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Pair(Avx2);

impl Pair {
    /// # Safety
    /// The processor must have AVX2 and FMA.
    #[inline(always)]
    pub(super) unsafe fn new_unchecked() -> Self {
        // SAFETY: the caller vouches for the instructions.
        Pair(unsafe { Avx2::new_unchecked() })
    }
}

type Two = [__m256; 2];

macro_rules! both {
    ($self:ident, $method:ident, $($argument:ident),+) => {
        [$self.0.$method($($argument[0]),+), $self.0.$method($($argument[1]),+)]
    };
}

// SAFETY: `Pair` is proof of the instructions; memory is touched as the trait says.
unsafe impl Simd for Pair {
    type Vector = Two;

    const LANES: usize = Avx512::LANES;
    const TILE_ROWS: [usize; MOST_VECTORS + 1] = Avx512::TILE_ROWS;
    const PANEL_VECTORS: usize = Avx512::PANEL_VECTORS;

    #[inline(always)]
    fn splat(self, value: f32) -> Two {
        [self.0.splat(value); 2]
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32) -> Two {
        // SAFETY: the caller vouches for sixteen f32.
        unsafe { [self.0.load(source), self.0.load(source.add(8))] }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32, value: Two) {
        // SAFETY: the caller vouches for sixteen f32.
        unsafe {
            self.0.store(target, value[0]);
            self.0.store(target.add(8), value[1]);
        }
    }

    #[inline(always)]
    unsafe fn load_first(self, source: *const f32, count: usize) -> Two {
        let first = count.min(8);
        // SAFETY: the caller vouches for `count` f32, of which the second has those from 8 on.
        unsafe {
            [
                self.0.load_first(source, first),
                self.0.load_first(source.wrapping_add(8), count - first),
            ]
        }
    }

    #[inline(always)]
    unsafe fn store_first(self, target: *mut f32, value: Two, count: usize) {
        let first = count.min(8);
        // SAFETY: as for `load_first`.
        unsafe {
            self.0.store_first(target, value[0], first);
            self.0
                .store_first(target.wrapping_add(8), value[1], count - first);
        }
    }

    #[inline(always)]
    unsafe fn load_halves(self, source: *const u16) -> Two {
        // SAFETY: the caller vouches for sixteen f16.
        unsafe {
            [
                self.0.load_halves(source),
                self.0.load_halves(source.add(8)),
            ]
        }
    }

    #[inline(always)]
    fn add(self, a: Two, b: Two) -> Two {
        both!(self, add, a, b)
    }

    #[inline(always)]
    fn sub(self, a: Two, b: Two) -> Two {
        both!(self, sub, a, b)
    }

    #[inline(always)]
    fn mul(self, a: Two, b: Two) -> Two {
        both!(self, mul, a, b)
    }

    #[inline(always)]
    fn div(self, a: Two, b: Two) -> Two {
        both!(self, div, a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: Two, b: Two, c: Two) -> Two {
        both!(self, mul_add, a, b, c)
    }

    #[inline(always)]
    fn min(self, bound: Two, value: Two) -> Two {
        both!(self, min, bound, value)
    }

    #[inline(always)]
    fn max(self, bound: Two, value: Two) -> Two {
        both!(self, max, bound, value)
    }

    #[inline(always)]
    fn power_of_two(self, exponent: Two) -> Two {
        both!(self, power_of_two, exponent)
    }

    #[inline(always)]
    fn where_positive(self, gate: Two, value: Two) -> Two {
        both!(self, where_positive, gate, value)
    }
}
