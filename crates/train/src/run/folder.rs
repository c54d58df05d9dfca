//! The folder of a run: what is in it, and that one training at a time works there.
//!
//! | file | what |
//! |---|---|
//! | `recipe.toml` | the whole recipe, with what was changed by flags |
//! | `run.json` | version, machine, photos, parameters, memory: [`About`] |
//! | `metrics.csv`, `curve.html` | a line an epoch, and the page that shows them |
//! | `checkpoint.safetensors`, `checkpoint.before.safetensors` | to go on from |
//! | `photos.csv` | the photos, each with its part: a manifest |
//! | `best-EPOCH.safetensors` | the network of the best epoch so far |
//! | `model.museau`, `model_card.md` | the result |
use crate::{Difference, METRICS, Recipe, TrainError};
use data::{AtomicFile, Manifest};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};

/// The folder of a run, held by this process until it is dropped.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    lock: File,
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
    /// Photos to learn from, photos for choosing.
    pub counts: [usize; 2],
    /// The classes.
    pub classes: Vec<String>,
    /// Parameters of the network.
    pub parameters: u64,
    /// Bytes that the training takes.
    pub bytes: usize,
    /// The record that it is told to, if any.
    #[serde(default)]
    pub record: Option<String>,
}

/// One epoch's line: the epoch, and its [`METRICS`] in order, empty where there is none.
pub(super) type Row = (u32, [Option<f64>; METRICS.len()]);

impl RunFolder {
    /// A new run's folder.
    ///
    /// # Errors
    /// `Taken` where there is a run already, `NotEmpty` where there is anything else, `InUse` where
    /// another training works there.
    pub fn create(path: &Path) -> Result<Self, TrainError> {
        std::fs::create_dir_all(path).map_err(TrainError::write(path))?;
        let folder = Self::lock(path)?;
        if folder.recipe_path().exists() {
            let folder = path.to_owned();
            return Err(TrainError::Taken { folder });
        }
        // What a training leaves that was broken off before it became a run.
        sweep(path);
        let own = [LOCK, "run.json", "photos.csv"];
        let files = path.read_dir().map_err(TrainError::read(path))?;
        for file in files {
            let name = file.map_err(TrainError::read(path))?.file_name();
            if !own.iter().any(|own| name == *own) {
                let folder = path.to_owned();
                return Err(TrainError::NotEmpty { folder });
            }
        }
        Ok(folder)
    }

