//! The manifest: one CSV file that says of each photo where it lies, its class, part, size and boxes.
//!
//! CSV (RFC 4180, UTF-8, a header) because everything reads it without a library of ours:
//! spreadsheets, pandas, R, DuckDB, a text editor. A row is a photo that could be read when the
//! data set was imported.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use vision::{Limits, Photo};

use crate::class::{Class, breed_of_folder, class_name};
use crate::columns::COLUMNS;
use crate::error::{Error, TableFault};
use crate::files::AtomicFile;
use crate::part::{Part, part_by_name, part_name};
use crate::photo_file::Unread;
use crate::table::{Names, Table};
use crate::table_writer::TableWriter;

/// A column that a manifest may have beside [`COLUMNS`]: the photo that this one was made of.
const SOURCE_COLUMN: &str = "source";

/// What is said of a photo that is no longer what was imported.
pub(crate) const CHANGED: &str = "the file has changed since it was imported";

/// A rectangle in a photo, in pixels: left, top, right, bottom.
pub type Rectangle = [f32; 4];

/// One photo of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// As in the column `path`.
    pub path: String,
    /// Where the photo begins inside an archive.
    pub offset: Option<u64>,
    /// The file's length.
    pub bytes: u64,
    /// BLAKE3 of the file.
    pub hash: blake3::Hash,
    /// Index into [`Manifest::classes`].
    pub class: usize,
    /// Train, validation, test, or not said.
    pub part: Part,
    /// Columns of pixels, upright.
    pub width: u32,
    /// Rows of pixels, upright.
    pub height: u32,
    /// Width and height of the photo that the boxes were drawn on, where an annotation tells.
    pub original: Option<(u32, u32)>,
    /// In pixels of this photo.
    pub boxes: Vec<Rectangle>,
    /// Photos of one animal share it; empty where nothing is known.
    pub group: String,
    /// The photo that it was made of, where it was made (column `source`); else empty.
    pub source: String,
}

/// A data set as a table of photos.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The folder that relative paths start from.
    folder: PathBuf,
    classes: Vec<Class>,
    entries: Vec<Entry>,
}

impl Manifest {
    /// From entries whose classes are named; classes are put in the order of their names
    /// (`class_name`), whatever [`Entry::class`] says. Relative paths start from `folder`.
    pub fn new(folder: PathBuf, mut entries: Vec<(String, Entry)>) -> Self {
        for (name, _) in &mut entries {
            *name = class_name(name);
        }
        let names: BTreeMap<&str, ()> = entries
            .iter()
            .map(|(name, _)| (name.as_str(), ()))
            .collect();
        let index: HashMap<String, usize> = names
            .keys()
            .enumerate()
            .map(|(index, name)| ((*name).to_owned(), index))
            .collect();
        let classes = names
            .keys()
            .map(|name| Class {
                folder: (*name).to_owned(),
                breed: breed_of_folder(name),
            })
            .collect();
        let mut entries: Vec<Entry> = entries
            .into_iter()
            .map(|(name, entry)| Entry {
                class: index[&name],
                ..entry
            })
            .collect();
        entries.sort_by(|one, other| (one.class, &one.path).cmp(&(other.class, &other.path)));
        Manifest {
            folder,
            classes,
            entries,
        }
    }

