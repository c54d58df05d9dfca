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
        reason: ShapeFault,
    },
    /// A graph has exactly one input, its first node.
    #[error("layer `{name}`: a graph has one input, and it comes first")]
    NotOneInput {
        /// The layer that broke the rule.
        name: String,
    },
    /// More layers, or more inputs of layers, than any network has.
    #[error("more than {nodes} layers, or more than {connections} inputs of layers")]
    TooLarge {
        /// Most layers.
        nodes: usize,
        /// Most inputs of all layers together.
        connections: usize,
    },
    /// An output was asked for that is not in the graph.
    #[error("the graph has no node {output}")]
    UnknownOutput {
        /// What was asked for.
        output: NodeId,
    },
}

/// Why an operation cannot be applied to its inputs' shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeFault {
    /// A value or a parameter cannot be had.
    #[error("{shape} has no elements or more than can be counted")]
    Uncountable {
        /// Its shape.
        shape: Shape,
    },
    /// A pooling window could lie on padding alone.
    #[error("the padding is as large as the window")]
    PaddingFillsWindow,
    /// The inputs have different shapes.
    #[error("the shapes differ")]
    Differ,
    /// The second input can stand for no channels of the first.
    #[error("the second is neither of the first's shape nor [1, 1, C]")]
    NoBroadcast,
    /// The inputs cannot be put one behind the other.
    #[error("the shapes differ in more than the channels")]
    DifferBeyondChannels,
    /// The window has no size or does not move.
    #[error("the window or its stride is 0")]
    NoWindow,
    /// The image is smaller than the window.
    #[error("the window is larger than the padded image")]
    WindowTooLarge,
    /// The input has no dimension.
    #[error("a scalar has no channels")]
    Scalar,
    /// More than can be counted.
    #[error("that is more than can be counted")]
    TooMany,
    /// All of the image is cut off.
    #[error("nothing is left")]
    NothingLeft,
    /// The input is no image.
    #[error("an image [H, W, C] is wanted")]
    NoImage,
    /// The small network has another number of blocks than it may have.
    #[error("it has two to five blocks")]
    Blocks,
    /// An epsilon, a factor, a rate or the like is infinite, not a number, or out of its range.
    #[error("one of its numbers is infinite, not a number, or out of its range")]
    Number,
    /// A kernel has no middle, or there is none.
    #[error("kernels have an odd size")]
    EvenKernel,
    /// The dropout is no share that leaves something.
    #[error("the dropout is 0 or more and less than 1")]
    Dropout,
}

/// ` on 8x8x3, 8x8x3`; nothing where there are none.
fn list(shapes: &[Shape]) -> String {
    let shapes: Vec<String> = shapes.iter().map(Shape::to_string).collect();
    match shapes.is_empty() {
        true => String::new(),
        false => format!(" on {}", shapes.join(", ")),
    }
}
