//! From coefficients to pixels: the inverse cosine transform, the spreading of coarser components,
//! the colours. All of it in the integers of libjpeg, to the last bit.
use kernels::{Isa, Loops};

use super::scan::Block;

/// Bits of the constants behind the point.
const POINT: u32 = 13;

/// Bits that the first pass leaves behind the point.
const BETWEEN: u32 = 2;

/// The colours that the components stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Colors {
    Gray,
    Rgb,
    /// Luma and two differences, as JFIF has them.
    Ycc,
    /// Inverted, as all programs store it in practice.
    Cmyk,
    /// Inverted CMYK, whose first three are stored as luma and differences.
    Ycck,
}

impl Colors {
    /// Components.
    pub(in crate::decode) fn channels(self) -> usize {
        match self {
            Colors::Gray => 1,
            Colors::Rgb | Colors::Ycc => 3,
            Colors::Cmyk | Colors::Ycck => 4,
        }
    }
}

/// A component of the picture.
pub(super) struct Plane {
    /// Rows and columns of samples that show.
    pub width: usize,
    pub height: usize,
    /// Blocks in a row, those included that fill up units.
    pub blocks: usize,
    /// Samples across and down in a unit of the frame.
    pub sampling: [usize; 2],
    /// The factors of the coefficients.
    pub factors: [i32; 64],
    /// Three rows of units, over each other in turn: the one before, the one that is given out,
    /// the one after.
    ring: Vec<u8>,
    /// A row at the picture's width.
    line: Vec<[u8; 2]>,
    /// Sums of two rows.
    sums: Vec<u16>,
}

/// The picture while it is made: its components, and how far it has been given out.
pub(super) struct Picture {
    width: usize,
    height: usize,
    colors: Colors,
    /// The most samples of a component across and down in a unit.
    most: [usize; 2],
    pub planes: Vec<Plane>,
    isa: Isa,
    pixels: Vec<u8>,
    /// Rows of units of which there are samples.
    rows: usize,
}

impl Plane {
    pub(super) fn new([width, height]: [usize; 2], blocks: usize, sampling: [usize; 2]) -> Self {
        Plane {
            width,
            height,
            blocks,
            sampling,
            factors: [0; 64],
            ring: Vec::new(),
            line: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// Rows of samples in a row of units.
    fn unit_rows(&self) -> usize {
        8 * self.sampling[1]
    }
}

impl Picture {
    pub(super) fn new(
        isa: Isa,
        [width, height]: [usize; 2],
        colors: Colors,
        most: [usize; 2],
        mut planes: Vec<Plane>,
    ) -> Self {
        for plane in &mut planes {
            plane.ring = vec![0; 3 * plane.unit_rows() * plane.blocks * 8];
            // A spread row may be a little wider than the picture.
            plane.line = vec![[0; 2]; (width + 8).div_ceil(2)];
            plane.sums = vec![0; plane.width];
        }
        Picture {
            width,
            height,
            colors,
            most,
            planes,
            isa,
            pixels: vec![0; width * height * colors.channels()],
            rows: 0,
        }
    }

    /// Takes the next row of units: of each component its blocks, row by row.
    pub(super) fn take<'a>(&mut self, blocks: impl Fn(usize) -> &'a [Block]) {
        for (index, plane) in self.planes.iter_mut().enumerate() {
            let rows = plane.unit_rows();
            let start = self.rows % 3 * rows * plane.blocks * 8;
            let samples = &mut plane.ring[start..start + rows * plane.blocks * 8];
            self.isa.compile(Transform {
                blocks: blocks(index),
                across: plane.blocks,
                factors: &plane.factors,
                samples,
            });
        }
        self.rows += 1;
        if self.rows > 1 {
            self.give(self.rows - 2);
        }
    }

    /// The pixels, after the last row of units.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.give(self.rows - 1);
        self.pixels
    }

    /// Gives out the pixels of a row of units.
    fn give(&mut self, row: usize) {
        self.isa.compile(Give { picture: self, row });
    }
}

