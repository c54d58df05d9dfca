//! The photos of a recipe: its classes, its parts.
use std::collections::HashSet;
use std::path::Path;

use crate::recipe::Recipe;
use crate::{Notice, TrainError};
use data::split::{SplitOptions, choose_classes, split};
use data::{Manifest, Part, Progress};

/// The recipe's classes of a data set, with a validation split that shares no picture with the
/// training photos; what was left out for that. The test photos are not among them: they
/// are only looked at to leave out their twins.
///
/// # Errors
/// A class that the data set does not have, fewer than two classes, a class without a photo to learn
/// from.
pub fn photos(
    recipe: &Recipe,
    manifest: &Manifest,
    cache: &Path,
    threads: usize,
    progress: Progress<'_>,
) -> Result<(Manifest, Option<Notice>), TrainError> {
    let data = &recipe.data;
    // Every class that is asked for, also one of whose photos all are held out for the test.
    let names = choose_classes(manifest, &data.classes)?;
    if names.len() < 2 {
        return Err(TrainError::Classes { count: names.len() });
    }
    let wanted: HashSet<&str> = names.iter().map(String::as_str).collect();
    let asked = manifest.restricted(|entry| wanted.contains(manifest.class_name(entry)));
    // Always: parts that a data set came with may well have twins on two sides.
    let twins = data::check::twins(&asked, Some(cache), threads, progress);
    let done = split(
        &asked,
        &data::check::pairs(&twins),
        &SplitOptions {
            official: true,
            test: 0.0,
            validation: data.validation,
            seed: data.seed,
            classes: Vec::new(),
            most: data.most,
        },
    );
    let open = done.manifest.restricted(|entry| entry.part != Part::Test);
    let train = open.all_entries().iter();
    let learnt: HashSet<&str> = train
        .filter(|entry| entry.part == Part::Train)
        .map(|entry| open.class_name(entry))
        .collect();
    for class in &names {
        if !learnt.contains(class.as_str()) {
            let class = class.clone();
            return Err(TrainError::EmptyClass { class });
        }
    }
    let count = done.left_out.len();
    let notice = (count > 0).then_some(Notice::LeftOut { count });
    Ok((open, notice))
}

/// The places of a part's photos among all of a data set's.
pub(super) fn places(manifest: &Manifest, part: Part) -> Vec<usize> {
    let entries = manifest.all_entries();
    (0..entries.len())
        .filter(|&place| entries[place].part == part)
        .collect()
}

/// A hash of what is learnt from: every photo's content, class and part, in their order.
pub(super) fn fingerprint(manifest: &Manifest) -> String {
    let mut hasher = blake3::Hasher::new();
    for entry in manifest.all_entries() {
        let class = manifest.class_name(entry);
        let part = data::part_name(entry.part);
        hasher.update(entry.hash.as_bytes());
        hasher.update(format!("{class}\n{part}\n").as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
