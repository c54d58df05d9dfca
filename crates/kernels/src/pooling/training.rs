//! Pooling while training: the gradients of a batch, images shared out among the threads.
use super::reference;
use crate::Window;
use crate::gemm::SharedOutput;
use crate::isa::{Isa, Simd, Work};
use tensor::Pool;

/// Calls `task(image, its part of below)` for each image, on the pool's threads; with zeros in it,
/// unless something is to be added to.
fn each_image(
    pool: &Pool,
    images: usize,
    add: bool,
    below: &mut [f32],
    task: impl Fn(usize, &mut [f32]) + Sync,
) {
    assert!(
        images > 0 && below.len().is_multiple_of(images),
        "whole images"
    );
    let size = below.len() / images;
    pool.for_each_chunk(below, size.max(1), |image, below| {
        if !add {
            below.fill(0.0);
        }
        task(image, below);
    });
}

/// The gradient of a maximum's input, `[N, H, W, C]`: all of it goes to the first of the largest
/// values of a window, rows before columns. In place of what is there, or added to it.
///
/// # Panics
/// Where a length does not agree.
pub fn max_backward(
    isa: Isa,
    pool: &Pool,
    images: usize,
    window: &Window,
    channels: usize,
    input: &[f32],
    gradient: &[f32],
    add: bool,
    below: &mut [f32],
) {
    let in_size = window.in_height * window.in_width * channels;
    let out_size = window.out_height * window.out_width * channels;
    assert!(
        input.len() == images * in_size && below.len() == input.len(),
        "the input"
    );
    assert_eq!(gradient.len(), images * out_size, "the gradient");
    each_image(pool, images, add, below, |image, below| {
        isa.run(MaxBackward {
            window,
            channels,
            input: &input[image * in_size..][..in_size],
            gradient: &gradient[image * out_size..][..out_size],
            below: SharedOutput::new(below.as_mut_ptr()),
        });
    });
}

struct MaxBackward<'a> {
    window: &'a Window,
    channels: usize,
    input: &'a [f32],
    gradient: &'a [f32],
    below: SharedOutput,
}

impl Work for MaxBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let w = self.window;
        let below = self.below.pointer();
        for pixel in 0..w.out_height * w.out_width {
            let (row, column) = (pixel / w.out_width, pixel % w.out_width);
            let top = (row * w.stride_height).saturating_sub(w.pad_top);
            let left = (column * w.stride_width).saturating_sub(w.pad_left);
            let bottom = (row * w.stride_height + w.kernel_height)
                .saturating_sub(w.pad_top)
                .min(w.in_height);
            let right = (column * w.stride_width + w.kernel_width)
                .saturating_sub(w.pad_left)
                .min(w.in_width);
            let mut channel = 0;
            while channel < self.channels {
                let count = (self.channels - channel).min(S::LANES);
                let mut best = simd.splat(f32::NEG_INFINITY);
                let mut place = simd.splat(0.0);
                let mut number = 0.0;
                // SAFETY: `count` channels of pixels inside of the image.
                unsafe {
                    for y in top..bottom {
                        for x in left..right {
                            let at = (y * w.in_width + x) * self.channels + channel;
                            let value = simd.load_first(self.input.as_ptr().add(at), count);
                            let better = simd.sub(value, best);
                            let change = simd.sub(simd.splat(number), place);
                            place = simd.add(place, simd.where_positive(better, change));
                            best = simd.max(best, value);
                            number += 1.0;
                        }
                    }
                    let above = self.gradient.as_ptr().add(pixel * self.channels + channel);
                    let above = simd.load_first(above, count);
                    number = 0.0;
                    for y in top..bottom {
                        for x in left..right {
                            let at = (y * w.in_width + x) * self.channels + channel;
                            let distance = simd.sub(place, simd.splat(number));
                            let size = simd.max(distance, simd.sub(simd.splat(0.0), distance));
                            let own = simd.where_positive(simd.sub(simd.splat(0.5), size), above);
                            let there = simd.load_first(below.add(at), count);
                            simd.store_first(below.add(at), simd.add(there, own), count);
                            number += 1.0;
                        }
                    }
                }
                channel += count;
            }
        }
    }
}

/// The gradient of an average's input, `[N, H, W, C]`, in place of what is there, or added to it.
///
/// # Panics
/// Where a length does not agree.
pub fn average_backward(
    pool: &Pool,
    images: usize,
    window: &Window,
    channels: usize,
    gradient: &[f32],
    add: bool,
    below: &mut [f32],
) {
    let out_size = window.out_height * window.out_width * channels;
    assert_eq!(gradient.len(), images * out_size, "the gradient");
    each_image(pool, images, add, below, |image, below| {
        let gradient = &gradient[image * out_size..][..out_size];
        reference::average_backward(window, channels, gradient, below);
    });
}

/// The gradient of a global average's input, `[N, pixels, C]`, in place of what is there, or added to
/// it.
///
/// # Panics
/// Where a length does not agree.
pub fn global_average_backward(
    pool: &Pool,
    images: usize,
    pixels: usize,
    gradient: &[f32],
    add: bool,
    below: &mut [f32],
) {
    let channels = gradient.len() / images;
    each_image(pool, images, add, below, |image, below| {
        let gradient = &gradient[image * channels..][..channels];
        reference::global_average_backward(pixels, gradient, below);
    });
}
