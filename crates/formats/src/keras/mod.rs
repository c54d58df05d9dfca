//! Keras's files: the legacy `.h5`, weights alone or a whole model with its configuration and
//! optimiser; and Keras 3's `.weights.h5` and `.keras` (see [`archive`]).
//!
//! A tensor is named `layer/weight` (`Conv1/kernel`): Keras 2's `:0` and the scopes that Keras 3
//! puts before a layer's name are dropped. A model nested in another is one group of the file; its
//! tensors are named `group/layer/weight`. The order is the file's: layer by layer, but inside a
//! nested model first what was trainable, then the rest, so that a layer may come in two parts.
mod archive;
mod hdf5;
mod layers;
mod write;

use crate::limits::{EXPANSION, LONGEST_NAME, MOST_TENSORS, ValueCount};
use crate::number::Number;
use crate::{FormatError, Origin, Weights};
use hdf5_reader::group::Group;
use hdf5_reader::{Attribute, ByteOrder, Datatype, Hdf5File, OpenOptions};
use std::collections::BTreeMap;
use std::fmt::Display;
use tensor::{NamedTensors, Shape, Tensor};

const FORMAT: &str = "Keras";

/// Text that a file says of itself, kept where it is there.
const TEXTS: [&str; 5] = [
    write::ABOUT,
    "model_config",
    "training_config",
    "keras_version",
    "backend",
];

fn damaged(detail: impl Display) -> FormatError {
    FormatError::damaged(FORMAT, detail)
}

fn unsupported(detail: impl Display) -> FormatError {
    FormatError::unsupported(FORMAT, detail)
}

pub(crate) use archive::read_keras;
pub(crate) use write::{differs, write};

/// Reads a legacy `.h5` or a `.weights.h5`.
pub(crate) fn read(bytes: &[u8]) -> Result<Weights, FormatError> {
    let options = OpenOptions::default()
        .with_chunk_cache_bytes(0)
        .with_max_chunk_bytes(bytes.len().saturating_mul(EXPANSION))
        .with_max_read_bytes(bytes.len().saturating_mul(EXPANSION));
    let file = Hdf5File::from_bytes_with_options(bytes, options).map_err(damaged)?;
    let root = file.root_group().map_err(damaged)?;
    let (groups, _) = root.member_names().map_err(damaged)?;
    let mut metadata = BTreeMap::new();
    for attribute in root.attributes().map_err(damaged)? {
        if TEXTS.contains(&attribute.name.as_str()) {
            let text = attribute.read_string().map_err(damaged)?;
            metadata.insert(attribute.name.clone(), text);
        }
    }
    if groups.iter().any(|name| archive::is_layers(name)) {
        return archive::read(file, &root, metadata, bytes.len());
    }
    let (model, path) = if groups.iter().any(|name| name == "model_weights") {
        (
            root.group("model_weights").map_err(damaged)?,
            "/model_weights",
        )
    } else {
        (root, "")
    };
    let Some(layers) = names(&model, "layer_names")? else {
        return Err(unsupported(
            "an HDF5 file without `layer_names` and without `layers` (not Keras's)",
        ));
    };
    let mut reader = Reader::new(file, bytes.len());
    for layer in layers {
        let group = model.group(&layer).map_err(damaged)?;
        let weights = names(&group, "weight_names")?
            .ok_or_else(|| damaged(format!("layer `{layer}` has no `weight_names`")))?;
        // The weights of one layer have one owner; those of a nested model have many.
        let nested = weights
            .iter()
            .any(|weight| owner(weight) != owner(&weights[0]));
        for weight in &weights {
            let last = weight.rsplit('/').next().unwrap_or(weight);
            let last = last.split(':').next().unwrap_or(last);
            let name = match owner(weight) {
                Some(owner) if nested => format!("{layer}/{owner}/{last}"),
                _ => format!("{layer}/{last}"),
            };
            reader.read(&format!("{path}/{layer}/{weight}"), name)?;
        }
    }
    reader.finish(Origin::Keras, metadata)
}

/// The layer that a weight's path names: `kernel` of `scope/Conv1/kernel:0` belongs to `Conv1`.
fn owner(weight: &str) -> Option<&str> {
    weight.rsplit('/').nth(1)
}

