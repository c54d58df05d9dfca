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

/// f32 of input that the rows under a tile may have: two thirds of a small first-level cache
/// (32 KiB), so that they are still there for the output row below.
const CACHED_VALUES: usize = 5 * 1024;

/// Some output rows of some vectors of channels.
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
    /// The first value of output row 0, which may lie before the buffer: only wrapping arithmetic
    /// leads from it to a pixel.
    pub output: *mut f32,
    pub lower: f32,
    pub upper: f32,
    /// Which vectors of channels.
    pub vectors: Range<usize>,
    pub rows: Range<usize>,
}

impl Strip<'_> {
    /// Where the window of output pixel (`row`, `column`) has its row `kernel_row` and column
    /// `offset`: a pixel of the input, or zeros.
    #[inline(always)]
    fn pixel(&self, row: usize, column: usize, kernel_row: usize, offset: usize) -> *const f32 {
        let window = self.window;
        // Signed positions as wrapped unsigned ones: one comparison finds both sides outside.
        let row = (row * window.stride_height + kernel_row).wrapping_sub(window.pad_top);
        let column = (column * window.stride_width + offset).wrapping_sub(window.pad_left);
        if row < window.in_height && column < window.in_width {
            let pixel = (row - self.first_input_row) * window.in_width + column;
            self.input.wrapping_add(pixel * self.channels)
        } else {
            self.zeros
        }
    }

    /// The rows of the window of an output row that lie inside of the image.
    #[inline(always)]
    fn kernel_rows(&self, row: usize) -> Range<usize> {
        let window = self.window;
        let top = row * window.stride_height;
        let start = window.pad_top.saturating_sub(top).min(window.kernel_height);
        let end = (window.in_height + window.pad_top).saturating_sub(top);
        start..end.min(window.kernel_height).max(start)
    }
}

/// Computes the strip.
///
/// # Safety
/// All pointers of the strip must be valid, and the input rows that its rows see be there.
pub(super) unsafe fn run(isa: Isa, strip: &Strip<'_>) {
    let window = strip.window;
    let special = window.kernel_height <= MOST_ROWS;
    match (window.kernel_width, window.stride_width) {
        (3, 1) if special => strips::<3, 1>(isa, strip),
        (3, 2) if special => strips::<3, 2>(isa, strip),
        (5, 1) if special => strips::<5, 1>(isa, strip),
        (5, 2) if special => strips::<5, 2>(isa, strip),
        _ => isa.run(AnyWindow(strip)),
    }
}

/// Goes down the rows tile by tile (as even as can be), some channels at a time, so that the input
/// rows that two output rows share come from the first-level cache.
fn strips<const WIDTH: usize, const STRIDE: usize>(isa: Isa, strip: &Strip<'_>) {
    let lanes = isa.lanes();
    let columns = strip.window.out_width;
    let tiles = columns.div_ceil(MOST_OUTPUTS);
    let widest = (columns.div_ceil(tiles) - 1) * STRIDE + WIDTH;
    let cached = CACHED_VALUES / (widest * strip.window.kernel_height * lanes);
    // Whole pairs of cache lines.
    let most = (cached / (32 / lanes)).max(1) * (32 / lanes);
    let chunks = strip.vectors.len().div_ceil(most);
    for chunk in 0..chunks {
        let vectors = strip.vectors.start + chunk * most
            ..(strip.vectors.start + (chunk + 1) * most).min(strip.vectors.end);
        for index in 0..tiles {
            let first = columns * index / tiles;
            let outputs = columns * (index + 1) / tiles - first;
            // Each size is a function of its own: all of them in one would take minutes to compile.
            macro_rules! sizes {
                ($($outputs:literal)+) => {
                    match outputs {
                        $($outputs => isa.run(Down::<'_, WIDTH, STRIDE, $outputs> {
                            strip,
                            vectors: vectors.clone(),
                            first,
                        }),)+
                        _ => unreachable!("a tile has at most {MOST_OUTPUTS} outputs"),
                    }
                };
            }
            sizes!(1 2 3 4 5 6 7 8);
        }
    }
}

/// A column of tiles, OUTPUTS wide from output column `first` on.
struct Down<'a, const WIDTH: usize, const STRIDE: usize, const OUTPUTS: usize> {
    strip: &'a Strip<'a>,
    vectors: Range<usize>,
    first: usize,
}

