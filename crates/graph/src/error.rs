//! What may be wrong with the description of a network.
use crate::NodeId;
use tensor::Shape;

/// What may be wrong with the description of a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// A layer has no name.
    #[error("a layer has no name")]
    NoName,
    /// Two layers have one name.
    #[error("two layers are called `{name}`")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A node takes the value of a node that is not in the graph before it.
    #[error("layer `{name}` takes the value of node {input}, which does not stand before it")]
    UnknownInput {
        /// The layer.
        name: String,
        /// What it asks for.
        input: NodeId,
    },
    /// A stored graph names a layer that does not stand before.
    #[error("a layer or output refers to `{name}`, which does not stand before it")]
    UnknownName {
        /// What is referred to.
        name: String,
    },
    /// An operation was given another number of inputs than it takes.
    #[error("layer `{name}` ({op}) takes {expected} inputs and was given {given}")]
    Inputs {
        /// The layer.
        name: String,
        /// The operation's name.
        op: &'static str,
        /// In words: "1", "2 or more".
        expected: &'static str,
        /// How many it was given.
        given: usize,
    },
    /// An operation cannot be applied to its inputs' shapes.
    #[error("layer `{name}` ({op}){}: {reason}", list(.inputs))]
    Shape {
        /// The layer.
        name: String,
        /// The operation's name.
        op: &'static str,
        /// The inputs' shapes, without the batch.
        inputs: Vec<Shape>,
        /// Why not.
        reason: String,
    },
    /// A graph has exactly one input, its first node.
    #[error("layer `{name}`: a graph has one input, and it comes first")]
    NotOneInput {
        /// The layer that broke the rule.
        name: String,
    },
    /// An output was asked for that is not in the graph.
    #[error("the graph has no node {output}")]
    UnknownOutput {
        /// What was asked for.
        output: NodeId,
    },
}

/// ` on 8x8x3, 8x8x3`; nothing where there are none.
fn list(shapes: &[Shape]) -> String {
    let shapes: Vec<String> = shapes.iter().map(Shape::to_string).collect();
    match shapes.is_empty() {
        true => String::new(),
        false => format!(" on {}", shapes.join(", ")),
    }
}
