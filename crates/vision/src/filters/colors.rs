//! Colour spaces in 8 bits, value by value as OpenCV's: gray, YCrCb, CIE Lab.
use std::sync::LazyLock;

use kernels::Loops;

use super::{Picture, Workers};

/// Pixels that a thread takes at a time.
const PIXELS: usize = 1 << 12;

/// `value / 2^shift`, rounded.
#[inline(always)]
fn descale(value: i32, shift: u32) -> i32 {
    (value + (1 << (shift - 1))) >> shift
}

#[inline(always)]
fn clamp(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

/// The luma of BT.601: 0.299, 0.587 and 0.114 in fifteen bits, as OpenCV's `COLOR_RGB2GRAY`.
pub(super) fn luma(picture: &Picture, workers: &Workers<'_>) -> Vec<u8> {
    struct Luma<'a>(&'a [[u8; 3]], &'a mut [u8]);
    impl Loops for Luma<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (&[red, green, blue], gray) in self.0.iter().zip(self.1) {
                let sum = i32::from(red) * 9798 + i32::from(green) * 19235 + i32::from(blue) * 3735;
                *gray = descale(sum, 15) as u8;
            }
        }
    }
    let pixels = picture.values.as_chunks::<3>().0;
    let mut gray = vec![0; pixels.len()];
    workers.bands(&mut gray, PIXELS, |block, gray| {
        let pixels = &pixels[block * PIXELS..][..gray.len()];
        workers.isa.compile(Luma(pixels, gray));
    });
    gray
}

/// Three planes of a picture in colour, made block by block.
fn planes(
    picture: &Picture,
    workers: &Workers<'_>,
    convert: impl Fn(&[[u8; 3]], [&mut [u8]; 3]) + Sync,
) -> [Vec<u8>; 3] {
    let pixels = picture.values.as_chunks::<3>().0;
    let mut planes: [Vec<u8>; 3] = std::array::from_fn(|_| vec![0; pixels.len()]);
    let [first, second, third] = &mut planes;
    let band = pixels.len().div_ceil(workers.pool.threads()).max(1);
    let mut bands: Vec<[&mut [u8]; 3]> = first
        .chunks_mut(band)
        .zip(second.chunks_mut(band).zip(third.chunks_mut(band)))
        .map(|(first, (second, third))| [first, second, third])
        .collect();
    workers
        .pool
        .for_each(&mut bands, |index, [first, second, third]| {
            convert(
                &pixels[index * band..][..first.len()],
                [first, second, third],
            );
        });
    planes
}

/// Interleaved colours from three planes.
fn interleaved(
    planes: [&[u8]; 3],
    workers: &Workers<'_>,
    convert: impl Fn([&[u8]; 3], &mut [[u8; 3]]) + Sync,
) -> Vec<u8> {
    let mut pixels = vec![[0; 3]; planes[0].len()];
    workers.bands(&mut pixels, PIXELS, |block, pixels| {
        let part = |plane: usize| &planes[plane][block * PIXELS..][..pixels.len()];
        convert([part(0), part(1), part(2)], pixels);
    });
    pixels.into_flattened()
}

/// Luma, red difference and blue difference, as `COLOR_RGB2YCrCb`: fourteen bits.
pub(super) fn ycrcb(picture: &Picture, workers: &Workers<'_>) -> [Vec<u8>; 3] {
    struct Convert<'a>(&'a [[u8; 3]], [&'a mut [u8]; 3]);
    impl Loops for Convert<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let [lumas, reds, blues] = self.1;
            let outputs = lumas.iter_mut().zip(reds.iter_mut().zip(blues.iter_mut()));
            for (&[red, green, blue], (out, (red_out, blue_out))) in self.0.iter().zip(outputs) {
                let (red, green, blue) = (i32::from(red), i32::from(green), i32::from(blue));
                let luma = descale(red * 4899 + green * 9617 + blue * 1868, 14);
                *out = luma as u8;
                // 0.713 and 0.564.
                *red_out = clamp(descale((red - luma) * 11682 + (128 << 14), 14));
                *blue_out = clamp(descale((blue - luma) * 9241 + (128 << 14), 14));
            }
        }
    }
    planes(picture, workers, |pixels, planes| {
        workers.isa.compile(Convert(pixels, planes));
    })
}

