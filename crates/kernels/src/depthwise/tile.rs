//! A few neighbouring output pixels of a depthwise convolution, a vector of channels at a time, so
//! that each input is loaded once for all the outputs that see it.
#![expect(
    clippy::needless_range_loop,
    reason = "an index says which register of a tile is meant"
)]

use crate::Window;
use crate::isa::{Isa, Simd, Work};
use std::ops::Range;

/// Most output pixels of a tile: with five weights and an input they fit sixteen registers.
const MOST_OUTPUTS: usize = 8;

/// Most columns that a tile of a special width sees: seven steps of 2 and a window of 5.
const MOST_COLUMNS: usize = (MOST_OUTPUTS - 1) * 2 + 5;

/// Most rows of a window with a special tile.
const MOST_ROWS: usize = 5;

/// One output row.
#[derive(Clone)]
pub(super) struct Strip<'a> {
    pub window: &'a Window,
    /// C
    pub channels: usize,
    /// The image's rows from `first_input_row` on.
    pub input: *const f32,
    pub first_input_row: usize,
    /// `[C / LANES, KH, KW, LANES]`
    pub weights: *const f32,
    /// `[C / LANES, LANES]`
    pub bias: *const f32,
    /// C zeros.
    pub zeros: *const f32,
    /// The first value of output row 0.
    pub output: *mut f32,
    pub lower: f32,
    pub upper: f32,
    /// Which vectors of channels.
    pub vectors: Range<usize>,
    pub row: usize,
}

impl Strip<'_> {
    /// Where the window of output column `column` has its row `kernel_row` and column `offset`:
    /// a pixel of the input, or zeros.
    #[inline(always)]
    fn pixel(&self, kernel_row: usize, column: usize, offset: usize) -> *const f32 {
        let window = self.window;
        // Signed positions as wrapped unsigned ones: one comparison finds both sides outside.
        let row = (self.row * window.stride_height + kernel_row).wrapping_sub(window.pad_top);
        let column = (column * window.stride_width + offset).wrapping_sub(window.pad_left);
        if row < window.in_height && column < window.in_width {
            let pixel = (row - self.first_input_row) * window.in_width + column;
            self.input.wrapping_add(pixel * self.channels)
        } else {
            self.zeros
        }
    }

    /// The rows of the window that lie inside of the image.
    #[inline(always)]
    fn kernel_rows(&self) -> Range<usize> {
        let window = self.window;
        let top = self.row * window.stride_height;
        let start = window.pad_top.saturating_sub(top).min(window.kernel_height);
        let end = (window.in_height + window.pad_top).saturating_sub(top);
        start..end.min(window.kernel_height).max(start)
    }
}

/// Computes one output row.
///
/// # Safety
/// All pointers of the strip must be valid, and the input rows that the row sees be there.
pub(super) unsafe fn run(isa: Isa, strip: &Strip<'_>) {
    isa.run(Row(strip));
}

struct Row<'a>(&'a Strip<'a>);

impl Work for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let window = self.0.window;
        let square = window.kernel_height <= MOST_ROWS;
        // SAFETY: as `run` asks of its caller.
        unsafe {
            match (window.kernel_width, window.stride_width) {
                (3, 1) if square => row::<S, 3, 1>(simd, self.0),
                (3, 2) if square => row::<S, 3, 2>(simd, self.0),
                (5, 1) if square => row::<S, 5, 1>(simd, self.0),
                (5, 2) if square => row::<S, 5, 2>(simd, self.0),
                _ => any_row(simd, self.0),
            }
        }
    }
}

/// A row in tiles as even as can be.
#[inline(always)]
unsafe fn row<S: Simd, const WIDTH: usize, const STRIDE: usize>(simd: S, strip: &Strip<'_>) {
    let columns = strip.window.out_width;
    let tiles = columns.div_ceil(MOST_OUTPUTS);
    for index in 0..tiles {
        let start = columns * index / tiles;
        let end = columns * (index + 1) / tiles;
        // SAFETY: as the caller vouches.
        unsafe {
            match end - start {
                1 => tile::<S, WIDTH, STRIDE, 1>(simd, strip, start),
                2 => tile::<S, WIDTH, STRIDE, 2>(simd, strip, start),
                3 => tile::<S, WIDTH, STRIDE, 3>(simd, strip, start),
                4 => tile::<S, WIDTH, STRIDE, 4>(simd, strip, start),
                5 => tile::<S, WIDTH, STRIDE, 5>(simd, strip, start),
                6 => tile::<S, WIDTH, STRIDE, 6>(simd, strip, start),
                7 => tile::<S, WIDTH, STRIDE, 7>(simd, strip, start),
                _ => tile::<S, WIDTH, STRIDE, 8>(simd, strip, start),
            }
        }
    }
}

type Pointers = [[*const f32; MOST_COLUMNS]; MOST_ROWS];

