//! Convolutions for inference by tiles of 4x4 outputs: the weights are turned into values at the 36
//! points once, when they are packed.
use super::lines::{WideInput, WideOutput, wide_kernel};
use super::{Grid, Product, Read, TAPS, fits, square};
use crate::conv2d::check_residual;
use crate::conv2d::layout::{lines, spread};
use crate::gemm::{Epilogue, Layout, SharedOutput};
use crate::isa::{Isa, Simd, Work};
use crate::normed::{Curve, Vectors, load_some, over_channels, store_some, with_curve};
use crate::share::share;
use crate::{Activation, Window};
use std::marker::PhantomData;
use std::ops::Range;
use tensor::{AlignedBuffer, Pool};

/// The values of a tile along one side, and of all of it.
const SIDE: usize = 6;
const POINTS: usize = SIDE * SIDE;

/// The outputs of a tile along one side.
const OUTPUTS: usize = 4;

/// f32 of transformed input and output that a block of tiles may have: most of a second-level cache of
/// 1 MiB.
const BLOCK_VALUES: usize = 192 * 1024;

/// Least tiles of a block, where there are so many: each block reads all of a group's weights, and
/// with fewer tiles the products would wait for them.
const LEAST_TILES: usize = 48;

/// Filters that are worked on together: what the products make of a block of tiles then stays in the
/// second-level cache until it is read.
const GROUP_FILTERS: usize = 64;

/// A convolution of 3x3 windows and stride 1 whose weights are packed as values at the points.
///
/// Gives what [`super::super::PackedConv2d`] gives, but for the rounding of its sums.
#[derive(Clone, Debug)]
pub struct PackedWinograd {
    isa: Isa,
    window: Window,
    below: Grid,
    above: Grid,
    groups: Vec<Group>,
    /// Of each group, of each point.
    weights: AlignedBuffer,
    /// Padded to whole vectors.
    bias: AlignedBuffer,
    epilogue: Epilogue,
    zeros: AlignedBuffer,
}

/// Filters that are worked on together.
#[derive(Clone, Debug)]
struct Group {
    filters: Range<usize>,
    /// The product of each point.
    layout: Layout,
    /// Where its weights begin.
    weights: usize,
}

/// Whether a convolution is faster this way: it fits and at least half of the tiles' outputs inside of the image.
pub fn suits(window: &Window, channels: usize, filters: usize) -> bool {
    let pixels = window.out_height * window.out_width;
    fits(window, channels, filters) && tiles(window) * OUTPUTS * OUTPUTS <= 2 * pixels
}

fn tiles(window: &Window) -> usize {
    super::tiles(window, OUTPUTS).iter().product()
}

/// Filters of each group but the last.
fn group_filters(lanes: usize, filters: usize) -> usize {
    let groups = filters.div_ceil(GROUP_FILTERS);
    filters.div_ceil(groups).next_multiple_of(lanes)
}

/// Most tiles of a block.
fn block_tiles(window: &Window, channels: usize, group: usize) -> usize {
    let fitting = BLOCK_VALUES / (POINTS * (channels + group));
    fitting.max(LEAST_TILES).min(tiles(window))
}

/// f32 of one point of a block, of its input and of its products.
fn slices(isa: Isa, window: &Window, channels: usize, filters: usize) -> [usize; 2] {
    let padded = channels.next_multiple_of(isa.lanes());
    let group = group_filters(isa.lanes(), filters);
    let tiles = block_tiles(window, padded, group);
    [spread(tiles * padded), spread(tiles * group)]
}

/// f32 that a run on `threads` works in.
pub fn scratch_values(
    isa: Isa,
    window: &Window,
    channels: usize,
    filters: usize,
    threads: usize,
) -> usize {
    threads * thread_values(isa, window, channels, filters)
}

/// f32 that a thread works in: a block, and where outputs outside of the image go.
fn thread_values(isa: Isa, window: &Window, channels: usize, filters: usize) -> usize {
    let slices = slices(isa, window, channels, filters);
    POINTS * slices.iter().sum::<usize>() + lines(group_filters(isa.lanes(), filters))
}

