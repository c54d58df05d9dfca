//! Vectors of eight with AVX2 and FMA: sixteen registers of 256 bits.
use super::simd::{MOST_VECTORS, Simd};
use core::arch::x86_64::*;

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The processor must have AVX2 and FMA.
    #[inline(always)]
    pub(super) unsafe fn new_unchecked() -> Self {
        Avx2(())
    }
}

/// The mask of the first `count` lanes is at `8 - count`.
static FIRST_LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

#[inline(always)]
fn first_lanes(_: Avx2, count: usize) -> __m256i {
    debug_assert!(count <= 8);
    // SAFETY: eight i32 follow position `8 - count` while `count` is 0 to 8; AVX2 is there.
    unsafe { _mm256_loadu_si256(FIRST_LANES.as_ptr().add(8 - count).cast()) }
}

// SAFETY: `Avx2` is proof of the instructions; memory is touched as the trait says.
unsafe impl Simd for Avx2 {
    type Vector = __m256;

    const LANES: usize = 8;

    // Sums, weights and one value in sixteen registers: 6 x 2 + 2 + 1, 4 x 3 + 3 + 1.
    const TILE_ROWS: [usize; MOST_VECTORS + 1] = [0, 8, 6, 3, 0];

    const PANEL_VECTORS: usize = 2;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: the token is proof of AVX.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32) -> __m256 {
        // SAFETY: the caller vouches for eight f32.
        unsafe { _mm256_loadu_ps(source) }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32, value: __m256) {
        // SAFETY: the caller vouches for eight f32.
        unsafe { _mm256_storeu_ps(target, value) }
    }

    #[inline(always)]
    unsafe fn load_first(self, source: *const f32, count: usize) -> __m256 {
        // SAFETY: the mask keeps the access to the `count` f32 that the caller vouches for.
        unsafe { _mm256_maskload_ps(source, first_lanes(self, count)) }
    }

    #[inline(always)]
    unsafe fn store_first(self, target: *mut f32, value: __m256, count: usize) {
        // SAFETY: the mask keeps the access to the `count` f32 that the caller vouches for.
        unsafe { _mm256_maskstore_ps(target, first_lanes(self, count), value) }
    }

    #[inline(always)]
    unsafe fn load_halves(self, source: *const u16) -> __m256 {
        // SAFETY: the caller vouches for eight f16.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(source.cast())) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token is proof of AVX.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token is proof of AVX.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token is proof of AVX.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token is proof of AVX.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token is proof of FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn min(self, bound: __m256, value: __m256) -> __m256 {
        // SAFETY: the token is proof of AVX. The instruction gives its second operand where
        // either is not a number.
        unsafe { _mm256_min_ps(bound, value) }
    }

    #[inline(always)]
    fn max(self, bound: __m256, value: __m256) -> __m256 {
        // SAFETY: as for `min`.
        unsafe { _mm256_max_ps(bound, value) }
    }

    #[inline(always)]
    fn power_of_two(self, exponent: __m256) -> __m256 {
        // SAFETY: the token is proof of AVX2.
        unsafe {
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(exponent), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
        }
    }

    #[inline(always)]
    fn where_positive(self, gate: __m256, value: __m256) -> __m256 {
        // SAFETY: the token is proof of AVX.
        unsafe {
            let positive = _mm256_cmp_ps::<_CMP_GT_OQ>(gate, _mm256_setzero_ps());
            _mm256_and_ps(positive, value)
        }
    }
}
