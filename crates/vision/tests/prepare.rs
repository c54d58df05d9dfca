//! Prepared views against Pillow and torchvision, within one step of 255.
use graph::{Filter, Geometry, InputSpec, Scaling, View};
use vision::{Limits, Photo, decode, prepare};

fn source() -> Photo {
    decode(
        include_bytes!("golden/resize_source.png"),
        &Limits::default(),
    )
    .unwrap()
}

/// Turned a quarter counter-clockwise.
fn turned(photo: &Photo) -> Photo {
    let (width, height) = (photo.width(), photo.height());
    let mut rgb = Vec::new();
    for column in (0..width).rev() {
        for row in 0..height {
            rgb.extend_from_slice(&photo.rgb()[(row * width + column) * 3..][..3]);
        }
    }
    Photo::from_rgb(height, width, rgb)
}

#[test]
fn as_pillow_and_torchvision_within_one_step() {
    let (landscape, portrait) = (source(), turned(&source()));
    let mut golden = &include_bytes!("golden/resize.bin")[..];
    let mut worst_mean: f64 = 0.0;
    for line in include_str!("golden/resize.tsv").lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let photo = if columns[0] == "landscape" {
            &landscape
        } else {
            &portrait
        };
        let geometry = match columns[1] {
            "stretch" => Geometry::Stretch,
            "centre_crop" => Geometry::CenterCrop { fraction: 0.875 },
            _ => Geometry::Letterbox { fill: 128 },
        };
        let filter = if columns[2] == "bilinear" {
            Filter::Bilinear
        } else {
            Filter::Bicubic
        };
        let (width, height): (usize, usize) =
            (columns[3].parse().unwrap(), columns[4].parse().unwrap());
        let spec = InputSpec {
            height,
            width,
            filter,
            scaling: Scaling::uniform(0.0, 1.0),
            views: vec![View {
                geometry,
                mirrored: false,
            }],
            preprocessing: String::new(),
        };
        let views = prepare(&spec, photo).unwrap();
        let expected = golden.split_off(..width * height * 3).unwrap();
        let differences: Vec<f32> = views
            .view(0)
            .iter()
            .zip(expected)
            .map(|(a, b)| (a - f32::from(*b)).abs())
            .collect();
        let largest = differences.iter().copied().fold(0.0, f32::max);
        let mean =
            differences.iter().map(|d| f64::from(*d)).sum::<f64>() / differences.len() as f64;
        assert!(
            largest <= 1.0,
            "{line}: largest difference {largest}, mean {mean}"
        );
        worst_mean = worst_mean.max(mean);
    }
    assert!(golden.is_empty());
    println!("largest mean difference of a case: {worst_mean:.4}");
}
