//! Depthwise convolutions while training: forward with the statistics of a batch norm that follows,
//! backward to input and weights in one pass over each image, band by band.
#![expect(
    clippy::needless_range_loop,
    reason = "an index says which register of a tile is meant"
)]

use super::tile::{self, Strip};
use crate::Window;
use crate::batch_norm::training::{finish_statistics, partial_values};
use crate::conv2d::training::{Gradients, Statistics};
use crate::elementwise::add_assign;
use crate::gemm::SharedOutput;
use crate::isa::{Isa, Simd, Work};
use crate::normed::{self, Above, Columns, Normed, load_some, over_channels, store_some};
use crate::share::share;
use std::ops::Range;
use tensor::Pool;

/// f32 that the rows of a band may have together: half of a small second-level cache (512 KiB).
const BAND_VALUES: usize = 64 * 1024;

/// f32 between two parts' memory, so that no cache line is shared.
const LINE: usize = 16;

/// Largest kernel width with sums in registers.
const MOST_COLUMNS: usize = 7;

/// A depthwise convolution that is trained, for a set of instructions. Its weights are given to each
/// call.
#[derive(Clone, Debug)]
pub struct TrainingDepthwise {
    isa: Isa,
    window: Window,
    channels: usize,
    threads: usize,
    /// The window of the convolution that gives the input's gradient, where its stride is 1.
    flipped: Option<Window>,
}

/// f32 of a part of the memory of a backward pass.
#[derive(Clone, Copy, Debug)]
struct Places {
    part: usize,
    /// Input rows with zeros beside them, and after them a row of zeros.
    input: usize,
    input_rows: usize,
    input_row: usize,
    /// Gradient rows.
    gradient: usize,
    gradient_rows: usize,
    /// Rows of the input's gradient that are to be added.
    band: usize,
    kernel: usize,
    sums: usize,
    bias_sums: usize,
}

/// Rows of an image that are kept while a band moves down it.
struct Ring {
    rows: Range<usize>,
}

impl Ring {
    /// Moves what is kept of `wanted` to the front of `memory` (a row every `row` f32) and gives the
    /// rows that are still to be filled.
    fn slide(&mut self, wanted: &Range<usize>, memory: &mut [f32], row: usize) -> Range<usize> {
        let kept = wanted.start.max(self.rows.start)..wanted.end.min(self.rows.end);
        let missing = if kept.is_empty() || kept.start > wanted.start {
            wanted.clone()
        } else {
            let from = (kept.start - self.rows.start) * row;
            memory.copy_within(from..from + kept.len() * row, 0);
            kept.end..wanted.end
        };
        self.rows = wanted.clone();
        missing
    }
}

fn lines(values: usize) -> usize {
    values.next_multiple_of(LINE)
}

impl TrainingDepthwise {
    /// For a window over images of `channels`, and up to `threads` threads.
    pub fn new(isa: Isa, window: &Window, channels: usize, threads: usize) -> TrainingDepthwise {
        let is_plain = (window.stride_height, window.stride_width) == (1, 1)
            && window.pad_top < window.kernel_height
            && window.pad_left < window.kernel_width;
        TrainingDepthwise {
            isa,
            window: *window,
            channels,
            threads: threads.max(1),
            flipped: is_plain.then(|| Window {
                in_height: window.out_height,
                in_width: window.out_width,
                out_height: window.in_height,
                out_width: window.in_width,
                pad_top: window.kernel_height - 1 - window.pad_top,
                pad_left: window.kernel_width - 1 - window.pad_left,
                ..*window
            }),
        }
    }

    fn taps(&self) -> usize {
        self.window.kernel_height * self.window.kernel_width
    }

    fn padded(&self) -> usize {
        self.channels.next_multiple_of(self.isa.lanes())
    }

    /// f32 of packed weights, biases and zeros.
    fn weights(&self) -> usize {
        lines(self.taps() * self.padded()) + 2 * lines(self.padded())
    }