/// The strings of an attribute, which a long list is spread over: `NAME`, or `NAME0`, `NAME1`...
/// (an attribute holds 64 KiB at most). `None` where there is neither.
fn names(group: &Group, name: &str) -> Result<Option<Vec<String>>, FormatError> {
    let attributes = group.attributes().map_err(damaged)?;
    let find = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
    if let Some(attribute) = find(name) {
        return strings(attribute).map(Some);
    }
    let mut all = None;
    for part in 0.. {
        let Some(attribute) = find(&format!("{name}{part}")) else {
            break;
        };
        all.get_or_insert_with(Vec::new).extend(strings(attribute)?);
    }
    Ok(all)
}

/// The strings of one attribute. A layer without weights has an empty list of *floats*, since
/// numpy gives no better type to an empty list.
fn strings(attribute: &Attribute) -> Result<Vec<String>, FormatError> {
    if attribute.num_elements().map_err(damaged)? == 0 {
        return Ok(Vec::new());
    }
    let strings = attribute.read_strings().map_err(damaged)?;
    // Beyond the stored bytes the library returns fewer strings than the attribute declares.
    if strings.len() as u64 != attribute.num_elements().map_err(damaged)? {
        return Err(damaged(format!(
            "the attribute `{}` is cut",
            attribute.name
        )));
    }
    Ok(strings)
}

/// Reads data sets, and counts what they take.
struct Reader {
    file: Hdf5File,
    tensors: NamedTensors,
    values: ValueCount,
}

impl Reader {
    fn new(file: Hdf5File, file_length: usize) -> Self {
        Reader {
            file,
            tensors: NamedTensors::new(),
            values: ValueCount::new(FORMAT, file_length),
        }
    }

    /// What was read.
    fn finish(
        self,
        origin: Origin,
        metadata: BTreeMap<String, String>,
    ) -> Result<Weights, FormatError> {
        if self.tensors.is_empty() {
            return Err(unsupported("a file without any weight"));
        }
        Ok(Weights {
            origin,
            tensors: self.tensors,
            metadata,
        })
    }

    /// Reads the data set at `path` as the tensor `name`.
    fn read(&mut self, path: &str, name: String) -> Result<(), FormatError> {
        if self.tensors.len() == MOST_TENSORS || name.len() > LONGEST_NAME {
            return Err(unsupported("so many weights, or such long names,"));
        }
        let data = self.file.dataset(path).map_err(damaged)?;
        let number = number(data.dtype())
            .ok_or_else(|| unsupported(format!("`{name}` of type {:?}", data.dtype())))?;
        let too_large = || damaged(format!("`{name}` claims more elements than can be counted"));
        let dimensions: Option<Vec<usize>> = data
            .shape()
            .iter()
            .map(|&dimension| usize::try_from(dimension).ok())
            .collect();
        let dimensions = dimensions.ok_or_else(too_large)?;
        let shape = Shape::checked(&dimensions)
            .ok_or_else(|| unsupported(format!("`{name}` of {} dimensions", dimensions.len())))?;
        let elements = shape.checked_elements().ok_or_else(too_large)?;
        self.values.add(elements)?;
        let values = number.read_all(&data.read_raw_bytes().map_err(damaged)?);
        let tensor = Tensor::new(shape, values).map_err(damaged)?;
        if self.tensors.insert(name.clone(), tensor).is_some() {
            return Err(damaged(format!("`{name}` twice")));
        }
        Ok(())
    }
}

/// The type of number, where it is one that is stored little-endian.
fn number(datatype: &Datatype) -> Option<Number> {
    Some(match *datatype {
        Datatype::FloatingPoint {
            size,
            byte_order: ByteOrder::LittleEndian,
        } => match size {
            2 => Number::F16,
            4 => Number::F32,
            8 => Number::F64,
            _ => return None,
        },
        Datatype::FixedPoint {
            size,
            signed,
            byte_order: ByteOrder::LittleEndian,
        } => match (size, signed) {
            (1, true) => Number::I8,
            (1, false) => Number::U8,
            (2, true) => Number::I16,
            (2, false) => Number::U16,
            (4, true) => Number::I32,
            (4, false) => Number::U32,
            (8, true) => Number::I64,
            (8, false) => Number::U64,
            _ => return None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
