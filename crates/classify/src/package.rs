//! The file of a model, `NAME.museau`: safetensors whose `__metadata__` holds everything else that
//! an answer needs. Checked whole before use.
//!
//! Layout: 8 bytes little-endian length of the header, the header (JSON), the values. The metadata's
//! keys are `format`, `format_version`, `name`, `version`, `graph`, `input`, `labels`,
//! `calibration`, `provenance`, `card` and `content_hash`: the blake3 of the whole file in which
//! the 64 digits of the hash itself stand as zeros. Kernels are stored as f16, vectors (biases and
//! batch norms, which are few and sensitive) as f32.
use crate::calibration::Calibration;
use crate::error::PackageError;
use crate::graph_text;
use formats::Header;
use graph::{Graph, InputSpec, Op};
use half::slice::HalfFloatSliceExt;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tensor::{AlignedBuffer, NamedTensors, Shape, Tensor};
use words::Message;

/// What `format` says in every package.
const FORMAT: &str = "museau";
/// The newest layout that is understood; grows when a reader of today would misread a new file.
const FORMAT_VERSION: u64 = 1;
/// Values begin at a multiple of this, so that a mapped file can be read in place.
const ALIGNMENT: usize = 64;
/// Most classes; the whole of ImageNet has 21,841.
const MOST_CLASSES: usize = 100_000;
/// The key under which the hash stands, with the bytes before its digits.
const HASH_KEY: &str = "\"content_hash\":\"";
/// Hexadecimal digits of a blake3 hash.
const HASH_DIGITS: usize = 64;

/// A model: network, values, input, labels, calibration, and where all of it comes from.
#[derive(Clone, Debug)]
pub struct Package {
    /// Everything but the network and its values.
    pub about: About,
    /// The network; its last dimension is the outputs that the labels point into.
    pub graph: Graph,
    /// The values of the network's parameters.
    pub weights: NamedTensors,
}

/// What a package says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// How a photo becomes the network's input.
    pub input: InputSpec,
    /// The classes, in the order of the breeds' probabilities.
    pub labels: Vec<Label>,
    /// From outputs to probabilities.
    pub calibration: Calibration,
    /// Where the values come from.
    pub provenance: Provenance,
    /// The model card, Markdown.
    pub card: String,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Stanford's synset for the default model, the class's own id otherwise.
    pub id: String,
    /// English.
    pub name: String,
    /// French, where known.
    pub name_fr: Option<String>,
    /// Which of the network's outputs it is.
    pub output: usize,
}

/// Where the values come from and what they have seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The network, as `zoo` calls it.
    pub backbone: String,
    /// The weights' name and origin.
    pub weights: String,
    /// The weights' licence (SPDX).
    pub licence: String,
    /// The blake3 of the file that they were read from, hexadecimal.
    pub weights_hash: String,
    /// What the pretraining and the training have seen, in words.
    pub seen: String,
    /// The program that made the package, with its version.
    pub made_by: String,
    /// What a training here depended on; none of weights from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingRecord>,
    /// The photos that the temperature was fitted to anew, after the package was made.
    #[serde(default, skip_serializing_if = "PhotoIds::is_empty")]
    pub calibrated: PhotoIds,
}

/// What a training depended on, and on which photos it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// The settings of its recipe, `section.key` and text, without the paths of a machine.
    pub settings: BTreeMap<String, String>,
    /// A hash of all its photos, their classes and parts, hexadecimal.
    pub photos: String,
    /// The photos that the weights were fitted to.
    pub fitted: PhotoIds,
    /// Those that were looked at after each epoch, and chose.
    pub chosen: PhotoIds,
}

/// A set of photos, known by the beginnings of their contents' BLAKE3: 48 bits each, so that among
/// ten thousand photos and ten thousand others the chance that any two are taken for the same is
/// below one in a million.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhotoIds(String);

impl PhotoIds {
    /// Hexadecimal digits of a photo.
    const DIGITS: usize = 12;

    /// The set of photos with these contents.
    pub fn of<'hash>(hashes: impl Iterator<Item = &'hash blake3::Hash>) -> Self {
        let ids = hashes.map(|hash| hash.to_hex()[..Self::DIGITS].to_owned());
        let sorted: BTreeSet<String> = ids.collect();
        PhotoIds(sorted.into_iter().collect())
    }

    /// How many photos there are, each content once.
    pub fn len(&self) -> usize {
        self.0.len() / Self::DIGITS
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a photo of this content is among them.
    pub fn contains(&self, hash: &blake3::Hash) -> bool {
        let hex = hash.to_hex();
        let wanted = &hex.as_bytes()[..Self::DIGITS];
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let found = &self.0.as_bytes()[middle * Self::DIGITS..][..Self::DIGITS];
            match found.cmp(wanted) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return true,
            }
        }
        false
    }
}

