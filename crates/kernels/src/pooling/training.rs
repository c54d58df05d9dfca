//! Pooling while training: the gradients of a batch, images shared out among the threads.
use super::reference;
use crate::batch_norm::training::share;
use crate::elementwise::add_assign;
use crate::gemm::SharedOutput;
use crate::isa::{Isa, Simd, Work};
use crate::normed::{Curve, Normed, load_some, store_some, with_curve};
use crate::{Activation, Window};
use std::marker::PhantomData;
use std::ops::Range;
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
            // SAFETY: whole vectors of channels, or those that are left, of pixels inside of the image.
            unsafe {
                let seen = (top..bottom, left..right);
                while channel + S::LANES <= self.channels {
                    self.window::<S, true>(simd, pixel, &seen, channel, S::LANES);
                    channel += S::LANES;
                }
                if channel < self.channels {
                    let count = self.channels - channel;
                    self.window::<S, false>(simd, pixel, &seen, channel, count);
                }
            }
        }
    }
}

impl MaxBackward<'_> {
    /// One window, a vector of channels.
    ///
    /// # Safety
    /// `count` channels from `channel` on must be there, of pixels inside of the image.
    #[inline(always)]
    unsafe fn window<S: Simd, const WHOLE: bool>(
        &self,
        simd: S,
        pixel: usize,
        (rows, columns): &(Range<usize>, Range<usize>),
        channel: usize,
        count: usize,
    ) {
        let width = self.window.in_width;
        let below = self.below.pointer();
        // SAFETY: as the caller vouches.
        unsafe {
            let mut best = simd.splat(f32::NEG_INFINITY);
            let mut place = simd.splat(0.0);
            let mut number = 0.0;
            for y in rows.clone() {
                for x in columns.clone() {
                    let at = (y * width + x) * self.channels + channel;
                    let value = load_some::<S, WHOLE>(simd, self.input.as_ptr().add(at), count);
                    let better = simd.sub(value, best);
                    let change = simd.sub(simd.splat(number), place);
                    place = simd.add(place, simd.where_positive(better, change));
                    best = simd.max(best, value);
                    number += 1.0;
                }
            }
            let above = self.gradient.as_ptr().add(pixel * self.channels + channel);
            let above = load_some::<S, WHOLE>(simd, above, count);
            number = 0.0;
            for y in rows.clone() {
                for x in columns.clone() {
                    let at = (y * width + x) * self.channels + channel;
                    let distance = simd.sub(place, simd.splat(number));
                    let size = simd.max(distance, simd.sub(simd.splat(0.0), distance));
                    let own = simd.where_positive(simd.sub(simd.splat(0.5), size), above);
                    let there = load_some::<S, WHOLE>(simd, below.add(at), count);
                    store_some::<S, WHOLE>(simd, below.add(at), simd.add(there, own), count);
                    number += 1.0;
                }
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

/// Whether the fused kernels below take this window: no input position is seen twice, and none is
/// padding.
pub fn is_apart(window: &Window) -> bool {
    window.stride_height >= window.kernel_height
        && window.stride_width >= window.kernel_width
        && (window.pad_top, window.pad_left) == (0, 0)
        && (window.out_height - 1) * window.stride_height + window.kernel_height <= window.in_height
        && (window.out_width - 1) * window.stride_width + window.kernel_width <= window.in_width
}

/// The largest of what readers see in each window, for windows that lie apart.
///
/// # Panics
/// Where a length does not agree, or windows do not lie apart.
pub fn max_forward(
    isa: Isa,
    pool: &Pool,
    images: usize,
    window: &Window,
    channels: usize,
    input: Normed<'_>,
    output: &mut [f32],
) {
    let in_size = window.in_height * window.in_width * channels;
    let out_size = window.out_height * window.out_width * channels;
    input.check(images * in_size, channels);
    assert!(
        is_apart(window) && output.len() == images * out_size,
        "the output"
    );
    pool.for_each_chunk(output, out_size, |image, output| {
        let pass = Apart {
            window,
            channels,
            input: &input,
            values: input.values[image * in_size..].as_ptr(),
            pooled: output.as_mut_ptr(),
            below: std::ptr::null_mut(),
            sums: std::ptr::null_mut(),
        };
        with_curve!(input.activation, C => isa.run(ApartForward::<C>(pass, PhantomData)));
    });
}

/// The gradient of [`max_forward`]: of what the input's activation was given, and the sums `[2, C]`
/// that its batch norm needs. `scratch` has 2 C f32 for each thread.
///
/// # Panics
/// Where a length does not agree, or windows do not lie apart.
pub fn max_backward_normed(
    isa: Isa,
    pool: &Pool,
    images: usize,
    window: &Window,
    channels: usize,
    input: Normed<'_>,
    gradient: &[f32],
    below: &mut [f32],
    sums: Option<&mut [f32]>,
    scratch: &mut [f32],
) {
    let in_size = window.in_height * window.in_width * channels;
    let out_size = window.out_height * window.out_width * channels;
    input.check(images * in_size, channels);
    assert!(
        is_apart(window) && gradient.len() == images * out_size,
        "the gradient"
    );
    assert_eq!(below.len(), images * in_size, "the input's gradient");
    let own = 2 * channels;
    let parts = pool.threads().min(scratch.len() / own).min(images);
    let target = SharedOutput::new(below.as_mut_ptr());
    let covered = window.stride_height * window.out_height == window.in_height
        && window.stride_width * window.out_width == window.in_width
        && (window.stride_height, window.stride_width)
            == (window.kernel_height, window.kernel_width);
    pool.for_each_chunk(&mut scratch[..parts * own], own, |part, partial| {
        partial.fill(0.0);
        for image in share(images, part, parts) {
            let start = target.pointer().wrapping_add(image * in_size);
            if !covered {
                // SAFETY: the image's part of `below`, which is this thread's.
                unsafe { std::slice::from_raw_parts_mut(start, in_size) }.fill(0.0);
            }
            let pass = Apart {
                window,
                channels,
                input: &input,
                values: input.values[image * in_size..].as_ptr(),
                pooled: gradient[image * out_size..].as_ptr().cast_mut(),
                below: start,
                sums: partial.as_mut_ptr(),
            };
            with_curve!(input.activation, C => isa.run(ApartBackward::<C>(pass, PhantomData)));
        }
    });
    if let Some(sums) = sums {
        sums.fill(0.0);
        for partial in scratch[..parts * own].chunks_exact(own) {
            add_assign(isa, sums, partial);
        }
    }
}

/// One image's windows that lie apart.
struct Apart<'a> {
    window: &'a Window,
    channels: usize,
    input: &'a Normed<'a>,
    /// The image.
    values: *const f32,
    /// The results, or in the backward pass their gradient, which is only read.
    pooled: *mut f32,
    /// Null in the forward pass.
    below: *mut f32,
    /// `[2, C]`
    sums: *mut f32,
}

/// A batch norm's mean, scale and shift of some channels.
#[derive(Clone, Copy)]
struct Scaling<S: Simd> {
    mean: S::Vector,
    scale: S::Vector,
    shift: S::Vector,
}

impl Apart<'_> {
    /// # Safety
    /// `count` channels from `channel` on must be there.
    #[inline(always)]
    unsafe fn scaling<S: Simd, const WHOLE: bool>(
        &self,
        simd: S,
        channel: usize,
        count: usize,
    ) -> Scaling<S> {
        let Some(norm) = self.input.norm else {
            return Scaling {
                mean: simd.splat(0.0),
                scale: simd.splat(1.0),
                shift: simd.splat(0.0),
            };
        };
        // SAFETY: coefficients are `[4, C]`.
        unsafe {
            let at = norm.as_ptr().add(channel);
            Scaling {
                mean: load_some::<S, WHOLE>(simd, at, count),
                scale: load_some::<S, WHOLE>(simd, at.add(2 * self.channels), count),
                shift: load_some::<S, WHOLE>(simd, at.add(3 * self.channels), count),
            }
        }
    }

    /// The first input value under an output pixel.
    #[inline(always)]
    fn corner(&self, row: usize, column: usize) -> usize {
        let w = self.window;
        (row * w.stride_height * w.in_width + column * w.stride_width) * self.channels
    }
}

struct ApartForward<'a, C>(Apart<'a>, PhantomData<C>);