/// f32 of the packed weights and biases.
pub fn weight_values(isa: Isa, channels: usize, filters: usize) -> usize {
    let padded = filters.next_multiple_of(isa.lanes());
    (POINTS * channels + 1) * padded
}

impl PackedWinograd {
    /// Packs `kernel` (`[3, 3, C, OC]`, row-major) and `bias` (`[OC]`). With `residual_last` a residual
    /// is added after the activation.
    ///
    /// # Panics
    /// Where the window does not suit, or a length does not agree.
    pub fn new(
        isa: Isa,
        window: &Window,
        channels: usize,
        filters: usize,
        kernel: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        residual_last: bool,
    ) -> PackedWinograd {
        assert!(suits(window, channels, filters), "{window:?}");
        assert_eq!(kernel.len(), TAPS * TAPS * channels * filters, "the kernel");
        let [below, above] = Grid::pair(isa, window, [channels, filters], OUTPUTS);
        let mut weights = AlignedBuffer::zeroed(POINTS * channels * above.padded);
        let width = group_filters(isa.lanes(), filters);
        let groups = (0..filters).step_by(width).map(|first| Group {
            filters: first..(first + width).min(filters),
            layout: Layout::new(isa, channels, width.min(above.padded - first)),
            weights: POINTS * channels * first,
        });
        let groups: Vec<Group> = groups.collect();
        for group in &groups {
            let target = &mut weights[group.weights..][..POINTS * group.layout.weight_values()];
            pack(
                &group.layout,
                &group.filters,
                [channels, filters],
                kernel,
                target,
            );
        }
        let mut padded_bias = AlignedBuffer::zeroed(above.padded);
        if let Some(bias) = bias {
            padded_bias[..filters].copy_from_slice(bias);
        }
        PackedWinograd {
            isa,
            window: *window,
            zeros: AlignedBuffer::zeroed(below.padded.max(above.padded)),
            below,
            above,
            groups,
            weights,
            bias: padded_bias,
            epilogue: Epilogue {
                activation,
                residual_last,
            },
        }
    }

    /// Bytes of the packed weights.
    pub fn packed_bytes(&self) -> usize {
        (self.weights.len() + self.bias.len()) * size_of::<f32>()
    }

    /// Computes one image: `input` is `[H, W, C]`, `residual` and `output`
    /// `[out_height, out_width, OC]`; `scratch` has [`scratch_values`] for as many threads as are to
    /// work, of any content.
    ///
    /// # Panics
    /// Where a length does not agree.
    pub fn run(
        &self,
        pool: &Pool,
        input: &[f32],
        residual: Option<&[f32]>,
        output: &mut [f32],
        scratch: &mut [f32],
    ) {
        let (below, above) = (&self.below, &self.above);
        let size = below.height * below.width * below.channels;
        assert_eq!(input.len(), size, "the input");
        let size = above.height * above.width * above.channels;
        assert_eq!(output.len(), size, "the output");
        let residual = check_residual(residual, output.len());
        let (channels, filters) = (below.channels, above.channels);
        let each = thread_values(self.isa, &self.window, channels, filters);
        let parts = pool.threads().min(scratch.len() / each);
        assert!(parts > 0, "memory to work in");
        let blocks = self.blocks(parts);
        let run = Run {
            all: self,
            slices: slices(self.isa, &self.window, channels, filters),
            blocks,
            input: input.as_ptr(),
        };
        let items = blocks * self.groups.len();
        let residual = SharedOutput::new(residual.cast_mut());
        let output = SharedOutput::new(output.as_mut_ptr());
        let scratch = SharedOutput::new(scratch.as_mut_ptr());
        pool.run(parts, &|part| {
            let memory = scratch.pointer().wrapping_add(part * each);
            let (residual, output) = (residual.pointer().cast_const(), output.pointer());
            // SAFETY: the lengths were checked; the items of the parts share no output, and each part
            // has memory of its own.
            unsafe { run.items(share(items, part, parts), residual, output, memory) };
        });
    }

