//! Pooling while training: the gradients of a batch, images shared out among the threads.
use super::reference;
use crate::elementwise::add_assign;
use crate::gemm::SharedOutput;
use crate::isa::{Isa, Loops, Simd, Work};
use crate::normed::{Curve, Normed, Vectors, load_some, over_channels, store_some, with_curve};
use crate::share::share;
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
        let input = &input[image * in_size..][..in_size];
        let gradient = &gradient[image * out_size..][..out_size];
        if window.kernel_height * window.kernel_width > MOST_COUNTED {
            reference::max_backward(window, channels, input, gradient, below);
        } else {
            isa.run(MaxBackward {
                window,
                channels,
                input,
                gradient,
                below: SharedOutput::new(below.as_mut_ptr()),
            });
        }
    });
}

/// Values of a window whose places [`MaxBackward`] can count: in f32, which has a next whole number up
/// to here.
const MOST_COUNTED: usize = 1 << 24;

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
            let [rows, columns] = w.seen(pixel / w.out_width, pixel % w.out_width);
            let seen = Seen {
                all: &self,
                pixel,
                rows,
                columns,
            };
            // SAFETY: the channels of pixels inside of the image.
            unsafe { over_channels(simd, self.channels, &seen) };
        }
    }
}

/// One window: the part of it inside of the image.
struct Seen<'a, 'b> {
    all: &'b MaxBackward<'a>,
    pixel: usize,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Vectors for Seen<'_, '_> {
    /// # Safety
    /// `count` channels from `channel` on must be there.
    #[inline(always)]
    unsafe fn vector<S: Simd, const WHOLE: bool>(&self, simd: S, channel: usize, count: usize) {
        let all = self.all;
        let (width, channels) = (all.window.in_width, all.channels);
        let below = all.below.pointer();
        // SAFETY: as the caller vouches.
        unsafe {
            let mut best = simd.splat(f32::NEG_INFINITY);
            let mut place = simd.splat(0.0);
            let mut number = 0.0;
            for y in self.rows.clone() {
                for x in self.columns.clone() {
                    let at = (y * width + x) * channels + channel;
                    let value = load_some::<S, WHOLE>(simd, all.input.as_ptr().add(at), count);
                    let better = simd.sub(value, best);
                    let change = simd.sub(simd.splat(number), place);
                    place = simd.add(place, simd.where_positive(better, change));
                    best = simd.max(best, value);
                    number += 1.0;
                }
            }
            let above = all.gradient.as_ptr().add(self.pixel * channels + channel);
            let above = load_some::<S, WHOLE>(simd, above, count);
            number = 0.0;
            for y in self.rows.clone() {
                for x in self.columns.clone() {
                    let at = (y * width + x) * channels + channel;
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
    isa: Isa,
    pool: &Pool,
    images: usize,
    window: &Window,
    channels: usize,
    gradient: &[f32],
    add: bool,
    below: &mut [f32],
) {
    let in_size = window.in_height * window.in_width * channels;
    let out_size = window.out_height * window.out_width * channels;
    assert_eq!(gradient.len(), images * out_size, "the gradient");
    assert_eq!(below.len(), images * in_size, "the input's gradient");
    each_image(pool, images, add, below, |image, below| {
        isa.compile(AverageBackward {
            window,
            channels,
            gradient: &gradient[image * out_size..][..out_size],
            below,
        });
    });
}

/// One image: each window's share is added to its pixels, windows in the order of memory.
struct AverageBackward<'a> {
    window: &'a Window,
    channels: usize,
    gradient: &'a [f32],
    below: &'a mut [f32],
}

impl Loops for AverageBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (w, channels) = (self.window, self.channels);
        for (index, above) in self.gradient.chunks_exact(channels).enumerate() {
            let [rows, columns] = w.seen(index / w.out_width, index % w.out_width);
            let share = 1.0 / (rows.len() * columns.len()) as f32;
            for row in rows {
                let start = (row * w.in_width + columns.start) * channels;
                let seen = &mut self.below[start..][..columns.len() * channels];
                for below in seen.chunks_exact_mut(channels) {
                    for (below, &above) in below.iter_mut().zip(above) {
                        *below += above * share;
                    }
                }
            }
        }
    }
}

/// The gradient of a global average's input, `[N, pixels, C]`, in place of what is there, or added to
/// it.
///
/// # Panics
/// Where a length does not agree.
pub fn global_average_backward(
    isa: Isa,
    pool: &Pool,
    images: usize,
    gradient: &[f32],
    add: bool,
    below: &mut [f32],
) {
    let channels = gradient.len() / images;
    assert!(
        gradient.len() == images * channels && below.len().is_multiple_of(gradient.len()),
        "whole images"
    );
    each_image(pool, images, add, below, |image, below| {
        let gradient = &gradient[image * channels..][..channels];
        let share = 1.0 / (below.len() / channels) as f32;
        isa.compile(EqualShares {
            gradient,
            share,
            below,
        });
    });
}

/// Adds a share of the gradient to each pixel.
struct EqualShares<'a> {
    gradient: &'a [f32],
    share: f32,
    below: &'a mut [f32],
}

impl Loops for EqualShares<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for pixel in self.below.chunks_exact_mut(self.gradient.len()) {
            for (below, &above) in pixel.iter_mut().zip(self.gradient) {
                *below += above * self.share;
            }
        }
    }
}