    /// The folder of a run that was begun before.
    ///
    /// # Errors
    /// `NoRun` where there is none, `InUse` where another training works there.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let no_run = || TrainError::NoRun {
            folder: path.to_owned(),
        };
        if !path.join(RECIPE).is_file() {
            return Err(no_run());
        }
        let folder = Self::lock(path)?;
        sweep(path);
        Ok(folder)
    }

    /// Whether the folder holds a run that has no result yet and that nobody works on. It only looks:
    /// nothing there is changed. Where locks tell nothing, neither does it.
    pub fn is_unfinished(path: &Path) -> bool {
        if !path.join(RECIPE).is_file() || path.join(PACKAGE).exists() {
            return false;
        }
        // Who works there has it for themselves; who looks shares it, and lets it go at once.
        match File::open(path.join(LOCK)) {
            Ok(lock) => lock.try_lock_shared().is_ok(),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        }
    }

    fn lock(path: &Path) -> Result<Self, TrainError> {
        let place = path.join(LOCK);
        let lock = File::create(&place).map_err(TrainError::write(&place))?;
        match lock.try_lock() {
            Ok(()) => {}
            // A file system without locks.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(TrainError::write(&place)(error)),
            Err(TryLockError::WouldBlock) => {
                let folder = path.to_owned();
                return Err(TrainError::InUse { folder });
            }
        }
        let path = path.to_owned();
        Ok(RunFolder { path, lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn recipe_path(&self) -> PathBuf {
        self.path.join(RECIPE)
    }

    fn about_path(&self) -> PathBuf {
        self.path.join("run.json")
    }

    fn metrics_path(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    pub(super) fn curve_path(&self) -> PathBuf {
        self.path.join("curve.html")
    }

    /// Where the result is.
    pub fn package_path(&self) -> PathBuf {
        self.path.join(PACKAGE)
    }

    pub(super) fn checkpoint_path(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }

    pub(super) fn older_checkpoint_path(&self) -> PathBuf {
        self.path.join("checkpoint.before.safetensors")
    }

    /// The network of this epoch, where it was the best.
    pub(super) fn best_path(&self, epoch: u32) -> PathBuf {
        self.path.join(best_name(epoch))
    }

    /// Removes the networks of all epochs but these.
    pub(super) fn keep_best(&self, epochs: &[u32]) {
        for file in self.path.read_dir().into_iter().flatten().flatten() {
            let epoch = best_epoch(&file.file_name());
            if epoch.is_some_and(|epoch| !epochs.contains(&epoch)) {
                let _ = std::fs::remove_file(file.path());
            }
        }
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
        let text = std::fs::read(self.about_path()).ok();
        let about = text.and_then(|text| serde_json::from_slice(&text).ok());
        about.ok_or_else(|| TrainError::NoRun {
            folder: self.path.clone(),
        })
    }

    /// Writes what the run depends on. The recipe comes last: where it stands there is a run.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn describe(
        &self,
        recipe: &Recipe,
        about: &About,
        photos: &Manifest,
    ) -> Result<(), TrainError> {
        photos.save(&self.path.join("photos.csv"))?;
        let json = serde_json::to_vec_pretty(about).expect("texts and numbers");
        self.write(&self.about_path(), &json)?;
        self.write(&self.recipe_path(), recipe.text().as_bytes())
    }

    /// Writes a file whole or not at all.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
        AtomicFile::create(path)
            .and_then(|file| file.finish(bytes))
            .map_err(TrainError::write(path))
    }

    /// Makes the metrics those of these epochs alone.
    pub(super) fn write_metrics(&self, rows: &[Row]) -> Result<(), TrainError> {
        let mut text = format!("epoch,{}\n", METRICS.join(","));
        for row in rows {
            text += &line(row);
        }
        self.write(&self.metrics_path(), text.as_bytes())
    }

    /// Adds an epoch's metrics. Until the next checkpoint a power failure may take the line, and the
    /// epoch with it.
    pub(super) fn add_metrics(&self, row: &Row) -> Result<(), TrainError> {
        let path = self.metrics_path();
        File::options()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(line(row).as_bytes()))
            .map_err(TrainError::write(&path))
    }

    /// The lines of `metrics.csv` without the times of day: what is the same whenever and wherever
    /// the same training is done.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn curve(path: &Path) -> Result<Vec<String>, TrainError> {
        let path = path.join("metrics.csv");
        let file = File::open(&path).map_err(TrainError::read(&path))?;
        let mut curve = Vec::new();
        for line in std::io::BufReader::new(file).lines() {
            let line = line.map_err(TrainError::read(&path))?;
            let fields: Vec<&str> = line.split(',').take(METRICS.len() - 1).collect();
            curve.push(fields.join(","));
        }
        Ok(curve)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

const RECIPE: &str = "recipe.toml";
const PACKAGE: &str = "model.museau";
const LOCK: &str = "run.lock";

fn line((epoch, metrics): &Row) -> String {
    let mut line = epoch.to_string();
    for metric in metrics {
        line.push(',');
        if let Some(metric) = metric {
            line += &metric.to_string();
        }
    }
    line + "\n"
}

/// Removes what a killed training left half written; nobody else works here.
fn sweep(folder: &Path) {
    for file in folder.read_dir().into_iter().flatten().flatten() {
        let path = file.path();
        if path.extension().is_some_and(|ending| ending == "part") {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// What the network of this epoch is called, where it was the best.
fn best_name(epoch: u32) -> String {
    format!("best-{epoch}.safetensors")
}

/// The epoch of which a file of a run's folder is the network; none of files of other names. These
/// come and go while a training runs.
pub fn best_epoch(name: &OsStr) -> Option<u32> {
    let digits = name.to_str()?.strip_prefix("best-")?;
    let epoch = digits.strip_suffix(".safetensors")?.parse().ok()?;
    (name == OsStr::new(&best_name(epoch))).then_some(epoch)
}
