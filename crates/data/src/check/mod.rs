//! Looks through a data set for what spoils training or measuring; deletes and changes nothing.

pub mod decisions;
pub(crate) mod duplicates;
mod keypoints;
pub(crate) mod measure;
pub(crate) mod page;
pub(crate) mod plane;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use vision::{Format, Limits, Orientation, Photo};

pub use duplicates::Twins;
pub use page::report;

use crate::dataset::Part;
use crate::import::{Problem, ProblemKind};
use crate::manifest::{Entry, Manifest, part_name};
use crate::parallel::{self, Progress};
use decisions::{Decisions, Verdict};
use duplicates::Fingerprint;
use measure::Measures;
use plane::Plane;

/// A side below this many pixels is tiny: networks look at 224.
const TINY: u32 = 96;
/// Mean brightness of 255 below which a photo is dark, above which it is bright.
const DARK: f32 = 35.0;
const BRIGHT: f32 = 225.0;
/// Variance of the Laplacian below which a photo is blurred.
const BLURRED: f32 = 60.0;
/// Bits of entropy below which a photo shows little.
const LITTLE: f32 = 4.5;
/// Mean difference between the colours of a pixel below which a photo is gray.
const GRAY: f32 = 2.5;
/// One side more than so many times the other is odd.
const ODD_ASPECT: f64 = 2.5;
/// A box may leave the photo by this part of a side (annotations count from 1, and are rounded).
const BOX_MARGIN: f32 = 0.01;
/// A class with less than this part of the median class's photos, or more than its inverse, is out
/// of balance.
const IMBALANCE: f64 = 0.5;

/// What can be found about a photo, a pair of photos or a class. The order is that of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The same picture under two classes.
    TwinsAcrossClasses,
    /// The same picture in two parts.
    TwinsAcrossSplits,
    /// The same file twice on one side under one class.
    SameFile,
    /// The same picture twice on one side under one class.
    Twins,
    /// A photo that cannot be read (cut off, damaged, missing, changed).
    Unreadable,
    /// Its name or annotation tells another class, or a table tells two.
    Mislabelled,
    /// The ending of its name is not that of its content.
    FakeExtension,
    /// A side is very short.
    Tiny,
    /// Very dark.
    Dark,
    /// Very bright.
    Bright,
    /// Nothing is sharp.
    Blurred,
    /// It shows nearly nothing.
    LowInformation,
    /// It has no colour.
    Gray,
    /// Very wide or very high.
    OddAspect,
    /// The camera was held sideways and the file says so: tools that ignore it see the photo lying.
    Rotated,
    /// A box is empty or leaves the photo.
    BoxOutside,
    /// A class of a wild dog, which is no breed.
    WildCanid,
    /// A class with far fewer or far more photos than the others.
    Imbalance,
}

impl Kind {
    /// All of them, in the order of reports.
    pub const ALL: [Kind; 18] = [
        Kind::TwinsAcrossClasses,
        Kind::TwinsAcrossSplits,
        Kind::SameFile,
        Kind::Twins,
        Kind::Unreadable,
        Kind::Mislabelled,
        Kind::FakeExtension,
        Kind::Tiny,
        Kind::Dark,
        Kind::Bright,
        Kind::Blurred,
        Kind::LowInformation,
        Kind::Gray,
        Kind::OddAspect,
        Kind::Rotated,
        Kind::BoxOutside,
        Kind::WildCanid,
        Kind::Imbalance,
    ];

    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::TwinsAcrossClasses => "twins_across_classes",
            Kind::TwinsAcrossSplits => "twins_across_splits",
            Kind::SameFile => "same_file",
            Kind::Twins => "twins",
            Kind::Unreadable => "unreadable",
            Kind::Mislabelled => "mislabelled",
            Kind::FakeExtension => "fake_extension",
            Kind::Tiny => "tiny",
            Kind::Dark => "dark",
            Kind::Bright => "bright",
            Kind::Blurred => "blurred",
            Kind::LowInformation => "low_information",
            Kind::Gray => "gray",
            Kind::OddAspect => "odd_aspect",
            Kind::Rotated => "rotated",
            Kind::BoxOutside => "box_outside",
            Kind::WildCanid => "wild_canid",
            Kind::Imbalance => "imbalance",
        }
    }
}

