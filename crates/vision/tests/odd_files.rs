//! Every odd file against what Pillow says of it: the right picture or an error of the right kind.
//! `cargo test -p vision --test odd_files -- --nocapture` prints the report, a line a file.
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vision::{Limits, Photo, decode};

/// Largest mean difference of the thumbnails, in steps of 255.
const TOLERANCE: f64 = 2.0;

/// Side of the thumbnails, as in golden/decode.py.
const SIDE: usize = 12;

#[test]
fn files_of_many_projects() {
    let Some(folder) = std::env::var_os("MUSEAU_TESTDATA") else {
        println!("left out: MUSEAU_TESTDATA names no folder with odd-files");
        return;
    };
    compare(include_str!("golden/odd_files.tsv"), Path::new(&folder));
}

#[test]
fn files_made_by_the_scripts() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"));
    compare(include_str!("golden/made.tsv"), &folder);
}

fn compare(table: &str, folder: &Path) {
    let mut wrong = Vec::new();
    let mut slowest = (Duration::ZERO, "");
    for line in table.lines() {
        let mut columns = line.split('\t');
        let [Some(name), Some(expected), Some(why)] =
            [columns.next(), columns.next(), columns.next()]
        else {
            panic!("a line of three columns: {line}");
        };
        if name.ends_with(".heic") && !cfg!(feature = "heic") {
            continue;
        }
        let bytes = std::fs::read(folder.join(name)).expect(name);
        let start = Instant::now();
        let decoded = decode(&bytes, &Limits::default());
        let time = start.elapsed();
        if time > slowest.0 {
            slowest = (time, name);
        }
        let (right, found) = judge(&decoded, expected);
        println!(
            "{} {name}: {found}{}{why}",
            if right { "right" } else { "WRONG" },
            if why.is_empty() { "" } else { "; " }
        );
        if !right {
            wrong.push(format!(
                "{name}: {found}, expected {}",
                &expected[..expected.len().min(40)]
            ));
        }
    }
    println!("slowest: {} in {:.0?}", slowest.1, slowest.0);
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Whether the outcome is right, and what it was in words.
fn judge(decoded: &Result<Photo, vision::DecodeError>, expected: &str) -> (bool, String) {
    let picture = expected.split(' ').collect::<Vec<_>>();
    match (decoded, &picture[..]) {
        (Ok(photo), ["any"]) => (true, format!("{} x {}", photo.width(), photo.height())),
        (Ok(photo), &[width, height, thumbnail]) => {
            let size = (photo.width().to_string(), photo.height().to_string());
            if (size.0.as_str(), size.1.as_str()) != (width, height) {
                return (
                    false,
                    format!("{} x {}, not {width} x {height}", size.0, size.1),
                );
            }
            let ours = means(photo);
            let theirs = from_base64(thumbnail);
            assert_eq!(ours.len(), theirs.len());
            let sum: f64 = ours
                .iter()
                .zip(&theirs)
                .map(|(a, b)| (a - f64::from(*b)).abs())
                .sum();
            let difference = sum / ours.len() as f64;
            (
                difference <= TOLERANCE,
                format!("{width} x {height}, mean difference {difference:.2}"),
            )
        }
        (Ok(photo), _) => (
            false,
            format!("a picture of {} x {}", photo.width(), photo.height()),
        ),
        (Err(error), _) => {
            let right = expected.split('|').any(|kind| kind == error.kind());
            (right, format!("{} ({error})", error.kind()))
        }
    }
}

/// The means over 12 x 12 rectangles, as golden/decode.py makes them.
fn means(photo: &Photo) -> Vec<f64> {
    let bounds = |index: usize, length: usize| {
        let start = index * length / SIDE;
        start..(start + 1).max((index + 1) * length / SIDE)
    };
    let mut means = Vec::new();
    for row in 0..SIDE {
        for column in 0..SIDE {
            let (rows, columns) = (bounds(row, photo.height()), bounds(column, photo.width()));
            let count = (rows.len() * columns.len()) as f64;
            for channel in 0..3 {
                let mut sum = 0u64;
                for y in rows.clone() {
                    for x in columns.clone() {
                        sum += u64::from(photo.rgb()[(y * photo.width() + x) * 3 + channel]);
                    }
                }
                means.push(sum as f64 / count);
            }
        }
    }
    means
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for digit in text.bytes().filter(|digit| *digit != b'=') {
        let value = DIGITS
            .iter()
            .position(|each| *each == digit)
            .expect("base64");
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}
