//! Corners of a photo and what surrounds them, to recognise a part of one photo in another.
//!
//! Corners after Harris and Stephens (1988) at several scales, each described by 256 comparisons
//! of brightness in its surroundings (BRIEF, Calonder and others, ECCV 2010). They are upright:
//! copies of photos are cut, scaled and stretched, hardly ever turned.

use std::sync::LazyLock;

use tensor::Random;

use super::plane::Plane;

/// The longest side at which corners are looked for, in pixels.
const LONGEST_SIDE: f64 = 224.0;
/// Each scale is smaller than the one before by this factor; BRIEF bears a fifth more or less.
const STEP: f64 = std::f64::consts::SQRT_2;
const SCALES: usize = 5;
/// The most corners kept at each scale, about as the areas are.
const QUOTAS: [usize; SCALES] = [56, 44, 32, 22, 14];
/// Pixels around a corner that its description looks at.
const REACH: i32 = 13;
/// Half the side of the squares whose mean brightness is compared.
const BLUR: i32 = 2;
/// No two corners of a scale are nearer than this, in pixels.
const APART: usize = 4;

/// A corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Keypoint {
    /// Place across and down as a fraction of the photo's sides.
    pub x: f32,
    pub y: f32,
    /// 256 comparisons.
    pub bits: [u64; 4],
}

impl Keypoint {
    /// In how many comparisons two differ.
    pub fn distance(&self, other: &Keypoint) -> u32 {
        self.bits
            .iter()
            .zip(other.bits)
            .map(|(one, other)| (one ^ other).count_ones())
            .sum()
    }
}

/// The pairs of places that are compared, drawn once from a normal distribution as BRIEF's authors
/// found best.
static COMPARISONS: LazyLock<Vec<[(i32, i32); 2]>> = LazyLock::new(|| {
    let mut random = Random::new(0x6b65_7970, 0, 0);
    let reach = REACH - BLUR;
    let mut place = || {
        let mut side = || {
            (random.normal_f32() * 5.0)
                .round()
                .clamp(-reach as f32, reach as f32) as i32
        };
        (side(), side())
    };
    (0..256)
        .map(|_| {
            loop {
                let pair = [place(), place()];
                if pair[0] != pair[1] {
                    break pair;
                }
            }
        })
        .collect()
});

/// The corners of a photo whose true sides are as `aspect` (width by height) says.
pub(crate) fn find(plane: &Plane, aspect: f64) -> Vec<Keypoint> {
    let mut keypoints = Vec::with_capacity(QUOTAS.iter().sum());
    let (mut width, mut height) = if aspect >= 1.0 {
        (LONGEST_SIDE, LONGEST_SIDE / aspect)
    } else {
        (LONGEST_SIDE * aspect, LONGEST_SIDE)
    };
    let mut scaled = plane.resized(
        width.round().max(1.0) as usize,
        height.round().max(1.0) as usize,
    );
    for quota in QUOTAS {
        if scaled.width.min(scaled.height) <= 2 * REACH as usize + 2 {
            break;
        }
        find_at_one_scale(&scaled, quota, &mut keypoints);
        width /= STEP;
        height /= STEP;
        scaled = scaled.resized(
            width.round().max(1.0) as usize,
            height.round().max(1.0) as usize,
        );
    }
    keypoints
}

