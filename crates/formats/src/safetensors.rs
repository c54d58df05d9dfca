//! safetensors: a JSON header, then the raw values. What `.museau` packages are made of.
use crate::FormatError;
use crate::limits::{LONGEST_NAME, MOST_TENSORS};
use crate::number::Number;
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Display};
use tensor::{NamedTensors, Shape, Tensor, Values};

const FORMAT: &str = "safetensors";
/// The format's own limit on the header, bytes.
const MAX_HEADER: usize = 100_000_000;

fn damaged(detail: impl Display) -> FormatError {
    FormatError::damaged(FORMAT, detail)
}

fn unsupported(detail: impl Display) -> FormatError {
    FormatError::unsupported(FORMAT, detail)
}

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// As they are.
    F32,
    /// Rounded to half precision: half the size; beyond 65,504 they become infinite.
    F16,
}

impl Precision {
    /// The format's own name.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "F32",
            Precision::F16 => "F16",
        }
    }

    /// Bytes of a value.
    fn size(self) -> usize {
        match self {
            Precision::F32 => size_of::<f32>(),
            Precision::F16 => size_of::<f16>(),
        }
    }

    /// The largest number that stays finite.
    pub fn largest(self) -> f32 {
        match self {
            Precision::F32 => f32::MAX,
            Precision::F16 => f16::MAX.to_f32(),
        }
    }

    /// A tensor as it is read back.
    pub fn stored(self, tensor: Tensor) -> Tensor {
        match self {
            Precision::F32 => tensor,
            Precision::F16 => tensor.to_f16(),
        }
    }
}

/// What the JSON of a header says, but for the tensors themselves. Reading it takes little memory
/// whatever the header, and fails where that has more tensors than any network, or two of one name.
#[derive(Debug, Default)]
pub struct Header {
    /// What stands under `__metadata__`.
    pub metadata: BTreeMap<String, String>,
    /// Bytes of values that it announces.
    pub values: u64,
}

/// What is wanted of a tensor's entry.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    data_offsets: Option<[u64; 2]>,
}

/// Texts by name, not more than there may be.
#[derive(Default)]
struct Texts(BTreeMap<String, String>);

fn too_many<E: Error>() -> E {
    E::custom(format!("more than {MOST_TENSORS} entries"))
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("tensors by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                let mut names = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        header.metadata = map.next_value::<Texts>()?.0;
                    } else if let Some([_, end]) = map.next_value::<Entry>()?.data_offsets {
                        header.values = header.values.max(end);
                    }
                    if names.len() == MOST_TENSORS {
                        return Err(too_many());
                    }
                    if name.len() > LONGEST_NAME {
                        let length = name.len();
                        return Err(Error::custom(format!("a name of {length} bytes")));
                    }
                    if let Some(name) = names.replace(name) {
                        return Err(Error::custom(format!("`{name}` twice")));
                    }
                }
                Ok(header)
            }
        }
        from.deserialize_map(Entries)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Texts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("texts by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = Texts::default();
                while let Some((key, text)) = map.next_entry()? {
                    if texts.0.len() == MOST_TENSORS {
                        return Err(too_many());
                    }
                    texts.0.insert(key, text);
                }
                Ok(texts)
            }
        }
        from.deserialize_map(Pairs)
    }
}

/// The JSON of the header; what is wrong where it is not whole is left to the format's own library.
fn header_of(bytes: &[u8]) -> Option<&[u8]> {
    let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    bytes.get(8..)?.get(..usize::try_from(length).ok()?)
}

/// Reads a safetensors file: its tensors in the order of the data, those that are no f16, i8 or u8 as
/// f32, and its metadata.
///
/// # Errors
/// [`FormatError::Damaged`] where the header and the data do not agree,
/// [`FormatError::Unsupported`] for numbers of other types than f16, bf16, f32, f64, integers and
/// booleans, or for more than five dimensions.
pub fn read_safetensors(
    bytes: &[u8],
) -> Result<(NamedTensors, BTreeMap<String, String>), FormatError> {
    let mut metadata = BTreeMap::new();
    if let Some(header) = header_of(bytes) {
        metadata = serde_json::from_slice::<Header>(header)
            .map_err(damaged)?
            .metadata;
    }
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let values = &bytes[8 + length..];
    let mut tensors = NamedTensors::new();
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else {
            continue;
        };
        let number = number(info.dtype)
            .ok_or_else(|| unsupported(format!("`{name}` of type {:?}", info.dtype)))?;
        let shape = Shape::checked(&info.shape)
            .ok_or_else(|| unsupported(format!("`{name}` of {} dimensions", info.shape.len())))?;
        let (begin, end) = info.data_offsets;
        let tensor = Tensor::new(shape, number.read_all(&values[begin..end]))
            .map_err(|error| damaged(format!("`{name}`: {error}")))?;
        tensors.insert(name, tensor);
    }
    Ok((tensors, metadata))
}