    /// Output rows of a band of the forward pass.
    fn forward_band(&self) -> usize {
        let window = &self.window;
        let row = window.stride_height * window.in_width + window.out_width;
        (BAND_VALUES / (row * self.channels)).clamp(1, window.out_height)
    }

    fn forward_rows(&self) -> usize {
        let window = &self.window;
        (self.forward_band() - 1) * window.stride_height + window.kernel_height
    }

    fn forward_part(&self) -> usize {
        let row = self.window.in_width * self.channels;
        lines(self.forward_rows() * row) + lines(partial_values(self.channels))
    }

    /// f32 that [`TrainingDepthwise::forward`] works in.
    pub fn forward_scratch(&self) -> usize {
        self.weights() + self.threads * self.forward_part()
    }

    /// Input rows of a band of the backward pass.
    fn backward_band(&self) -> usize {
        let window = &self.window;
        let halo = window.kernel_height * (window.in_width + window.out_width);
        let row = 2 * window.in_width + window.out_width;
        let left = (BAND_VALUES / self.channels).saturating_sub(halo);
        let band = (left / row).clamp(1, window.in_height);
        // Whole steps of the stride, so that each gradient row meets all its input rows at once.
        band.next_multiple_of(window.stride_height)
    }

    fn places(&self) -> Places {
        let window = &self.window;
        let band = self.backward_band();
        let stride = window.stride_height;
        let channels = self.channels;
        // Windows that begin below the image (or see its padding alone) come with the last band.
        let begun = window.in_height.div_ceil(stride);
        let tail = window.out_height.saturating_sub(begun);
        let input_rows = (band.div_ceil(stride) + 1 + tail) * stride + window.kernel_height;
        let input_rows = input_rows.min(window.in_height);
        let seen = (window.out_width - 1) * window.stride_width + window.kernel_width;
        let input_row = (window.pad_left + window.in_width).max(seen) * channels;
        let reach = window.kernel_height + window.pad_top;
        let gradient_rows = band.div_ceil(stride) + reach.div_ceil(stride) + 2 + tail;
        let gradient_rows = gradient_rows.min(window.out_height);
        let mut at = 0;
        let mut take = |values: usize| {
            let start = at;
            at += lines(values);
            start
        };
        let places = Places {
            part: 0,
            input_rows,
            input_row,
            gradient_rows,
            input: take((input_rows + 1) * input_row),
            gradient: take(gradient_rows * window.out_width * channels),
            band: take(band * window.in_width * channels),
            kernel: take(self.taps() * self.padded()),
            sums: take(2 * channels),
            bias_sums: take(channels),
        };
        Places {
            part: take(0),
            ..places
        }
    }

    /// f32 that [`TrainingDepthwise::backward`] works in.
    pub fn backward_scratch(&self) -> usize {
        self.weights() + self.threads * self.places().part
    }

