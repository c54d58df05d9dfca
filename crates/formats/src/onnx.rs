//! ONNX: the layers with weights, in the order in which they are computed.
//!
//! Exporters name what they store as they please, and lay it out as their framework does. What a
//! layer is stands in the graph: the tensors here are named `NODE/kernel`, `NODE/bias`,
//! `NODE/gamma`, `/beta`, `/moving_mean`, `/moving_variance` after the node that takes them, and
//! laid out as museau's own. What no layer takes comes last, under its own name.
mod layers;
mod proto;
mod write;

use crate::limits::MOST_TENSORS;
use crate::number::Number;
use crate::{FormatError, Origin, Weights};
use prost::Message as _;
use proto::{Graph, Model, Node, Stored};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;
use tensor::{NamedTensors, Shape, Tensor};

pub(crate) use write::{differs, write};

const FORMAT: &str = "ONNX";

fn damaged(detail: impl Display) -> FormatError {
    FormatError::damaged(FORMAT, detail)
}

fn unsupported(detail: impl Display) -> FormatError {
    FormatError::unsupported(FORMAT, detail)
}

/// The kinds of numbers that weights have, as `TensorProto.DataType` counts them.
fn number(kind: i32) -> Option<Number> {
    Some(match kind {
        1 => Number::F32,
        10 => Number::F16,
        11 => Number::F64,
        16 => Number::BF16,
        _ => return None,
    })
}

impl Stored {
    /// The tensor; `None` where it is no floating-point numbers.
    fn tensor(&self) -> Result<Option<Tensor>, FormatError> {
        let Some(number) = number(self.kind) else {
            return Ok(None);
        };
        // `TensorProto.DataLocation.EXTERNAL`
        if self.place == 1 {
            return Err(unsupported(format!(
                "`{}` in a file of its own (external data)",
                self.name
            )));
        }
        let dimensions: Option<Vec<usize>> = self
            .dimensions
            .iter()
            .map(|&dimension| usize::try_from(dimension).ok())
            .collect();
        let shape = dimensions
            .and_then(|dimensions| Shape::checked(&dimensions))
            .filter(|shape| shape.checked_elements().is_some())
            .ok_or_else(|| damaged(format!("`{}` has no shape", self.name)))?;
        let tensor = match (self.raw.is_empty(), self.floats.is_empty()) {
            (false, _) => Tensor::new(shape, number.read_all(&self.raw)),
            (true, false) => Tensor::from_slice(shape, &self.floats),
            (true, true) => {
                let values: Vec<f32> = self.doubles.iter().map(|&value| value as f32).collect();
                Tensor::from_slice(shape, &values)
            }
        };
        let tensor = tensor.map_err(|error| damaged(format!("`{}`: {error}", self.name)))?;
        Ok(Some(tensor))
    }
}

impl Node {
    fn integer(&self, name: &str, otherwise: i64) -> i64 {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|attribute| attribute.name == name)
            .map_or(otherwise, |attribute| attribute.integer.unwrap_or_default())
    }

    fn integers(&self, name: &str) -> &[i64] {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|attribute| attribute.name == name)
            .map_or(&[], |attribute| attribute.integers.as_slice())
    }
}

/// Reads an ONNX model; `None` where the bytes are not one.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Weights>, FormatError> {
    // The first field of every model is its version, a small number.
    if bytes.first() != Some(&0x08) {
        return Ok(None);
    }
    let model = Model::decode(bytes).map_err(damaged)?;
    let Some(graph) = model.graph else {
        return Ok(None);
    };
    let metadata = BTreeMap::from([("producer".to_string(), model.producer)]);
    let tensors = Layers::new(&graph)?.read()?;
    if tensors.is_empty() {
        return Err(unsupported("a model without any weight"));
    }
    Ok(Some(Weights {
        origin: Origin::Onnx,
        tensors,
        metadata,
    }))
}

/// The graph, and the layers that were found in it.
struct Layers<'a> {
    graph: &'a Graph,
    constants: HashMap<&'a str, &'a Stored>,
    /// The node that makes each value.
    makers: HashMap<&'a str, &'a Node>,
    used: HashSet<&'a str>,
    tensors: NamedTensors,
}

