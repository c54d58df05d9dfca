//! The folder of a run: what is in it, and that one training at a time works there.
//! Its files are named in [`super::names`].
use super::best;
use super::metrics::{Row, is_table_of_run, line, table};
use super::names::{self, ABOUT, LOCK, PACKAGE, PHOTOS, RECIPE, best_epoch};
use super::own::Own;
use crate::{Difference, METRICS, Notice, Recipe, TrainError, Watch};
use data::Manifest;
use data::files::{self, AtomicFile, Lock};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder of a run, held by this process until it is dropped.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    lock: Lock,
    own: Own,
}

/// What `run.json` says: what a run depended on besides its recipe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The program's version.
    pub museau: String,
    /// The system and the processor's kind.
    pub platform: String,
    /// The instructions of the kernels.
    pub instructions: String,
    /// Threads that computed.
    pub threads: usize,
    /// A hash of the photos, their classes and parts.
    pub photos: String,
    /// Training photos, validation photos.
    pub counts: [usize; 2],
    /// The classes.
    pub classes: Vec<String>,
    /// Parameters of the network.
    pub parameters: u64,
    /// BLAKE3 of the file of the initial weights; empty where there is none.
    #[serde(default)]
    pub initial: String,
    /// Classes whose row of the new head is that of the initial weights' head.
    #[serde(default)]
    pub warm_classes: usize,
    /// Bytes that the training takes.
    pub bytes: usize,
    /// The record that it is told to, if any.
    #[serde(default)]
    pub record: Option<String>,
    /// BLAKE3 of `photos.csv` as it was written.
    #[serde(default)]
    pub table: Option<String>,
}

impl About {
    fn open(path: &Path) -> Option<About> {
        serde_json::from_str(&tensor::read_text(path).ok()?).ok()
    }
}

impl RunFolder {
    /// A new run's folder.
    ///
    /// # Errors
    /// As [`RunFolder::look`].
    pub fn create(path: &Path) -> Result<Self, TrainError> {
        Self::look(path)?;
        let folder = Self::lock(path)?;
        // Looked at again: until now it was anybody's.
        let left = match Self::left_over(path) {
            Ok(left) => left,
            Err(error) => {
                folder.lock.undo();
                return Err(error);
            }
        };
        for file in left {
            files::remove(&file).map_err(TrainError::write(&file))?;
        }
        Ok(folder)
    }

    /// Whether a new run may have this folder: it is empty or not there yet, but for what a training of
    /// museau's left there that was broken off before it became a run. Changes nothing.
    ///
    /// # Errors
    /// `Taken` where there is a run already, `NotEmpty` where there is anything else, `InUse` where
    /// another training works there.
    pub fn look(path: &Path) -> Result<(), TrainError> {
        if Lock::is_held(&path.join(LOCK)) == Some(true) {
            let folder = path.to_owned();
            return Err(TrainError::InUse { folder });
        }
        Self::left_over(path).map(drop)
    }

