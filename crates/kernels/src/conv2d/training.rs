//! Convolutions while training: forward with the statistics of a batch norm that follows, backward to
//! input and weights in one pass over the rows, so that each value is fetched from memory once.
use super::layout::{lines, spread};
use super::winograd::training::Winograd;
use crate::batch_norm::training::{finish_statistics, partial_values};
use crate::gemm::{Epilogue, Layout, Outer, SharedOutput, Source, add_outer, gather};
use crate::normed::{self, Above, Normed};
use crate::share::share;
use crate::{Isa, Window};
use std::ops::Range;
use tensor::Pool;

/// f32 of input, gradient and products that a block of rows may have together: they stay in a small
/// second-level cache (512 KiB) beside the weights at work.
const BLOCK_VALUES: usize = 40 * 1024;

/// Least rows of a block: fewer would not pay for reading the weights.
const LEAST_ROWS: usize = 48;

/// A convolution that is trained, for a set of instructions. Its weights are given to each call.
#[derive(Clone, Debug)]
pub struct TrainingConv2d {
    isa: Isa,
    window: Window,
    channels: usize,
    filters: usize,
    threads: usize,
    forward: Layout,
    backward: Layout,
    below: Below,
    /// Where it is faster: how both directions are computed.
    winograd: Option<Winograd>,
    zeros: Vec<f32>,
    /// The window of the product that gives the input's gradient, where it is a convolution.
    flipped: Window,
}

/// How the input's gradient is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    /// By a product over rows: a window of one pixel.
    Pointwise,
    /// By Winograd's transforms.
    Tiles,
    /// By a convolution of the gradient with the flipped kernel: stride 1.
    Flipped,
    /// By a product that gives each window's gradient, and their sums.
    Windows,
}

/// The statistics of a convolution's output, and where they go.
#[derive(Debug)]
pub struct Statistics<'a> {
    /// `[C]`
    pub mean: &'a mut [f32],
    /// `[C]`, biased.
    pub variance: &'a mut [f32],
}

/// Where the gradients of a backward pass go; each is wanted or not.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// The input's, and whether it is added to what is there. Where the input has a norm or an
    /// activation it is the gradient of what the activation was given.
    pub input: Option<(&'a mut [f32], bool)>,
    /// The sums `[2, C]` that the input's batch norm needs.
    pub sums: Option<&'a mut [f32]>,
    /// The kernel's, added to what is there.
    pub kernel: Option<&'a mut [f32]>,
    /// The bias's, added to what is there.
    pub bias: Option<&'a mut [f32]>,
}

/// f32 of the memory of a backward pass.
#[derive(Clone, Copy, Debug)]
struct Places {
    /// Of the packed weights, at the start.
    weights: usize,
    /// Of the transformed weights, after these.
    transformed: usize,
    /// Zeros for biases, after these.
    bias: usize,
    /// Of each part.
    part: usize,
    // Within a part:
    input: usize,
    gradient: usize,
    /// Or tiles.
    windows: usize,
    kernel: usize,
    sums: usize,
    bias_sums: usize,
}

impl TrainingConv2d {
    /// For a window over images of `channels`, and up to `threads` threads.
    pub fn new(
        isa: Isa,
        window: &Window,
        channels: usize,
        filters: usize,
        threads: usize,
    ) -> TrainingConv2d {
        let taps = window.kernel_height * window.kernel_width;
        let winograd = Winograd::suits(window, channels, filters)
            .then(|| Winograd::new(isa, window, channels, filters));
        let below = if window.is_pointwise() {
            Below::Pointwise
        } else if winograd.is_some() {
            Below::Tiles
        } else if (window.stride_height, window.stride_width) == (1, 1)
            && window.pad_top < window.kernel_height
            && window.pad_left < window.kernel_width
        {
            Below::Flipped
        } else {
            Below::Windows
        };
        let backward = match below {
            Below::Pointwise => Layout::new(isa, filters, channels),
            Below::Flipped | Below::Tiles => Layout::new(isa, taps * filters, channels),
            Below::Windows => Layout::new(isa, filters, taps * channels),
        };
        let flipped = Window {
            in_height: window.out_height,
            in_width: window.out_width,
            out_height: window.in_height,
            out_width: window.in_width,
            pad_top: (window.kernel_height - 1).wrapping_sub(window.pad_top),
            pad_left: (window.kernel_width - 1).wrapping_sub(window.pad_left),
            ..*window
        };
        TrainingConv2d {
            isa,
            window: *window,
            channels,
            filters,
            threads: threads.max(1),
            forward: Layout::new(isa, taps * channels, filters),
            backward,
            below,
            winograd,
            zeros: vec![0.0; window.kernel_width * channels.max(filters)],
            flipped,
        }
    }