    /// Into how many blocks the tiles are cut: so that each fits, and all threads have some.
    fn blocks(&self, parts: usize) -> usize {
        let tiles = self.below.tiles();
        let most = block_tiles(
            &self.window,
            self.below.padded,
            self.groups[0].layout.padded_outputs(),
        );
        let shared = parts.div_ceil(self.groups.len());
        tiles.div_ceil(most).max(shared).min(tiles)
    }
}

/// Turns the kernels of some filters into values at the points, each point packed for its product.
fn pack(
    layout: &Layout,
    filters: &Range<usize>,
    [channels, all]: [usize; 2],
    kernel: &[f32],
    target: &mut [f32],
) {
    let width = layout.padded_outputs();
    let mut points = vec![0.0; POINTS * channels * width];
    for channel in 0..channels {
        for filter in filters.clone() {
            let tap = |row: usize, column: usize| {
                let tap = row * TAPS + column;
                f64::from(kernel[(tap * channels + channel) * all + filter])
            };
            let rows: [[f64; SIDE]; TAPS] =
                std::array::from_fn(|row| wide_kernel(std::array::from_fn(|at| tap(row, at))));
            for column in 0..SIDE {
                let values = wide_kernel(std::array::from_fn(|row| rows[row][column]));
                for (row, value) in values.into_iter().enumerate() {
                    let point = row * SIDE + column;
                    let at = (point * channels + channel) * width + filter - filters.start;
                    points[at] = value as f32;
                }
            }
        }
    }
    let matrices = points.chunks_exact(channels * width);
    for (matrix, target) in matrices.zip(target.chunks_exact_mut(layout.weight_values())) {
        // SAFETY: the target has this length, and is this thread's alone.
        unsafe { layout.pack((0, 1), matrix, SharedOutput::new(target.as_mut_ptr())) };
    }
}

/// A run over one image.
struct Run<'a> {
    all: &'a PackedWinograd,
    slices: [usize; 2],
    blocks: usize,
    input: *const f32,
}

// SAFETY: the input is only read, for as long as `PackedWinograd::run` borrows it.
unsafe impl Sync for Run<'_> {}

impl Run<'_> {
    /// Computes some items, each the filters of one group for one block of tiles, block after block.
    ///
    /// # Safety
    /// The input, the residual (unless null) and the output must be valid for the image, `memory` for
    /// [`thread_values`]; the items' outputs and the memory with no other user.
    unsafe fn items(
        &self,
        items: Range<usize>,
        residual: *const f32,
        output: *mut f32,
        memory: *mut f32,
    ) {
        let all = self.all;
        let [slice, products_slice] = self.slices;
        let products = memory.wrapping_add(POINTS * slice);
        let outside = products.wrapping_add(POINTS * products_slice);
        let mut read = None;
        for item in items {
            let (block, group) = (
                item / all.groups.len(),
                &all.groups[item % all.groups.len()],
            );
            let tiles = share(all.below.tiles(), block, self.blocks);
            if read != Some(block) {
                all.isa.run(Read::<WideInput, SIDE, SIDE> {
                    grid: &all.below,
                    tiles: tiles.clone(),
                    images: self.input,
                    outside: all.zeros.as_ptr(),
                    target: memory,
                    slice,
                    line: PhantomData,
                });
                read = Some(block);
            }
            let width = group.layout.padded_outputs();
            let values = group.layout.weight_values();
            for point in 0..POINTS {
                let weights = &all.weights[group.weights + point * values..][..values];
                let product = Product {
                    packed: group.layout.packed(weights, &all.zeros[..width]),
                    rows: memory.wrapping_add(point * slice),
                    grid: &all.below,
                    zeros: &all.zeros,
                };
                // SAFETY: the places of the point have room for a block.
                unsafe { product.run(tiles.len(), products.add(point * products_slice)) };
            }
            let first = group.filters.start;
            let residual = if residual.is_null() {
                residual
            } else {
                residual.wrapping_add(first)
            };
            with_curve!(all.epilogue.activation, C => all.isa.run(Finish::<C> {
                grid: &all.above,
                tiles,
                filters: group.filters.len(),
                source: products,
                stride: width,
                slice: products_slice,
                bias: all.bias[first..].as_ptr(),
                residual,
                residual_last: all.epilogue.residual_last,
                output: output.wrapping_add(first),
                outside,
                curve: PhantomData,
            }));
        }
    }
}

