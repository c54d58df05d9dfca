//! Random resized crop: a window of random area and aspect that fills the picture.
use tensor::Random;

use super::affine::Affine;
use super::{Frame, Kind, Parameter, Step, between};

const fn area(name: &'static str, default: f32) -> Parameter {
    Parameter {
        name,
        least: 0.01,
        most: 1.0,
        default: Some(default),
    }
}

/// As torchvision's `RandomResizedCrop`: areas of 8 % to the whole, aspects of 3:4 to 4:3.
pub(super) const KIND: Kind = Kind {
    name: "resized_crop",
    purpose: "crops a random window (least to most of the area, aspect 3:4 to 4:3) and resizes it",
    parameters: &[area("least", 0.08), area("most", 1.0)],
    idle: Some("resized_crop(1,1)"),
    make: |values| {
        Box::new(ResizedCrop {
            least: values[0].unwrap_or(1.0),
            most: values[1].unwrap_or(1.0),
        })
    },
};

/// Draws before the largest centred window is taken, as torchvision.
const TRIES: usize = 10;

struct ResizedCrop {
    least: f32,
    most: f32,
}

impl Step for ResizedCrop {
    fn warp(&self, random: &mut Random, frame: &Frame) -> Affine {
        let aspect_limit = (4.0f32 / 3.0).ln();
        for _ in 0..TRIES {
            let area = f64::from(between(random, self.least, self.most));
            let aspect = f64::from(between(random, -aspect_limit, aspect_limit)).exp();
            let (across, down) = ((area * aspect).sqrt(), (area / aspect).sqrt());
            if across <= 1.0 && down <= 1.0 {
                let mut place =
                    |part: f64, pixels: f64| (random.uniform_f64() - 0.5) * (1.0 - part) * pixels;
                let (x, y) = (place(across, frame.width), place(down, frame.height));
                return Affine::window(x, y, across, down);
            }
        }
        Affine::IDENTITY
    }
}
