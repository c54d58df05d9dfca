//! The filters against OpenCV's, value by value, in colour and in gray, borders included.
use vision::filters::Pipeline;
use vision::{Limits, Photo, decode};

/// The largest difference of a value, and the share of values that may differ at all, by the step.
/// The weights of the bilateral filter and of areas are f32 and summed in another order. Lanczos is
/// held against Pillow, which rounds its weights otherwise, and cuts what overshoots between its two
/// passes: on the made pictures, all noise and edges, that shows. All else is exact.
const TOLERANCES: &[(&str, u8, f64)] = &[
    ("bilateral", 1, 0.001),
    ("resize(13x9,stretch,lanczos)", 6, 0.2),
    ("resize", 1, 0.01),
    ("", 0, 0.0),
];

/// As in golden/opencv_filters.py.
fn made(width: usize, height: usize) -> Photo {
    let value = |index: usize| {
        let noise = (index as u64 * 2_654_435_761 % (1 << 32)) >> 27;
        let (column, row, channel) = (index / 3 % width, index / 3 / width, index % 3);
        let stripe = (column / 4 + row / 5) % 2 * 60;
        (column * 5 + row * 3 + channel * 20 + stripe + noise as usize) as u8
    };
    Photo::from_rgb(width, height, (0..width * height * 3).map(value).collect())
}

fn picture(name: &str) -> Photo {
    if name == "dog" {
        let source = include_bytes!("golden/resize_source.png");
        let source = decode(source, &Limits::default()).unwrap();
        return source.crop(60, 40, 71, 51).unwrap();
    }
    let (width, height) = name.split_once('x').unwrap();
    made(width.parse().unwrap(), height.parse().unwrap())
}

#[test]
fn as_opencv_within_the_tolerance() {
    let golden = decode(include_bytes!("golden/filters.png"), &Limits::default()).unwrap();
    let mut golden = golden.rgb().iter().step_by(3).copied();
    let mut worse = Vec::new();
    for line in include_str!("golden/filters.tsv").lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, channels, text, width, height] = columns[..] else {
            panic!("five columns: {line}");
        };
        let gray = channels == "1";
        let before = if gray { "gray | " } else { "" };
        let pipeline: Pipeline = format!("{before}{text}").parse().unwrap();
        let found = pipeline.run_alone(&picture(name), None);
        let size = (width.parse().unwrap(), height.parse().unwrap());
        assert_eq!((found.width(), found.height()), size, "{line}");
        let values: Vec<u8> = match gray {
            true => found.rgb().iter().step_by(3).copied().collect(),
            false => found.rgb().to_vec(),
        };
        let differences: Vec<u8> = values
            .iter()
            .map(|value| value.abs_diff(golden.next().expect("a value for each")))
            .collect();
        let largest = differences.iter().copied().max().unwrap();
        let differing = differences.iter().filter(|d| **d > 0).count() as f64;
        let share = differing / differences.len() as f64;
        let (_, most, most_share) = TOLERANCES
            .iter()
            .find(|(step, ..)| text.starts_with(step))
            .unwrap();
        // A single value of a tiny picture is more than any share.
        if largest > *most || (share > *most_share && differing > 1.0) {
            worse.push(format!("{line}: up to {largest}, {share:.4} of the values"));
        }
    }
    assert!(worse.is_empty(), "{}", worse.join("\n"));
}
