//! A model as ONNX.
//!
//! Images have their channels first there, `[batch, C, H, W]`, kernels their output channels. Each
//! node bears its layer's name, and so does the value that it gives. Where a layer needs several
//! nodes, the last one has its name.
use super::layers::Writer;
use super::proto::{Graph, Model, Node, Operators, Stored, Text, Value};
use super::unsupported;
use crate::model::other_values;
use crate::{FormatError, Model as Given};
use graph::{NodeId, Op};
use prost::Message as _;
use std::collections::HashSet;

/// Read by ONNX Runtime since 1.12 and OpenVINO since 2023; all operations here are as old.
const OPERATORS: i64 = 17;
/// The version of the file format that goes with it.
const IR_VERSION: i64 = 8;
/// The limit of protocol buffers.
const MOST_BYTES: usize = i32::MAX as usize;

/// The file's bytes.
pub(crate) fn write(model: &Given<'_>) -> Result<Vec<u8>, FormatError> {
    let described = describe(model, true)?;
    if described.encoded_len() > MOST_BYTES {
        return Err(unsupported(format!(
            "a file of {} bytes",
            described.encoded_len()
        )));
    }
    Ok(described.encode_to_vec())
}

/// Where the file is not this model's; `None` where it is.
pub(crate) fn differs(model: &Given<'_>, bytes: &[u8]) -> Result<Option<String>, FormatError> {
    let mut found = Model::decode(bytes).map_err(|error| super::damaged(error.to_string()))?;
    for stored in found.graph.iter_mut().flat_map(|g| &mut g.initializers) {
        if model.parameters.contains_key(&stored.name) {
            stored.raw.clear();
        }
    }
    let wanted = describe(model, false)?;
    if found != wanted {
        let nodes = |model: Model| model.graph.map(|graph| graph.nodes).unwrap_or_default();
        let (found, wanted) = (nodes(found), nodes(wanted));
        let other = wanted.iter().zip(&found).find(|(a, b)| a != b);
        return Ok(Some(match other {
            Some((node, _)) => format!("`{}`", node.name),
            None => "its nodes, inputs and outputs".to_owned(),
        }));
    }
    drop((found, wanted));
    let read = crate::read(bytes)?;
    let mut parameters = read.tensors;
    // ONNX's batch norm always has a factor.
    for node in model.graph.nodes() {
        if matches!(node.op(), Op::BatchNorm { scale: false, .. }) {
            let gamma = parameters.shift_remove(&format!("{}/gamma", node.name()));
            let ones = gamma.is_some_and(|gamma| gamma.values().iter().all(|&value| value == 1.0));
            if !ones {
                return Ok(Some(format!("`{}`", node.name())));
            }
        }
    }
    Ok(other_values(model.parameters, &parameters))
}

/// The model in ONNX's words; without the values of its parameters, where they are compared otherwise.
fn describe(model: &Given<'_>, with_values: bool) -> Result<Model, FormatError> {
    let graph = model.graph;
    let mut writer = Writer::new(model, with_values);
    for id in graph.ids() {
        writer.layer(id)?;
    }
    let Writer {
        nodes,
        initializers,
        ..
    } = writer;
    let value = |id: NodeId| {
        let node = graph.node(id);
        Some(Value::new(node.name(), node.shape().dimensions()))
    };
    let input = graph.ids().next().and_then(value);
    one_name_each(&nodes, &initializers, input.as_ref())?;
    let outputs = graph.outputs().into_iter().filter_map(value).collect();
    let text = |(key, value): (&String, &String)| Text {
        key: key.clone(),
        value: value.clone(),
    };
    Ok(Model {
        ir_version: IR_VERSION,
        producer: "museau".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(Graph {
            nodes,
            name: model.name.to_owned(),
            initializers,
            inputs: input.into_iter().collect(),
            outputs,
        }),
        operators: vec![Operators {
            domain: String::new(),
            version: OPERATORS,
        }],
        metadata: model.metadata.iter().map(text).collect(),
    })
}

/// What is read by name must have but one.
fn one_name_each(
    nodes: &[Node],
    initializers: &[Stored],
    input: Option<&Value>,
) -> Result<(), FormatError> {
    let values = nodes.iter().flat_map(|node| &node.outputs);
    let stored = initializers.iter().map(|stored| &stored.name);
    let input = input.map(|input| &input.name);
    let mut seen = HashSet::new();
    match values
        .chain(stored)
        .chain(input)
        .find(|name| !seen.insert(*name))
    {
        Some(name) => Err(unsupported(format!("`{name}` as the name of two values"))),
        None => Ok(()),
    }
}