    /// Packs the weights (`[C / LANES, KH, KW, LANES]`) and lays out biases and zeros.
    fn pack<'a>(
        &self,
        kernel: &[f32],
        bias: Option<&[f32]>,
        flipped: bool,
        memory: &'a mut [f32],
    ) -> [&'a [f32]; 3] {
        let (taps, channels, lanes) = (self.taps(), self.channels, self.isa.lanes());
        assert_eq!(kernel.len(), taps * channels, "the kernel");
        memory.fill(0.0);
        let (weights, rest) = memory.split_at_mut(lines(taps * self.padded()));
        for (tap, row) in kernel.chunks_exact(channels).enumerate() {
            let tap = if flipped { taps - 1 - tap } else { tap };
            for (channel, &weight) in row.iter().enumerate() {
                let (vector, lane) = (channel / lanes, channel % lanes);
                weights[(vector * taps + tap) * lanes + lane] = weight;
            }
        }
        let (biases, zeros) = rest.split_at_mut(lines(self.padded()));
        if let Some(bias) = bias {
            biases[..channels].copy_from_slice(bias);
        }
        [weights, biases, zeros]
    }

    /// `output = convolution of what readers see of input (+ bias)` for `images` images, and the
    /// statistics of it where they are wanted. `kernel` is `[KH, KW, C]`.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn forward(
        &self,
        pool: &Pool,
        images: usize,
        input: Normed<'_>,
        kernel: &[f32],
        bias: Option<&[f32]>,
        output: &mut [f32],
        statistics: Option<Statistics<'_>>,
        scratch: &mut [f32],
    ) {
        let window = &self.window;
        let channels = self.channels;
        let in_image = window.in_height * window.in_width * channels;
        let out_image = window.out_height * window.out_width * channels;
        input.check(images * in_image, channels);
        assert_eq!(output.len(), images * out_image, "the output");
        assert!(scratch.len() >= self.forward_scratch(), "memory to work in");
        let (memory, rest) = scratch.split_at_mut(self.weights());
        let [weights, biases, zeros] = self.pack(kernel, bias, false, memory);
        // Rows of all images, one after the other.
        let all = images * window.out_height;
        let parts = pool.threads().min(self.threads).min(all);
        let own = self.forward_part();
        let partials = partial_values(channels);
        let input_values = own - lines(partials);
        let row_values = window.in_width * channels;
        let band = self.forward_band();
        let wanted = statistics.is_some();
        let output = SharedOutput::new(output.as_mut_ptr());
        pool.for_each_chunk(&mut rest[..parts * own], own, |part, memory| {
            let (buffer, partial) = memory.split_at_mut(input_values);
            let (shift, sums) = partial[..partials].split_at_mut(channels);
            sums.fill(0.0);
            let mut fresh = wanted;
            let rows = share(all, part, parts);
            let mut next = rows.start;
            let mut ring = Ring { rows: 0..0 };
            let mut ring_image = usize::MAX;
            while next < rows.end {
                let (image, first) = (next / window.out_height, next % window.out_height);
                let end = (first + band)
                    .min(window.out_height)
                    .min(first + rows.end - next);
                let seen = window.input_rows(first..end);
                if image != ring_image {
                    ring.rows = 0..0;
                    ring_image = image;
                }
                let (start, first_input_row) = if input.is_plain() {
                    (input.values[image * in_image..].as_ptr(), 0)
                } else {
                    let missing = ring.slide(&seen, buffer, row_values);
                    let pixels = image * window.in_height * window.in_width;
                    let place = (missing.start - seen.start) * row_values;
                    let pixels = pixels + missing.start * window.in_width
                        ..pixels + missing.end * window.in_width;
                    // SAFETY: the buffer has room for a band's rows.
                    unsafe {
                        let target = buffer[place..].as_mut_ptr();
                        normed::read_rows(self.isa, &input, channels, pixels, target, channels);
                    }
                    (buffer.as_ptr(), seen.start)
                };
                let strip = Strip {
                    window,
                    channels,
                    input: start,
                    first_input_row,
                    weights: weights.as_ptr(),
                    bias: biases.as_ptr(),
                    zeros: zeros.as_ptr(),
                    output: output.pointer().wrapping_add(image * out_image),
                    lower: f32::NEG_INFINITY,
                    upper: f32::INFINITY,
                    vectors: 0..channels.div_ceil(self.isa.lanes()),
                    rows: first..end,
                };
                // SAFETY: the input rows that these rows see are there; the rows of the output are
                // this part's.
                unsafe {
                    tile::run(self.isa, &strip);
                    if wanted {
                        let pixels = next * window.out_width;
                        let pixels = pixels..pixels + (end - first) * window.out_width;
                        let values = output.pointer().cast_const();
                        if fresh {
                            let first = values.add(pixels.start * channels);
                            shift.copy_from_slice(std::slice::from_raw_parts(first, channels));
                            fresh = false;
                        }
                        let (shift, sums) = (shift.as_ptr(), sums.as_mut_ptr());
                        normed::add_statistics(self.isa, values, channels, pixels, shift, sums);
                    }
                }
                next += end - first;
            }
        });
        if let Some(Statistics { mean, variance }) = statistics {
            let partial = |part: usize| {
                let count = share(all, part, parts).len() * window.out_width;
                (count, &rest[part * own + input_values..][..partials])
            };
            finish_statistics(parts, partial, mean, variance);
        }
    }

    /// The gradients of [`TrainingDepthwise::forward`]; `input` is what it was given.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn backward(
        &self,
        pool: &Pool,
        images: usize,
        input: Normed<'_>,
        kernel: &[f32],
        above: Above<'_>,
        mut gradients: Gradients<'_>,
        scratch: &mut [f32],
    ) {
        let window = &self.window;
        let channels = self.channels;
        let in_values = images * window.in_height * window.in_width * channels;
        input.check(in_values, channels);
        above.check(
            images * window.out_height * window.out_width * channels,
            channels,
        );
        assert!(
            scratch.len() >= self.backward_scratch(),
            "memory to work in"
        );
        let places = self.places();
        let (memory, rest) = scratch.split_at_mut(self.weights());
        let [weights, biases, zeros] = self.pack(kernel, None, self.flipped.is_some(), memory);
        let (below, add) = match &mut gradients.input {
            Some((below, add)) => {
                assert_eq!(below.len(), in_values, "the input's gradient");
                (Some(SharedOutput::new(below.as_mut_ptr())), *add)
            }
            None => (None, false),
        };
        let pass = Pass {
            layer: self,
            input,
            above,
            weights,
            biases,
            zeros,
            below,
            add,
            kernel: gradients.kernel.is_some(),
            bias: gradients.bias.is_some(),
            sums: gradients.sums.is_some(),
            places,
        };
        let parts = pool.threads().min(self.threads).min(images);
        pool.for_each_chunk(
            &mut rest[..parts * places.part],
            places.part,
            |part, memory| {
                memory[places.kernel..].fill(0.0);
                // The zeros beside the rows; the rows themselves are written before they are read.
                memory[..places.gradient].fill(0.0);
                share(images, part, parts).for_each(|image| pass.image(image, memory));
            },
        );
        let parts = &rest[..parts * places.part];
        let sum = |place: usize, values: &mut [f32]| {
            for part in parts.chunks_exact(places.part) {
                add_assign(self.isa, values, &part[place..][..values.len()]);
            }
        };
        if let Some(gradient) = gradients.kernel {
            assert_eq!(gradient.len(), kernel.len(), "the kernel's gradient");
            for (tap, gradient) in gradient.chunks_exact_mut(channels).enumerate() {
                sum(places.kernel + tap * self.padded(), gradient);
            }
        }
        if let Some(gradient) = gradients.bias {
            assert_eq!(gradient.len(), channels, "the bias's gradient");
            sum(places.bias_sums, gradient);
        }
        if let Some(sums) = gradients.sums {
            assert_eq!(sums.len(), 2 * channels, "the sums");
            sums.fill(0.0);
            sum(places.sums, sums);
        }
    }
}