fn find_at_one_scale(plane: &Plane, quota: usize, keypoints: &mut Vec<Keypoint>) {
    let (width, height) = (plane.width, plane.height);
    let response = corner_response(plane);
    let border = REACH as usize;
    let mut peaks: Vec<(f32, usize, usize)> = Vec::new();
    for row in border..height - border {
        for column in border..width - border {
            let value = response[row * width + column];
            if value <= 1.0 {
                continue;
            }
            let highest = (row - 1..=row + 1).all(|near| {
                response[near * width + column - 1..=near * width + column + 1]
                    .iter()
                    .all(|&other| other <= value)
            });
            if highest {
                peaks.push((value, row, column));
            }
        }
    }
    peaks.sort_by(|one, other| other.0.total_cmp(&one.0));
    let sums = sums(plane);
    let mut kept: Vec<(usize, usize)> = Vec::with_capacity(quota);
    for (_, row, column) in peaks {
        let near = |&(other_row, other_column): &(usize, usize)| {
            row.abs_diff(other_row) < APART && column.abs_diff(other_column) < APART
        };
        if kept.iter().any(near) {
            continue;
        }
        kept.push((row, column));
        keypoints.push(Keypoint {
            x: (column as f32 + 0.5) / width as f32,
            y: (row as f32 + 0.5) / height as f32,
            bits: describe(&sums, width, row, column),
        });
        if kept.len() == quota {
            break;
        }
    }
}

/// Harris and Stephens's measure: determinant less 0.04 times the squared trace of the gradients'
/// second moments over 5 x 5 pixels.
fn corner_response(plane: &Plane) -> Vec<f32> {
    let (width, height) = (plane.width, plane.height);
    let gray = |row: usize, column: usize| f32::from(plane.gray[row * width + column]);
    let mut moments = [(); 3].map(|()| vec![0f32; width * height]);
    for row in 1..height - 1 {
        for column in 1..width - 1 {
            let across = (gray(row, column + 1) - gray(row, column - 1)) / 16.0;
            let down = (gray(row + 1, column) - gray(row - 1, column)) / 16.0;
            let place = row * width + column;
            moments[0][place] = across * across;
            moments[1][place] = down * down;
            moments[2][place] = across * down;
        }
    }
    for moment in &mut moments {
        *moment = box_sum(moment, width, height);
    }
    let [xx, yy, xy] = moments;
    xx.iter()
        .zip(&yy)
        .zip(&xy)
        .map(|((xx, yy), xy)| xx * yy - xy * xy - 0.04 * (xx + yy) * (xx + yy))
        .collect()
}

/// Sums over 5 x 5 pixels; 0 near the border.
fn box_sum(values: &[f32], width: usize, height: usize) -> Vec<f32> {
    let mut across = vec![0f32; values.len()];
    for (line, out) in values
        .chunks_exact(width)
        .zip(across.chunks_exact_mut(width))
    {
        for (five, out) in line.windows(5).zip(&mut out[2..]) {
            *out = five.iter().sum();
        }
    }
    let mut sums = vec![0f32; values.len()];
    for row in 2..height - 2 {
        for near in row - 2..=row + 2 {
            let source = &across[near * width..][..width];
            for (sum, value) in sums[row * width..][..width].iter_mut().zip(source) {
                *sum += value;
            }
        }
    }
    sums
}

/// Sums over all pixels above and to the left, with a row and a column of zeros before.
fn sums(plane: &Plane) -> Vec<u32> {
    let width = plane.width + 1;
    let mut sums = vec![0u32; width * (plane.height + 1)];
    for row in 0..plane.height {
        let mut line = 0;
        for column in 0..plane.width {
            line += u32::from(plane.gray[row * plane.width + column]);
            sums[(row + 1) * width + column + 1] = sums[row * width + column + 1] + line;
        }
    }
    sums
}

fn describe(sums: &[u32], width: usize, row: usize, column: usize) -> [u64; 4] {
    let stride = width + 1;
    let brightness = |(across, down): (i32, i32)| {
        let top = (row as i32 + down - BLUR) as usize;
        let left = (column as i32 + across - BLUR) as usize;
        let side = (2 * BLUR + 1) as usize;
        let at = |row: usize, column: usize| sums[row * stride + column];
        (at(top + side, left + side) + at(top, left))
            .wrapping_sub(at(top, left + side))
            .wrapping_sub(at(top + side, left))
    };
    let mut bits = [0; 4];
    for (index, [one, other]) in COMPARISONS.iter().enumerate() {
        if brightness(*one) < brightness(*other) {
            bits[index / 64] |= 1 << (index % 64);
        }
    }
    bits
}
