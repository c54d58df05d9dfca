//! Shear: upright lines lean, or level ones.
use tensor::Random;

use super::affine::Affine;
use super::{Frame, Kind, Parameter, Step, between};

pub(super) const KIND: Kind = Kind {
    name: "shear",
    purpose: "shears horizontally by at most so many degrees (upright), and vertically (level)",
    parameters: &[
        Parameter {
            name: "upright",
            least: 0.0,
            most: 60.0,
            default: Some(10.0),
        },
        Parameter {
            name: "level",
            least: 0.0,
            most: 60.0,
            default: Some(0.0),
        },
    ],
    idle: Some("shear(0)"),
    make: |values| {
        Box::new(Shear {
            upright: values[0].unwrap_or_default(),
            level: values[1].unwrap_or_default(),
        })
    },
};

struct Shear {
    upright: f32,
    level: f32,
}

impl Step for Shear {
    fn warp(&self, random: &mut Random, _frame: &Frame) -> Affine {
        let mut slope = |degrees: f32| {
            let degrees = between(random, -degrees, degrees);
            f64::from(degrees).to_radians().tan()
        };
        let (x, y) = (slope(self.upright), slope(self.level));
        Affine::sheared(x, 0.0).after(&Affine::sheared(0.0, y))
    }
}