/// Something found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// Paths of the photos, or the name of the class.
    pub paths: Vec<String>,
    /// The classes of the photos.
    pub classes: Vec<String>,
    /// The parts of the photos.
    pub splits: Vec<&'static str>,
    /// The number that it was found by: a measure, a likeness, a count.
    pub value: f64,
    /// More about it, in English.
    pub detail: String,
}

/// What was found in a data set.
#[derive(Clone, Debug)]
pub struct Checked {
    /// By kind, then the worst first.
    pub findings: Vec<Finding>,
    /// Pairs that show the same picture, as indices into [`Manifest::all_entries`].
    pub twins: Vec<Twins>,
    /// How many photos were looked at.
    pub photos: usize,
    /// How many findings are not shown because a person decided to keep the photos.
    pub decided: usize,
}

/// One photo, looked at.
type Looked = Result<(Measures, Fingerprint), String>;

/// Reads a photo of a manifest.
pub(crate) fn open_photo(
    manifest: &Manifest,
    entry: &Entry,
) -> Result<(Photo, blake3::Hash), String> {
    let bytes = manifest.read(entry).map_err(|error| error.to_string())?;
    let photo = vision::decode(&bytes, &Limits::default()).map_err(|error| error.to_string())?;
    Ok((photo, blake3::hash(&bytes)))
}

fn look(manifest: &Manifest, entry: &Entry) -> Looked {
    let (photo, hash) = open_photo(manifest, entry)?;
    if hash != entry.hash {
        return Err("the file has changed since it was imported".to_owned());
    }
    let plane = Plane::of_rgb(photo.width(), photo.height(), photo.rgb());
    let (width, height) = entry.original.unwrap_or((entry.width, entry.height));
    let aspect = (f64::from(width) / f64::from(height)).clamp(0.2, 5.0);
    Ok((
        Measures::of(&photo, &plane),
        Fingerprint::new(&plane, aspect),
    ))
}

/// The pairs of photos that show the same picture, as indices into [`Manifest::all_entries`].
pub fn twins(manifest: &Manifest, threads: usize, progress: Progress<'_>) -> Vec<Twins> {
    let entries = manifest.all_entries();
    let looked = parallel::map(threads, entries.len(), progress, |index| {
        look(manifest, &entries[index]).ok().map(|(_, print)| print)
    });
    among(looked, threads)
}

/// Finds twins among those photos that could be read.
fn among(prints: Vec<Option<Fingerprint>>, threads: usize) -> Vec<Twins> {
    let (places, prints): (Vec<usize>, Vec<Fingerprint>) = prints
        .into_iter()
        .enumerate()
        .filter_map(|(place, print)| Some((place, print?)))
        .unzip();
    let mut twins = duplicates::find(&prints, threads, &|_, _| {});
    for pair in &mut twins {
        pair.first = places[pair.first];
        pair.second = places[pair.second];
    }
    twins
}

/// Looks through a data set. `problems` are those that importing it showed; what `decisions` keep
/// is not shown again.
pub fn check(
    manifest: &Manifest,
    problems: &[Problem],
    decisions: &Decisions,
    threads: usize,
    progress: Progress<'_>,
) -> Checked {
    let entries = manifest.all_entries();
    let mut findings: Vec<Finding> = problems.iter().filter_map(of_problem).collect();
    let looked = parallel::map(threads, entries.len(), progress, |index| {
        look(manifest, &entries[index])
    });
    let about = |kind, index: usize, value: f64, detail: String| {
        let entry = &entries[index];
        Finding {
            kind,
            paths: vec![entry.path.clone()],
            classes: vec![manifest.class_name(entry).to_owned()],
            splits: vec![part_name(entry.part)],
            value,
            detail,
        }
    };
    let mut prints = Vec::with_capacity(looked.len());
    for (index, looked) in looked.into_iter().enumerate() {
        match looked {
            Err(detail) => {
                findings.push(about(Kind::Unreadable, index, 0.0, detail));
                prints.push(None);
            }
            Ok((measures, print)) => {
                for (kind, value, detail) in of_photo(&entries[index], &measures) {
                    findings.push(about(kind, index, value, detail));
                }
                prints.push(Some(print));
            }
        }
    }
    let twins = among(prints, threads);
    findings.extend(twins.iter().map(|pair| of_twins(manifest, pair)));
    findings.extend(of_classes(manifest));

    let kept = decisions.by_hash();
    let hashes: BTreeMap<&str, [u8; 32]> = entries
        .iter()
        .map(|entry| (entry.path.as_str(), *entry.hash.as_bytes()))
        .collect();
    let before = findings.len();
    findings.retain(|finding| {
        let decided = |path: &String| {
            let decision = hashes.get(path.as_str()).and_then(|hash| kept.get(hash));
            decision.is_some_and(|line| line.verdict == Verdict::Keep)
        };
        finding.paths.is_empty() || !finding.paths.iter().all(decided)
    });
    let decided = before - findings.len();
    findings.sort_by(|one, other| {
        let value = |finding: &Finding| match finding.kind {
            // The most alike, the brightest and the oddest first; else the least.
            Kind::TwinsAcrossClasses
            | Kind::TwinsAcrossSplits
            | Kind::SameFile
            | Kind::Twins
            | Kind::Bright
            | Kind::OddAspect
            | Kind::BoxOutside => -finding.value,
            _ => finding.value,
        };
        one.kind
            .cmp(&other.kind)
            .then(value(one).total_cmp(&value(other)))
            .then_with(|| one.paths.cmp(&other.paths))
    });
    Checked {
        findings,
        twins,
        photos: entries.len(),
        decided,
    }
}