/// Turns values at the points into outputs, adds the bias and the residual, and applies the
/// activation.
///
/// Whoever makes one vouches for its pointers: `source` readable for the points of all tiles, `bias`
/// for whole vectors, `residual` (unless null) and `output` valid for the image, `outside` for the
/// filters.
struct Finish<'a, C> {
    grid: &'a Grid,
    tiles: Range<usize>,
    filters: usize,
    source: *const f32,
    /// f32 from one tile to the next, and from one point to the next.
    stride: usize,
    slice: usize,
    bias: *const f32,
    residual: *const f32,
    residual_last: bool,
    output: *mut f32,
    /// Where pixels outside of the image go.
    outside: *mut f32,
    curve: PhantomData<C>,
}

/// A tile of them.
struct FinishTile<'a, 'b, C> {
    all: &'b Finish<'a, C>,
    source: *const f32,
    pixels: [[*mut f32; OUTPUTS]; OUTPUTS],
    /// Only read, and only where there is a residual.
    residuals: [[*mut f32; OUTPUTS]; OUTPUTS],
}

impl<C: Curve> Vectors for FinishTile<'_, '_, C> {
    /// # Safety
    /// As for [`Vectors::vector`]; the source and the bias are read for whole vectors.
    #[inline(always)]
    unsafe fn vector<S: Simd, const WHOLE: bool>(&self, simd: S, filter: usize, count: usize) {
        let all = self.all;
        // SAFETY: as the caller vouches.
        unsafe {
            let mut points = [[simd.splat(0.0); SIDE]; SIDE];
            for i in 0..SIDE {
                for j in 0..SIDE {
                    let at = (i * SIDE + j) * all.slice + filter;
                    points[i][j] = simd.load(self.source.add(at));
                }
            }
            let values = square::<S, WideOutput, SIDE, OUTPUTS>(simd, points);
            let bias = simd.load(all.bias.add(filter));
            for i in 0..OUTPUTS {
                for j in 0..OUTPUTS {
                    let mut value = simd.add(values[i][j], bias);
                    if all.residual.is_null() {
                        value = C::apply(simd, value);
                    } else {
                        let at = self.residuals[i][j].add(filter);
                        let residual = load_some::<S, WHOLE>(simd, at, count);
                        value = if all.residual_last {
                            simd.add(C::apply(simd, value), residual)
                        } else {
                            C::apply(simd, simd.add(value, residual))
                        };
                    }
                    store_some::<S, WHOLE>(simd, self.pixels[i][j].add(filter), value, count);
                }
            }
        }
    }
}

impl<C: Curve> Work for Finish<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (index, tile) in self.tiles.clone().enumerate() {
            let pixels = self.grid.pixels(tile, self.output, self.outside);
            let residuals = if self.residual.is_null() {
                pixels
            } else {
                let residual = self.residual.cast_mut();
                self.grid.pixels(tile, residual, self.outside)
            };
            let tile = FinishTile {
                all: &self,
                source: self.source.wrapping_add(index * self.stride),
                pixels,
                residuals,
            };
            // SAFETY: as whoever made this vouches.
            unsafe { over_channels(simd, self.filters, &tile) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PackedWinograd, scratch_values, suits, weight_values};
    use crate::conv2d::reference;
    use crate::tests::{ACTIVATIONS, apply, assert_near, values};
    use crate::{Activation, Isa, Window};
    use tensor::Pool;

