//! Winograd's minimal filtering: convolutions of 3x3 windows with fewer multiplications.
//!
//! A tile of outputs sees a larger tile of inputs. Both, and the kernel, are turned into values at the
//! points of a square, where the convolution is a product of matrices for each point (Lavin and Gray,
//! "Fast algorithms for convolutional neural networks", 2016):
//!
//! ```text
//! output = A' [(B' input B) * (G kernel G')] A
//! ```
//!
//! Training has tiles of 2x2 outputs, sixteen points and 2.25 times fewer multiplications; inference
//! tiles of 4x4 outputs, 36 points and 4 times fewer. The matrices stand in `lines`.
#![expect(
    clippy::needless_range_loop,
    reason = "an index says which point of a tile is meant"
)]

mod lines;
mod packed;
pub(super) mod training;

use crate::Window;
use crate::gemm::{Epilogue, Packed, SharedOutput, Source};
use crate::isa::{Isa, Simd, Work};
use crate::normed::{Vectors, load_some, over_channels, store_some};
use lines::Line;
use std::marker::PhantomData;
use std::ops::Range;

pub use packed::{PackedWinograd, scratch_values, suits, weight_values};

/// The kernel's side.
const TAPS: usize = 3;

/// Least channels and filters: with fewer the transforms cost more than the products save.
const LEAST_CHANNELS: usize = 16;

/// Whether tiles can compute a convolution, with enough channels to make the products the most of it.
fn fits(window: &Window, channels: usize, filters: usize) -> bool {
    (window.kernel_height, window.kernel_width) == (TAPS, TAPS)
        && (window.stride_height, window.stride_width) == (1, 1)
        && channels.min(filters) >= LEAST_CHANNELS
}

/// Tiles of `outputs` x `outputs` down and across an image.
fn tiles(window: &Window, outputs: usize) -> [usize; 2] {
    [window.out_height, window.out_width].map(|side| side.div_ceil(outputs))
}

/// The tiles over one image of a tensor.
#[derive(Clone, Copy, Debug)]
struct Grid {
    /// Rows and columns from one tile to the next: the outputs of a tile along one side.
    step: usize,
    height: usize,
    width: usize,
    channels: usize,
    /// The channels, rounded up to whole vectors.
    padded: usize,
    /// Rows and columns of the first tile that lie outside of the image.
    top: usize,
    left: usize,
    tiles_down: usize,
    tiles_across: usize,
}

impl Grid {
    /// The grids of the same tiles, of `outputs` x `outputs`, over the input and over the output of a
    /// convolution: the input's corners are as far outside of the image as the padding.
    fn pair(
        isa: Isa,
        window: &Window,
        [channels, filters]: [usize; 2],
        outputs: usize,
    ) -> [Grid; 2] {
        let [tiles_down, tiles_across] = tiles(window, outputs);
        let above = Grid {
            step: outputs,
            height: window.out_height,
            width: window.out_width,
            channels: filters,
            padded: filters.next_multiple_of(isa.lanes()),
            top: 0,
            left: 0,
            tiles_down,
            tiles_across,
        };
        let below = Grid {
            height: window.in_height,
            width: window.in_width,
            channels,
            padded: channels.next_multiple_of(isa.lanes()),
            top: window.pad_top,
            left: window.pad_left,
            ..above
        };
        [below, above]
    }

    fn tiles(&self) -> usize {
        self.tiles_down * self.tiles_across
    }

