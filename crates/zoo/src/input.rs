//! Inputs that several networks have in common.
use graph::{Filter, Geometry, InputSpec, Scaling, View};

/// The whole photo, stretched to the size, its values scaled so.
pub(crate) fn stretched(height: usize, width: usize, scaling: Scaling) -> InputSpec {
    InputSpec {
        height,
        width,
        filter: Filter::Bilinear,
        scaling,
        views: vec![View {
            geometry: Geometry::Stretch,
            mirrored: false,
        }],
        preprocessing: String::new(),
    }
}

/// As torchvision prepares photos: the centre of 7/8 of the shorter side, values less ImageNet's mean
/// over its deviation (torchvision's presets, times 255).
pub(crate) fn torchvision(height: usize, width: usize) -> InputSpec {
    InputSpec {
        height,
        width,
        filter: Filter::Bilinear,
        scaling: Scaling {
            mean: [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
            deviation: [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
            blue_first: false,
        },
        views: vec![View {
            geometry: Geometry::CenterCrop { fraction: 0.875 },
            mirrored: false,
        }],
        preprocessing: String::new(),
    }
}

/// As timm prepares photos, Pillow's bicubic filter, this view.
pub(crate) fn timm(height: usize, width: usize, scaling: Scaling, geometry: Geometry) -> InputSpec {
    InputSpec {
        height,
        width,
        filter: Filter::Bicubic,
        scaling,
        views: vec![View {
            geometry,
            mirrored: false,
        }],
        preprocessing: String::new(),
    }
}
