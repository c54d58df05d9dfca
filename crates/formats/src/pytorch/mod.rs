//! PyTorch's `torch.save`: the old format (several pickles, then raw storages; before 1.6) and the
//! zip archive. Both hold a `state_dict`, or dictionaries around one.
//!
//! Tensors of nested dictionaries and lists are named by their path with dots between
//! (`optimizer.state.0.exp_avg`), those of the outermost by their key alone.
mod pickle;

use crate::limits::{EXPANSION, LONGEST_NAME, MOST_TENSORS, ValueCount};
use crate::{FormatError, Origin, Weights};
use pickle::{Pickle, StoredTensor, Value};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::rc::Rc;
use tensor::{AlignedBuffer, NamedTensors, Shape, Tensor, Values};

const FORMAT: &str = "PyTorch";

/// What an old file begins with: protocol 2, then a whole number of 10 bytes.
pub(crate) const LEGACY_MAGIC: [u8; 4] = [0x80, 2, 0x8a, 10];

/// The whole number itself, 0x1950a86a20f9469cfc6c, little-endian.
const MAGIC_NUMBER: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Deepest nesting of dictionaries and lists around tensors.
const MAX_DEPTH: usize = 16;

/// Most dictionaries, lists and items that are looked at for tensors.
const MAX_VISITS: usize = 1_000_000;

/// Bytes that the names of a file's tensors may have beside a multiple of its size: a name is made of
/// the keys around its tensor, and dictionaries that stand in several places have their tensors
/// named for each.
const LEAST_NAMES: usize = 1 << 20;

/// Bytes that a tensor counts beside its name: what is known of it while the file is read.
const TENSOR_BYTES: usize = 256;

fn damaged(detail: impl Display) -> FormatError {
    FormatError::damaged(FORMAT, detail)
}

fn unsupported(detail: impl Display) -> FormatError {
    FormatError::unsupported(FORMAT, detail)
}

/// Reads the old format: magic number, protocol, system, value, list of storages, and for each its
/// number of elements (8 bytes) and its data.
pub(crate) fn read_legacy(bytes: &[u8]) -> Result<Weights, FormatError> {
    let mut rest = bytes;
    let mut next = || -> Result<(Value, Pickle), FormatError> {
        let (value, pickle, length) = pickle::read(rest)?;
        rest = &rest[length..];
        Ok((value, pickle))
    };
    match next()?.0 {
        Value::Long(number) if *number == MAGIC_NUMBER => {}
        _ => return Err(damaged("it does not begin with PyTorch's magic number")),
    }
    match next()?.0 {
        Value::Int(1001) => {}
        other => return Err(unsupported(format!("protocol {other:?}"))),
    }
    let (system, system_pickle) = next()?;
    if let Some(Value::Bool(false)) = lookup(&system_pickle, &system, "little_endian") {
        return Err(unsupported("a file from a big-endian machine"));
    }
    let (value, pickle) = next()?;
    let (keys, keys_pickle) = next()?;
    let Value::Sequence(keys) = keys else {
        return Err(damaged("the list of storages is no list"));
    };
    // How wide a storage's numbers are is said where tensors refer to it.
    let found = find_tensors(&value, &pickle, bytes.len())?;
    let widths: HashMap<&str, usize> = found
        .iter()
        .map(|(_, tensor)| (&*tensor.storage.key, tensor.storage.number.size()))
        .collect();
    let storages = storages(&keys_pickle.sequences[keys], &widths, rest)?;
    weights(bytes.len(), found, |key| {
        storages
            .get(key)
            .copied()
            .ok_or_else(|| damaged(format!("storage {key} is missing")))
    })
}