/// A backward pass of one depthwise convolution.
struct Pass<'a> {
    layer: &'a TrainingDepthwise,
    input: Normed<'a>,
    above: Above<'a>,
    weights: &'a [f32],
    biases: &'a [f32],
    zeros: &'a [f32],
    below: Option<SharedOutput>,
    add: bool,
    kernel: bool,
    bias: bool,
    sums: bool,
    places: Places,
}

impl Pass<'_> {
    fn image(&self, image: usize, memory: &mut [f32]) {
        let (layer, places) = (self.layer, &self.places);
        let (window, channels, isa) = (&layer.window, layer.channels, layer.isa);
        let stride = window.stride_height;
        let (in_row, out_row) = (window.in_width * channels, window.out_width * channels);
        let in_pixels = image * window.in_height * window.in_width;
        let out_pixels = image * window.out_height * window.out_width;
        let band = layer.backward_band();
        let mut inputs = Ring { rows: 0..0 };
        let mut above = Ring { rows: 0..0 };
        let mut first = 0;
        while first < window.in_height {
            let end = (first + band).min(window.in_height);
            // The gradient rows that begin in this band, and those that see it.
            let last = end == window.in_height;
            let own = first.div_ceil(stride).min(window.out_height)..if last {
                window.out_height
            } else {
                end.div_ceil(stride).min(window.out_height)
            };
            let seeing = (first + window.pad_top + 1)
                .saturating_sub(window.kernel_height)
                .div_ceil(stride)
                ..((end - 1 + window.pad_top) / stride + 1).min(window.out_height);
            let wanted = if seeing.start >= seeing.end {
                own.clone()
            } else {
                own.start.min(seeing.start)..own.end.max(seeing.end)
            };
            let chunk = wanted.start.min(wanted.end)..wanted.end;
            assert!(
                chunk.len() <= places.gradient_rows,
                "room for the gradient rows"
            );
            let rows = &mut memory[places.gradient..places.band];
            let missing = above.slide(&chunk, rows, out_row);
            let place = (missing.start - chunk.start) * out_row;
            let pixels = out_pixels + missing.start * window.out_width
                ..out_pixels + missing.end * window.out_width;
            // SAFETY: there is room for these rows.
            unsafe {
                let target = rows[place..].as_mut_ptr();
                normed::read_gradient(isa, &self.above, channels, pixels, target, channels, false);
            }
            if self.bias {
                let (rows, sums) = memory.split_at_mut(places.bias_sums);
                for row in own.clone() {
                    let row = &rows[places.gradient + (row - chunk.start) * out_row..][..out_row];
                    for pixel in row.chunks_exact(channels) {
                        add_assign(isa, &mut sums[..channels], pixel);
                    }
                }
            }
            if self.kernel {
                self.fill_inputs(&own, &mut inputs, in_pixels, in_row, memory);
                for row in own.clone() {
                    self.weights_of(row, &inputs, chunk.start, memory);
                }
            }
            if let Some(below) = self.below {
                self.input_rows_of(first..end, image, &chunk, below, memory);
            }
            first = end;
        }
    }

    /// Sees to it that the input rows under the gradient rows `own` are there, zeros beside them.
    fn fill_inputs(
        &self,
        own: &Range<usize>,
        ring: &mut Ring,
        in_pixels: usize,
        in_row: usize,
        memory: &mut [f32],
    ) {
        let (layer, places) = (self.layer, &self.places);
        let window = &layer.window;
        let seen = window.input_rows(own.clone());
        assert!(seen.len() <= places.input_rows, "room for the input rows");
        let rows = &mut memory[places.input..][..places.input_rows * places.input_row];
        let missing = ring.slide(&seen, rows, places.input_row);
        for row in missing {
            let place = (row - seen.start) * places.input_row + window.pad_left * layer.channels;
            let pixels = in_pixels + row * window.in_width..in_pixels + (row + 1) * window.in_width;
            let target = &mut rows[place..][..in_row];
            // SAFETY: the target is a row.
            unsafe {
                normed::read_rows(
                    layer.isa,
                    &self.input,
                    layer.channels,
                    pixels,
                    target.as_mut_ptr(),
                    layer.channels,
                );
            }
        }
    }

    /// Adds what one gradient row gives to the kernel's gradient.
    fn weights_of(&self, row: usize, inputs: &Ring, first_gradient: usize, memory: &mut [f32]) {
        let (layer, places) = (self.layer, &self.places);
        let window = &layer.window;
        let base = memory.as_mut_ptr();
        let out_row = window.out_width * layer.channels;
        let zeros = places.input + places.input_rows * places.input_row;
        for kernel_row in 0..window.kernel_height {
            let place = match window.input_row(row, kernel_row) {
                Some(row) => places.input + (row - inputs.rows.start) * places.input_row,
                None => zeros,
            };
            let taps = kernel_row * window.kernel_width * layer.padded();
            // SAFETY: the places lie apart and have room for these rows.
            unsafe {
                let work = WeightRow {
                    input: base.add(place),
                    gradient: base.add(places.gradient + (row - first_gradient) * out_row),
                    sums: base.add(places.kernel + taps),
                    columns: window.out_width,
                    step: window.stride_width * layer.channels,
                    channels: layer.channels,
                    sums_step: layer.padded(),
                };
                macro_rules! widths {
                    ($($width:literal)+) => {
                        match window.kernel_width {
                            $($width => layer.isa.run(WeightRowOf::<$width>(work)),)+
                            width => {
                                for tap in 0..width {
                                    let mut work = work;
                                    work.input = work.input.add(tap * layer.channels);
                                    work.sums = work.sums.add(tap * layer.padded());
                                    layer.isa.run(WeightRowOf::<1>(work));
                                }
                            }
                        }
                    };
                }
                widths!(1 2 3 4 5 6 7);
            }
        }
    }

    /// The gradient of the input rows `rows` of an image.
    fn input_rows_of(
        &self,
        rows: Range<usize>,
        image: usize,
        above: &Range<usize>,
        below: SharedOutput,
        memory: &mut [f32],
    ) {
        let (layer, places) = (self.layer, &self.places);
        let (window, channels, isa) = (&layer.window, layer.channels, layer.isa);
        let in_row = window.in_width * channels;
        let first_pixel = (image * window.in_height + rows.start) * window.in_width;
        let gradient = memory[places.gradient..].as_ptr();
        let band = &mut memory[places.band..][..rows.len() * in_row];
        let target = below.pointer().wrapping_add(first_pixel * channels);
        let target = if self.add { band.as_mut_ptr() } else { target };
        // SAFETY: the gradient rows that these rows are seen from are there; the target has room for
        // them and is this part's.
        unsafe {
            if let Some(flipped) = &layer.flipped {
                let strip = Strip {
                    window: flipped,
                    channels,
                    input: gradient,
                    first_input_row: above.start,
                    weights: self.weights.as_ptr(),
                    bias: self.biases.as_ptr(),
                    zeros: self.zeros.as_ptr(),
                    output: target.wrapping_sub(rows.start * in_row),
                    lower: f32::NEG_INFINITY,
                    upper: f32::INFINITY,
                    vectors: 0..channels.div_ceil(isa.lanes()),
                    rows: rows.clone(),
                };
                tile::run(isa, &strip);
            } else {
                isa.run(Spread {
                    window,
                    channels,
                    gradient,
                    above: above.clone(),
                    weights: self.weights.as_ptr(),
                    rows: rows.clone(),
                    target,
                });
            }
            let start = below.pointer();
            if self.add {
                let values = rows.len() * in_row;
                let whole =
                    std::slice::from_raw_parts_mut(start.add(first_pixel * channels), values);
                add_assign(isa, whole, band);
            }
            let sums = if self.sums {
                memory[places.sums..].as_mut_ptr()
            } else {
                std::ptr::null_mut()
            };
            let pixels = first_pixel..first_pixel + rows.len() * window.in_width;
            normed::finish_below(isa, &self.input, channels, pixels, start, sums);
        }
    }
}