impl<C: Curve> ApartForward<'_, C> {
    /// A row of windows, a vector of channels.
    ///
    /// # Safety
    /// `count` channels from `channel` on must be there.
    #[inline(always)]
    unsafe fn row<S: Simd, const WHOLE: bool>(
        &self,
        simd: S,
        row: usize,
        channel: usize,
        count: usize,
    ) {
        let pass = &self.0;
        let w = pass.window;
        // SAFETY: as the caller vouches; the windows lie inside of the image.
        unsafe {
            let scaling = pass.scaling::<S, WHOLE>(simd, channel, count);
            for column in 0..w.out_width {
                let corner = pass.values.add(pass.corner(row, column) + channel);
                let mut best = simd.splat(f32::NEG_INFINITY);
                for i in 0..w.kernel_height {
                    for j in 0..w.kernel_width {
                        let at = corner.add((i * w.in_width + j) * pass.channels);
                        let value = load_some::<S, WHOLE>(simd, at, count);
                        let distance = simd.sub(value, scaling.mean);
                        let scaled = simd.mul_add(distance, scaling.scale, scaling.shift);
                        best = simd.max(best, C::apply(simd, scaled));
                    }
                }
                let at = (row * w.out_width + column) * pass.channels + channel;
                store_some::<S, WHOLE>(simd, pass.pooled.add(at), best, count);
            }
        }
    }
}