impl Package {
    /// Reads and checks a package.
    ///
    /// # Errors
    /// Any [`PackageError`] but `Io`: see there for what a wrong file is told to be. Never panics,
    /// whatever the bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, PackageError> {
        let (about, graph_json) = About::read_with_graph(bytes)?;
        let graph = graph_text::read(&graph_json)?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| PackageError::Damaged {
            reason: error.to_string(),
        })?;
        let specs = graph.parameters();
        let mut weights = NamedTensors::with_capacity(specs.len());
        for spec in &specs {
            let view = file.tensor(&spec.name).map_err(|_| PackageError::Shape {
                name: spec.name.clone(),
                expected: spec.shape,
                found: None,
            })?;
            if view.shape() != spec.shape.dimensions() {
                return Err(PackageError::Shape {
                    name: spec.name.clone(),
                    expected: spec.shape,
                    found: (view.shape().len() <= 5).then(|| Shape::new(view.shape())),
                });
            }
            let values = read_values(view.dtype(), view.data(), &spec.name)?;
            let tensor =
                Tensor::new(spec.shape, values).map_err(|error| PackageError::Damaged {
                    reason: error.to_string(),
                })?;
            weights.insert(spec.name.clone(), tensor);
        }
        if let Some(name) = file
            .names()
            .into_iter()
            .find(|name| !weights.contains_key(*name))
        {
            return Err(PackageError::Inconsistent {
                reason: format!("it holds values `{name}` that the network does not use"),
            });
        }
        let package = Package {
            about,
            graph,
            weights,
        };
        package.check()?;
        Ok(package)
    }

    /// Reads and checks the package in this file.
    ///
    /// # Errors
    /// As [`Package::read`], and [`PackageError::Read`].
    pub fn read_file(path: &Path) -> Result<Self, PackageError> {
        Self::read(&read_file(path)?)
    }

    /// Whether description, network and values agree.
    fn check(&self) -> Result<(), PackageError> {
        self.check_values()?;
        self.check_network()?;
        self.about.check(self.outputs()?)
    }

    /// Whether every value is a number that can be stored.
    fn check_values(&self) -> Result<(), PackageError> {
        for (name, tensor) in &self.weights {
            if !tensor.values().iter().all(|value| value.is_finite()) {
                return Err(PackageError::NotFinite { name: name.clone() });
            }
            let largest = tensor
                .values()
                .iter()
                .fold(0f32, |most, value| most.max(value.abs()));
            if largest > largest_stored(tensor) {
                return wrong(format!("`{name}` holds values that cannot be stored"));
            }
        }
        Ok(())
    }

    /// Whether the network takes the photos as they are prepared, and gives numbers.
    fn check_network(&self) -> Result<(), PackageError> {
        let input = &self.about.input;
        let wanted = Shape::from([input.height, input.width, 3]);
        if self.graph.input_shape() != Some(wanted) {
            return wrong(format!(
                "photos are prepared as {wanted}, which the network does not take"
            ));
        }
        for node in self.graph.nodes() {
            let Op::BatchNorm { epsilon, .. } = *node.op() else {
                continue;
            };
            let name = format!("{}/moving_variance", node.name());
            // Divided by the root of their sum.
            let variances = self.weights.get(&name).map_or(&[][..], Tensor::values);
            if variances.iter().any(|variance| variance + epsilon <= 0.0) {
                return wrong(format!("`{name}` holds values that are no variances"));
            }
        }
        Ok(())
    }

    /// The number of the network's outputs.
    fn outputs(&self) -> Result<usize, PackageError> {
        let outputs = self.graph.outputs();
        let [output] = outputs[..] else {
            return wrong(format!(
                "the network has {} outputs, one is wanted",
                outputs.len()
            ));
        };
        let shape = self.graph.node(output).shape();
        match shape.rank() {
            1 => Ok(shape.channels()),
            _ => wrong(format!(
                "the network's output has shape {shape}, [classes] is wanted"
            )),
        }
    }

    /// The file's bytes; the same package gives the same bytes.
    ///
    /// # Errors
    /// Where the values do not fit the network, or the description contradicts itself.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PackageError> {
        self.check()?;
        let mut header = serde_json::Map::new();
        let mut values = Vec::new();
        for spec in self.graph.parameters() {
            let tensor = self.weights.get(&spec.name);
            let found = tensor.map(Tensor::shape);
            let Some(tensor) = tensor.filter(|tensor| tensor.shape() == spec.shape) else {
                return Err(PackageError::Shape {
                    name: spec.name,
                    expected: spec.shape,
                    found,
                });
            };
            let begin = values.len();
            let dtype = write_values(tensor, &mut values);
            header.insert(
                spec.name,
                serde_json::json!({
                    "dtype": dtype,
                    "shape": spec.shape.dimensions(),
                    "data_offsets": [begin, values.len()],
                }),
            );
        }
        let about = &self.about;
        let metadata = serde_json::json!({
            "format": FORMAT,
            "format_version": FORMAT_VERSION.to_string(),
            "name": about.name,
            "version": about.version,
            "graph": graph_text::write(&self.graph),
            "input": json(&about.input),
            "labels": json(&about.labels),
            "calibration": json(&about.calibration),
            "provenance": json(&about.provenance),
            "card": about.card,
            "content_hash": "0".repeat(HASH_DIGITS),
        });
        header.insert("__metadata__".into(), metadata);
        let mut header = serde_json::Value::Object(header).to_string().into_bytes();
        while !(8 + header.len()).is_multiple_of(ALIGNMENT) {
            header.push(b' ');
        }
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend(values);
        let place = hash_place(&bytes).ok_or_else(|| PackageError::Inconsistent {
            reason: "the header has no place for the hash".into(),
        })?;
        let hash = blake3::hash(&bytes).to_hex();
        bytes[place..place + HASH_DIGITS].copy_from_slice(hash.as_bytes());
        Ok(bytes)
    }
}