/// What one gradient row and one input row give to a row of the kernel's gradient.
#[derive(Clone, Copy)]
struct WeightRow {
    /// The first pixel that the kernel's first column sees.
    input: *const f32,
    gradient: *const f32,
    /// The kernel row's sums, a tap every `sums_step`.
    sums: *mut f32,
    columns: usize,
    /// f32 from one output column's input to the next one's.
    step: usize,
    channels: usize,
    sums_step: usize,
}

struct WeightRowOf<const WIDTH: usize>(WeightRow);

impl<const WIDTH: usize> Columns for WeightRowOf<WIDTH> {
    /// # Safety
    /// As the maker of the row vouches.
    #[inline(always)]
    unsafe fn column<S: Simd, const VECTORS: usize, const WHOLE: bool>(
        &self,
        simd: S,
        channel: usize,
        count: usize,
    ) {
        const { assert!(WIDTH <= MOST_COLUMNS) };
        let row = &self.0;
        // SAFETY: as the caller vouches.
        unsafe {
            let mut sums = [[simd.splat(0.0); VECTORS]; WIDTH];
            let mut input = row.input.add(channel);
            let mut gradient = row.gradient.add(channel);
            for _ in 0..row.columns {
                for v in 0..VECTORS {
                    let above = load_some::<S, WHOLE>(simd, gradient.add(v * S::LANES), count);
                    for tap in 0..WIDTH {
                        let at = input.add(tap * row.channels + v * S::LANES);
                        let value = load_some::<S, WHOLE>(simd, at, count);
                        sums[tap][v] = simd.mul_add(above, value, sums[tap][v]);
                    }
                }
                input = input.wrapping_add(row.step);
                gradient = gradient.wrapping_add(row.channels);
            }
            for tap in 0..WIDTH {
                for v in 0..VECTORS {
                    let at = row.sums.add(tap * row.sums_step + channel + v * S::LANES);
                    let sum = simd.add(load_some::<S, WHOLE>(simd, at, count), sums[tap][v]);
                    store_some::<S, WHOLE>(simd, at, sum, count);
                }
            }
        }
    }
}