/// The way back, as `COLOR_YCrCb2RGB`.
pub(super) fn from_ycrcb(planes: [&[u8]; 3], workers: &Workers<'_>) -> Vec<u8> {
    struct Convert<'a>([&'a [u8]; 3], &'a mut [[u8; 3]]);
    impl Loops for Convert<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let [lumas, reds, blues] = self.0;
            let inputs = lumas.iter().zip(reds.iter().zip(blues));
            for ((&luma, (&red, &blue)), pixel) in inputs.zip(self.1) {
                let luma = i32::from(luma);
                let (red, blue) = (i32::from(red) - 128, i32::from(blue) - 128);
                // 1.403, -0.714, -0.344 and 1.773.
                *pixel = [
                    clamp(luma + descale(red * 22987, 14)),
                    clamp(luma + descale(red * -11698 + blue * -5636, 14)),
                    clamp(luma + descale(blue * 29049, 14)),
                ];
            }
        }
    }
    interleaved(planes, workers, |planes, pixels| {
        workers.isa.compile(Convert(planes, pixels));
    })
}

/// Which light the values of a photo stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Light {
    /// sRGB's: its curve is undone first (`COLOR_RGB2Lab`).
    Srgb,
    /// In proportion to them (`COLOR_LRGB2Lab`), as OpenCV's coloured non-local means has it.
    Linear,
}

/// Bits of the matrices.
const MATRIX_BITS: u32 = 12;
/// Bits of linear light below a level of 255.
const LIGHT_BITS: u32 = 3;
/// Bits of the cube roots.
const ROOT_BITS: u32 = MATRIX_BITS + LIGHT_BITS;
/// Bits of the values on the way back.
const BACK_BITS: u32 = 14;
/// One, on the way back.
const BACK: i32 = 1 << BACK_BITS;
/// Entries of the table from linear light to levels.
const LEVELS: usize = 1 << 12;
/// The least root that 8-bit Lab can give on the way back, times `BACK`.
const LEAST_ROOT: i32 = -8145;

/// The white of D65 (Y is 1).
const WHITE: [f64; 3] = [0.950456, 1.0, 1.088754];
/// sRGB's primaries under D65, row by row: X, Y, Z of red, green and blue.
const TO_XYZ: [[f64; 3]; 3] = [
    [0.412453, 0.357580, 0.180423],
    [0.212671, 0.715160, 0.072169],
    [0.019334, 0.119193, 0.950227],
];
const FROM_XYZ: [[f64; 3]; 3] = [
    [3.240479, -1.53715, -0.498535],
    [-0.969256, 1.875991, 0.041556],
    [0.055648, -0.204043, 1.057311],
];