/// The old format's storages, which follow each other in the order of `keys` up to the file's end:
/// of each the number of its elements, `widths` bytes wide, and its data.
fn storages<'file, 'key>(
    keys: &'key [Value],
    widths: &HashMap<&str, usize>,
    mut rest: &'file [u8],
) -> Result<HashMap<&'key str, &'file [u8]>, FormatError> {
    let mut storages = HashMap::new();
    for key in keys {
        let Value::Text(key) = key else {
            return Err(damaged("a storage without a name"));
        };
        let Some(width) = widths.get(&**key) else {
            return Err(unsupported(format!("storage {key}, which no tensor uses,")));
        };
        let cut = || damaged(format!("it ends inside storage {key}"));
        let (elements, after) = rest.split_at_checked(8).ok_or_else(cut)?;
        let elements = u64::from_le_bytes(elements.try_into().map_err(|_| cut())?);
        let length = usize::try_from(elements)
            .ok()
            .and_then(|n| n.checked_mul(*width));
        let (data, after) = length
            .and_then(|length| after.split_at_checked(length))
            .ok_or_else(cut)?;
        storages.insert(&**key, data);
        rest = after;
    }
    if !rest.is_empty() {
        return Err(damaged(format!(
            "{} bytes after the last storage",
            rest.len()
        )));
    }
    Ok(storages)
}

/// Reads the files of the zip archive: `NAME/data.pkl`, and `NAME/data/KEY` for each storage.
pub(crate) fn read_zip(
    mut files: BTreeMap<String, Vec<u8>>,
    file_length: usize,
) -> Result<Weights, FormatError> {
    let Some(root) = files.keys().find_map(|name| name.strip_suffix("data.pkl")) else {
        return Err(unsupported("a zip archive without a `data.pkl`"));
    };
    let root = root.to_owned();
    if files
        .get(&format!("{root}byteorder"))
        .is_some_and(|order| order.trim_ascii() != b"little")
    {
        return Err(unsupported("a file from a big-endian machine"));
    }
    let data = files.remove(&format!("{root}data.pkl")).unwrap_or_default();
    let (value, pickle, _) = pickle::read(&data)?;
    let found = find_tensors(&value, &pickle, file_length)?;
    weights(file_length, found, |key| {
        match files.get(&format!("{root}data/{key}")) {
            Some(data) => Ok(data.as_slice()),
            None => Err(damaged(format!("storage {key} is missing"))),
        }
    })
}

/// The tensors with their names, values read from the storages.
fn weights<'storages>(
    file_length: usize,
    found: Vec<(String, Rc<StoredTensor>)>,
    storage: impl Fn(&str) -> Result<&'storages [u8], FormatError>,
) -> Result<Weights, FormatError> {
    // Views may share a storage or repeat its values, and what they see of it is read for each.
    let mut values = ValueCount::new(FORMAT, file_length);
    let mut tensors = NamedTensors::new();
    for (name, stored) in found {
        let shape = Shape::checked(&stored.dimensions).ok_or_else(|| {
            unsupported(format!(
                "`{name}` of {} dimensions",
                stored.dimensions.len()
            ))
        })?;
        let elements = shape.checked_elements().unwrap_or(usize::MAX);
        values.add(elements.max(span(&stored).unwrap_or(0)))?;
        let values = view(&stored, storage(&stored.storage.key)?)
            .ok_or_else(|| damaged(format!("`{name}` reaches outside its storage")))?;
        let tensor =
            Tensor::new(shape, values).map_err(|error| damaged(format!("`{name}`: {error}")))?;
        if tensors.insert(name.clone(), tensor).is_some() {
            return Err(damaged(format!("`{name}` twice")));
        }
    }
    Ok(Weights {
        origin: Origin::PyTorch,
        tensors,
        metadata: BTreeMap::new(),
    })
}

/// Elements from a tensor's first to its last in the storage; `None` where there is none, or they
/// cannot be counted.
fn span(tensor: &StoredTensor) -> Option<usize> {
    let mut last = 0usize;
    for (&dimension, &stride) in tensor.dimensions.iter().zip(&tensor.strides) {
        last = last.checked_add(dimension.checked_sub(1)?.checked_mul(stride)?)?;
    }
    last.checked_add(1)
}