/// The cosine transform of one row or column without the last rounding: Loeffler, Ligtenberg and
/// Moschytz's 12 multiplications, in the order and with the constants of libjpeg's exact one. Each
/// output is a sum of whole multiples of the inputs.
#[inline(always)]
const fn transform(c: [i32; 8]) -> [i32; 8] {
    const fn scaled(value: f64) -> i32 {
        (value * (1 << POINT) as f64 + 0.5) as i32
    }
    const fn times(value: i32, constant: f64) -> i32 {
        if constant < 0.0 {
            value.wrapping_mul(-scaled(-constant))
        } else {
            value.wrapping_mul(scaled(constant))
        }
    }
    const fn add(a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }
    // The even half.
    let shared = times(add(c[2], c[6]), 0.541196100);
    let second = add(shared, times(c[6], -1.847759065));
    let third = add(shared, times(c[2], 0.765366865));
    let sum = add(c[0], c[4]).wrapping_mul(1 << POINT);
    let difference = c[0].wrapping_sub(c[4]).wrapping_mul(1 << POINT);
    let even = [
        add(sum, third),
        add(difference, second),
        difference.wrapping_sub(second),
        sum.wrapping_sub(third),
    ];
    // The odd half.
    let shared = times(add(add(c[7], c[3]), add(c[5], c[1])), 1.175875602);
    let outer = times(add(c[7], c[1]), -0.899976223);
    let inner = times(add(c[5], c[3]), -2.562915447);
    let low = add(times(add(c[7], c[3]), -1.961570560), shared);
    let high = add(times(add(c[5], c[1]), -0.390180644), shared);
    let odd = [
        add(times(c[1], 1.501321110), add(outer, high)),
        add(times(c[3], 3.072711026), add(inner, low)),
        add(times(c[5], 2.053119869), add(inner, high)),
        add(times(c[7], 0.298631336), add(outer, low)),
    ];
    [
        add(even[0], odd[0]),
        add(even[1], odd[1]),
        add(even[2], odd[2]),
        add(even[3], odd[3]),
        even[3].wrapping_sub(odd[3]),
        even[2].wrapping_sub(odd[2]),
        even[1].wrapping_sub(odd[1]),
        even[0].wrapping_sub(odd[0]),
    ]
}

/// What each input gives to each output of `transform`: the second pass goes by rows, and a sum of
/// eight of these is done for all of a row at once, without turning the block.
const SHARES: [[i32; 8]; 8] = {
    let mut shares = [[0; 8]; 8];
    let mut input = 0;
    while input < 8 {
        let mut unit = [0; 8];
        unit[input] = 1;
        shares[input] = transform(unit);
        input += 1;
    }
    shares
};

/// `value / 2^BITS`, rounded.
#[inline(always)]
fn rounded<const BITS: u32>(value: i32) -> i32 {
    value.wrapping_add(1 << (BITS - 1)) >> BITS
}

/// Blocks to samples.
struct Transform<'a> {
    blocks: &'a [Block],
    /// Blocks in a row.
    across: usize,
    factors: &'a [i32; 64],
    samples: &'a mut [u8],
}

impl Loops for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.across * 8;
        let rows = self.samples.chunks_exact_mut(8 * width);
        for (samples, blocks) in rows.zip(self.blocks.chunks_exact(self.across)) {
            for (column, block) in blocks.iter().enumerate() {
                let samples = &mut samples[column * 8..];
                let mut columns = [0; 8];
                for row in 0..8 {
                    for column in 0..8 {
                        // All but the very first.
                        let skipped = i16::from(row + column != 0);
                        columns[column] |= block[row * 8 + column] * skipped;
                    }
                }
                let right = columns[4] | columns[5] | columns[6] | columns[7];
                let left = columns[0] | columns[1] | columns[2] | columns[3];
                if left | right == 0 {
                    let first = i32::from(block[0]).wrapping_mul(self.factors[0]);
                    let value = rounded::<{ BETWEEN + 3 }>(first << BETWEEN);
                    let value = value.wrapping_add(128).clamp(0, 255) as u8;
                    for row in 0..8 {
                        samples[row * width..][..8].fill(value);
                    }
                } else if right == 0 {
                    inverse::<4>(block, self.factors, samples, width);
                } else {
                    inverse::<8>(block, self.factors, samples, width);
                }
            }
        }
    }
}