impl<const WIDTH: usize, const STRIDE: usize, const OUTPUTS: usize> Work
    for Down<'_, WIDTH, STRIDE, OUTPUTS>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // SAFETY: as `run` asks of its caller.
        unsafe { down::<S, WIDTH, STRIDE, OUTPUTS>(simd, self.strip, self.vectors, self.first) };
    }
}

struct AnyWindow<'a>(&'a Strip<'a>);

impl Work for AnyWindow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // SAFETY: as `run` asks of its caller.
        unsafe { any_window(simd, self.0) };
    }
}

type Pointers = [[*const f32; MOST_COLUMNS]; MOST_ROWS];

/// A column of tiles, from row to row.
#[inline(always)]
unsafe fn down<S: Simd, const WIDTH: usize, const STRIDE: usize, const OUTPUTS: usize>(
    simd: S,
    strip: &Strip<'_>,
    vectors: Range<usize>,
    first: usize,
) {
    let columns = (OUTPUTS - 1) * STRIDE + WIDTH;
    let window = strip.window;
    let left = (first * STRIDE).wrapping_sub(window.pad_left);
    let inside = left < window.in_width && left + columns <= window.in_width;
    let whole = vectors.end.min(strip.channels / S::LANES);
    let row_values = window.in_width * strip.channels;
    let mut pointers: Pointers = [[strip.zeros; MOST_COLUMNS]; MOST_ROWS];
    for row in strip.rows.clone() {
        let kernel_rows = strip.kernel_rows(row);
        let pixel = row * window.out_width + first;
        let output = strip.output.wrapping_add(pixel * strip.channels);
        // SAFETY: as the caller vouches; of the last vector only the channels that are there are
        // touched.
        unsafe {
            let mut rest = vectors.clone();
            if inside {
                let start = strip.pixel(row, first, kernel_rows.start, 0);
                let place = Inside {
                    start,
                    row_values,
                    channels: strip.channels,
                    kernel_rows: kernel_rows.clone(),
                };
                for vector in vectors.start..whole {
                    tile::<S, _, WIDTH, STRIDE, OUTPUTS>(simd, strip, &place, output, vector);
                }
                rest.start = whole.max(vectors.start);
            }
            if rest.is_empty() {
                continue;
            }
            for kernel_row in kernel_rows.clone() {
                for column in 0..columns {
                    pointers[kernel_row][column] = strip.pixel(row, first, kernel_row, column);
                }
            }
            for vector in rest {
                let place = Anywhere {
                    pointers: &pointers,
                    kernel_rows: kernel_rows.clone(),
                    count: (strip.channels - vector * S::LANES).min(S::LANES),
                };
                tile::<S, _, WIDTH, STRIDE, OUTPUTS>(simd, strip, &place, output, vector);
            }
        }
    }
}

/// Where a tile finds its inputs.
trait Place {
    /// The rows of the window that lie inside of the image.
    fn kernel_rows(&self) -> Range<usize>;

    /// A vector of channels from `channel` on, of a pixel that the tile sees.
    ///
    /// # Safety
    /// The pixel must be one that the tile sees.
    unsafe fn load<S: Simd>(
        &self,
        simd: S,
        kernel_row: usize,
        column: usize,
        channel: usize,
    ) -> S::Vector;

    /// How many of these channels there are.
    fn count<S: Simd>(&self) -> usize;
}

/// All columns lie inside of the image, and all lanes of the vector are channels.
struct Inside {
    /// The tile's first column in the window's first row that lies inside.
    start: *const f32,
    row_values: usize,
    channels: usize,
    kernel_rows: Range<usize>,
}

impl Place for Inside {
    #[inline(always)]
    fn kernel_rows(&self) -> Range<usize> {
        self.kernel_rows.clone()
    }

    #[inline(always)]
    unsafe fn load<S: Simd>(
        &self,
        simd: S,
        kernel_row: usize,
        column: usize,
        channel: usize,
    ) -> S::Vector {
        let row = (kernel_row - self.kernel_rows.start) * self.row_values;
        // SAFETY: the caller vouches for the pixel.
        unsafe { simd.load(self.start.add(channel).add(row).add(column * self.channels)) }
    }

    #[inline(always)]
    fn count<S: Simd>(&self) -> usize {
        S::LANES
    }
}

/// Each pixel has a pointer: to the image or to zeros.
struct Anywhere<'a> {
    pointers: &'a Pointers,
    kernel_rows: Range<usize>,
    count: usize,
}

