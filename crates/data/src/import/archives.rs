//! Data sets in tar archives, Stanford Dogs' three among them; read where they lie.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::candidate::{Candidate, Place};
use super::problem::{Problem, ProblemKind};
use crate::archive::{self, Member};
use crate::class;
use crate::dataset;
use crate::error::Error;
use crate::matlab;
use crate::part::{Part, part_by_name};

/// The archives of Stanford Dogs.
pub(super) const IMAGES_ARCHIVE: &str = "images.tar";
const ANNOTATION_ARCHIVE: &str = "annotation.tar";
const LISTS_ARCHIVE: &str = "lists.tar";

/// How many names a photo may have below its class's folder, as where folders are read.
const MOST_DEPTH: usize = dataset::MOST_DEPTH;

/// A tar of photos, understood as the same tree unpacked is ([`dataset::Dataset::open`]): the class
/// is the first name below `Images` or the part. One folder around all of it is passed over. The
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

    let photos: Vec<&Member> = contents
        .members
        .iter()
        .filter(|member| {
            let hidden = member.names.iter().any(|name| name.starts_with('.'));
            let last = member.names.last().map_or("", String::as_str);
            !hidden && vision::has_photo_ending(Path::new(last))
        })
        .collect();
    let tree = Tree::of(&photos, lists.contains_key(dataset::TEST_LIST));

    let mut seen = BTreeSet::new();
    let mut present = BTreeSet::new();
    let mut candidates = Vec::new();
    for member in photos {
        let Some((part, class, below)) = tree.place(&member.names) else {
            continue;
        };
        let whole_name = member.names.join("/");
        let [.., file_name] = below else {
            continue;
        };
        if below.len() > MOST_DEPTH {
            problems.push(Problem {
                path: whole_name,
                kind: ProblemKind::Outside,
                detail: dataset::Reason::TooDeep.to_string(),
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

/// Where in an archive the classes are.
struct Tree<'archive> {
    /// The folders above everything.
    top: Vec<&'archive str>,
    /// Whether the first folder below them is a part where it is named as one.
    parts: bool,
}

impl<'archive> Tree<'archive> {
    /// Finds the classes. `listed`: whether official lists say the parts, which folders then do not.
    fn of(photos: &[&'archive Member], listed: bool) -> Self {
        let mut top: Vec<&str> = around(photos).into_iter().collect();
        let holds_images = photos
            .iter()
            .any(|member| member.names.len() > top.len() + 1 && member.names[top.len()] == IMAGES);
        if holds_images {
            top.push(IMAGES);
        }
        let tree = Tree { top, parts: true };
        let filled = |wanted: Part| {
            photos.iter().any(|member| {
                tree.place(&member.names)
                    .is_some_and(|(part, ..)| part == wanted)
            })
        };
        let parts =
            !listed && (filled(Part::Test) || (filled(Part::Train) && filled(Part::Validation)));
        Tree { parts, ..tree }
    }

    /// The part, the class and the names below it of a photo; `None` where it has no class.
    fn place<'names>(
        &self,
        names: &'names [String],
    ) -> Option<(Part, &'names str, &'names [String])> {
        let (top, below) = names.split_at_checked(self.top.len())?;
        if top.iter().ne(self.top.iter()) {
            return None;
        }
        let (part, below) = match below {
            [part, rest @ ..] if self.parts && is_part(part) => (part_by_name(part)?, rest),
            // Where parts have folders, what stands beside them is no class.
            _ if self.parts => return None,
            _ => (Part::Unsaid, below),
        };
        match below {
            [class, rest @ ..] if !rest.is_empty() => Some((part, class, rest)),
            _ => None,
        }
    }
}

/// The folder around everything, as most tars have one. A breed's folder is rather a class, if the
/// only one.
fn around<'archive>(photos: &[&'archive Member]) -> Option<&'archive str> {
    let first = photos.first()?.names.first()?.as_str();
    let inside = |member: &&Member| member.names.len() > 1 && member.names[0] == first;
    if is_part(first) || first == IMAGES || !photos.iter().all(inside) {
        return None;
    }
    let folders: BTreeSet<&str> = photos
        .iter()
        .filter(|member| member.names.len() > 2)
        .map(|member| member.names[1].as_str())
        .collect();
    let told = folders.iter().any(|name| *name == IMAGES || is_part(name));
    let several = folders.len() > 1 && class::breed_of_folder(first).is_none();
    (told || several).then_some(first)
}

/// The folder of Stanford Dogs' photos.
const IMAGES: &str = "Images";

/// Whether a folder is named as a part is.
fn is_part(name: &str) -> bool {
    part_by_name(name).is_some_and(|part| part != Part::Unsaid)
}