impl<C: Curve> Work for ApartForward<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let channels = self.0.channels;
        for row in 0..self.0.window.out_height {
            let mut channel = 0;
            // SAFETY: whoever made the pass vouches for its image.
            unsafe {
                while channel + S::LANES <= channels {
                    self.row::<S, true>(simd, row, channel, S::LANES);
                    channel += S::LANES;
                }
                if channel < channels {
                    self.row::<S, false>(simd, row, channel, channels - channel);
                }
            }
        }
    }
}

struct ApartBackward<'a, C>(Apart<'a>, PhantomData<C>);

impl<C: Curve> ApartBackward<'_, C> {
    /// A row of windows, a vector of channels.
    ///
    /// # Safety
    /// `count` channels from `channel` on must be there.
    #[inline(always)]
    unsafe fn row<S: Simd, const WHOLE: bool>(
        &self,
        simd: S,
        row: usize,
        channel: usize,
        count: usize,
    ) {
        let pass = &self.0;
        let w = pass.window;
        // SAFETY: as the caller vouches; the windows lie inside of the image.
        unsafe {
            let scaling = pass.scaling::<S, WHOLE>(simd, channel, count);
            let (mut total, mut product) = (simd.splat(0.0), simd.splat(0.0));
            for column in 0..w.out_width {
                let corner = pass.corner(row, column) + channel;
                let mut best = simd.splat(f32::NEG_INFINITY);
                let (mut place, mut winner) = (simd.splat(0.0), simd.splat(0.0));
                let mut number = 0.0;
                for i in 0..w.kernel_height {
                    for j in 0..w.kernel_width {
                        let at = corner + (i * w.in_width + j) * pass.channels;
                        let value = load_some::<S, WHOLE>(simd, pass.values.add(at), count);
                        let distance = simd.sub(value, scaling.mean);
                        let scaled = simd.mul_add(distance, scaling.scale, scaling.shift);
                        let seen = C::apply(simd, scaled);
                        let better = simd.sub(seen, best);
                        let change = simd.sub(simd.splat(number), place);
                        place = simd.add(place, simd.where_positive(better, change));
                        let change = simd.sub(value, winner);
                        winner = simd.add(winner, simd.where_positive(better, change));
                        best = simd.max(best, seen);
                        number += 1.0;
                    }
                }
                let at = (row * w.out_width + column) * pass.channels + channel;
                let above = load_some::<S, WHOLE>(simd, pass.pooled.add(at), count);
                let distance = simd.sub(winner, scaling.mean);
                let scaled = simd.mul_add(distance, scaling.scale, scaling.shift);
                let slope = C::slope(simd, scaled, above);
                total = simd.add(total, slope);
                product = simd.mul_add(slope, distance, product);
                number = 0.0;
                for i in 0..w.kernel_height {
                    for j in 0..w.kernel_width {
                        let at = corner + (i * w.in_width + j) * pass.channels;
                        let distance = simd.sub(place, simd.splat(number));
                        let size = simd.max(distance, simd.sub(simd.splat(0.0), distance));
                        let own = simd.where_positive(simd.sub(simd.splat(0.5), size), slope);
                        store_some::<S, WHOLE>(simd, pass.below.add(at), own, count);
                        number += 1.0;
                    }
                }
            }
            for (sum, part) in [(total, 0), (product, pass.channels)] {
                let at = pass.sums.add(part + channel);
                let sum = simd.add(load_some::<S, WHOLE>(simd, at, count), sum);
                store_some::<S, WHOLE>(simd, at, sum, count);
            }
        }
    }
}

impl<C: Curve> Work for ApartBackward<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let channels = self.0.channels;
        for row in 0..self.0.window.out_height {
            let mut channel = 0;
            // SAFETY: whoever made the pass vouches for its image.
            unsafe {
                while channel + S::LANES <= channels {
                    self.row::<S, true>(simd, row, channel, S::LANES);
                    channel += S::LANES;
                }
                if channel < channels {
                    self.row::<S, false>(simd, row, channel, channels - channel);
                }
            }
        }
    }
}