impl Place for Anywhere<'_> {
    #[inline(always)]
    fn kernel_rows(&self) -> Range<usize> {
        self.kernel_rows.clone()
    }

    #[inline(always)]
    unsafe fn load<S: Simd>(
        &self,
        simd: S,
        kernel_row: usize,
        column: usize,
        channel: usize,
    ) -> S::Vector {
        // SAFETY: the caller vouches for the pixel and thereby for its pointer.
        unsafe {
            let at = self.pointers.get_unchecked(kernel_row)[column].add(channel);
            if self.count == S::LANES {
                simd.load(at)
            } else {
                simd.load_first(at, self.count)
            }
        }
    }

    #[inline(always)]
    fn count<S: Simd>(&self) -> usize {
        self.count
    }
}

/// One vector of channels of a tile; `output` is the tile's first pixel.
#[inline(always)]
unsafe fn tile<S: Simd, P: Place, const WIDTH: usize, const STRIDE: usize, const OUTPUTS: usize>(
    simd: S,
    strip: &Strip<'_>,
    place: &P,
    output: *mut f32,
    vector: usize,
) {
    let channel = vector * S::LANES;
    // SAFETY: the caller vouches for the pointers and the channels.
    unsafe {
        let mut sums = [simd.load(strip.bias.add(channel)); OUTPUTS];
        let weights = strip
            .weights
            .add(channel * strip.window.kernel_height * WIDTH);
        for row in place.kernel_rows() {
            let mut loaded = [sums[0]; WIDTH];
            for (tap, weight) in loaded.iter_mut().enumerate() {
                *weight = simd.load(weights.add((row * WIDTH + tap) * S::LANES));
            }
            // Columns a period apart share no output, so that each phase adds to each sum at most
            // once: the additions to one sum lie far enough apart to be done in order.
            // Written out, since the compiler leaves so long a loop as it is and would then keep
            // the sums in memory.
            macro_rules! phases {
                ($($phase:literal)+) => {$( phases!(@columns $phase; 0 1 2 3 4 5 6 7 8 9 10 11 12 13
                    14 15 16 17 18); )+};
                (@columns $phase:literal; $($column:literal)+) => {$(
                    if $column < (OUTPUTS - 1) * STRIDE + WIDTH
                        && $column % (WIDTH.div_ceil(STRIDE) * STRIDE) == $phase
                    {
                        let value = place.load(simd, row, $column, channel);
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
            phases!(0 1 2 3 4 5);
        }
        let (lower, upper) = (simd.splat(strip.lower), simd.splat(strip.upper));
        let count = place.count::<S>();
        for (index, &sum) in sums.iter().enumerate() {
            let value = simd.min(upper, simd.max(lower, sum));
            let at = output.add(index * strip.channels + channel);
            if count == S::LANES {
                simd.store(at, value);
            } else {
                simd.store_first(at, value, count);
            }
        }
    }
}

/// Rows of any window, an output pixel at a time.
#[inline(always)]
unsafe fn any_window<S: Simd>(simd: S, strip: &Strip<'_>) {
    let window = strip.window;
    let taps = window.kernel_height * window.kernel_width;
    let pixels = strip.rows.start * window.out_width..strip.rows.end * window.out_width;
    for pixel in pixels {
        let (row, column) = (pixel / window.out_width, pixel % window.out_width);
        for vector in strip.vectors.clone() {
            let channel = vector * S::LANES;
            let count = (strip.channels - channel).min(S::LANES);
            // SAFETY: as the caller vouches; only `count` channels are touched.
            unsafe {
                let mut sum = simd.load(strip.bias.add(channel));
                let weights = strip.weights.add(channel * taps);
                for kernel_row in strip.kernel_rows(row) {
                    for offset in 0..window.kernel_width {
                        let at = strip.pixel(row, column, kernel_row, offset).add(channel);
                        let tap = kernel_row * window.kernel_width + offset;
                        let weight = simd.load(weights.add(tap * S::LANES));
                        sum = simd.mul_add(simd.load_first(at, count), weight, sum);
                    }
                }
                let value = simd.min(
                    simd.splat(strip.upper),
                    simd.max(simd.splat(strip.lower), sum),
                );
                let at = strip.output.wrapping_add(pixel * strip.channels + channel);
                simd.store_first(at, value, count);
            }
        }
    }
}
