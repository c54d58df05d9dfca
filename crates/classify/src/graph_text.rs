//! The network inside a package: its layers as JSON, each checked as it is added.
use crate::error::PackageError;
use graph::{Graph, NodeId, Op};
use serde::{Deserialize, Serialize};

/// Bytes that the text may have: about a thousand for each layer of the largest network that is taken.
/// The largest of the zoo's have some ten thousand.
const LONGEST: usize = 10_000_000;

#[derive(Serialize, Deserialize)]
struct Description {
    layers: Vec<Layer>,
    outputs: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
struct Layer {
    name: String,
    op: Op,
    inputs: Vec<usize>,
}

/// The network as JSON.
pub(crate) fn write(graph: &Graph) -> String {
    let positions = |ids: &[NodeId]| ids.iter().map(|id| id.index()).collect();
    let description = Description {
        layers: graph
            .nodes()
            .iter()
            .map(|node| Layer {
                name: node.name().into(),
                op: *node.op(),
                inputs: positions(node.inputs()),
            })
            .collect(),
        outputs: positions(&graph.outputs()),
    };
    serde_json::to_string(&description).expect("plain data becomes JSON")
}

/// The network from its JSON.
pub(crate) fn read(text: &str) -> Result<Graph, PackageError> {
    let wrong = |reason: String| PackageError::Inconsistent {
        reason: format!("`graph`: {reason}"),
    };
    if text.len() > LONGEST {
        return Err(wrong(format!("{} bytes of text", text.len())));
    }
    let description: Description =
        serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let mut graph = Graph::new();
    let mut ids: Vec<NodeId> = Vec::with_capacity(description.layers.len());
    for layer in description.layers {
        let inputs: Option<Vec<NodeId>> = layer
            .inputs
            .iter()
            .map(|&input| ids.get(input).copied())
            .collect();
        let inputs =
            inputs.ok_or_else(|| wrong(format!("`{}` has an unknown input", layer.name)))?;
        let id = graph
            .add(layer.name, layer.op, &inputs)
            .map_err(|error| wrong(error.to_string()))?;
        ids.push(id);
    }
    let outputs: Option<Vec<NodeId>> = description
        .outputs
        .iter()
        .map(|&output| ids.get(output).copied())
        .collect();
    let outputs = outputs.ok_or_else(|| wrong("an output is not one of its layers".into()))?;
    graph
        .set_outputs(&outputs)
        .map_err(|error| wrong(error.to_string()))?;
    Ok(graph)
}