/// The inverse transform of one block whose columns from `COLUMNS` on are zero, to 8 rows of samples
/// that lie `width` apart.
#[inline(always)]
fn inverse<const COLUMNS: usize>(
    block: &Block,
    factors: &[i32; 64],
    samples: &mut [u8],
    width: usize,
) {
    let mut between = [0i32; 64];
    for column in 0..8 {
        let mut input = [0; 8];
        for (row, input) in input.iter_mut().enumerate() {
            let at = row * 8 + column;
            *input = i32::from(block[at]).wrapping_mul(factors[at]);
        }
        let output = transform(input);
        for row in 0..8 {
            between[row * 8 + column] = rounded::<{ POINT - BETWEEN }>(output[row]);
        }
    }
    for row in 0..8 {
        let mut sums = [0i32; 8];
        for input in 0..COLUMNS {
            let value = between[row * 8 + input];
            for column in 0..8 {
                sums[column] = sums[column].wrapping_add(value.wrapping_mul(SHARES[input][column]));
            }
        }
        let samples = &mut samples[row * width..][..8];
        for column in 0..8 {
            let value = rounded::<{ POINT + BETWEEN + 3 }>(sums[column]);
            samples[column] = value.wrapping_add(128).clamp(0, 255) as u8;
        }
    }
}

/// Samples of a row of units to pixels.
struct Give<'a> {
    picture: &'a mut Picture,
    row: usize,
}

impl Loops for Give<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let picture = self.picture;
        let [_, most] = picture.most;
        let rows = self.row * 8 * most..((self.row + 1) * 8 * most).min(picture.height);
        for row in rows {
            let mut lines: [&[u8]; 4] = [&[]; 4];
            for (plane, line) in picture.planes.iter_mut().zip(&mut lines) {
                *line = spread(plane, picture.most, row, picture.width);
            }
            let size = picture.width * picture.colors.channels();
            let pixels = &mut picture.pixels[row * size..][..size];
            colors(picture.colors, lines, pixels);
        }
    }
}

/// A row of a component at the picture's width. Twice as many are interpolated, as libjpeg does
/// ("fancy upsampling"); any other number of samples is repeated.
#[inline(always)]
fn spread(plane: &mut Plane, most: [usize; 2], row: usize, width: usize) -> &[u8] {
    let [across, down] = plane.sampling;
    let Plane {
        ring, line, sums, ..
    } = plane;
    let stride = plane.blocks * 8;
    let ring_rows = ring.len() / stride;
    let sample_row = row * down / most[1];
    let last = plane.height - 1;
    let at = |row: usize| &ring[row.min(last) % ring_rows * stride..][..plane.width];
    let near = at(sample_row);
    let (twice_across, twice_down) = (across * 2 == most[0], down * 2 == most[1]);
    let same_across = across == most[0];
    // Of columns of one or two samples nothing is interpolated.
    let smooth_across = twice_across && plane.width > 2;
    let far = || match row % 2 {
        0 => at(sample_row.saturating_sub(1)),
        _ => at(sample_row + 1),
    };
    if same_across && down == most[1] {
        return near;
    }
    if smooth_across && down == most[1] {
        for (sum, sample) in sums.iter_mut().zip(near) {
            *sum = u16::from(*sample);
        }
        widen::<2, 1, 2>(sums, line);
    } else if smooth_across && twice_down {
        for ((sum, near), far) in sums.iter_mut().zip(near).zip(far()) {
            *sum = 3 * u16::from(*near) + u16::from(*far);
        }
        widen::<4, 8, 7>(sums, line);
    } else if same_across && twice_down {
        let bias = 1 + row as u16 % 2;
        let line = line.as_flattened_mut();
        for ((value, near), far) in line.iter_mut().zip(near).zip(far()) {
            *value = ((3 * u16::from(*near) + u16::from(*far) + bias) >> 2) as u8;
        }
    } else {
        let line = line.as_flattened_mut();
        for (column, value) in line[..width].iter_mut().enumerate() {
            *value = near[column * across / most[0]];
        }
    }
    &plane.line.as_flattened()[..width]
}

