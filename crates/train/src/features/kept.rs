//! Files of features: rows of numbers by the hashes of photos, under the name of what made them.
use data::files::{AtomicFile, evict_oldest};
use formats::Precision;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read as _};
use std::path::Path;
use tensor::{NamedTensors, Tensor};

/// The names inside a file of features.
const TENSOR: &str = "features";
const HASHES: &str = "hashes";
const MODEL: &str = "model";
const CONTENT: &str = "content_hash";

/// Bytes of all files of features together; the least recently written go first. Those of Stanford
/// Dogs by the embedded model take 50 MB.
const MOST_BYTES: u64 = 2 << 30;

/// The rows of a file by their photos' hashes; nothing where it is not of this model or is damaged.
pub(super) fn read(file: &Path, model: &str, length: usize) -> Option<HashMap<String, Vec<f32>>> {
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

/// Half the digits are enough to tell neighbours, and to train a head; values that would become
/// infinite stay whole.
pub(super) fn precision(values: &[f32]) -> Precision {
    let largest = values
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    match largest <= Precision::F16.largest() {
        true => Precision::F16,
        false => Precision::F32,
    }
}

/// Writes rows of `length` values each, whole or not at all.
pub(super) fn write(
    file: &Path,
    model: &str,
    rows: &BTreeMap<String, Vec<f32>>,
    length: usize,
) -> io::Result<()> {
    let hashes: Vec<&str> = rows.keys().map(String::as_str).collect();
    let hashes = hashes.join(" ");
    let values: Vec<f32> = rows.values().flatten().copied().collect();
    let precision = precision(&values);
    let tensor = Tensor::from_slice([rows.len(), length], &values);
    let tensor = tensor.expect("a row of that length each");
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
    Ok(())
}