impl<const WIDTH: usize> Work for WeightRowOf<WIDTH> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // SAFETY: as the maker of the row vouches.
        unsafe { over_channels(simd, self.0.channels, &self) }
    }
}

/// The gradient of input rows under any stride, pixel by pixel.
struct Spread<'a> {
    window: &'a Window,
    channels: usize,
    /// The gradient rows `above`.
    gradient: *const f32,
    above: Range<usize>,
    /// `[C / LANES, KH, KW, LANES]`
    weights: *const f32,
    rows: Range<usize>,
    target: *mut f32,
}

/// Windows that are gathered at a time for a pixel: more than any usual kernel has, so that each value
/// of the gradient is written once. Of a kernel with more the sums go on from what was written.
const MOST_TOGETHER: usize = 256;

/// The (tap, output) pairs along one side by which a position is seen.
#[inline(always)]
fn seen_from(
    position: usize,
    (kernel, stride, pad, outputs): (usize, usize, usize, usize),
    mut visit: impl FnMut(usize, usize),
) {
    for tap in 0..kernel {
        let at = (position + pad).wrapping_sub(tap);
        if at <= position + pad && at.is_multiple_of(stride) && at / stride < outputs {
            visit(tap, at / stride);
        }
    }
}

impl Work for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let w = self.window;
        let vertical = (w.kernel_height, w.stride_height, w.pad_top, w.out_height);
        let horizontal = (w.kernel_width, w.stride_width, w.pad_left, w.out_width);
        let mut pairs = [(0, self.gradient); MOST_TOGETHER];
        for (index, row) in self.rows.clone().enumerate() {
            for column in 0..w.in_width {
                let mut done = 0;
                loop {
                    let (mut seen, mut count) = (0, 0);
                    seen_from(row, vertical, |i, y| {
                        if !self.above.contains(&y) {
                            return;
                        }
                        seen_from(column, horizontal, |j, x| {
                            if seen >= done && count < pairs.len() {
                                let pixel = (y - self.above.start) * w.out_width + x;
                                let at = self.gradient.wrapping_add(pixel * self.channels);
                                pairs[count] = (i * w.kernel_width + j, at);
                                count += 1;
                            }
                            seen += 1;
                        });
                    });
                    let first = done == 0;
                    // SAFETY: the gradient rows are there, as `input_rows_of` sees to it.
                    unsafe { self.add(simd, [index, column], &pairs[..count], first) };
                    done += count;
                    if done == seen {
                        break;
                    }
                }
            }
        }
    }
}

