//! Makes a manifest of any usual data set; photos are read where they lie, never copied or changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde::Serialize;
use vision::{DecodeError, Limits};

use crate::annotation::{self, Annotation};
use crate::archive::{self, Member};
use crate::dataset::{self, Dataset, Part, Reason};
use crate::error::Error;
use crate::manifest::{Entry, Manifest, Rectangle, part_by_name, part_name, read_place, slashes};
use crate::matlab;
use crate::parallel::{self, Progress};
use crate::table::Table;

/// Names of columns that tables of labels use, by meaning, in lower case.
const PATH_COLUMNS: [&str; 8] = [
    "path",
    "file",
    "filename",
    "file_name",
    "image",
    "image_path",
    "photo",
    "id",
];
const LABEL_COLUMNS: [&str; 8] = [
    "label",
    "class",
    "breed",
    "category",
    "class_name",
    "target",
    "race",
    "y",
];
const PART_COLUMNS: [&str; 3] = ["split", "part", "subset"];
const GROUP_COLUMNS: [&str; 5] = ["group", "animal", "animal_id", "dog_id", "individual"];
const BOX_COLUMNS: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];
/// The table that makes a folder a data set.
const LABELS_FILE: &str = "labels.csv";
/// The archives of Stanford Dogs.
const IMAGES_ARCHIVE: &str = "images.tar";
const ANNOTATION_ARCHIVE: &str = "annotation.tar";
const LISTS_ARCHIVE: &str = "lists.tar";
/// Endings that a table may leave off (`id` instead of `id.jpg`).
const LEFT_OFF_ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "JPG"];

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
}

/// Something that is not as it should be, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The photo, as the data set names it.
    pub path: String,
    /// What is wrong.
    pub kind: ProblemKind,
    /// More about it, in English; empty where the kind says all.
    pub detail: String,
}

/// What can be wrong with a photo of a data set that is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// It is named and not there.
    Missing,
    /// It is there and cannot be read as a photo.
    Unreadable,
    /// It has no bytes.
    Empty,
    /// A link or a name that leads out of the data set, or no regular file.
    Outside,
    /// A class without a photo.
    EmptyClass,
    /// Its own name or its annotation tells another class. It is imported.
    Mislabelled,
    /// A table names it under two classes, so it has none.
    TwoLabels,
    /// A table names it twice under one class. It is imported once.
    NamedTwice,
    /// A table names it without a class.
    NoLabel,
    /// Its annotation cannot be read. It is imported without boxes.
    BadAnnotation,
}

impl ProblemKind {
    /// All of them, in the order of reports.
    pub const ALL: [ProblemKind; 10] = [
        ProblemKind::Missing,
        ProblemKind::Unreadable,
        ProblemKind::Empty,
        ProblemKind::Outside,
        ProblemKind::EmptyClass,
        ProblemKind::Mislabelled,
        ProblemKind::TwoLabels,
        ProblemKind::NamedTwice,
        ProblemKind::NoLabel,
        ProblemKind::BadAnnotation,
    ];

    /// As in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            ProblemKind::Missing => "missing",
            ProblemKind::Unreadable => "unreadable",
            ProblemKind::Empty => "empty",
            ProblemKind::Outside => "outside",
            ProblemKind::EmptyClass => "empty_class",
            ProblemKind::Mislabelled => "mislabelled",
            ProblemKind::TwoLabels => "two_labels",
            ProblemKind::NamedTwice => "named_twice",
            ProblemKind::NoLabel => "no_label",
            ProblemKind::BadAnnotation => "bad_annotation",
        }
    }
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

/// A photo that a data set names and that seems to be there.
struct Candidate {
    /// The file or the archive.
    file: PathBuf,
    /// Where it lies inside the archive.
    member: Option<Member>,
    /// As the data set names it, for problems.
    name: String,
    class: String,
    part: Part,
    group: String,
    /// Boxes that a table gives, in the photo's pixels.
    boxes: Vec<Rectangle>,
    annotation: Option<Place>,
}

/// Where a small file lies.
#[derive(Clone, Debug)]
struct Place {
    file: PathBuf,
    offset: Option<u64>,
    bytes: u64,
}

impl Place {
    fn read(&self, most: u64) -> Option<Vec<u8>> {
        if self.bytes > most {
            return None;
        }
        read_place(&self.file, self.offset, self.bytes).ok()
    }
}