/// Twice as many columns of sums of `2^(BITS - 2)` samples: three quarters of the nearer one and a
/// quarter of the farther one, rounded by `EVEN` and `ODD` so that halves go up and down in turn.
#[inline(always)]
fn widen<const BITS: u32, const EVEN: u16, const ODD: u16>(sums: &[u16], line: &mut [[u8; 2]]) {
    let last = sums.len() - 1;
    // At the edges the sample itself stands for the one beyond.
    line[0] = pair::<BITS, EVEN, ODD>(sums[0], sums[0], sums[1]);
    line[last] = pair::<BITS, EVEN, ODD>(sums[last - 1], sums[last], sums[last]);
    let neighbours = sums.iter().zip(&sums[1..]).zip(&sums[2..]);
    for (pixels, ((before, sum), after)) in line[1..last].iter_mut().zip(neighbours) {
        *pixels = pair::<BITS, EVEN, ODD>(*before, *sum, *after);
    }
}

#[inline(always)]
fn pair<const BITS: u32, const EVEN: u16, const ODD: u16>(
    before: u16,
    sum: u16,
    after: u16,
) -> [u8; 2] {
    let even = (3 * sum + before + EVEN) >> BITS;
    let odd = (3 * sum + after + ODD) >> BITS;
    (even | odd << 8).to_le_bytes()
}

/// A row of pixels from the rows of its components.
#[inline(always)]
fn colors(colors: Colors, lines: [&[u8]; 4], pixels: &mut [u8]) {
    let [first, second, third, fourth] = lines;
    match colors {
        Colors::Gray => pixels.copy_from_slice(first),
        Colors::Rgb => {
            let samples = first.iter().zip(second).zip(third);
            for (pixel, ((r, g), b)) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(samples) {
                *pixel = [*r, *g, *b];
            }
        }
        Colors::Ycc => rgb_row([first, second, third], pixels),
        Colors::Cmyk => {
            let samples = first.iter().zip(second).zip(third).zip(fourth);
            let pixels = pixels.as_chunks_mut::<4>().0.iter_mut();
            for (pixel, (((c, m), y), k)) in pixels.zip(samples) {
                *pixel = [255 - c, 255 - m, 255 - y, 255 - k];
            }
        }
        Colors::Ycck => {
            let samples = first.iter().zip(second).zip(third).zip(fourth);
            let pixels = pixels.as_chunks_mut::<4>().0.iter_mut();
            for (pixel, (((y, cb), cr), k)) in pixels.zip(samples) {
                // Luma and differences give what is left of the light, which stored inks are.
                let [r, g, b] = rgb(*y, *cb, *cr);
                *pixel = [r, g, b, 255 - k];
            }
        }
    }
}

/// Pixels that are converted together: three times as many bytes fill whole vectors.
const TOGETHER: usize = 64;

/// `rgb` of a row. First the colours one by one, then side by side: each of the two is a loop that
/// the compiler makes vectors of.
#[inline(always)]
fn rgb_row(lines: [&[u8]; 3], pixels: &mut [u8]) {
    let width = lines[0].len();
    if width < TOGETHER {
        let samples = lines[0].iter().zip(lines[1]).zip(lines[2]);
        for (pixel, ((y, cb), cr)) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(samples) {
            *pixel = rgb(*y, *cb, *cr);
        }
        return;
    }
    for start in (0..width).step_by(TOGETHER) {
        // The last ones are made once more where the width is no multiple.
        let from = start.min(width - TOGETHER);
        let mut parts = [[0u8; TOGETHER]; 3];
        for (part, line) in parts.iter_mut().zip(lines) {
            part.copy_from_slice(&line[from..from + TOGETHER]);
        }
        let [first, second, third] = &mut parts;
        for ((y, cb), cr) in first.iter_mut().zip(second).zip(third) {
            [*y, *cb, *cr] = rgb(*y, *cb, *cr);
        }
        let pixels = &mut pixels[3 * from..3 * (from + TOGETHER)];
        let [red, green, blue] = &parts;
        for (at, ((red, green), blue)) in red.iter().zip(green).zip(blue).enumerate() {
            pixels[3 * at] = *red;
            pixels[3 * at + 1] = *green;
            pixels[3 * at + 2] = *blue;
        }
    }
}

