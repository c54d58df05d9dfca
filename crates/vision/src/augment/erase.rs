//! Random erasing: a rectangle filled with noise (Zhong et al., 2020).
use tensor::Random;

use super::{Kind, Parameter, Picture, Step, between, happens};

const fn area(name: &'static str, default: f32) -> Parameter {
    Parameter {
        name,
        least: 0.0,
        most: 1.0,
        default: Some(default),
    }
}

/// Areas of 2 to 33 % and aspects of 3:10 to 10:3, as in the paper and in torchvision.
pub(super) const KIND: Kind = Kind {
    name: "erase",
    purpose: "random erasing: with this probability, fills a rectangle (least to most of the area) with noise",
    parameters: &[
        Parameter {
            name: "probability",
            least: 0.0,
            most: 1.0,
            default: Some(0.5),
        },
        area("least", 0.02),
        area("most", 0.33),
    ],
    idle: Some("erase(0)"),
    make: |values| {
        Box::new(Erase {
            probability: values[0].unwrap_or_default(),
            least: values[1].unwrap_or_default(),
            most: values[2].unwrap_or_default(),
        })
    },
};

/// Draws before nothing is erased, as torchvision.
const TRIES: usize = 10;

struct Erase {
    probability: f32,
    least: f32,
    most: f32,
}

impl Step for Erase {
    fn paint(&self, random: &mut Random, picture: &mut Picture<'_>) {
        if !happens(random, self.probability) {
            return;
        }
        let aspect_limit = (10.0f32 / 3.0).ln();
        let (width, height) = (picture.width as f32, picture.height as f32);
        for _ in 0..TRIES {
            let area = between(random, self.least, self.most) * width * height;
            let aspect = between(random, -aspect_limit, aspect_limit).exp();
            let across = (area * aspect).sqrt().round();
            let down = (area / aspect).sqrt().round();
            if across < width && down < height {
                let (across, down) = (across as usize, down as usize);
                let left = random.below((picture.width - across) as u32 + 1) as usize;
                let top = random.below((picture.height - down) as u32 + 1) as usize;
                for row in top..top + down {
                    let start = (row * picture.width + left) * 3;
                    for values in picture.rgb[start..][..across * 3].chunks_mut(4) {
                        let noise = random.next_u32().to_le_bytes();
                        values.copy_from_slice(&noise[..values.len()]);
                    }
                }
                return;
            }
        }
    }
}
