//! Sums of outer products, `X^T Y`: the gradient of weights, a tile of which stays in registers while
//! rows go by.
#![expect(
    clippy::needless_range_loop,
    reason = "an index says which register of a tile is meant"
)]

use super::tile::{most_rows, panel_vectors};
use crate::isa::{Isa, MOST_VECTORS, Simd, Work};

/// `sums[i, o] += sum over r of left[r, i] * right[r, o]`.
#[derive(Clone, Copy)]
pub(crate) struct Outer {
    /// How many rows go by.
    pub rows: usize,
    /// `[rows, inputs]`, a row every `left_stride`.
    pub left: *const f32,
    pub left_stride: usize,
    pub inputs: usize,
    /// `[rows, outputs]`, a row every `right_stride`.
    pub right: *const f32,
    pub right_stride: usize,
    /// Whole vectors.
    pub vectors: usize,
    /// `[inputs, outputs]`, a row every `sums_stride`.
    pub sums: *mut f32,
    pub sums_stride: usize,
}

/// Adds the products.
///
/// # Safety
/// Every row must be readable: `inputs` f32 at the left, whole vectors at the right; `sums` must be
/// writable likewise, with no other user.
pub(crate) unsafe fn add_outer(isa: Isa, outer: &Outer) {
    let widest = panel_vectors(isa);
    let mut vector = 0;
    while vector < outer.vectors {
        let vectors = widest.min(outer.vectors - vector);
        let most = most_rows(isa, vectors);
        let tiles = outer.inputs.div_ceil(most);
        let (inputs, larger) = (outer.inputs / tiles, outer.inputs % tiles);
        let mut first = 0;
        for (inputs, count) in [(inputs + 1, larger), (inputs, tiles - larger)] {
            if count > 0 {
                let strip = Strip {
                    outer,
                    first_input: first,
                    tiles: count,
                    first_vector: vector,
                };
                dispatch(isa, strip, inputs, vectors);
                first += inputs * count;
            }
        }
        vector += vectors;
    }
}

/// Tiles of one size, one after the other along the inputs.
struct Strip<'a> {
    outer: &'a Outer,
    first_input: usize,
    tiles: usize,
    first_vector: usize,
}

fn dispatch(isa: Isa, strip: Strip<'_>, inputs: usize, vectors: usize) {
    macro_rules! sizes {
        ($($vectors:literal: $($inputs:literal)+;)+) => {
            match (inputs, vectors) {
                $($(($inputs, $vectors) => isa.run(Tiles::<'_, $inputs, $vectors>(strip)),)+)+
                _ => unreachable!("no tile of {inputs} inputs by {vectors} vectors"),
            }
        };
    }
    sizes! {
        1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
        2: 1 2 3 4 5 6 7 8 9 10 11 12;
        3: 1 2 3 4 5 6 7 8;
        4: 1 2 3 4 5 6;
    }
}

struct Tiles<'a, const INPUTS: usize, const VECTORS: usize>(Strip<'a>);

impl<const INPUTS: usize, const VECTORS: usize> Work for Tiles<'_, INPUTS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        const { assert!(VECTORS <= MOST_VECTORS) };
        // Tiles that this set never asks for are not compiled.
        if INPUTS <= S::TILE_ROWS[VECTORS] {
            // SAFETY: as `add_outer` asks of its caller.
            unsafe { tiles::<S, INPUTS, VECTORS>(simd, &self.0) }
        } else {
            unreachable!("a tile of {INPUTS} inputs by {VECTORS} vectors")
        }
    }
}

#[inline(always)]
unsafe fn tiles<S: Simd, const INPUTS: usize, const VECTORS: usize>(simd: S, strip: &Strip<'_>) {
    let outer = strip.outer;
    let output = strip.first_vector * S::LANES;
    for tile in 0..strip.tiles {
        let input = strip.first_input + tile * INPUTS;
        // SAFETY: the caller vouches for the rows and the sums.
        unsafe {
            let mut sums = [[simd.splat(0.0); VECTORS]; INPUTS];
            let mut left = outer.left.add(input);
            let mut right = outer.right.add(output);
            for _ in 0..outer.rows {
                let mut loaded = [simd.splat(0.0); VECTORS];
                for v in 0..VECTORS {
                    loaded[v] = simd.load(right.add(v * S::LANES));
                }
                for i in 0..INPUTS {
                    let value = simd.splat(*left.add(i));
                    for v in 0..VECTORS {
                        sums[i][v] = simd.mul_add(value, loaded[v], sums[i][v]);
                    }
                }
                left = left.wrapping_add(outer.left_stride);
                right = right.wrapping_add(outer.right_stride);
            }
            for i in 0..INPUTS {
                let target = outer.sums.add((input + i) * outer.sums_stride + output);
                for v in 0..VECTORS {
                    let at = target.add(v * S::LANES);
                    simd.store(at, simd.add(simd.load(at), sums[i][v]));
                }
            }
        }
    }
}