    fn taps(&self) -> usize {
        self.window.kernel_height * self.window.kernel_width
    }

    fn is_pointwise(&self) -> bool {
        self.below == Below::Pointwise
    }

    /// Images that are worked on together, where the window is of several pixels.
    fn group(&self) -> usize {
        self.winograd.as_ref().map_or(1, Winograd::images)
    }

    fn in_pixels(&self) -> usize {
        self.window.in_height * self.window.in_width
    }

    fn out_pixels(&self) -> usize {
        self.window.out_height * self.window.out_width
    }

    /// Rows of a block that has `values` f32 a row.
    fn block(values: usize) -> usize {
        (BLOCK_VALUES / values.max(1)).clamp(LEAST_ROWS, 768)
    }

    fn forward_block(&self) -> usize {
        Self::block(self.channels + self.filters)
    }

    fn backward_block(&self) -> usize {
        match self.below {
            Below::Pointwise => Self::block(2 * (self.channels + self.filters)),
            _ => Self::block(self.taps() * self.channels + self.filters),
        }
    }

    fn forward_part(&self) -> usize {
        let input = if self.is_pointwise() {
            self.forward_block() * spread(self.channels)
        } else {
            self.group() * self.in_pixels() * self.channels
        };
        let tiles = self.winograd.as_ref().map_or(0, Winograd::values);
        lines(input) + tiles + lines(partial_values(self.filters))
    }

    /// f32 that [`TrainingConv2d::forward`] works in.
    pub fn forward_scratch(&self) -> usize {
        let transformed = self.winograd.as_ref().map_or(0, Winograd::forward_weights);
        lines(self.forward.weight_values())
            + lines(self.forward.padded_outputs())
            + transformed
            + self.threads * self.forward_part()
    }

    fn places(&self) -> Places {
        let block = self.backward_block();
        let lanes = self.isa.lanes();
        let (channels, filters) = (self.channels, self.filters);
        let padded = filters.next_multiple_of(lanes);
        let depth = self.taps() * channels;
        let weights = lines(self.backward.weight_values());
        let bias = lines(self.backward.padded_outputs());
        let images = [
            self.group() * self.in_pixels() * channels,
            // The last row's vectors may reach beyond it.
            self.group() * self.out_pixels() * filters + lanes,
        ];
        let ([input, gradient], windows, kernel) = match (self.below, &self.winograd) {
            (Below::Pointwise, _) => {
                let block = [block * spread(channels), block * spread(padded)];
                (block, 0, depth * padded)
            }
            (_, Some(winograd)) => (images, winograd.values(), winograd.kernel_values()),
            _ => {
                let windows = block * (spread(depth) + spread(padded));
                (images, windows, depth * padded)
            }
        };
        let transformed = self.winograd.as_ref();
        let mut at = 0;
        let mut take = |values: usize| {
            let start = at;
            at += lines(values);
            start
        };
        let places = Places {
            weights,
            transformed: transformed.map_or(0, Winograd::backward_weights),
            bias,
            part: 0,
            input: take(input),
            gradient: take(gradient),
            windows: take(windows),
            kernel: take(kernel),
            sums: take(2 * channels),
            bias_sums: take(padded),
        };
        Places {
            part: take(0),
            ..places
        }
    }

    /// f32 that [`TrainingConv2d::backward`] works in.
    pub fn backward_scratch(&self) -> usize {
        let places = self.places();
        places.weights + places.transformed + places.bias + self.threads * places.part
    }