impl<'a> Layers<'a> {
    fn new(graph: &'a Graph) -> Result<Self, FormatError> {
        if graph.nodes.len() > MOST_TENSORS || graph.initializers.len() > MOST_TENSORS {
            return Err(unsupported("so many nodes"));
        }
        let mut constants: HashMap<&str, &Stored> = graph
            .initializers
            .iter()
            .map(|stored| (stored.name.as_str(), stored))
            .collect();
        let mut makers = HashMap::new();
        for node in &graph.nodes {
            let Some(output) = node.outputs.first() else {
                continue;
            };
            let constant = match node.op.as_str() {
                "Constant" => node.attributes.iter().find_map(|a| a.tensor.as_ref()),
                // Some exporters store shared values once, and name them again.
                "Identity" => node
                    .inputs
                    .first()
                    .and_then(|input| constants.get(input.as_str()).copied()),
                _ => None,
            };
            match constant {
                Some(stored) => {
                    constants.insert(output, stored);
                }
                None => {
                    for output in &node.outputs {
                        makers.insert(output.as_str(), node);
                    }
                }
            }
        }
        Ok(Layers {
            graph,
            constants,
            makers,
            used: HashSet::new(),
            tensors: NamedTensors::new(),
        })
    }

    fn read(mut self) -> Result<NamedTensors, FormatError> {
        let graph = self.graph;
        // A sum that follows a layer may be its bias.
        let mut adding: HashMap<&str, &Node> = HashMap::new();
        for node in graph.nodes.iter().filter(|node| node.op == "Add") {
            for input in &node.inputs {
                adding.insert(input, node);
            }
        }
        for (place, node) in graph.nodes.iter().enumerate() {
            match node.op.as_str() {
                "Conv" => {
                    let kernel = self.take(node, 1)?;
                    let kernel = convolution(node, kernel)?;
                    let units = kernel.shape().channels();
                    self.insert(place, node, "kernel", kernel)?;
                    self.bias(place, node, 2, units, &adding)?;
                }
                // A product of two values that are computed is no layer.
                "Gemm" | "MatMul" if node.inputs.get(1).is_some_and(|name| self.has(name)) => {
                    let kernel = self.dense(node)?;
                    let units = kernel.shape().channels();
                    self.insert(place, node, "kernel", kernel)?;
                    let third = if node.op == "Gemm" { 2 } else { usize::MAX };
                    self.bias(place, node, third, units, &adding)?;
                }
                "BatchNormalization" => {
                    let names = ["gamma", "beta", "moving_mean", "moving_variance"];
                    for (input, name) in (1..).zip(names) {
                        let values = self.take(node, input)?;
                        self.insert(place, node, name, values)?;
                    }
                }
                "ConvTranspose" | "LSTM" | "GRU" | "RNN" | "QLinearConv" | "ConvInteger" => {
                    return Err(unsupported(format!("`{}` ({})", node.name, node.op)));
                }
                _ => {}
            }
        }
        // In the file's order. One number is no weight but a bound or a factor.
        for stored in &graph.initializers {
            if self.used.contains(stored.name.as_str()) {
                continue;
            }
            if let Some(tensor) = stored.tensor()?
                && tensor.stored().len() > 1
            {
                self.tensors.insert(stored.name.clone(), tensor);
            }
        }
        Ok(self.tensors)
    }

    fn has(&self, name: &str) -> bool {
        self.constants.contains_key(name)
    }

    /// The stored values of a node's input.
    fn take(&mut self, node: &'a Node, input: usize) -> Result<Tensor, FormatError> {
        let no = || unsupported(format!("`{}` whose weights are computed", node.name));
        let name = node.inputs.get(input).ok_or_else(no)?;
        let stored = *self.constants.get(name.as_str()).ok_or_else(no)?;
        self.used.insert(&stored.name);
        stored.tensor()?.ok_or_else(no)
    }

    /// The kernel of a dense layer, `[C, OC]`.
    fn dense(&mut self, node: &'a Node) -> Result<Tensor, FormatError> {
        let mut kernel = self.take(node, 1)?;
        let &[rows, columns] = kernel.shape().dimensions() else {
            return Err(unsupported(format!("`{}` of no matrix", node.name)));
        };
        let scaled = node.attributes.iter().any(|attribute| {
            ["alpha", "beta"].contains(&&*attribute.name) && attribute.float != Some(1.0)
        });
        if node.integer("transA", 0) != 0 || scaled {
            return Err(unsupported(format!("`{}`: a scaled product", node.name)));
        }
        if node.op == "Gemm" && node.integer("transB", 0) != 0 {
            kernel = permuted(&kernel, [columns, rows], |[i, j]| j * columns + i)?;
        }
        self.rows_last(node, kernel)
    }

    /// The bias of a layer: its third input, or what the next node adds.
    fn bias(
        &mut self,
        place: usize,
        node: &'a Node,
        input: usize,
        units: usize,
        adding: &HashMap<&str, &'a Node>,
    ) -> Result<(), FormatError> {
        let third = node.inputs.get(input).filter(|name| !name.is_empty());
        let bias = match third {
            Some(_) => self.take(node, input)?,
            None => {
                let output = node.outputs.first().map(String::as_str).unwrap_or_default();
                let Some(&sum) = adding.get(output) else {
                    return Ok(());
                };
                let other = sum.inputs.iter().position(|name| self.has(name));
                match other {
                    Some(other) => self.take(sum, other)?,
                    None => return Ok(()),
                }
            }
        };
        let bias = Tensor::from_slice([units], &bias.values())
            .map_err(|error| damaged(format!("the bias of `{}`: {error}", node.name)))?;
        self.insert(place, node, "bias", bias)
    }

