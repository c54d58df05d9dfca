//! Non-local means, value by value as OpenCV's `fastNlMeansDenoising` and, in colour,
//! `fastNlMeansDenoisingColored`: each pixel becomes the mean of those whose surroundings look alike.
//!
//! Buades, Coll and Morel, 'Non-Local Means Denoising', IPOL 2011. The weights are whole numbers
//! from a table over the distance of two patches, the distance shifted to the next power of two of
//! the patch's pixels, so that every sum is exact and the order of the work changes nothing.
use kernels::Loops;

use super::border::{mirrored, pad_row};
use super::colors::{Light, from_lab, lab};
use super::{Given, Kind, Parameter, Picture, Value, Workers, number, odd};

pub(super) const STEP: Kind = Kind {
    name: "non_local_means",
    about: "Takes noise away: averages the pixels whose surroundings look alike; in colour on Lab, \
            lightness and colour each with its own strength",
    parameters: &[
        number("strength", 0.1, 200.0, 3.0, "levels"),
        number("color", 0.1, 200.0, 3.0, "levels"),
        odd("patch", 21, 7.0),
        WINDOW,
    ],
    apply,
};

const WINDOW: Parameter = odd("window", 99, 21.0);

fn apply(picture: Picture, values: &[Value], given: &Given<'_>) -> Picture {
    let workers = &given.workers;
    let (strength, color) = (values[0].number(), values[1].number());
    let (patch, window) = (values[2].whole(), values[3].whole());
    let denoise = |planes: &[&[u8]], strength| {
        let size = (picture.width, picture.height);
        denoise(planes, size, strength, patch, window, workers)
    };
    match picture.channels {
        1 => {
            let [gray, _] = denoise(&[&picture.values], strength);
            picture.with(1, gray)
        }
        _ => {
            let [lightness, a, b] = lab(&picture, Light::Linear, workers);
            let [lightness, _] = denoise(&[&lightness], strength);
            let [a, b] = denoise(&[&a, &b], color);
            let planes = [&lightness[..], &a, &b];
            picture.with(3, from_lab(planes, Light::Linear, workers))
        }
    }
}

/// One plane, or two of a colour that is compared as a whole.
fn denoise(
    planes: &[&[u8]],
    size: (usize, usize),
    strength: f64,
    patch: usize,
    window: usize,
    workers: &Workers<'_>,
) -> [Vec<u8>; 2] {
    let table = Table::new(strength, planes.len(), patch, window);
    let way = Way {
        size,
        patch,
        window,
        table: &table,
    };
    // Sums that stop at 65535 do where all distances from there on have no weight.
    let short = table.limit <= u32::from(u16::MAX) >> table.shift;
    match (planes, short) {
        (&[plane], true) => way.run::<u16, 1>([plane], workers),
        (&[plane], false) => way.run::<u32, 1>([plane], workers),
        (&[a, b], true) => way.run::<u16, 2>([a, b], workers),
        (&[a, b], false) => way.run::<u32, 2>([a, b], workers),
        _ => unreachable!("one plane or two"),
    }
}

/// A power of two above every shifted distance: 441 pixels of two channels at most differ by
/// 441 * 2 * 255^2 / 512.
const ENTRIES: usize = 1 << 17;

/// The weights by the shifted distance.
struct Table {
    weights: Box<[u32; ENTRIES]>,
    /// Distances are divided by 2 to this, the next power of two of the pixels of a patch.
    shift: u32,
    /// From here on weights are 0.
    limit: u32,
}

impl Table {
    fn new(strength: f64, channels: usize, patch: usize, window: usize) -> Self {
        let pixels = patch * patch;
        let shift = pixels.next_power_of_two().ilog2();
        // The greatest weight, so that the sum of all weighted values stays below 2^31.
        let one = (i32::MAX as usize / (window * window * 255)) as f64;
        // OpenCV squares in f32.
        let squared = f64::from(strength as f32 * strength as f32 * channels as f32);
        let weight = |distance: usize| {
            let distance = distance as f64 * (1_u64 << shift) as f64 / pixels as f64;
            let weight = (one * (-distance / squared).exp()).round_ties_even();
            // Below a thousandth a pixel does not count.
            if weight < 0.001 * one {
                0
            } else {
                weight as u32
            }
        };
        let weights: Box<[u32]> = (0..ENTRIES).map(weight).collect();
        let limit = weights.iter().rposition(|&weight| weight > 0);
        Table {
            limit: limit.map_or(0, |last| last as u32 + 1),
            weights: weights.try_into().expect("as many as there are entries"),
            shift,
        }
    }
}

/// What sums of squared differences are kept in.
trait Total: Copy + Default + Ord + Send {
    fn square(difference: u8) -> Self;
    fn plus(self, other: Self) -> Self;
    fn shifted(self, bits: u32) -> Self;
    fn index(self) -> usize;
}