impl About {
    /// Reads what a package says of itself, the file checked against its hash but the values not
    /// read.
    ///
    /// # Errors
    /// As [`Package::read`].
    pub fn read(bytes: &[u8]) -> Result<Self, PackageError> {
        Ok(Self::read_with_graph(bytes)?.0)
    }

    /// Whether photos can be prepared so, and labels and calibration are those of a network of so many
    /// outputs.
    fn check(&self, outputs: usize) -> Result<(), PackageError> {
        if let Err(error) = vision::check(&self.input) {
            return wrong(error.to_string());
        }
        if self.labels.is_empty() {
            return wrong("there are no classes".into());
        }
        if self.labels.len() > MOST_CLASSES {
            return wrong(format!("{} classes", self.labels.len()));
        }
        let mut labelled = vec![false; outputs];
        for Label { id, output, .. } in &self.labels {
            match labelled.get_mut(*output) {
                None => return wrong(format!("class `{id}` is output {output} of {outputs}")),
                Some(true) => return wrong(format!("output {output} is two classes, one `{id}`")),
                Some(free) => *free = true,
            }
        }
        self.calibration.check(outputs).or_else(wrong)
    }

    fn read_with_graph(bytes: &[u8]) -> Result<(Self, String), PackageError> {
        let metadata = checked_metadata(bytes)?;
        let text = |key: &str| -> Result<&str, PackageError> {
            let value = metadata.get(key).map(String::as_str);
            value.ok_or_else(|| PackageError::Inconsistent {
                reason: format!("`{key}` is missing"),
            })
        };
        let about = About {
            name: text("name")?.into(),
            version: text("version")?.into(),
            input: parse("input", text("input")?)?,
            labels: parse("labels", text("labels")?)?,
            calibration: parse("calibration", text("calibration")?)?,
            provenance: parse("provenance", text("provenance")?)?,
            card: text("card")?.into(),
        };
        Ok((about, text("graph")?.into()))
    }
}

/// Reads a whole file.
///
/// # Errors
/// [`PackageError::Read`]
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, PackageError> {
    std::fs::read(path).map_err(|source| PackageError::Read {
        path: path.into(),
        source,
    })
}

/// A description that contradicts itself.
fn wrong<T>(reason: String) -> Result<T, PackageError> {
    Err(PackageError::Inconsistent { reason })
}

/// The metadata of a file that is a package, whole and undamaged.
fn checked_metadata(bytes: &[u8]) -> Result<BTreeMap<String, String>, PackageError> {
    let header = header(bytes)?;
    let not_read = |error: serde_json::Error| match hash_place(bytes) {
        Some(_) => PackageError::Damaged {
            reason: format!("its header cannot be read ({error})"),
        },
        // JSON, but no header that museau would write.
        None if error.is_data() => PackageError::ForeignSafetensors,
        None => not_a_package(bytes),
    };
    let Header { metadata, values } = serde_json::from_slice(header).map_err(not_read)?;
    let field = |key: &str| metadata.get(key).map(String::as_str);
    if field("format") != Some(FORMAT) {
        return Err(PackageError::ForeignSafetensors);
    }
    let version: u64 = field("format_version")
        .and_then(|version| version.parse().ok())
        .ok_or_else(|| PackageError::Damaged {
            reason: "its format version is not a number".into(),
        })?;
    if version > FORMAT_VERSION {
        return Err(PackageError::Newer {
            version,
            known: FORMAT_VERSION,
        });
    }
    let expected = values.saturating_add(8 + header_length(bytes));
    let found = bytes.len() as u64;
    if found < expected {
        return Err(PackageError::Truncated { expected, found });
    }
    check_hash(bytes)?;
    Ok(metadata)
}