/// What Lab's conversions look up.
struct Tables {
    /// By [`Light`]: a level to linear light, in [`LIGHT_BITS`].
    light: [[u16; 256]; 2],
    /// Linear light to Lab's cube root, in [`ROOT_BITS`].
    root: Vec<u16>,
    to_xyz: [[i32; 3]; 3],
    /// Lightness to (Y, its root), in [`BACK_BITS`].
    lightness: [(i32, i32); 256],
    /// A root, from [`LEAST_ROOT`], to X or Z.
    cube: Vec<i32>,
    from_xyz: [[i32; 3]; 3],
    /// By [`Light`]: linear light to a level.
    levels: [Vec<u8>; 2],
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let scaled = |value: f64| (value * f64::from(1 << MATRIX_BITS)).round_ties_even() as i32;
    // The curves are computed in f32, as OpenCV's are.
    let undo_curve = |value: f32| match value {
        value if value <= 0.04045 => value / 12.92,
        value => ((f64::from(value) + 0.055) / 1.055).powf(2.4) as f32,
    };
    let curve = |value: f32| match value {
        value if value <= 0.003_130_8 => value * 12.92,
        value => (f64::from(value).powf(1.0 / 2.4) * 1.055 - 0.055) as f32,
    };
    let light = |level: usize| (2040.0 * undo_curve(level as f32 / 255.0)).round_ties_even() as u16;
    let root = |light: usize| {
        let light = light as f64 / 2040.0;
        let root = match light {
            light if light < 216.0 / 24389.0 => light * (841.0 / 108.0) + 16.0 / 116.0,
            light => light.cbrt(),
        };
        (root as f32 * (1 << ROOT_BITS) as f32).round_ties_even() as u16
    };
    let lightness = |level: usize| {
        let lightness = level as f64 * 100.0 / 255.0;
        let (y, root) = if level <= 20 {
            let y = lightness * 27.0 / 24389.0;
            (y, y * 841.0 / 108.0 + 16.0 / 116.0)
        } else {
            let root = (lightness + 16.0) / 116.0;
            (root * root * root, root)
        };
        let whole = |value: f64| (value * f64::from(BACK)).round_ties_even() as i32;
        (whole(y), whole(root))
    };
    let cube = |root: i32| {
        // Below 6/29 the curve of Lab is a straight line.
        if root <= 3390 {
            root * 108 / 841 - BACK * 16 / 116 * 108 / 841
        } else {
            root * root / BACK * root / BACK
        }
    };
    let level_of = |light: usize| light as f32 / LEVELS as f32;
    Tables {
        light: [
            std::array::from_fn(light),
            std::array::from_fn(|level| (level << LIGHT_BITS) as u16),
        ],
        root: (0..(256 * 3 / 2) << LIGHT_BITS).map(root).collect(),
        to_xyz: std::array::from_fn(|row| TO_XYZ[row].map(|value| scaled(value / WHITE[row]))),
        lightness: std::array::from_fn(lightness),
        cube: (LEAST_ROOT..BACK * 9 / 4 + LEAST_ROOT).map(cube).collect(),
        from_xyz: std::array::from_fn(|row| {
            std::array::from_fn(|column| scaled(FROM_XYZ[row][column] * WHITE[column]))
        }),
        levels: [
            (0..LEVELS)
                .map(|light| (255.0 * curve(level_of(light))).round_ties_even() as u8)
                .collect(),
            (0..LEVELS)
                .map(|light| (255.0 * level_of(light)) as u8)
                .collect(),
        ],
    }
});

/// Pixels between two looks into the tables: what is computed between them is done in vectors.
const BLOCK: usize = 64;

/// Lightness, a and b.
pub(super) fn lab(picture: &Picture, light: Light, workers: &Workers<'_>) -> [Vec<u8>; 3] {
    let tables = &*TABLES;
    planes(picture, workers, |pixels, planes| {
        workers.isa.compile(ToLab {
            pixels,
            planes,
            lights: &tables.light[light as usize],
            roots: &tables.root,
            to_xyz: tables.to_xyz,
        });
    })
}

struct ToLab<'a> {
    pixels: &'a [[u8; 3]],
    planes: [&'a mut [u8]; 3],
    lights: &'a [u16; 256],
    roots: &'a [u16],
    to_xyz: [[i32; 3]; 3],
}

