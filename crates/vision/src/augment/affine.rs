//! Affine maps between pictures, composed, and the one bilinear warp that carries them out.
use super::{Frame, Stored};

/// Where a point (x, y) of the new picture comes from: `(a x + b y + c, d x + e y + f)`, both in
/// pixels of the new picture measured from the centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub a: f64,
    pub b: f64,
    pub c: f64,
    pub d: f64,
    pub e: f64,
    pub f: f64,
}

impl Affine {
    pub const IDENTITY: Affine = Affine {
        a: 1.0,
        b: 0.0,
        c: 0.0,
        d: 0.0,
        e: 1.0,
        f: 0.0,
    };

    /// Stretched by `x` and `y` about the centre (the points come from nearer to it).
    pub fn scaled(x: f64, y: f64) -> Affine {
        Affine {
            a: 1.0 / x,
            e: 1.0 / y,
            ..Affine::IDENTITY
        }
    }

    /// Moved right by `x` and down by `y` pixels.
    pub fn moved(x: f64, y: f64) -> Affine {
        Affine {
            c: -x,
            f: -y,
            ..Affine::IDENTITY
        }
    }

    /// Turned clockwise about the centre.
    pub fn rotated(degrees: f64) -> Affine {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        Affine {
            a: cosine,
            b: sine,
            d: -sine,
            e: cosine,
            ..Affine::IDENTITY
        }
    }

    /// Rows moved by `x` pixels for each below the centre, columns by `y` for each to its right.
    pub fn sheared(x: f64, y: f64) -> Affine {
        Affine {
            b: -x,
            d: -y,
            ..Affine::IDENTITY
        }
    }

    /// A window of the picture, with its centre at (`x`, `y`) from the picture's, that fills the
    /// whole: `across` and `down` are the window's sides as parts of the picture's.
    pub fn window(x: f64, y: f64, across: f64, down: f64) -> Affine {
        Affine {
            a: across,
            c: x,
            e: down,
            f: y,
            ..Affine::IDENTITY
        }
    }

    /// This map's picture taken as the source of `next`: a point goes through `next` first.
    pub fn after(&self, next: &Affine) -> Affine {
        Affine {
            a: self.a * next.a + self.b * next.d,
            b: self.a * next.b + self.b * next.e,
            c: self.a * next.c + self.b * next.f + self.c,
            d: self.d * next.a + self.e * next.d,
            e: self.d * next.b + self.e * next.e,
            f: self.d * next.c + self.e * next.f + self.f,
        }
    }
}

/// Bits after the point of a place in the stored picture.
const PLACE_BITS: u32 = 32;
/// Bits of a weight: two multiply a byte within 32 bits.
const WEIGHT_BITS: u32 = 11;
/// A map this near to whole pixels is one of whole pixels: less than a weight's last bit over any
/// row.
const NEARLY: f64 = 1e-7;

/// Fills `rgb` (rows of `width` pixels) from a stored picture, bilinearly; a map that is whole
/// pixels apart copies them. Outside of the stored picture lies its mirror image.
pub(super) fn warp(stored: Stored<'_>, map: &Affine, frame: &Frame, width: usize, rgb: &mut [u8]) {
    // From the new picture's own columns and rows to those of the stored one, counted at the
    // pixels' centres.
    let (x, y) = (0.5 - frame.width / 2.0, 0.5 - frame.height / 2.0);
    let to_column = |place: f64| (place + frame.width / 2.0) * frame.across - 0.5;
    let to_row = |place: f64| (place + frame.height / 2.0) * frame.down - 0.5;
    let place = Affine {
        a: map.a * frame.across,
        b: map.b * frame.across,
        c: to_column(map.a * x + map.b * y + map.c),
        d: map.d * frame.down,
        e: map.e * frame.down,
        f: to_row(map.d * x + map.e * y + map.f),
    };
    let whole = |value: f64| (value - value.round()).abs() < NEARLY;
    let unit = |value: f64| (value.abs() - 1.0).abs() < NEARLY;
    let straight =
        unit(place.a) && unit(place.e) && place.b.abs() < NEARLY && place.d.abs() < NEARLY;
    if straight && whole(place.c) && whole(place.f) {
        copy(stored, &place, width, rgb);
    } else {
        interpolate(stored, &place, width, rgb);
    }
}

/// An index outside of `0..length` is that of the mirror image.
fn mirrored(index: i64, length: usize) -> usize {
    let length = length as i64;
    if (0..length).contains(&index) {
        return index as usize;
    }
    let index = index.rem_euclid(2 * length);
    index.min(2 * length - 1 - index) as usize
}

