//! Data sets in tar archives, Stanford Dogs' three among them; read where they lie.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::candidate::{Candidate, Place};
use super::problem::{Problem, ProblemKind};
use crate::archive;
use crate::dataset::{self, Part};
use crate::error::Error;
use crate::manifest::part_by_name;
use crate::matlab;

/// The archives of Stanford Dogs.
pub(super) const IMAGES_ARCHIVE: &str = "images.tar";
const ANNOTATION_ARCHIVE: &str = "annotation.tar";
const LISTS_ARCHIVE: &str = "lists.tar";

/// A tar of photos: `.../CLASS/NAME.jpg`, under `train`, `val`, `test` or not. The official lists
/// and annotations are read from the archives beside it.
pub(super) fn from_archive(
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Candidate>, Error> {
    let contents = archive::list(path)?;
    let outside = |name: String| Problem {
        path: name,
        kind: ProblemKind::Outside,
        detail: "a link, or a name that leads out of the archive".to_owned(),
    };
    problems.extend(contents.refused.into_iter().map(outside));
    let beside = |name: &str| Some(path.parent()?.join(name)).filter(|file| file.is_file());

    let mut annotations: HashMap<String, Place> = HashMap::new();
    if let Some(file) = beside(ANNOTATION_ARCHIVE) {
        for member in archive::list(&file)?.members {
            if let [.., class, name] = &member.names[..] {
                let place = Place {
                    file: file.clone(),
                    offset: Some(member.offset),
                    bytes: member.bytes,
                };
                let stem = name.strip_suffix(".xml").unwrap_or(name);
                annotations.insert(format!("{class}/{stem}"), place);
            }
        }
    }
    let mut lists: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    if let Some(file) = beside(LISTS_ARCHIVE) {
        for member in archive::list(&file)?.members {
            let known = [dataset::TEST_LIST, dataset::TRAIN_LIST];
            let Some(list) = known
                .into_iter()
                .find(|list| member.names.last().is_some_and(|n| n == list))
            else {
                continue;
            };
            let place = Place {
                file: file.clone(),
                offset: Some(member.offset),
                bytes: member.bytes,
            };
            let bytes = place.read(dataset::MOST_LIST_BYTES).unwrap_or_default();
            let names = matlab::read_list(&bytes, dataset::LIST_VARIABLE).map_err(|source| {
                Error::Dataset(dataset::DatasetError::List {
                    path: file.join(list),
                    source: source.into(),
                })
            })?;
            lists.insert(list, names.into_iter().collect());
        }
    }

    let mut seen = BTreeSet::new();
    let mut candidates = Vec::new();
    for member in contents.members {
        let [before @ .., class, file_name] = &member.names[..] else {
            continue;
        };
        if file_name.starts_with('.') || !vision::has_photo_ending(Path::new(file_name)) {
            continue;
        }
        let key = format!("{class}/{file_name}");
        let part = if let Some(test) = lists.get(dataset::TEST_LIST) {
            if test.contains(&key) {
                Part::Test
            } else if lists
                .get(dataset::TRAIN_LIST)
                .is_none_or(|train| train.contains(&key))
            {
                Part::Train
            } else {
                Part::Unsaid
            }
        } else {
            let told = before.last().and_then(|name| part_by_name(name));
            told.unwrap_or(Part::Unsaid)
        };
        let stem = key.rsplit_once('.').map_or(key.as_str(), |(stem, _)| stem);
        let whole_name = member.names.join("/");
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
            class: class.clone(),
            part,
            group: String::new(),
            boxes: Vec::new(),
            annotation: annotations.get(stem).cloned(),
            member: Some(member.clone()),
        });
    }
    let present: BTreeSet<String> = candidates
        .iter()
        .map(|candidate| {
            let file = candidate.name.rsplit('/').next().unwrap_or_default();
            format!("{}/{file}", candidate.class)
        })
        .collect();
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
