//! A photo that a data set names, read to its end.

use std::path::PathBuf;

use vision::{DecodeError, Limits, Orientation};

use super::problem::{Problem, ProblemKind};
use crate::annotation::{self, Annotation};
use crate::archive::Member;
use crate::class;
use crate::manifest::{Entry, Rectangle, read_place, slashes};
use crate::part::Part;

/// A photo that a data set names and that seems to be there.
pub(super) struct Candidate {
    /// The file or the archive.
    pub file: PathBuf,
    /// Where it lies inside the archive.
    pub member: Option<Member>,
    /// As the data set names it, for problems.
    pub name: String,
    pub class: String,
    pub part: Part,
    pub group: String,
    /// Boxes that a table gives, in the photo's pixels as they are stored.
    pub boxes: Vec<Rectangle>,
    pub annotation: Option<Place>,
    /// Its size before it was stretched to be stored, where that is known.
    pub original: Option<(u32, u32)>,
}

/// Where a small file lies.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub file: PathBuf,
    pub offset: Option<u64>,
    pub bytes: u64,
}

impl Place {
    pub fn read(&self, most: u64) -> Option<Vec<u8>> {
        if self.bytes > most {
            return None;
        }
        read_place(&self.file, self.offset, self.bytes).ok()
    }
}

/// Reads one photo to its end: its entry, and what is wrong with it.
pub(super) fn read_candidate(
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
    // Boxes are given for the pixels as stored, since tools that draw them ignore how the camera was
    // held; in the manifest they are upright, as everything else.
    let (stored, orientation) = photo.found().map_or((size, Orientation::Upright), |found| {
        let stored = (found.width as u32, found.height as u32);
        (stored, found.orientation)
    });
    let upright = |boxes: Vec<Rectangle>| -> Vec<Rectangle> {
        let sides = (stored.0 as f32, stored.1 as f32);
        let turn = |rectangle| orientation.turn_rectangle(sides, rectangle);
        boxes.into_iter().map(turn).collect()
    };
    let mut boxes = upright(candidate.boxes.clone());
    let mut original = candidate.original;
    let mut told = synset_of_file(&candidate.name)
        .filter(|synset| {
            class::breed_of_folder(&candidate.class).is_some_and(|breed| breed.id != *synset)
        })
        .map(|synset| format!("its name says {synset}"));
    if let Some(place) = &candidate.annotation {
        let read = place.read(annotation::MOST_BYTES);
        match read.as_deref().and_then(Annotation::parse) {
            Some(annotation) => {
                let (wide, high) = annotation.size;
                // One that names the sides of the upright photo was drawn on that.
                let drawn_upright = stored != size && (wide, high) == size;
                let swapped = orientation.swaps_sides() && !drawn_upright;
                boxes = match drawn_upright {
                    true => annotation.scaled(size),
                    false => upright(annotation.scaled(stored)),
                };
                original = Some(if swapped { (high, wide) } else { (wide, high) });
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
        source: String::new(),
    };
    (Some((candidate.class.clone(), entry)), problems)
}

/// The synset that a file's name begins with, as ImageNet's do: `n02085620_10074.jpg`.
fn synset_of_file(name: &str) -> Option<&str> {
    class::synset_of(name.rsplit('/').next()?)
}

/// What an annotation calls its first object, where that is not the class.
fn other_name(annotation: &Annotation, class: &str) -> Option<String> {
    let (name, _) = annotation.objects.first()?;
    let plain = |text: &str| words::fold(&text.replace(['_', '-'], " "));
    let class_name = match class::synset_of(class) {
        Some(_) => class.get(10..).unwrap_or(class),
        None => class,
    };
    (!name.is_empty() && plain(name) != plain(class_name))
        .then(|| format!("its annotation says {name}"))
}
