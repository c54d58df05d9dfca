//! A gray picture and its reduction: what all measures and comparisons look at.

use vision::Orientation;

/// Brightness of each pixel, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    pub width: usize,
    pub height: usize,
    pub gray: Vec<u8>,
}

impl Plane {
    /// The brightness of RGB pixels, as ITU-R BT.601 weighs the colours.
    pub fn of_rgb(width: usize, height: usize, rgb: &[u8]) -> Plane {
        let gray = rgb
            .as_chunks::<3>()
            .0
            .iter()
            .map(|&[red, green, blue]| {
                let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
                ((sum + 500) / 1000) as u8
            })
            .collect();
        Plane {
            width,
            height,
            gray,
        }
    }

    /// Made smaller by the mean over areas; a side that would grow is interpolated. Sides of at
    /// least 1.
    pub fn resized(&self, width: usize, height: usize) -> Plane {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let columns = Taps::new(self.width, width);
        let rows = Taps::new(self.height, height);
        let mut narrow = vec![0f32; width * self.height];
        for (row, line) in self.gray.chunks_exact(self.width).enumerate() {
            for (column, out) in narrow[row * width..][..width].iter_mut().enumerate() {
                let (first, weights) = columns.of(column);
                *out = weights
                    .iter()
                    .zip(&line[first..])
                    .map(|(weight, &value)| weight * f32::from(value))
                    .sum();
            }
        }
        let mut gray = Vec::with_capacity(width * height);
        let mut line = vec![0f32; width];
        for row in 0..height {
            line.fill(0.0);
            let (first, weights) = rows.of(row);
            for (place, weight) in weights.iter().enumerate() {
                let source = &narrow[(first + place) * width..][..width];
                for (sum, value) in line.iter_mut().zip(source) {
                    *sum += weight * value;
                }
            }
            gray.extend(line.iter().map(|&value| (value + 0.5) as u8));
        }
        Plane {
            width,
            height,
            gray,
        }
    }

    /// Less its own mean, at length 1: the scalar product of two such is their correlation. All
    /// zeros for a flat picture.
    pub fn normalized(&self) -> Vec<f32> {
        let mean = self.gray.iter().map(|&v| f64::from(v)).sum::<f64>() / self.gray.len() as f64;
        let length = self
            .gray
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            .sqrt();
        if length < 1e-6 {
            return vec![0.0; self.gray.len()];
        }
        self.gray
            .iter()
            .map(|&v| ((f64::from(v) - mean) / length) as f32)
            .collect()
    }

    /// The same turned upright as this orientation says.
    pub fn turned(&self, orientation: Orientation) -> Plane {
        let (width, height) = match orientation.swaps_sides() {
            true => (self.height, self.width),
            false => (self.width, self.height),
        };
        let (right, bottom) = (self.width - 1, self.height - 1);
        let gray = (0..width * height)
            .map(|place| {
                let (row, column) = (place / width, place % width);
                let (row, column) = match orientation {
                    Orientation::Upright => (row, column),
                    Orientation::MirrorHorizontal => (row, right - column),
                    Orientation::Rotate180 => (bottom - row, right - column),
                    Orientation::MirrorVertical => (bottom - row, column),
                    Orientation::Transpose => (column, row),
                    Orientation::Rotate90 => (bottom - column, row),
                    Orientation::Transverse => (bottom - column, right - row),
                    Orientation::Rotate270 => (column, right - row),
                };
                self.gray[row * self.width + column]
            })
            .collect();
        Plane {
            width,
            height,
            gray,
        }
    }
}

/// For each new pixel, the old ones that it covers and how much of it each makes.
struct Taps {
    firsts: Vec<usize>,
    weights: Vec<f32>,
    /// Weights a pixel.
    count: usize,
}

impl Taps {
    fn new(old: usize, new: usize) -> Taps {
        let scale = old as f64 / new as f64;
        // Where the side grows, a triangle of width 2 (bilinear); else the covered area.
        let count = (scale.ceil() as usize + 1).max(2).min(old);
        let mut firsts = Vec::with_capacity(new);
        let mut weights = Vec::with_capacity(new * count);
        for pixel in 0..new {
            let (left, right) = (pixel as f64 * scale, (pixel + 1) as f64 * scale);
            let center = (left + right) / 2.0 - 0.5;
            let first = if scale >= 1.0 { left } else { center.max(0.0) };
            let first = (first as usize).min(old - count);
            let own: Vec<f64> = (first..first + count)
                .map(|place| {
                    if scale >= 1.0 {
                        let (start, end) = (place as f64, place as f64 + 1.0);
                        (right.min(end) - left.max(start)).max(0.0)
                    } else {
                        (1.0 - (center.clamp(0.0, old as f64 - 1.0) - place as f64).abs()).max(0.0)
                    }
                })
                .collect();
            let sum: f64 = own.iter().sum();
            firsts.push(first);
            weights.extend(own.iter().map(|weight| (weight / sum) as f32));
        }
        Taps {
            firsts,
            weights,
            count,
        }
    }

    fn of(&self, pixel: usize) -> (usize, &[f32]) {
        let weights = &self.weights[pixel * self.count..][..self.count];
        (self.firsts[pixel], weights)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn areas_are_averaged_and_flat_stays_flat() {
        let plane = Plane {
            width: 4,
            height: 2,
            gray: vec![0, 100, 200, 200, 100, 200, 0, 0],
        };
        assert_eq!(plane.resized(2, 1).gray, [100, 100]);
        assert_eq!(plane.resized(4, 2), plane);
        let flat = Plane {
            width: 7,
            height: 5,
            gray: vec![77; 35],
        };
        for (width, height) in [(1, 1), (3, 2), (7, 9), (20, 13), (6, 5)] {
            assert!(flat.resized(width, height).gray.iter().all(|&v| v == 77));
        }
    }

    #[test]
    fn a_ramp_keeps_its_mean_at_every_size() {
        let plane = Plane {
            width: 97,
            height: 61,
            gray: (0..97 * 61).map(|place| (place % 97) as u8 * 2).collect(),
        };
        let mean =
            |p: &Plane| p.gray.iter().map(|&v| f64::from(v)).sum::<f64>() / p.gray.len() as f64;
        for (width, height) in [(64, 64), (33, 17), (8, 8), (1, 1)] {
            let resized = plane.resized(width, height);
            assert!((mean(&resized) - mean(&plane)).abs() < 1.0);
        }
    }
}
