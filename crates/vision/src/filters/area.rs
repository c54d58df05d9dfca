//! Resizing by area: each new pixel is the mean of what it covers, as OpenCV's `INTER_AREA`.
use kernels::Loops;

use super::{Picture, Workers};

/// The picture at a new size, no side of which is greater than its own.
pub(super) fn area(
    picture: &Picture,
    width: usize,
    height: usize,
    workers: &Workers<'_>,
) -> Picture {
    let channels = picture.channels;
    let down = Coverage::new(picture.height, height);
    let across = Coverage::new(picture.width, width);
    let mut values = vec![0; width * height * channels];
    workers.bands(&mut values, width * channels, |first, band| {
        let mut sums = vec![0.0; picture.stride()];
        for (index, out) in band.chunks_exact_mut(width * channels).enumerate() {
            let (start, shares) = down.of(first + index);
            let rows: Vec<(&[u8], f32)> = shares
                .iter()
                .enumerate()
                .map(|(row, &share)| (picture.row(start + row), share))
                .collect();
            workers.isa.compile(Sum {
                rows: &rows,
                sums: &mut sums,
            });
            match channels {
                1 => mean::<1>(&sums, &across, out),
                _ => mean::<3>(&sums, &across, out),
            }
        }
    });
    Picture {
        width,
        height,
        channels,
        values,
    }
}

/// Which pixels of a side each new pixel covers, and which share of it each is.
struct Coverage {
    /// Where the pixels of each new one begin, and their shares in `shares`.
    starts: Vec<(usize, usize)>,
    shares: Vec<f32>,
}

impl Coverage {
    fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let (mut starts, mut shares) = (Vec::with_capacity(to + 1), Vec::new());
        for index in 0..to {
            let left = index as f64 * scale;
            let right = ((index + 1) as f64 * scale).min(from as f64);
            // A sliver that is only the division's rounding is left out.
            let first = (left + 1e-3).floor() as usize;
            let last = ((right - 1e-3).ceil() as usize).min(from);
            starts.push((first, shares.len()));
            for pixel in first..last {
                let covered = right.min((pixel + 1) as f64) - left.max(pixel as f64);
                shares.push((covered / (right - left)) as f32);
            }
        }
        starts.push((from, shares.len()));
        Coverage { starts, shares }
    }

    #[inline(always)]
    fn of(&self, index: usize) -> (usize, &[f32]) {
        let (start, shares) = self.starts[index];
        (start, &self.shares[shares..self.starts[index + 1].1])
    }
}

/// The weighted sum of some rows.
struct Sum<'a> {
    rows: &'a [(&'a [u8], f32)],
    sums: &'a mut [f32],
}

impl Loops for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.sums.fill(0.0);
        for &(row, share) in self.rows {
            for (sum, &value) in self.sums.iter_mut().zip(row) {
                *sum += f32::from(value) * share;
            }
        }
    }
}

/// The same along the row.
fn mean<const CHANNELS: usize>(sums: &[f32], across: &Coverage, out: &mut [u8]) {
    let sums = sums.as_chunks::<CHANNELS>().0;
    for (index, pixel) in out.as_chunks_mut::<CHANNELS>().0.iter_mut().enumerate() {
        let (start, shares) = across.of(index);
        let mut mean = [0.0; CHANNELS];
        for (sum, &share) in sums[start..].iter().zip(shares) {
            for channel in 0..CHANNELS {
                mean[channel] += sum[channel] * share;
            }
        }
        *pixel = mean.map(|mean: f32| mean.round_ties_even() as u8);
    }
}
