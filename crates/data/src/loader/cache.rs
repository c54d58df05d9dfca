//! Photos decoded once, at training size, in a file that is mapped into memory.
//!
//! The file's name is made of what is in it: the content of the photos, in their order, and their
//! preparation. It is written under another name and moved to its place when it is whole and on the
//! disk; a lock lets the second of two processes wait for the first. The folder may be emptied at any
//! time: what is missing is made anew.
use std::fs::Metadata;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use graph::{Geometry, InputSpec};
use tensor::MappedFile;

use super::cache_file::{self, Row, Tail, pixel_hash};
use super::error::LoaderError;
use crate::files::{self, AtomicFile, Lock};
use crate::manifest::{Entry, Manifest};
use crate::parallel::{self, Progress};

/// What is decoded, and how large.
#[derive(Clone, Debug, PartialEq)]
pub struct Preparation {
    /// The network's input. Its first view's geometry is used; scaling and mirroring come after the
    /// cache.
    pub input: InputSpec,
    /// How many times larger than the input the pictures are stored, at least 1: what crops choose
    /// from. At 1 a photo without augmentation gives exactly the tensor of [`vision::prepare`].
    pub margin: f32,
}

impl Preparation {
    /// Stored at the input's own size.
    pub fn exact(input: &InputSpec) -> Self {
        Preparation {
            input: input.clone(),
            margin: 1.0,
        }
    }

    /// Columns and rows of the stored pictures.
    pub fn stored_size(&self) -> (usize, usize) {
        let larger = |side: usize| (side as f32 * self.margin.max(1.0)).round() as usize;
        (larger(self.input.width), larger(self.input.height))
    }

    /// The input specification whose first stage makes the stored pictures.
    fn stored_input(&self) -> InputSpec {
        let (width, height) = self.stored_size();
        InputSpec {
            width,
            height,
            ..self.input.clone()
        }
    }

    fn geometry(&self) -> Geometry {
        let first = self.input.views.first();
        first.map_or(Geometry::Stretch, |view| view.geometry)
    }
}

/// Photos decoded once.
#[derive(Debug)]
pub struct Cache {
    preparation: Preparation,
    width: usize,
    height: usize,
    pictures: Pictures,
    /// For each photo its class.
    classes: Vec<usize>,
    class_count: usize,
}

#[derive(Debug)]
enum Pictures {
    File {
        path: PathBuf,
        map: MappedFile,
        rows: Vec<Row>,
        /// Whose pixels have been found to be those that were written.
        checked: Vec<AtomicBool>,
    },
    Memory(Vec<u8>),
}

impl Cache {
    /// The photos at `places` (indices into [`Manifest::all_entries`]) of a data set, from the cache
    /// in `folder`, which is made where it is missing or damaged.
    ///
    /// # Errors
    /// `Nothing` without photos; `Changed` and `Photo` where a photo is not what was imported;
    /// `File` where one cannot be read, or the folder not written (a full disk leaves nothing
    /// behind); `Prepare` where the input makes no sense.
    pub fn open(
        folder: &Path,
        manifest: &Manifest,
        places: &[usize],
        preparation: &Preparation,
        threads: usize,
        progress: Progress<'_>,
    ) -> Result<Cache, LoaderError> {
        if places.is_empty() {
            return Err(LoaderError::Nothing);
        }
        let entries: Vec<&Entry> = places
            .iter()
            .map(|place| &manifest.all_entries()[*place])
            .collect();
        let key = key(&entries, preparation);
        let path = folder.join(format!("{}.photos", hexadecimal(&key[..16])));
        let pictures = match mapped(&path, &key) {
            Some(found) => found,
            None => {
                let beside = path.with_extension("lock");
                let lock = Lock::wait(&beside).map_err(LoaderError::write(&beside))?;
                // Whoever held the lock before may have made it.
                let found = match mapped(&path, &key) {
                    Some(found) => found,
                    None => {
                        make(
                            &path,
                            key,
                            manifest,
                            &entries,
                            preparation,
                            threads,
                            progress,
                        )?;
                        files::evict_oldest(&path, MOST_BYTES, &is_own);
                        mapped(&path, &key)
                            .ok_or_else(|| LoaderError::Damaged { path: path.clone() })?
                    }
                };
                drop(lock);
                found
            }
        };
        if let Pictures::File { rows, .. } = &pictures {
            let unchanged = parallel::map(threads, rows.len(), &|_, _| {}, |index| {
                is_unchanged(manifest, entries[index], &rows[index])
            });
            if let Some(index) = unchanged.iter().position(|unchanged| !unchanged) {
                let path = entries[index].path.clone();
                return Err(LoaderError::Changed { path });
            }
        }
        let (width, height) = preparation.stored_size();
        Ok(Cache {
            preparation: preparation.clone(),
            width,
            height,
            pictures,
            classes: entries.iter().map(|entry| entry.class).collect(),
            class_count: manifest.classes().len(),
        })
    }

