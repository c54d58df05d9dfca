//! Rotation about the centre.
use tensor::Random;

use super::affine::Affine;
use super::{Frame, Kind, Parameter, Step, between};

pub(super) const KIND: Kind = Kind {
    name: "rotate",
    purpose: "rotates by at most so many degrees to either side",
    parameters: &[Parameter {
        name: "degrees",
        least: 0.0,
        most: 180.0,
        default: Some(15.0),
    }],
    idle: Some("rotate(0)"),
    make: |values| Box::new(Rotate(values[0].unwrap_or_default())),
};

struct Rotate(f32);

impl Step for Rotate {
    fn warp(&self, random: &mut Random, _frame: &Frame) -> Affine {
        Affine::rotated(between(random, -self.0, self.0).into())
    }
}
