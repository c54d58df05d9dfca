//! Brightness: all values times one factor.
use tensor::Random;

use super::{Kind, Parameter, Picture, Step, around_one, tone};

pub(super) const KIND: Kind = Kind {
    name: "brightness",
    purpose: "multiplies all values by 1 plus or minus at most this",
    parameters: &[Parameter {
        name: "strength",
        least: 0.0,
        most: 1.0,
        default: Some(0.2),
    }],
    idle: Some("brightness(0)"),
    make: |values| Box::new(Brightness(values[0].unwrap_or_default())),
};

struct Brightness(f32);

impl Step for Brightness {
    fn paint(&self, random: &mut Random, picture: &mut Picture<'_>) {
        change(picture, around_one(random, self.0));
    }
}

pub(super) fn change(picture: &mut Picture<'_>, factor: f32) {
    tone::by_table(picture, |value| value * factor);
}
