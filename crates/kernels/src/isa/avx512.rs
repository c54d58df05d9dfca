//! Vectors of sixteen with AVX-512 (F, VL, BW, DQ): thirty-two registers of 512 bits.
use super::simd::{MOST_VECTORS, Simd};
use core::arch::x86_64::*;

/// Proof that the processor has AVX-512 F, VL, BW and DQ.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The processor must have AVX-512 F, VL, BW and DQ.
    #[inline(always)]
    pub(super) unsafe fn new_unchecked() -> Self {
        Avx512(())
    }
}

#[inline(always)]
fn first_lanes(count: usize) -> __mmask16 {
    debug_assert!(count <= 16);
    ((1u32 << count) - 1) as __mmask16
}

// SAFETY: `Avx512` is proof of the instructions; memory is touched as the trait says.
unsafe impl Simd for Avx512 {
    type Vector = __m512;

    const LANES: usize = 16;

    // A value is broadcast from memory by the multiply-add itself, so that sums and weights fill
    // the thirty-two registers: 14 x 1 + 1 (more rows than pointers to them gain nothing),
    // 12 x 2 + 2, 8 x 3 + 3, 6 x 4 + 4.
    const TILE_ROWS: [usize; MOST_VECTORS + 1] = [0, 14, 12, 8, 6];

    const PANEL_VECTORS: usize = 4;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: the token is proof of AVX-512F.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32) -> __m512 {
        // SAFETY: the caller vouches for sixteen f32.
        unsafe { _mm512_loadu_ps(source) }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32, value: __m512) {
        // SAFETY: the caller vouches for sixteen f32.
        unsafe { _mm512_storeu_ps(target, value) }
    }

    #[inline(always)]
    unsafe fn load_first(self, source: *const f32, count: usize) -> __m512 {
        // SAFETY: the mask keeps the access to the `count` f32 that the caller vouches for.
        unsafe { _mm512_maskz_loadu_ps(first_lanes(count), source) }
    }

    #[inline(always)]
    unsafe fn store_first(self, target: *mut f32, value: __m512, count: usize) {
        // SAFETY: the mask keeps the access to the `count` f32 that the caller vouches for.
        unsafe { _mm512_mask_storeu_ps(target, first_lanes(count), value) }
    }

    #[inline(always)]
    unsafe fn load_halves(self, source: *const u16) -> __m512 {
        // SAFETY: the caller vouches for sixteen f16.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(source.cast())) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token is proof of AVX-512F.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token is proof of AVX-512F.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token is proof of AVX-512F.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token is proof of AVX-512F.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token is proof of AVX-512F.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn min(self, bound: __m512, value: __m512) -> __m512 {
        // SAFETY: the token is proof of AVX-512F. The instruction gives its second operand where
        // either is not a number.
        unsafe { _mm512_min_ps(bound, value) }
    }

    #[inline(always)]
    fn max(self, bound: __m512, value: __m512) -> __m512 {
        // SAFETY: as for `min`.
        unsafe { _mm512_max_ps(bound, value) }
    }

    #[inline(always)]
    fn power_of_two(self, exponent: __m512) -> __m512 {
        // SAFETY: the token is proof of AVX-512F.
        unsafe {
            let biased = _mm512_add_epi32(_mm512_cvtps_epi32(exponent), _mm512_set1_epi32(127));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(biased))
        }
    }

    #[inline(always)]
    fn where_positive(self, gate: __m512, value: __m512) -> __m512 {
        // SAFETY: the token is proof of AVX-512.
        unsafe {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(gate, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(positive, value)
        }
    }
}