    fn source<'a>(&'a self, input: &'a [f32], window: &'a Window, channels: usize) -> Source<'a> {
        Source {
            input,
            first_row: 0,
            zeros: &self.zeros,
            window,
            channels,
            flat: window.is_pointwise(),
            stride: channels,
        }
    }

    /// `output = convolution of what readers see of input (+ bias)` for `images` images, and the
    /// statistics of it where they are wanted. `kernel` is `[KH, KW, C, OC]`.
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
        let (channels, filters) = (self.channels, self.filters);
        input.check(images * self.in_pixels() * channels, channels);
        assert_eq!(
            output.len(),
            images * self.out_pixels() * filters,
            "the output"
        );
        assert!(scratch.len() >= self.forward_scratch(), "memory to work in");
        let (weights, rest) = scratch.split_at_mut(lines(self.forward.weight_values()));
        let weights = &mut weights[..self.forward.weight_values()];
        let (padded, rest) = rest.split_at_mut(lines(self.forward.padded_outputs()));
        let padded = &mut padded[..self.forward.padded_outputs()];
        padded.fill(0.0);
        if let Some(bias) = bias {
            padded[..filters].copy_from_slice(bias);
        }
        let transformed = self.winograd.as_ref().map_or(0, Winograd::forward_weights);
        let (transformed, rest) = rest.split_at_mut(transformed);
        let points = SharedOutput::new(transformed.as_mut_ptr());
        let target = SharedOutput::new(weights.as_mut_ptr());
        let threads = pool.threads();
        pool.run(threads, &|part| {
            // SAFETY: the weights have their places, and each part its panels.
            unsafe {
                let share = (part, threads);
                self.forward.pack(share, kernel, target);
                if let Some(winograd) = &self.winograd {
                    let (packed, points) = (target.pointer(), points.pointer());
                    winograd.transform_weights(true, share, packed, points);
                }
            }
        });
        let (transformed, bias) = (&*transformed, &*padded);
        let packed = self.forward.packed(weights, bias);
        // What is shared out: rows, or images.
        let (all, each) = if self.is_pointwise() {
            (images * self.in_pixels(), 1)
        } else {
            (images, self.out_pixels())
        };
        let parts = threads.min(self.threads).min(all);
        let own = self.forward_part();
        let wanted = statistics.is_some();
        let output = SharedOutput::new(output.as_mut_ptr());
        let partials = partial_values(filters);
        let input_values = own - lines(partials);
        let tile_values = self.winograd.as_ref().map_or(0, Winograd::values);
        pool.for_each_chunk(&mut rest[..parts * own], own, |part, memory| {
            let (buffer, partial) = memory.split_at_mut(input_values);
            let (shift, sums) = partial[..partials].split_at_mut(filters);
            sums.fill(0.0);
            let mut fresh = wanted;
            let mut count = |rows: Range<usize>| {
                // SAFETY: these rows of the output are this part's, and were written before.
                unsafe {
                    let values = output.pointer().cast_const();
                    if fresh {
                        let first = values.add(rows.start * filters);
                        shift.copy_from_slice(std::slice::from_raw_parts(first, filters));
                        fresh = false;
                    }
                    if wanted {
                        let (shift, sums) = (shift.as_ptr(), sums.as_mut_ptr());
                        normed::add_statistics(self.isa, values, filters, rows, shift, sums);
                    }
                }
            };
            let block = self.forward_block();
            if self.is_pointwise() {
                let rows = share(all, part, parts);
                let mut first = rows.start;
                while first < rows.end {
                    let end = (first + block).min(rows.end);
                    let mut source = self.source(&[], &self.window, channels);
                    if input.is_plain() {
                        source.input = &input.values[first * channels..end * channels];
                    } else {
                        source.stride = spread(channels);
                        // SAFETY: the buffer has room for a block's rows.
                        unsafe {
                            let target = buffer.as_mut_ptr();
                            let rows = first..end;
                            normed::read_rows(
                                self.isa,
                                &input,
                                channels,
                                rows,
                                target,
                                source.stride,
                            );
                        }
                        source.input = buffer;
                    }
                    // SAFETY: the source has the block's rows, the output these of this part.
                    unsafe {
                        let target = output.pointer().add(first * filters);
                        let target = SharedOutput::new(target);
                        packed.run(
                            &source,
                            0,
                            0..end - first,
                            std::ptr::null(),
                            target,
                            Epilogue::NONE,
                        );
                    }
                    count(first..end);
                    first = end;
                }
            } else {
                let (buffer, tiles) = buffer.split_at_mut(buffer.len() - tile_values);
                let own = share(all, part, parts);
                for image in own.clone().step_by(self.group()) {
                    let count_images = self.group().min(own.end - image);
                    let pixels = self.in_pixels();
                    let rows = image * pixels..(image + count_images) * pixels;
                    let seen = if input.is_plain() {
                        &input.values[rows.start * channels..rows.end * channels]
                    } else {
                        // SAFETY: the buffer has room for the images.
                        unsafe {
                            let target = buffer.as_mut_ptr();
                            normed::read_rows(self.isa, &input, channels, rows, target, channels);
                        }
                        &*buffer
                    };
                    if let Some(winograd) = &self.winograd {
                        // SAFETY: the source has the images, the output their pixels.
                        unsafe {
                            let target = output.pointer().add(image * each * filters);
                            let memory = tiles.as_mut_ptr();
                            let (seen, images) = (seen.as_ptr(), count_images);
                            winograd.forward(transformed, bias, images, seen, target, memory);
                        }
                        count(image * each..(image + count_images) * each);
                        continue;
                    }
                    let source = self.source(seen, &self.window, channels);
                    let mut first = 0;
                    while first < each {
                        let end = (first + block).min(each);
                        // SAFETY: the source has the image, the output its pixels.
                        unsafe {
                            let target = output.pointer().add(image * each * filters);
                            let target = SharedOutput::new(target);
                            packed.run(
                                &source,
                                0,
                                first..end,
                                std::ptr::null(),
                                target,
                                Epilogue::NONE,
                            );
                        }
                        count(image * each + first..image * each + end);
                        first = end;
                    }
                }
            }
        });
        if let Some(Statistics { mean, variance }) = statistics {
            let partial = |part: usize| {
                let count = share(all, part, parts).len() * each;
                (count, &rest[part * own + input_values..][..partials])
            };
            finish_statistics(parts, partial, mean, variance);
        }
    }

    /// The gradients of [`TrainingConv2d::forward`]; `input` is what it was given.
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
        let (channels, filters) = (self.channels, self.filters);
        let in_values = images * self.in_pixels() * channels;
        input.check(in_values, channels);
        above.check(images * self.out_pixels() * filters, filters);
        assert!(
            scratch.len() >= self.backward_scratch(),
            "memory to work in"
        );
        let places = self.places();
        let (weights, rest) = scratch.split_at_mut(places.weights);
        let weights = &mut weights[..self.backward.weight_values()];
        let (transformed, rest) = rest.split_at_mut(places.transformed);
        let (zeros, rest) = rest.split_at_mut(places.bias);
        let zeros = &mut zeros[..self.backward.padded_outputs()];
        zeros.fill(0.0);
        let threads = pool.threads();
        if gradients.input.is_some() {
            let target = SharedOutput::new(weights.as_mut_ptr());
            let points = SharedOutput::new(transformed.as_mut_ptr());
            let taps = match self.below {
                Below::Pointwise | Below::Windows => (1, false),
                Below::Tiles => (self.taps(), false),
                Below::Flipped => (self.taps(), true),
            };
            pool.run(threads, &|part| {
                // SAFETY: the weights have their places, and each part its panels.
                unsafe {
                    let share = (part, threads);
                    self.backward.pack_transposed(share, taps, kernel, target);
                    if let Some(winograd) = &self.winograd {
                        let (packed, points) = (target.pointer(), points.pointer());
                        winograd.transform_weights(false, share, packed, points);
                    }
                }
            });
        }
        let (below, add) = match &mut gradients.input {
            Some((below, add)) => {
                assert_eq!(below.len(), in_values, "the input's gradient");
                (Some(SharedOutput::new(below.as_mut_ptr())), *add)
            }
            None => (None, false),
        };
        let pass = Pass {
            conv: self,
            input,
            above,
            packed: self.backward.packed(weights, zeros),
            transformed,
            below,
            add,
            kernel: gradients.kernel.is_some(),
            bias: gradients.bias.is_some(),
            sums: gradients.sums.is_some(),
            places,
        };
        let all = if self.is_pointwise() {
            images * self.in_pixels()
        } else {
            images
        };
        let parts = threads.min(self.threads).min(all);
        pool.for_each_chunk(
            &mut rest[..parts * places.part],
            places.part,
            |part, memory| {
                memory[places.kernel..].fill(0.0);
                let share = share(all, part, parts);
                if self.is_pointwise() {
                    pass.rows(share, memory);
                } else {
                    for image in share.clone().step_by(self.group()) {
                        let end = (image + self.group()).min(share.end);
                        pass.images(image..end, memory);
                    }
                }
            },
        );
        let parts = &rest[..parts * places.part];
        let padded = filters.next_multiple_of(self.isa.lanes());
        let sum = |place: usize, values: &mut [f32]| {
            for part in parts.chunks_exact(places.part) {
                crate::elementwise::add_assign(self.isa, values, &part[place..][..values.len()]);
            }
        };
        if let (Some(winograd), Some(gradient)) = (&self.winograd, &mut gradients.kernel) {
            let place = (places.part, places.kernel);
            winograd.add_kernel_gradient(pool, parts, place, gradient);
        } else if let Some(gradient) = gradients.kernel {
            assert_eq!(gradient.len(), kernel.len(), "the kernel's gradient");
            let rows = gradient.len() / filters;
            let target = SharedOutput::new(gradient.as_mut_ptr());
            pool.run(threads, &|part| {
                for row in share(rows, part, threads) {
                    // SAFETY: the parts' rows lie apart, inside of the gradient.
                    let gradient = unsafe {
                        let start = target.pointer().add(row * filters);
                        std::slice::from_raw_parts_mut(start, filters)
                    };
                    sum(places.kernel + row * padded, gradient);
                }
            });
        }
        if let Some(gradient) = gradients.bias {
            assert_eq!(gradient.len(), filters, "the bias's gradient");
            sum(places.bias_sums, gradient);
        }
        if let Some(sums) = gradients.sums {
            assert_eq!(sums.len(), 2 * channels, "the sums");
            sums.fill(0.0);
            sum(places.sums, sums);
        }
    }
}