/// Sums that stay at the greatest value once they are there.
impl Total for u16 {
    #[inline(always)]
    fn square(difference: u8) -> Self {
        u16::from(difference) * u16::from(difference)
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }
    #[inline(always)]
    fn shifted(self, bits: u32) -> Self {
        self >> bits
    }
    #[inline(always)]
    fn index(self) -> usize {
        usize::from(self)
    }
}

/// Sums that never get so large.
impl Total for u32 {
    #[inline(always)]
    fn square(difference: u8) -> Self {
        u32::from(difference) * u32::from(difference)
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn shifted(self, bits: u32) -> Self {
        self >> bits
    }
    #[inline(always)]
    fn index(self) -> usize {
        self as usize
    }
}

/// Columns of a tile.
const COLUMNS: usize = 128;
/// Rows of a tile at most: its sums stay in the first-level cache.
const ROWS: usize = 16;

/// What is to be done.
struct Way<'a> {
    size: (usize, usize),
    patch: usize,
    window: usize,
    table: &'a Table,
}

impl Way<'_> {
    fn run<T: Total, const CHANNELS: usize>(
        &self,
        planes: [&[u8]; CHANNELS],
        workers: &Workers<'_>,
    ) -> [Vec<u8>; 2] {
        let (width, height) = self.size;
        let border = self.patch / 2 + self.window / 2;
        // A tile may be read past the last pixel of a row.
        let stride = width.next_multiple_of(COLUMNS) + 2 * border;
        let padded = planes.map(|plane| {
            let mut padded = vec![0; stride * (height + 2 * border)];
            for (index, padded) in padded.chunks_exact_mut(stride).enumerate() {
                let row = mirrored(index as isize - border as isize, height);
                let row = &plane[row * width..][..width];
                pad_row(row, 1, border, mirrored, &mut padded[..width + 2 * border]);
            }
            padded
        });
        let mut pixels = vec![[0; CHANNELS]; width * height];
        workers.bands(&mut pixels, width, |first, band| {
            let mut sums = Sums::<T, CHANNELS>::new(self.patch);
            for (index, band) in band.chunks_mut(ROWS * width).enumerate() {
                let rows = band.len() / width;
                for left in (0..width).step_by(COLUMNS) {
                    let tile = Tile {
                        way: self,
                        planes: padded.each_ref().map(Vec::as_slice),
                        stride,
                        left,
                        top: first + index * ROWS,
                        rows,
                        sums: &mut sums,
                    };
                    workers.isa.compile(tile);
                    let columns = COLUMNS.min(width - left);
                    for row in 0..rows {
                        let out = &mut band[row * width + left..][..columns];
                        sums.divide(row, out);
                    }
                }
            }
        });
        std::array::from_fn(|channel| match channel < CHANNELS {
            true => pixels.iter().map(|pixel| pixel[channel]).collect(),
            false => Vec::new(),
        })
    }
}

/// What a tile is worked out in.
struct Sums<T, const CHANNELS: usize> {
    /// Squared differences of a row of the tile and its surroundings.
    squares: Vec<T>,
    /// Their sums over the patch's columns, for the rows of the tile and its surroundings.
    across: Vec<[T; COLUMNS]>,
    weights: [[u32; COLUMNS]; ROWS],
    values: [[[u32; COLUMNS]; ROWS]; CHANNELS],
}

impl<T: Total, const CHANNELS: usize> Sums<T, CHANNELS> {
    fn new(patch: usize) -> Self {
        Sums {
            squares: vec![T::default(); COLUMNS + patch - 1],
            across: vec![[T::default(); COLUMNS]; ROWS + patch - 1],
            weights: [[0; COLUMNS]; ROWS],
            values: [[[0; COLUMNS]; ROWS]; CHANNELS],
        }
    }

    /// The weighted means of a row.
    fn divide(&self, row: usize, out: &mut [[u8; CHANNELS]]) {
        for (column, out) in out.iter_mut().enumerate() {
            let weight = self.weights[row][column];
            for (channel, out) in out.iter_mut().enumerate() {
                *out = ((self.values[channel][row][column] + weight / 2) / weight) as u8;
            }
        }
    }
}

/// The sums of a tile over all places of the window.
struct Tile<'a, T, const CHANNELS: usize> {
    way: &'a Way<'a>,
    /// With their borders.
    planes: [&'a [u8]; CHANNELS],
    stride: usize,
    left: usize,
    top: usize,
    rows: usize,
    sums: &'a mut Sums<T, CHANNELS>,
}

impl<T: Total, const CHANNELS: usize> Loops for Tile<'_, T, CHANNELS> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        self.sums.weights = [[0; COLUMNS]; ROWS];
        self.sums.values = [[[0; COLUMNS]; ROWS]; CHANNELS];
        for down in 0..self.way.window {
            for across in 0..self.way.window {
                self.place(down, across);
            }
        }
    }
}

