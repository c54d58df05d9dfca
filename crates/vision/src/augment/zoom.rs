//! Zoom about the centre, the aspect kept.
use tensor::Random;

use super::affine::Affine;
use super::{Frame, Kind, Parameter, Step, between};

const fn factor(name: &'static str, default: f32) -> Parameter {
    Parameter {
        name,
        least: 0.1,
        most: 10.0,
        default: Some(default),
    }
}

pub(super) const KIND: Kind = Kind {
    name: "zoom",
    purpose: "enlarges by a factor between the two (below 1: makes smaller)",
    parameters: &[factor("least", 0.8), factor("most", 1.2)],
    idle: Some("zoom(1,1)"),
    make: |values| {
        Box::new(Zoom {
            least: values[0].unwrap_or(1.0),
            most: values[1].unwrap_or(1.0),
        })
    },
};

struct Zoom {
    least: f32,
    most: f32,
}

impl Step for Zoom {
    fn warp(&self, random: &mut Random, _frame: &Frame) -> Affine {
        let factor = f64::from(between(random, self.least, self.most));
        Affine::scaled(factor, factor)
    }
}