/// A backward pass of one convolution.
struct Pass<'a> {
    conv: &'a TrainingConv2d,
    input: Normed<'a>,
    above: Above<'a>,
    packed: crate::gemm::Packed<'a>,
    transformed: &'a [f32],
    below: Option<SharedOutput>,
    add: bool,
    kernel: bool,
    bias: bool,
    sums: bool,
    places: Places,
}

impl Pass<'_> {
    fn sums(&self, memory: &mut [f32]) -> *mut f32 {
        if self.sums {
            memory[self.places.sums..].as_mut_ptr()
        } else {
            std::ptr::null_mut()
        }
    }

    /// Rows of a window of one pixel.
    fn rows(&self, rows: Range<usize>, memory: &mut [f32]) {
        let conv = self.conv;
        let (isa, channels, filters) = (conv.isa, conv.channels, conv.filters);
        let padded = filters.next_multiple_of(isa.lanes());
        let (in_stride, out_stride) = (spread(channels), spread(padded));
        let block = conv.backward_block();
        let sums = self.sums(memory);
        let mut first = rows.start;
        while first < rows.end {
            let end = (first + block).min(rows.end);
            let base = memory.as_mut_ptr();
            // SAFETY: the places of a part lie apart and have room for a block; the rows of the
            // tensors are this part's.
            unsafe {
                let gradient = base.add(self.places.gradient);
                normed::read_gradient(
                    isa,
                    &self.above,
                    filters,
                    first..end,
                    gradient,
                    out_stride,
                    false,
                );
                if self.bias {
                    let sums = base.add(self.places.bias_sums);
                    add_columns(gradient, out_stride, end - first, filters, sums);
                }
                if self.kernel {
                    let input = base.add(self.places.input);
                    normed::read_rows(isa, &self.input, channels, first..end, input, in_stride);
                    let outer = Outer {
                        rows: end - first,
                        left: input,
                        left_stride: in_stride,
                        inputs: channels,
                        right: gradient,
                        right_stride: out_stride,
                        vectors: padded / isa.lanes(),
                        sums: base.add(self.places.kernel),
                        sums_stride: padded,
                    };
                    add_outer(isa, &outer);
                }
                if let Some(below) = self.below {
                    let mut source = conv.source(&[], &conv.window, filters);
                    source.stride = out_stride;
                    let length = (end - first) * out_stride;
                    source.input = std::slice::from_raw_parts(gradient, length);
                    let target = below.pointer().add(first * channels);
                    self.product(&source, end - first, target);
                    let below = below.pointer();
                    normed::finish_below(isa, &self.input, channels, first..end, below, sums);
                }
            }
            first = end;
        }
    }

    /// # Safety
    /// `target` must be valid for the pixels' outputs.
    unsafe fn product(&self, source: &Source<'_>, pixels: usize, target: *mut f32) {
        let residual = if self.add {
            target.cast_const()
        } else {
            std::ptr::null()
        };
        let target = SharedOutput::new(target);
        // SAFETY: as the caller vouches; a residual is read before its place is written.
        unsafe {
            self.packed
                .run(source, 0, 0..pixels, residual, target, Epilogue::NONE)
        };
    }

    /// Images of a window of several pixels: a group, or less.
    fn images(&self, images: Range<usize>, memory: &mut [f32]) {
        let conv = self.conv;
        let (isa, channels, filters) = (conv.isa, conv.channels, conv.filters);
        let (in_pixels, out_pixels) = (conv.in_pixels(), conv.out_pixels());
        let sums = self.sums(memory);
        let base = memory.as_mut_ptr();
        let rows = images.start * in_pixels..images.end * in_pixels;
        let above = images.start * out_pixels..images.end * out_pixels;
        // SAFETY: the places of a part lie apart and have room for a group; the images' rows of the
        // tensors are this part's.
        unsafe {
            let gradient = base.add(self.places.gradient);
            let above_rows = above.len();
            normed::read_gradient(isa, &self.above, filters, above, gradient, filters, false);
            if self.bias {
                let sums = base.add(self.places.bias_sums);
                add_columns(gradient, filters, above_rows, filters, sums);
            }
            let gradient = std::slice::from_raw_parts(gradient, above_rows * filters);
            let seen = if !self.kernel {
                None
            } else if self.input.is_plain() {
                Some(&self.input.values[rows.start * channels..rows.end * channels])
            } else {
                let input = base.add(self.places.input);
                let rows = rows.clone();
                let length = rows.len() * channels;
                normed::read_rows(isa, &self.input, channels, rows, input, channels);
                Some(std::slice::from_raw_parts(input, length))
            };
            match &conv.winograd {
                Some(winograd) => {
                    let memory = base.add(self.places.windows);
                    let kernel = seen.map(|seen| (seen.as_ptr(), base.add(self.places.kernel)));
                    let below = self.below.map(|below| {
                        let target = below.pointer().add(rows.start * channels);
                        if !self.add {
                            std::slice::from_raw_parts_mut(target, rows.len() * channels).fill(0.0);
                        }
                        (self.transformed, target)
                    });
                    let (images, gradient) = (images.len(), gradient.as_ptr());
                    winograd.backward(images, gradient, kernel, below, memory);
                }
                None => self.windows(images.start, gradient, seen, base),
            }
            if let Some(below) = self.below {
                let below = below.pointer();
                normed::finish_below(isa, &self.input, channels, rows, below, sums);
            }
        }
    }

    /// The gradients of an image, by its windows.
    ///
    /// # Safety
    /// `gradient` and `seen` must be the image's, and `base` the part's memory.
    unsafe fn windows(&self, image: usize, gradient: &[f32], seen: Option<&[f32]>, base: *mut f32) {
        let conv = self.conv;
        let (isa, channels, filters) = (conv.isa, conv.channels, conv.filters);
        let (in_pixels, out_pixels) = (conv.in_pixels(), conv.out_pixels());
        let lanes = isa.lanes();
        let padded = filters.next_multiple_of(lanes);
        let depth = conv.taps() * channels;
        // SAFETY: as the caller vouches.
        unsafe {
            if let Some(seen) = seen {
                let source = conv.source(seen, &conv.window, channels);
                let (in_stride, out_stride) = (spread(depth), spread(padded));
                let windows = base.add(self.places.windows);
                let spread_rows = windows.add(conv.backward_block() * in_stride);
                let values = Normed::plain(gradient);
                let mut first = 0;
                while first < out_pixels {
                    let end = (first + conv.backward_block()).min(out_pixels);
                    let count = end - first;
                    let target = std::slice::from_raw_parts_mut(windows, count * in_stride);
                    gather(isa, &source, 0, first..end, target, in_stride);
                    normed::read_rows(isa, &values, filters, first..end, spread_rows, out_stride);
                    let outer = Outer {
                        rows: count,
                        left: windows,
                        left_stride: in_stride,
                        inputs: depth,
                        right: spread_rows,
                        right_stride: out_stride,
                        vectors: padded / lanes,
                        sums: base.add(self.places.kernel),
                        sums_stride: padded,
                    };
                    add_outer(isa, &outer);
                    first = end;
                }
            }
            let Some(below) = self.below else { return };
            let below = below.pointer();
            let target = below.add(image * in_pixels * channels);
            if conv.below == Below::Flipped {
                let source = conv.source(gradient, &conv.flipped, filters);
                self.product(&source, in_pixels, target);
            } else {
                let target = std::slice::from_raw_parts_mut(target, in_pixels * channels);
                if !self.add {
                    target.fill(0.0);
                }
                let windows = base.add(self.places.windows);
                let mut source = conv.source(gradient, &conv.window, filters);
                source.flat = true;
                let mut first = 0;
                while first < out_pixels {
                    let end = (first + conv.backward_block()).min(out_pixels);
                    source.input = &gradient[first * filters..end * filters];
                    let products = SharedOutput::new(windows);
                    let none = std::ptr::null();
                    self.packed
                        .run(&source, 0, 0..end - first, none, products, Epilogue::NONE);
                    let windows = std::slice::from_raw_parts(windows, (end - first) * depth);
                    conv.scatter(first..end, windows, target);
                    first = end;
                }
            }
        }
    }
}