    fn insert(
        &mut self,
        place: usize,
        node: &Node,
        weight: &str,
        tensor: Tensor,
    ) -> Result<(), FormatError> {
        let mut name = match node.name.is_empty() {
            true => format!("{}_{place}/{weight}", node.op),
            false => format!("{}/{weight}", node.name),
        };
        if name.len() > crate::limits::LONGEST_NAME || self.tensors.contains_key(&name) {
            name = format!("{}_{place}/{weight}", node.op);
        }
        match self.tensors.insert(name.clone(), tensor) {
            None => Ok(()),
            Some(_) => Err(damaged(format!("`{name}` twice"))),
        }
    }

    /// The kernel of a dense layer on a flattened image, its rows as of an image whose channels come
    /// last: ONNX has them first, unless the image was turned before.
    fn rows_last(&self, node: &'a Node, kernel: Tensor) -> Result<Tensor, FormatError> {
        let &[rows, columns] = kernel.shape().dimensions() else {
            return Ok(kernel);
        };
        let mut flattened = false;
        let mut value = node.inputs.first();
        for _ in 0..self.graph.nodes.len() {
            let Some(&maker) = value.and_then(|name| self.makers.get(name.as_str())) else {
                break;
            };
            match maker.op.as_str() {
                "Flatten" | "Reshape" => flattened = true,
                "Transpose" if maker.integers("perm") == [0, 2, 3, 1] => break,
                "GlobalAveragePool" | "ReduceMean" | "Gemm" | "MatMul" => break,
                "Conv" if flattened => {
                    let kernel_of = maker.inputs.get(1);
                    let stored = kernel_of.and_then(|name| self.constants.get(name.as_str()));
                    let channels = stored.and_then(|stored| stored.dimensions.first());
                    let channels = channels.and_then(|&c| usize::try_from(c).ok()).unwrap_or(0);
                    if channels > 0 && rows % channels == 0 && rows > channels {
                        let places = rows / channels;
                        return permuted(&kernel, [rows, columns], |[row, column]| {
                            let (place, channel) = (row / channels, row % channels);
                            (channel * places + place) * columns + column
                        });
                    }
                    break;
                }
                "Conv" => break,
                _ => {}
            }
            value = maker.inputs.first();
        }
        Ok(kernel)
    }
}

/// A matrix whose element at `[row, column]` is the tensor's at the index that `from` says.
fn permuted(
    tensor: &Tensor,
    [rows, columns]: [usize; 2],
    from: impl Fn([usize; 2]) -> usize,
) -> Result<Tensor, FormatError> {
    let mut result = Tensor::zeros([rows, columns]);
    let values = tensor.values();
    for (row, out) in result.values_mut().chunks_mut(columns.max(1)).enumerate() {
        for (column, out) in out.iter_mut().enumerate() {
            *out = *values
                .get(from([row, column]))
                .ok_or_else(|| damaged("a matrix is cut"))?;
        }
    }
    Ok(result)
}

/// `[OC, C, KH, KW]` as `[KH, KW, C, OC]`; of a depthwise convolution as `[KH, KW, C]`.
fn convolution(node: &Node, kernel: Tensor) -> Result<Tensor, FormatError> {
    let &[oc, c, kh, kw] = kernel.shape().dimensions() else {
        return Err(unsupported(format!(
            "`{}`, a convolution over {} dimensions",
            node.name,
            kernel.shape().rank().saturating_sub(2)
        )));
    };
    let groups = usize::try_from(node.integer("group", 1)).unwrap_or(0);
    let taps = kh * kw;
    let values = kernel.values();
    if groups == 1 {
        let mut turned = Tensor::zeros([kh, kw, c, oc]);
        let out = turned.values_mut();
        for (index, &value) in values.iter().enumerate() {
            let (output, channel, tap) = (index / (c * taps), index / taps % c, index % taps);
            out[(tap * c + channel) * oc + output] = value;
        }
        Ok(turned)
    } else if groups == oc && c == 1 {
        let mut turned = Tensor::zeros([kh, kw, oc]);
        let out = turned.values_mut();
        for (index, &value) in values.iter().enumerate() {
            out[index % taps * oc + index / taps] = value;
        }
        Ok(turned)
    } else {
        let detail = format!("`{}`, a convolution of {groups} groups", node.name);
        Err(unsupported(detail))
    }
}

#[cfg(test)]
mod tests;
