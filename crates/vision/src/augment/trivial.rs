//! TrivialAugment (Müller and Hutter, 2021): one step of fourteen, at a random strength.
use tensor::Random;

use super::affine::Affine;
use super::{Frame, Kind, Picture, Step, brightness, color, contrast, tone};

pub(super) const KIND: Kind = Kind {
    name: "trivial",
    purpose: "TrivialAugment Wide: one of 14 changes at a random strength",
    parameters: &[],
    idle: None,
    make: |_| Box::new(Trivial),
};

struct Trivial;

/// The changes of the paper's wide space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

const CHANGES: [Change; 14] = [
    Change::Identity,
    Change::ShearX,
    Change::ShearY,
    Change::TranslateX,
    Change::TranslateY,
    Change::Rotate,
    Change::Brightness,
    Change::Color,
    Change::Contrast,
    Change::Sharpness,
    Change::Posterize,
    Change::Solarize,
    Change::AutoContrast,
    Change::Equalize,
];

/// Steps of strength: 0 to 30, as in the paper.
const STRENGTHS: u32 = 31;
/// Greatest shear, and greatest change of brightness, colour, contrast and sharpness.
const MOST: f32 = 0.99;
/// Greatest translation: torchvision's 32 pixels, of the 224 that it is used at.
const MOST_SHIFT: f64 = 32.0 / 224.0;
/// Greatest rotation, in degrees.
const MOST_DEGREES: f64 = 135.0;

/// The change of a photo, its strength (0 to 1) and its sign.
fn drawn(random: &mut Random) -> (Change, f32, f32) {
    let change = CHANGES[random.below(CHANGES.len() as u32) as usize];
    let strength = random.below(STRENGTHS) as f32 / (STRENGTHS - 1) as f32;
    let sign = if random.below(2) == 0 { 1.0 } else { -1.0 };
    (change, strength, sign)
}

impl Step for Trivial {
    fn warp(&self, random: &mut Random, frame: &Frame) -> Affine {
        let (change, strength, sign) = drawn(random);
        let signed = f64::from(strength * sign);
        let shear = f64::from(MOST) * signed;
        match change {
            Change::ShearX => Affine::sheared(shear, 0.0),
            Change::ShearY => Affine::sheared(0.0, shear),
            Change::TranslateX => Affine::moved(MOST_SHIFT * signed * frame.width, 0.0),
            Change::TranslateY => Affine::moved(0.0, MOST_SHIFT * signed * frame.height),
            Change::Rotate => Affine::rotated(MOST_DEGREES * signed),
            _ => Affine::IDENTITY,
        }
    }

    fn paint(&self, random: &mut Random, picture: &mut Picture<'_>) {
        let (change, strength, sign) = drawn(random);
        let factor = 1.0 + MOST * strength * sign;
        match change {
            Change::Brightness => brightness::change(picture, factor),
            Change::Color => color::change(picture, factor, 0.0),
            Change::Contrast => contrast::change(picture, factor),
            Change::Sharpness => sharpen(picture, factor),
            Change::Posterize => {
                // 8 bits at strength 0, 2 at the greatest.
                let dropped = (strength * 6.0).round() as u32;
                let mask = 0xFFu8 << dropped;
                picture.rgb.iter_mut().for_each(|value| *value &= mask);
            }
            Change::Solarize => {
                let threshold = 255.0 * (1.0 - strength);
                tone::by_table(picture, |value| {
                    if value >= threshold && strength > 0.0 {
                        255.0 - value
                    } else {
                        value
                    }
                });
            }
            Change::AutoContrast => by_channel(picture, stretched),
            Change::Equalize => by_channel(picture, equalized),
            _ => {}
        }
    }
}

