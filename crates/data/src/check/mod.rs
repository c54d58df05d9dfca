//! Looks through a data set for what spoils training or measuring; deletes and changes nothing.

pub mod decisions;
pub(crate) mod duplicates;
mod finding;
mod kept;
mod keypoints;
mod kind;
pub(crate) mod measure;
pub(crate) mod page;
pub(crate) mod plane;
mod reason;
pub mod review;
mod rules;
mod suspects;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use vision::Photo;

pub use duplicates::{Twins, pairs};
pub use finding::{Checked, Finding};
pub use kind::Kind;
pub use page::{last_names, report, thumbnail};
pub use reason::reason;
pub use suspects::Probabilities;

use crate::features::Features;
use crate::import::Problem;
use crate::manifest::{Entry, Manifest};
use crate::parallel::{self, Progress};
use crate::part::part_name;
use decisions::{Decision, Decisions, Verdict};
use duplicates::Fingerprint;
use kept::Kept;
use measure::Measures;
use plane::Plane;
use rules::{of_classes, of_photo, of_problem, of_twins};

/// What stands for a photo that is not the one that was imported.
const CHANGED: &str = "the file has changed since it was imported";

/// One photo and its brightness; why it cannot be looked at.
fn look(manifest: &Manifest, entry: &Entry) -> Result<(Photo, Plane), String> {
    let (photo, hash) = manifest.photo(entry).map_err(|why| why.to_string())?;
    if hash != entry.hash {
        return Err(CHANGED.to_owned());
    }
    let plane = Plane::of_rgb(photo.width(), photo.height(), photo.rgb());
    Ok((photo, plane))
}

/// The true aspect (width by height) of a photo.
fn aspect(entry: &Entry) -> f64 {
    let (width, height) = entry.original.unwrap_or((entry.width, entry.height));
    (f64::from(width) / f64::from(height)).clamp(0.2, 5.0)
}

/// The pairs of photos that show the same picture, as indices into [`Manifest::all_entries`]. Those of
/// the same photos are kept in the folder `cache`, if one is given, and not looked for again: no photo
/// is read then.
pub fn twins(
    manifest: &Manifest,
    cache: Option<&Path>,
    threads: usize,
    progress: Progress<'_>,
) -> Vec<Twins> {
    let entries = manifest.all_entries();
    let kept = cache.map(|folder| Kept::of(folder, entries));
    if let Some(twins) = kept.as_ref().and_then(Kept::read) {
        return twins;
    }
    let prints = parallel::map(threads, entries.len(), progress, |index| {
        let entry = &entries[index];
        let (_, plane) = look(manifest, entry).ok()?;
        Some(Fingerprint::new(&plane, aspect(entry)))
    });
    found_among(prints, kept, threads)
}

/// Finds twins among those photos that could be read, and keeps them if that is all of them: one that
/// is there again later may have twins.
fn found_among(prints: Vec<Option<Fingerprint>>, kept: Option<Kept>, threads: usize) -> Vec<Twins> {
    let whole = prints.iter().all(Option::is_some);
    let twins = among(prints, threads);
    if let Some(kept) = kept.filter(|_| whole) {
        kept.write(&twins);
    }
    twins
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

fn is_keep(decision: &Decision) -> bool {
    decision.verdict == Verdict::Keep
}

/// What else a check may go by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'run> {
    /// What importing the data set showed.
    pub problems: &'run [Problem],
    /// Features of its photos, for suspects by their neighbours.
    pub features: Option<&'run Features>,
    /// What networks that never saw a photo said of it, for suspects by confident learning.
    pub probabilities: Option<&'run Probabilities>,
    /// The folder of a cache, for twins that were found before.
    pub cache: Option<&'run Path>,
}

/// Looks through a data set. What `decisions` keep is not shown again.
pub fn check(
    manifest: &Manifest,
    evidence: &Evidence<'_>,
    decisions: &Decisions,
    threads: usize,
    progress: Progress<'_>,
) -> Checked {
    let entries = manifest.all_entries();
    let mut findings: Vec<Finding> = evidence.problems.iter().filter_map(of_problem).collect();
    let kept = evidence.cache.map(|folder| Kept::of(folder, entries));
    let known = kept.as_ref().and_then(Kept::read);
    let looked = parallel::map(threads, entries.len(), progress, |index| {
        let (photo, plane) = look(manifest, &entries[index])?;
        let print = || Fingerprint::new(&plane, aspect(&entries[index]));
        Ok((Measures::of(&photo, &plane), known.is_none().then(print)))
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
        let looked: Result<_, String> = looked;
        match looked {
            Err(detail) => {
                findings.push(about(Kind::Unreadable, index, 0.0, detail));
                prints.push(None);
            }
            Ok((measures, print)) => {
                for (kind, value, detail) in of_photo(&entries[index], &measures) {
                    findings.push(about(kind, index, value, detail));
                }
                prints.push(print);
            }
        }
    }
    let twins = known.unwrap_or_else(|| found_among(prints, kept, threads));
    findings.extend(twins.iter().map(|pair| of_twins(manifest, pair)));
    findings.extend(of_classes(manifest));
    if let Some(features) = evidence.features {
        findings.extend(suspects::by_neighbours(manifest, features, &twins, threads));
    }
    if let Some(probabilities) = evidence.probabilities {
        findings.extend(suspects::by_probabilities(manifest, probabilities));
    }

    let places: BTreeMap<&str, usize> = entries
        .iter()
        .enumerate()
        .map(|(place, entry)| (entry.path.as_str(), place))
        .collect();
    let mut kept: BTreeMap<Kind, Vec<bool>> = BTreeMap::new();
    for kind in findings.iter().map(|finding| finding.kind) {
        kept.entry(kind).or_insert_with(|| {
            let about = decisions.about(kind);
            let counts = about.of_entries(manifest);
            let keeps = |line: Option<&_>| line.is_some_and(is_keep);
            counts.into_iter().map(keeps).collect()
        });
    }
    let before = findings.len();
    findings.retain(|finding| {
        let kept = &kept[&finding.kind];
        let decided = |path: &String| places.get(path.as_str()).is_some_and(|&place| kept[place]);
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
            | Kind::LabelSuspect
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
        suspects: evidence.features.is_some() || evidence.probabilities.is_some(),
    }
}