/// The values that a tensor sees in its storage, row-major; `None` where it reaches outside.
fn view(tensor: &StoredTensor, storage: &[u8]) -> Option<Values> {
    let elements = tensor
        .dimensions
        .iter()
        .try_fold(1usize, |product, &d| product.checked_mul(d))?;
    if elements == 0 {
        return Some(tensor.storage.number.read_all(&[]));
    }
    let size = tensor.storage.number.size();
    let end = tensor.offset.checked_add(span(tensor)?)?;
    let seen = storage.get(tensor.offset.checked_mul(size)?..end.checked_mul(size)?)?;
    let block = tensor.storage.number.read_all(seen);
    let mut contiguous = 1;
    let is_contiguous = tensor
        .dimensions
        .iter()
        .zip(&tensor.strides)
        .rev()
        .all(|(&d, &stride)| {
            let fits = d == 1 || stride == contiguous;
            contiguous *= d;
            fits
        });
    if is_contiguous {
        return Some(block);
    }
    let block = block.to_f32();
    // Counts through the indices like the digits of a number, the last dimension fastest.
    let mut index = vec![0; tensor.dimensions.len()];
    let mut position = 0;
    let mut values = AlignedBuffer::zeroed(elements);
    for value in values.iter_mut() {
        *value = block[position];
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            position += tensor.strides[axis];
            if index[axis] < tensor.dimensions[axis] {
                break;
            }
            position -= index[axis] * tensor.strides[axis];
            index[axis] = 0;
        }
    }
    Some(values.into())
}

/// The value of a key, where `value` is a dictionary that has it.
fn lookup<'pickle>(pickle: &'pickle Pickle, value: &Value, key: &str) -> Option<&'pickle Value> {
    let &Value::Dictionary(index) = value else {
        return None;
    };
    pickle.dictionaries[index]
        .iter()
        .find(|(name, _)| matches!(name, Value::Text(name) if &**name == key))
        .map(|(_, value)| value)
}

/// All tensors under `value`, in order, with their names.
fn find_tensors(
    value: &Value,
    pickle: &Pickle,
    file_length: usize,
) -> Result<Vec<(String, Rc<StoredTensor>)>, FormatError> {
    let mut search = Search {
        pickle,
        visits: MAX_VISITS,
        names: file_length
            .saturating_mul(EXPANSION)
            .saturating_add(LEAST_NAMES),
        found: Vec::new(),
    };
    search.visit(value, "", 0)?;
    if search.found.is_empty() {
        return Err(unsupported("a file without any tensor"));
    }
    Ok(search.found)
}

/// Looks for tensors in dictionaries and lists.
struct Search<'pickle> {
    pickle: &'pickle Pickle,
    /// Dictionaries, lists and items that may still be looked at.
    visits: usize,
    /// Bytes that the names of further tensors may have.
    names: usize,
    found: Vec<(String, Rc<StoredTensor>)>,
}

impl Search<'_> {
    fn visit(&mut self, value: &Value, path: &str, depth: usize) -> Result<(), FormatError> {
        if depth > MAX_DEPTH || self.visits == 0 || path.len() > LONGEST_NAME {
            return Err(unsupported("so deep or long a nesting of dictionaries"));
        }
        self.visits -= 1;
        let join = |key: &str| {
            if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            }
        };
        let pickle = self.pickle;
        match value {
            Value::Tensor(tensor) => {
                let names = self.names.checked_sub(path.len() + TENSOR_BYTES);
                self.names = names
                    .filter(|_| self.found.len() < MOST_TENSORS)
                    .ok_or_else(|| unsupported("so many tensors in dictionaries that repeat"))?;
                self.found.push((path.to_owned(), tensor.clone()));
            }
            &Value::Dictionary(index) => {
                for (key, item) in &pickle.dictionaries[index] {
                    let name = match key {
                        Value::Text(text) => join(text),
                        Value::Int(number) => join(&number.to_string()),
                        _ => continue,
                    };
                    self.visit(item, &name, depth + 1)?;
                }
            }
            &Value::Sequence(index) => {
                for (position, item) in pickle.sequences[index].iter().enumerate() {
                    self.visit(item, &join(&position.to_string()), depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
