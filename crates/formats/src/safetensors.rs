//! safetensors: a JSON header, then the raw values. What `.museau` packages are made of.
use crate::FormatError;
use crate::number::Number;
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use tensor::{NamedTensors, Shape, Tensor};

const FORMAT: &str = "safetensors";
/// The format's own limit on the header, bytes.
const MAX_HEADER: usize = 100_000_000;

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// As they are.
    F32,
    /// Rounded to half precision: half the size; beyond 65,504 they become infinite.
    F16,
}

/// Reads a safetensors file: its tensors as f32 in the order of the data, and its metadata.
///
/// # Errors
/// [`FormatError::Damaged`] where the header and the data do not agree,
/// [`FormatError::Unsupported`] for numbers of other types than f16, bf16, f32, f64, integers and
/// booleans, or for more than five dimensions.
pub fn read_safetensors(
    bytes: &[u8],
) -> Result<(NamedTensors, BTreeMap<String, String>), FormatError> {
    let damaged = |error: safetensors::SafeTensorError| FormatError::Damaged {
        format: FORMAT,
        detail: error.to_string(),
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let mut tensors = NamedTensors::new();
    for name in header.offset_keys() {
        let view = file.tensor(&name).map_err(damaged)?;
        let unsupported = |detail| FormatError::Unsupported {
            format: FORMAT,
            detail,
        };
        let number = number(view.dtype())
            .ok_or_else(|| unsupported(format!("`{name}` of type {:?}", view.dtype())))?;
        let shape = Shape::checked(view.shape())
            .ok_or_else(|| unsupported(format!("`{name}` of {} dimensions", view.shape().len())))?;
        let tensor = Tensor::new(shape, number.read_all(view.data())).map_err(|error| {
            FormatError::Damaged {
                format: FORMAT,
                detail: format!("`{name}`: {error}"),
            }
        })?;
        tensors.insert(name, tensor);
    }
    let metadata = header.metadata().iter().flatten();
    Ok((
        tensors,
        metadata
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    ))
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
    let (dtype, size) = match precision {
        Precision::F32 => ("F32", 4),
        Precision::F16 => ("F16", 2),
    };
    let mut header = format!("{{\"__metadata__\":{}", json(metadata));
    let mut end = 0;
    for (name, tensor) in tensors {
        let start = end;
        end += tensor.values().len() * size;
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
        let detail = format!("a header of {} bytes", header.len());
        return Err(FormatError::Unsupported {
            format: FORMAT,
            detail,
        });
    }
    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header.as_bytes());
    for tensor in tensors.values() {
        match precision {
            Precision::F32 => bytes.extend(tensor.values().iter().flat_map(|v| v.to_le_bytes())),
            Precision::F16 => {
                bytes.extend(
                    tensor
                        .values()
                        .iter()
                        .flat_map(|&v| f16::from_f32(v).to_le_bytes()),
                );
            }
        }
    }
    Ok(bytes)
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
                for (a, b) in tensors[name].values().iter().zip(tensor.values()) {
                    assert!((a - b).abs() <= tolerance, "{name}: {a} {b}");
                }
            }
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