    /// Reads a manifest. Every row must be whole and make sense.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let table = Table::open(path, None)?;
        let mut places = [0; COLUMNS.len()];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            *place = table.required(&[name])?;
        }
        let source = table.column(SOURCE_COLUMN)?;
        let mut entries = Vec::new();
        let mut seen = Names::default();
        for row in table.rows() {
            let row = row?;
            // Names as they are: a folder's may begin or end with a space.
            let name = |column: usize| row.written(places[column]);
            let field = |column: usize| row.field(places[column]);
            let wrong = |column: usize| {
                Error::table(
                    path,
                    row.line(),
                    TableFault::Value {
                        column: COLUMNS[column].to_owned(),
                        value: field(column).to_owned(),
                    },
                )
            };
            let number = |column: usize| field(column).parse::<u32>().map_err(|_| wrong(column));
            let optional = |column: usize| match field(column) {
                "" => Ok(None),
                _ => number(column).map(Some),
            };
            let offset = match field(1) {
                "" => None,
                text => Some(text.parse().map_err(|_| wrong(1))?),
            };
            if field(0).is_empty() {
                return Err(wrong(0));
            }
            if field(4).is_empty() {
                return Err(wrong(4));
            }
            // Counted twice, a photo would weigh twice, or stand on both sides of a split.
            seen.once(name(0), row.line())
                .map_err(|fault| Error::table(path, row.line(), fault))?;
            let (width, height) = (number(7)?, number(8)?);
            if width == 0 || height == 0 {
                return Err(wrong(7));
            }
            let original = optional(9)?.zip(optional(10)?);
            if let Some((0, _) | (_, 0)) = original {
                return Err(wrong(9));
            }
            let boxes: Vec<Rectangle> = match field(11) {
                "" => Vec::new(),
                text => serde_json::from_str(text).map_err(|_| wrong(11))?,
            };
            let entry = Entry {
                path: name(0).to_owned(),
                offset,
                bytes: field(2).parse().map_err(|_| wrong(2))?,
                hash: blake3::Hash::from_hex(field(3)).map_err(|_| wrong(3))?,
                class: 0,
                part: part_by_name(field(6)).ok_or_else(|| wrong(6))?,
                width,
                height,
                original,
                boxes,
                group: row.text(places[12]).to_owned(),
                source: source.map_or("", |column| row.written(column)).to_owned(),
            };
            entries.push((name(4).to_owned(), entry));
        }
        if entries.is_empty() {
            return Err(Error::Nothing {
                path: path.to_owned(),
            });
        }
        Ok(Self::new(folder_of(path), entries))
    }

    /// Writes the manifest, whole or not at all. Photos under its folder are named from there, so
    /// that the two may be moved together.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        self.save_into(AtomicFile::create(path).map_err(Error::write(path))?)
    }

    /// The same into a file that was begun before.
    pub fn save_into(&self, file: AtomicFile) -> Result<(), Error> {
        let path = file.path().to_owned();
        let file = self.write_csv(&path, file)?;
        file.commit().map_err(Error::write(&path))
    }

    /// Writes what [`Manifest::save`] writes into the file `path`.
    pub fn write_csv<W: Write>(&self, path: &Path, to: W) -> Result<W, Error> {
        let folder = folder_of(path);
        let failed = Error::write(path);
        let mut writer = TableWriter::new(to);
        let made = self.entries.iter().any(|entry| !entry.source.is_empty());
        let header = COLUMNS.into_iter().chain(made.then_some(SOURCE_COLUMN));
        writer.record(header).map_err(&failed)?;
        for entry in &self.entries {
            let class = &self.classes[entry.class];
            let whole = self.folder.join(&entry.path);
            let place = whole.strip_prefix(&folder).unwrap_or(&whole);
            let size = |original: Option<u32>| original.map(|n| n.to_string()).unwrap_or_default();
            let fields: [String; COLUMNS.len()] = [
                slashes(place),
                entry.offset.map(|n| n.to_string()).unwrap_or_default(),
                entry.bytes.to_string(),
                entry.hash.to_hex().to_string(),
                class.folder.clone(),
                class.breed.map_or("", |breed| &breed.id).to_owned(),
                part_name(entry.part).to_owned(),
                entry.width.to_string(),
                entry.height.to_string(),
                size(entry.original.map(|(width, _)| width)),
                size(entry.original.map(|(_, height)| height)),
                boxes_text(&entry.boxes),
                entry.group.clone(),
            ];
            let source = made.then_some(&entry.source);
            writer
                .record(fields.iter().chain(source))
                .map_err(&failed)?;
        }
        writer.finish().map_err(&failed)
    }

    /// The folder that relative paths start from.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The classes, by name.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The name of an entry's class.
    pub fn class_name(&self, entry: &Entry) -> &str {
        &self.classes[entry.class].folder
    }

    /// The photos that anything may be fitted on or chosen by: all but test photos.
    pub fn open_entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.part != Part::Test)
    }

    /// The test photos. They are sealed: a command reads them only where the person
    /// asked for the test by name.
    pub fn test_entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.part == Part::Test)
    }

    /// All photos, test photos among them: for what looks after the data themselves
    /// (splitting, finding the same photo on both sides), never for fitting.
    pub fn all_entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The photos that fulfil a condition; classes without any are dropped.
    pub fn restricted(&self, keep: impl Fn(&Entry) -> bool) -> Manifest {
        let kept = self.entries.iter().filter(|entry| keep(entry));
        self.with(kept.cloned().collect())
    }

    /// The same data set with other entries; classes without any are dropped.
    pub(crate) fn with(&self, entries: Vec<Entry>) -> Manifest {
        let named = entries
            .into_iter()
            .map(|entry| (self.class_name(&entry).to_owned(), entry))
            .collect();
        Manifest::new(self.folder.clone(), named)
    }

    /// The same data set with other entries under these classes.
    pub(crate) fn with_named(&self, entries: Vec<(String, Entry)>) -> Manifest {
        Manifest::new(self.folder.clone(), entries)
    }

    /// The same data set with relative paths from another folder.
    pub(crate) fn starting_from(self, folder: PathBuf) -> Manifest {
        Manifest { folder, ..self }
    }

    /// Where a photo lies: the file, which for a photo in an archive is the archive.
    pub fn locate(&self, entry: &Entry) -> PathBuf {
        let whole = self.folder.join(&entry.path);
        if entry.offset.is_none() {
            return whole;
        }
        whole
            .ancestors()
            .skip(1)
            .find(|path| path.is_file())
            .map_or_else(|| whole.clone(), Path::to_owned)
    }

    /// A photo's whole name: its file, for a photo in an archive with the name inside.
    pub fn whole_name(&self, entry: &Entry) -> String {
        slashes(&self.folder.join(&entry.path))
    }

    /// The bytes of a photo. A file that is not as long as it was is an error of kind
    /// `InvalidData`.
    pub fn read(&self, entry: &Entry) -> io::Result<Vec<u8>> {
        read_place(&self.locate(entry), entry.offset, entry.bytes)
    }

    /// The decoded photo and its file's hash.
    ///
    /// # Errors
    /// See [`Unread`].
    pub fn photo(&self, entry: &Entry) -> Result<(Photo, blake3::Hash), Unread> {
        let bytes = self.read(entry)?;
        let photo = vision::decode(&bytes, &Limits::default())?;
        Ok((photo, blake3::hash(&bytes)))
    }
}