#[inline(always)]
unsafe fn tile<S: Simd, const WIDTH: usize, const STRIDE: usize, const OUTPUTS: usize>(
    simd: S,
    strip: &Strip<'_>,
    first: usize,
) {
    let rows = strip.kernel_rows();
    let mut pointers: Pointers = [[strip.zeros; MOST_COLUMNS]; MOST_ROWS];
    for row in rows.clone() {
        for column in 0..(OUTPUTS - 1) * STRIDE + WIDTH {
            pointers[row][column] = strip.pixel(row, first, column);
        }
    }
    let whole = strip.channels / S::LANES;
    let end = strip.vectors.end.min(whole);
    for vector in strip.vectors.start..end {
        // SAFETY: as the caller vouches; this vector has all its channels.
        unsafe {
            tile_vector::<S, WIDTH, STRIDE, OUTPUTS>(
                simd,
                strip,
                &pointers,
                rows.clone(),
                first,
                vector,
                None,
            );
        }
    }
    if strip.vectors.end > whole {
        let rest = Some(strip.channels - whole * S::LANES);
        // SAFETY: as the caller vouches; of this vector only the first channels are touched.
        unsafe {
            tile_vector::<S, WIDTH, STRIDE, OUTPUTS>(
                simd, strip, &pointers, rows, first, whole, rest,
            );
        }
    }
}

/// One vector of channels of a tile; `rest` is the number of channels where they are not LANES.
#[inline(always)]
unsafe fn tile_vector<S: Simd, const WIDTH: usize, const STRIDE: usize, const OUTPUTS: usize>(
    simd: S,
    strip: &Strip<'_>,
    pointers: &Pointers,
    rows: Range<usize>,
    first: usize,
    vector: usize,
    rest: Option<usize>,
) {
    let window = strip.window;
    let channel = vector * S::LANES;
    // SAFETY: the caller vouches for the pointers and the channels.
    unsafe {
        let mut sums = [simd.load(strip.bias.add(channel)); OUTPUTS];
        let weights = strip.weights.add(channel * window.kernel_height * WIDTH);
        for row in rows {
            let mut loaded = [sums[0]; WIDTH];
            for (tap, weight) in loaded.iter_mut().enumerate() {
                *weight = simd.load(weights.add((row * WIDTH + tap) * S::LANES));
            }
            let pointers = &pointers[row];
            // Written out, since the compiler leaves so long a loop as it is and would then keep
            // the sums in memory.
            macro_rules! columns {
                ($($column:literal)+) => {$(
                    if $column < (OUTPUTS - 1) * STRIDE + WIDTH {
                        let at = pointers[$column].add(channel);
                        let value = match rest {
                            None => simd.load(at),
                            Some(count) => simd.load_first(at, count),
                        };
                        for tap in 0..WIDTH {
                            if $column >= tap
                                && ($column - tap) % STRIDE == 0
                                && ($column - tap) / STRIDE < OUTPUTS
                            {
                                let output = ($column - tap) / STRIDE;
                                sums[output] = simd.mul_add(value, loaded[tap], sums[output]);
                            }
                        }
                    }
                )+};
            }
            columns!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18);
        }
        let pixel = strip.row * window.out_width + first;
        let output = strip.output.add(pixel * strip.channels + channel);
        for (index, &sum) in sums.iter().enumerate() {
            let value = simd.min(
                simd.splat(strip.upper),
                simd.max(simd.splat(strip.lower), sum),
            );
            let at = output.add(index * strip.channels);
            match rest {
                None => simd.store(at, value),
                Some(count) => simd.store_first(at, value, count),
            }
        }
    }
}

/// A row of any window, an output pixel at a time.
#[inline(always)]
unsafe fn any_row<S: Simd>(simd: S, strip: &Strip<'_>) {
    let window = strip.window;
    let taps = window.kernel_height * window.kernel_width;
    for column in 0..window.out_width {
        for vector in strip.vectors.clone() {
            let channel = vector * S::LANES;
            let count = (strip.channels - channel).min(S::LANES);
            // SAFETY: as the caller vouches; only `count` channels are touched.
            unsafe {
                let mut sum = simd.load(strip.bias.add(channel));
                let weights = strip.weights.add(channel * taps);
                for row in strip.kernel_rows() {
                    for offset in 0..window.kernel_width {
                        let at = strip.pixel(row, column, offset).add(channel);
                        let tap = row * window.kernel_width + offset;
                        let weight = simd.load(weights.add(tap * S::LANES));
                        sum = simd.mul_add(simd.load_first(at, count), weight, sum);
                    }
                }
                let value = simd.min(
                    simd.splat(strip.upper),
                    simd.max(simd.splat(strip.lower), sum),
                );
                let pixel = strip.row * window.out_width + column;
                let at = strip.output.add(pixel * strip.channels + channel);
                simd.store_first(at, value, count);
            }
        }
    }
}