/// Imports a data set: a folder, a tar archive or a table. `progress` counts photos.
pub fn import(
    source: &Path,
    options: &ImportOptions,
    progress: Progress<'_>,
) -> Result<Imported, Error> {
    let found = source.metadata().map_err(Error::read(source))?;
    let source = &source.canonicalize().map_err(Error::read(source))?;
    let mut problems = Vec::new();
    let (layout, candidates) = if found.is_dir() {
        if source.join(LABELS_FILE).is_file() {
            let table = source.join(LABELS_FILE);
            (Layout::Table, from_table(&table, options, &mut problems)?)
        } else if source.join(IMAGES_ARCHIVE).is_file() {
            let archive = source.join(IMAGES_ARCHIVE);
            (Layout::Archive, from_archive(&archive, &mut problems)?)
        } else {
            (Layout::Folders, from_folders(source, &mut problems)?)
        }
    } else if !found.is_file() {
        return Err(Error::read(source)(std::io::Error::other(
            "not a regular file",
        )));
    } else if is_table(source) {
        (Layout::Table, from_table(source, options, &mut problems)?)
    } else {
        (Layout::Archive, from_archive(source, &mut problems)?)
    };

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
    problems.sort_by(|one, other| (one.kind, &one.path).cmp(&(other.kind, &other.path)));
    Ok(Imported {
        layout,
        manifest: Manifest::new(PathBuf::new(), entries),
        problems,
    })
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        ["csv", "tsv", "txt"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// Reads one photo to its end: its entry, and what is wrong with it.
fn read_candidate(
    candidate: &Candidate,
    limits: &Limits,
) -> (Option<(String, Entry)>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut problem = |kind, detail: String| {
        problems.push(Problem {
            path: candidate.name.clone(),
            kind,
            detail,
        });
    };
    let place = match &candidate.member {
        Some(member) => Ok((Some(member.offset), member.bytes)),
        None => candidate.file.metadata().map(|found| (None, found.len())),
    };
    let bytes = place.and_then(|(offset, bytes)| match bytes > limits.bytes as u64 {
        true => Err(std::io::ErrorKind::FileTooLarge.into()),
        false => read_place(&candidate.file, offset, bytes),
    });
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => {
            problem(ProblemKind::Unreadable, error.to_string());
            return (None, problems);
        }
    };
    let photo = match vision::decode(&bytes, limits) {
        Ok(photo) => photo,
        Err(DecodeError::Empty) => {
            problem(ProblemKind::Empty, String::new());
            return (None, problems);
        }
        Err(error) => {
            problem(ProblemKind::Unreadable, error.to_string());
            return (None, problems);
        }
    };
    let size = (photo.width() as u32, photo.height() as u32);
    let mut boxes = candidate.boxes.clone();
    let mut original = None;
    let mut told = synset_of_file(&candidate.name)
        .filter(|synset| {
            dataset::breed_of_folder(&candidate.class).is_some_and(|breed| breed.id != *synset)
        })
        .map(|synset| format!("its name says {synset}"));
    if let Some(place) = &candidate.annotation {
        let read = place.read(annotation::MOST_BYTES);
        match read.as_deref().and_then(Annotation::parse) {
            Some(annotation) => {
                boxes = annotation.scaled(size);
                original = Some(annotation.size);
                told = told.or_else(|| other_name(&annotation, &candidate.class));
            }
            None => problem(ProblemKind::BadAnnotation, String::new()),
        }
    }
    if let Some(detail) = told {
        problem(ProblemKind::Mislabelled, detail);
    }
    let path = match &candidate.member {
        Some(member) => format!("{}/{}", slashes(&candidate.file), member.names.join("/")),
        None => slashes(&candidate.file),
    };
    let entry = Entry {
        path,
        offset: candidate.member.as_ref().map(|member| member.offset),
        bytes: bytes.len() as u64,
        hash: blake3::hash(&bytes),
        class: 0,
        part: candidate.part,
        width: size.0,
        height: size.1,
        original,
        boxes,
        group: candidate.group.clone(),
    };
    (Some((candidate.class.clone(), entry)), problems)
}

/// The synset that a file's name begins with, as ImageNet's do: `n02085620_10074.jpg`.
fn synset_of_file(name: &str) -> Option<&str> {
    dataset::synset_of(name.rsplit('/').next()?)
}

/// What an annotation calls its first object, where that is not the class.
fn other_name(annotation: &Annotation, class: &str) -> Option<String> {
    let (name, _) = annotation.objects.first()?;
    let plain = |text: &str| words::fold(&text.replace(['_', '-'], " "));
    let class_name = match dataset::synset_of(class) {
        Some(_) => class.get(10..).unwrap_or(class),
        None => class,
    };
    (!name.is_empty() && plain(name) != plain(class_name))
        .then(|| format!("its annotation says {name}"))
}

/// Stanford Dogs' folders, a folder for each class, or parts with folders for classes.
fn from_folders(source: &Path, problems: &mut Vec<Problem>) -> Result<Vec<Candidate>, Error> {
    let dataset = Dataset::open(source)?;
    for left in dataset.left_aside() {
        let (kind, detail) = match &left.reason {
            Reason::Missing => (ProblemKind::Missing, String::new()),
            Reason::Empty => (ProblemKind::Empty, String::new()),
            Reason::EmptyClass => (ProblemKind::EmptyClass, String::new()),
            Reason::Unreadable(detail) => (ProblemKind::Unreadable, detail.clone()),
            reason @ (Reason::NotAFile | Reason::Link | Reason::Loop | Reason::TooDeep) => {
                (ProblemKind::Outside, reason.to_string())
            }
        };
        problems.push(Problem {
            path: slashes(&left.path),
            kind,
            detail,
        });
    }
    let root = dataset.root();
    let annotations = [
        root.join("Annotation"),
        root.parent().unwrap_or(root).join("Annotation"),
    ];
    let annotations = annotations.iter().find(|folder| folder.is_dir());
    Ok(dataset
        .photos()
        .iter()
        .map(|photo| {
            let class = dataset.class(photo).folder.clone();
            let annotation = annotations.and_then(|folder| {
                let file = folder.join(&class).join(photo.path.file_stem()?);
                let file = [file.clone(), file.with_extension("xml")]
                    .into_iter()
                    .find(|file| file.is_file())?;
                let bytes = file.metadata().ok()?.len();
                Some(Place {
                    file,
                    offset: None,
                    bytes,
                })
            });
            Candidate {
                file: root.join(&photo.path),
                member: None,
                name: slashes(&photo.path),
                class,
                part: photo.part,
                group: String::new(),
                boxes: Vec::new(),
                annotation,
            }
        })
        .collect())
}

/// A tar of photos: `.../CLASS/NAME.jpg`, under `train`, `val`, `test` or not. The official lists
/// and annotations are read from the archives beside it.
fn from_archive(path: &Path, problems: &mut Vec<Problem>) -> Result<Vec<Candidate>, Error> {
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
        if file_name.starts_with('.') || !dataset::has_ending_of_photo(Path::new(file_name)) {
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

/// A row of a table of labels.
struct Row {
    line: u64,
    class: String,
    part: Part,
    group: String,
    boxes: Vec<Rectangle>,
}

/// A table of paths and classes.
fn from_table(
    path: &Path,
    options: &ImportOptions,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Candidate>, Error> {
    let table = Table::open(path, options.encoding.as_deref())?;
    let column = |named: &Option<String>, usual: &[&str]| match named {
        Some(name) => table.required(&[name.as_str()]),
        None => table.required(usual),
    };
    let path_column = column(&options.path_column, &PATH_COLUMNS)?;
    let label_column = column(&options.label_column, &LABEL_COLUMNS)?;
    let part_column = table.first_column(&PART_COLUMNS);
    let group_column = table.first_column(&GROUP_COLUMNS);
    let box_columns: Option<Vec<usize>> =
        BOX_COLUMNS.iter().map(|name| table.column(name)).collect();
    let own_folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let folder = match &options.photos {
        Some(folder) => folder.canonicalize().map_err(Error::read(folder))?,
        None => own_folder,
    };

    // In the order of the table; what one name says, checked against what it said before.
    let mut order: Vec<String> = Vec::new();
    let mut named: HashMap<String, Row> = HashMap::new();
    let mut contradicted: BTreeSet<String> = BTreeSet::new();
    for row in table.rows() {
        let name = row.field(path_column).replace('\\', "/");
        let class = row.field(label_column);
        if name.is_empty() && class.is_empty() {
            continue;
        }
        let told = part_column.map_or("", |column| row.field(column));
        let part = part_by_name(told).unwrap_or(Part::Unsaid);
        let boxes: Option<Rectangle> = box_columns.as_ref().and_then(|columns| {
            let sides: Vec<f32> = columns
                .iter()
                .map(|&column| {
                    row.field(column)
                        .parse()
                        .ok()
                        .filter(|s: &f32| s.is_finite())
                })
                .collect::<Option<_>>()?;
            sides.try_into().ok()
        });
        let line = row.line();
        let mut problem = |kind, detail: String| {
            problems.push(Problem {
                path: name.clone(),
                kind,
                detail,
            });
        };
        if class.is_empty() || name.is_empty() {
            problem(ProblemKind::NoLabel, format!("line {line}"));
            continue;
        }
        if let Some(before) = named.get_mut(&name) {
            if before.class != class || before.part != part {
                if contradicted.insert(name.clone()) {
                    let this = [class, part_name(part)].join(" ");
                    let that = [&before.class, part_name(before.part)].join(" ");
                    problem(
                        ProblemKind::TwoLabels,
                        format!(
                            "{} in line {}, {} in line {line}",
                            that.trim_end(),
                            before.line,
                            this.trim_end()
                        ),
                    );
                }
            } else if boxes.is_some_and(|new| !before.boxes.contains(&new)) {
                before.boxes.extend(boxes);
            } else {
                problem(
                    ProblemKind::NamedTwice,
                    format!("lines {} and {line}", before.line),
                );
            }
            continue;
        }
        order.push(name.clone());
        let row = Row {
            line,
            class: class.to_owned(),
            part,
            group: group_column.map_or(String::new(), |column| row.field(column).to_owned()),
            boxes: boxes.into_iter().collect(),
        };
        named.insert(name, row);
    }

    let mut candidates = Vec::new();
    let mut files: HashMap<PathBuf, String> = HashMap::new();
    for name in order {
        if contradicted.contains(&name) {
            continue;
        }
        let Some(row) = named.remove(&name) else {
            continue;
        };
        let Some(file) = find_photo(&folder, &name, &row) else {
            problems.push(Problem {
                path: name,
                kind: ProblemKind::Missing,
                detail: format!("line {}", row.line),
            });
            continue;
        };
        // Two names of one file (`a`, `./a.jpg`, a link) would put it on both sides of a split.
        if let Some(first) = files.get(&file) {
            problems.push(Problem {
                path: name,
                kind: ProblemKind::NamedTwice,
                detail: format!("the same file as {first}"),
            });
            continue;
        }
        files.insert(file.clone(), name.clone());
        candidates.push(Candidate {
            file,
            member: None,
            name,
            class: row.class,
            part: row.part,
            group: row.group,
            boxes: row.boxes,
            annotation: None,
        });
    }
    Ok(candidates)
}

/// The photo that a table means: its name may lack the ending, the class's folder or the part's.
fn find_photo(folder: &Path, name: &str, row: &Row) -> Option<PathBuf> {
    let mut places = vec![folder.join(name)];
    if !Path::new(name).is_absolute() {
        for part in [part_name(row.part), "images", "Images", "train", "photos"] {
            places.push(folder.join(part).join(name));
        }
        places.push(folder.join(&row.class).join(name));
    }
    places
        .iter()
        .flat_map(|place| {
            let text = place.as_os_str().to_owned();
            let with_ending = LEFT_OFF_ENDINGS.iter().map(move |ending| {
                let mut longer = text.clone();
                longer.push(".");
                longer.push(ending);
                PathBuf::from(longer)
            });
            std::iter::once(place.clone()).chain(with_ending)
        })
        .find(|place| place.is_file())
        .and_then(|place| place.canonicalize().ok())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::annotation::tests::voc;
    use crate::archive::tests::tar_of;
    use crate::error::{ArchiveFault, TableFault};
    use crate::matlab::tests::list_file;
    use crate::scene::jpeg;

    fn put(folder: &Path, name: &str, bytes: &[u8]) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn run(source: &Path, options: &ImportOptions) -> Result<Imported, Error> {
        import(source, options, &|_, _| {})
    }

    fn problems(imported: &Imported) -> Vec<(ProblemKind, &str)> {
        imported
            .problems
            .iter()
            .map(|problem| (problem.kind, problem.path.as_str()))
            .collect()
    }

    fn parts(imported: &Imported) -> Vec<(String, &'static str)> {
        imported
            .manifest
            .all_entries()
            .iter()
            .map(|entry| {
                let name = entry.path.rsplit('/').next().unwrap().to_owned();
                (name, part_name(entry.part))
            })
            .collect()
    }

    const CHIHUAHUA: &str = "n02085620-Chihuahua";
    const PUG: &str = "n02110958-pug";

    /// Names and contents.
    type Files = Vec<(String, Vec<u8>)>;

    /// Stanford Dogs in small: two classes, a missing photo, a broken one, one under a wrong class.
    fn official() -> (Files, Vec<u8>, Vec<u8>, Files) {
        let names = [
            format!("{CHIHUAHUA}/n02085620_1.jpg"),
            format!("{CHIHUAHUA}/n02085620_2.jpg"),
            format!("{PUG}/n02110958_1.jpg"),
            format!("{PUG}/n02085620_3.jpg"),
        ];
        let mut photos: Vec<(String, Vec<u8>)> = names
            .iter()
            .enumerate()
            .map(|(seed, name)| (name.clone(), jpeg(seed as u64, 40, 20)))
            .collect();
        photos[1].1.truncate(300);
        let test = list_file(&[&names[0]]);
        let missing = format!("{PUG}/n02110958_9.jpg");
        let train = list_file(&[&names[1], &names[2], &names[3], &missing]);
        let stem = names[0].trim_end_matches(".jpg").to_owned();
        let drawn = voc((80, 20), "Chihuahua", [20, 5, 60, 20]).into_bytes();
        (photos, test, train, vec![(stem, drawn)])
    }

    fn assert_official(imported: &Imported, prefix: &str) {
        assert_eq!(
            parts(imported),
            [
                ("n02085620_1.jpg".to_owned(), "test"),
                ("n02085620_3.jpg".to_owned(), "train"),
                ("n02110958_1.jpg".to_owned(), "train"),
            ]
        );
        let missing = format!("{PUG}/n02110958_9.jpg");
        let missing = imported
            .problems
            .iter()
            .find(|problem| problem.path.ends_with(&missing));
        assert_eq!(missing.unwrap().kind, ProblemKind::Missing);
        let kinds: Vec<_> = imported
            .problems
            .iter()
            .map(|problem| problem.kind)
            .collect();
        assert_eq!(
            kinds,
            [
                ProblemKind::Missing,
                ProblemKind::Unreadable,
                ProblemKind::Mislabelled
            ]
        );
        assert_eq!(
            imported.problems[1].path,
            format!("{prefix}{CHIHUAHUA}/n02085620_2.jpg")
        );
        assert_eq!(
            imported.problems[2].path,
            format!("{prefix}{PUG}/n02085620_3.jpg")
        );
        let first = &imported.manifest.all_entries()[0];
        // The annotation was drawn on 80 x 20, the photo has 40 x 20.
        assert_eq!(first.boxes, [[10.0, 5.0, 30.0, 20.0]]);
        assert_eq!(first.original, Some((80, 20)));
        assert_eq!((first.width, first.height), (40, 20));
    }

    #[test]
    fn folders_and_archives_of_stanford_dogs_give_the_same() {
        let (photos, test, train, annotations) = official();
        let unpacked = tempfile::tempdir().unwrap();
        for (name, bytes) in &photos {
            put(unpacked.path(), &format!("Images/{name}"), bytes);
        }
        for (name, bytes) in &annotations {
            put(unpacked.path(), &format!("Annotation/{name}"), bytes);
        }
        put(unpacked.path(), "lists/test_list.mat", &test);
        put(unpacked.path(), "lists/train_list.mat", &train);
        let by_folders = run(unpacked.path(), &ImportOptions::default()).unwrap();
        assert_eq!(by_folders.layout, Layout::Folders);
        assert_official(&by_folders, "Images/");

        let packed = tempfile::tempdir().unwrap();
        let tar = |prefix: &str, files: &[(String, Vec<u8>)]| {
            let named: Vec<(String, &[u8])> = files
                .iter()
                .map(|(name, bytes)| (format!("{prefix}{name}"), &bytes[..]))
                .collect();
            let files: Vec<(&str, &[u8])> = named
                .iter()
                .map(|(name, bytes)| (name.as_str(), *bytes))
                .collect();
            tar_of(&files)
        };
        put(packed.path(), "images.tar", &tar("Images/", &photos));
        put(
            packed.path(),
            "annotation.tar",
            &tar("Annotation/", &annotations),
        );
        let lists = [
            ("test_list.mat".to_owned(), test),
            ("train_list.mat".to_owned(), train),
        ];
        put(packed.path(), "lists.tar", &tar("", &lists));
        for source in [packed.path().to_owned(), packed.path().join("images.tar")] {
            let by_archives = run(
                &source,
                &ImportOptions {
                    threads: 2,
                    ..Default::default()
                },
            )
            .unwrap();
            assert_eq!(by_archives.layout, Layout::Archive);
            assert_official(&by_archives, "Images/");
            // Read back through the file, from inside the archive.
            let path = packed.path().join("manifest.csv");
            by_archives.manifest.save(&path).unwrap();
            let reopened = Manifest::open(&path).unwrap();
            for entry in reopened.all_entries() {
                assert!(
                    entry.path.starts_with("images.tar/Images/"),
                    "{}",
                    entry.path
                );
                assert_eq!(blake3::hash(&reopened.read(entry).unwrap()), entry.hash);
            }
        }
    }

    #[test]
    fn a_cut_list_is_an_error_at_every_length() {
        let (photos, test, ..) = official();
        let folder = tempfile::tempdir().unwrap();
        put(
            folder.path(),
            &format!("Images/{}", photos[0].0),
            &photos[0].1,
        );
        for length in (0..test.len() - 8).step_by(7) {
            put(folder.path(), "lists/test_list.mat", &test[..length]);
            let done = run(folder.path(), &ImportOptions::default());
            assert!(matches!(done, Err(Error::Dataset(_))), "{length}");
        }
    }

    #[test]
    fn trees_keep_their_parts() {
        let folder = tempfile::tempdir().unwrap();
        for (seed, name) in ["train/pug/a.jpg", "val/pug/b.jpg"].into_iter().enumerate() {
            put(folder.path(), name, &jpeg(seed as u64, 30, 30));
        }
        let options = ImportOptions::default();
        let two = run(folder.path(), &options).unwrap();
        let expected = [("a.jpg".to_owned(), "train"), ("b.jpg".to_owned(), "val")];
        assert_eq!(parts(&two), expected);
        put(folder.path(), "test/pug/c.jpg", &jpeg(3, 30, 30));
        put(folder.path(), "test/beagle/empty.jpg", b"");
        let three = run(folder.path(), &options).unwrap();
        assert!(parts(&three).contains(&("c.jpg".to_owned(), "test")));
        assert_eq!(
            problems(&three),
            [(ProblemKind::Empty, "test/beagle/empty.jpg")]
        );
        assert_eq!(three.manifest.classes().len(), 1);
    }

    #[test]
    fn tables_are_read_and_their_faults_named() {
        let folder = tempfile::tempdir().unwrap();
        for (seed, name) in ["photos/a.jpg", "photos/b.jpg", "c.jpg", "d.jpg"]
            .into_iter()
            .enumerate()
        {
            put(folder.path(), name, &jpeg(seed as u64, 30, 30));
        }
        put(folder.path(), "text.jpg", b"not a photo");
        let table = "id;race;split;animal\n\
                     photos/a.jpg;épagneul;train;rex\n\
                     b;pug;test;\n\
                     c.jpg;pug;train;\n\
                     c.jpg;pug;train;\n\
                     ./c.jpg;pug;train;\n\
                     d.jpg;pug;train;\n\
                     d.jpg;beagle;train;\n\
                     gone.jpg;pug;train;\n\
                     text.jpg;pug;train;\n\
                     e.jpg;;train;\n";
        put(folder.path(), "labels.csv", table.as_bytes());
        let imported = run(folder.path(), &ImportOptions::default()).unwrap();
        assert_eq!(imported.layout, Layout::Table);
        assert_eq!(
            parts(&imported),
            [("c.jpg", "train"), ("b.jpg", "test"), ("a.jpg", "train")]
                .map(|(name, part)| (name.to_owned(), part))
        );
        assert_eq!(imported.manifest.all_entries()[2].group, "rex");
        assert_eq!(
            problems(&imported),
            [
                (ProblemKind::Missing, "gone.jpg"),
                (ProblemKind::Unreadable, "text.jpg"),
                (ProblemKind::TwoLabels, "d.jpg"),
                (ProblemKind::NamedTwice, "./c.jpg"),
                (ProblemKind::NamedTwice, "c.jpg"),
                (ProblemKind::NoLabel, "e.jpg"),
            ]
        );
        // In another encoding than said, the line is named.
        put(
            folder.path(),
            "labels.csv",
            b"id,race\nc.jpg,pug\na.jpg,\xE9pagneul\n",
        );
        assert!(matches!(
            run(folder.path(), &ImportOptions::default()),
            Err(Error::Table {
                line: 3,
                fault: TableFault::Encoding(_),
                ..
            })
        ));
    }

    #[test]
    fn the_manifest_is_read_back_as_it_was_and_half_a_row_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (seed, name) in ["a, \"b\".jpg", "é.jpg"].into_iter().enumerate() {
            put(
                folder.path(),
                &format!("set/pug/{name}"),
                &jpeg(seed as u64, 30, 30),
            );
        }
        let imported = run(&folder.path().join("set"), &ImportOptions::default()).unwrap();
        let path = folder.path().join("manifest.csv");
        imported.manifest.save(&path).unwrap();
        let again = Manifest::open(&path).unwrap();
        assert_eq!(again.all_entries()[0].path, "set/pug/a, \"b\".jpg");
        for entry in again.all_entries() {
            assert_eq!(blake3::hash(&again.read(entry).unwrap()), entry.hash);
        }
        // Moved together, they are still found; a photo that grew is refused.
        let moved = tempfile::tempdir().unwrap();
        fs::rename(folder.path().join("set"), moved.path().join("set")).unwrap();
        fs::rename(&path, moved.path().join("manifest.csv")).unwrap();
        let again = Manifest::open(&moved.path().join("manifest.csv")).unwrap();
        let entry = &again.all_entries()[0];
        let photo = again.locate(entry);
        assert!(again.read(entry).is_ok());
        fs::write(&photo, jpeg(9, 60, 60)).unwrap();
        assert!(again.read(entry).is_err());

        let bytes = fs::read(moved.path().join("manifest.csv")).unwrap();
        let rows = bytes.iter().filter(|&&byte| byte == b'\n').count();
        let half = moved.path().join("half.csv");
        for length in 0..bytes.len() - 1 {
            fs::write(&half, &bytes[..length]).unwrap();
            if let Ok(read) = Manifest::open(&half) {
                // Only whole rows may be taken, and the last field may be empty.
                let lines = bytes[..=length]
                    .iter()
                    .filter(|&&byte| byte == b'\n')
                    .count();
                assert!(
                    read.all_entries().len() <= lines.max(1),
                    "{length} of {rows}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_data_set_is_named_as_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "a.tar", &[b'x'; 2000]);
        put(folder.path(), "b.tar", &tar_of(&[("notes.txt", b"hello")]));
        put(folder.path(), "c.csv", b"path,label\n");
        put(folder.path(), "empty/pug/notes.txt", b"hello");
        let fails =
            |name: &str| run(&folder.path().join(name), &ImportOptions::default()).unwrap_err();
        assert!(matches!(
            fails("a.tar"),
            Error::Archive {
                fault: ArchiveFault::NotATar,
                ..
            }
        ));
        assert!(matches!(fails("b.tar"), Error::Nothing { .. }));
        assert!(matches!(fails("c.csv"), Error::Nothing { .. }));
        assert!(matches!(fails("empty"), Error::Dataset(_)));
        assert!(matches!(fails("gone"), Error::Read { .. }));
        for language in words::Language::ALL {
            for name in ["a.tar", "b.tar", "c.csv", "empty", "gone"] {
                assert!(fails(name).message(language).contains(name));
            }
        }
    }

    #[test]
    fn imports_the_sample_of_stanford_dogs() {
        let Some(data) = testkit::test_data() else {
            return;
        };
        let options = ImportOptions {
            threads: 2,
            ..Default::default()
        };
        let imported = run(&data.join("stanford-dogs"), &options).unwrap();
        let manifest = &imported.manifest;
        assert_eq!(manifest.all_entries().len(), 2646 + 1976);
        assert_eq!(manifest.test_entries().count(), 1976);
        assert_eq!(manifest.open_entries().count(), 2646);
        let missing = imported
            .problems
            .iter()
            .filter(|p| p.kind == ProblemKind::Missing);
        assert_eq!(missing.count(), 20_580 - 2646 - 1976);
    }
}
