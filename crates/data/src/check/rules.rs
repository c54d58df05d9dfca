//! The rules and thresholds by which a photo, a pair or a class is found.

use std::path::Path;

use vision::{Format, Orientation};

use super::duplicates::Twins;
use super::finding::Finding;
use super::kind::Kind;
use super::measure::Measures;
use crate::import::{Problem, ProblemKind};
use crate::manifest::{Entry, Manifest};
use crate::part::{Part, part_name};

// Dark, blurred and tiny are judged here otherwise than by `vision::quality`, on purpose. That one
// advises a person to take another photo, so it spares every good one at its full size; this one
// brings the worst of a data set, often stored at 224 x 224, before whoever cleans it, so it must
// mean the same for small stored copies and go by numbers that can be listed in order.

/// A side below this many pixels is tiny: networks look at 224.
const TINY: u32 = 96;
/// Mean brightness of 255 below which a photo is dark, above which it is bright.
pub(super) const DARK: f32 = 35.0;
pub(super) const BRIGHT: f32 = 225.0;
/// Variance of the Laplacian below which a photo is blurred.
pub(super) const BLURRED: f32 = 60.0;
/// Bits of entropy below which a photo shows little.
pub(super) const LITTLE: f32 = 4.5;
/// Mean difference between the colours of a pixel below which a photo is gray.
pub(super) const GRAY: f32 = 2.5;
/// One side more than so many times the other is odd.
const ODD_ASPECT: f64 = 2.5;
/// A box may leave the photo by this part of a side (annotations count from 1, and are rounded).
const BOX_MARGIN: f32 = 0.01;
/// A class with less than this part of the median class's photos, or more than its inverse, is out
/// of balance.
const IMBALANCE: f64 = 0.5;

/// What a problem of the import is among the findings.
pub(super) fn of_problem(problem: &Problem) -> Option<Finding> {
    let kind = match problem.kind {
        ProblemKind::Missing
        | ProblemKind::Unreadable
        | ProblemKind::Empty
        | ProblemKind::Outside
        | ProblemKind::BadAnnotation => Kind::Unreadable,
        ProblemKind::Mislabelled
        | ProblemKind::TwoLabels
        | ProblemKind::NoLabel
        | ProblemKind::AlikeClasses => Kind::Mislabelled,
        ProblemKind::EmptyClass => Kind::Imbalance,
        ProblemKind::NamedTwice | ProblemKind::IgnoredPart => return None,
    };
    let mut detail = problem.kind.name().replace('_', " ");
    if !problem.detail.is_empty() {
        detail = format!("{detail}: {}", problem.detail);
    }
    Some(Finding {
        kind,
        paths: vec![problem.path.clone()],
        classes: Vec::new(),
        splits: Vec::new(),
        value: 0.0,
        detail,
    })
}

/// What is found about a photo by itself.
pub(super) fn of_photo(entry: &Entry, measures: &Measures) -> Vec<(Kind, f64, String)> {
    let mut found = Vec::new();
    let mut add = |kind, value: f32, detail: String| found.push((kind, f64::from(value), detail));
    if let Some(name) = fake_extension(&entry.path, measures.format) {
        add(Kind::FakeExtension, 0.0, name.to_owned());
    }
    let shortest = entry.width.min(entry.height);
    if shortest < TINY {
        add(
            Kind::Tiny,
            shortest as f32,
            format!("{} x {}", entry.width, entry.height),
        );
    }
    let number = |value: f32| format!("{value:.1}");
    if measures.brightness < DARK {
        add(Kind::Dark, measures.brightness, number(measures.brightness));
    }
    if measures.brightness > BRIGHT {
        add(
            Kind::Bright,
            measures.brightness,
            number(measures.brightness),
        );
    }
    if measures.entropy < LITTLE {
        add(
            Kind::LowInformation,
            measures.entropy,
            format!("{:.2}", measures.entropy),
        );
    }
    if measures.sharpness < BLURRED {
        add(
            Kind::Blurred,
            measures.sharpness,
            number(measures.sharpness),
        );
    }
    if measures.colorfulness < GRAY {
        add(
            Kind::Gray,
            measures.colorfulness,
            number(measures.colorfulness),
        );
    }
    let (width, height) = entry.original.unwrap_or((entry.width, entry.height));
    let aspect = f64::from(width.max(height)) / f64::from(width.min(height).max(1));
    if aspect > ODD_ASPECT {
        add(
            Kind::OddAspect,
            aspect as f32,
            format!("{width} x {height}"),
        );
    }
    if measures.orientation != Orientation::Upright {
        add(Kind::Rotated, 0.0, format!("{:?}", measures.orientation));
    }
    let (width, height) = (entry.width as f32, entry.height as f32);
    for &[left, top, right, bottom] in &entry.boxes {
        let beyond = (-left / width)
            .max(-top / height)
            .max(right / width - 1.0)
            .max(bottom / height - 1.0);
        let empty = right - left < 1.0 || bottom - top < 1.0;
        if empty || beyond > BOX_MARGIN {
            let value = if empty { 1.0 } else { beyond };
            let detail =
                format!("[{left:.0}, {top:.0}, {right:.0}, {bottom:.0}] / {width} x {height}");
            add(Kind::BoxOutside, value, detail);
        }
    }
    found
}

