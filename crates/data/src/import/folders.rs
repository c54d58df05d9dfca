//! Data sets in folders: Stanford Dogs unpacked, a folder a class, parts with folders for classes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::candidate::{Candidate, Place};
use super::problem::{Problem, ProblemKind};
use crate::dataset::{Dataset, Reason};
use crate::error::{Error, TableFault};
use crate::manifest::slashes;
use crate::part::Part;
use crate::table::Table;
use crate::tree::IMAGES;
use crate::walk::{Links, What, walk};

/// Stanford Dogs' folders, a folder for each class, or parts with folders for classes. `sizes` are
/// [`true_sizes`].
pub(super) fn from_folders(
    source: &Path,
    sizes: &HashMap<PathBuf, (u32, u32)>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Candidate>, Error> {
    let dataset = Dataset::open(source)?;
    for left in dataset.left_aside() {
        let (kind, detail) = match &left.reason {
            Reason::Missing => (ProblemKind::Missing, String::new()),
            Reason::Empty => (ProblemKind::Empty, String::new()),
            Reason::EmptyClass => (ProblemKind::EmptyClass, String::new()),
            Reason::Unreadable(detail) => (ProblemKind::Unreadable, detail.clone()),
            Reason::NoClass => (ProblemKind::NoLabel, left.reason.to_string()),
            Reason::IgnoredPart => (ProblemKind::IgnoredPart, left.reason.to_string()),
            reason @ (Reason::NotAFile
            | Reason::Link
            | Reason::Loop
            | Reason::TooDeep
            | Reason::NotUnicode) => (ProblemKind::Outside, reason.to_string()),
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
                // By the folder's own name: the class's may be spelled in the other way of Unicode.
                let own = photo.path.parent()?.file_name()?;
                let in_class = folder.join(&class);
                let folder = match in_class.is_dir() {
                    true => in_class,
                    false => folder.join(own),
                };
                let file = folder.join(photo.path.file_stem()?);
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
                original: sizes.get(&photo.path).copied(),
            }
        })
        .collect())
}

/// All photos of a folder as one class, whatever folders they lie in.
pub(super) fn all_photos(
    source: &Path,
    class: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for met in walk(source, Links::ToFiles) {
        let name = met.names.join("/");
        match met.what {
            What::Photo => candidates.push(Candidate {
                file: met.path,
                member: None,
                name,
                class: class.to_owned(),
                part: Part::Unsaid,
                group: String::new(),
                boxes: Vec::new(),
                annotation: None,
                original: None,
            }),
            What::Folder => {}
            What::Aside(why) => {
                let (kind, detail) = match Reason::from(why) {
                    Reason::Unreadable(detail) => (ProblemKind::Unreadable, detail),
                    reason => (ProblemKind::Outside, reason.to_string()),
                };
                let path = name;
                problems.push(Problem { path, kind, detail });
            }
        }
    }
    candidates
}

/// A table beside `Images` that tells the photos' sizes before they were stretched to be stored.
const INDEX: &str = "index.csv";
/// Its columns: the photo below `Images`, and its true size in pixels.
const INDEX_COLUMNS: [&str; 3] = ["file", "original_width", "original_height"];

/// The true sizes that the table [`INDEX`] of a folder tells, by the photos' paths in the folder; none
/// where there is no such table, or another one of that name.
pub(super) fn true_sizes(source: &Path) -> Result<HashMap<PathBuf, (u32, u32)>, Error> {
    let path = source.join(INDEX);
    if !path.is_file() {
        return Ok(HashMap::new());
    }
    let table = Table::open(&path, None)?;
    let mut columns = [0; INDEX_COLUMNS.len()];
    for (column, name) in columns.iter_mut().zip(INDEX_COLUMNS) {
        let Some(found) = table.column(name)? else {
            return Ok(HashMap::new());
        };
        *column = found;
    }
    let [file, width, height] = columns;
    let size_of = |row: Result<crate::table::Row, Error>| {
        let row = row?;
        let side = |column: usize| {
            let text = row.field(column);
            let side = text.parse().ok().filter(|side: &u32| *side > 0);
            side.ok_or_else(|| {
                let fault = TableFault::Value {
                    column: table.name(column).to_owned(),
                    value: text.to_owned(),
                };
                Error::table(&path, row.line(), fault)
            })
        };
        let photo = Path::new(IMAGES).join(row.field(file));
        Ok((photo, (side(width)?, side(height)?)))
    };
    table.rows().map(size_of).collect()
}
