//! Makes a manifest of any usual data set; photos are read where they lie, never copied or changed.

mod archives;
mod candidate;
mod folders;
mod problem;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use vision::Limits;

pub use problem::{Problem, ProblemKind};

use crate::class::{self, breed_of_folder};
use crate::columns::is_manifest;
use crate::error::Error;
use crate::manifest::{CHANGED, Entry, Manifest};
use crate::parallel::{self, Progress};
use crate::part::Part;
use archives::{IMAGES_ARCHIVE, from_archive};
use candidate::read_candidate;
use folders::{all_photos, from_folders, true_sizes};
use tables::from_table;

/// The table that makes a folder a data set.
const LABELS_FILE: &str = "labels.csv";

/// How to import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The folder that a table's paths start from; else the table's own.
    pub photos: Option<PathBuf>,
    /// The table's column of paths; else the usual names are tried.
    pub path_column: Option<String>,
    /// The table's column of classes; else the usual names are tried.
    pub label_column: Option<String>,
    /// The table's encoding, by its usual name (`latin1`); else UTF-8 or UTF-16.
    pub encoding: Option<String>,
    /// The one class of all photos of a folder, whatever folders they lie in.
    pub one_class: Option<String>,
    /// The classes to read: those that one of these names means, by folder, synset or breed, or that
    /// begin with one and a hyphen; all where there is none.
    pub classes: Vec<String>,
    /// At most so many photos of each class, spread evenly over them, none of them a test photo: for
    /// what is fitted on a few.
    pub most: Option<usize>,
    /// Whether the table `index.csv` beside `Images` tells the true sizes of photos that are stored
    /// stretched.
    pub true_sizes: bool,
    /// Threads.
    pub threads: usize,
}

impl Default for ImportOptions {
    fn default() -> Self {
        ImportOptions {
            photos: None,
            path_column: None,
            label_column: None,
            encoding: None,
            one_class: None,
            classes: Vec::new(),
            most: None,
            true_sizes: false,
            threads: 1,
        }
    }
}

/// What was found to import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// A folder for each class, or `train/CLASS`, `test/CLASS`, or Stanford Dogs' folders.
    Folders,
    /// A tar archive, with the lists and annotations beside it where they are.
    Archive,
    /// A table of paths and classes.
    Table,
    /// A manifest, whose photos are looked at again.
    Manifest,
}

/// A data set made into a table.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What it was.
    pub layout: Layout,
    /// The photos that could be read.
    pub manifest: Manifest,
    /// What is not as it should be, by kind, then by name.
    pub problems: Vec<Problem>,
}

/// Imports a data set: a folder, a tar archive or a table. `progress` counts photos.
///
/// A manifest is opened as one: its photos that are still the same keep their rows, those that are
/// gone or changed are named. `options.photos` says where they lie now.
pub fn import(
    source: &Path,
    options: &ImportOptions,
    progress: Progress<'_>,
) -> Result<Imported, Error> {
    let found = source.metadata().map_err(Error::read(source))?;
    let source = &source.canonicalize().map_err(Error::read(source))?;
    if source.to_str().is_none() {
        return Err(Error::read(source)(std::io::Error::other(
            "its name is not UTF-8",
        )));
    }
    let named = options.path_column.is_some() || options.label_column.is_some();
    if !named && is_manifest(source) {
        return again(source, options, progress);
    }
    let mut problems = Vec::new();
    let (layout, mut candidates) = if found.is_dir() {
        if let Some(class) = &options.one_class {
            (Layout::Folders, all_photos(source, class, &mut problems))
        } else if source.join(LABELS_FILE).is_file() {
            let table = source.join(LABELS_FILE);
            (Layout::Table, from_table(&table, options, &mut problems)?)
        } else if source.join(IMAGES_ARCHIVE).is_file() {
            let archive = source.join(IMAGES_ARCHIVE);
            (Layout::Archive, from_archive(&archive, &mut problems)?)
        } else {
            let sizes = match options.true_sizes {
                true => true_sizes(source)?,
                false => HashMap::new(),
            };
            (
                Layout::Folders,
                from_folders(source, &sizes, &mut problems)?,
            )
        }
    } else if let Err(error) = tensor::open_regular(source) {
        return Err(Error::read(source)(error));
    } else if is_table(source) {
        (Layout::Table, from_table(source, options, &mut problems)?)
    } else {
        (Layout::Archive, from_archive(source, &mut problems)?)
    };

    if !options.classes.is_empty() {
        let wanted = Wanted::new(&options.classes);
        candidates.retain(|candidate| wanted.has(&candidate.class));
    }
    if let Some(most) = options.most {
        candidates.retain(|candidate| candidate.part != Part::Test);
        candidates.sort_by(|one, other| (&one.class, &one.name).cmp(&(&other.class, &other.name)));
        candidates = few(candidates, most, |candidate| &candidate.class);
    }
    let limits = Limits::default();
    let read = parallel::map(options.threads, candidates.len(), progress, |index| {
        read_candidate(&candidates[index], &limits)
    });
    let mut entries = Vec::new();
    for (entry, faults) in read {
        entries.extend(entry);
        problems.extend(faults);
    }
    let with_photos: BTreeSet<&str> = entries.iter().map(|(class, _)| class.as_str()).collect();
    let emptied: BTreeSet<&str> = candidates
        .iter()
        .map(|candidate| candidate.class.as_str())
        .filter(|class| !with_photos.contains(class))
        .collect();
    problems.extend(emptied.into_iter().map(|class| Problem {
        path: class.to_owned(),
        kind: ProblemKind::EmptyClass,
        detail: "none of its photos can be read".to_owned(),
    }));
    if entries.is_empty() {
        return Err(Error::Nothing {
            path: source.to_owned(),
        });
    }
    let manifest = Manifest::new(PathBuf::new(), entries);
    problems.extend(alike_classes(&manifest));
    problems.sort_by(|one, other| (one.kind, &one.path).cmp(&(other.kind, &other.path)));
    Ok(Imported {
        layout,
        manifest,
        problems,
    })
}