fn of_problem(problem: &Problem) -> Option<Finding> {
    let kind = match problem.kind {
        ProblemKind::Missing
        | ProblemKind::Unreadable
        | ProblemKind::Empty
        | ProblemKind::Outside
        | ProblemKind::BadAnnotation => Kind::Unreadable,
        ProblemKind::Mislabelled | ProblemKind::TwoLabels | ProblemKind::NoLabel => {
            Kind::Mislabelled
        }
        ProblemKind::EmptyClass => Kind::Imbalance,
        ProblemKind::NamedTwice => return None,
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
fn of_photo(entry: &Entry, measures: &Measures) -> Vec<(Kind, f64, String)> {
    let mut found = Vec::new();
    let mut add = |kind, value: f32, detail: String| found.push((kind, f64::from(value), detail));
    if let Some(name) = fake_extension(&entry.path, measures.format) {
        add(Kind::FakeExtension, 0.0, format!("{name} inside"));
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
            format!("{:.2} bits", measures.entropy),
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
                format!("{left:.0}, {top:.0} to {right:.0}, {bottom:.0} in {width} x {height}");
            add(Kind::BoxOutside, value, detail);
        }
    }
    found
}

/// The format's name where the ending of a file's name belongs to another one.
fn fake_extension(path: &str, format: Format) -> Option<&'static str> {
    let ending = Path::new(path).extension()?.to_str()?.to_ascii_lowercase();
    let endings: &[&str] = match format {
        Format::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
        Format::Png => &["png"],
        Format::WebP => &["webp"],
        Format::Gif => &["gif"],
        Format::Bmp => &["bmp"],
        Format::Tiff => &["tif", "tiff"],
        Format::Heic => &["heic", "heif", "hif"],
    };
    (!endings.contains(&ending.as_str())).then(|| format.name())
}

fn of_twins(manifest: &Manifest, pair: &Twins) -> Finding {
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
        "the same file".to_owned()
    } else {
        let mirror = if pair.mirrored { ", in a mirror" } else { "" };
        format!(
            "alike {:.3}, overlap {:.0} %{mirror}",
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
fn of_classes(manifest: &Manifest) -> Vec<Finding> {
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
            add(
                Kind::WildCanid,
                format!("{size} photos of a wild dog, which is no breed"),
            );
        }
        let share = size as f64 / median.max(1.0);
        if !(IMBALANCE..=1.0 / IMBALANCE).contains(&share) {
            add(
                Kind::Imbalance,
                format!("{size} photos, the median class has {median}"),
            );
        }
    }
    findings
}

impl Checked {
    /// How many findings there are of each kind, in the order of reports.
    pub fn counts(&self) -> Vec<(Kind, usize)> {
        Kind::ALL
            .iter()
            .map(|&kind| {
                let own = self.findings.iter().filter(|finding| finding.kind == kind);
                (kind, own.count())
            })
            .collect()
    }