impl<T: Total, const CHANNELS: usize> Tile<'_, T, CHANNELS> {
    /// Adds one place of the window.
    #[inline(always)]
    fn place(&mut self, down: usize, across: usize) {
        let Way {
            patch,
            window,
            table,
            ..
        } = *self.way;
        let middle = window / 2;
        for row in 0..self.rows + patch - 1 {
            let own = (self.top + row + middle) * self.stride + self.left + middle;
            let other = (self.top + row + down) * self.stride + self.left + across;
            let squares = &mut self.sums.squares[..];
            square(self.planes, own, other, squares);
            add_neighbours(squares, patch, &mut self.sums.across[row]);
        }
        for row in 0..self.rows {
            let mut distances = [T::default(); COLUMNS];
            let least = add_rows(&self.sums.across[row..], patch, table.shift, &mut distances);
            if least.index() >= table.limit as usize {
                continue;
            }
            let mut weights = [0; COLUMNS];
            for column in 0..COLUMNS {
                weights[column] = table.weights[distances[column].index() & (ENTRIES - 1)];
            }
            let sums = &mut self.sums.weights[row];
            for column in 0..COLUMNS {
                sums[column] += weights[column];
            }
            let place =
                (self.top + row + down + patch / 2) * self.stride + self.left + across + patch / 2;
            for channel in 0..CHANNELS {
                let values: &[u8; COLUMNS] = chunk(self.planes[channel], place);
                let sums = &mut self.sums.values[channel][row];
                for column in 0..COLUMNS {
                    sums[column] += weights[column] * u32::from(values[column]);
                }
            }
        }
    }
}

#[inline(always)]
fn chunk(plane: &[u8], place: usize) -> &[u8; COLUMNS] {
    plane[place..]
        .first_chunk()
        .expect("a tile inside of the borders")
}

/// Squared differences of two places.
#[inline(always)]
fn square<T: Total, const CHANNELS: usize>(
    planes: [&[u8]; CHANNELS],
    own: usize,
    other: usize,
    squares: &mut [T],
) {
    let length = squares.len();
    let own_first = &planes[0][own..][..length];
    let other_first = &planes[0][other..][..length];
    for index in 0..length {
        squares[index] = T::square(own_first[index].abs_diff(other_first[index]));
    }
    for plane in &planes[1..] {
        let own = &plane[own..][..length];
        let other = &plane[other..][..length];
        for index in 0..length {
            squares[index] = squares[index].plus(T::square(own[index].abs_diff(other[index])));
        }
    }
}

/// The sums of each value and those behind it, `count` in all.
#[inline(always)]
fn add_neighbours<T: Total>(values: &[T], count: usize, sums: &mut [T; COLUMNS]) {
    if count == 7 {
        let values = &values[..COLUMNS + 6];
        for column in 0..COLUMNS {
            let two = values[column].plus(values[column + 1]);
            let four = two.plus(values[column + 2].plus(values[column + 3]));
            let six = four.plus(values[column + 4].plus(values[column + 5]));
            sums[column] = six.plus(values[column + 6]);
        }
        return;
    }
    sums.copy_from_slice(&values[..COLUMNS]);
    for place in 1..count {
        let values = &values[place..][..COLUMNS];
        for column in 0..COLUMNS {
            sums[column] = sums[column].plus(values[column]);
        }
    }
}

/// The sums of the first `count` rows, shifted, and the least of them.
#[inline(always)]
fn add_rows<T: Total>(
    rows: &[[T; COLUMNS]],
    count: usize,
    shift: u32,
    sums: &mut [T; COLUMNS],
) -> T {
    if count == 7 {
        let rows: &[[T; COLUMNS]; 7] = rows.first_chunk().expect("the rows of a patch");
        for column in 0..COLUMNS {
            let two = rows[0][column].plus(rows[1][column]);
            let four = two.plus(rows[2][column].plus(rows[3][column]));
            let six = four.plus(rows[4][column].plus(rows[5][column]));
            sums[column] = six.plus(rows[6][column]).shifted(shift);
        }
    } else {
        *sums = rows[0];
        for row in &rows[1..count] {
            for column in 0..COLUMNS {
                sums[column] = sums[column].plus(row[column]);
            }
        }
        for sum in sums.iter_mut() {
            *sum = sum.shifted(shift);
        }
    }
    let mut least = sums[0];
    for &sum in sums.iter() {
        least = least.min(sum);
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fall_from_the_greatest_to_nothing() {
        let table = Table::new(10.0, 1, 7, 21);
        assert_eq!(table.shift, 6);
        assert_eq!(table.weights[0], i32::MAX as u32 / (21 * 21 * 255));
        assert!(table.weights.is_sorted_by(|near, far| near >= far));
        // exp(-d / 100) falls below a thousandth at d = 690.8; d is 64 / 49 a step, and the weight is
        // rounded before it is compared.
        assert_eq!(table.limit, 528);
        assert_eq!(table.weights[table.limit as usize], 0);
    }
}