/// Writes tensors, in their order, and metadata as a safetensors file. The same input gives the
/// same bytes, which the format's own library does not promise.
///
/// # Errors
/// [`FormatError::Unsupported`] where the header would be larger than the format allows (100 MB).
pub fn write_safetensors(
    tensors: &NamedTensors,
    precision: Precision,
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, FormatError> {
    let (dtype, size) = (precision.name(), precision.size());
    let mut header = format!("{{\"__metadata__\":{}", json(metadata));
    let mut end = 0;
    for (name, tensor) in tensors {
        let start = end;
        end += tensor.stored().len() * size;
        let shape = json(&tensor.shape().dimensions());
        header += &format!(
            ",{}:{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[{start},{end}]}}",
            json(name)
        );
    }
    header.push('}');
    // The data begins at a multiple of 8, as the format's own library has it.
    header.extend(std::iter::repeat_n(
        ' ',
        header.len().next_multiple_of(8) - header.len(),
    ));
    if header.len() > MAX_HEADER {
        return Err(unsupported(format!("a header of {} bytes", header.len())));
    }
    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header.as_bytes());
    for tensor in tensors.values() {
        write_values(tensor, precision, &mut bytes);
    }
    Ok(bytes)
}

/// Appends a tensor's values, little-endian.
pub fn write_values(tensor: &Tensor, precision: Precision, bytes: &mut Vec<u8>) {
    match (precision, tensor.stored()) {
        (Precision::F16, Values::F16(halves)) => {
            bytes.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
        }
        (Precision::F16, _) => {
            let values = tensor.values();
            let halves = values.iter().map(|&value| f16::from_f32(value));
            bytes.extend(halves.flat_map(f16::to_le_bytes));
        }
        (Precision::F32, _) => {
            bytes.extend(tensor.values().iter().flat_map(|v| v.to_le_bytes()));
        }
    }
}

/// As JSON; only called on strings, numbers and maps of strings, which always can be.
fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("strings and numbers are JSON")
}

fn number(dtype: Dtype) -> Option<Number> {
    Some(match dtype {
        Dtype::BOOL => Number::Bool,
        Dtype::U8 => Number::U8,
        Dtype::I8 => Number::I8,
        Dtype::U16 => Number::U16,
        Dtype::I16 => Number::I16,
        Dtype::U32 => Number::U32,
        Dtype::I32 => Number::I32,
        Dtype::U64 => Number::U64,
        Dtype::I64 => Number::I64,
        Dtype::F16 => Number::F16,
        Dtype::BF16 => Number::BF16,
        Dtype::F32 => Number::F32,
        Dtype::F64 => Number::F64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> NamedTensors {
        let mut tensors = NamedTensors::new();
        tensors.insert(
            "b/kernel".into(),
            Tensor::from_slice([2, 2], &[1.0, 2.5, -3.0, 0.1]).unwrap(),
        );
        tensors.insert("a/bias".into(), Tensor::from_slice([1], &[7.0]).unwrap());
        tensors.insert("none".into(), Tensor::zeros([0, 3]));
        tensors
    }

    #[test]
    fn writes_what_it_reads() {
        let metadata = BTreeMap::from([("note".to_string(), "é".to_string())]);
        for (precision, tolerance) in [(Precision::F32, 0.0), (Precision::F16, 1e-4)] {
            let bytes = write_safetensors(&example(), precision, &metadata).unwrap();
            let (tensors, read_metadata) = read_safetensors(&bytes).unwrap();
            assert_eq!(read_metadata, metadata);
            assert!(tensors.keys().eq(example().keys()), "the order is kept");
            for (name, tensor) in &example() {
                assert_eq!(tensors[name].shape(), tensor.shape());
                let rounded = precision.stored(tensor.clone());
                assert_eq!(
                    tensors[name].values(),
                    rounded.values(),
                    "{name}: as they are read back"
                );
                for (a, b) in tensors[name].values().iter().zip(&*tensor.values()) {
                    assert!((a - b).abs() <= tolerance, "{name}: {a} {b}");
                }
            }
        }
    }

    /// A file of this header and as many bytes of values.
    fn file(header: &str, values: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + values, 0);
        bytes
    }

    #[test]
    fn more_names_than_any_network_has_are_refused() {
        let entry = |name: &str| {
            format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}")
        };
        let with = |entries: Vec<String>| format!("{{{}}}", entries.join(","));
        let tensors = |count: usize| with((0..count).map(|i| entry(&i.to_string())).collect());
        let texts = |count: usize| {
            let pairs: Vec<String> = (0..count).map(|i| format!("\"{i}\":\"\"")).collect();
            format!("{{\"__metadata__\":{{{}}}}}", pairs.join(","))
        };
        assert!(read_safetensors(&file(&tensors(1000), 0)).is_ok());
        assert!(read_safetensors(&file(&texts(1000), 0)).is_ok());
        for (header, reason) in [
            (tensors(MOST_TENSORS + 1), "more than 100000 entries"),
            (texts(MOST_TENSORS + 1), "more than 100000 entries"),
            (with(vec![entry("a"), entry("a")]), "`a` twice"),
            (with(vec![entry(&"/".repeat(5000))]), "a name of 5000 bytes"),
        ] {
            let error = read_safetensors(&file(&header, 0)).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn no_damage_panics() {
        let bytes = write_safetensors(&example(), Precision::F32, &BTreeMap::new()).unwrap();
        testkit::damage(&bytes, 0..bytes.len(), |damaged| {
            let _ = crate::read(damaged);
        });
        for length in 0..bytes.len() {
            assert!(crate::read(&bytes[..length]).is_err(), "cut at {length}");
        }
    }
}
