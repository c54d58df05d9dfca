//! Data sets in folders: Stanford Dogs unpacked, a folder a class, parts with folders for classes.

use std::path::Path;

use super::candidate::{Candidate, Place};
use super::problem::{Problem, ProblemKind};
use crate::dataset::{Dataset, Reason};
use crate::error::Error;
use crate::manifest::slashes;

/// Stanford Dogs' folders, a folder for each class, or parts with folders for classes.
pub(super) fn from_folders(
    source: &Path,
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
            }
        })
        .collect())
}
