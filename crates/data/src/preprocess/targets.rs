//! Where pictures go: no two to one place, none over an original or over what museau did not make.
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::{PicturesError, Source, Task};
use crate::files::{Kind, Refused};

/// The file of each task, no two the same, none an original and none that museau did not make.
pub(super) fn targets(
    tasks: &[Task<'_>],
    sources: &[PathBuf],
    output: &Path,
    ending: &str,
) -> Result<Vec<PathBuf>, PicturesError> {
    // By their file, whatever path leads to it. Photos of one archive share one.
    let mut originals = HashSet::new();
    for task in tasks {
        originals.extend(task.source.file().canonicalize());
    }
    let mut taken = HashSet::new();
    let mut targets = Vec::with_capacity(tasks.len());
    for task in tasks {
        let mut place = task.place.with_extension(ending);
        let mut count = 1;
        // `a.jpg` and `a.png` of one folder; on some systems `A.jpg` too.
        while !taken.insert(place.to_string_lossy().to_lowercase()) {
            let name = task.place.file_name().unwrap_or_default().to_string_lossy();
            let name = match count {
                1 => format!("{name}.{ending}"),
                _ => format!("{name}-{count}.{ending}"),
            };
            place = task.place.with_file_name(name);
            count += 1;
        }
        let target = output.join(place);
        let original = target
            .canonicalize()
            .is_ok_and(|file| originals.contains(&file));
        if original {
            return Err(PicturesError::OverOriginal { path: target });
        }
        targets.push(target);
    }
    if let Some(holder) = own_source(tasks, sources, output, &targets) {
        let path = output.to_owned();
        return Err(PicturesError::IntoSource { path, holder });
    }
    // What museau made, it may make again.
    let is_foreign = |target: &&PathBuf| match Kind::Picture.may_replace(target) {
        Ok(()) => false,
        Err(Refused::System(error)) => error.kind() != ErrorKind::NotADirectory,
        Err(_) => true,
    };
    let foreign = targets.iter().filter(is_foreign);
    let paths: Vec<PathBuf> = foreign.cloned().collect();
    if !paths.is_empty() {
        return Err(PicturesError::OverOther { paths });
    }
    Ok(targets)
}

/// The source that the results would become a part of: a folder that they are written into or below,
/// or a folder of a manifest's photos.
fn own_source(
    tasks: &[Task<'_>],
    sources: &[PathBuf],
    output: &Path,
    targets: &[PathBuf],
) -> Option<PathBuf> {
    let output = resolved(output);
    let folders = sources.iter().filter(|source| source.is_dir());
    let mut folders = folders.map(|source| resolved(source));
    if let Some(source) = folders.find(|source| output.starts_with(source)) {
        return Some(source);
    }
    let of_manifests = tasks.iter().filter_map(|task| match &task.source {
        Source::Entry(manifest, entry) if entry.offset.is_none() => {
            Some(resolved(manifest.locate(entry).parent()?))
        }
        _ => None,
    });
    let of_manifests: HashSet<PathBuf> = of_manifests.collect();
    let own: HashSet<&Path> = targets
        .iter()
        .filter_map(|target| target.parent())
        .collect();
    let mut own = own.into_iter().map(resolved);
    own.find(|folder| of_manifests.contains(folder))
}

/// A path through no link and no `..`, also of a folder that is not there yet.
fn resolved(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut there = PathBuf::new();
    for step in whole.components() {
        match step {
            // What is above was resolved: a folder that is not there yet will be no link.
            Component::ParentDir => {
                there.pop();
            }
            Component::Normal(_) => {
                there.push(step);
                there = there.canonicalize().unwrap_or(there);
            }
            _ => there.push(step),
        }
    }
    there
}
