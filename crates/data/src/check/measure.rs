//! What is measured of each photo: brightness, contrast, sharpness, colours.

use vision::{Format, Orientation, Photo};

use super::plane::Plane;

/// The longest side at which sharpness is measured, in pixels, so that photos of all sizes compare.
const SHARPNESS_SIDE: usize = 224;
/// Bins of a colour's histogram.
pub(crate) const BINS: usize = 32;

/// Numbers about one photo.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measures {
    pub format: Format,
    pub orientation: Orientation,
    /// Mean brightness, 0 to 255.
    pub brightness: f32,
    /// Standard deviation of brightness.
    pub contrast: f32,
    /// Variance of the Laplacian of brightness (Pech-Pacheco and others, ICPR 2000).
    pub sharpness: f32,
    /// Entropy of brightness in bits, 0 to 8.
    pub entropy: f32,
    /// Mean difference between a pixel's strongest and weakest colour, 0 to 255.
    pub colorfulness: f32,
    /// Mean of red, green and blue, 0 to 1.
    pub mean: [f64; 3],
    /// Mean of their squares, 0 to 1.
    pub mean_square: [f64; 3],
    /// How much of the pixels lies in each bin, for red, green and blue.
    pub histogram: [[f32; BINS]; 3],
}

impl Measures {
    pub fn of(photo: &Photo, plane: &Plane) -> Measures {
        let count = plane.gray.len() as f64;
        let mut bright = [0u32; 256];
        for &value in &plane.gray {
            bright[usize::from(value)] += 1;
        }
        let shares = bright
            .iter()
            .enumerate()
            .map(|(value, &n)| (value as f64, f64::from(n) / count));
        let mean: f64 = shares.clone().map(|(value, share)| value * share).sum();
        let variance: f64 = shares
            .clone()
            .map(|(value, share)| (value - mean).powi(2) * share)
            .sum();
        let entropy: f64 = shares
            .filter(|&(_, share)| share > 0.0)
            .map(|(_, share)| -share * share.log2())
            .sum();
        let mut sums = [0u64; 3];
        let mut squares = [0u64; 3];
        let mut bins = [[0u32; BINS]; 3];
        let mut spread = 0u64;
        for pixel in photo.rgb().as_chunks::<3>().0 {
            for channel in 0..3 {
                let value = u64::from(pixel[channel]);
                sums[channel] += value;
                squares[channel] += value * value;
                bins[channel][usize::from(pixel[channel]) * BINS / 256] += 1;
            }
            let (low, high) = pixel
                .iter()
                .fold((255, 0), |(low, high), &v| (v.min(low), v.max(high)));
            spread += u64::from(high - low);
        }
        let found = photo.found();
        Measures {
            format: found.map_or(Format::Jpeg, |found| found.format),
            orientation: found.map_or(Orientation::Upright, |found| found.orientation),
            brightness: mean as f32,
            contrast: variance.sqrt() as f32,
            sharpness: sharpness(plane),
            entropy: entropy as f32,
            colorfulness: (spread as f64 / count) as f32,
            mean: sums.map(|sum| sum as f64 / count / 255.0),
            mean_square: squares.map(|sum| sum as f64 / count / (255.0 * 255.0)),
            histogram: bins.map(|bins| bins.map(|n| (f64::from(n) / count) as f32)),
        }
    }
}

fn sharpness(plane: &Plane) -> f32 {
    let longest = plane.width.max(plane.height);
    let reduced;
    let plane = if longest > SHARPNESS_SIDE {
        let side = |side: usize| (side * SHARPNESS_SIDE / longest).max(1);
        reduced = plane.resized(side(plane.width), side(plane.height));
        &reduced
    } else {
        plane
    };
    let (width, height) = (plane.width, plane.height);
    if width < 3 || height < 3 {
        return 0.0;
    }
    let gray = |row: usize, column: usize| f64::from(plane.gray[row * width + column]);
    let (mut sum, mut squares) = (0.0, 0.0);
    for row in 1..height - 1 {
        for column in 1..width - 1 {
            let around = gray(row - 1, column)
                + gray(row + 1, column)
                + gray(row, column - 1)
                + gray(row, column + 1);
            let value = around - 4.0 * gray(row, column);
            sum += value;
            squares += value * value;
        }
    }
    let count = ((width - 2) * (height - 2)) as f64;
    (squares / count - (sum / count).powi(2)) as f32
}