/// The format's name where the ending of a file's name belongs to another one.
fn fake_extension(path: &str, format: Format) -> Option<&'static str> {
    let ending = Path::new(path).extension()?.to_str()?.to_ascii_lowercase();
    (!format.endings().contains(&ending.as_str())).then(|| format.name())
}

/// How one of two photos lies to the other: in a mirror, turned clockwise, or both.
fn turn_sign(turn: Orientation) -> &'static str {
    match turn {
        Orientation::Upright => "",
        Orientation::MirrorHorizontal => " ⇋",
        Orientation::Rotate90 => " ↻ 90°",
        Orientation::Rotate180 => " ↻ 180°",
        Orientation::Rotate270 => " ↻ 270°",
        Orientation::MirrorVertical => " ⇋ ↻ 180°",
        Orientation::Transpose => " ⇋ ↻ 270°",
        Orientation::Transverse => " ⇋ ↻ 90°",
    }
}

/// What two photos that show the same picture are, by their classes and parts.
pub(super) fn of_twins(manifest: &Manifest, pair: &Twins) -> Finding {
    let entries = [pair.first, pair.second].map(|index| &manifest.all_entries()[index]);
    let same = entries[0].hash == entries[1].hash;
    let kind = if entries[0].class != entries[1].class {
        Kind::TwinsAcrossClasses
    } else if entries[0].part != entries[1].part
        && entries.iter().all(|entry| entry.part != Part::Unsaid)
    {
        Kind::TwinsAcrossSplits
    } else if same {
        Kind::SameFile
    } else {
        Kind::Twins
    };
    let detail = if same {
        "=".to_owned()
    } else {
        let turn = turn_sign(pair.turn);
        format!(
            "≈ {:.3} ({:.0} %){turn}",
            pair.likeness,
            pair.overlap * 100.0
        )
    };
    Finding {
        kind,
        paths: entries.iter().map(|entry| entry.path.clone()).collect(),
        classes: entries
            .iter()
            .map(|entry| manifest.class_name(entry).to_owned())
            .collect(),
        splits: entries.iter().map(|entry| part_name(entry.part)).collect(),
        value: f64::from(pair.likeness),
        detail,
    }
}

/// Classes of wild dogs, and classes out of balance among the photos that are not for testing.
pub(super) fn of_classes(manifest: &Manifest) -> Vec<Finding> {
    let mut sizes = vec![0usize; manifest.classes().len()];
    for entry in manifest.open_entries() {
        sizes[entry.class] += 1;
    }
    let mut sorted = sizes.clone();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default() as f64;
    let mut findings = Vec::new();
    for (class, &size) in manifest.classes().iter().zip(&sizes) {
        let mut add = |kind, detail: String| {
            findings.push(Finding {
                kind,
                paths: Vec::new(),
                classes: vec![class.folder.clone()],
                splits: Vec::new(),
                value: size as f64,
                detail,
            });
        };
        if class.breed.is_some_and(|breed| breed.wild) {
            add(Kind::WildCanid, size.to_string());
        }
        let share = size as f64 / median.max(1.0);
        if !(IMBALANCE..=1.0 / IMBALANCE).contains(&share) {
            add(Kind::Imbalance, format!("{size} / {median}"));
        }
    }
    findings
}
