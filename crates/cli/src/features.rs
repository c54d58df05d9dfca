//! Features of a data set's photos by a model, kept on disk so that a photo is run once.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::{model, terminal};
use anyhow::Result;
use classify::{Features, OpenOptions};
use data::files::{AtomicFile, evict_oldest};
use data::{Manifest, Progress};
use engine::Kernels;
use formats::Precision;
use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tensor::{NamedTensors, Pool, Tensor};

/// The names inside a file of features.
const TENSOR: &str = "features";
const HASHES: &str = "hashes";
const MODEL: &str = "model";
const CONTENT: &str = "content_hash";

/// Bytes of all files of features together; the least recently written go first. Those of Stanford
/// Dogs by the model inside take 50 MB.
const MOST_BYTES: u64 = 2 << 30;

/// Features of the photos of a manifest, of test photos only `with_test`; what the file
/// has of before is not computed again. Says where the file is.
pub fn of_manifest(
    context: &Context,
    manifest: &Manifest,
    with_test: bool,
    package: Option<&Path>,
    progress: Progress<'_>,
) -> Result<data::Features> {
    let hash = model::hash(context, package)?;
    let path = package;
    let package = model::read(context, path)?;
    // By its content alone: what a package calls itself is no name of a file.
    let name = hash.to_hex()[..32].to_owned();
    let called = package.about.name.clone();
    let options = OpenOptions {
        kernels: Kernels::Fast(context.isa),
        ..OpenOptions::default()
    };
    let features = Features::from_package(package, &options)
        .map_err(|error| model::unusable(context, None, &error))?;
    let file = folder().map(|folder| folder.join(format!("{name}.safetensors")));
    let kept = file
        .as_deref()
        .and_then(|file| read(file, &name, features.length()))
        .unwrap_or_default();
    // What a photo cannot be is told of it; what the model cannot is told once.
    let failed = Mutex::new(None);
    let of = |photo: &vision::Photo| {
        let row = features.of(&Pool::serial(), photo);
        row.map_err(|error| *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error))
            .ok()
    };
    let made = data::Features::compute(
        manifest,
        with_test,
        context.threads,
        progress,
        &|entry| kept.get(entry.hash.to_hex().as_str()).cloned(),
        &of,
    );
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(model::unanswered(context, path, &error));
    }
    if let Some(file) = file {
        // Without its file the work is done again next time; the answer is the same.
        match write(&file, &name, manifest, &made, kept) {
            Ok(true) if !context.quiet => eprintln!("{}", terminal::shown(&file)),
            Ok(_) => {}
            Err(error) => eprintln!("{}: {error}", terminal::shown(&file)),
        }
    }
    if (0..manifest.all_entries().len()).all(|index| made.row(index).is_none()) {
        let error = data::Error::Nothing {
            path: PathBuf::from(called),
        };
        return Err(Failure::error(
            Status::Unusable,
            error.message(context.language),
        ));
    }
    Ok(made)
}

/// The largest number of half precision (65,504).
const LARGEST_HALF: f32 = 65_504.0;

/// Where features are kept.
fn folder() -> Option<PathBuf> {
    Some(model::folder()?.parent()?.join("features"))
}

/// The rows of a file by their photos' hashes; nothing where it is not of this model or is damaged.
fn read(file: &Path, model: &str, length: usize) -> Option<HashMap<String, Vec<f32>>> {
    let (tensors, metadata) = formats::read_safetensors(&std::fs::read(file).ok()?).ok()?;
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
    let rows = tensor.values().chunks_exact(length).map(<[f32]>::to_vec);
    Some(hashes.into_iter().map(str::to_owned).zip(rows).collect())
}

/// Over the photos' hashes and the values, as they are read back.
fn content_hash(hashes: &str, tensor: &Tensor) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(hashes.as_bytes());
    for value in tensor.values() {
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

/// Writes what is known now and was before, whole or not at all; says whether there was anything
/// new.
fn write(
    file: &Path,
    model: &str,
    manifest: &Manifest,
    made: &data::Features,
    kept: HashMap<String, Vec<f32>>,
) -> Result<bool> {
    let mut rows: BTreeMap<String, Vec<f32>> = kept.into_iter().collect();
    let before = rows.len();
    for (index, entry) in manifest.all_entries().iter().enumerate() {
        if let Some(row) = made.row(index) {
            rows.entry(entry.hash.to_hex().to_string())
                .or_insert_with(|| row.to_vec());
        }
    }
    if rows.len() == before {
        return Ok(false);
    }
    let hashes: Vec<&str> = rows.keys().map(String::as_str).collect();
    let hashes = hashes.join(" ");
    let mut values: Vec<f32> = rows.values().flatten().copied().collect();
    // Half the digits are enough to tell neighbours; values that would become infinite stay whole.
    let largest = values
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    let precision = match largest <= LARGEST_HALF {
        true => Precision::F16,
        false => Precision::F32,
    };
    if matches!(precision, Precision::F16) {
        // As they are read back: the hash is over these.
        for value in &mut values {
            *value = half::f16::from_f32(*value).to_f32();
        }
    }
    let tensor = Tensor::from_slice([rows.len(), made.length()], &values)?;
    let metadata = BTreeMap::from([
        (MODEL.to_owned(), model.to_owned()),
        (CONTENT.to_owned(), content_hash(&hashes, &tensor)),
        (HASHES.to_owned(), hashes),
    ]);
    let tensors: NamedTensors = [(TENSOR.to_owned(), tensor)].into_iter().collect();
    let bytes = formats::write_safetensors(&tensors, precision, &metadata)?;
    AtomicFile::create(file)?.finish(&bytes)?;
    evict_oldest(file, MOST_BYTES, &is_own);
    Ok(true)
}
