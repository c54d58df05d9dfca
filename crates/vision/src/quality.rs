//! What is wrong with a photo that can be decoded: too dark, blurred, too few pixels.
//!
//! The thresholds were set on the 69 photos of Stanford Dogs' train part that are at hand in their
//! original size (about 500 x 375), so that none of them is flagged: the darkest stands at 106 where
//! `DARK` is 75, the softest at 7.1 where `BLURRED` is 5. Made three times darker, 95 % are flagged
//! as dark; blurred by a Gaussian of 2 pixels, 95 % as blurred, of 1.5 pixels half. `TINY` flags 9 of
//! the 12,000 train photos.
use crate::Photo;
use crate::resize::average;

/// What is wrong with a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// Nearly nothing in it is bright.
    Dark,
    /// Nothing in it is sharp: out of focus, shaken, or enlarged from a small one.
    Blurred,
    /// It has too few pixels.
    Tiny,
}

/// Luma (0 to 255) that 95 % of a dark photo's pixels do not reach.
const DARK: u8 = 75;

/// Deviation of the Laplacian that nine of ten tiles of a blurred photo do not reach.
const BLURRED: f32 = 5.0;

/// Deviation of the luma up to which a photo is of one colour: nothing in it could be in focus.
const PLAIN: f32 = 2.0;

/// Pixels of the shorter side, half of what the networks look at, below which a photo is tiny.
const TINY: usize = 112;

/// The longer side at which a photo is judged: larger ones are averaged down by a whole factor, so
/// that sharpness means the same for a phone's photo and for a small one.
const JUDGED_SIDE: usize = 640;

/// Side of the tiles in which sharpness is measured: a blurred background around a sharp dog is not
/// a blurred photo.
const TILE: usize = 32;

/// What is wrong with the photo; empty for a good one.
pub fn quality(photo: &Photo) -> Vec<Flaw> {
    let luma = Luma::of(photo);
    let mut flaws = Vec::new();
    if luma.percentile_95() < DARK {
        flaws.push(Flaw::Dark);
    }
    // A dark photo has weak edges however sharp it is, and a tiny one has hardly a tile.
    let tiny = photo.width().min(photo.height()) < TINY;
    if flaws.is_empty() && !tiny && luma.deviation() > PLAIN && luma.sharpness() < BLURRED {
        flaws.push(Flaw::Blurred);
    }
    if tiny {
        flaws.push(Flaw::Tiny);
    }
    flaws
}

/// A small gray copy of a photo.
struct Luma {
    width: usize,
    height: usize,
    values: Vec<u8>,
}

impl Luma {
    fn of(photo: &Photo) -> Self {
        let (width, height) = (photo.width(), photo.height());
        let factor = width.max(height).div_ceil(JUDGED_SIDE);
        let size = ((width / factor).max(1), (height / factor).max(1));
        let averaged = (factor > 1).then(|| average(photo.rgb(), (width, height), size));
        // BT.601, in 256ths.
        let luma = |pixel: &[u8; 3]| {
            let [red, green, blue] = pixel.map(u32::from);
            ((77 * red + 150 * green + 29 * blue + 128) / 256) as u8
        };
        let pixels = averaged
            .as_deref()
            .unwrap_or(photo.rgb())
            .as_chunks::<3>()
            .0;
        Luma {
            width: size.0,
            height: size.1,
            values: pixels.iter().map(luma).collect(),
        }
    }

    fn deviation(&self) -> f32 {
        let count = self.values.len().max(1) as f64;
        let values = || self.values.iter().map(|&value| f64::from(value));
        let mean = values().sum::<f64>() / count;
        let squares: f64 = values().map(|value| (value - mean).powi(2)).sum();
        (squares / count).sqrt() as f32
    }

    /// The luma that 95 % of the pixels do not exceed.
    fn percentile_95(&self) -> u8 {
        let mut counts = [0usize; 256];
        self.values
            .iter()
            .for_each(|&value| counts[usize::from(value)] += 1);
        let mut left = self.values.len() * 95 / 100;
        for (value, count) in counts.iter().enumerate() {
            if *count > left {
                return value as u8;
            }
            left -= count;
        }
        255
    }

