//! Gaussian blur, bit by bit as OpenCV's `GaussianBlur` in 8 bits: weights in 256ths.
use kernels::Loops;

use super::border::{mirrored, pad_ends};
use super::{Given, Kind, Picture, Value, number, odd};

pub(super) const STEP: Kind = Kind {
    name: "gaussian",
    about: "Blurs by a Gaussian window; deviation 0 takes the one that suits the size",
    parameters: &[
        odd("size", 101, 5.0),
        number("deviation", 0.0, 100.0, 0.0, "pixels"),
    ],
    apply,
};

fn apply(picture: Picture, values: &[Value], given: &Given<'_>) -> Picture {
    let weights = weights(values[0].whole(), values[1].number());
    let radius = weights.len() - 1;
    let (stride, channels) = (picture.stride(), picture.channels);
    let mut blurred = vec![0; picture.values.len()];
    given.workers.bands(&mut blurred, stride, |first, band| {
        let mut sums = vec![0_u16; stride + 2 * radius * channels + BLOCK];
        for (index, out) in band.chunks_exact_mut(stride).enumerate() {
            let row = (first + index) as isize;
            let beside = |distance: usize| {
                [-1, 1].map(|side| {
                    picture.row(mirrored(row + side * distance as isize, picture.height))
                })
            };
            let down = Down {
                middle: picture.row(first + index),
                beside: (1..=radius).map(beside).collect(),
                weights: &weights,
                sums: &mut sums[radius * channels..][..stride],
            };
            given.workers.isa.compile(down);
            pad_ends(picture.width, channels, radius, mirrored, &mut sums);
            let across = Across {
                sums: &sums,
                weights: &weights,
                channels,
                out,
            };
            given.workers.isa.compile(across);
        }
    });
    picture.with(channels, blurred)
}

/// The weights from the middle outwards, in 256ths; with the other side their sum is 256.
fn weights(size: usize, deviation: f64) -> Vec<u16> {
    let radius = size / 2;
    // OpenCV's own for the small sizes without a deviation, from the middle.
    let known: Option<&[u16]> = match (size, deviation > 0.0) {
        (1, _) => Some(&[256]),
        (3, false) => Some(&[128, 64]),
        (5, false) => Some(&[96, 64, 16]),
        (7, false) => Some(&[72, 56, 28, 8]),
        (9, false) => Some(&[60, 51, 30, 13, 4]),
        _ => None,
    };
    if let Some(known) = known {
        return known.to_vec();
    }
    let deviation = match deviation > 0.0 {
        true => deviation,
        false => size as f64 * 0.15 + 0.35,
    };
    let scale = -0.5 / (deviation * deviation);
    let exact: Vec<f64> = (0..=radius)
        .map(|distance| ((distance * distance) as f64 * scale).exp())
        .collect();
    let sum = 2.0 * exact[1..].iter().rev().sum::<f64>() + 1.0;
    // From outside, what rounding left over is carried on; the middle takes the rest.
    let mut weights = vec![0; radius + 1];
    let (mut error, mut given) = (0.0, 0);
    for distance in (1..=radius).rev() {
        let wanted = exact[distance] / sum * 256.0 + error;
        let weight = wanted.round_ties_even();
        error = wanted - weight;
        weights[distance] = weight as u16;
        given += 2 * weight as u16;
    }
    weights[0] = 256 - given;
    weights
}

/// A row's weighted sums over the rows around it: at most 255 * 256, exact in 16 bits.
struct Down<'a> {
    middle: &'a [u8],
    /// The rows above and below, by their distance.
    beside: Vec<[&'a [u8]; 2]>,
    weights: &'a [u16],
    sums: &'a mut [u16],
}

impl Loops for Down<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (sum, &value) in self.sums.iter_mut().zip(self.middle) {
            *sum = u16::from(value) * self.weights[0];
        }
        for (&weight, [above, below]) in self.weights[1..].iter().zip(&self.beside) {
            for ((sum, &above), &below) in self.sums.iter_mut().zip(*above).zip(*below) {
                *sum += (u16::from(above) + u16::from(below)) * weight;
            }
        }
    }
}

/// Values that are added up side by side.
const BLOCK: usize = 256;

#[inline(always)]
fn chunk(sums: &[u16], start: usize) -> &[u16; BLOCK] {
    sums[start..]
        .first_chunk()
        .expect("sums end with a block to spare")
}

/// The same along the row, rounded to 8 bits.
struct Across<'a> {
    /// With as many pixels more on each side as there are weights beside the middle, and a block
    /// at the end.
    sums: &'a [u16],
    weights: &'a [u16],
    channels: usize,
    out: &'a mut [u8],
}

impl Loops for Across<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match *self.weights {
            [middle, first] => self.few([middle, first]),
            [middle, first, second] => self.few([middle, first, second]),
            [middle, first, second, third] => self.few([middle, first, second, third]),
            _ => self.many(),
        }
    }
}

impl Across<'_> {
    /// All weights at once.
    #[inline(always)]
    fn few<const WEIGHTS: usize>(self, weights: [u16; WEIGHTS]) {
        let radius = (WEIGHTS - 1) * self.channels;
        for (block, out) in self.out.chunks_mut(BLOCK).enumerate() {
            let start = radius + block * BLOCK;
            let mut left = [&[0; BLOCK]; WEIGHTS];
            let mut right = left;
            for distance in 0..WEIGHTS {
                left[distance] = chunk(self.sums, start - distance * self.channels);
                right[distance] = chunk(self.sums, start + distance * self.channels);
            }
            let mut blurred = [0; BLOCK];
            for index in 0..BLOCK {
                let mut sum = u32::from(left[0][index]) * u32::from(weights[0]) + (1 << 15);
                for distance in 1..WEIGHTS {
                    let pair = u32::from(left[distance][index]) + u32::from(right[distance][index]);
                    sum += pair * u32::from(weights[distance]);
                }
                blurred[index] = (sum >> 16) as u8;
            }
            out.copy_from_slice(&blurred[..out.len()]);
        }
    }

    /// One pair of weights after the other.
    #[inline(always)]
    fn many(self) {
        let radius = (self.weights.len() - 1) * self.channels;
        for (block, out) in self.out.chunks_mut(BLOCK).enumerate() {
            let start = radius + block * BLOCK;
            let mut sums = [1_u32 << 15; BLOCK];
            let sums = &mut sums[..out.len()];
            for (sum, &value) in sums.iter_mut().zip(&self.sums[start..]) {
                *sum += u32::from(value) * u32::from(self.weights[0]);
            }
            for (distance, &weight) in self.weights.iter().enumerate().skip(1) {
                let left = &self.sums[start - distance * self.channels..];
                let right = &self.sums[start + distance * self.channels..];
                for ((sum, &left), &right) in sums.iter_mut().zip(left).zip(right) {
                    *sum += (u32::from(left) + u32::from(right)) * u32::from(weight);
                }
            }
            for (out, &sum) in out.iter_mut().zip(&*sums) {
                *out = (sum >> 16) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_fall_outwards() {
        for size in (1..=101).step_by(2) {
            for deviation in [0.0, 0.1, 1.0, 2.5, 100.0] {
                let weights = weights(size, deviation);
                assert_eq!(weights.len(), size / 2 + 1);
                let sum = weights[0] + 2 * weights[1..].iter().sum::<u16>();
                assert_eq!(sum, 256, "{size}, {deviation}");
            }
        }
        // What rounding leaves over is carried inwards, by less than one.
        let steps: Vec<u16> = weights(31, 5.0);
        assert!(steps.windows(2).all(|pair| pair[1] <= pair[0] + 1));
    }
}
