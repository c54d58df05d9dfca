//! Checkpoints: all that a training needs to go on exactly, in one safetensors file.
//!
//! The newest is written beside its place and renamed; the one before is kept, so that a file that is
//! damaged later costs the time since then and no more. A hash over everything tells a damaged one.
use super::content::{CHANGED, HASH, hash};
use super::folder::RunFolder;
use super::metrics::Row;
use crate::{METRICS, Notice, TrainError};
use data::files::{self, AtomicFile};
use formats::Precision;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use tensor::NamedTensors;

/// Where a training is. Numbers that must come back to the last bit are stored as their bits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// A hash of the recipe.
    pub recipe: String,
    /// A hash of the photos.
    pub photos: String,
    /// A hash of the initial weights; empty where there are none.
    #[serde(default)]
    pub initial: String,
    /// Threads that computed.
    pub threads: usize,
    /// Epochs that are over.
    pub epoch: u32,
    /// Batches of the next epoch that are done.
    pub batch: usize,
    /// Batches done in all.
    pub batches: u32,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Sums over the photos of the epoch at hand.
    pub sums: Sums,
    /// What the schedule remembers, bits of f64.
    pub schedule: Vec<u64>,
    /// The best epoch and what it reached, bits of f64.
    pub best: Option<(u32, u64)>,
    /// The epochs that are over: each metric as bits of f64.
    pub history: Vec<(u32, Vec<Option<u64>>)>,
    /// Seconds spent.
    pub seconds: f64,
    /// The stage, counted from 0, and the epochs that were over when it began.
    #[serde(default)]
    pub stage: usize,
    #[serde(default)]
    pub stage_epoch: u32,
    /// Whether the stage is over.
    #[serde(default)]
    pub stage_over: bool,
    /// Whether the observer has ended it.
    #[serde(default)]
    pub stopped: bool,
    /// The instructions of the kernels.
    #[serde(default)]
    pub instructions: String,
}

/// Sums over the photos of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sums {
    /// Of the losses, bits of f64.
    pub loss: u64,
    /// Photos predicted correctly.
    pub correct: usize,
    /// Photos.
    pub photos: usize,
    /// Milliseconds.
    pub milliseconds: u64,
}

impl Position {
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |(epoch, bits): &(u32, Vec<Option<u64>>)| {
            let mut metrics = [None; METRICS.len()];
            for (metric, bits) in metrics.iter_mut().zip(bits) {
                *metric = bits.map(f64::from_bits);
            }
            (*epoch, metrics)
        };
        self.history.iter().map(row).collect()
    }
}

const POSITION: &str = "position";

fn to_bytes(position: &Position, tensors: &NamedTensors) -> Vec<u8> {
    let position = serde_json::to_string(position).expect("texts and numbers");
    let hash = hash(&position, tensors);
    let metadata = BTreeMap::from([(POSITION.into(), position), (HASH.into(), hash)]);
    formats::write_safetensors(tensors, Precision::F32, &metadata)
        .expect("a header of layers' names is small")
}

/// Writes a checkpoint; the newest becomes the older one. Where the newest is none of this training, or
/// damaged, which looks the same, it is moved aside: the older one serves until the new one is there.
pub(super) fn save(
    folder: &RunFolder,
    position: &Position,
    tensors: &NamedTensors,
) -> Result<(), TrainError> {
    let (newest, older) = (folder.checkpoint_path(), folder.older_checkpoint_path());
    let own = |bytes: &[u8]| {
        let is_same =
            |found: Position| found.recipe == position.recipe && found.photos == position.photos;
        from_bytes(bytes).is_ok_and(|(found, _)| is_same(found))
    };
    let has_newest = folder.make_room(&newest, own)?;
    // Whole on the disk before anything else is touched.
    let write = || -> std::io::Result<AtomicFile> {
        let mut file = AtomicFile::create(&newest)?;
        file.write_all(&to_bytes(position, tensors))?;
        file.sync()?;
        Ok(file)
    };
    let file = write().map_err(TrainError::write(&newest))?;
    if has_newest {
        folder.make_room(&older, own)?;
        files::replace(&newest, &older).map_err(TrainError::write(&older))?;
        folder.wrote(&older);
    }
    file.commit().map_err(TrainError::write(&newest))?;
    folder.wrote(&newest);
    Ok(())
}

