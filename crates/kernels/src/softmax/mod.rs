//! The softmax over the last dimension.

pub mod reference;

use crate::elementwise::{exp, share_rows};
use crate::isa::{Isa, Loops, Simd, Work};
use tensor::Pool;

/// `output[r, i] = exp(input[r, i]) / sum over i`, for rows of `width` values; within 1e-6 of the
/// truth. The largest value of a row is taken off first, so that nothing overflows.
///
/// # Panics
/// Where the lengths differ or are not whole rows.
pub fn softmax(isa: Isa, pool: &Pool, input: &[f32], width: usize, output: &mut [f32]) {
    assert_eq!(input.len(), output.len(), "input and output");
    assert!(
        width > 0 && input.len().is_multiple_of(width),
        "rows of {width}"
    );
    share_rows(pool, output, width, |at, output| {
        let rows = input[at..].chunks_exact(width);
        for (input, output) in rows.zip(output.chunks_exact_mut(width)) {
            isa.run(Row { input, output });
        }
    });
}

/// The gradient of [`softmax`]'s input; `output` is what it gave. In place of what is there, or added
/// to it.
///
/// # Panics
/// Where the lengths differ or are not whole rows.
pub fn backward(
    isa: Isa,
    pool: &Pool,
    output: &[f32],
    gradient: &[f32],
    width: usize,
    add: bool,
    below: &mut [f32],
) {
    assert!(
        output.len() == gradient.len() && output.len() == below.len(),
        "output and gradients"
    );
    assert!(
        width > 0 && output.len().is_multiple_of(width),
        "rows of {width}"
    );
    share_rows(pool, below, width, |at, below| {
        let range = at..at + below.len();
        isa.compile(RowsBackward {
            output: &output[range.clone()],
            gradient: &gradient[range],
            width,
            add,
            below,
        });
    });
}

struct RowsBackward<'a> {
    output: &'a [f32],
    gradient: &'a [f32],
    width: usize,
    add: bool,
    below: &'a mut [f32],
}

impl Loops for RowsBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let outputs = self.output.chunks_exact(self.width);
        let rows = outputs.zip(self.gradient.chunks_exact(self.width));
        for (below, (output, gradient)) in self.below.chunks_exact_mut(self.width).zip(rows) {
            // What all values of a row have in common: they sum to 1, so that what one gains the
            // others lose.
            let mut common = 0.0;
            for (&output, &gradient) in output.iter().zip(gradient) {
                common += output * gradient;
            }
            let values = below.iter_mut().zip(output).zip(gradient);
            if self.add {
                for ((below, &output), &gradient) in values {
                    *below += output * (gradient - common);
                }
            } else {
                for ((below, &output), &gradient) in values {
                    *below = output * (gradient - common);
                }
            }
        }
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
