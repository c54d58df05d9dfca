//! Winograd's minimal filtering F(2x2, 3x3): a convolution of 3x3 windows and its gradients with
//! 2.25 times fewer multiplications. The gradients are those of its formula, exactly: each matrix is
//! passed the other way round.

use super::lines::Line;
use super::lines::{Input, InputBack, Kernel, KernelBack, Output, OutputBack};
use super::{Grid, Product, Read, TAPS, Write, fits, square, tiles};
use crate::Window;
use crate::conv2d::layout::{lines, spread};
use crate::gemm::{Layout, Outer, SharedOutput, add_outer};
use crate::isa::{Isa, Simd, Work};
use crate::normed::{Vectors, load_some, over_channels, store_some};
use crate::share::share;
use std::marker::PhantomData;
use std::ops::Range;
use tensor::Pool;

/// The values of a tile along one side, and of all of it.
const SIDE: usize = 4;
const POINTS: usize = SIDE * SIDE;

/// The outputs of a tile along one side.
const OUTPUTS: usize = 2;

/// The point of row 1 and column 1, which both columns of A take with the factor 1: what is added to
/// its product is added to all four outputs of a tile, so the bias costs nothing there.
const CENTRE: usize = 5;

/// f32 of transformed input and output that a block of tiles may have: written by one transform, read
/// by sixteen products and by the other transform, so they should not leave the second-level cache.
const BLOCK_VALUES: usize = 96 * 1024;

/// Least tiles of a block: fewer would not pay for reading the weights.
const LEAST_TILES: usize = 64;

/// What a convolution's products need to be computed by tiles.
#[derive(Clone, Debug)]
pub(in crate::conv2d) struct Winograd {
    isa: Isa,
    channels: usize,
    filters: usize,
    /// The input, its tiles' corners as far outside as the padding.
    below: Grid,
    /// The output.
    above: Grid,
    /// The product of each point, from channels to filters and back.
    forward: Layout,
    backward: Layout,
    zeros: Vec<f32>,
}

/// f32 of the memory that a block of tiles is worked on in.
#[derive(Clone, Copy, Debug)]
struct Block {
    tiles: usize,
    /// From one point to the next, of the side below (channels) and above (filters).
    below: usize,
    above: usize,
}

impl Winograd {
    /// Whether a convolution is faster this way: it [`fits`] and no more than a quarter of the tiles' outputs lost outside of the image.
    pub fn suits(window: &Window, channels: usize, filters: usize) -> bool {
        let outputs = tiles(window, OUTPUTS).map(|side| side * OUTPUTS);
        let pixels = window.out_height * window.out_width;
        fits(window, channels, filters) && 3 * outputs[0] * outputs[1] <= 4 * pixels
    }

    pub fn new(isa: Isa, window: &Window, channels: usize, filters: usize) -> Winograd {
        let [below, above] = Grid::pair(isa, window, [channels, filters], OUTPUTS);
        Winograd {
            isa,
            channels,
            filters,
            below,
            above,
            forward: Layout::new(isa, channels, above.padded),
            backward: Layout::new(isa, filters, below.padded),
            zeros: vec![0.0; below.padded.max(above.padded)],
        }
    }

    fn block(&self) -> Block {
        let values = POINTS * (self.below.padded + self.above.padded);
        let tiles = (BLOCK_VALUES / values).max(LEAST_TILES);
        Block {
            tiles,
            below: spread(tiles * self.below.padded),
            above: spread(tiles * self.above.padded),
        }
    }

    /// The images that are worked on together: one, or as many small ones as make a block.
    pub fn images(&self) -> usize {
        (self.block().tiles / self.below.tiles()).max(1)
    }

    /// f32 of the transformed weights of a forward and of a backward pass.
    pub fn forward_weights(&self) -> usize {
        POINTS * spread(self.forward.weight_values())
    }

    pub fn backward_weights(&self) -> usize {
        POINTS * spread(self.backward.weight_values())
    }

    /// f32 that [`Winograd::forward`] and [`Winograd::backward`] work in.
    pub fn values(&self) -> usize {
        let block = self.block();
        POINTS * (block.below + block.above) + lines(self.zeros.len())
    }

