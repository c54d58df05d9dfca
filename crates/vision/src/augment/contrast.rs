//! Contrast: all values moved away from the picture's mean grey, or towards it.
use tensor::Random;

use super::{Kind, Parameter, Picture, Step, around_one, tone};

pub(super) const KIND: Kind = Kind {
    name: "contrast",
    purpose: "multiplies the distance to the mean grey by 1 plus or minus at most this",
    parameters: &[Parameter {
        name: "strength",
        least: 0.0,
        most: 1.0,
        default: Some(0.2),
    }],
    idle: Some("contrast(0)"),
    make: |values| Box::new(Contrast(values[0].unwrap_or_default())),
};

struct Contrast(f32);

impl Step for Contrast {
    fn paint(&self, random: &mut Random, picture: &mut Picture<'_>) {
        change(picture, around_one(random, self.0));
    }
}

pub(super) fn change(picture: &mut Picture<'_>, factor: f32) {
    let mean = tone::mean_gray(picture);
    tone::by_table(picture, |value| mean + (value - mean) * factor);
}
