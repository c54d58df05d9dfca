//! TensorFlow Lite: the layers with weights, in the order in which they are computed.
//!
//! Numbers of 8 bits become `(number - zero point) * scale`. Tensors are named `NAME/kernel` and
//! `NAME/bias` after the layer's kernel, and laid out as museau's own.
use crate::limits::{LONGEST_NAME, MOST_TENSORS, ValueCount};
use crate::number::Number;
use crate::{FormatError, Origin, Weights};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use tensor::{NamedTensors, Shape, Tensor};

const FORMAT: &str = "TensorFlow Lite";

fn damaged(detail: impl Display) -> FormatError {
    FormatError::damaged(FORMAT, detail)
}

fn unsupported(detail: impl Display) -> FormatError {
    FormatError::unsupported(FORMAT, detail)
}

/// Something is read outside the file.
fn cut() -> FormatError {
    damaged("it points outside itself")
}

// `BuiltinOperator` of TensorFlow Lite's schema.
const CONV_2D: i32 = 3;
const DEPTHWISE_CONV_2D: i32 = 4;
const DEQUANTIZE: i32 = 6;
const FULLY_CONNECTED: i32 = 9;

/// Reads a TensorFlow Lite model.
pub(crate) fn read(bytes: &[u8]) -> Result<Weights, FormatError> {
    let model = Table::root(bytes)?;
    // Fields are numbered as the schema lists them.
    let codes = model.tables(1)?;
    let graphs = model.tables(2)?;
    let buffers = model.tables(4)?;
    let [graph] = graphs[..] else {
        return Err(unsupported(format!("a model of {} graphs", graphs.len())));
    };
    let codes: Vec<i32> = codes
        .into_iter()
        .map(|code| Ok(i32::from(code.i8(0)?).max(code.i32(3)?)))
        .collect::<Result<_, FormatError>>()?;
    let mut reader = Reader {
        tensors: graph.tables(0)?,
        buffers,
        values: ValueCount::new(FORMAT, bytes.len()),
        named: NamedTensors::new(),
    };
    // A tensor of halves is made whole by a node of its own.
    let mut whole: HashMap<i32, i32> = HashMap::new();
    for operator in graph.tables(3)? {
        let code = usize::try_from(operator.u32(0)?).unwrap_or(usize::MAX);
        let &code = codes.get(code).ok_or_else(cut)?;
        let (inputs, outputs) = (operator.i32s(1)?, operator.i32s(2)?);
        match (code, &inputs[..]) {
            (DEQUANTIZE, &[input, ..]) => {
                if let Some(&output) = outputs.first() {
                    whole.insert(output, input);
                }
            }
            (CONV_2D | DEPTHWISE_CONV_2D | FULLY_CONNECTED, &[_, kernel, ref rest @ ..]) => {
                let stored = |tensor: i32| *whole.get(&tensor).unwrap_or(&tensor);
                let bias = rest.first().filter(|&&bias| bias >= 0);
                reader.layer(code, stored(kernel), bias.map(|&bias| stored(bias)))?;
            }
            (CONV_2D | DEPTHWISE_CONV_2D | FULLY_CONNECTED, _) => return Err(cut()),
            _ => {}
        }
    }
    if reader.named.is_empty() {
        return Err(unsupported("a model without any weight"));
    }
    Ok(Weights {
        origin: Origin::TfLite,
        tensors: reader.named,
        metadata: BTreeMap::new(),
    })
}

/// Reads layers, and counts what they take.
struct Reader<'a> {
    tensors: Vec<Table<'a>>,
    buffers: Vec<Table<'a>>,
    values: ValueCount,
    named: NamedTensors,
}

