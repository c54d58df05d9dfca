//! Flip: left and right, or top and bottom, exchanged.
use tensor::Random;

use super::affine::Affine;
use super::{Frame, Kind, Parameter, Step, happens};

const PROBABILITY: Parameter = Parameter {
    name: "probability",
    least: 0.0,
    most: 1.0,
    default: Some(0.5),
};

pub(super) const HORIZONTAL: Kind = Kind {
    name: "flip",
    purpose: "flips horizontally with this probability",
    parameters: &[PROBABILITY],
    idle: Some("flip(0)"),
    make: |values| {
        Box::new(Flip {
            probability: values[0].unwrap_or_default(),
            scale: (-1.0, 1.0),
        })
    },
};

pub(super) const VERTICAL: Kind = Kind {
    name: "flip_vertical",
    purpose: "flips vertically with this probability",
    parameters: &[PROBABILITY],
    idle: Some("flip_vertical(0)"),
    make: |values| {
        Box::new(Flip {
            probability: values[0].unwrap_or_default(),
            scale: (1.0, -1.0),
        })
    },
};

struct Flip {
    probability: f32,
    scale: (f64, f64),
}

impl Step for Flip {
    fn warp(&self, random: &mut Random, _frame: &Frame) -> Affine {
        if happens(random, self.probability) {
            Affine::scaled(self.scale.0, self.scale.1)
        } else {
            Affine::IDENTITY
        }
    }
}