/// Values of a window that the fused kernels below take: they stay in registers.
const FOUR: usize = 4;

/// Whether the fused kernels below take this window: of four values, as 2x2, no input position seen
/// twice, and none of it padding.
pub fn is_apart(window: &Window) -> bool {
    window.kernel_height * window.kernel_width == FOUR
        && window.stride_height >= window.kernel_height
        && window.stride_width >= window.kernel_width
        && (window.pad_top, window.pad_left) == (0, 0)
        && (window.out_height - 1) * window.stride_height + window.kernel_height <= window.in_height
        && (window.out_width - 1) * window.stride_width + window.kernel_width <= window.in_width
}

/// The largest of what readers see in each window, for windows that [lie apart](is_apart).
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
        with_curve!(input.activation, C => isa.run(EachPlace::<C, false>(pass, PhantomData)));
    });
}

/// f32 that [`max_backward_normed`] works in.
pub fn scratch_values(channels: usize, threads: usize) -> usize {
    4 * channels * threads
}

/// The gradient of [`max_forward`]: of what the input's activation was given, and the sums `[2, C]`
/// that its batch norm needs. `scratch` has [`scratch_values`].
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
    let own = scratch_values(channels, 1);
    let parts = pool.threads().min(scratch.len() / own).min(images);
    let target = SharedOutput::new(below.as_mut_ptr());
    let covered = window.stride_height * window.out_height == window.in_height
        && window.stride_width * window.out_width == window.in_width
        && (window.stride_height, window.stride_width)
            == (window.kernel_height, window.kernel_width);
    pool.for_each_chunk(&mut scratch[..parts * own], own, |part, partial| {
        let (total, of_image) = partial.split_at_mut(2 * channels);
        total.fill(0.0);
        for image in share(images, part, parts) {
            let start = target.pointer().wrapping_add(image * in_size);
            if !covered {
                // SAFETY: the image's part of `below`, which is this thread's.
                unsafe { std::slice::from_raw_parts_mut(start, in_size) }.fill(0.0);
            }
            of_image.fill(0.0);
            let pass = Apart {
                window,
                channels,
                input: &input,
                values: input.values[image * in_size..].as_ptr(),
                pooled: gradient[image * out_size..].as_ptr().cast_mut(),
                below: start,
                sums: of_image.as_mut_ptr(),
            };
            with_curve!(input.activation, C => isa.run(EachPlace::<C, true>(pass, PhantomData)));
            add_assign(isa, total, of_image);
        }
    });
    if let Some(sums) = sums {
        sums.fill(0.0);
        for partial in scratch[..parts * own].chunks_exact(own) {
            add_assign(isa, sums, &partial[..2 * channels]);
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

    /// The places of the values of a window, rows before columns.
    #[inline(always)]
    fn places(&self, row: usize, column: usize) -> [usize; FOUR] {
        let w = self.window;
        let mut places = [0; FOUR];
        for (index, place) in places.iter_mut().enumerate() {
            let y = row * w.stride_height + index / w.kernel_width;
            let x = column * w.stride_width + index % w.kernel_width;
            *place = (y * w.in_width + x) * self.channels;
        }
        places
    }
}

/// One window of an image: what is done to all of its channels, in the order of memory.
struct Place<'a, 'b, C> {
    pass: &'b Apart<'a>,
    /// Of the input, and of the result.
    values: [usize; FOUR],
    pooled: usize,
    curve: PhantomData<C>,
}

impl<C: Curve> Place<'_, '_, C> {
    /// The values of a vector, and what readers see of them.
    ///
    /// # Safety
    /// `count` channels from `channel` on must be there.
    #[inline(always)]
    unsafe fn see<S: Simd, const WHOLE: bool>(
        &self,
        simd: S,
        scaling: Scaling<S>,
        channel: usize,
        count: usize,
    ) -> [[S::Vector; FOUR]; 2] {
        let (mut values, mut seen) = ([simd.splat(0.0); FOUR], [simd.splat(0.0); FOUR]);
        for i in 0..FOUR {
            // SAFETY: as the caller vouches; the window lies inside of the image.
            values[i] = unsafe {
                let at = self.pass.values.add(self.values[i] + channel);
                load_some::<S, WHOLE>(simd, at, count)
            };
            let distance = simd.sub(values[i], scaling.mean);
            let scaled = simd.mul_add(distance, scaling.scale, scaling.shift);
            seen[i] = C::apply(simd, scaled);
        }
        [values, seen]
    }
}

/// The largest of each lane.
#[inline(always)]
fn largest<S: Simd>(simd: S, [a, b, c, d]: [S::Vector; FOUR]) -> S::Vector {
    simd.max(simd.max(a, b), simd.max(c, d))
}

struct Largest<'a, 'b, C>(Place<'a, 'b, C>);

impl<C: Curve> Vectors for Largest<'_, '_, C> {
    /// # Safety
    /// As for [`Vectors::vector`].
    #[inline(always)]
    unsafe fn vector<S: Simd, const WHOLE: bool>(&self, simd: S, channel: usize, count: usize) {
        let place = &self.0;
        // SAFETY: as the caller vouches.
        unsafe {
            let scaling = place.pass.scaling::<S, WHOLE>(simd, channel, count);
            let [_, seen] = place.see::<S, WHOLE>(simd, scaling, channel, count);
            let at = place.pass.pooled.add(place.pooled + channel);
            store_some::<S, WHOLE>(simd, at, largest(simd, seen), count);
        }
    }
}

struct LargestBackward<'a, 'b, C>(Place<'a, 'b, C>);

impl<C: Curve> Vectors for LargestBackward<'_, '_, C> {
    /// # Safety
    /// As for [`Vectors::vector`].
    #[inline(always)]
    unsafe fn vector<S: Simd, const WHOLE: bool>(&self, simd: S, channel: usize, count: usize) {
        let place = &self.0;
        let pass = place.pass;
        // SAFETY: as the caller vouches.
        unsafe {
            let scaling = pass.scaling::<S, WHOLE>(simd, channel, count);
            let [values, seen] = place.see::<S, WHOLE>(simd, scaling, channel, count);
            let largest = largest(simd, seen);
            // 1 for the first that is not below the largest, else 0.
            let mut chosen = [simd.splat(0.0); FOUR];
            let (mut left, mut winner) = (simd.splat(1.0), simd.splat(0.0));
            for i in 0..FOUR {
                let passed_on = simd.where_positive(simd.sub(largest, seen[i]), left);
                chosen[i] = simd.sub(left, passed_on);
                left = passed_on;
                winner = simd.mul_add(chosen[i], values[i], winner);
            }
            let above = load_some::<S, WHOLE>(simd, pass.pooled.add(place.pooled + channel), count);
            let distance = simd.sub(winner, scaling.mean);
            let scaled = simd.mul_add(distance, scaling.scale, scaling.shift);
            let slope = C::slope(simd, scaled, above);
            for (chosen, from) in chosen.into_iter().zip(place.values) {
                let at = pass.below.add(from + channel);
                store_some::<S, WHOLE>(simd, at, simd.mul(chosen, slope), count);
            }
            let products = simd.mul(slope, distance);
            for (value, part) in [(slope, 0), (products, pass.channels)] {
                let at = pass.sums.add(part + channel);
                let sum = simd.add(load_some::<S, WHOLE>(simd, at, count), value);
                store_some::<S, WHOLE>(simd, at, sum, count);
            }
        }
    }
}

/// Every window of an image, forward or backward.
struct EachPlace<'a, C, const BACKWARD: bool>(Apart<'a>, PhantomData<C>);