/// Reads exactly `length` bytes of a file from `offset`, or all of it, which must be as many and no
/// more than a photo may have ([`Limits`]).
pub(crate) fn read_place(path: &Path, offset: Option<u64>, length: u64) -> io::Result<Vec<u8>> {
    let mut file = tensor::open_regular(path)?;
    let found = file.metadata()?;
    let fits = match offset {
        None => found.len() == length,
        Some(offset) => offset
            .checked_add(length)
            .is_some_and(|end| end <= found.len()),
    };
    if !fits {
        return Err(io::Error::new(io::ErrorKind::InvalidData, CHANGED));
    }
    // A table may claim any length, and a sparse file have it.
    if length > Limits::default().bytes as u64 {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    if let Some(offset) = offset {
        file.seek(SeekFrom::Start(offset))?;
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The folder that a file's relative paths start from, absolute.
fn folder_of(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// A path with `/` between its names, whatever the system.
pub(crate) fn slashes(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' {
        text.into_owned()
    } else {
        text.replace(std::path::MAIN_SEPARATOR, "/")
    }
}

/// Boxes as JSON, to a tenth of a pixel.
fn boxes_text(boxes: &[Rectangle]) -> String {
    let rounded: Vec<[f64; 4]> = boxes
        .iter()
        .map(|rectangle| rectangle.map(|side| (f64::from(side) * 10.0).round() / 10.0))
        .collect();
    if rounded.is_empty() {
        return String::new();
    }
    serde_json::to_string(&rounded).unwrap_or_default()
}