impl TrainingConv2d {
    /// Adds the windows of output pixels to the image that they are of.
    fn scatter(&self, pixels: Range<usize>, windows: &[f32], image: &mut [f32]) {
        let window = &self.window;
        let channels = self.channels;
        let depth = self.taps() * channels;
        for (pixel, values) in pixels.zip(windows.chunks_exact(depth)) {
            let (y, x) = (pixel / window.out_width, pixel % window.out_width);
            for i in 0..window.kernel_height {
                let Some(row) = window.input_row(y, i) else {
                    continue;
                };
                for j in 0..window.kernel_width {
                    let Some(column) = window.input_column(x, j) else {
                        continue;
                    };
                    let from = &values[(i * window.kernel_width + j) * channels..][..channels];
                    let to = &mut image[(row * window.in_width + column) * channels..][..channels];
                    for (to, from) in to.iter_mut().zip(from) {
                        *to += from;
                    }
                }
            }
        }
    }
}

/// `sums[c] += sum over r of values[r, c]`, rows every `stride`.
///
/// # Safety
/// The rows must be readable and the sums writable.
unsafe fn add_columns(
    values: *const f32,
    stride: usize,
    rows: usize,
    channels: usize,
    sums: *mut f32,
) {
    // SAFETY: as the caller vouches.
    unsafe {
        let sums = std::slice::from_raw_parts_mut(sums, channels);
        for row in 0..rows {
            let values = std::slice::from_raw_parts(values.add(row * stride), channels);
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value;
            }
        }
    }
}