impl<C: Curve, const BACKWARD: bool> Work for EachPlace<'_, C, BACKWARD> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let pass = &self.0;
        for row in 0..pass.window.out_height {
            for column in 0..pass.window.out_width {
                let place = Place::<C> {
                    pass,
                    values: pass.places(row, column),
                    pooled: (row * pass.window.out_width + column) * pass.channels,
                    curve: PhantomData,
                };
                // SAFETY: whoever made the pass vouches for its image.
                unsafe {
                    if BACKWARD {
                        over_channels(simd, pass.channels, &LargestBackward(place));
                    } else {
                        over_channels(simd, pass.channels, &Largest(place));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{assert_near, values};

    /// Two places of it are one in f32.
    #[test]
    fn the_largest_of_a_window_of_any_size_has_the_gradient() {
        let length = MOST_COUNTED + 2;
        let window = Window::new([1, length], [1, length], [1, 1], [0, 0], [0, 0]);
        let mut input = vec![0.0; length];
        input[length - 1] = 1.0;
        let mut below = vec![0.0; length];
        let isa = Isa::best();
        max_backward(
            isa,
            &Pool::serial(),
            1,
            &window,
            1,
            &input,
            &[3.0],
            false,
            &mut below,
        );
        let last = below.pop();
        assert_eq!(last, Some(3.0));
        assert!(below.iter().all(|&value| value == 0.0));
    }

    /// Coarse values, so that windows have several largest, of which the first is the one.
    #[test]
    fn windows_apart_agree_with_the_plain_maximum() {
        for (turn, (size, kernel, stride)) in [
            ([8, 6], [2, 2], [2, 2]),
            ([5, 7], [2, 2], [2, 3]),
            ([4, 9], [1, 4], [1, 4]),
        ]
        .into_iter()
        .enumerate()
        {
            let window = Window::new(size, kernel, stride, [0, 0], [0, 0]);
            assert!(is_apart(&window));
            for channels in [8, 19, 32] {
                let images = 1 + turn;
                let in_size = size[0] * size[1] * channels;
                let out_size = window.out_height * window.out_width * channels;
                let mut stored = values(1, images * in_size);
                stored
                    .iter_mut()
                    .for_each(|value| *value = (*value * 4.0).round() / 4.0);
                let norm = values(2, 4 * channels);
                let input = Normed {
                    values: &stored,
                    norm: Some(&norm),
                    activation: Activation::Relu,
                };
                let scaled: Vec<f64> = (0..stored.len())
                    .map(|i| {
                        let at = |row: usize| f64::from(norm[row * channels + i % channels]);
                        (f64::from(stored[i]) - at(0)) * at(2) + at(3)
                    })
                    .collect();
                let seen: Vec<f64> = scaled.iter().map(|value| value.max(0.0)).collect();
                let gradient = values(3, images * out_size);
                let mut largest = vec![0.0; images * out_size];
                let mut wanted = vec![0.0; images * in_size];
                for image in 0..images {
                    let seen = &seen[image * in_size..][..in_size];
                    let above: Vec<f64> = gradient[image * out_size..][..out_size]
                        .iter()
                        .map(|&value| f64::from(value))
                        .collect();
                    let below = &mut wanted[image * in_size..][..in_size];
                    reference::max_backward(&window, channels, seen, &above, below);
                    let largest = &mut largest[image * out_size..][..out_size];
                    reference::max(&window, channels, seen, largest);
                }
                let mut sums = vec![0.0; 2 * channels];
                for (i, wanted) in wanted.iter_mut().enumerate() {
                    if scaled[i] <= 0.0 {
                        *wanted = 0.0;
                    }
                    let channel = i % channels;
                    sums[channel] += *wanted;
                    sums[channels + channel] +=
                        *wanted * (f64::from(stored[i]) - f64::from(norm[channel]));
                }
                for isa in Isa::available() {
                    let threads = 1 + turn;
                    let pool = Pool::new(threads);
                    let what = format!("{isa} {window:?} {channels}");
                    let mut output = vec![f32::NAN; images * out_size];
                    max_forward(isa, &pool, images, &window, channels, input, &mut output);
                    assert_near(&output, &largest, &what);
                    let mut below = vec![f32::NAN; images * in_size];
                    let mut found = vec![f32::NAN; 2 * channels];
                    let mut scratch = vec![f32::NAN; scratch_values(channels, threads)];
                    max_backward_normed(
                        isa,
                        &pool,
                        images,
                        &window,
                        channels,
                        input,
                        &gradient,
                        &mut below,
                        Some(&mut found),
                        &mut scratch,
                    );
                    assert_near(&below, &wanted, &what);
                    assert_near(&found, &sums, &what);
                }
            }
        }
    }
}
