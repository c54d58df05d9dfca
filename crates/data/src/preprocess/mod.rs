//! Pictures that a pipeline makes of photos: where each goes, and the manifest of them.
use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use kernels::Isa;
use tensor::Pool;
use vision::filters::{Pipeline, Region, Workers};
use vision::{DecodeError, Photo};

use crate::files::{AtomicFile, Kind, Refused, stamped};
use crate::photo_file::{Unread, read_photo};
use crate::{Dataset, Entry, Error, Manifest, Part, is_manifest, parallel};

mod error;
mod targets;

pub use error::PicturesError;

/// The format of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Without loss.
    Png,
    /// Smaller; the quality, 1 to 100.
    Jpeg(u8),
}

impl Encoding {
    fn ending(self) -> &'static str {
        match self {
            Encoding::Png => "png",
            Encoding::Jpeg(_) => "jpg",
        }
    }
}

/// One picture to be made.
pub struct Task<'a> {
    source: Source<'a>,
    /// Relative to the output, without the format's ending.
    place: PathBuf,
    /// What the manifest of the results will say, where a class is known.
    label: Option<Label>,
}

/// What is known of a photo beside its pixels.
#[derive(Clone)]
struct Label {
    class: String,
    part: Part,
    group: String,
}

/// Where a photo comes from.
enum Source<'a> {
    File(PathBuf),
    Entry(&'a Manifest, &'a Entry),
}

impl Source<'_> {
    fn file(&self) -> PathBuf {
        match self {
            Source::File(path) => path.clone(),
            Source::Entry(manifest, entry) => manifest.locate(entry),
        }
    }

    /// The photo and its first box.
    fn read(&self) -> Result<(Photo, Option<Region>), Unread> {
        let (manifest, entry) = match self {
            Source::File(path) => return Ok((read_photo(path)?, None)),
            Source::Entry(manifest, entry) => (manifest, entry),
        };
        let bytes = manifest.read(entry)?;
        let photo = vision::decode(&bytes, &vision::Limits::default())?;
        let region = entry
            .boxes
            .first()
            .map(|&[left, top, right, bottom]| Region {
                left: left.max(0.0) as usize,
                top: top.max(0.0) as usize,
                width: (right - left.max(0.0)).max(1.0) as usize,
                height: (bottom - top.max(0.0)).max(1.0) as usize,
            });
        Ok((photo, region))
    }
}

/// Why a picture was not made.
#[derive(Debug)]
pub enum PictureFault {
    /// The photo's file cannot be read.
    File(io::Error),
    /// It is no photo.
    Photo(DecodeError),
    /// The picture is too large for its format.
    TooLarge {
        /// The picture.
        path: PathBuf,
    },
    /// The picture cannot be written.
    Write {
        /// The picture.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl From<Unread> for PictureFault {
    fn from(why: Unread) -> Self {
        match why {
            Unread::File(error) => PictureFault::File(error),
            Unread::Photo(error) => PictureFault::Photo(error),
        }
    }
}

/// Tasks for the photos of a manifest; those of the test only where they are asked for.
pub fn of_manifest(manifest: &Manifest, with_test: bool) -> Vec<Task<'_>> {
    let entries = manifest.all_entries().iter();
    let wanted = entries.filter(|entry| with_test || entry.part != Part::Test);
    let task = |entry| Task {
        source: Source::Entry(manifest, entry),
        place: inside(Path::new(&entry.path)),
        label: Some(Label {
            class: manifest.class_name(entry).to_owned(),
            part: entry.part,
            group: entry.group.clone(),
        }),
    };
    wanted.map(task).collect()
}

/// Tasks for photos that were found under `source`, a folder or one of them. Of several sources
/// (`apart`) each has a folder of its own in the output.
pub fn of_files(
    source: &Path,
    apart: bool,
    files: impl IntoIterator<Item = PathBuf>,
) -> Vec<Task<'static>> {
    let root = match apart {
        false => source,
        true => source.parent().unwrap_or(Path::new("")),
    };
    let labels = labels(source);
    let task = |path: PathBuf| Task {
        place: match source.is_dir() {
            true => inside(path.strip_prefix(root).unwrap_or(&path)),
            false => path.file_name().map(PathBuf::from).unwrap_or_default(),
        },
        label: path
            .canonicalize()
            .ok()
            .and_then(|path| labels.get(&path).cloned()),
        source: Source::File(path),
    };
    files.into_iter().map(task).collect()
}

