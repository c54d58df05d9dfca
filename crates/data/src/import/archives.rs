//! Data sets in tar archives, Stanford Dogs' three among them; read where they lie.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::candidate::{Candidate, Place};
use super::problem::{Problem, ProblemKind};
use crate::archive::{self, Member};
use crate::dataset::{self, Reason};
use crate::error::Error;
use crate::matlab;
use crate::part::Part;
use crate::tree::{self, Folders, Names, Told, Tree};
use crate::walk::is_system_name;

/// The archives of Stanford Dogs.
pub(super) const IMAGES_ARCHIVE: &str = "images.tar";
const ANNOTATION_ARCHIVE: &str = "annotation.tar";
const LISTS_ARCHIVE: &str = "lists.tar";

/// A tar of photos, understood as the same tree unpacked is ([`dataset::Dataset::open`]): the class
/// is the first name below `Images` or the part. Folders around all of it are passed over. The
/// official lists and annotations are read from the archives beside it.
pub(super) fn from_archive(
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Candidate>, Error> {
    let contents = archive::list(path)?;
    let outside = |name: String| Problem {
        path: name,
        kind: ProblemKind::Outside,
        detail: "a link, or a name that leads out of the archive or is not UTF-8".to_owned(),
    };
    problems.extend(contents.refused.into_iter().map(outside));
    let beside = |name: &str| Some(path.parent()?.join(name)).filter(|file| file.is_file());

    let annotations = match beside(ANNOTATION_ARCHIVE) {
        Some(file) => annotations(&file)?,
        None => HashMap::new(),
    };
    let lists = match beside(LISTS_ARCHIVE) {
        Some(file) => official_lists(&file)?,
        None => BTreeMap::new(),
    };

    let photos: Vec<&Member> = contents
        .members
        .iter()
        .filter(|member| {
            let system = member.names.iter().any(|name| is_system_name(name));
            let last = member.names.last().map_or("", String::as_str);
            !system && vision::has_photo_ending(Path::new(last))
        })
        .collect();
    let names: Vec<&Names> = photos.iter().map(|member| &member.names[..]).collect();
    let folders = Folders::new(names.iter().copied(), []);
    let listed = lists.contains_key(dataset::TEST_LIST);
    let tree = Tree::new(folders.top(&names), &folders, &names, listed);
    problems.extend(
        tree.ignored_parts(&names)
            .into_iter()
            .map(|folder| Problem {
                path: folder.join("/"),
                kind: ProblemKind::IgnoredPart,
                detail: Reason::IgnoredPart.to_string(),
            }),
    );

    let mut seen = BTreeSet::new();
    let mut present = BTreeSet::new();
    let mut candidates = Vec::new();
    for member in photos {
        let whole_name = member.names.join("/");
        let Some(Told { part, class, below }) = tree.place(&member.names) else {
            problems.push(Problem {
                path: whole_name,
                kind: ProblemKind::NoLabel,
                detail: Reason::NoClass.to_string(),
            });
            continue;
        };
        let [.., file_name] = below else {
            continue;
        };
        if below.len() > tree::MOST_DEPTH {
            problems.push(Problem {
                path: whole_name,
                kind: ProblemKind::Outside,
                detail: Reason::TooDeep.to_string(),
            });
            continue;
        }
        let key = format!("{class}/{}", below.join("/"));
        let part = match (
            lists.get(dataset::TEST_LIST),
            lists.get(dataset::TRAIN_LIST),
        ) {
            (None, _) => part,
            (Some(test), _) if test.contains(&key) => Part::Test,
            (_, Some(train)) if !train.contains(&key) => Part::Unsaid,
            _ => Part::Train,
        };
        present.insert(key);
        let stem = file_name
            .rsplit_once('.')
            .map_or(file_name.as_str(), |(stem, _)| stem);
        if !seen.insert(whole_name.clone()) {
            // Of a member that is appended again, the last is the true one; which of the two was
            // listed cannot be told, so neither is trusted.
            problems.push(Problem {
                path: whole_name,
                kind: ProblemKind::NamedTwice,
                detail: "twice in the archive: the first is used".to_owned(),
            });
            continue;
        }
        candidates.push(Candidate {
            file: path.to_owned(),
            name: whole_name,
            class: class.to_owned(),
            part,
            group: String::new(),
            boxes: Vec::new(),
            annotation: annotations.get(&format!("{class}/{stem}")).cloned(),
            member: Some((*member).clone()),
            original: None,
        });
    }
    let listed: BTreeSet<&String> = lists.values().flatten().collect();
    problems.extend(
        listed
            .into_iter()
            .filter(|name| !present.contains(*name))
            .map(|name| Problem {
                path: name.clone(),
                kind: ProblemKind::Missing,
                detail: String::new(),
            }),
    );
    if candidates.is_empty() {
        return Err(Error::Nothing {
            path: path.to_owned(),
        });
    }
    Ok(candidates)
}

/// Where the annotation of each photo is, by `CLASS/STEM`.
fn annotations(file: &Path) -> Result<HashMap<String, Place>, Error> {
    let mut annotations = HashMap::new();
    for member in archive::list(file)?.members {
        if let [.., class, name] = &member.names[..] {
            let place = place(file, &member);
            let stem = name.strip_suffix(".xml").unwrap_or(name);
            annotations.insert(format!("{class}/{stem}"), place);
        }
    }
    Ok(annotations)
}

/// The photos of the official lists, by the lists' names.
fn official_lists(file: &Path) -> Result<BTreeMap<&'static str, BTreeSet<String>>, Error> {
    let mut lists = BTreeMap::new();
    for member in archive::list(file)?.members {
        let known = [dataset::TEST_LIST, dataset::TRAIN_LIST];
        let Some(list) = known
            .into_iter()
            .find(|list| member.names.last().is_some_and(|n| n == list))
        else {
            continue;
        };
        let bytes = place(file, &member).read(dataset::MOST_LIST_BYTES);
        let bytes = bytes.unwrap_or_default();
        let names = matlab::read_list(&bytes, dataset::LIST_VARIABLE).map_err(|source| {
            Error::Dataset(dataset::DatasetError::List {
                path: file.join(list),
                source: source.into(),
            })
        })?;
        lists.insert(list, names.into_iter().collect());
    }
    Ok(lists)
}

/// Where a member's bytes lie in its archive.
fn place(file: &Path, member: &Member) -> Place {
    Place {
        file: file.to_owned(),
        offset: Some(member.offset),
        bytes: member.bytes,
    }
}