impl Spread<'_> {
    /// Writes what the windows of these (tap, gradient) pairs give to a pixel of the target, or adds
    /// it to what the `first` ones gave.
    ///
    /// # Safety
    /// The gradients and the pixel must be there.
    #[inline(always)]
    unsafe fn add<S: Simd>(
        &self,
        simd: S,
        [row, column]: [usize; 2],
        pairs: &[(usize, *const f32)],
        first: bool,
    ) {
        let w = self.window;
        let taps = w.kernel_height * w.kernel_width;
        // SAFETY: as the caller vouches.
        unsafe {
            let target = self.target.add((row * w.in_width + column) * self.channels);
            let mut channel = 0;
            while channel < self.channels {
                let lanes = (self.channels - channel).min(S::LANES);
                let weights = self.weights.add(channel * taps);
                let mut sum = if first {
                    simd.splat(0.0)
                } else if lanes == S::LANES {
                    simd.load(target.add(channel))
                } else {
                    simd.load_first(target.add(channel), lanes)
                };
                for &(tap, gradient) in pairs {
                    let gradient = gradient.add(channel);
                    let value = if lanes == S::LANES {
                        simd.load(gradient)
                    } else {
                        simd.load_first(gradient, lanes)
                    };
                    sum = simd.mul_add(value, simd.load(weights.add(tap * S::LANES)), sum);
                }
                if lanes == S::LANES {
                    simd.store(target.add(channel), sum);
                } else {
                    simd.store_first(target.add(channel), sum, lanes);
                }
                channel += S::LANES;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;
    use crate::tests::{assert_near, values};

    /// Under kernels of any size each window counts, however many see a value.
    #[test]
    fn every_window_gives_its_share_to_the_gradients() {
        for (number, (size, kernel, stride, rows, columns)) in [
            // 361 windows see a value in the middle: 19 rows of 19.
            ([20, 40], [19, 37], [1, 2], [18, 18], [36, 36]),
            // 17 x 17, just more than are gathered together; and twice as many.
            ([34, 34], [34, 34], [2, 2], [33, 33], [33, 33]),
            ([34, 30], [34, 30], [2, 1], [33, 33], [29, 29]),
            // As far as a stride of 1 goes: more padding than kernel.
            ([18, 19], [18, 18], [1, 1], [18, 18], [17, 17]),
            ([9, 9], [3, 3], [2, 2], [0, 1], [0, 1]),
        ]
        .into_iter()
        .enumerate()
        {
            let window = Window::new(size, kernel, stride, rows, columns);
            for (channels, images) in [(1, 2), (19, 1)] {
                let seed = 10 * number as u64 + channels as u64;
                let in_image = window.in_height * window.in_width * channels;
                let out_image = window.out_height * window.out_width * channels;
                let taps = window.kernel_height * window.kernel_width;
                let input = values(seed, images * in_image);
                let kernel = values(seed + 1, taps * channels);
                let gradient = values(seed + 2, images * out_image);
                let wide = |values: &[f32]| -> Vec<f64> {
                    values.iter().map(|&value| f64::from(value)).collect()
                };
                let mut wanted_input = vec![0.0; images * in_image];
                let mut wanted_kernel = vec![0.0; taps * channels];
                for image in 0..images {
                    reference::backward(
                        &window,
                        channels,
                        &wide(&input[image * in_image..][..in_image]),
                        &wide(&kernel),
                        &wide(&gradient[image * out_image..][..out_image]),
                        Some(&mut wanted_input[image * in_image..][..in_image]),
                        Some(&mut wanted_kernel),
                        None,
                    );
                }
                for isa in Isa::available() {
                    let layer = TrainingDepthwise::new(isa, &window, channels, 2);
                    let (mut below, mut weights) = (input.clone(), vec![0.0; kernel.len()]);
                    let gradients = Gradients {
                        input: Some((&mut below, false)),
                        sums: None,
                        kernel: Some(&mut weights),
                        bias: None,
                    };
                    let mut scratch = vec![f32::NAN; layer.backward_scratch()];
                    layer.backward(
                        &Pool::new(2),
                        images,
                        Normed::plain(&input),
                        &kernel,
                        Above::plain(&gradient),
                        gradients,
                        &mut scratch,
                    );
                    let what = format!("{isa} {window:?} {channels}");
                    assert_near(&below, &wanted_input, &what);
                    assert_near(&weights, &wanted_kernel, &what);
                }
            }
        }
    }
}