/// The photos of a folder whose class and part its folders tell, by their absolute path.
fn labels(folder: &Path) -> HashMap<PathBuf, Label> {
    let Ok(dataset) = Dataset::open(folder) else {
        return HashMap::new();
    };
    let label = |photo: &crate::Photo| {
        let label = Label {
            class: dataset.class(photo).folder.clone(),
            part: photo.part,
            group: String::new(),
        };
        let path = dataset.root().join(&photo.path).canonicalize();
        Some((path.ok()?, label))
    };
    dataset.photos().iter().filter_map(label).collect()
}

/// Pictures whose places are known to be free.
pub struct Pictures<'a> {
    tasks: Vec<Task<'a>>,
    /// A file for each task.
    targets: Vec<PathBuf>,
    output: PathBuf,
    encoding: Encoding,
    /// What the manifest of the folder says of pictures that an earlier run made.
    before: Vec<(String, Entry)>,
}

/// What was made.
pub struct Made {
    /// Pictures that were written.
    pub written: usize,
    /// Those of them whose class is known: they stand in the manifest.
    pub labelled: usize,
    /// The manifest, where any class is known.
    pub manifest: Option<PathBuf>,
}

/// Told from any thread.
pub enum Told<'a> {
    /// So many of so many are done.
    Done(usize, usize),
    /// No picture was made of this photo.
    Failed(&'a Path, PictureFault),
}

impl<'a> Pictures<'a> {
    /// Looks where the pictures will stand in `output`; nothing is written. `sources` are what the
    /// tasks were made of.
    ///
    /// # Errors
    /// [`PicturesError`] where something else stands there, or the pictures would become a part of
    /// their source.
    pub fn new(
        tasks: Vec<Task<'a>>,
        sources: &[PathBuf],
        output: &Path,
        encoding: Encoding,
    ) -> Result<Self, PicturesError> {
        Ok(Pictures {
            targets: targets::targets(&tasks, sources, output, encoding.ending())?,
            before: made_before(output)?,
            tasks,
            output: output.to_owned(),
            encoding,
        })
    }