    /// f32 of the kernel's gradient at the points, and from one to the next.
    pub fn kernel_values(&self) -> usize {
        POINTS * self.kernel_slice()
    }

    fn kernel_slice(&self) -> usize {
        spread(self.channels * self.above.padded)
    }

    /// Turns a part's share of a kernel into values at the points, for the forward pass or the
    /// backward. `packed` is packed for all nine taps: forward `[9, C]` to `[OC]`, backward `[9, OC]`
    /// to `[C]`.
    ///
    /// # Safety
    /// `packed` must hold the part's share, `target` be valid for the transformed weights, the
    /// share with no other user.
    pub unsafe fn transform_weights(
        &self,
        is_forward: bool,
        part: (usize, usize),
        packed: *const f32,
        target: *mut f32,
    ) {
        let layout = if is_forward {
            &self.forward
        } else {
            &self.backward
        };
        // The transform works on each pair of channel and filter by itself, so panels that are packed
        // for the product become panels of the same layout, one for each point.
        for panel in layout.share_of_weights(part) {
            self.isa.run(TransformWeights {
                packed: packed.wrapping_add(TAPS * TAPS * panel.start),
                target: target.wrapping_add(panel.start),
                length: panel.len(),
                slice: spread(layout.weight_values()),
            });
        }
    }

    /// Computes whole images. `weights` are the transformed ones, `bias` is padded to whole vectors.
    ///
    /// # Safety
    /// `input` must be readable and `output` writable for all of the images, `memory` valid for
    /// [`Winograd::values`]; the latter two with no other user.
    pub unsafe fn forward(
        &self,
        weights: &[f32],
        bias: &[f32],
        images: usize,
        input: *const f32,
        output: *mut f32,
        memory: *mut f32,
    ) {
        let block = self.block();
        let slice = spread(self.forward.weight_values());
        let (below, above) = (memory, memory.wrapping_add(POINTS * block.below));
        let outside = above.wrapping_add(POINTS * block.above);
        for tiles in self.blocks(images) {
            self.read::<Input, SIDE>(&self.below, &tiles, input, (below, block.below));
            // Point by point, so that its weights stay in the first-level cache for all tiles.
            for point in 0..POINTS {
                let weights = &weights[point * slice..][..self.forward.weight_values()];
                let bias = if point == CENTRE {
                    bias
                } else {
                    &self.zeros[..self.above.padded]
                };
                // SAFETY: the places of the point have room for a block.
                unsafe {
                    let product = Product {
                        packed: self.forward.packed(weights, bias),
                        rows: below.add(point * block.below),
                        grid: &self.below,
                        zeros: &self.zeros,
                    };
                    product.run(tiles.len(), above.add(point * block.above));
                }
            }
            self.isa.run(Write::<Output, SIDE, OUTPUTS> {
                grid: &self.above,
                tiles,
                source: above,
                slice: block.above,
                images: output,
                outside,
                add: false,
                line: PhantomData,
            });
        }
    }