    /// What a training left in the folder that was broken off before it became a run, in the order in
    /// which it is to be removed.
    fn left_over(path: &Path) -> Result<Vec<PathBuf>, TrainError> {
        let folder = || path.to_owned();
        let entries = match path.read_dir() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(TrainError::read(path))?,
        };
        if path.join(RECIPE).exists() {
            return Err(TrainError::Taken { folder: folder() });
        }
        let about_path = path.join(ABOUT);
        let about = About::open(&about_path).filter(|about| !about.museau.is_empty());
        let (mut table, mut said) = (None, None);
        for entry in entries {
            let entry = entry.map_err(TrainError::read(path))?;
            let (name, file) = (entry.file_name(), entry.path());
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            let is_empty = || entry.metadata().is_ok_and(|found| found.len() == 0);
            if is_file && name == LOCK && is_empty() || files::is_unfinished(&name) {
                continue;
            } else if is_file && name == ABOUT && about.is_some() {
                said = Some(file);
            } else if is_file && name == PHOTOS && is_table_of(about.as_ref(), &file) {
                table = Some(file);
            } else {
                return Err(TrainError::NotEmpty { folder: folder() });
            }
        }
        // As long as the table is there, so is what it is known by.
        Ok(table.into_iter().chain(said).collect())
    }

    /// The folder of a run that was begun before.
    ///
    /// # Errors
    /// `NoRun` where there is none, `InUse` where another training works there.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        if !Self::is_run(path) {
            let folder = path.to_owned();
            return Err(TrainError::NoRun { folder });
        }
        let folder = Self::lock(path)?;
        // What a killed training left half written; nobody else works here.
        files::sweep(path, Duration::ZERO);
        Ok(folder)
    }

    /// Holds a folder whose run is to be forgotten, or any other that a run recorded files in.
    ///
    /// # Errors
    /// `InUse` where a training works there.
    pub fn hold(path: &Path) -> Result<Self, TrainError> {
        Self::lock(path)
    }

    /// Lets go of a folder whose run is forgotten; its lock holds nothing any more.
    pub fn forget(self) {
        self.lock.remove();
    }

    /// Whether a training was begun in a folder, so that it can be gone on with there.
    pub fn is_run(path: &Path) -> bool {
        path.join(RECIPE).is_file() && About::open(&path.join(ABOUT)).is_some()
    }

    /// Whether the folder holds a run that has no result yet and that nobody works on. It only looks:
    /// nothing there is changed. Where locks tell nothing, neither does it.
    pub fn is_unfinished(path: &Path) -> bool {
        if !path.join(RECIPE).is_file() || path.join(PACKAGE).exists() {
            return false;
        }
        Lock::is_held(&path.join(LOCK)) == Some(false)
    }

    fn lock(path: &Path) -> Result<Self, TrainError> {
        let place = path.join(LOCK);
        let Some(lock) = Lock::take(&place).map_err(TrainError::write(&place))? else {
            let folder = path.to_owned();
            return Err(TrainError::InUse { folder });
        };
        let path = path.to_owned();
        let own = Own::default();
        Ok(RunFolder { path, lock, own })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn recipe_path(&self) -> PathBuf {
        self.path.join(RECIPE)
    }

    fn about_path(&self) -> PathBuf {
        self.path.join(ABOUT)
    }

    fn metrics_path(&self) -> PathBuf {
        self.path.join(names::METRICS)
    }

    pub(super) fn curve_path(&self) -> PathBuf {
        self.path.join(names::CURVE)
    }

    /// Where the result is.
    pub fn package_path(&self) -> PathBuf {
        self.path.join(PACKAGE)
    }

    pub(super) fn checkpoint_path(&self) -> PathBuf {
        self.path.join(names::CHECKPOINT)
    }

    pub(super) fn older_checkpoint_path(&self) -> PathBuf {
        self.path.join(names::OLDER_CHECKPOINT)
    }

    pub(super) fn card_path(&self) -> PathBuf {
        self.path.join(names::CARD)
    }

    /// The network of this epoch, where it was the best.
    pub(super) fn best_path(&self, epoch: u32) -> PathBuf {
        self.path.join(names::best(epoch))
    }

    /// Removes the networks that this run left of all epochs but these.
    pub(super) fn keep_best(&self, run: &str, epochs: &[u32]) {
        for file in self.path.read_dir().into_iter().flatten().flatten() {
            let epoch = best_epoch(&file.file_name());
            let Some(epoch) = epoch.filter(|epoch| !epochs.contains(epoch)) else {
                continue;
            };
            let path = file.path();
            if self.own.has(&path, |bytes| best::is_of(bytes, run, epoch)) {
                let _ = files::remove(&path);
            }
        }
    }

    /// What tells the run in a folder from all others: a hash of its recipe, wherever the photos lie, and
    /// of `run.json`. `None` where either is missing or damaged.
    pub(super) fn identity(folder: &Path) -> Option<String> {
        let recipe = Recipe::open(&folder.join(RECIPE)).ok()?;
        let about = tensor::read_text(&folder.join(ABOUT)).ok()?;
        let both = format!("{}\n{about}", recipe.hash());
        Some(blake3::hash(both.as_bytes()).to_hex().to_string())
    }

    /// The error that the run here was begun with something else.
    pub(super) fn begun_with(&self, what: Difference) -> TrainError {
        let folder = self.path.clone();
        TrainError::Other { folder, what }
    }

    /// The recipe.
    ///
    /// # Errors
    /// A recipe that cannot be read or understood.
    pub fn recipe(&self) -> Result<Recipe, TrainError> {
        Recipe::open(&self.recipe_path())
    }

    /// What the run depended on besides.
    ///
    /// # Errors
    /// `NoRun` where it is missing or damaged.
    pub fn about(&self) -> Result<About, TrainError> {
        About::open(&self.about_path()).ok_or_else(|| TrainError::NoRun {
            folder: self.path.clone(),
        })
    }

    /// What a folder's `run.json` says; `None` where it is missing or damaged.
    pub fn about_of(folder: &Path) -> Option<About> {
        About::open(&folder.join(ABOUT))
    }

    /// Writes what the run depends on. The recipe comes last: where it stands there is a run. Until then
    /// `run.json`, which comes first, tells that the table is a training's and no person's.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn describe(
        &self,
        recipe: &Recipe,
        about: &About,
        photos: &Manifest,
    ) -> Result<(), TrainError> {
        let place = self.path.join(PHOTOS);
        let table = photos.write_csv(&place, Vec::new())?;
        let about = About {
            table: Some(blake3::hash(&table).to_hex().to_string()),
            ..about.clone()
        };
        let json = serde_json::to_vec_pretty(&about).expect("texts and numbers");
        self.write(&self.about_path(), &json)?;
        self.write(&place, &table)?;
        self.write(&self.recipe_path(), recipe.text().as_bytes())
    }

    /// Writes a file whole or not at all. What stands there stays under another name, where it is not
    /// the run's own.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
        self.write_over(path, bytes, |old| old == bytes)
    }

    /// As [`RunFolder::write`], also over what `proves` says is the run's own by its content.
    pub(super) fn write_over(
        &self,
        path: &Path,
        bytes: &[u8],
        proves: impl FnOnce(&[u8]) -> bool,
    ) -> Result<(), TrainError> {
        self.make_room(path, proves)?;
        AtomicFile::create(path)
            .and_then(|file| file.finish(bytes))
            .map_err(TrainError::write(path))?;
        self.wrote(path);
        Ok(())
    }

    /// As [`Own::make_room`].
    pub(super) fn make_room(
        &self,
        path: &Path,
        proves: impl FnOnce(&[u8]) -> bool,
    ) -> Result<bool, TrainError> {
        let made = self.own.make_room(path, proves);
        made.map_err(TrainError::write(path))
    }

    /// Notes that a file was written.
    pub(super) fn wrote(&self, path: &Path) {
        self.own.wrote(path);
    }

    /// Tells what was moved aside since this was last called.
    pub(super) fn tell_moved(&self, watch: &mut dyn Watch) {
        for (from, to) in self.own.take_moved() {
            watch.notice(&Notice::MovedAside { from, to });
        }
    }

    /// Makes the metrics those of these epochs alone.
    pub(super) fn write_metrics(&self, rows: &[Row]) -> Result<(), TrainError> {
        let text = table(rows);
        let is_own = |old: &[u8]| is_table_of_run(old, &text);
        self.write_over(&self.metrics_path(), text.as_bytes(), is_own)
    }

    /// Adds the last epoch's metrics to those before it. Until the next checkpoint a power failure may
    /// take the line, and the epoch with it.
    pub(super) fn add_metrics(&self, rows: &[Row]) -> Result<(), TrainError> {
        let path = self.metrics_path();
        match rows.last().filter(|_| self.own.is_known(&path)) {
            Some(row) => {
                let added = files::append(&path, line(row).as_bytes());
                added.map_err(TrainError::write(&path))?;
                self.wrote(&path);
                Ok(())
            }
            None => self.write_metrics(rows),
        }
    }

    /// The lines of `metrics.csv` without the times of day: what is the same whenever and wherever
    /// the same training is done.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn curve(path: &Path) -> Result<Vec<String>, TrainError> {
        let path = path.join(names::METRICS);
        let text = tensor::read_text(&path).map_err(TrainError::read(&path))?;
        let mut curve = Vec::new();
        for line in text.lines() {
            let fields: Vec<&str> = line.split(',').take(METRICS.len() - 1).collect();
            curve.push(fields.join(","));
        }
        Ok(curve)
    }
}

/// Whether a file is the table of photos that `run.json` says a training wrote.
fn is_table_of(about: Option<&About>, file: &Path) -> bool {
    let hash = about.and_then(|about| about.table.as_deref());
    let read = tensor::read_named(file);
    hash.is_some_and(|hash| read.is_ok_and(|bytes| blake3::hash(&bytes).to_hex().as_str() == hash))
}

/// The networks of best epochs that the run in a folder left there, which no record names: by name, run,
/// epoch and content. Those of earlier versions do not say whose they are, and are not among them.
pub fn best_networks(folder: &Path) -> Vec<PathBuf> {
    let Some(run) = RunFolder::identity(folder) else {
        return Vec::new();
    };
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let names = files.map(|file| PathBuf::from(file.file_name()));
    let own = names.filter(|name| {
        let epoch = best_epoch(name.as_os_str());
        let read = || tensor::read_named(&folder.join(name));
        epoch.is_some_and(|epoch| read().is_ok_and(|bytes| best::is_of(&bytes, &run, epoch)))
    });
    own.collect()
}
