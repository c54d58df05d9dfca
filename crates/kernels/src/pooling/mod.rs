//! Pooling over NHWC: the largest or the mean of each window, or of the whole image.

pub mod reference;
pub mod training;

use crate::Window;
use crate::elementwise::share_rows;
use crate::gemm::SharedOutput;
use crate::isa::{Isa, Simd, Work};
use crate::share::share;
use tensor::Pool;

/// What is kept of a window. The padding never counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Max,
    Average,
}

/// The largest value of each window, channel by channel: `input` is `[N, H, W, C]`, `output`
/// `[N, out_height, out_width, C]`. The padding never wins.
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

/// The mean of each window, channel by channel: `input` is `[N, H, W, C]`, `output`
/// `[N, out_height, out_width, C]`. The padding is not counted.
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
    let in_size = window.in_height * window.in_width * channels;
    let out_size = window.out_height * window.out_width * channels;
    if output.is_empty() {
        return;
    }
    let images = output.len() / out_size;
    assert_eq!(output.len(), images * out_size, "the output");
    assert_eq!(input.len(), images * in_size, "the input");
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
    /// Counted through all images.
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
            let image = row / window.out_height * window.in_height * window.in_width * channels;
            let row = row % window.out_height;
            let column = index % window.out_width;
            let [rows, columns] = window.seen(row, column);
            let factor = simd.splat(1.0 / (rows.len() * columns.len()) as f32);
            let start = simd.splat(if self.kind == Kind::Max {
                f32::NEG_INFINITY
            } else {
                0.0
            });
            let mut channel = 0;
            while channel < channels {
                let count = (channels - channel).min(S::LANES);
                let mut kept = start;
                for y in rows.clone() {
                    for x in columns.clone() {
                        let at = image + (y * window.in_width + x) * channels + channel;
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

/// The mean of each channel over each image: `input` is `[N, pixels, C]`, `output` `[N, C]`.
///
/// # Panics
/// Where a length does not agree.
pub fn global_average_pool(
    isa: Isa,
    pool: &Pool,
    images: usize,
    input: &[f32],
    output: &mut [f32],
) {
    if output.is_empty() {
        return;
    }
    let channels = output.len() / images;
    assert!(
        channels * images == output.len() && input.len().is_multiple_of(output.len()),
        "{images} images with pixels of {channels}"
    );
    assert!(!input.is_empty(), "pixels");
    let image = input.len() / images;
    // An image's channels are cut into runs of whole cache lines, so that no two threads write to
    // the same one; with more images than threads there is nothing to cut.
    let lines = channels.div_ceil(16);
    let cuts = if images > 1 {
        1
    } else {
        pool.threads().min(lines)
    };
    let parts = if input.len() < 64 * 1024 {
        1
    } else {
        pool.threads().min(images * cuts)
    };
    let output = SharedOutput::new(output.as_mut_ptr());
    pool.run(parts, &|part| {
        let units = images * cuts;
        for unit in share(units, part, parts) {
            let (number, cut) = (unit / cuts, unit % cuts);
            isa.run(Mean {
                input: &input[number * image..][..image],
                channels,
                first: lines * cut / cuts * 16,
                end: (lines * (cut + 1) / cuts * 16).min(channels),
                output: output.pointer().wrapping_add(number * channels),
            });
        }
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