/// Moves each value away from the mean of its surroundings, or towards it: Pillow's
/// `ImageEnhance.Sharpness` (a 3 x 3 window with 5 in the middle, borders kept).
fn sharpen(picture: &mut Picture<'_>, factor: f32) {
    let (width, height) = (picture.width, picture.height);
    if width < 3 || height < 3 || factor == 1.0 {
        return;
    }
    let before = picture.rgb.to_vec();
    for row in 1..height - 1 {
        for at in (row * width + 1) * 3..(row * width + width - 1) * 3 {
            let mut sum = 4 * u32::from(before[at]);
            for around in [at - width * 3, at, at + width * 3] {
                sum += [around - 3, around, around + 3]
                    .iter()
                    .map(|place| u32::from(before[*place]))
                    .sum::<u32>();
            }
            let smooth = tone::byte(sum as f32 / 13.0);
            let (smooth, sharp) = (f32::from(smooth), f32::from(before[at]));
            picture.rgb[at] = tone::byte(smooth + (sharp - smooth) * factor);
        }
    }
}

/// Puts each channel through a table made from its histogram.
fn by_channel(picture: &mut Picture<'_>, table: fn(&[u32; 256]) -> Option<[u8; 256]>) {
    let mut histograms = [[0u32; 256]; 3];
    for pixel in picture.rgb.as_chunks::<3>().0 {
        for (histogram, value) in histograms.iter_mut().zip(pixel) {
            histogram[usize::from(*value)] += 1;
        }
    }
    let tables = histograms.each_ref().map(table);
    for pixel in picture.rgb.as_chunks_mut::<3>().0 {
        for (value, table) in pixel.iter_mut().zip(&tables) {
            if let Some(table) = table {
                *value = table[usize::from(*value)];
            }
        }
    }
}

/// The least value becomes 0, the greatest 255 (Pillow's `ImageOps.autocontrast`).
fn stretched(histogram: &[u32; 256]) -> Option<[u8; 256]> {
    let least = histogram.iter().position(|count| *count > 0)?;
    let most = histogram.iter().rposition(|count| *count > 0)?;
    if least == most {
        return None;
    }
    let scale = 255.0 / (most - least) as f32;
    let table = std::array::from_fn(|value| {
        // Pillow cuts the fraction off.
        ((value as f32 - least as f32) * scale) as u8
    });
    Some(table)
}

/// Each value becomes its rank (Pillow's `ImageOps.equalize`).
fn equalized(histogram: &[u32; 256]) -> Option<[u8; 256]> {
    let last = histogram.iter().rfind(|count| **count > 0)?;
    let total: u32 = histogram.iter().sum();
    let step = (total - last) / 255;
    if step == 0 {
        return None;
    }
    let mut sum = step / 2;
    let mut table = [0; 256];
    for (entry, count) in table.iter_mut().zip(histogram) {
        *entry = (sum / step).min(255) as u8;
        sum += count;
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_of_a_step_draw_the_same() {
        for index in 0..100 {
            let one = drawn(&mut Random::new(1, 2, index));
            assert_eq!(one, drawn(&mut Random::new(1, 2, index)));
        }
        let seen: Vec<Change> = (0..500)
            .map(|index| drawn(&mut Random::new(1, 2, index)).0)
            .collect();
        assert!(CHANGES.iter().all(|change| seen.contains(change)));
    }

    #[test]
    fn histograms_are_stretched_and_ranked() {
        let mut histogram = [0u32; 256];
        histogram[100] = 500;
        histogram[110] = 500;
        let table = stretched(&histogram).unwrap();
        assert_eq!((table[100], table[110], table[105]), (0, 255, 127));
        let table = equalized(&histogram).unwrap();
        // Pillow's ImageOps.equalize of the same histogram: 0 and 255.
        assert_eq!((table[100], table[110]), (0, 255));
        let mut flat = [0u32; 256];
        flat[7] = 10;
        assert!(stretched(&flat).is_none() && equalized(&flat).is_none());
    }

    #[test]
    fn sharpness_0_is_smooth_and_1_changes_nothing() {
        let mut rgb = vec![0; 27];
        rgb[12] = 130;
        let mut picture = Picture {
            width: 3,
            height: 3,
            rgb: &mut rgb,
        };
        sharpen(&mut picture, 1.0);
        assert_eq!(picture.rgb[12], 130);
        sharpen(&mut picture, 0.0);
        // 5 of 13 parts of the window's middle.
        assert_eq!(picture.rgb[12], 50);
    }
}