    /// Adds the gradients of whole images: of the kernel, at the points, to `kernel` (with the input),
    /// of the input to `below` (with the transformed weights).
    ///
    /// # Safety
    /// `input` and `gradient` must be readable and `below` writable for all of the images, `kernel`
    /// be valid for [`Winograd::kernel_values`], `memory` for [`Winograd::values`]; what is written
    /// with no other user.
    pub unsafe fn backward(
        &self,
        images: usize,
        gradient: *const f32,
        kernel: Option<(*const f32, *mut f32)>,
        input: Option<(&[f32], *mut f32)>,
        memory: *mut f32,
    ) {
        let block = self.block();
        let slice = spread(self.backward.weight_values());
        let (below, above) = (memory, memory.wrapping_add(POINTS * block.below));
        let outside = above.wrapping_add(POINTS * block.above);
        for tiles in self.blocks(images) {
            let target = (above, block.above);
            self.read::<OutputBack, OUTPUTS>(&self.above, &tiles, gradient, target);
            if let Some((values, _)) = kernel {
                self.read::<Input, SIDE>(&self.below, &tiles, values, (below, block.below));
            }
            for point in 0..POINTS {
                let left = below.wrapping_add(point * block.below);
                let right = above.wrapping_add(point * block.above);
                if let Some((_, sums)) = kernel {
                    let outer = Outer {
                        rows: tiles.len(),
                        left,
                        left_stride: self.below.padded,
                        inputs: self.channels,
                        right,
                        right_stride: self.above.padded,
                        vectors: self.above.padded / self.isa.lanes(),
                        sums: sums.wrapping_add(point * self.kernel_slice()),
                        sums_stride: self.above.padded,
                    };
                    // SAFETY: the places of the point have room for a block and for the sums.
                    unsafe { add_outer(self.isa, &outer) };
                }
                if let Some((weights, _)) = input {
                    let weights = &weights[point * slice..][..self.backward.weight_values()];
                    let bias = &self.zeros[..self.below.padded];
                    let product = Product {
                        packed: self.backward.packed(weights, bias),
                        rows: right,
                        grid: &self.above,
                        zeros: &self.zeros,
                    };
                    // SAFETY: as above; the input at this point is no longer needed, its gradient
                    // takes its place.
                    unsafe { product.run(tiles.len(), left) };
                }
            }
            if let Some((_, target)) = input {
                self.isa.run(Write::<InputBack, SIDE, SIDE> {
                    grid: &self.below,
                    tiles,
                    source: below,
                    slice: block.below,
                    images: target,
                    outside,
                    add: true,
                    line: PhantomData,
                });
            }
        }
    }

    /// Turns squares of some tiles of `images` into values at the points, `slice` f32 from one point
    /// to the next.
    ///
    /// Whoever calls vouches for the pointers: `images` readable for the images of the tiles, `target`
    /// writable for the points of all tiles.
    fn read<L: Line<FROM, SIDE>, const FROM: usize>(
        &self,
        grid: &Grid,
        tiles: &Range<usize>,
        images: *const f32,
        (target, slice): (*mut f32, usize),
    ) {
        self.isa.run(Read::<L, FROM, SIDE> {
            grid,
            tiles: tiles.clone(),
            images,
            outside: self.zeros.as_ptr(),
            target,
            slice,
            line: PhantomData,
        });
    }

    /// The tiles of some images, in blocks of about the same size.
    fn blocks(&self, images: usize) -> impl Iterator<Item = Range<usize>> {
        let all = images * self.below.tiles();
        let blocks = all.div_ceil(self.block().tiles);
        (0..blocks).map(move |block| share(all, block, blocks))
    }

    /// Adds the kernel's gradient: the sum of those at the points that each part of `stride` f32 has
    /// at `place`, to `gradient`, `[3, 3, C, OC]`.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn add_kernel_gradient(
        &self,
        pool: &Pool,
        parts: &[f32],
        (stride, place): (usize, usize),
        gradient: &mut [f32],
    ) {
        assert_eq!(
            gradient.len(),
            TAPS * TAPS * self.channels * self.filters,
            "the kernel's gradient"
        );
        assert!(place + self.kernel_values() <= stride, "the parts");
        let threads = pool.threads();
        let target = SharedOutput::new(gradient.as_mut_ptr());
        pool.run(threads, &|part| {
            self.isa.run(AddKernel {
                winograd: self,
                parts,
                stride,
                place,
                rows: share(self.channels, part, threads),
                gradient: target.pointer(),
            });
        });
    }
}

/// Turns a panel of weights, nine taps of `length` f32, into sixteen points.
///
/// Whoever makes one vouches for its pointers.
struct TransformWeights {
    packed: *const f32,
    target: *mut f32,
    /// Whole vectors.
    length: usize,
    /// f32 from one point to the next.
    slice: usize,
}

impl Work for TransformWeights {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut at = 0;
        while at < self.length {
            // SAFETY: as whoever made this vouches.
            unsafe {
                let mut taps = [[simd.splat(0.0); TAPS]; TAPS];
                for i in 0..TAPS {
                    for j in 0..TAPS {
                        let tap = i * TAPS + j;
                        taps[i][j] = simd.load(self.packed.add(tap * self.length + at));
                    }
                }
                let points = square::<S, Kernel, TAPS, SIDE>(simd, taps);
                for i in 0..SIDE {
                    for j in 0..SIDE {
                        let target = self.target.add((i * SIDE + j) * self.slice + at);
                        simd.store(target, points[i][j]);
                    }
                }
            }
            at += S::LANES;
        }
    }
}