/// The number in the first eight bytes.
fn header_length(bytes: &[u8]) -> u64 {
    let mut length = [0; 8];
    length.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(length)
}

/// The header's bytes, or what the file is instead.
fn header(bytes: &[u8]) -> Result<&[u8], PackageError> {
    /// No header of a network that fits a computer is longer (the safetensors format's own limit).
    const LONGEST: u64 = 100_000_000;
    if bytes.is_empty() {
        return Err(PackageError::Empty);
    }
    if let Some(what) = known_text(bytes) {
        return Err(what);
    }
    let found = bytes.len() as u64;
    if bytes.len() < 8 {
        return Err(match is_text(bytes) {
            true => not_a_package(bytes),
            false => PackageError::Truncated { expected: 8, found },
        });
    }
    let length = header_length(bytes);
    if !(2..=LONGEST).contains(&length) || bytes.get(8).is_some_and(|&byte| byte != b'{') {
        return Err(not_a_package(bytes));
    }
    match bytes.get(8..8 + length as usize) {
        Some(header) => Ok(header),
        None => Err(PackageError::Truncated {
            expected: 8 + length,
            found,
        }),
    }
}

/// A file that is text where a model is expected: the two that people really meet, or another.
fn known_text(bytes: &[u8]) -> Option<PackageError> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(512)]);
    let start = start.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if start.starts_with("version https://git-lfs.github.com/spec/") {
        let size = start
            .lines()
            .find_map(|line| line.strip_prefix("size ")?.trim().parse().ok());
        return Some(PackageError::GitLfsPointer { size });
    }
    let lower = start.to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        return Some(PackageError::HtmlPage);
    }
    None
}

/// Names a foreign file by its first bytes.
fn not_a_package(bytes: &[u8]) -> PackageError {
    let found = match bytes {
        [b'P', b'K', 3, 4, ..] => Message::LooksZip,
        [0x89, b'H', b'D', b'F', ..] => Message::LooksHdf5,
        [0x80, 2..=5, ..] => Message::LooksPickle,
        [0xff, 0xd8, 0xff, ..] | [0x89, b'P', b'N', b'G', ..] => Message::LooksPicture,
        [0x08, ..] if bytes.windows(4).take(256).any(|four| four == b"onnx") => Message::LooksOnnx,
        [b'G', b'G', b'U', b'F', ..] => Message::LooksGguf,
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Message::LooksTflite,
        [0x1f, 0x8b, ..] => Message::LooksGzip,
        bytes if is_text(bytes) => kind_of_text(bytes),
        _ => Message::LooksOther,
    };
    PackageError::NotAPackage { found }
}

/// Bytes by which a text is known to be one.
const TEXT_HEAD: usize = 4096;

/// Whether a file is text: UTF-8 without control characters but spaces. Of a package the fourth byte
/// is 0 already, unless it is longer than any.
fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(TEXT_HEAD)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end within a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    bytes.len() >= 4
        && text
            .chars()
            .all(|c| !c.is_control() || c.is_ascii_whitespace())
}

/// What a text is: those kinds that are near at hand where models are.
fn kind_of_text(bytes: &[u8]) -> Message<'static> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_HEAD)]);
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let first = lines.find(|line| !(line.trim().is_empty() || line.starts_with('#')));
    let first = first.unwrap_or_default().trim();
    let key = first.split_once('=').map(|(key, _)| key.trim());
    let is_key =
        key.is_some_and(|key| key.chars().all(|c| c.is_alphanumeric() || "._".contains(c)));
    if first.starts_with("path,offset,bytes,hash,") {
        Message::LooksManifest
    } else if first.starts_with('{') || first.starts_with("[{") {
        Message::LooksJson
    } else if is_key || (first.starts_with('[') && first.ends_with(']')) {
        Message::LooksRecipe
    } else {
        Message::LooksText
    }
}

/// Where the digits of the hash stand: in the header, after their key. A name or a card cannot
/// hold the key, since quotes are escaped inside of JSON's strings.
fn hash_place(bytes: &[u8]) -> Option<usize> {
    let end = 8usize.checked_add(usize::try_from(header_length(bytes)).ok()?)?;
    let header = bytes.get(8..end.min(bytes.len()))?;
    let place = header
        .windows(HASH_KEY.len())
        .position(|window| window == HASH_KEY.as_bytes())?;
    let place = 8 + place + HASH_KEY.len();
    (place + HASH_DIGITS <= end).then_some(place)
}

