//! Where a tile's rows come from: the windows of an image, never copied into a matrix.
use crate::Window;
use crate::isa::{Isa, Simd, Work};
use std::ops::Range;

/// The left side of the product. Row p is the window of output pixel p, its values in the order
/// (KH, KW, C); they are read in place.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The input's rows from `first_row` on, `[rows, W, C]`.
    pub input: &'a [f32],
    /// The image's row that `input` starts with.
    pub first_row: usize,
    /// Zeros, at least KW * C, read in place of the padding.
    pub zeros: &'a [f32],
    pub window: &'a Window,
    /// C
    pub channels: usize,
    /// Whether row p is simply a run of C values of `input`: a 1x1 window, stride 1, no padding.
    pub flat: bool,
    /// f32 from one flat row to the next.
    pub stride: usize,
}

impl Source<'_> {
    /// Whether the windows are copied before use: those with few channels that are not single
    /// pixels.
    pub(super) fn is_gathered(&self) -> bool {
        let taps = self.window.kernel_height * self.window.kernel_width;
        !self.flat && self.channels < 8 && taps * self.channels <= 512
    }
}

impl Window {
    /// Whether each output pixel sees just the input pixel of the same place.
    pub(crate) fn is_pointwise(&self) -> bool {
        (self.kernel_height, self.kernel_width) == (1, 1)
            && (self.stride_height, self.stride_width) == (1, 1)
            && (self.pad_top, self.pad_left) == (0, 0)
            && (self.in_height, self.in_width) == (self.out_height, self.out_width)
    }

    /// The input rows that these output rows see.
    pub fn input_rows(&self, rows: Range<usize>) -> Range<usize> {
        let start = (rows.start * self.stride_height).saturating_sub(self.pad_top);
        let end = if rows.is_empty() {
            start
        } else {
            ((rows.end - 1) * self.stride_height + self.kernel_height).saturating_sub(self.pad_top)
        };
        start.min(self.in_height)..end.min(self.in_height).max(start.min(self.in_height))
    }
}

/// Copies the windows of the output pixels `pixels` (counted from `first_output_row`) side by side
/// into `target`, `[pixels, KH * KW * C]`, a row every `stride`: worth it where a window's row is so short that reading
/// it in place costs more than the products.
pub(crate) fn gather(
    isa: Isa,
    source: &Source<'_>,
    first_output_row: usize,
    pixels: Range<usize>,
    target: &mut [f32],
    stride: usize,
) {
    let window = source.window;
    let depth = window.kernel_height * window.kernel_width * source.channels;
    assert!(target.len() >= pixels.len() * stride && stride >= depth);
    isa.run(Gather {
        source,
        first_output_row,
        pixels,
        target,
        stride,
    });
}

struct Gather<'a> {
    source: &'a Source<'a>,
    first_output_row: usize,
    pixels: Range<usize>,
    target: &'a mut [f32],
    stride: usize,
}

impl Work for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let source = self.source;
        let window = source.window;
        let channels = source.channels;
        let length = window.kernel_width * channels;
        let depth = self.stride;
        // The output columns whose windows lie inside of the image from left to right.
        let inside = window.pad_left.div_ceil(window.stride_width)
            ..(window.in_width + window.pad_left + window.stride_width)
                .saturating_sub(window.kernel_width)
                / window.stride_width;
        let mut target = self.target.as_mut_ptr();
        let mut pixel = self.pixels.start;
        while pixel < self.pixels.end {
            let row = self.first_output_row + pixel / window.out_width;
            let column = pixel % window.out_width;
            // As many pixels of this row as lie inside; or one that does not.
            let whole = inside.contains(&column);
            let end = if whole {
                inside.end.min(window.out_width)
            } else {
                column + 1
            };
            let count = (end - column).min(self.pixels.end - pixel);
            // Signed positions as wrapped unsigned ones: one comparison finds both sides outside.
            let top = (row * window.stride_height).wrapping_sub(window.pad_top);
            let left = (column * window.stride_width).wrapping_sub(window.pad_left);
            for kernel_row in 0..window.kernel_height {
                let y = top.wrapping_add(kernel_row);
                // SAFETY: `target` has room for the windows of all pixels; the source holds the
                // rows that they see, and `zeros` KW * C values.
                unsafe {
                    let target = target.add(kernel_row * length);
                    if y >= window.in_height {
                        copies(simd, source.zeros.as_ptr(), 0, target, depth, length, count);
                        continue;
                    }
                    let start = (y - source.first_row) * window.in_width;
                    if whole {
                        let from = source.input.as_ptr().add((start + left) * channels);
                        let step = window.stride_width * channels;
                        copies(simd, from, step, target, depth, length, count);
                        continue;
                    }
                    for offset in 0..window.kernel_width {
                        let x = left.wrapping_add(offset);
                        for channel in 0..channels {
                            *target.add(offset * channels + channel) = if x < window.in_width {
                                *source.input.as_ptr().add((start + x) * channels + channel)
                            } else {
                                0.0
                            };
                        }
                    }
                }
            }
            // SAFETY: to the window after these, or the end.
            target = unsafe { target.add(count * depth) };
            pixel += count;
        }
    }
}

/// Copies `count` short runs of `length` values, `step` apart at the source and `target_step` at
/// the target.
///
/// # Safety
/// Both must be valid for all runs, and not overlap.
#[inline(always)]
unsafe fn copies<S: Simd>(
    simd: S,
    mut from: *const f32,
    step: usize,
    mut to: *mut f32,
    target_step: usize,
    length: usize,
    count: usize,
) {
    // SAFETY: as the caller vouches; the pointers past the last run are not used.
    unsafe {
        if (S::LANES..=2 * S::LANES).contains(&length) {
            // Two vectors that may overlap.
            let last = length - S::LANES;
            for _ in 0..count {
                let (start, end) = (simd.load(from), simd.load(from.add(last)));
                simd.store(to, start);
                simd.store(to.add(last), end);
                from = from.wrapping_add(step);
                to = to.wrapping_add(target_step);
            }
        } else {
            for _ in 0..count {
                copy(simd, from, to, length);
                from = from.wrapping_add(step);
                to = to.wrapping_add(target_step);
            }
        }
    }
}

/// Copies a short run: whole vectors, the last of which may overlap the one before.
///
/// # Safety
/// Both must be valid for `length` values, and not overlap.
#[inline(always)]
unsafe fn copy<S: Simd>(simd: S, from: *const f32, to: *mut f32, length: usize) {
    // SAFETY: as the caller vouches.
    unsafe {
        if length < S::LANES {
            return simd.store_first(to, simd.load_first(from, length), length);
        }
        let last = length - S::LANES;
        let mut at = 0;
        while at < last {
            simd.store(to.add(at), simd.load(from.add(at)));
            at += S::LANES;
        }
        simd.store(to.add(last), simd.load(from.add(last)));
    }
}
