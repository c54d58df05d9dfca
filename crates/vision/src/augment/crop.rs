//! Crop: a window at a random place, pixel for pixel where the stored picture has a margin.
use tensor::Random;

use super::affine::Affine;
use super::{Frame, Kind, Parameter, Step};

pub(super) const KIND: Kind = Kind {
    name: "crop",
    purpose: "random crop: this fraction of each side [default: as many pixels as the input has, of \
              a stored photo that is larger]",
    parameters: &[Parameter {
        name: "part",
        least: 0.1,
        most: 1.0,
        default: None,
    }],
    idle: Some("crop(1)"),
    make: |values| Box::new(Crop(values[0])),
};

struct Crop(Option<f32>);

impl Step for Crop {
    fn warp(&self, random: &mut Random, frame: &Frame) -> Affine {
        let mut side = |pixels: f64, scale: f64| {
            let part = self.0.map_or(1.0 / scale, f64::from).min(1.0);
            // Whole pixels of the stored picture, so that a window of its own size is copied.
            let room = (pixels * scale * (1.0 - part)).round().max(0.0);
            let start = f64::from(random.below(room as u32 + 1));
            (part, (start - room / 2.0) / scale)
        };
        let (across, x) = side(frame.width, frame.across);
        let (down, y) = side(frame.height, frame.down);
        Affine::window(x, y, across, down)
    }
}
