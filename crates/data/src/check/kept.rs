//! Twins that were found before, kept by what the photos are: they are found once a data set, not
//! once for each who asks.

use std::path::{Path, PathBuf};

use vision::Orientation;

use super::aspect;
use super::duplicates::Twins;
use crate::files::{AtomicFile, evict_oldest};
use crate::manifest::Entry;

/// Raised where museau finds others than before: what was kept is not asked then.
const VERSION: u32 = 1;
/// The folder of these files within a cache's, and how they end.
const FOLDER: &str = "twins";
const ENDING: &str = "twins";
/// Bytes of all of them together; a pair takes about 40.
const MOST_BYTES: u64 = 64 << 20;

/// The file of the twins among some photos.
pub(super) struct Kept {
    file: PathBuf,
    /// The photos' places, in the order of their contents.
    places: Vec<usize>,
}

/// Two photos by their rank among the contents, then as in [`Twins`].
type Pair = (usize, usize, f32, f32, u32, usize);

impl Kept {
    /// Of these photos, in a cache's folder. Whatever they are called and whichever comes first,
    /// the same photos have the same file.
    pub fn of(cache: &Path, entries: &[Entry]) -> Kept {
        let content = |place: usize| {
            let entry: &Entry = &entries[place];
            (*entry.hash.as_bytes(), aspect(entry).to_bits())
        };
        let mut places: Vec<usize> = (0..entries.len()).collect();
        places.sort_by_key(|&place| content(place));
        let mut hasher = blake3::Hasher::new();
        hasher.update(&VERSION.to_le_bytes());
        for &place in &places {
            let (hash, aspect) = content(place);
            hasher.update(&hash).update(&aspect.to_le_bytes());
        }
        let name = hasher.finalize().to_hex();
        let file = cache.join(FOLDER).join(format!("{name}.{ENDING}"));
        Kept { file, places }
    }

    /// What was found before, as [`super::duplicates::find`] gives it; nothing where nothing was
    /// kept, or the file is damaged.
    pub fn read(&self) -> Option<Vec<Twins>> {
        let pairs: Vec<Pair> = serde_json::from_slice(&pairs_of(&self.file)?).ok()?;
        let mut twins = pairs
            .into_iter()
            .map(|(first, second, likeness, overlap, turn, corners)| {
                let (first, second) = (*self.places.get(first)?, *self.places.get(second)?);
                let turn = Orientation::from_exif(turn);
                Some(Twins {
                    first: first.min(second),
                    second: first.max(second),
                    likeness,
                    overlap,
                    turn: if first < second { turn } else { inverse(turn) },
                    corners,
                })
            })
            .collect::<Option<Vec<_>>>()?;
        twins.sort_by(Twins::order);
        Some(twins)
    }

    /// Keeps what was found. Where it cannot be written it is found again next time.
    pub fn write(&self, twins: &[Twins]) {
        let mut ranks = vec![0; self.places.len()];
        for (rank, &place) in self.places.iter().enumerate() {
            ranks[place] = rank;
        }
        let pair = |twins: &Twins| -> Pair {
            let (first, second) = (ranks[twins.first], ranks[twins.second]);
            let turn = twins.turn as u32;
            (
                first,
                second,
                twins.likeness,
                twins.overlap,
                turn,
                twins.corners,
            )
        };
        let Ok(pairs) = serde_json::to_vec(&twins.iter().map(pair).collect::<Vec<_>>()) else {
            return;
        };
        let hash = blake3::hash(&pairs).to_hex();
        let written = AtomicFile::create(&self.file)
            .and_then(|file| file.finish(&[hash.as_bytes(), &pairs].concat()));
        if written.is_ok() {
            evict_oldest(&self.file, MOST_BYTES, &|file| pairs_of(file).is_some());
        }
    }
}

/// What stands behind the hash that such a file begins with; nothing of another file, or a damaged one.
fn pairs_of(file: &Path) -> Option<Vec<u8>> {
    let bytes = tensor::read_regular(file, MOST_BYTES).ok()?;
    let (hash, pairs) = bytes.split_at_checked(2 * blake3::OUT_LEN)?;
    let whole = blake3::Hash::from_hex(hash).ok()? == blake3::hash(pairs);
    whole.then(|| pairs.to_vec())
}

/// The turn that undoes one.
fn inverse(turn: Orientation) -> Orientation {
    match turn {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        mirrored => mirrored,
    }
}