    /// What is added to a convolution's result, and when.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Residual {
        None,
        First,
        Last,
    }

    fn check(
        isa: Isa,
        threads: usize,
        window: &Window,
        [channels, filters]: [usize; 2],
        activation: Activation,
        residual: Residual,
    ) {
        let what =
            format!("{isa} {threads} {window:?} {channels} {filters} {activation:?} {residual:?}");
        let input = values(1, window.in_height * window.in_width * channels);
        // Sums of about 1, so that the activations bend them.
        let scale = 1.0 / (9.0 * channels as f32).sqrt();
        let kernel = values(2, 9 * channels * filters);
        let kernel: Vec<f32> = kernel.into_iter().map(|value| value * scale).collect();
        let bias = (residual != Residual::First).then(|| values(3, filters));
        let pixels = window.out_height * window.out_width;
        let added = values(4, pixels * filters);
        let added = (residual != Residual::None).then_some(&added[..]);
        let f64s = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let mut wanted = vec![0.0; pixels * filters];
        reference::forward(
            window,
            channels,
            filters,
            &f64s(&input),
            &f64s(&kernel),
            bias.as_deref().map(f64s).as_deref(),
            &mut wanted,
        );
        for (index, value) in wanted.iter_mut().enumerate() {
            let added = added.map_or(0.0, |added| f64::from(added[index]));
            *value = match residual {
                Residual::Last => apply(activation, *value) + added,
                Residual::None | Residual::First => apply(activation, *value + added),
            };
        }
        let packed = PackedWinograd::new(
            isa,
            window,
            channels,
            filters,
            &kernel,
            bias.as_deref(),
            activation,
            residual == Residual::Last,
        );
        assert_eq!(
            packed.packed_bytes(),
            4 * weight_values(isa, channels, filters)
        );
        let mut output = vec![f32::NAN; wanted.len()];
        let mut scratch = vec![f32::NAN; scratch_values(isa, window, channels, filters, threads)];
        packed.run(
            &Pool::new(threads),
            &input,
            added,
            &mut output,
            &mut scratch,
        );
        assert_near(&output, &wanted, &what);
        // As many threads as there is memory for, and the same values.
        let mut alone = vec![f32::NAN; wanted.len()];
        let part = scratch.len() / threads;
        packed.run(
            &Pool::new(3),
            &input,
            added,
            &mut alone,
            &mut scratch[..part],
        );
        assert_eq!(alone, output, "on one thread {what}");
    }

    fn window(size: [usize; 2], [top, bottom, left, right]: [usize; 4]) -> Window {
        Window::new(size, [3, 3], [1, 1], [top, bottom], [left, right])
    }

    #[test]
    fn agrees_with_the_plain_convolution() {
        let windows = [
            ([4, 4], [1; 4]),
            ([16, 16], [1; 4]),
            ([7, 9], [1; 4]),
            ([10, 8], [0; 4]),
            ([9, 14], [0, 1, 1, 0]),
            ([5, 6], [2; 4]),
        ];
        let residuals = [Residual::None, Residual::First, Residual::Last];
        for (turn, (size, padding)) in windows.into_iter().enumerate() {
            let sizes = [[16, 16], [32, 64], [19, 35], [50, 17]];
            for (other, sizes) in sizes.into_iter().enumerate() {
                for isa in Isa::available() {
                    check(
                        isa,
                        1 + (turn + other) % 3,
                        &window(size, padding),
                        sizes,
                        ACTIVATIONS[(turn + other) % ACTIVATIONS.len()],
                        residuals[(turn + 2 * other) % residuals.len()],
                    );
                }
            }
        }
    }

    /// More tiles than a block has, and more filters than a group.
    #[test]
    fn works_in_blocks_and_groups() {
        for (size, sizes) in [(64, [16, 20]), (17, [128, 150])] {
            for isa in Isa::available() {
                let window = window([size; 2], [1; 4]);
                check(isa, 2, &window, sizes, Activation::Relu, Residual::First);
            }
        }
    }

    #[test]
    fn is_left_alone_where_it_would_lose() {
        assert!(suits(&window([7, 7], [1; 4]), 16, 16));
        let pad = [1, 1];
        for (window, channels) in [
            (Window::new([16; 2], [3, 3], [2, 2], pad, pad), 32),
            (Window::new([16; 2], [5, 5], [1, 1], [2, 2], [2, 2]), 32),
            (Window::new([16; 2], [1, 1], [1, 1], [0, 0], [0, 0]), 32),
            (window([2, 2], [1; 4]), 32),
            (window([16, 16], [1; 4]), 3),
        ] {
            assert!(!suits(&window, channels, 32), "{window:?}");
        }
    }
}
