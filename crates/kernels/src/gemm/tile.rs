//! The tile: the sums of a few rows by a few vectors of output channels, held in registers while
//! the whole window is added up.
#![expect(
    clippy::needless_range_loop,
    reason = "an index says which register of a tile is meant"
)]

use super::source::Source;
use crate::isa::{Isa, MOST_VECTORS, Simd, Work, prefetch};
use std::ops::Range;

/// Most rows of a tile in any set of instructions.
pub(super) const MOST_ROWS: usize = 14;

/// One panel's share of a product over consecutive output pixels.
#[derive(Clone, Copy)]
pub(super) struct Strip<'a> {
    pub source: &'a Source<'a>,
    /// The panel's weights, `[KH * KW * C, vectors * LANES]`.
    pub weights: *const f32,
    /// The panel's biases, `vectors * LANES`.
    pub bias: *const f32,
    /// What is added to the sums, at the panel's first channel of output pixel 0; or null.
    pub residual: *const f32,
    /// Where the results go, at the panel's first channel of output pixel 0.
    pub output: *mut f32,
    /// f32 from one pixel to the next, of `output` and of `residual`.
    pub stride: usize,
    /// Lanes of the last vector that are channels, 1 to LANES.
    pub last_lanes: usize,
    /// The results are kept between these.
    pub lower: f32,
    pub upper: f32,
    /// The output pixel that the source's `first_output_row` and this start with.
    pub first_pixel: usize,
    pub pixels: usize,
    /// The output row that pixel 0 begins.
    pub first_output_row: usize,
    /// What will be needed next.
    pub ahead: Ahead,
}

/// Memory that is asked for a little at a time while a strip is computed: the next panel's weights.
/// Those of a network are often larger than the caches, and the first tile of a panel would else
/// wait for all of its own.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    at: *const f32,
    /// Cache lines left.
    lines: usize,
    /// Cache lines a step.
    step: usize,
}

/// f32 of a cache line.
const LINE: usize = 16;

/// Inputs that a tile of `vectors` adds up between two steps: a few hundred cycles, in which memory
/// can bring a few lines.
const fn stretch(vectors: usize) -> usize {
    128 / vectors
}

impl Ahead {
    pub fn of(values: &[f32]) -> Ahead {
        Ahead {
            at: values.as_ptr(),
            lines: values.len() / LINE,
            step: 0,
        }
    }

    #[inline(always)]
    fn advance(&mut self) {
        let lines = self.step.min(self.lines);
        for _ in 0..lines {
            prefetch(self.at);
            self.at = self.at.wrapping_add(LINE);
        }
        self.lines -= lines;
    }
}

/// Computes a strip in tiles of at most the set's rows for `vectors`, as even as can be: a last
/// tile of one row would wait on its own sums.
///
/// # Safety
/// The weights and biases must be those of a panel of `vectors`; output and residual must be valid
/// for all pixels of the strip, and the source must hold the rows that these see.
pub(super) unsafe fn run(isa: Isa, strip: &Strip<'_>, vectors: usize) {
    let most = most_rows(isa, vectors);
    let tiles = strip.pixels.div_ceil(most);
    if tiles == 0 {
        return;
    }
    let rows = strip.pixels / tiles;
    let larger = strip.pixels % tiles;
    let mut part = *strip;
    let window = strip.source.window;
    let depth = window.kernel_height * window.kernel_width * strip.source.channels;
    let steps = tiles * depth.div_ceil(stretch(vectors));
    part.ahead.step = part.ahead.lines.div_ceil(steps.max(1));
    for (rows, count) in [(rows + 1, larger), (rows, tiles - larger)] {
        part.pixels = rows * count;
        if count > 0 {
            part.ahead = dispatch(isa, &part, rows, vectors);
            part.first_pixel += part.pixels;
        }
    }
}

/// Rows of a full tile.
pub(super) fn most_rows(isa: Isa, vectors: usize) -> usize {
    struct TileRows(usize);
    impl Work for TileRows {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            S::TILE_ROWS[self.0]
        }
    }
    isa.run(TileRows(vectors))
}

/// Vectors of most panels.
pub(super) fn panel_vectors(isa: Isa) -> usize {
    struct PanelVectors;
    impl Work for PanelVectors {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            S::PANEL_VECTORS
        }
    }
    isa.run(PanelVectors)
}