    /// Pictures that a program holds already: each of the preparation's stored size, one after the
    /// other, 3 bytes a pixel.
    ///
    /// # Panics
    /// Where pictures and classes differ in number, or a class is not below `class_count`.
    pub fn in_memory(
        preparation: &Preparation,
        pixels: Vec<u8>,
        classes: Vec<usize>,
        class_count: usize,
    ) -> Cache {
        let (width, height) = preparation.stored_size();
        assert_eq!(pixels.len(), classes.len() * width * height * 3);
        assert!(classes.iter().all(|class| *class < class_count));
        Cache {
            preparation: preparation.clone(),
            width,
            height,
            pictures: Pictures::Memory(pixels),
            classes,
            class_count,
        }
    }

    /// How many photos there are.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// For each photo its class.
    pub fn classes(&self) -> &[usize] {
        &self.classes
    }

    /// How many classes the data set has.
    pub fn class_count(&self) -> usize {
        self.class_count
    }

    /// How the photos were prepared.
    pub fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// The stored picture of a photo.
    ///
    /// # Errors
    /// `Damaged` where its bytes are not those that were written.
    ///
    /// # Panics
    /// Where there is no such photo.
    pub fn picture(&self, index: usize) -> Result<vision::augment::Stored<'_>, LoaderError> {
        assert!(index < self.len());
        let length = self.width * self.height * 3;
        let range = index * length..(index + 1) * length;
        let rgb = match &self.pictures {
            Pictures::Memory(pixels) => &pixels[range],
            Pictures::File {
                path,
                map,
                rows,
                checked,
            } => {
                let rgb = &map[range];
                // Reading a byte twice costs less than remembering more exactly who looked first.
                if !checked[index].load(Ordering::Relaxed) {
                    if pixel_hash(rgb) != rows[index].pixels {
                        let _ = files::remove(path);
                        return Err(LoaderError::Damaged { path: path.clone() });
                    }
                    checked[index].store(true, Ordering::Relaxed);
                }
                rgb
            }
        };
        Ok(vision::augment::Stored {
            width: self.width,
            height: self.height,
            rgb,
        })
    }
}

