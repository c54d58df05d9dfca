//! Vectors of four in plain Rust, which the compiler turns into SSE2, NEON or whatever there is.
use super::simd::{MOST_VECTORS, Simd};

/// Needs nothing of the processor.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// Four f32.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub(crate) struct Four([f32; 4]);

macro_rules! lane_by_lane {
    ($($argument:ident),+ => $result:expr) => {
        Four(std::array::from_fn(|lane| {
            $(let $argument = $argument.0[lane];)+
            $result
        }))
    };
}

// SAFETY: plain Rust; memory is touched as the trait says.
unsafe impl Simd for Portable {
    type Vector = Four;

    const LANES: usize = 4;

    // Sixteen registers of four: SSE2's, the tightest of those that this serves.
    const TILE_ROWS: [usize; MOST_VECTORS + 1] = [0, 4, 4, 0, 0];

    const PANEL_VECTORS: usize = 2;

    #[inline(always)]
    fn splat(self, value: f32) -> Four {
        Four([value; 4])
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32) -> Four {
        // SAFETY: the caller vouches for four f32.
        Four(unsafe { source.cast::<[f32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32, value: Four) {
        // SAFETY: the caller vouches for four f32.
        unsafe { target.cast::<[f32; 4]>().write_unaligned(value.0) };
    }

    #[inline(always)]
    unsafe fn load_first(self, source: *const f32, count: usize) -> Four {
        let mut lanes = [0.0; 4];
        // SAFETY: the caller vouches for `count` f32, at most four.
        unsafe { std::ptr::copy_nonoverlapping(source, lanes.as_mut_ptr(), count) };
        Four(lanes)
    }

    #[inline(always)]
    unsafe fn store_first(self, target: *mut f32, value: Four, count: usize) {
        // SAFETY: the caller vouches for `count` f32, at most four.
        unsafe { std::ptr::copy_nonoverlapping(value.0.as_ptr(), target, count) };
    }

    #[inline(always)]
    unsafe fn load_halves(self, source: *const u16) -> Four {
        // SAFETY: the caller vouches for four f16.
        let halves = unsafe { source.cast::<[u16; 4]>().read_unaligned() };
        Four(halves.map(|bits| half::f16::from_bits(bits).to_f32()))
    }

    #[inline(always)]
    fn add(self, a: Four, b: Four) -> Four {
        lane_by_lane!(a, b => a + b)
    }

    #[inline(always)]
    fn sub(self, a: Four, b: Four) -> Four {
        lane_by_lane!(a, b => a - b)
    }

    #[inline(always)]
    fn mul(self, a: Four, b: Four) -> Four {
        lane_by_lane!(a, b => a * b)
    }

    #[inline(always)]
    fn div(self, a: Four, b: Four) -> Four {
        lane_by_lane!(a, b => a / b)
    }

    #[inline(always)]
    fn mul_add(self, a: Four, b: Four, c: Four) -> Four {
        // Not `f32::mul_add`: without an instruction for it that is a slow call.
        lane_by_lane!(a, b, c => a * b + c)
    }

    #[inline(always)]
    fn min(self, bound: Four, value: Four) -> Four {
        lane_by_lane!(bound, value => if bound < value { bound } else { value })
    }

    #[inline(always)]
    fn max(self, bound: Four, value: Four) -> Four {
        lane_by_lane!(bound, value => if bound > value { bound } else { value })
    }

    #[inline(always)]
    fn power_of_two(self, exponent: Four) -> Four {
        lane_by_lane!(exponent => {
            f32::from_bits((exponent as i32).wrapping_add(127).wrapping_shl(23) as u32)
        })
    }

    #[inline(always)]
    fn where_positive(self, gate: Four, value: Four) -> Four {
        lane_by_lane!(gate, value => if gate > 0.0 { value } else { 0.0 })
    }
}