fn dispatch(isa: Isa, strip: &Strip<'_>, rows: usize, vectors: usize) -> Ahead {
    // The sizes that some set of instructions uses: each is compiled for every set.
    macro_rules! sizes {
        ($($vectors:literal: $($rows:literal)+;)+) => {
            match (rows, vectors) {
                $($(($rows, $vectors) => isa.run(Tiles::<'_, $rows, $vectors>(strip)),)+)+
                _ => unreachable!("no tile of {rows} rows by {vectors} vectors"),
            }
        };
    }
    sizes! {
        1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
        2: 1 2 3 4 5 6 7 8 9 10 11 12;
        3: 1 2 3 4 5 6 7 8;
        4: 1 2 3 4 5 6;
    }
}

/// A strip in tiles of ROWS by VECTORS, which must divide it.
struct Tiles<'a, const ROWS: usize, const VECTORS: usize>(&'a Strip<'a>);

impl<const ROWS: usize, const VECTORS: usize> Work for Tiles<'_, ROWS, VECTORS> {
    type Output = Ahead;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Ahead {
        const { assert!(ROWS <= MOST_ROWS && VECTORS <= MOST_VECTORS) };
        // Tiles that this set never asks for are not compiled.
        if ROWS <= S::TILE_ROWS[VECTORS] {
            // SAFETY: as `run` asks of its caller.
            unsafe { tiles::<S, ROWS, VECTORS>(simd, self.0) }
        } else {
            unreachable!("a tile of {ROWS} rows by {VECTORS} vectors")
        }
    }
}

type Sums<S, const ROWS: usize, const VECTORS: usize> = [[<S as Simd>::Vector; VECTORS]; ROWS];

#[inline(always)]
unsafe fn tiles<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    strip: &Strip<'_>,
) -> Ahead {
    let mut ahead = strip.ahead;
    let source = strip.source;
    let window = source.window;
    let lower = simd.splat(strip.lower);
    let upper = simd.splat(strip.upper);
    let mut place = Place::of(strip.first_pixel, strip.first_output_row, window.out_width);
    let mut pixel = strip.first_pixel;
    let end = pixel + strip.pixels;
    while pixel < end {
        // SAFETY: the caller vouches for all pointers of the strip; the rows of the source that
        // these pixels see are there, and what is outside of the image is read from `zeros`.
        unsafe {
            let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
            for v in 0..VECTORS {
                let bias = simd.load(strip.bias.add(v * S::LANES));
                for row in &mut sums {
                    row[v] = bias;
                }
            }
            if source.flat {
                let first = source.input.as_ptr().add(pixel * source.stride);
                let mut rows = [first; ROWS];
                for (i, row) in rows.iter_mut().enumerate() {
                    *row = first.add(i * source.stride);
                }
                accumulate::<S, ROWS, VECTORS>(
                    simd,
                    &mut sums,
                    &rows,
                    strip.weights,
                    source.channels,
                    &mut ahead,
                );
            } else {
                windows::<S, ROWS, VECTORS>(simd, &mut sums, strip, &mut place, &mut ahead);
            }
            let start = pixel * strip.stride;
            if !strip.residual.is_null() {
                for i in 0..ROWS {
                    let residual = strip.residual.add(start + i * strip.stride);
                    for v in 0..VECTORS {
                        let at = residual.add(v * S::LANES);
                        let value = if v + 1 < VECTORS || strip.last_lanes == S::LANES {
                            simd.load(at)
                        } else {
                            simd.load_first(at, strip.last_lanes)
                        };
                        sums[i][v] = simd.add(sums[i][v], value);
                    }
                }
            }
            for i in 0..ROWS {
                let output = strip.output.add(start + i * strip.stride);
                for v in 0..VECTORS {
                    let value = simd.min(upper, simd.max(lower, sums[i][v]));
                    let at = output.add(v * S::LANES);
                    if v + 1 < VECTORS || strip.last_lanes == S::LANES {
                        simd.store(at, value);
                    } else {
                        simd.store_first(at, value, strip.last_lanes);
                    }
                }
            }
        }
        pixel += ROWS;
    }
    ahead
}

/// Adds the products of ROWS runs of `depth` values with the weights.
///
/// # Safety
/// Each row must be readable for `depth` f32, the weights for `depth * VECTORS * LANES`.
#[inline(always)]
unsafe fn accumulate<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    sums: &mut Sums<S, ROWS, VECTORS>,
    rows: &[*const f32; ROWS],
    weights: *const f32,
    depth: usize,
    ahead: &mut Ahead,
) {
    // SAFETY: as the caller vouches.
    unsafe {
        if ahead.lines == 0 {
            return products::<S, ROWS, VECTORS>(simd, sums, rows, weights, 0..depth);
        }
        let mut start = 0;
        while start < depth {
            ahead.advance();
            let end = (start + stretch(VECTORS)).min(depth);
            products::<S, ROWS, VECTORS>(simd, sums, rows, weights, start..end);
            start = end;
        }
    }
}

