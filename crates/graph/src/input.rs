//! What input a network wants: how a photo becomes its tensor. Read by `vision::prepare`, the only
//! maker of input tensors.
use serde::{Deserialize, Serialize};

/// How the values of a photo become the network's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputSpec {
    /// Rows of the network's input.
    pub height: usize,
    /// Columns of the network's input.
    pub width: usize,
    /// The resampling filter.
    pub filter: Filter,
    /// From 0..=255 RGB to the network's values.
    pub scaling: Scaling,
    /// The views of one photo, at least one; the network's logits are averaged over them.
    pub views: Vec<View>,
    /// The classic preprocessing as text (`clahe(2,8) | gaussian(3)`), empty for none. It runs on
    /// the oriented photo before the geometry.
    #[serde(default)]
    pub preprocessing: String,
}

/// One way to look at a photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// How the photo's rectangle meets the network's.
    pub geometry: Geometry,
    /// Whether left and right are exchanged.
    #[serde(default)]
    pub mirrored: bool,
}

/// How the photo's rectangle meets the network's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Geometry {
    /// The whole photo, its aspect lost.
    Stretch,
    /// The photo's aspect kept: the shorter side becomes `size / fraction` (rounded down, as
    /// torchvision's `Resize(int(size / fraction))`), then the centre is cut out.
    CenterCrop {
        /// 0.875 as for ImageNet; 1 cuts the largest centred rectangle.
        fraction: f32,
    },
    /// The whole photo, its aspect kept, the rest filled with a gray of this value.
    Letterbox {
        /// 0 to 255.
        fill: u8,
    },
}

/// The resampling filter, as Pillow's `Image.resize` with the same name: antialiased, its support
/// grown by the scale when the photo shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The triangle, support 1.
    Bilinear,
    /// Keys's cubic with a = -0.5, support 2.
    Bicubic,
}

/// From 0..=255 RGB to the network's values: `(value - mean[c]) / deviation[c]`, c in the order of
/// `channels`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Subtracted, by channel of the network's input.
    pub mean: [f32; 3],
    /// Divided by, by channel of the network's input.
    pub deviation: [f32; 3],
    /// Whether the network wants blue first (Keras's 'caffe' mode, VGG16).
    #[serde(default)]
    pub blue_first: bool,
}

impl Scaling {
    /// The same mean and deviation for the three channels, red first.
    pub const fn uniform(mean: f32, deviation: f32) -> Self {
        Scaling {
            mean: [mean; 3],
            deviation: [deviation; 3],
            blue_first: false,
        }
    }
}

/// Most views of a photo: each is a run of the network. Ten crops and their mirror images are the most in
/// common use.
pub const MOST_VIEWS: usize = 64;

/// Far above any network's input, far below what would exhaust the memory.
const LARGEST_SIDE: usize = 8192;

/// The part of a photo that a centre crop may leave: of less than a hundredth nothing would be seen.
const FRACTIONS: std::ops::RangeInclusive<f32> = 0.01..=1.0;

/// What makes no sense in an [`InputSpec`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InputFault {
    /// No pixels, or more than any network takes.
    #[error("an input of {width} x {height}")]
    Size {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// No view, or more than [`MOST_VIEWS`].
    #[error("{0} views")]
    Views(usize),
    /// Less than a hundredth of a photo, or more than all of it.
    #[error("a centre crop of the fraction {0}")]
    Fraction(f32),
    /// Nothing that can be divided by.
    #[error("a deviation of {0:?}")]
    Deviation([f32; 3]),
    /// Not a number, or infinite.
    #[error("a mean of {0:?}")]
    Mean([f32; 3]),
}

impl InputSpec {
    /// Whether its numbers make sense; the preprocessing is `vision`'s to judge.
    ///
    /// # Errors
    /// The first [`InputFault`].
    pub fn check(&self) -> Result<(), InputFault> {
        let (width, height) = (self.width, self.height);
        let sides = 1..=LARGEST_SIDE;
        if !sides.contains(&height) || !sides.contains(&width) {
            return Err(InputFault::Size { width, height });
        }
        if !(1..=MOST_VIEWS).contains(&self.views.len()) {
            return Err(InputFault::Views(self.views.len()));
        }
        for view in &self.views {
            if let Geometry::CenterCrop { fraction } = view.geometry
                && !FRACTIONS.contains(&fraction)
            {
                return Err(InputFault::Fraction(fraction));
            }
        }
        let Scaling {
            mean, deviation, ..
        } = self.scaling;
        if deviation.iter().any(|deviation| !deviation.is_normal()) {
            return Err(InputFault::Deviation(deviation));
        }
        if !mean.iter().all(|mean| mean.is_finite()) {
            return Err(InputFault::Mean(mean));
        }
        Ok(())
    }
}
