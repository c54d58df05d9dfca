//! Pooling over NHWC: the largest or the mean of each window, or of the whole image.

pub mod reference;
pub mod training;

use crate::Window;
use crate::elementwise::share_rows;
use crate::gemm::SharedOutput;
use crate::isa::{Isa, Simd, Work};
use tensor::Pool;

/// What is kept of a window. The padding never counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Max,
    Average,
}

/// The largest value of each window, channel by channel: `input` is `[H, W, C]`, `output`
/// `[out_height, out_width, C]`. The padding never wins.
///
/// # Panics
/// Where a length does not agree.
pub fn max_pool(
    isa: Isa,
    pool: &Pool,
    window: &Window,
    channels: usize,
    input: &[f32],
    output: &mut [f32],
) {
    window_pool(isa, pool, window, channels, Kind::Max, input, output);
}

/// The mean of each window, channel by channel: `input` is `[H, W, C]`, `output`
/// `[out_height, out_width, C]`. The padding is not counted.
///
/// # Panics
/// Where a length does not agree.
pub fn average_pool(
    isa: Isa,
    pool: &Pool,
    window: &Window,
    channels: usize,
    input: &[f32],
    output: &mut [f32],
) {
    window_pool(isa, pool, window, channels, Kind::Average, input, output);
}

fn window_pool(
    isa: Isa,
    pool: &Pool,
    window: &Window,
    channels: usize,
    kind: Kind,
    input: &[f32],
    output: &mut [f32],
) {
    assert_eq!(
        input.len(),
        window.in_height * window.in_width * channels,
        "the input"
    );
    assert_eq!(
        output.len(),
        window.out_height * window.out_width * channels,
        "the output"
    );
    if output.is_empty() {
        return;
    }
    share_rows(pool, output, window.out_width * channels, |at, output| {
        let first_row = at / (window.out_width * channels);
        isa.run(Windows {
            window,
            channels,
            kind,
            input,
            output,
            first_row,
        });
    });
}

struct Windows<'a> {
    window: &'a Window,
    channels: usize,
    kind: Kind,
    input: &'a [f32],
    output: &'a mut [f32],
    first_row: usize,
}

impl Work for Windows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let window = self.window;
        let channels = self.channels;
        for (index, pixel) in self.output.chunks_exact_mut(channels).enumerate() {
            let row = self.first_row + index / window.out_width;
            let column = index % window.out_width;
            let top = (row * window.stride_height).saturating_sub(window.pad_top);
            let left = (column * window.stride_width).saturating_sub(window.pad_left);
            let bottom = (row * window.stride_height + window.kernel_height)
                .saturating_sub(window.pad_top)
                .min(window.in_height);
            let right = (column * window.stride_width + window.kernel_width)
                .saturating_sub(window.pad_left)
                .min(window.in_width);
            let positions = bottom.saturating_sub(top) * right.saturating_sub(left);
            let factor = simd.splat(1.0 / positions as f32);
            let start = simd.splat(if self.kind == Kind::Max {
                f32::NEG_INFINITY
            } else {
                0.0
            });
            let mut channel = 0;
            while channel < channels {
                let count = (channels - channel).min(S::LANES);
                let mut kept = start;
                for y in top..bottom {
                    for x in left..right {
                        let at = (y * window.in_width + x) * channels + channel;
                        // SAFETY: `count` channels of a pixel inside of the image.
                        let value = unsafe {
                            let at = self.input.as_ptr().add(at);
                            if count == S::LANES {
                                simd.load(at)
                            } else {
                                simd.load_first(at, count)
                            }
                        };
                        kept = match self.kind {
                            Kind::Max => simd.max(kept, value),
                            Kind::Average => simd.add(kept, value),
                        };
                    }
                }
                if self.kind == Kind::Average {
                    kept = simd.mul(kept, factor);
                }
                // SAFETY: `count` channels of this pixel.
                unsafe {
                    // A store of some lanes is slow on some processors.
                    let to = pixel.as_mut_ptr().add(channel);
                    if count == S::LANES {
                        simd.store(to, kept);
                    } else {
                        simd.store_first(to, kept, count);
                    }
                }
                channel += count;
            }
        }
    }
}

/// The mean of each channel over the image: `input` is `[pixels, C]`, `output` `[C]`.
///
/// # Panics
/// Where a length does not agree.
pub fn global_average_pool(isa: Isa, pool: &Pool, input: &[f32], output: &mut [f32]) {
    let channels = output.len();
    if channels == 0 {
        return;
    }
    assert!(
        input.len().is_multiple_of(channels) && !input.is_empty(),
        "pixels of {channels}"
    );
    // Runs of whole cache lines, so that no two threads write to the same one.
    let lines = channels.div_ceil(16);
    let parts = if input.len() < 64 * 1024 {
        1
    } else {
        pool.threads().min(lines)
    };
    let output = SharedOutput::new(output.as_mut_ptr());
    pool.run(parts, &|part| {
        let first = lines * part / parts * 16;
        let end = (lines * (part + 1) / parts * 16).min(channels);
        isa.run(Mean {
            input,
            channels,
            first,
            end,
            output: output.pointer(),
        });
    });
}

struct Mean<'a> {
    input: &'a [f32],
    channels: usize,
    first: usize,
    end: usize,
    output: *mut f32,
}

impl Work for Mean<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let pixels = self.input.len() / self.channels;
        let factor = simd.splat(1.0 / pixels as f32);
        let mut channel = self.first;
        while channel < self.end {
            let count = (self.end - channel).min(S::LANES);
            let mut sum = simd.splat(0.0);
            // SAFETY: `count` channels of each pixel, and of the output.
            unsafe {
                for pixel in 0..pixels {
                    let at = self.input.as_ptr().add(pixel * self.channels + channel);
                    let value = if count == S::LANES {
                        simd.load(at)
                    } else {
                        simd.load_first(at, count)
                    };
                    sum = simd.add(sum, value);
                }
                simd.store_first(self.output.add(channel), simd.mul(sum, factor), count);
            }
            channel += count;
        }
    }
}
