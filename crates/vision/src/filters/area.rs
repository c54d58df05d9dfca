//! Resizing by area: each new pixel is the mean of what it covers, as OpenCV's `INTER_AREA`; where a
//! side grows, it is a pixel or lies between two.
use kernels::{Isa, Loops};
use std::borrow::Cow;
use tensor::Pool;

use super::{Picture, Workers};
use crate::Photo;

/// The photo with `longest` pixels on its longer side, by area, to be shown; a smaller one as it is. On
/// the caller's thread alone.
pub fn shrunk(photo: &Photo, longest: usize) -> Cow<'_, Photo> {
    let (width, height) = (photo.width(), photo.height());
    let longer = width.max(height);
    if longer <= longest {
        return Cow::Borrowed(photo);
    }
    let scaled = |side: usize| (side * longest / longer).max(1);
    let (new_width, new_height) = (scaled(width), scaled(height));
    let pool = Pool::serial();
    let workers = Workers {
        pool: &pool,
        isa: Isa::best(),
    };
    // The pixels are not copied first: the photo may be large.
    let size = (width, height);
    let values = means(photo.rgb(), size, 3, (new_width, new_height), &workers);
    Cow::Owned(Photo::from_rgb(new_width, new_height, values))
}

/// The picture at a new size, no side of which is greater than its own.
pub(super) fn area(
    picture: &Picture,
    width: usize,
    height: usize,
    workers: &Workers<'_>,
) -> Picture {
    let (size, channels) = ((picture.width, picture.height), picture.channels);
    Picture {
        width,
        height,
        channels,
        values: means(&picture.values, size, channels, (width, height), workers),
    }
}

/// The means of what the pixels of a smaller picture cover, of one channel or three.
fn means(
    pixels: &[u8],
    size: (usize, usize),
    channels: usize,
    (width, height): (usize, usize),
    workers: &Workers<'_>,
) -> Vec<u8> {
    let stride = size.0 * channels;
    let down = Coverage::new(size.1, height);
    let across = Coverage::new(size.0, width);
    let mut values = vec![0; width * height * channels];
    workers.bands(&mut values, width * channels, |first, band| {
        let mut sums = vec![0.0; stride];
        for (index, out) in band.chunks_exact_mut(width * channels).enumerate() {
            let (start, shares) = down.of(first + index);
            let rows: Vec<(&[u8], f32)> = shares
                .iter()
                .enumerate()
                .map(|(row, &share)| (&pixels[(start + row) * stride..][..stride], share))
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
    values
}

/// The picture at a new size, of which a side is greater than its own: OpenCV then takes for both sides
/// the pixel in which a new one begins, and where that reaches into the next, a share of it.
pub(super) fn between(picture: &Picture, width: usize, height: usize) -> Picture {
    let channels = picture.channels;
    let across: Vec<Between> = (0..width)
        .map(|x| Between::new(x, picture.width, width))
        .collect();
    let mut values = Vec::with_capacity(width * height * channels);
    for row in 0..height {
        let down = Between::new(row, picture.height, height);
        let (upper, lower) = (picture.row(down.first), picture.row(down.second));
        for one in &across {
            for channel in 0..channels {
                let along = |row: &[u8]| {
                    let at = |column: usize| u32::from(row[column * channels + channel]);
                    at(one.first) * one.shares[0] + at(one.second) * one.shares[1]
                };
                // OpenCV's own shifts, which cut some bits off before the sum.
                let cut = |sum: u32, share: u32| (share * (sum >> 4)) >> 16;
                let sum = cut(along(upper), down.shares[0]) + cut(along(lower), down.shares[1]);
                values.push(((sum + 2) >> 2) as u8);
            }
        }
    }
    Picture {
        width,
        height,
        channels,
        values,
    }
}

/// Two neighbours of a side, and the share of each in a new pixel, in 2,048ths.
struct Between {
    first: usize,
    second: usize,
    shares: [u32; 2],
}

impl Between {
    fn new(index: usize, from: usize, to: usize) -> Self {
        let first = (index as f64 * (from as f64 / to as f64)).floor();
        let reach = (index as f64 + 1.0 - (first + 1.0) * (to as f64 / from as f64)) as f32;
        let share = if reach > 0.0 { reach.fract() } else { 0.0 };
        let fixed = |share: f32| (share * 2048.0).round_ties_even() as u32;
        let first = (first as usize).min(from - 1);
        Between {
            first,
            second: (first + 1).min(from - 1),
            shares: [fixed(1.0 - share), fixed(share)],
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shrunk_photo_keeps_its_aspect_and_its_mean() {
        let (width, height) = (1001, 333);
        let rgb: Vec<u8> = (0..width * height * 3)
            .map(|index| ((index * 7919) % 251) as u8)
            .collect();
        let mean = |rgb: &[u8]| rgb.iter().map(|&v| f64::from(v)).sum::<f64>() / rgb.len() as f64;
        let photo = Photo::from_rgb(width, height, rgb);
        let small = shrunk(&photo, 480);
        assert_eq!((small.width(), small.height()), (480, 159));
        assert!((mean(small.rgb()) - mean(photo.rgb())).abs() < 0.5);
        assert!(matches!(shrunk(&photo, 1001), Cow::Borrowed(_)));
        let thin = Photo::from_rgb(5000, 1, vec![200; 15_000]);
        let small = shrunk(&thin, 480);
        assert_eq!((small.width(), small.height()), (480, 1));
        assert!(small.rgb().iter().all(|&value| value == 200));
    }
}
