//! Bilateral filter, as OpenCV's `bilateralFilter`: smooths where the colours are alike, keeps edges.
use kernels::Loops;

use super::border::{mirrored, pad_row};
use super::{Given, Kind, Parameter, Picture, Range, Value, number};

pub(super) const STEP: Kind = Kind {
    name: "bilateral",
    about: "Averages a round window, the more the nearer and the more alike a pixel is; keeps edges",
    parameters: &[
        Parameter {
            name: "diameter",
            range: Range::Odd(1, 63),
            default: Some(Value::Number(9.0)),
            unit: "pixels",
        },
        number("color", 0.1, 1000.0, 75.0, "levels"),
        number("space", 0.1, 1000.0, 75.0, "pixels"),
    ],
    apply,
};

fn apply(picture: Picture, values: &[Value], given: &Given<'_>) -> Picture {
    // As OpenCV: a window of one pixel would change nothing.
    let radius = (values[0].whole() / 2).max(1);
    let neighbours = neighbours(radius, values[2].number());
    // exp(-d^2 / (2 s^2)) as a power of two.
    let color = values[1].number();
    let color = (-0.5 / (color * color) * std::f64::consts::LOG2_E) as f32;
    let (width, height, channels) = (picture.width, picture.height, picture.channels);
    // A block may be read past the last pixel of a row.
    let padded_width = (width + 2 * radius).next_multiple_of(BLOCK) + BLOCK;
    let mut filtered = vec![0; picture.values.len()];
    given
        .workers
        .bands(&mut filtered, picture.stride(), |first, band| {
            // The planes of the band's rows and those around it, one row after the other.
            let rows = band.len() / picture.stride() + 2 * radius;
            let mut planes = vec![vec![0.0_f32; rows * padded_width]; channels];
            let mut plane_row = vec![0.0; width];
            for index in 0..rows {
                let row = mirrored((first + index) as isize - radius as isize, height);
                for (channel, plane) in planes.iter_mut().enumerate() {
                    let of_channel = picture.row(row).iter().skip(channel).step_by(channels);
                    for (value, &level) in plane_row.iter_mut().zip(of_channel) {
                        *value = f32::from(level);
                    }
                    let padded = &mut plane[index * padded_width..][..width + 2 * radius];
                    pad_row(&plane_row, 1, radius, mirrored, padded);
                }
            }
            let planes: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
            let offsets = |&(down, across, weight): &(isize, isize, f32)| {
                let row = (radius as isize + down) as usize;
                let column = (radius as isize + across) as usize;
                (row * padded_width + column, weight)
            };
            let neighbours: Vec<(usize, f32)> = neighbours.iter().map(offsets).collect();
            for (row, out) in band.chunks_exact_mut(width * channels).enumerate() {
                let centre = (row + radius) * padded_width + radius;
                let start = row * padded_width;
                match planes[..] {
                    [gray] => given.workers.isa.compile(Row {
                        planes: [gray],
                        start,
                        centre,
                        neighbours: &neighbours,
                        color,
                        out,
                    }),
                    [red, green, blue] => given.workers.isa.compile(Row {
                        planes: [red, green, blue],
                        start,
                        centre,
                        neighbours: &neighbours,
                        color,
                        out,
                    }),
                    _ => unreachable!("a picture has one channel or three"),
                }
            }
        });
    picture.with(channels, filtered)
}

/// The pixels of a round window: rows down, columns across, and the power of two of the weight
/// that the distance gives.
fn neighbours(radius: usize, space: f64) -> Vec<(isize, isize, f32)> {
    let radius = radius as isize;
    let mut neighbours = Vec::new();
    for down in -radius..=radius {
        for across in -radius..=radius {
            let distance = down * down + across * across;
            if distance <= radius * radius {
                let power = -0.5 * distance as f64 / (space * space) * std::f64::consts::LOG2_E;
                neighbours.push((down, across, power as f32));
            }
        }
    }
    neighbours
}

/// Pixels that are filtered side by side.
const BLOCK: usize = 16;