/// The colours of BT.601 as JFIF has them. The factors 1.402, 1.772 and 0.71414 are taken apart
/// into whole ones and what 16 bits hold, which processors multiply fastest; the results are those
/// of 16 bits behind the point, rounded.
#[inline(always)]
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i16::from(y), i16::from(cb) - 128, i16::from(cr) - 128);
    let red = y + cr + ((high(2 * cr, 26_345) + 1) >> 1);
    let blue = y + 2 * cb + ((high(2 * cb, -14_942) + 1) >> 1);
    let less = i32::from(cb) * -22_554 + i32::from(cr) * 18_734 + (1 << 15);
    let green = y - cr + (less >> 16) as i16;
    [
        red.clamp(0, 255) as u8,
        green.clamp(0, 255) as u8,
        blue.clamp(0, 255) as u8,
    ]
}

/// The upper half of a product.
#[inline(always)]
fn high(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transform against the sum that defines it, and the colours against their formula: within
    /// the half step that rounding takes (and a little, as the transform rounds twice).
    #[test]
    fn as_the_formulas() {
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for round in 0..200 {
            let mut block: Block = [0; 64];
            // Few coefficients, of the left half, or all.
            for _ in 0..1 + round {
                let at = random() as usize % 64;
                let at = if round % 2 == 0 { at & !4 } else { at };
                block[at] = (random() % 41) as i16 - 20;
            }
            let factors = std::array::from_fn(|at| 1 + at as i32 % 7);
            for isa in Isa::available() {
                let mut samples = [0; 64];
                isa.compile(Transform {
                    blocks: &[block],
                    across: 1,
                    factors: &factors,
                    samples: &mut samples,
                });
                for (at, sample) in samples.iter().enumerate() {
                    let mut sum = 0.0;
                    for (coefficient, value) in block.iter().enumerate() {
                        let wave = |at: usize, frequency: usize| {
                            let angle = ((2 * at + 1) * frequency) as f64 / 16.0;
                            let scale = if frequency == 0 { 0.125f64.sqrt() } else { 0.5 };
                            scale * (angle * std::f64::consts::PI).cos()
                        };
                        let value = f64::from(i32::from(*value) * factors[coefficient]);
                        let down = wave(at / 8, coefficient / 8);
                        sum += value * down * wave(at % 8, coefficient % 8);
                    }
                    let right = (sum + 128.0).clamp(0.0, 255.0);
                    assert!(
                        (f64::from(*sample) - right).abs() < 0.6,
                        "{sample}, {right}"
                    );
                }
            }
        }
        for y in [0, 1, 128, 255] {
            for (cb, cr) in (0..=255).flat_map(|cb| (0..=255).map(move |cr| (cb, cr))) {
                let value = |sample: u8| f64::from(sample);
                let (luma, blue, red) = (value(y), value(cb) - 128.0, value(cr) - 128.0);
                let right = [
                    luma + 1.402 * red,
                    luma - 0.344_14 * blue - 0.714_14 * red,
                    luma + 1.772 * blue,
                ];
                for (color, right) in rgb(y, cb, cr).into_iter().zip(right) {
                    let right = right.clamp(0.0, 255.0);
                    assert!((value(color) - right).abs() < 0.501, "{y} {cb} {cr}");
                }
            }
        }
    }
}