/// Adds the products of the values `range` of ROWS runs with their weights.
///
/// # Safety
/// As for [`accumulate`].
#[inline(always)]
unsafe fn products<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    sums: &mut Sums<S, ROWS, VECTORS>,
    rows: &[*const f32; ROWS],
    weights: *const f32,
    range: Range<usize>,
) {
    for k in range {
        // SAFETY: as the caller of `accumulate` vouches.
        unsafe {
            let at = weights.add(k * VECTORS * S::LANES);
            let mut loaded = [simd.splat(0.0); VECTORS];
            for v in 0..VECTORS {
                loaded[v] = simd.load(at.add(v * S::LANES));
            }
            for i in 0..ROWS {
                let value = simd.splat(*rows[i].add(k));
                for v in 0..VECTORS {
                    sums[i][v] = simd.mul_add(value, loaded[v], sums[i][v]);
                }
            }
        }
    }
}

/// An output pixel's row and column.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    column: usize,
}

impl Place {
    #[inline(always)]
    fn of(pixel: usize, first_row: usize, width: usize) -> Place {
        Place {
            row: first_row + pixel / width,
            column: pixel % width,
        }
    }

    #[inline(always)]
    fn advance(&mut self, width: usize) {
        self.column += 1;
        if self.column == width {
            self.column = 0;
            self.row += 1;
        }
    }
}

/// Adds up the windows of ROWS output pixels from `place` on. A window's row is KW * C values in a
/// run, so a tile away from the left and right edges needs KH runs; another takes KH * KW runs of
/// C. What lies in the padding is read from `zeros`.
///
/// # Safety
/// The source must hold the input rows that the pixels see, the weights be those of the window.
#[inline(always)]
unsafe fn windows<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    sums: &mut Sums<S, ROWS, VECTORS>,
    strip: &Strip<'_>,
    place: &mut Place,
    ahead: &mut Ahead,
) {
    let source = strip.source;
    let window = source.window;
    let channels = source.channels;
    // Signed positions as wrapped unsigned ones: one comparison finds both sides outside.
    let mut tops = [0usize; ROWS];
    let mut lefts = [0usize; ROWS];
    let mut inside = true;
    for i in 0..ROWS {
        tops[i] = (place.row * window.stride_height).wrapping_sub(window.pad_top);
        lefts[i] = (place.column * window.stride_width).wrapping_sub(window.pad_left);
        inside &= lefts[i] < window.in_width && lefts[i] + window.kernel_width <= window.in_width;
        place.advance(window.out_width);
    }
    let zeros = source.zeros.as_ptr();
    let (runs, length) = if inside {
        (1, window.kernel_width * channels)
    } else {
        (window.kernel_width, channels)
    };
    let step = length * VECTORS * S::LANES;
    let mut weights = strip.weights;
    for kernel_row in 0..window.kernel_height {
        for run in 0..runs {
            let mut rows = [zeros; ROWS];
            for i in 0..ROWS {
                let row = tops[i].wrapping_add(kernel_row);
                let column = lefts[i].wrapping_add(run);
                if row < window.in_height && column < window.in_width {
                    let at = (row - source.first_row) * window.in_width + column;
                    // SAFETY: the row is one that the pixel sees, so the source holds it.
                    rows[i] = unsafe { source.input.as_ptr().add(at * channels) };
                }
            }
            // SAFETY: each run is inside of one row of the input, or in `zeros`, of KW * C.
            unsafe {
                accumulate::<S, ROWS, VECTORS>(simd, sums, &rows, weights, length, ahead);
                weights = weights.add(step);
            }
        }
    }
}