/// Adds rows of a kernel's gradient, one for each channel.
struct AddKernel<'a> {
    winograd: &'a Winograd,
    /// As [`Winograd::add_kernel_gradient`] has checked.
    parts: &'a [f32],
    stride: usize,
    place: usize,
    rows: Range<usize>,
    gradient: *mut f32,
}

/// A row of it, over the filters.
struct AddRow<'a, 'b> {
    all: &'b AddKernel<'a>,
    row: usize,
}

impl Vectors for AddRow<'_, '_> {
    /// # Safety
    /// As for [`Vectors::vector`]; the row of the gradient with no other user.
    #[inline(always)]
    unsafe fn vector<S: Simd, const WHOLE: bool>(&self, simd: S, filter: usize, count: usize) {
        let AddRow { all, row } = *self;
        let Winograd {
            channels, filters, ..
        } = *all.winograd;
        let slice = all.winograd.kernel_slice();
        let first = all.place + row * all.winograd.above.padded + filter;
        // SAFETY: as the caller vouches; each part has its sums.
        unsafe {
            // The transform is linear: the parts are added up first, in their order, and transformed
            // once.
            let mut points = [[simd.splat(0.0); SIDE]; SIDE];
            for part in all.parts.chunks_exact(all.stride) {
                for i in 0..SIDE {
                    for j in 0..SIDE {
                        let at = part.as_ptr().add(first + (i * SIDE + j) * slice);
                        points[i][j] = simd.add(points[i][j], simd.load(at));
                    }
                }
            }
            let taps = square::<S, KernelBack, SIDE, TAPS>(simd, points);
            for i in 0..TAPS {
                for j in 0..TAPS {
                    let at = ((i * TAPS + j) * channels + row) * filters + filter;
                    let at = all.gradient.add(at);
                    let sum = simd.add(load_some::<S, WHOLE>(simd, at, count), taps[i][j]);
                    store_some::<S, WHOLE>(simd, at, sum, count);
                }
            }
        }
    }
}