    /// Everything as JSON.
    pub fn json(&self) -> serde_json::Value {
        let counts: serde_json::Map<String, serde_json::Value> = self
            .counts()
            .into_iter()
            .map(|(kind, count)| (kind.name().to_owned(), count.into()))
            .collect();
        serde_json::json!({
            "photos": self.photos,
            "decided": self.decided,
            "counts": counts,
            "findings": self.findings,
        })
    }

    /// Lines to decide on: each photo of what would spoil a result, without a verdict.
    pub fn open_decisions(&self, manifest: &Manifest) -> Decisions {
        let hashes: BTreeMap<&str, blake3::Hash> = manifest
            .all_entries()
            .iter()
            .map(|entry| (entry.path.as_str(), entry.hash))
            .collect();
        let lines = self
            .findings
            .iter()
            .flat_map(|finding| {
                finding
                    .paths
                    .iter()
                    .enumerate()
                    .filter_map(|(place, path)| {
                        let other = finding
                            .paths
                            .get(1 - place.min(1))
                            .filter(|_| finding.paths.len() == 2);
                        let with = other.map_or(String::new(), |other| format!(" with {other}"));
                        Some(decisions::Decision {
                            path: path.clone(),
                            hash: *hashes.get(path.as_str())?,
                            verdict: Verdict::Open,
                            who: "museau".to_owned(),
                            why: format!("{}{with}: {}", finding.kind.name(), finding.detail),
                        })
                    })
            })
            .collect();
        Decisions::new(lines)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;
    use crate::import::{ImportOptions, import};
    use crate::scene::{encode, jpeg, pixels};

    /// A part of a picture, `[left, top, width, height]`.
    fn cut(rgb: &[u8], width: usize, [left, top, w, h]: [usize; 4]) -> Vec<u8> {
        (top..top + h)
            .flat_map(|row| &rgb[(row * width + left) * 3..(row * width + left + w) * 3])
            .copied()
            .collect()
    }

    fn changed(rgb: &[u8], change: impl Fn(f32) -> f32) -> Vec<u8> {
        rgb.iter()
            .map(|&value| change(f32::from(value)) as u8)
            .collect()
    }

    /// A data set with everything planted that is looked for, and forty photos with nothing.
    fn planted() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        for seed in 0..40 {
            let class = ["pug", "beagle"][seed as usize % 2];
            put(
                &format!("train/{class}/plain{seed}.jpg"),
                &jpeg(seed, 224, 200),
            );
        }
        let scene = pixels(100, 240, 240);
        put("train/pug/whole.jpg", &encode(&scene, 240, 240, 90));
        let part = cut(&scene, 240, [40, 30, 150, 150]);
        put("train/pug/part.jpg", &encode(&part, 150, 150, 60));
        put(
            "test/pug/across.jpg",
            &encode(&cut(&scene, 240, [4, 0, 230, 236]), 230, 236, 80),
        );
        let other = pixels(101, 220, 220);
        put("train/pug/a.jpg", &encode(&other, 220, 220, 90));
        put(
            "train/beagle/b.jpg",
            &encode(&changed(&other, |v| v * 0.7 + 40.0), 220, 220, 70),
        );
        put("train/pug/same1.jpg", &jpeg(102, 200, 200));
        put("train/pug/same2.jpg", &jpeg(102, 200, 200));
        let mirrored: Vec<u8> = pixels(103, 200, 200)
            .chunks_exact(600)
            .flat_map(|row| {
                row.chunks_exact(3)
                    .rev()
                    .flatten()
                    .copied()
                    .collect::<Vec<u8>>()
            })
            .collect();
        put("train/pug/left.jpg", &jpeg(103, 200, 200));
        put("train/pug/right.jpg", &encode(&mirrored, 200, 200, 90));

        put("train/pug/cut_off.jpg", &jpeg(110, 200, 200)[..2000]);
        put("train/pug/text.jpg", b"hello");
        put("train/pug/fake.png", &jpeg(111, 200, 200));
        put("train/pug/tiny.jpg", &jpeg(112, 50, 60));
        let dark = changed(&pixels(113, 200, 200), |v| v * 0.15);
        put("train/pug/dark.jpg", &encode(&dark, 200, 200, 95));
        let bright = changed(&pixels(114, 200, 200), |v| 235.0 + v * 0.078);
        put("train/pug/bright.jpg", &encode(&bright, 200, 200, 95));
        let blurred: Vec<u8> = (0..200 * 200)
            .flat_map(|place| [(place % 200) as u8, (place / 200) as u8, 100])
            .collect();
        put("train/pug/blurred.jpg", &encode(&blurred, 200, 200, 95));
        put(
            "train/pug/empty_wall.jpg",
            &encode(&[120; 200 * 200 * 3], 200, 200, 90),
        );
        let gray: Vec<u8> = pixels(115, 200, 200)
            .chunks_exact(3)
            .flat_map(|p| [p[1]; 3])
            .collect();
        put("train/pug/gray.jpg", &encode(&gray, 200, 200, 95));
        put("train/pug/wide.jpg", &jpeg(116, 400, 100));
        // An EXIF block that says 'turn a quarter clockwise' behind the start of image.
        let upright = jpeg(117, 200, 200);
        let exif = b"\xFF\xE1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        put(
            "train/pug/turned.jpg",
            &[&upright[..2], exif, &upright[2..]].concat(),
        );
        put("train/n02115641-dingo/wild.jpg", &jpeg(118, 200, 200));
        put("train/pug/n02085620_1.jpg", &jpeg(119, 200, 200));
        folder
    }

    fn checked(folder: &Path, decisions: &Decisions) -> (Manifest, Checked) {
        let options = ImportOptions {
            threads: 2,
            ..Default::default()
        };
        let imported = import(folder, &options, &|_, _| {}).unwrap();
        let (manifest, _) = decisions.apply(&imported.manifest);
        let checked = check(&manifest, &imported.problems, decisions, 2, &|_, _| {});
        (manifest, checked)
    }

    fn named(checked: &Checked, kind: Kind) -> BTreeSet<String> {
        let last = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
        checked
            .findings
            .iter()
            .filter(|finding| finding.kind == kind)
            .map(|finding| match finding.paths.is_empty() {
                true => finding.classes.join("+"),
                false => finding.paths.iter().map(last).collect::<Vec<_>>().join("+"),
            })
            .collect()
    }

    #[test]
    fn everything_planted_is_found_and_plain_photos_are_left_alone() {
        let folder = planted();
        let (_, checked) = checked(folder.path(), &Decisions::default());
        let has = |kind, name: &str| {
            let own = named(&checked, kind);
            assert!(own.contains(name), "{kind:?}: {name} is not in {own:?}");
        };
        has(Kind::TwinsAcrossClasses, "b.jpg+a.jpg");
        has(Kind::TwinsAcrossSplits, "across.jpg+whole.jpg");
        has(Kind::Twins, "part.jpg+whole.jpg");
        has(Kind::Twins, "left.jpg+right.jpg");
        has(Kind::SameFile, "same1.jpg+same2.jpg");
        has(Kind::Unreadable, "cut_off.jpg");
        has(Kind::Unreadable, "text.jpg");
        has(Kind::Mislabelled, "n02085620_1.jpg");
        has(Kind::FakeExtension, "fake.png");
        has(Kind::Tiny, "tiny.jpg");
        has(Kind::Dark, "dark.jpg");
        has(Kind::Bright, "bright.jpg");
        has(Kind::Blurred, "blurred.jpg");
        has(Kind::LowInformation, "empty_wall.jpg");
        has(Kind::Gray, "gray.jpg");
        has(Kind::OddAspect, "wide.jpg");
        has(Kind::Rotated, "turned.jpg");
        has(Kind::WildCanid, "n02115641-dingo");
        has(Kind::Imbalance, "n02115641-dingo");
        for finding in &checked.findings {
            let plain = |path: &String| path.contains("plain");
            assert!(!finding.paths.iter().any(plain), "{finding:?}");
        }
    }

    #[test]
    fn boxes_that_leave_the_photo_are_found() {
        let entry = |rectangle| Entry {
            path: "a.jpg".to_owned(),
            offset: None,
            bytes: 1,
            hash: blake3::hash(b""),
            class: 0,
            part: Part::Train,
            width: 100,
            height: 200,
            original: None,
            boxes: vec![rectangle],
            group: String::new(),
        };
        let photo = Photo::from_rgb(120, 120, pixels(1, 120, 120));
        let measures = Measures::of(&photo, &Plane::of_rgb(120, 120, photo.rgb()));
        let outside = |rectangle| {
            let found = of_photo(&entry(rectangle), &measures);
            found.iter().any(|(kind, ..)| *kind == Kind::BoxOutside)
        };
        assert!(!outside([0.0, 0.0, 100.0, 200.0]));
        assert!(!outside([-0.5, 0.0, 100.5, 201.0]));
        for wrong in [
            [0.0, 0.0, 110.0, 200.0],
            [-5.0, 0.0, 50.0, 50.0],
            [50.0, 50.0, 40.0, 60.0],
            [50.0, 50.0, 50.0, 60.0],
        ] {
            assert!(outside(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn decisions_are_honoured_edited_and_replayed() {
        let folder = planted();
        let (manifest, first) = checked(folder.path(), &Decisions::default());
        let path = folder.path().join("decisions.csv");
        let open = first.open_decisions(&manifest);
        assert!(
            open.lines()
                .iter()
                .all(|line| line.verdict == Verdict::Open)
        );
        open.save(&path).unwrap();
        // As a person edits it.
        let text = fs::read_to_string(&path).unwrap();
        let edited: String = text
            .lines()
            .map(|line| {
                let verdict = if line.contains("gray.jpg") {
                    "keep"
                } else if line.contains("same2.jpg") && !line.contains("same1.jpg,") {
                    "drop"
                } else if line.contains("/b.jpg,") {
                    "class:pug"
                } else {
                    ""
                };
                line.replacen(",,museau,", &format!(",{verdict},Anne,"), 1) + "\n"
            })
            .collect();
        fs::write(&path, edited).unwrap();
        let decisions = Decisions::open(&path).unwrap();
        let (manifest, second) = checked(folder.path(), &decisions);
        assert!(named(&first, Kind::Gray).contains("gray.jpg"));
        assert!(!named(&second, Kind::Gray).contains("gray.jpg"));
        assert!(second.decided > 0);
        assert!(named(&second, Kind::SameFile).is_empty());
        assert!(named(&second, Kind::TwinsAcrossClasses).is_empty());
        let names: Vec<&str> = manifest
            .all_entries()
            .iter()
            .map(|e| e.path.as_str())
            .collect();
        assert!(names.iter().any(|name| name.ends_with("same1.jpg")));
        assert!(!names.iter().any(|name| name.ends_with("same2.jpg")));
        assert!(folder.path().join("train/pug/same2.jpg").exists());
        // A photo that changed is not what was decided on.
        fs::write(folder.path().join("train/pug/gray.jpg"), jpeg(500, 90, 99)).unwrap();
        let (manifest, _) = checked(folder.path(), &Decisions::default());
        let (_, unmet) = decisions.apply(&manifest);
        assert_eq!(unmet.len(), 1);
        assert!(unmet[0].ends_with("gray.jpg"));
        for wrong in ["maybe", "class:", "DROP"] {
            let text = format!(
                "path,hash,verdict,who,why\na,{},{wrong},,\n",
                blake3::hash(b"")
            );
            fs::write(&path, text).unwrap();
            assert!(matches!(
                Decisions::open(&path),
                Err(Error::Table { line: 2, .. })
            ));
        }
    }

    use crate::error::Error;

    #[test]
    fn the_report_shows_the_photos_and_nothing_from_outside() {
        let folder = planted();
        let (manifest, checked) = checked(folder.path(), &Decisions::default());
        for language in words::Language::ALL {
            let html = report(&manifest, &checked, language, 2, &|_, _| {});
            assert!(html.contains("pug/whole.jpg"));
            assert!(html.matches("data:image/jpeg").count() >= 20);
            for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
                assert!(!html.contains(outside), "{outside}");
            }
        }
        let json = checked.json();
        assert_eq!(json["counts"]["same_file"], 1);
        assert!(json["findings"].as_array().unwrap().len() > 15);
    }

    #[test]
    fn what_the_data_set_looks_like_is_the_same_for_any_number_of_threads() {
        let folder = planted();
        let options = ImportOptions::default();
        let imported = import(folder.path(), &options, &|_, _| {}).unwrap();
        let one = crate::explore::explore(&imported.manifest, false, 1, &|_, _| {});
        let two = crate::explore::explore(&imported.manifest, false, 3, &|_, _| {});
        assert_eq!(one.numbers, two.numbers);
        let html = one.page(&imported.manifest, words::Language::French, 1, 2);
        assert_eq!(
            html,
            two.page(&imported.manifest, words::Language::French, 1, 1)
        );
        assert!(html.contains("<svg") && !html.contains("across.jpg"));
    }
}