impl Reader<'_> {
    fn layer(&mut self, code: i32, kernel: i32, bias: Option<i32>) -> Result<(), FormatError> {
        let (name, stored) = self.tensor(kernel)?;
        let kernel = turned(code, &stored)
            .ok_or_else(|| unsupported(format!("`{name}` of the shape {}", stored.shape())))?;
        self.insert(format!("{name}/kernel"), kernel)?;
        if let Some(bias) = bias {
            let (_, bias) = self.tensor(bias)?;
            self.insert(format!("{name}/bias"), bias)?;
        }
        Ok(())
    }

    fn insert(&mut self, name: String, tensor: Tensor) -> Result<(), FormatError> {
        if self.named.len() == MOST_TENSORS || name.len() > LONGEST_NAME {
            return Err(unsupported("so many weights, or such long names,"));
        }
        match self.named.insert(name.clone(), tensor) {
            None => Ok(()),
            Some(_) => Err(unsupported(format!("`{name}`, which two layers share,"))),
        }
    }

    /// The name and the values of a stored tensor.
    fn tensor(&mut self, index: i32) -> Result<(String, Tensor), FormatError> {
        let index = usize::try_from(index).map_err(|_| cut())?;
        let table = *self.tensors.get(index).ok_or_else(cut)?;
        let name = table.text(3)?;
        let dimensions = table.i32s(0)?.into_iter().map(usize::try_from);
        let dimensions: Vec<usize> = dimensions.collect::<Result<_, _>>().map_err(|_| cut())?;
        let shape = Shape::checked(&dimensions)
            .ok_or_else(|| unsupported(format!("`{name}` of {} dimensions", dimensions.len())))?;
        let elements = shape.checked_elements().ok_or_else(cut)?;
        self.values.add(elements)?;
        // `TensorType` of the schema.
        let number = match table.i8(1)? {
            0 => Number::F32,
            1 => Number::F16,
            2 => Number::I32,
            3 => Number::U8,
            9 => Number::I8,
            other => return Err(unsupported(format!("`{name}` of the type {other}"))),
        };
        let buffer = usize::try_from(table.u32(2)?).map_err(|_| cut())?;
        let buffer = self.buffers.get(buffer).ok_or_else(cut)?.bytes(0)?;
        if buffer.is_empty() {
            return Err(unsupported(format!("`{name}`, which is computed,")));
        }
        let mut tensor = Tensor::new(shape, number.read_all(buffer))
            .map_err(|error| damaged(format!("`{name}`: {error}")))?;
        if let Some(rule) = table.table(4)? {
            make_whole(&name, &mut tensor, rule)?;
        }
        Ok((name, tensor))
    }
}

/// `(number - zero point) * scale`, one of each for the whole tensor or for each index of one
/// dimension.
fn make_whole(name: &str, tensor: &mut Tensor, rule: Table<'_>) -> Result<(), FormatError> {
    let scales = rule.f32s(2)?;
    if scales.is_empty() {
        return Ok(());
    }
    let zeros = rule.i64s(3)?;
    let dimension = usize::try_from(rule.i32(6)?).map_err(|_| cut())?;
    let dimensions = tensor.shape().dimensions().to_vec();
    let (count, inner) = match scales.len() {
        1 => (1, tensor.stored().len()),
        _ => {
            let count = dimensions.get(dimension).copied().ok_or_else(cut)?;
            (count, dimensions[dimension + 1..].iter().product())
        }
    };
    let fits = |length: usize| length == count;
    if !fits(scales.len()) || !(zeros.is_empty() || fits(zeros.len())) {
        let detail = format!("`{name}` has {} scales for {count}", scales.len());
        return Err(damaged(detail));
    }
    for (place, values) in tensor.values_mut().chunks_mut(inner.max(1)).enumerate() {
        let index = place % count;
        let zero = zeros.get(index).copied().unwrap_or(0) as f32;
        for value in values {
            *value = (*value - zero) * scales[index];
        }
    }
    Ok(())
}

/// A layer's kernel as museau has it, from `[OC, KH, KW, C]`, `[1, KH, KW, C]` or `[OC, C]`.
fn turned(code: i32, stored: &Tensor) -> Option<Tensor> {
    let values = &*stored.values();
    match (code, stored.shape().dimensions()) {
        (CONV_2D, &[oc, kh, kw, c]) => {
            let inner = kh * kw * c;
            let mut tensor = Tensor::zeros([kh, kw, c, oc]);
            turn(values, inner, tensor.values_mut());
            Some(tensor)
        }
        (FULLY_CONNECTED, &[units, inputs]) => {
            let mut tensor = Tensor::zeros([inputs, units]);
            turn(values, inputs, tensor.values_mut());
            Some(tensor)
        }
        (DEPTHWISE_CONV_2D, &[1, kh, kw, c]) => Tensor::from_slice([kh, kw, c], values).ok(),
        _ => None,
    }
}

/// Rows of `inner` values as columns.
fn turn(values: &[f32], inner: usize, out: &mut [f32]) {
    let rows = values.len() / inner.max(1);
    for (row, values) in values.chunks(inner.max(1)).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            out[column * rows + row] = value;
        }
    }
}

/// A table of a FlatBuffer: where it is, and where its fields are. Every reading is checked.
#[derive(Clone, Copy)]
struct Table<'a> {
    file: &'a [u8],
    position: usize,
}