    /// The deviation of the Laplacian that a tenth of the tiles reaches.
    fn sharpness(&self) -> f32 {
        let (width, height) = (self.width, self.height);
        if width < 3 || height < 3 {
            return f32::INFINITY;
        }
        let (inner_width, inner_height) = (width - 2, height - 2);
        let tiles_across = inner_width.div_ceil(TILE);
        let row = |index: usize| &self.values[index * width..][..width];
        let mut deviations = Vec::new();
        let mut laplacians = vec![0i32; inner_width];
        for top in (0..inner_height).step_by(TILE) {
            let rows = TILE.min(inner_height - top);
            // By tile: sum and sum of squares.
            let mut sums = vec![(0i32, 0i32); tiles_across];
            for index in top + 1..=top + rows {
                let (above, here, below) = (row(index - 1), row(index), row(index + 1));
                let neighbours = above[1..].iter().zip(&below[1..]).zip(here.windows(3));
                for (laplacian, ((above, below), here)) in laplacians.iter_mut().zip(neighbours) {
                    let around = i32::from(*above)
                        + i32::from(*below)
                        + i32::from(here[0])
                        + i32::from(here[2]);
                    *laplacian = around - 4 * i32::from(here[1]);
                }
                for ((sum, squares), tile) in sums.iter_mut().zip(laplacians.chunks(TILE)) {
                    *sum += tile.iter().sum::<i32>();
                    // 32 x 32 squares of at most 1020 stay below 2^31.
                    *squares += tile.iter().map(|value| value * value).sum::<i32>();
                }
            }
            for (tile, (sum, squares)) in sums.iter().enumerate() {
                let columns = TILE.min(inner_width - tile * TILE);
                // The narrow rest at an edge says little.
                if rows >= TILE / 2 && columns >= TILE / 2 {
                    let count = (rows * columns) as f32;
                    let variance = *squares as f32 / count - (*sum as f32 / count).powi(2);
                    deviations.push(variance.max(0.0).sqrt());
                }
            }
        }
        deviations.sort_by(f32::total_cmp);
        let index = (deviations.len() * 9 / 10).min(deviations.len().saturating_sub(1));
        deviations.get(index).copied().unwrap_or(f32::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, decode};

    fn dog() -> Photo {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/photos/samoyed_32.jpg"
        );
        decode(&std::fs::read(path).unwrap(), &Limits::default()).unwrap()
    }

    fn changed(photo: &Photo, change: impl Fn(u8) -> u8) -> Photo {
        let rgb = photo.rgb().iter().map(|value| change(*value)).collect();
        Photo::from_rgb(photo.width(), photo.height(), rgb)
    }

    /// A mean over squares of 2 * `radius` + 1 pixels.
    fn blurred(photo: &Photo, radius: isize) -> Photo {
        let (width, height) = (photo.width() as isize, photo.height() as isize);
        let mut rgb = Vec::new();
        for row in 0..height {
            for column in 0..width {
                for channel in 0..3 {
                    let mut sum = 0;
                    for r in row - radius..=row + radius {
                        for c in column - radius..=column + radius {
                            let at = r.clamp(0, height - 1) * width + c.clamp(0, width - 1);
                            sum += usize::from(photo.rgb()[at as usize * 3 + channel]);
                        }
                    }
                    rgb.push((sum / ((2 * radius + 1) * (2 * radius + 1)) as usize) as u8);
                }
            }
        }
        Photo::from_rgb(photo.width(), photo.height(), rgb)
    }

    #[test]
    fn a_good_photo_has_no_flaw_and_each_flaw_is_seen() {
        let dog = dog();
        assert_eq!(quality(&dog), []);
        assert_eq!(quality(&changed(&dog, |value| value / 5)), [Flaw::Dark]);
        assert_eq!(quality(&blurred(&dog, 4)), [Flaw::Blurred]);
        assert_eq!(
            quality(&dog.crop(100, 100, 111, 300).unwrap()),
            [Flaw::Tiny]
        );
    }

    #[test]
    fn one_colour_is_not_out_of_focus() {
        assert_eq!(quality(&Photo::from_rgb(300, 300, vec![180; 270_000])), []);
    }

    #[test]
    fn any_size_is_judged() {
        for (width, height) in [(1, 1), (1, 5000), (5000, 1), (641, 2), (1300, 1290)] {
            quality(&Photo::from_rgb(
                width,
                height,
                vec![200; width * height * 3],
            ));
        }
    }
}