fn copy(stored: Stored<'_>, place: &Affine, width: usize, rgb: &mut [u8]) {
    let (left, top) = (place.c.round() as i64, place.f.round() as i64);
    let (right_step, down_step) = (place.a.round() as i64, place.e.round() as i64);
    let last = left + right_step * (width as i64 - 1);
    let columns = 0..stored.width as i64;
    let inside = columns.contains(&left) && columns.contains(&last);
    let pixels = stored.rgb.as_chunks::<3>().0;
    for (row, out) in rgb.chunks_exact_mut(width * 3).enumerate() {
        let row = mirrored(top + down_step * row as i64, stored.height);
        let from = &pixels[row * stored.width..][..stored.width];
        let out = out.as_chunks_mut::<3>().0;
        if inside && right_step > 0 {
            out.copy_from_slice(&from[left as usize..][..width]);
        } else if inside {
            let from = from[last as usize..][..width].iter().rev();
            from.zip(out).for_each(|(from, to)| *to = *from);
        } else {
            for (column, to) in out.iter_mut().enumerate() {
                *to = from[mirrored(left + right_step * column as i64, stored.width)];
            }
        }
    }
}

fn interpolate(stored: Stored<'_>, place: &Affine, width: usize, rgb: &mut [u8]) {
    // Far beyond any picture, so that whatever a map asks for stays within 64 bits.
    const FAR: f64 = 1e6;
    let fixed = |value: f64| (value.clamp(-FAR, FAR) * (1u64 << PLACE_BITS) as f64).round() as i64;
    let (column_step, row_step) = (fixed(place.a), fixed(place.d));
    let pixels = stored.rgb.as_chunks::<3>().0;
    let weight = |place: i64| {
        let fraction = place as u64 & ((1 << PLACE_BITS) - 1);
        (fraction >> (PLACE_BITS - WEIGHT_BITS)) as u32
    };
    // The last column and row that have a neighbour to their right and below.
    let (last_column, last_row) = (stored.width as i64 - 1, stored.height as i64 - 1);
    for (row, out) in rgb.chunks_exact_mut(width * 3).enumerate() {
        let mut column_place = fixed(place.b * row as f64 + place.c);
        let mut row_place = fixed(place.e * row as f64 + place.f);
        for to in out.as_chunks_mut::<3>().0 {
            let (left, top) = (column_place >> PLACE_BITS, row_place >> PLACE_BITS);
            let (across, down) = (weight(column_place), weight(row_place));
            let corners = if (0..last_column).contains(&left) && (0..last_row).contains(&top) {
                let at = top as usize * stored.width + left as usize;
                let upper = &pixels[at..at + 2];
                let lower = &pixels[at + stored.width..][..2];
                [upper[0], upper[1], lower[0], lower[1]]
            } else {
                let columns = [left, left + 1].map(|column| mirrored(column, stored.width));
                let rows = [top, top + 1].map(|row| mirrored(row, stored.height) * stored.width);
                [
                    pixels[rows[0] + columns[0]],
                    pixels[rows[0] + columns[1]],
                    pixels[rows[1] + columns[0]],
                    pixels[rows[1] + columns[1]],
                ]
            };
            let one = 1 << WEIGHT_BITS;
            let weights = [
                (one - across) * (one - down),
                across * (one - down),
                (one - across) * down,
                across * down,
            ];
            for channel in 0..3 {
                let half = 1 << (2 * WEIGHT_BITS - 1);
                let sum: u32 = (0..4)
                    .map(|corner| u32::from(corners[corner][channel]) * weights[corner])
                    .sum();
                to[channel] = ((sum + half) >> (2 * WEIGHT_BITS)) as u8;
            }
            column_place += column_step;
            row_place += row_step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(width: usize, height: usize) -> Vec<u8> {
        (0..width * height * 3)
            .map(|i| (i * i * 7919 % 251) as u8)
            .collect()
    }

    /// The warp in f64, one pixel after the other.
    fn reference(stored: Stored<'_>, map: &Affine, width: usize, height: usize) -> Vec<f64> {
        let mut out = Vec::new();
        for row in 0..height {
            for column in 0..width {
                let x = column as f64 + 0.5 - width as f64 / 2.0;
                let y = row as f64 + 0.5 - height as f64 / 2.0;
                let from_x = map.a * x + map.b * y + map.c;
                let from_y = map.d * x + map.e * y + map.f;
                let across = (from_x / width as f64 + 0.5) * stored.width as f64 - 0.5;
                let down = (from_y / height as f64 + 0.5) * stored.height as f64 - 0.5;
                for channel in 0..3 {
                    let at = |column: f64, row: f64| {
                        let column = mirrored(column as i64, stored.width);
                        let row = mirrored(row as i64, stored.height);
                        f64::from(stored.rgb[(row * stored.width + column) * 3 + channel])
                    };
                    let (left, top) = (across.floor(), down.floor());
                    let (u, v) = (across - left, down - top);
                    let upper = at(left, top) * (1.0 - u) + at(left + 1.0, top) * u;
                    let lower = at(left, top + 1.0) * (1.0 - u) + at(left + 1.0, top + 1.0) * u;
                    out.push(upper * (1.0 - v) + lower * v);
                }
            }
        }
        out
    }

    #[test]
    fn the_warp_is_that_of_the_reference() {
        let rgb = pattern(37, 23);
        let stored = Stored {
            width: 37,
            height: 23,
            rgb: &rgb,
        };
        let maps = [
            Affine::IDENTITY,
            Affine::scaled(-1.0, 1.0),
            Affine::rotated(33.0),
            Affine::moved(100.0, -3.25).after(&Affine::sheared(0.3, -0.2)),
            Affine::scaled(0.3, 2.0).after(&Affine::rotated(-170.0)),
            Affine::window(2.0, -1.0, 0.5, 0.25),
        ];
        for map in maps {
            for (width, height) in [(37, 23), (20, 31), (1, 1)] {
                let frame = Frame {
                    width: width as f64,
                    height: height as f64,
                    across: 37.0 / width as f64,
                    down: 23.0 / height as f64,
                };
                let mut out = vec![0; width * height * 3];
                warp(stored, &map, &frame, width, &mut out);
                let expected = reference(stored, &map, width, height);
                for (found, wanted) in out.iter().zip(expected) {
                    // Half a step of rounding, and twice the 2^-11 that a weight is rounded by.
                    let difference = (f64::from(*found) - wanted).abs();
                    assert!(difference <= 0.5 + 2.0 * 255.0 / 2048.0, "{map:?}");
                }
            }
        }
    }

    #[test]
    fn whole_pixels_are_copied() {
        let rgb = pattern(6, 5);
        let stored = Stored {
            width: 6,
            height: 5,
            rgb: &rgb,
        };
        let frame = Frame {
            width: 6.0,
            height: 5.0,
            across: 1.0,
            down: 1.0,
        };
        let mut out = vec![0; rgb.len()];
        let mirror = Affine::scaled(-1.0, 1.0);
        warp(stored, &Affine::IDENTITY, &frame, 6, &mut out);
        assert_eq!(out, rgb);
        warp(stored, &mirror.after(&mirror), &frame, 6, &mut out);
        assert_eq!(out, rgb);
        warp(stored, &Affine::moved(2.0, -1.0), &frame, 6, &mut out);
        assert_eq!(out[2 * 3..6 * 3], rgb[6 * 3..10 * 3]);
        // Left of the picture lies its mirror image.
        assert_eq!(out[..3], rgb[7 * 3..8 * 3]);
        let half = Affine::rotated(180.0);
        warp(stored, &half, &frame, 6, &mut out);
        let turned: Vec<u8> = rgb
            .as_chunks::<3>()
            .0
            .iter()
            .rev()
            .flatten()
            .copied()
            .collect();
        assert_eq!(out, turned);
    }

    #[test]
    fn maps_compose() {
        let point = |map: &Affine, x: f64, y: f64| {
            (map.a * x + map.b * y + map.c, map.d * x + map.e * y + map.f)
        };
        let first = Affine::rotated(20.0).after(&Affine::moved(3.0, 4.0));
        let second = Affine::sheared(0.2, 0.1).after(&Affine::scaled(2.0, 0.5));
        let (x, y) = point(&second, 5.0, -7.0);
        let (one, other) = (point(&first.after(&second), 5.0, -7.0), point(&first, x, y));
        assert!((one.0 - other.0).abs() < 1e-12 && (one.1 - other.1).abs() < 1e-12);
        // Clockwise, with rows counted downwards: what was above the centre goes to its right.
        let (x, y) = point(&Affine::rotated(90.0), 10.0, 0.0);
        assert!(x.abs() < 1e-12 && (y + 10.0).abs() < 1e-12);
    }
}
