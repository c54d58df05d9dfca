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
