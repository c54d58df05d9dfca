//! Features of a data set's photos by a model, kept on disk so that a photo is run once.
use classify::{ClassifyError, OpenError, OpenOptions};
use data::files::{AtomicFile, evict_oldest};
use data::{Manifest, Progress};
use formats::Precision;
use package::Package;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tensor::{NamedTensors, Pool, Tensor};

/// The names inside a file of features.
const TENSOR: &str = "features";
const HASHES: &str = "hashes";
const MODEL: &str = "model";
const CONTENT: &str = "content_hash";

/// Bytes of all files of features together; the least recently written go first. Those of Stanford
/// Dogs by the embedded model take 50 MB.
const MOST_BYTES: u64 = 2 << 30;

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
    let kept = file
        .as_deref()
        .and_then(|file| read(file, &name, network.length()))
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
        &|entry| kept.get(entry.hash.to_hex().as_str()).cloned(),
        &of,
    );
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error.into());
    }
    let written = file.and_then(|file| {
        let written = write(&file, &name, manifest, &features, kept).transpose()?;
        Some((file, written))
    });
    if (0..manifest.all_entries().len()).all(|index| features.row(index).is_none()) {
        return Err(FeaturesError::Nothing { model });
    }
    Ok(KeptFeatures { features, written })
}

/// The rows of a file by their photos' hashes; nothing where it is not of this model or is damaged.
fn read(file: &Path, model: &str, length: usize) -> Option<HashMap<String, Vec<f32>>> {
    let (tensors, metadata) = formats::read_safetensors(&tensor::read_named(file).ok()?).ok()?;
    let tensor = tensors.get(TENSOR)?;
    let text = metadata.get(HASHES)?;
    let hashes: Vec<&str> = text.split(' ').collect();
    let whole = metadata.get(CONTENT)? == &content_hash(text, tensor);
    if !whole
        || metadata.get(MODEL)? != model
        || tensor.shape().dimensions() != [hashes.len(), length]
    {
        return None;
    }
    let values = tensor.values();
    let rows = values.chunks_exact(length).map(<[f32]>::to_vec);
    Some(hashes.into_iter().map(str::to_owned).zip(rows).collect())
}

/// Over the photos' hashes and the values, as they are read back.
fn content_hash(hashes: &str, tensor: &Tensor) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(hashes.as_bytes());
    for value in &*tensor.values() {
        hasher.update(&value.to_le_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Whether a file holds features, by what its header says: those of the model that it is named after.
fn is_own(file: &Path) -> bool {
    /// More than the hashes of all photos take.
    const MOST_HEADER: u64 = 100 << 20;
    let mut length = [0; 8];
    let Ok(mut open) = tensor::open_regular(file) else {
        return false;
    };
    if open.read_exact(&mut length).is_err() {
        return false;
    }
    let length = u64::from_le_bytes(length);
    let mut header = Vec::new();
    if length > MOST_HEADER || open.take(length).read_to_end(&mut header).is_err() {
        return false;
    }
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap_or_default();
    let said = &header["__metadata__"];
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    said[HASHES].is_string() && stem.is_some() && said[MODEL].as_str() == stem
}

/// Writes what is known now and was before, whole or not at all; nothing where there is nothing new.
fn write(
    file: &Path,
    model: &str,
    manifest: &Manifest,
    made: &data::Features,
    kept: HashMap<String, Vec<f32>>,
) -> io::Result<Option<()>> {
    let mut rows: BTreeMap<String, Vec<f32>> = kept.into_iter().collect();
    let before = rows.len();
    for (index, entry) in manifest.all_entries().iter().enumerate() {
        if let Some(row) = made.row(index) {
            rows.entry(entry.hash.to_hex().to_string())
                .or_insert_with(|| row.to_vec());
        }
    }
    if rows.len() == before {
        return Ok(None);
    }
    let hashes: Vec<&str> = rows.keys().map(String::as_str).collect();
    let hashes = hashes.join(" ");
    let values: Vec<f32> = rows.values().flatten().copied().collect();
    // Half the digits are enough to tell neighbours; values that would become infinite stay whole.
    let largest = values
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    let precision = match largest <= Precision::F16.largest() {
        true => Precision::F16,
        false => Precision::F32,
    };
    let tensor = Tensor::from_slice([rows.len(), made.length()], &values)
        .expect("a row of that length each");
    // The hash is over what is read back.
    let tensor = precision.stored(tensor);
    let metadata = BTreeMap::from([
        (MODEL.to_owned(), model.to_owned()),
        (CONTENT.to_owned(), content_hash(&hashes, &tensor)),
        (HASHES.to_owned(), hashes),
    ]);
    let tensors: NamedTensors = [(TENSOR.to_owned(), tensor)].into_iter().collect();
    let bytes =
        formats::write_safetensors(&tensors, precision, &metadata).map_err(io::Error::other)?;
    AtomicFile::create(file)?.finish(&bytes)?;
    evict_oldest(file, MOST_BYTES, &is_own);
    Ok(Some(()))
}