    /// The pixels of the square at a tile's corner among the values of all images; `outside` in place
    /// of those outside of the image.
    #[inline(always)]
    fn pixels<const SQUARE: usize>(
        &self,
        tile: usize,
        images: *mut f32,
        outside: *mut f32,
    ) -> [[*mut f32; SQUARE]; SQUARE] {
        let tile_row = tile / self.tiles_across;
        let image = tile_row / self.tiles_down;
        // Rows and columns before the image wrap to numbers beyond its size, so that one comparison
        // finds what lies outside on either side.
        let top = (tile_row % self.tiles_down * self.step).wrapping_sub(self.top);
        let left = (tile % self.tiles_across * self.step).wrapping_sub(self.left);
        let mut pixels = [[outside; SQUARE]; SQUARE];
        for i in 0..SQUARE {
            for j in 0..SQUARE {
                let (row, column) = (top.wrapping_add(i), left.wrapping_add(j));
                if row < self.height && column < self.width {
                    let pixel = (image * self.height + row) * self.width + column;
                    pixels[i][j] = images.wrapping_add(pixel * self.channels);
                }
            }
        }
        pixels
    }
}

/// The transform of a square: of its rows, then of its columns.
#[inline(always)]
fn square<S: Simd, L: Line<FROM, TO>, const FROM: usize, const TO: usize>(
    simd: S,
    values: [[S::Vector; FROM]; FROM],
) -> [[S::Vector; TO]; TO] {
    let mut rows = [[simd.splat(0.0); TO]; FROM];
    for i in 0..FROM {
        rows[i] = L::line(simd, values[i]);
    }
    let mut result = [[simd.splat(0.0); TO]; TO];
    for j in 0..TO {
        let mut column = [simd.splat(0.0); FROM];
        for i in 0..FROM {
            column[i] = rows[i][j];
        }
        let column = L::line(simd, column);
        for i in 0..TO {
            result[i][j] = column[i];
        }
    }
    result
}

/// Turns squares of FROM pixels of images into values at SIDE x SIDE points: `[points, tiles,
/// padded C]`.
///
/// Whoever makes one vouches for its pointers: `images` readable for the images of the tiles,
/// `outside` for C zeros, `target` writable for the points of all tiles.
struct Read<'a, L, const FROM: usize, const SIDE: usize> {
    grid: &'a Grid,
    tiles: Range<usize>,
    images: *const f32,
    /// What is read in place of pixels outside of the image.
    outside: *const f32,
    target: *mut f32,
    /// f32 from one point to the next.
    slice: usize,
    line: PhantomData<L>,
}

/// A tile that is read.
struct ReadTile<'a, 'b, L, const FROM: usize, const SIDE: usize> {
    all: &'b Read<'a, L, FROM, SIDE>,
    /// Only read.
    pixels: [[*mut f32; FROM]; FROM],
    target: *mut f32,
}

impl<L: Line<FROM, SIDE>, const FROM: usize, const SIDE: usize> Vectors
    for ReadTile<'_, '_, L, FROM, SIDE>
{
    /// # Safety
    /// As for [`Vectors::vector`]; the target is written for whole vectors.
    #[inline(always)]
    unsafe fn vector<S: Simd, const WHOLE: bool>(&self, simd: S, channel: usize, count: usize) {
        // SAFETY: as the caller vouches.
        unsafe {
            let mut values = [[simd.splat(0.0); FROM]; FROM];
            for i in 0..FROM {
                for j in 0..FROM {
                    let at = self.pixels[i][j].add(channel);
                    values[i][j] = load_some::<S, WHOLE>(simd, at, count);
                }
            }
            let points = square::<S, L, FROM, SIDE>(simd, values);
            for i in 0..SIDE {
                for j in 0..SIDE {
                    let at = (i * SIDE + j) * self.all.slice + channel;
                    simd.store(self.target.add(at), points[i][j]);
                }
            }
        }
    }
}

impl<L: Line<FROM, SIDE>, const FROM: usize, const SIDE: usize> Work for Read<'_, L, FROM, SIDE> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (images, outside) = (self.images.cast_mut(), self.outside.cast_mut());
        for (index, tile) in self.tiles.clone().enumerate() {
            let tile = ReadTile {
                all: &self,
                pixels: self.grid.pixels(tile, images, outside),
                target: self.target.wrapping_add(index * self.grid.padded),
            };
            // SAFETY: as whoever made this vouches.
            unsafe { over_channels(simd, self.grid.channels, &tile) };
        }
    }
}