/// A row of results.
struct Row<'a, const CHANNELS: usize> {
    planes: [&'a [f32]; CHANNELS],
    /// Where the window of the row's first pixel begins.
    start: usize,
    /// Where the row's first pixel stands.
    centre: usize,
    /// Places in the window, and the power of two of each weight.
    neighbours: &'a [(usize, f32)],
    /// What a squared difference is multiplied by to be a power of two.
    color: f32,
    out: &'a mut [u8],
}

impl<const CHANNELS: usize> Loops for Row<'_, CHANNELS> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (block, out) in self.out.chunks_mut(BLOCK * CHANNELS).enumerate() {
            let at = |channel: usize, place: usize| -> &[f32; BLOCK] {
                self.planes[channel][place + block * BLOCK..]
                    .first_chunk()
                    .expect("rows end with a block to spare")
            };
            let mut centre = [[0.0; BLOCK]; CHANNELS];
            for (channel, centre) in centre.iter_mut().enumerate() {
                *centre = *at(channel, self.centre);
            }
            let mut weights = [0.0_f32; BLOCK];
            let mut sums = [[0.0_f32; BLOCK]; CHANNELS];
            for &(place, power) in self.neighbours {
                let mut values = [[0.0; BLOCK]; CHANNELS];
                for (channel, values) in values.iter_mut().enumerate() {
                    *values = *at(channel, self.start + place);
                }
                for lane in 0..BLOCK {
                    let mut difference = 0.0;
                    for channel in 0..CHANNELS {
                        difference += (values[channel][lane] - centre[channel][lane]).abs();
                    }
                    let weight = power_of_two(power + difference * difference * self.color);
                    weights[lane] += weight;
                    for channel in 0..CHANNELS {
                        sums[channel][lane] += values[channel][lane] * weight;
                    }
                }
            }
            for (lane, pixel) in out.chunks_exact_mut(CHANNELS).enumerate() {
                for channel in 0..CHANNELS {
                    let mean = sums[channel][lane] / weights[lane];
                    pixel[channel] = mean.round_ties_even() as u8;
                }
            }
        }
    }
}

/// 2 to a power of 0 or less, within 4e-7 of it; what is below 2^-126 is taken for that.
#[inline(always)]
fn power_of_two(power: f32) -> f32 {
    // Adding it leaves no room for a fraction: the sum's last bits are the whole number.
    const ROUNDING: f32 = 12_582_912.0;
    let power = power.max(-126.0);
    let rounded = power + ROUNDING;
    let rest = power - (rounded - ROUNDING);
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000));
    // 2^x from -0.5 to 0.5, interpolated at the Chebyshev points: within 3e-7 in f32.
    let mut sum = 1.339_086_3e-3;
    sum = sum * rest + 9.676_032e-3;
    sum = sum * rest + 5.550_357e-2;
    sum = sum * rest + 2.402_210_7e-1;
    sum = sum * rest + 6.931_472e-1;
    sum = sum * rest + 1.0;
    sum * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_near() {
        for step in 0..126_000 {
            let power = step as f32 / -1000.0;
            let (found, exact) = (f64::from(power_of_two(power)), f64::from(power).exp2());
            assert!((found / exact - 1.0).abs() < 1e-6, "2^{power}: {found}");
        }
    }

    #[test]
    fn the_smallest_window_reaches_the_neighbours() {
        let rgb = (0..9 * 7 * 3).map(|i| (i * 7919 % 256) as u8).collect();
        let photo = crate::Photo::from_rgb(9, 7, rgb);
        let run = |text: &str| {
            let pipeline: crate::filters::Pipeline = text.parse().unwrap();
            pipeline.run_alone(&photo, None)
        };
        assert!(run("bilateral(1,50,50)") == run("bilateral(3,50,50)"));
        assert!(run("bilateral(1,50,50)") != photo);
    }

    #[test]
    fn the_window_is_round() {
        assert_eq!(neighbours(0, 1.0).len(), 1);
        assert_eq!(neighbours(1, 1.0).len(), 5);
        assert_eq!(neighbours(4, 75.0).len(), 49);
    }
}
