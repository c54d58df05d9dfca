//! Shift to the sides, up and down.
use tensor::Random;

use super::affine::Affine;
use super::{Frame, Kind, Parameter, Step, between};

pub(super) const KIND: Kind = Kind {
    name: "shift",
    purpose: "moves by at most this fraction of the width, and of the height [default: the same]",
    parameters: &[
        Parameter {
            name: "across",
            least: 0.0,
            most: 1.0,
            default: Some(0.1),
        },
        Parameter {
            name: "down",
            least: 0.0,
            most: 1.0,
            default: None,
        },
    ],
    idle: Some("shift(0)"),
    make: |values| {
        let across = values[0].unwrap_or_default();
        Box::new(Shift {
            across,
            down: values[1].unwrap_or(across),
        })
    },
};

struct Shift {
    across: f32,
    down: f32,
}

impl Step for Shift {
    fn warp(&self, random: &mut Random, frame: &Frame) -> Affine {
        let x = f64::from(between(random, -self.across, self.across));
        let y = f64::from(between(random, -self.down, self.down));
        Affine::moved(x * frame.width, y * frame.height)
    }
}