/// Turns values at the points into squares of TO pixels of images, and writes or adds them.
///
/// Whoever makes one vouches for its pointers: `source` readable for the points of all tiles,
/// `images` writable for the images of the tiles, `outside` for C f32.
struct Write<'a, L, const SIDE: usize, const TO: usize> {
    grid: &'a Grid,
    tiles: Range<usize>,
    source: *const f32,
    /// f32 from one point to the next.
    slice: usize,
    images: *mut f32,
    /// Where pixels outside of the image go: to write them nowhere would need a branch a pixel.
    outside: *mut f32,
    add: bool,
    line: PhantomData<L>,
}

/// A tile that is written.
struct WriteTile<'a, 'b, L, const SIDE: usize, const TO: usize> {
    all: &'b Write<'a, L, SIDE, TO>,
    source: *const f32,
    pixels: [[*mut f32; TO]; TO],
}

impl<L: Line<SIDE, TO>, const SIDE: usize, const TO: usize> Vectors
    for WriteTile<'_, '_, L, SIDE, TO>
{
    /// # Safety
    /// As for [`Vectors::vector`]; the source is read for whole vectors.
    #[inline(always)]
    unsafe fn vector<S: Simd, const WHOLE: bool>(&self, simd: S, channel: usize, count: usize) {
        // SAFETY: as the caller vouches.
        unsafe {
            let mut points = [[simd.splat(0.0); SIDE]; SIDE];
            for i in 0..SIDE {
                for j in 0..SIDE {
                    let at = (i * SIDE + j) * self.all.slice + channel;
                    points[i][j] = simd.load(self.source.add(at));
                }
            }
            let values = square::<S, L, SIDE, TO>(simd, points);
            for i in 0..TO {
                for j in 0..TO {
                    let at = self.pixels[i][j].add(channel);
                    let mut value = values[i][j];
                    if self.all.add {
                        value = simd.add(load_some::<S, WHOLE>(simd, at, count), value);
                    }
                    store_some::<S, WHOLE>(simd, at, value, count);
                }
            }
        }
    }
}

impl<L: Line<SIDE, TO>, const SIDE: usize, const TO: usize> Work for Write<'_, L, SIDE, TO> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (index, tile) in self.tiles.clone().enumerate() {
            let tile = WriteTile {
                all: &self,
                source: self.source.wrapping_add(index * self.grid.padded),
                pixels: self.grid.pixels(tile, self.images, self.outside),
            };
            // SAFETY: as whoever made this vouches.
            unsafe { over_channels(simd, self.grid.channels, &tile) };
        }
    }
}

/// The product of a block of tiles with the weights of one point.
struct Product<'a> {
    packed: Packed<'a>,
    /// The values at this point of the grid's channels, a row a tile.
    rows: *const f32,
    grid: &'a Grid,
    /// At least as many as a row has.
    zeros: &'a [f32],
}

impl Product<'_> {
    /// # Safety
    /// The rows must be readable for `count` of them, `products` writable for as many of the outputs,
    /// with no other user.
    unsafe fn run(&self, count: usize, products: *mut f32) {
        let row = Window::new([1, 1], [1, 1], [1, 1], [0, 0], [0, 0]);
        let source = Source {
            // SAFETY: as the caller vouches.
            input: unsafe { std::slice::from_raw_parts(self.rows, count * self.grid.padded) },
            first_row: 0,
            zeros: self.zeros,
            window: &row,
            channels: self.grid.channels,
            flat: true,
            stride: self.grid.padded,
        };
        let (none, products) = (std::ptr::null(), SharedOutput::new(products));
        // SAFETY: as the caller vouches.
        unsafe {
            self.packed
                .run(&source, 0, 0..count, none, products, Epilogue::NONE)
        };
    }
}