/// What a cache is named after: the photos' contents in their order, and all of the preparation that
/// comes before the cache.
fn key(entries: &[&Entry], preparation: &Preparation) -> [u8; 32] {
    let input = preparation.stored_input();
    let mut hasher = blake3::Hasher::new();
    let description = format!(
        "museau {} {} {} {:?} {:?} {:?}\n",
        env!("CARGO_PKG_VERSION"),
        input.width,
        input.height,
        preparation.geometry(),
        input.filter,
        input.preprocessing,
    );
    hasher.update(description.as_bytes());
    for entry in entries {
        hasher.update(entry.hash.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A cache that is whole and holds what it should.
fn mapped(path: &Path, key: &[u8; 32]) -> Option<Pictures> {
    let map = MappedFile::open(path).ok()?;
    let tail = Tail::of_file(&map)?;
    files::touch(path);
    (tail.key == *key).then(|| Pictures::File {
        path: path.to_owned(),
        map,
        checked: tail.rows.iter().map(|_| AtomicBool::new(false)).collect(),
        rows: tail.rows,
    })
}

/// Whether a file is a cache: by its name, which is a key, and its trailer.
fn is_own(path: &Path) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str());
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    name.is_some_and(|name| name.len() == 32 && name.chars().all(is_digit))
        && MappedFile::open(path).is_ok_and(|bytes| cache_file::is_cache(&bytes))
}

/// Bytes of all caches of a folder together; those unused for longest go first. Stanford Dogs at 224
/// takes 3 GB, with a margin for crops 4 GB.
const MOST_BYTES: u64 = 40 << 30;

/// Photos that are decoded before they are written, for each thread.
const AT_A_TIME: usize = 32;

fn make(
    path: &Path,
    key: [u8; 32],
    manifest: &Manifest,
    entries: &[&Entry],
    preparation: &Preparation,
    threads: usize,
    progress: Progress<'_>,
) -> Result<(), LoaderError> {
    let input = preparation.stored_input();
    let mut file = AtomicFile::create(path).map_err(LoaderError::write(path))?;
    let mut rows = Vec::with_capacity(entries.len());
    for some in entries.chunks(AT_A_TIME * threads.max(1)) {
        let before = rows.len();
        let made = parallel::map(
            threads,
            some.len(),
            &|done, _| progress(before + done, entries.len()),
            |index| decoded(manifest, some[index], &input, preparation.geometry()),
        );
        for one in made {
            let (row, pixels) = one?;
            file.write_all(&pixels).map_err(LoaderError::write(path))?;
            rows.push(row);
        }
    }
    let tail = Tail {
        key,
        width: input.width as u32,
        height: input.height as u32,
        rows,
    };
    file.write_all(&tail.to_bytes())
        .and_then(|()| file.commit())
        .map_err(LoaderError::write(path))
}

fn decoded(
    manifest: &Manifest,
    entry: &Entry,
    input: &InputSpec,
    geometry: Geometry,
) -> Result<(Row, Vec<u8>), LoaderError> {
    let place = manifest.locate(entry);
    // Before it is read: a change in between is then seen the next time.
    let metadata = std::fs::metadata(&place).map_err(crate::Error::read(&place))?;
    let bytes = match manifest.read(entry) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(changed(entry)),
        read => read.map_err(crate::Error::read(&place))?,
    };
    if blake3::hash(&bytes) != entry.hash {
        return Err(changed(entry));
    }
    let photo = vision::decode(&bytes, &vision::Limits::default()).map_err(|source| {
        let path = entry.path.clone();
        LoaderError::Photo { path, source }
    })?;
    let pixels = vision::pixels(input, geometry, &photo)?;
    let row = Row {
        bytes: metadata.len(),
        changed: changed_at(&metadata),
        pixels: pixel_hash(&pixels),
    };
    Ok((row, pixels))
}

/// One photo's stored picture, without a cache: rows of 3 bytes a pixel.
///
/// # Errors
/// `Changed` and `Photo` where it is not what was imported, `File` where it cannot be read, `Prepare`
/// where the input makes no sense.
pub fn stored(
    manifest: &Manifest,
    entry: &Entry,
    preparation: &Preparation,
) -> Result<Vec<u8>, LoaderError> {
    let input = preparation.stored_input();
    decoded(manifest, entry, &input, preparation.geometry()).map(|(_, pixels)| pixels)
}

fn changed(entry: &Entry) -> LoaderError {
    let path = entry.path.clone();
    LoaderError::Changed { path }
}

fn changed_at(metadata: &Metadata) -> u64 {
    let since = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos() as u64)
}

/// Whether a photo is still the one that was decoded: by the length and time of its file, else by its
/// content.
fn is_unchanged(manifest: &Manifest, entry: &Entry, row: &Row) -> bool {
    let same = std::fs::metadata(manifest.locate(entry)).is_ok_and(|metadata| {
        metadata.len() == row.bytes && row.changed != 0 && changed_at(&metadata) == row.changed
    });
    same || manifest
        .read(entry)
        .is_ok_and(|bytes| blake3::hash(&bytes) == entry.hash)
}
