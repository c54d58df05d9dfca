//! Writing a run: its metrics and artefacts while it goes on, and how it ends.
use crate::error::Error;
use crate::regular_file;
use crate::runs::{Artefact, NewRun, State};
use crate::storage::{Change, Claim, Storage, now};
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};

/// Records one run. Dropped without [`Recorder::finish`], it leaves the run as interrupted.
#[derive(Debug)]
pub struct Recorder {
    storage: Storage,
    claim: Claim,
    folder: Option<PathBuf>,
    /// What was reported and could not be written yet.
    pending: Vec<Change>,
    ended: bool,
}

impl Storage {
    /// Begins a run.
    pub fn begin(&self, new: &NewRun) -> Result<Recorder, Error> {
        let new = NewRun {
            folder: new.folder.as_deref().map(absolute),
            ..new.clone()
        };
        let id = new.id.clone();
        let claim = Claim {
            // Twelve digits: among a million runs, one chance in 500 that any two drew the same.
            id: id.unwrap_or_else(|| format!("{:012x}", drawn() & 0xffff_ffff_ffff)),
            writer: drawn().cast_signed(),
        };
        self.backend().begin(&claim, &new, now())?;
        Ok(Recorder::new(self, claim, new.folder))
    }

    /// Goes on with a run after `step`, the last one that its checkpoint knows: what was recorded of
    /// later steps is dropped. Whoever recorded the run until now can no longer.
    pub fn resume(&self, id: &str, step: u64) -> Result<Recorder, Error> {
        let claim = Claim {
            id: id.to_owned(),
            writer: drawn().cast_signed(),
        };
        let folder = self.backend().resume(&claim, step, now())?;
        Ok(Recorder::new(self, claim, folder.map(PathBuf::from)))
    }
}

impl Recorder {
    fn new(storage: &Storage, claim: Claim, folder: Option<PathBuf>) -> Self {
        storage.live(&claim);
        Recorder {
            storage: storage.clone(),
            claim,
            folder,
            pending: Vec::new(),
            ended: false,
        }
    }

    /// The run's id, by which it can be resumed.
    pub fn id(&self) -> &str {
        &self.claim.id
    }

    /// Records the values of metrics at a step; one that is there already is replaced. What cannot
    /// be written now (another process has the storage, the disk is full) is kept and written with
    /// the next report.
    pub fn metrics(&mut self, step: u64, values: &[(&str, f64)]) -> Result<(), Error> {
        let points = values.iter().map(|&(metric, value)| Change::Point {
            metric: metric.to_owned(),
            step,
            value,
        });
        self.pending.extend(points);
        self.write(None)
    }

    /// Records a file with its size and hash; one of the same path is replaced.
    pub fn artefact(&mut self, kind: &str, path: &Path) -> Result<(), Error> {
        let path = absolute(path);
        let opened = regular_file::check(&path).and_then(|()| File::open(&path));
        let hashed = opened.and_then(|mut file| {
            let mut hasher = blake3::Hasher::new();
            let size = std::io::copy(&mut file, &mut hasher)?;
            Ok((size, hasher.finalize().to_hex()))
        });
        let (size, hash) = hashed.map_err(|source| Error::Artefact {
            path: path.clone(),
            source,
        })?;
        let inside = self
            .folder
            .as_deref()
            .and_then(|folder| path.strip_prefix(folder).ok())
            .map(Path::to_owned);
        self.write(Some(Change::Artefact(Artefact {
            kind: kind.to_owned(),
            path: inside.unwrap_or(path),
            size,
            hash: hash.as_str().to_owned(),
        })))
    }

    /// Notes where the run goes on, or why it ended: a fact about it that no setting decides. One of
    /// the same name is replaced.
    pub fn note(&mut self, name: &str, value: &str) -> Result<(), Error> {
        self.write(Some(Change::Note {
            name: name.to_owned(),
            value: value.to_owned(),
        }))
    }

    /// Says that the result of this step is the one that the run keeps from now on. Where that cannot
    /// be written now, it is written with the next report, as [`Recorder::metrics`] does.
    pub fn keep(&mut self, step: u64) -> Result<(), Error> {
        self.pending.push(Change::Keep(step));
        self.write(None)
    }

    /// Takes the run back, as if it had never begun.
    pub fn discard(mut self) -> Result<(), Error> {
        self.ended = true;
        self.storage.rest(&self.claim);
        self.storage.remove(std::slice::from_ref(&self.claim.id))
    }

    /// Ends the run; [`State::Running`] is taken for interrupted.
    pub fn finish(mut self, state: State) -> Result<(), Error> {
        self.end(state)
    }

    fn end(&mut self, state: State) -> Result<(), Error> {
        let state = match state {
            State::Running => State::Interrupted,
            ended => ended,
        };
        self.ended = true;
        self.storage.rest(&self.claim);
        self.write(Some(Change::End(state)))
    }

    /// Writes what is pending and `last` as a whole, if the run is still ours; `last` is not tried
    /// again.
    fn write(&mut self, last: Option<Change>) -> Result<(), Error> {
        let reported = self.pending.len();
        self.pending.extend(last);
        let written = self
            .storage
            .backend()
            .write(&self.claim, &self.pending, now());
        let left = if written.is_ok() { 0 } else { reported };
        self.pending.truncate(left);
        written
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !self.ended {
            // There is nobody to tell; without this write the missing signs of life say the same.
            let _ = self.end(State::Interrupted);
        }
    }
}

/// A number that no other call gives, here or in another process: the keys of the standard library's
/// hash maps are the system's random numbers.
pub(crate) fn drawn() -> u64 {
    RandomState::new().hash_one(())
}

/// The path from the root, so that it means the same from everywhere.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