impl Loops for ToLab<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [lightness, a, b] = self.planes;
        let outputs = lightness
            .chunks_mut(BLOCK)
            .zip(a.chunks_mut(BLOCK).zip(b.chunks_mut(BLOCK)));
        for (pixels, (lightness, (a, b))) in self.pixels.chunks(BLOCK).zip(outputs) {
            let mut lights = [[0_i32; BLOCK]; 3];
            for (index, pixel) in pixels.iter().enumerate() {
                for channel in 0..3 {
                    lights[channel][index] = self.lights[usize::from(pixel[channel])].into();
                }
            }
            let mut roots = [[0_i32; BLOCK]; 3];
            for (row, roots) in self.to_xyz.iter().zip(&mut roots) {
                for index in 0..BLOCK {
                    let sum = lights[0][index] * row[0]
                        + lights[1][index] * row[1]
                        + lights[2][index] * row[2];
                    roots[index] = descale(sum, MATRIX_BITS);
                }
                for root in roots.iter_mut() {
                    *root = self.roots[*root as usize].into();
                }
            }
            let [x, y, z] = roots;
            let mut planes = [[0; BLOCK]; 3];
            for index in 0..BLOCK {
                // L is 116 root - 16 of 100, here of 255; a and b are 500 and 200 times a
                // difference.
                const OFFSET: i32 = (16 * 255 * (1 << ROOT_BITS) + 50) / 100;
                const MIDDLE: i32 = 128 << ROOT_BITS;
                let lightness = (116 * 255 + 50) / 100 * y[index] - OFFSET;
                planes[0][index] = clamp(descale(lightness, ROOT_BITS));
                let a = 500 * (x[index] - y[index]) + MIDDLE;
                planes[1][index] = clamp(descale(a, ROOT_BITS));
                let b = 200 * (y[index] - z[index]) + MIDDLE;
                planes[2][index] = clamp(descale(b, ROOT_BITS));
            }
            for (plane, out) in planes.iter().zip([lightness, a, b]) {
                out.copy_from_slice(&plane[..out.len()]);
            }
        }
    }
}

/// The way back.
pub(super) fn from_lab(planes: [&[u8]; 3], light: Light, workers: &Workers<'_>) -> Vec<u8> {
    let tables = &*TABLES;
    interleaved(planes, workers, |planes, pixels| {
        workers.isa.compile(FromLab {
            planes,
            pixels,
            tables,
            levels: &tables.levels[light as usize],
        });
    })
}

struct FromLab<'a> {
    planes: [&'a [u8]; 3],
    pixels: &'a mut [[u8; 3]],
    tables: &'a Tables,
    levels: &'a [u8],
}

impl Loops for FromLab<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [lightness, a, b] = self.planes;
        let inputs = lightness
            .chunks(BLOCK)
            .zip(a.chunks(BLOCK).zip(b.chunks(BLOCK)));
        for ((lightness, (a, b)), pixels) in inputs.zip(self.pixels.chunks_mut(BLOCK)) {
            // Gray where the block is not full.
            let (mut x, mut y, mut z) = ([0_i32; BLOCK], [0_i32; BLOCK], [0_i32; BLOCK]);
            let mut roots = [0_i32; BLOCK];
            for (index, &lightness) in lightness.iter().enumerate() {
                (y[index], roots[index]) = self.tables.lightness[usize::from(lightness)];
            }
            let (mut across, mut down) = ([128_u8; BLOCK], [128_u8; BLOCK]);
            across[..a.len()].copy_from_slice(a);
            down[..b.len()].copy_from_slice(b);
            for index in 0..BLOCK {
                // a / 500 and b / 200 in the bits of the roots, by multiplication as OpenCV does it.
                let across = (5 * i32::from(across[index]) * 53687 + (1 << 7)) >> 13;
                let down = (i32::from(down[index]) * 41943 + (1 << 4)) >> 9;
                x[index] = roots[index] + across - 128 * BACK / 500 - LEAST_ROOT;
                z[index] = roots[index] - (down - 128 * BACK / 200 + 1) - LEAST_ROOT;
            }
            for value in x.iter_mut().chain(&mut z) {
                *value = self.tables.cube[*value as usize];
            }
            let mut lights = [[0_i32; BLOCK]; 3];
            for (row, lights) in self.tables.from_xyz.iter().zip(&mut lights) {
                let bits = MATRIX_BITS + BACK_BITS - LEVELS.ilog2();
                for index in 0..BLOCK {
                    let sum = row[0] * x[index] + row[1] * y[index] + row[2] * z[index];
                    lights[index] = descale(sum, bits).clamp(0, LEVELS as i32 - 1);
                }
            }
            for (index, pixel) in pixels.iter_mut().enumerate() {
                for channel in 0..3 {
                    pixel[channel] = self.levels[lights[channel][index] as usize];
                }
            }
        }
    }
}