/// Bytes of the file at a place.
fn at<const SIZE: usize>(file: &[u8], position: usize) -> Result<[u8; SIZE], FormatError> {
    let bytes = position
        .checked_add(SIZE)
        .and_then(|end| file.get(position..end));
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(cut)
}

/// Where the offset at a place points to: it counts from there.
fn follow(file: &[u8], position: usize) -> Result<usize, FormatError> {
    let offset = u32::from_le_bytes(at(file, position)?);
    position.checked_add(offset as usize).ok_or_else(cut)
}

impl<'a> Table<'a> {
    fn root(file: &'a [u8]) -> Result<Self, FormatError> {
        let position = follow(file, 0)?;
        Ok(Table { file, position })
    }

    /// Where a field is; `None` where it has its default.
    fn field(&self, field: usize) -> Result<Option<usize>, FormatError> {
        let back = i64::from(i32::from_le_bytes(at(self.file, self.position)?));
        let fields = usize::try_from(self.position as i64 - back).map_err(|_| cut())?;
        let length = usize::from(u16::from_le_bytes(at(self.file, fields)?));
        let place = 4 + 2 * field;
        if place + 2 > length {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(at(self.file, fields + place)?));
        Ok((offset != 0).then_some(self.position + offset))
    }

    /// A number of so many bytes; its default is 0.
    fn scalar<const SIZE: usize>(&self, field: usize) -> Result<[u8; SIZE], FormatError> {
        match self.field(field)? {
            Some(place) => at(self.file, place),
            None => Ok([0; SIZE]),
        }
    }

    fn i8(&self, field: usize) -> Result<i8, FormatError> {
        self.scalar(field).map(i8::from_le_bytes)
    }

    fn i32(&self, field: usize) -> Result<i32, FormatError> {
        self.scalar(field).map(i32::from_le_bytes)
    }

    fn u32(&self, field: usize) -> Result<u32, FormatError> {
        self.scalar(field).map(u32::from_le_bytes)
    }

    fn table(&self, field: usize) -> Result<Option<Table<'a>>, FormatError> {
        let Some(place) = self.field(field)? else {
            return Ok(None);
        };
        let position = follow(self.file, place)?;
        Ok(Some(Table {
            file: self.file,
            position,
        }))
    }

    /// The bytes of a vector of elements of this size, without its length.
    fn vector(&self, field: usize, size: usize) -> Result<&'a [u8], FormatError> {
        let Some(place) = self.field(field)? else {
            return Ok(&[]);
        };
        let start = follow(self.file, place)?;
        let length = u32::from_le_bytes(at(self.file, start)?) as usize;
        let bytes = length.checked_mul(size).and_then(|bytes| {
            let start = start + 4;
            self.file.get(start..start.checked_add(bytes)?)
        });
        bytes.ok_or_else(cut)
    }

    fn bytes(&self, field: usize) -> Result<&'a [u8], FormatError> {
        self.vector(field, 1)
    }

    fn i32s(&self, field: usize) -> Result<Vec<i32>, FormatError> {
        let (pieces, _) = self.vector(field, 4)?.as_chunks();
        Ok(pieces
            .iter()
            .map(|&piece| i32::from_le_bytes(piece))
            .collect())
    }

    fn i64s(&self, field: usize) -> Result<Vec<i64>, FormatError> {
        let (pieces, _) = self.vector(field, 8)?.as_chunks();
        Ok(pieces
            .iter()
            .map(|&piece| i64::from_le_bytes(piece))
            .collect())
    }

    fn f32s(&self, field: usize) -> Result<Vec<f32>, FormatError> {
        let (pieces, _) = self.vector(field, 4)?.as_chunks();
        Ok(pieces
            .iter()
            .map(|&piece| f32::from_le_bytes(piece))
            .collect())
    }

    fn text(&self, field: usize) -> Result<String, FormatError> {
        let bytes = self.vector(field, 1)?;
        let name = &bytes[..bytes.len().min(LONGEST_NAME)];
        Ok(String::from_utf8_lossy(name).into_owned())
    }

    /// The tables of a vector of offsets.
    fn tables(&self, field: usize) -> Result<Vec<Table<'a>>, FormatError> {
        let Some(place) = self.field(field)? else {
            return Ok(Vec::new());
        };
        let start = follow(self.file, place)?;
        let length = self.vector(field, 4)?.len() / 4;
        if length > MOST_TENSORS {
            return Err(unsupported(format!("a list of {length}")));
        }
        (0..length)
            .map(|index| {
                let position = follow(self.file, start + 4 + 4 * index)?;
                Ok(Table {
                    file: self.file,
                    position,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