fn check_hash(bytes: &[u8]) -> Result<(), PackageError> {
    let place = hash_place(bytes).ok_or_else(|| PackageError::Damaged {
        reason: "its content hash is missing".into(),
    })?;
    let stored = &bytes[place..place + HASH_DIGITS];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..place]);
    hasher.update(&[b'0'; HASH_DIGITS]);
    hasher.update(&bytes[place + HASH_DIGITS..]);
    if hasher.finalize().to_hex().as_bytes() != stored {
        return Err(PackageError::WrongHash);
    }
    Ok(())
}

/// The largest value that a tensor may have: matrices are stored as f16, vectors as f32.
fn largest_stored(tensor: &Tensor) -> f32 {
    if tensor.shape().rank() < 2 {
        f32::MAX
    } else {
        half::f16::MAX.to_f32()
    }
}

/// f16 for what has two dimensions or more, f32 for vectors; answers the type's name.
fn write_values(tensor: &Tensor, bytes: &mut Vec<u8>) -> &'static str {
    if tensor.shape().rank() < 2 {
        bytes.extend(tensor.values().iter().flat_map(|value| value.to_le_bytes()));
        return "F32";
    }
    let halves = tensor
        .values()
        .iter()
        .map(|&value| half::f16::from_f32(value));
    bytes.extend(halves.flat_map(|value| value.to_le_bytes()));
    "F16"
}

