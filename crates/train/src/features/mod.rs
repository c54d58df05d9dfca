//! Features of a data set's photos by a model, kept on disk so that a photo is run once.
use classify::{ClassifyError, OpenError, OpenOptions};
use data::{Manifest, Progress};
use package::Package;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tensor::Pool;

mod export;
mod kept;
mod views;

pub use export::{ExportOptions, export};
pub(crate) use views::{ViewOptions, Views, of_views, plan_options};

/// Whose features, and where they are kept.
#[derive(Debug)]
pub struct FeatureOptions {
    /// How the network is made ready; photos run one a thread.
    pub open: OpenOptions,
    /// Threads.
    pub threads: usize,
    /// Whether test photos are looked at too.
    pub with_test: bool,
    /// The folder of files of features; none is kept without one.
    pub folder: Option<PathBuf>,
}

/// Features of the photos of a manifest.
#[derive(Debug)]
pub struct KeptFeatures {
    /// The features.
    pub features: data::Features,
    /// The file where there is something new in it, or why it could not be written. The features are
    /// then computed again next time.
    pub written: Option<(PathBuf, io::Result<()>)>,
}

/// Why there are no features.
#[derive(Debug, thiserror::Error)]
pub enum FeaturesError {
    /// The model cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The model cannot answer.
    #[error(transparent)]
    Classify(#[from] ClassifyError),
    /// No photo has any.
    #[error("no photo of {model} has features")]
    Nothing {
        /// What the model calls itself.
        model: String,
    },
}

/// Features of the photos of a manifest by a package, whose file has this hash; what was computed before
/// is not computed again.
///
/// # Errors
/// [`FeaturesError`]
pub fn features(
    package: Package,
    hash: &blake3::Hash,
    manifest: &Manifest,
    options: &FeatureOptions,
    progress: Progress<'_>,
) -> Result<KeptFeatures, FeaturesError> {
    // By its content alone: what a package calls itself is no name of a file.
    let name = hash.to_hex()[..32].to_owned();
    let model = package.about.name.clone();
    let network = classify::Features::from_package(package, &options.open)?;
    let file = (options.folder.as_ref()).map(|folder| folder.join(format!("{name}.safetensors")));
    let known = file
        .as_deref()
        .and_then(|file| kept::read(file, &name, network.length()))
        .unwrap_or_default();
    // What a photo cannot be is told of it; what the model cannot is told once.
    let failed = Mutex::new(None);
    let of = |photo: &vision::Photo| {
        let row = network.of(&Pool::serial(), photo);
        row.map_err(|error| *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error))
            .ok()
    };
    let features = data::Features::compute(
        manifest,
        options.with_test,
        options.threads,
        progress,
        &|entry| known.get(entry.hash.to_hex().as_str()).cloned(),
        &of,
    );
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error.into());
    }
    let written = file.and_then(|file| {
        let written = write(&file, &name, manifest, &features, known).transpose()?;
        Some((file, written))
    });
    if (0..manifest.all_entries().len()).all(|index| features.row(index).is_none()) {
        return Err(FeaturesError::Nothing { model });
    }
    Ok(KeptFeatures { features, written })
}

/// Writes what is known now and was before, whole or not at all; nothing where there is nothing new.
fn write(
    file: &Path,
    model: &str,
    manifest: &Manifest,
    made: &data::Features,
    rows: HashMap<String, Vec<f32>>,
) -> io::Result<Option<()>> {
    let mut rows: BTreeMap<String, Vec<f32>> = rows.into_iter().collect();
    let before = rows.len();
    for (index, entry) in manifest.all_entries().iter().enumerate() {
        if let Some(row) = made.row(index) {
            rows.entry(entry.hash.to_hex().to_string())
                .or_insert_with(|| row.to_vec());
        }
    }
    match rows.len() == before {
        true => Ok(None),
        false => kept::write(file, model, &rows, made.length()).map(Some),
    }
}