/// The classes whose names differ by the case of letters alone.
fn alike_classes(manifest: &Manifest) -> impl Iterator<Item = Problem> {
    let names = manifest.classes().iter().map(|class| class.folder.as_str());
    let groups = class::alike(names).into_iter();
    groups.map(|names| Problem {
        path: names.join(", "),
        kind: ProblemKind::AlikeClasses,
        detail: "their names differ by case alone".to_owned(),
    })
}

/// A manifest with the photos that are still as it says.
fn again(
    source: &Path,
    options: &ImportOptions,
    progress: Progress<'_>,
) -> Result<Imported, Error> {
    let mut manifest = Manifest::open(source)?;
    if let Some(folder) = &options.photos {
        let folder = folder.canonicalize().map_err(Error::read(folder))?;
        manifest = manifest.starting_from(folder);
    }
    if !options.classes.is_empty() {
        let wanted = Wanted::new(&options.classes);
        manifest = manifest.restricted(|entry| wanted.has(manifest.class_name(entry)));
    }
    if let Some(most) = options.most {
        let open: Vec<Entry> = manifest.open_entries().cloned().collect();
        manifest = manifest.with(few(open, most, |entry| &entry.class));
    }
    let entries = manifest.all_entries();
    let found = parallel::map(options.threads, entries.len(), progress, |index| {
        let entry = &entries[index];
        let (kind, detail) = match manifest.read(entry) {
            Ok(bytes) if blake3::hash(&bytes) == entry.hash => return Ok(entry.clone()),
            Ok(_) => (ProblemKind::Unreadable, CHANGED.to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                (ProblemKind::Missing, String::new())
            }
            Err(error) => (ProblemKind::Unreadable, error.to_string()),
        };
        Err(Problem {
            path: entry.path.clone(),
            kind,
            detail,
        })
    });
    let (mut same, mut problems) = (Vec::new(), Vec::new());
    for one in found {
        match one {
            Ok(entry) => same.push(entry),
            Err(problem) => problems.push(problem),
        }
    }
    if same.is_empty() {
        return Err(Error::Nothing {
            path: source.to_owned(),
        });
    }
    let manifest = manifest.with(same);
    problems.extend(alike_classes(&manifest));
    problems.sort_by(|one, other| (one.kind, &one.path).cmp(&(other.kind, &other.path)));
    Ok(Imported {
        layout: Layout::Manifest,
        manifest,
        problems,
    })
}

/// Names of classes that are wanted.
struct Wanted<'names> {
    names: &'names [String],
    folded: HashSet<String>,
    breeds: HashSet<&'static str>,
}

impl<'names> Wanted<'names> {
    fn new(names: &'names [String]) -> Self {
        let breeds = names.iter().filter_map(|name| breed_of_folder(name));
        Wanted {
            names,
            folded: names.iter().map(|name| words::fold(name)).collect(),
            breeds: breeds.map(|breed| breed.id.as_str()).collect(),
        }
    }

    fn has(&self, class: &str) -> bool {
        let begins = |name: &String| {
            let rest = class.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.starts_with('-'))
        };
        self.folded.contains(&words::fold(class))
            || breed_of_folder(class).is_some_and(|breed| self.breeds.contains(breed.id.as_str()))
            || self.names.iter().any(begins)
    }
}

/// Of things in the order of their classes at most so many of each, spread evenly over them.
fn few<T, C: PartialEq>(all: Vec<T>, most: usize, class: impl Fn(&T) -> &C) -> Vec<T> {
    let mut kept = vec![false; all.len()];
    let mut first = 0;
    for own in all.chunk_by(|one, other| class(one) == class(other)) {
        let step = (own.len() as f64 / most.max(1) as f64).max(1.0);
        for index in 0..own.len().min(most) {
            kept[first + (index as f64 * step) as usize] = true;
        }
        first += own.len();
    }
    let mut kept = kept.into_iter();
    let all = all.into_iter();
    all.filter(|_| kept.next() == Some(true)).collect()
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        ["csv", "tsv", "txt"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}
