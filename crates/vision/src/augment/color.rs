//! Colour jitter: saturation, and the hue turned.
use tensor::Random;

use super::tone::{self, LUMA};
use super::{Kind, Parameter, Picture, Step, around_one, between};

pub(super) const KIND: Kind = Kind {
    name: "color",
    purpose: "multiplies the saturation by 1 plus or minus at most this, and shifts the hue by at \
              most that fraction of a turn",
    parameters: &[
        Parameter {
            name: "saturation",
            least: 0.0,
            most: 1.0,
            default: Some(0.3),
        },
        Parameter {
            name: "hue",
            least: 0.0,
            most: 0.5,
            default: Some(0.02),
        },
    ],
    idle: Some("color(0,0)"),
    make: |values| {
        Box::new(Color {
            saturation: values[0].unwrap_or_default(),
            hue: values[1].unwrap_or_default(),
        })
    },
};

struct Color {
    saturation: f32,
    hue: f32,
}

impl Step for Color {
    fn paint(&self, random: &mut Random, picture: &mut Picture<'_>) {
        let saturation = around_one(random, self.saturation);
        let turns = between(random, -self.hue, self.hue);
        change(picture, saturation, turns);
    }
}

/// From RGB to YIQ (the NTSC's; as in Python's `colorsys`): gray, and two axes of colour.
const TO_YIQ: [[f32; 3]; 3] = [
    LUMA,
    [0.595_716, -0.274_453, -0.321_263],
    [0.211_456, -0.522_591, 0.311_135],
];

/// The inverse of [`TO_YIQ`].
const FROM_YIQ: [[f32; 3]; 3] = [
    [1.0, 0.956_296, 0.621_024],
    [1.0, -0.272_122, -0.647_381],
    [1.0, -1.106_989, 1.704_615],
];

/// Multiplies the colours' distance from gray and turns them about it; the gray of a pixel stays.
pub(super) fn change(picture: &mut Picture<'_>, saturation: f32, turns: f32) {
    if saturation == 1.0 && turns == 0.0 {
        return;
    }
    let (sine, cosine) = (turns * std::f32::consts::TAU).sin_cos();
    let (sine, cosine) = (sine * saturation, cosine * saturation);
    let turn = [[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]];
    tone::by_matrix(picture, product(FROM_YIQ, product(turn, TO_YIQ)));
}

fn product(one: [[f32; 3]; 3], other: [[f32; 3]; 3]) -> [[f32; 3]; 3] {
    one.map(|row| {
        [0, 1, 2].map(|column| (0..3).map(|inner| row[inner] * other[inner][column]).sum())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_matrices_are_inverses() {
        for (row, values) in product(FROM_YIQ, TO_YIQ).iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                let wanted = f32::from(u8::from(row == column));
                assert!((value - wanted).abs() < 1e-3, "{value}");
            }
        }
    }

    #[test]
    fn saturation_0_is_gray_and_a_turn_keeps_gray() {
        let changed = |pixel: [u8; 3], saturation, turns| {
            let mut rgb = pixel;
            let mut picture = Picture {
                width: 1,
                height: 1,
                rgb: &mut rgb,
            };
            change(&mut picture, saturation, turns);
            rgb
        };
        // 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2.
        assert_eq!(changed([200, 100, 50], 0.0, 0.0), [124; 3]);
        assert_eq!(changed([90; 3], 1.0, 0.3), [90; 3]);
        let gray = |rgb: [u8; 3]| -> f32 {
            rgb.iter()
                .zip(LUMA)
                .map(|(v, share)| f32::from(*v) * share)
                .sum()
        };
        let turned = changed([140, 110, 100], 1.0, 0.25);
        assert!((gray(turned) - gray([140, 110, 100])).abs() < 1.0);
        assert_ne!(turned, [140, 110, 100]);
        // A whole turn is none.
        assert_eq!(changed([140, 110, 100], 1.0, 1.0), [140, 110, 100]);
    }
}