/// The newest checkpoint that is whole, and what to say where it is not the newest; `None` where
/// there is none at all.
pub(super) fn load(
    folder: &RunFolder,
) -> Result<Option<(Position, NamedTensors, Option<Notice>)>, TrainError> {
    let newest = read(&folder.checkpoint_path());
    let reason = match newest {
        Some(Ok((position, tensors))) => return Ok(Some((position, tensors, None))),
        Some(Err(reason)) => Some(reason),
        None => None,
    };
    match (read(&folder.older_checkpoint_path()), reason) {
        (Some(Ok((position, tensors))), reason) => {
            // Between the two renames the power failed: nothing is damaged.
            let notice = reason.map(|reason| Notice::OlderCheckpoint { reason });
            Ok(Some((position, tensors, notice)))
        }
        (None, None) => Ok(None),
        (Some(Err(reason)), None) | (_, Some(reason)) => Err(TrainError::Checkpoint {
            folder: folder.path().to_owned(),
            reason,
        }),
    }
}

/// A checkpoint, or why it is none; `None` where there is no file.
pub(super) fn read(path: &Path) -> Option<Result<(Position, NamedTensors), String>> {
    let bytes = match tensor::read_named(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(error.to_string())),
    };
    Some(from_bytes(&bytes))
}

fn from_bytes(bytes: &[u8]) -> Result<(Position, NamedTensors), String> {
    let (tensors, metadata) = formats::read_safetensors(bytes).map_err(|e| e.to_string())?;
    let text = |key: &str| {
        let found = metadata.get(key);
        found.ok_or_else(|| format!("it has no `{key}`"))
    };
    let position = text(POSITION)?;
    if *text(HASH)? != hash(position, &tensors) {
        return Err(CHANGED.into());
    }
    let position = serde_json::from_str(position).map_err(|error| error.to_string())?;
    Ok((position, tensors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Tensor;

    #[test]
    fn a_checkpoint_cut_or_changed_at_any_byte_is_told_and_the_older_one_serves() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(place.path()).unwrap();
        assert!(load(&folder).unwrap().is_none());
        let at = |epoch| Position {
            epoch,
            sums: Sums {
                loss: 0.1f64.to_bits(),
                ..Sums::default()
            },
            ..Position::default()
        };
        let mut tensors = NamedTensors::new();
        let tensor = Tensor::from_slice([3usize], &[1.0, -0.0, 3.5e-30]).unwrap();
        tensors.insert("a/kernel".into(), tensor);
        save(&folder, &at(1), &tensors).unwrap();
        save(&folder, &at(2), &tensors).unwrap();
        let (position, read, notice) = load(&folder).unwrap().unwrap();
        assert_eq!((position, notice), (at(2), None));
        assert_eq!(read["a/kernel"].values(), tensors["a/kernel"].values());
        let whole = std::fs::read(folder.checkpoint_path()).unwrap();
        for length in 0..whole.len() {
            std::fs::write(folder.checkpoint_path(), &whole[..length]).unwrap();
            let (position, _, notice) = load(&folder).unwrap().unwrap();
            assert_eq!(position, at(1), "cut at {length}");
            assert!(matches!(notice, Some(Notice::OlderCheckpoint { .. })));
        }
        let mut flipped = whole.clone();
        for place in 0..whole.len() {
            flipped[place] ^= 1;
            let read = from_bytes(&flipped);
            // Spaces before the data and the order of the header's keys carry nothing.
            if let Ok((position, tensors)) = read {
                assert_eq!(position, at(2), "byte {place}");
                assert_eq!(*tensors["a/kernel"].values(), [1.0, -0.0, 3.5e-30]);
            }
            flipped[place] ^= 1;
        }
        // The older one stays where it is until a whole one is the newest.
        let damaged = &whole[1..];
        std::fs::write(folder.checkpoint_path(), damaged).unwrap();
        let older = std::fs::read(folder.older_checkpoint_path()).unwrap();
        save(&folder, &at(3), &tensors).unwrap();
        assert_eq!(load(&folder).unwrap().unwrap().0, at(3));
        let still = std::fs::read(folder.older_checkpoint_path()).unwrap();
        assert!(still == older, "moved over");
        let moved = folder.path().join("checkpoint.safetensors.moved");
        assert!(
            std::fs::read(moved).unwrap() == damaged,
            "it could be a person's"
        );
        std::fs::remove_file(folder.checkpoint_path()).unwrap();
        assert_eq!(load(&folder).unwrap().unwrap().0, at(1));
        std::fs::write(folder.older_checkpoint_path(), "").unwrap();
        assert!(matches!(load(&folder), Err(TrainError::Checkpoint { .. })));
    }
}