fn read_values(dtype: Dtype, data: &[u8], name: &str) -> Result<AlignedBuffer, PackageError> {
    match dtype {
        Dtype::F32 => {
            let mut values = AlignedBuffer::zeroed(data.len() / 4);
            for (value, bytes) in values.iter_mut().zip(data.chunks_exact(4)) {
                *value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
            Ok(values)
        }
        Dtype::F16 => {
            /// Halves converted at a time: few enough to stay in the first cache.
            const BLOCK: usize = 4096;
            let mut values = AlignedBuffer::zeroed(data.len() / 2);
            let mut halves = [half::f16::ZERO; BLOCK];
            for (values, bytes) in values.chunks_mut(BLOCK).zip(data.chunks(2 * BLOCK)) {
                let halves = &mut halves[..values.len()];
                for (half, bytes) in halves.iter_mut().zip(bytes.chunks_exact(2)) {
                    *half = half::f16::from_le_bytes([bytes[0], bytes[1]]);
                }
                halves.convert_to_f32_slice(values);
            }
            Ok(values)
        }
        other => Err(PackageError::Inconsistent {
            reason: format!("`{name}` is stored as {other:?}; F16 and F32 are understood"),
        }),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data becomes JSON")
}

fn parse<T: for<'de> Deserialize<'de>>(key: &str, text: &str) -> Result<T, PackageError> {
    serde_json::from_str(text).map_err(|error| PackageError::Inconsistent {
        reason: format!("`{key}`: {error}"),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::calibration::DogRule;
    use graph::{Filter, Geometry, Op, Scaling, View};

    /// Four outputs over the mean colour of an 8 x 6 photo: the first is 'no dog', the others are
    /// red, green and blue 'breeds'.
    pub(crate) fn tiny() -> Package {
        let mut graph = Graph::new();
        let (height, width, channels) = (8, 6, 3);
        let input = graph
            .add(
                "input",
                Op::Input {
                    height,
                    width,
                    channels,
                },
                &[],
            )
            .unwrap();
        let pool = Op::GlobalAveragePool {
            keep_dimensions: false,
        };
        let pool = graph.add("pool", pool, &[input]).unwrap();
        let dense = Op::Dense {
            units: 4,
            bias: true,
        };
        graph.add("dense", dense, &[pool]).unwrap();
        #[rustfmt::skip]
        let kernel = [
            0.0, 8.0, 0.0, 0.0,
            0.0, 0.0, 8.0, 0.0,
            0.0, 0.0, 0.0, 8.0,
        ];
        let mut weights = NamedTensors::new();
        weights.insert(
            "dense/kernel".into(),
            Tensor::from_slice([3, 4], &kernel).unwrap(),
        );
        let bias = Tensor::from_slice([4], &[4.0, 0.1, 0.0, 0.0]).unwrap();
        weights.insert("dense/bias".into(), bias);
        let label = |output: usize, id: &str| Label {
            id: id.into(),
            name: id.to_uppercase(),
            name_fr: None,
            output,
        };
        let view = View {
            geometry: Geometry::Stretch,
            mirrored: false,
        };
        Package {
            about: About {
                name: "tiny".into(),
                version: "1.0".into(),
                input: InputSpec {
                    height,
                    width,
                    filter: Filter::Bicubic,
                    scaling: Scaling::uniform(0.0, 255.0),
                    views: vec![view],
                    preprocessing: String::new(),
                },
                labels: vec![label(1, "red"), label(2, "green"), label(3, "blue")],
                calibration: Calibration {
                    dog: Some(DogRule {
                        outputs: vec![[1, 3]],
                        slope: 1.0,
                        offset: 0.0,
                    }),
                    ..Calibration::default()
                },
                provenance: Provenance::default(),
                card: "# tiny\n\nIts \"card\".".into(),
            },
            graph,
            weights,
        }
    }

    /// The same file with one piece of its text exchanged and the hash made right again.
    fn with(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let mut bytes = bytes.to_vec();
        let at = bytes
            .windows(from.len())
            .position(|w| w == from.as_bytes())
            .expect(from);
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        let place = hash_place(&bytes).unwrap();
        bytes[place..place + HASH_DIGITS].fill(b'0');
        let hash = blake3::hash(&bytes).to_hex();
        bytes[place..place + HASH_DIGITS].copy_from_slice(hash.as_bytes());
        bytes
    }

    fn error(bytes: &[u8]) -> PackageError {
        Package::read(bytes).expect_err("a wrong package")
    }

    #[test]
    fn what_is_written_is_read() {
        let package = tiny();
        let bytes = package.to_bytes().unwrap();
        assert_eq!(
            bytes,
            package.to_bytes().unwrap(),
            "the same bytes each time"
        );
        let read = Package::read(&bytes).unwrap();
        assert_eq!(read.about, package.about);
        assert_eq!(read.graph, package.graph);
        for (name, tensor) in &package.weights {
            assert_eq!(read.weights[name].shape(), tensor.shape());
            for (a, b) in read.weights[name].values().iter().zip(tensor.values()) {
                assert!((a - b).abs() <= b.abs() / 2048.0, "{name}: {a} for {b}");
            }
        }
        assert_eq!(About::read(&bytes).unwrap(), package.about);
        let foreign_reader = SafeTensors::deserialize(&bytes).expect("any reader opens it");
        assert_eq!(
            foreign_reader.tensor("dense/kernel").unwrap().shape(),
            [3, 4]
        );
    }

    #[test]
    fn photos_are_known_again_by_their_content() {
        let hash = |number: u32| blake3::hash(&number.to_le_bytes());
        let hashes: Vec<blake3::Hash> = (0..100).chain(0..5).map(hash).collect();
        let ids = PhotoIds::of(hashes.iter());
        assert_eq!(ids.len(), 100, "each once");
        assert!((0..100).all(|number| ids.contains(&hash(number))));
        assert!((100..1000).all(|number| !ids.contains(&hash(number))));
        assert!(PhotoIds::default().is_empty() && !PhotoIds::default().contains(&hash(0)));
        let mut package = tiny();
        package.about.provenance.training = Some(TrainingRecord {
            settings: BTreeMap::from([("train.seed".into(), "7".into())]),
            photos: "ab".into(),
            fitted: ids,
            chosen: PhotoIds::default(),
        });
        let bytes = package.to_bytes().unwrap();
        assert_eq!(Package::read(&bytes).unwrap().about, package.about);
    }

    #[test]
    fn every_shortened_file_is_refused() {
        let bytes = tiny().to_bytes().unwrap();
        assert!(matches!(error(&[]), PackageError::Empty));
        for length in 1..bytes.len() {
            let error = error(&bytes[..length]);
            assert!(
                matches!(error, PackageError::Truncated { .. }),
                "{length}: {error}"
            );
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let bytes = tiny().to_bytes().unwrap();
        for position in 0..bytes.len() {
            for bit in [0, 3, 7] {
                let mut flipped = bytes.clone();
                flipped[position] ^= 1 << bit;
                let error = error(&flipped);
                // The first nine bytes make the file a package at all.
                if position > 8 {
                    let known = matches!(
                        error,
                        PackageError::Damaged { .. }
                            | PackageError::WrongHash
                            | PackageError::ForeignSafetensors
                            | PackageError::Newer { .. }
                            | PackageError::Truncated { .. }
                            | PackageError::NotAPackage { .. }
                    );
                    assert!(known, "{position}: {error}");
                }
            }
        }
    }

    #[test]
    fn a_wrong_file_is_named_as_what_it_is() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        let lfs = error(pointer.as_bytes());
        assert!(matches!(
            lfs,
            PackageError::GitLfsPointer { size: Some(12345) }
        ));
        assert!(lfs.to_string().contains("git lfs pull"));
        let page = error(b"\n<!DOCTYPE html><html><title>404</title>");
        assert!(matches!(page, PackageError::HtmlPage));
        for (bytes, found) in [
            (&b"PK\x03\x04 more bytes"[..], "zip"),
            (b"\x89HDF\r\n\x1a\n more", "HDF5"),
            (b"\x80\x02\x8a\x0al\xfc\x9c more", "pickle"),
            (b"\xff\xd8\xff\xe0 more bytes", "image"),
            (b"just some text, nothing more", "a text file"),
            (b"hello\n", "a text file"),
            (b"# A first try\n\n[train]\nepochs = 3\n", "TOML"),
            (b"epochs = 3\n", "TOML"),
            (b"{\"museau\": 1}", "JSON"),
            (b"path,offset,bytes,hash,class,breed\n", "manifest"),
            (b"\x01\x02\x03\x04\x05\x06\x07\x08 more", "unknown type"),
        ] {
            let error = error(bytes);
            assert!(matches!(error, PackageError::NotAPackage { .. }), "{error}");
            assert!(error.to_string().contains(found), "{error}");
        }
        let foreign = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        let mut bytes = (foreign.len() as u64).to_le_bytes().to_vec();
        bytes.extend(foreign);
        bytes.extend([0; 4]);
        assert!(matches!(error(&bytes), PackageError::ForeignSafetensors));
        let bytes = tiny().to_bytes().unwrap();
        let newer = with(&bytes, r#""format_version":"1""#, r#""format_version":"9""#);
        assert!(matches!(
            error(&newer),
            PackageError::Newer {
                version: 9,
                known: 1
            }
        ));
    }

    #[test]
    fn a_package_that_contradicts_itself_is_refused() {
        let bytes = tiny().to_bytes().unwrap();
        let shape = with(&bytes, r#""shape":[3,4]"#, r#""shape":[4,3]"#);
        let shape = error(&shape);
        assert_eq!(
            shape.to_string(),
            "weights: `dense/kernel` has [4, 3], the network wants [3, 4]"
        );
        let missing = error(&with(&bytes, r#""dense/bias":"#, r#""dense/vias":"#));
        assert!(
            matches!(missing, PackageError::Shape { found: None, .. }),
            "{missing}"
        );
        let output = with(&bytes, r#"\"output\":3"#, r#"\"output\":4"#);
        assert!(
            error(&output)
                .to_string()
                .contains("class `blue` is output 4 of 4")
        );
        let height = with(
            &bytes,
            r#"\"height\":8,\"width\":6,\"filter"#,
            r#"\"height\":9,\"width\":6,\"filter"#,
        );
        assert!(matches!(error(&height), PackageError::Inconsistent { .. }));
        let layers = error(&with(&bytes, r#"\"inputs\":[1]"#, r#"\"inputs\":[7]"#));
        assert!(layers.to_string().contains("unknown input"), "{layers}");
        let mut package = tiny();
        package.weights.swap_remove("dense/bias");
        assert!(matches!(
            package.to_bytes(),
            Err(PackageError::Shape { .. })
        ));
    }

    #[test]
    fn a_calibration_without_sense_is_refused() {
        type Change = fn(&mut Calibration, f32);
        let numbers: [(&str, Change); 9] = [
            ("temperature", |calibration, x| calibration.temperature = x),
            ("not_a_dog_below", |calibration, x| {
                calibration.not_a_dog_below = x
            }),
            ("unsure_below", |calibration, x| {
                calibration.unsure_below = x
            }),
            ("group_from", |calibration, x| calibration.group_from = x),
            ("mixed_together", |calibration, x| {
                calibration.mixed_together = x
            }),
            ("mixed_share", |calibration, x| calibration.mixed_share = x),
            ("category_from", |calibration, x| {
                calibration.category_from = x
            }),
            ("slope", |calibration, x| {
                calibration.dog.as_mut().unwrap().slope = x
            }),
            ("offset", |calibration, x| {
                calibration.dog.as_mut().unwrap().offset = x
            }),
        ];
        for (name, change) in numbers {
            for value in [
                f32::NAN,
                f32::INFINITY,
                f32::NEG_INFINITY,
                -1.0,
                0.0,
                0.5,
                1.5,
            ] {
                let mut package = tiny();
                change(&mut package.about.calibration, value);
                let good = match name {
                    "temperature" | "slope" => value.is_finite() && value > 0.0,
                    "offset" => value.is_finite(),
                    _ => (0.0..=1.0).contains(&value),
                };
                assert_eq!(package.to_bytes().is_ok(), good, "{name} {value}");
            }
        }
        let mut package = tiny();
        package.about.calibration.unfamiliar_below = Some(f32::NAN);
        assert!(package.to_bytes().is_err());
        let mut package = tiny();
        package.about.calibration.dog.as_mut().unwrap().outputs = vec![[1, 2]; 5];
        assert!(package.to_bytes().is_err(), "more ranges than outputs");
        // In the file itself: JSON has no NaN, but numbers that no f32 holds.
        let bytes = tiny().to_bytes().unwrap();
        for text in [
            r#"\"temperature\":-1."#,
            r#"\"temperature\":0.0"#,
            r#"\"temperature\":9e9"#,
        ] {
            let changed = with(&bytes, r#"\"temperature\":1.0"#, text);
            assert_eq!(
                Package::read(&changed).is_ok(),
                text.ends_with("9e9"),
                "{text}"
            );
        }
    }

    #[test]
    fn values_that_are_no_numbers_are_refused() {
        let bytes = tiny().to_bytes().unwrap();
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for name in ["dense/kernel", "dense/bias"] {
                let mut package = tiny();
                package.weights[name].values_mut()[1] = value;
                let error = package.to_bytes().unwrap_err();
                assert!(
                    matches!(&error, PackageError::NotFinite { name: found } if found == name),
                    "{error}"
                );
            }
            // The last value of the file, its hash made right.
            let mut changed = bytes.clone();
            let at = changed.len() - 4;
            changed[at..].copy_from_slice(&value.to_le_bytes());
            let changed = with(&changed, "format", "format");
            assert!(matches!(error(&changed), PackageError::NotFinite { .. }));
        }
        let said = error(&{
            let mut changed = bytes.clone();
            let at = changed.len() - 4;
            changed[at..].copy_from_slice(&f32::NAN.to_le_bytes());
            with(&changed, "format", "format")
        });
        let said = said.text(words::Language::French);
        assert!(said.contains("«\u{a0}dense/bias\u{a0}»"), "{said}");
    }

    #[test]
    fn what_is_no_variance_is_refused() {
        for (variance, epsilon, good) in [
            (1.0, 1e-3, true),
            (0.0, 1e-3, true),
            (-1e-4, 1e-3, true),
            (-1e-3, 1e-3, false),
            (-1.0, 1e-3, false),
            (0.0, 0.0, false),
        ] {
            let mut package = tiny();
            let norm = Op::BatchNorm {
                epsilon,
                momentum: 0.99,
                scale: false,
            };
            let dense = package.graph.find("dense").unwrap();
            package.graph.add("norm", norm, &[dense]).unwrap();
            for (name, value) in [
                ("beta", 0.0),
                ("moving_mean", 0.0),
                ("moving_variance", 1.0),
            ] {
                let tensor = Tensor::from_slice([4], &[value; 4]).unwrap();
                package.weights.insert(format!("norm/{name}"), tensor);
            }
            package.weights["norm/moving_variance"].values_mut()[2] = variance;
            assert_eq!(package.to_bytes().is_ok(), good, "{variance} {epsilon}");
        }
    }

    #[test]
    fn a_description_of_more_than_any_network_has_is_refused() {
        let changed = |change: &dyn Fn(&mut Package)| {
            let mut package = tiny();
            change(&mut package);
            package.to_bytes()
        };
        let views = |count| {
            changed(&|package: &mut Package| {
                package.about.input.views = vec![package.about.input.views[0]; count];
            })
        };
        assert!(views(64).is_ok());
        assert!(views(100_000).is_err());
        let fraction = |fraction| {
            changed(&|package: &mut Package| {
                package.about.input.views[0].geometry = Geometry::CenterCrop { fraction };
            })
        };
        assert!(fraction(0.1).is_ok());
        assert!(fraction(1e-30).is_err());
        let twice = changed(&|package| package.about.labels[1].output = 1);
        let said = twice.unwrap_err().to_string();
        assert!(said.contains("output 1 is two classes"), "{said}");
        assert!(changed(&|package| package.about.input.scaling.mean[1] = f32::NAN).is_err());
        // A network as text: more layers than any has, and more text than its layers need.
        let graph = |layer: &str, count: usize| {
            let layers = vec![layer; count].join(",");
            graph_text::read(&format!("{{\"layers\":[{layers}],\"outputs\":[]}}"))
        };
        let add = r#"{"name":"a","op":"Add","inputs":[]}"#;
        assert!(graph(add, 1_000_000).is_err());
        let deep = "[".repeat(1_000_000);
        assert!(graph(&deep, 1).is_err());
    }
}
