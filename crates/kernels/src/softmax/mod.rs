//! The softmax over the last dimension.

pub mod reference;

use crate::elementwise::exp;
use crate::isa::{Isa, Simd, Work};

/// `output[r, i] = exp(input[r, i]) / sum over i`, for rows of `width` values; within 1e-6 of the
/// truth. The largest value of a row is taken off first, so that nothing overflows.
///
/// # Panics
/// Where the lengths differ or are not whole rows.
pub fn softmax(isa: Isa, input: &[f32], width: usize, output: &mut [f32]) {
    assert_eq!(input.len(), output.len(), "input and output");
    assert!(
        width > 0 && input.len().is_multiple_of(width),
        "rows of {width}"
    );
    for (input, output) in input
        .chunks_exact(width)
        .zip(output.chunks_exact_mut(width))
    {
        isa.run(Row { input, output });
    }
}

struct Row<'a> {
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Work for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let length = self.input.len();
        let mut largest = f32::NEG_INFINITY;
        for &value in self.input {
            largest = if value > largest { value } else { largest };
        }
        let largest = simd.splat(largest);
        let mut total = 0.0;
        let mut at = 0;
        while at < length {
            let count = (length - at).min(S::LANES);
            // SAFETY: `count` values are left of both.
            unsafe {
                let value = simd.load_first(self.input.as_ptr().add(at), count);
                let power = exp(simd, simd.sub(value, largest));
                simd.store_first(self.output.as_mut_ptr().add(at), power, count);
            }
            for &power in &self.output[at..at + count] {
                total += power;
            }
            at += count;
        }
        let factor = 1.0 / total;
        for value in self.output.iter_mut() {
            *value *= factor;
        }
    }
}