    /// Makes them, on so many threads; a single one has all threads.
    ///
    /// # Errors
    /// Where the manifest cannot be written. What is wrong with a single photo is told.
    pub fn make(
        &self,
        pipeline: &Pipeline,
        threads: usize,
        isa: Isa,
        tell: &(dyn Fn(Told<'_>) + Sync),
    ) -> Result<Made, Error> {
        let many = self.tasks.len() > 1;
        let pool = Pool::new(if many { 1 } else { threads });
        let progress = |done, all| tell(Told::Done(done, all));
        let made = parallel::map(threads, self.tasks.len(), &progress, |index| {
            let serial = Pool::serial();
            let pool = if many { &serial } else { &pool };
            let made = self.picture(index, pipeline, Workers { pool, isa });
            made.map_err(|fault| tell(Told::Failed(&self.tasks[index].source.file(), fault)))
        });
        let made: Vec<_> = made.into_iter().flatten().collect();
        let written = made.len();
        let rows: Vec<_> = made.into_iter().flatten().collect();
        Ok(Made {
            written,
            labelled: rows.len(),
            manifest: self.save_manifest(rows)?,
        })
    }

    /// The row of the manifest of a picture that was made, where its class is known.
    fn picture(
        &self,
        index: usize,
        pipeline: &Pipeline,
        workers: Workers<'_>,
    ) -> Result<Option<(String, Entry)>, PictureFault> {
        let (task, target) = (&self.tasks[index], &self.targets[index]);
        let (original, region) = task.source.read()?;
        let photo = pipeline.run(&original, region, workers);
        let bytes = self.write(target, &photo)?;
        let same_size = (original.width(), original.height()) == (photo.width(), photo.height());
        Ok(task.row(target, &bytes, &photo, same_size))
    }

    fn write(&self, path: &Path, photo: &Photo) -> Result<Vec<u8>, PictureFault> {
        let encoded = match self.encoding {
            Encoding::Png => vision::encode::png(photo),
            Encoding::Jpeg(quality) => vision::encode::jpeg(photo, quality),
        };
        let too_large = |_| PictureFault::TooLarge {
            path: path.to_owned(),
        };
        let bytes = stamped(encoded.map_err(too_large)?);
        let written = match AtomicFile::begin(path, Kind::Picture) {
            Ok(file) => file.finish(&bytes),
            Err(Refused::System(error)) => Err(error),
            // It came to stand there since the targets were looked at.
            Err(_) => Err(ErrorKind::AlreadyExists.into()),
        };
        written.map_err(|source| PictureFault::Write {
            path: path.to_owned(),
            source,
        })?;
        Ok(bytes)
    }

    /// Writes the manifest of what was made now and before; says where, if any class is known.
    fn save_manifest(&self, mut rows: Vec<(String, Entry)>) -> Result<Option<PathBuf>, Error> {
        let made: HashSet<String> = rows.iter().map(|(_, entry)| entry.path.clone()).collect();
        let before = self.before.iter();
        let others = before.filter(|(_, entry)| !made.contains(&entry.path));
        rows.extend(others.cloned());
        if rows.is_empty() {
            return Ok(None);
        }
        let path = self.output.join(MANIFEST);
        Manifest::new(PathBuf::new(), rows).save(&path)?;
        Ok(Some(path))
    }
}

impl Task<'_> {
    /// The row of the manifest of the results; `None` where no class is known. Boxes stay true only
    /// where the photo keeps its size.
    fn row(
        &self,
        target: &Path,
        bytes: &[u8],
        photo: &Photo,
        same_size: bool,
    ) -> Option<(String, Entry)> {
        let label = self.label.clone()?;
        let (boxes, source) = match &self.source {
            Source::Entry(manifest, entry) => (&entry.boxes[..], manifest.whole_name(entry)),
            Source::File(path) => (&[][..], path.canonicalize().ok()?.display().to_string()),
        };
        let target = target.canonicalize().ok()?;
        let entry = Entry {
            path: target.to_str()?.to_owned(),
            offset: None,
            bytes: bytes.len() as u64,
            hash: blake3::hash(bytes),
            class: 0,
            part: label.part,
            width: photo.width() as u32,
            height: photo.height() as u32,
            original: None,
            boxes: if same_size {
                boxes.to_vec()
            } else {
                Vec::new()
            },
            group: label.group,
            source,
        };
        Some((label.class, entry))
    }
}

/// The manifest of the results, in the folder of the results.
const MANIFEST: &str = "manifest.csv";

/// The rows of the manifest that an earlier run left in the folder, of photos that are still there. A
/// file of that name that is no such manifest is refused.
fn made_before(output: &Path) -> Result<Vec<(String, Entry)>, PicturesError> {
    let path = output.join(MANIFEST);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let foreign = || PicturesError::OverOther {
        paths: vec![path.clone()],
    };
    if !is_manifest(&path) {
        return Err(foreign());
    }
    let manifest = Manifest::open(&path)?;
    let entries = manifest.all_entries();
    if entries.iter().any(|entry| entry.source.is_empty()) {
        return Err(foreign());
    }
    let there = entries.iter().filter_map(|entry| {
        let place = manifest.locate(entry).canonicalize().ok()?;
        let path = place.to_str()?.to_owned();
        let class = manifest.class_name(entry).to_owned();
        let entry = Entry {
            path,
            ..entry.clone()
        };
        Some((class, entry))
    });
    Ok(there.collect())
}

/// The path without what would lead out of a folder.
fn inside(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside(Path::new("../a/./b.jpg")), Path::new("a/b.jpg"));
        assert_eq!(inside(Path::new("/x/y.png")), Path::new("x/y.png"));
    }
}