impl Work for AddKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for row in self.rows.clone() {
            let row = AddRow { all: &self, row };
            // SAFETY: the rows of the parts lie apart.
            unsafe { over_channels(simd, self.winograd.filters, &row) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Winograd;
    use crate::conv2d::reference;
    use crate::conv2d::training::{Gradients, Statistics, TrainingConv2d};
    use crate::tests::{assert_near, values};
    use crate::{Above, Activation, Isa, Normed, Window, batch_norm};
    use tensor::Pool;

    fn f64s(values: &[f32]) -> Vec<f64> {
        values.iter().map(|&value| f64::from(value)).collect()
    }

    /// A batch norm's coefficients, `[4, C]`, with scales of both signs.
    fn coefficients(seed: u64, channels: usize) -> Vec<f32> {
        let mut all = values(seed, 4 * channels);
        for scale in &mut all[2 * channels..3 * channels] {
            *scale += 0.5 * scale.signum();
        }
        all
    }

    /// What a batch norm and an activation make of a value, and their distance and slope there.
    fn see(norm: &[f32], activation: Activation, value: f32, channel: usize) -> [f64; 3] {
        let channels = norm.len() / 4;
        let at = |row: usize| f64::from(norm[row * channels + channel]);
        let distance = f64::from(value) - at(0);
        let x = distance * at(2) + at(3);
        let part = 1.0 / (1.0 + (-x).exp());
        match activation {
            Activation::Swish => [x * part, distance, part + x * part * (1.0 - part)],
            _ => [x, distance, 1.0],
        }
    }

    struct Case {
        window: Window,
        channels: usize,
        filters: usize,
        images: usize,
        /// Whether there is a norm and an activation on either side, and what is added to.
        normed: bool,
        bias: bool,
        add: bool,
    }

    fn check(isa: Isa, threads: usize, case: &Case) {
        let Case {
            window,
            channels,
            filters,
            images,
            normed,
            bias,
            add,
        } = *case;
        assert!(Winograd::suits(&window, channels, filters));
        let activation = if normed {
            Activation::Swish
        } else {
            Activation::Identity
        };
        let what = format!("{isa} {threads} {window:?} {channels} {filters} {images} {normed}");
        let in_size = window.in_height * window.in_width * channels;
        let out_size = window.out_height * window.out_width * filters;
        let stored = values(1, images * in_size);
        let norm = coefficients(2, channels);
        let input = Normed {
            values: &stored,
            norm: normed.then_some(&norm[..]),
            activation,
        };
        let kernel = values(3, 9 * channels * filters);
        let biases = values(4, filters);
        let biases = bias.then_some(&biases[..]);
        let pool = Pool::new(threads);
        let conv = TrainingConv2d::new(isa, &window, channels, filters, threads);

        let seen: Vec<f64> = match normed {
            true => (0..stored.len())
                .map(|i| see(&norm, activation, stored[i], i % channels)[0])
                .collect(),
            false => f64s(&stored),
        };
        let mut wanted = vec![0.0; images * out_size];
        for (input, output) in seen.chunks(in_size).zip(wanted.chunks_mut(out_size)) {
            let bias = biases.map(f64s);
            let kernel = f64s(&kernel);
            let bias = bias.as_deref();
            reference::forward(&window, channels, filters, input, &kernel, bias, output);
        }
        let mut output = vec![f32::NAN; images * out_size];
        let mut scratch = vec![f32::NAN; conv.forward_scratch()];
        let (mut mean, mut variance) = (vec![0.0; filters], vec![0.0; filters]);
        let statistics = normed.then_some(Statistics {
            mean: &mut mean,
            variance: &mut variance,
        });
        conv.forward(
            &pool,
            images,
            input,
            &kernel,
            biases,
            &mut output,
            statistics,
            &mut scratch,
        );
        assert_near(&output, &wanted, &format!("output {what}"));
        if normed {
            let (mut means, mut variances) = (vec![0.0; filters], vec![0.0; filters]);
            batch_norm::reference::statistics(&wanted, &mut means, &mut variances);
            assert_near(&mean, &means, &format!("mean {what}"));
            assert_near(&variance, &variances, &format!("variance {what}"));
        }

        let given = values(5, images * out_size);
        let (norm_above, factors) = (coefficients(6, filters), values(7, 3 * filters));
        let above = Above {
            gradient: &given,
            values: if normed { &output } else { &[] },
            norm: normed.then_some((&norm_above[..], &factors[..])),
            activation,
        };
        let gradient: Vec<f64> = match normed {
            true => (0..given.len())
                .map(|i| {
                    let channel = i % filters;
                    let [_, distance, slope] = see(&norm_above, activation, output[i], channel);
                    let factor = |row: usize| f64::from(factors[row * filters + channel]);
                    factor(0) * f64::from(given[i]) * slope + factor(1) * distance + factor(2)
                })
                .collect(),
            false => f64s(&given),
        };
        let mut below = values(8, images * in_size);
        let mut kernel_gradient = values(9, kernel.len());
        let mut bias_gradient = values(10, filters);
        let mut sums = vec![f32::NAN; 2 * channels];
        let mut wanted_below = vec![0.0; below.len()];
        if add {
            wanted_below = f64s(&below);
        }
        let mut wanted_kernel = f64s(&kernel_gradient);
        let mut wanted_bias = f64s(&bias_gradient);
        for (image, gradient) in gradient.chunks(out_size).enumerate() {
            reference::backward(
                &window,
                channels,
                filters,
                &seen[image * in_size..][..in_size],
                &f64s(&kernel),
                gradient,
                Some(&mut wanted_below[image * in_size..][..in_size]),
                Some(&mut wanted_kernel),
                Some(&mut wanted_bias),
            );
        }
        let mut wanted_sums = vec![0.0; 2 * channels];
        if normed {
            for (i, below) in wanted_below.iter_mut().enumerate() {
                let channel = i % channels;
                let [_, distance, slope] = see(&norm, activation, stored[i], channel);
                *below *= slope;
                wanted_sums[channel] += *below;
                wanted_sums[channels + channel] += *below * distance;
            }
        }
        let mut scratch = vec![f32::NAN; conv.backward_scratch()];
        let gradients = Gradients {
            input: Some((&mut below, add)),
            sums: normed.then_some(&mut sums[..]),
            kernel: Some(&mut kernel_gradient),
            bias: bias.then_some(&mut bias_gradient[..]),
        };
        conv.backward(
            &pool,
            images,
            input,
            &kernel,
            above,
            gradients,
            &mut scratch,
        );
        assert_near(&below, &wanted_below, &format!("input's {what}"));
        assert_near(
            &kernel_gradient,
            &wanted_kernel,
            &format!("kernel's {what}"),
        );
        if bias {
            assert_near(&bias_gradient, &wanted_bias, &format!("bias's {what}"));
        }
        if normed {
            assert_near(&sums, &wanted_sums, &format!("sums {what}"));
        }

        // Each gradient by itself.
        let mut alone = vec![0.0; kernel.len()];
        let gradients = Gradients {
            input: None,
            sums: None,
            kernel: Some(&mut alone),
            bias: None,
        };
        conv.backward(
            &pool,
            images,
            input,
            &kernel,
            above,
            gradients,
            &mut scratch,
        );
        let before = values(9, kernel.len());
        for ((alone, both), before) in alone.iter().zip(&kernel_gradient).zip(before) {
            assert!(
                (alone + before - both).abs() < 1e-3,
                "kernel's alone {what}"
            );
        }
        let mut alone = values(8, images * in_size);
        let gradients = Gradients {
            input: Some((&mut alone, add)),
            sums: None,
            kernel: None,
            bias: None,
        };
        conv.backward(
            &pool,
            images,
            input,
            &kernel,
            above,
            gradients,
            &mut scratch,
        );
        assert_eq!(alone, below, "input's alone {what}");
    }

    #[test]
    fn agrees_with_the_plain_convolution() {
        let windows = [
            ([4, 4], [1; 4]),
            ([16, 16], [1; 4]),
            ([7, 9], [1; 4]),
            ([10, 7], [0; 4]),
            ([9, 14], [0, 1, 1, 0]),
            ([5, 6], [2; 4]),
        ];
        for (turn, (size, [top, bottom, left, right])) in windows.into_iter().enumerate() {
            let window = Window::new(size, [3, 3], [1, 1], [top, bottom], [left, right]);
            for (other, (channels, filters)) in [(16, 16), (32, 64), (19, 35), (50, 17)]
                .into_iter()
                .enumerate()
            {
                let case = Case {
                    window,
                    channels,
                    filters,
                    images: 1 + (turn + 2 * other) % 6,
                    normed: (turn + other) % 2 == 0,
                    bias: other % 2 == 1,
                    add: (turn + other) % 3 == 0,
                };
                for isa in Isa::available() {
                    check(isa, 1 + (turn + other) % 3, &case);
                }
            }
        }
    }

    /// More tiles than a block has, and more small images than a group.
    #[test]
    fn works_in_blocks_and_groups() {
        for (size, images) in [(40, 2), (6, 40)] {
            let case = Case {
                window: Window::new([size; 2], [3, 3], [1, 1], [1, 1], [1, 1]),
                channels: 17,
                filters: 24,
                images,
                normed: true,
                bias: true,
                add: false,
            };
            for isa in Isa::available() {
                check(isa, 2, &case);
            }
        }
    }

    #[test]
    fn is_left_alone_where_it_would_lose() {
        let window = |size, kernel: usize, stride| {
            let pad = kernel / 2;
            Window::new([size; 2], [kernel; 2], [stride; 2], [pad; 2], [pad; 2])
        };
        assert!(Winograd::suits(&window(7, 3, 1), 16, 16));
        for (window, channels) in [
            (window(16, 3, 2), 32),
            (window(16, 5, 1), 32),
            (window(16, 1, 1), 32),
            (window(3, 3, 1), 32),
            (window(16, 3, 1), 3),
        ] {
            assert!(!Winograd::suits(&window, channels, 32), "{window:?}");
        }
    }
}
