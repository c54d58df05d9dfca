//! What is wrong with a photo, as far as its pixels tell: too small, too dark, out of focus. Judged
//! on the first view, which is what the network saw of it.
use crate::answer::Quality;
use graph::Scaling;
use vision::{Photo, Views};

/// A shorter side below this many pixels is tiny: the network's view is then mostly invented.
const TINY_BELOW: usize = 100;
/// A photo is dark where 95 of 100 pixels are below this luminance, 0 to 255. Of 400 train photos
/// of Stanford Dogs the darkest has 96.
const DARK_BELOW: f32 = 80.0;
/// A photo is blurred where the root mean square of its Laplacian is below this share of the
/// luminance's deviation. Of 400 train photos (stored small, so not the sharpest) the least is
/// 0.067; after a Gaussian of 2 pixels at a shorter side of 256, 95 of 100 are below 0.066 and half
/// below 0.043.
const BLURRED_BELOW: f32 = 0.06;

/// The faults of a photo, of which `views` were made with this scaling.
pub(crate) fn quality(photo: &Photo, views: &Views, scaling: &Scaling) -> Vec<Quality> {
    let mut faults = Vec::new();
    let luminance = luminance(views, scaling);
    if is_dark(&luminance) {
        faults.push(Quality::Dark);
    }
    if is_blurred(&luminance, views.width()) {
        faults.push(Quality::Blurred);
    }
    if photo.width().min(photo.height()) < TINY_BELOW {
        faults.push(Quality::Tiny);
    }
    faults
}

/// The mean of the channels of the first view, 0 to 255, row-major.
fn luminance(views: &Views, scaling: &Scaling) -> Vec<f32> {
    let unscaled = |pixel: &[f32]| {
        let channels = pixel.iter().zip(scaling.deviation).zip(scaling.mean);
        let sum: f32 = channels
            .map(|((value, deviation), mean)| value * deviation + mean)
            .sum();
        sum / 3.0
    };
    views.view(0).chunks_exact(3).map(unscaled).collect()
}

fn is_dark(luminance: &[f32]) -> bool {
    let bright = luminance
        .iter()
        .filter(|&&value| value >= DARK_BELOW)
        .count();
    bright * 20 < luminance.len()
}

fn is_blurred(luminance: &[f32], width: usize) -> bool {
    let count = luminance.len().max(1) as f32;
    let mean = luminance.iter().sum::<f32>() / count;
    let variance = luminance
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f32>()
        / count;
    let mut squares = 0.0;
    let mut inner = 0;
    let rows: Vec<&[f32]> = luminance.chunks_exact(width).collect();
    for rows in rows.windows(3) {
        for column in 1..width.saturating_sub(1) {
            let around =
                rows[0][column] + rows[2][column] + rows[1][column - 1] + rows[1][column + 1];
            squares += (4.0 * rows[1][column] - around).powi(2);
            inner += 1;
        }
    }
    // A photo of one colour has nothing that could be in focus.
    inner > 0 && variance > 1.0 && squares / (inner as f32) < BLURRED_BELOW.powi(2) * variance
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::{Filter, Geometry, InputSpec, View};

    fn faults(photo: &Photo) -> Vec<Quality> {
        let spec = InputSpec {
            height: 224,
            width: 224,
            filter: Filter::Bicubic,
            scaling: Scaling::uniform(127.0, 128.0),
            views: vec![View {
                geometry: Geometry::Stretch,
                mirrored: false,
            }],
            preprocessing: String::new(),
        };
        quality(
            photo,
            &vision::prepare(&spec, photo).unwrap(),
            &spec.scaling,
        )
    }

    /// A pattern of this many pixels a period, between `low` and `high`.
    fn waves(side: usize, period: f32, low: f32, high: f32) -> Photo {
        let value = |position: usize| {
            let (x, y) = ((position % side) as f32, (position / side) as f32);
            let turn = std::f32::consts::TAU / period;
            let wave = 0.5 + 0.25 * ((x * turn).sin() + (y * turn).sin());
            [(low + (high - low) * wave) as u8; 3]
        };
        Photo::from_rgb(side, side, (0..side * side).flat_map(value).collect())
    }

    #[test]
    fn each_fault_is_told_alone() {
        assert_eq!(faults(&waves(224, 8.0, 20.0, 230.0)), []);
        assert_eq!(faults(&waves(224, 8.0, 5.0, 60.0)), [Quality::Dark]);
        assert_eq!(faults(&waves(224, 100.0, 20.0, 230.0)), [Quality::Blurred]);
        assert_eq!(faults(&waves(90, 8.0, 20.0, 230.0)), [Quality::Tiny]);
        let plain = Photo::from_rgb(200, 200, vec![255; 200 * 200 * 3]);
        assert_eq!(faults(&plain), []);
    }
}
