//! A graph as text: as it is stored (JSON, each layer's inputs by their positions), as people read it,
//! and its hash.
use crate::{Graph, GraphError, NodeId, Op, Padding};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes that the text may have: about a thousand for each layer of the largest network that is taken.
/// The largest of the zoo's have some ten thousand.
const LONGEST: usize = 10_000_000;

/// What is stored of a graph; shapes are inferred again when it is read, so that a damaged or
/// hostile file cannot claim others.
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

/// Why a text is not a graph.
#[derive(Debug, thiserror::Error)]
pub enum GraphTextError {
    /// More text than the layers of any network need.
    #[error("{0} bytes of text")]
    TooLong(usize),
    /// It is not JSON, or not that of a graph.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A layer takes the value of one that does not stand before it.
    #[error("`{0}` has an unknown input")]
    UnknownInput(String),
    /// An output is not one of the layers.
    #[error("an output is not one of its layers")]
    UnknownOutput,
    /// The layers do not go together.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl Graph {
    /// The graph as one line of JSON; the same graph always gives the same bytes.
    pub fn to_json(&self) -> String {
        let positions = |ids: &[NodeId]| ids.iter().map(|id| id.index()).collect();
        let layers = self.nodes().iter().map(|node| Layer {
            name: node.name().to_owned(),
            op: *node.op(),
            inputs: positions(node.inputs()),
        });
        let description = Description {
            layers: layers.collect(),
            outputs: positions(&self.outputs()),
        };
        serde_json::to_string(&description).expect("names and numbers are JSON")
    }

    /// Reads what [`Graph::to_json`] wrote; each layer is checked as it is added.
    ///
    /// # Errors
    /// [`GraphTextError`]; never panics, whatever the text.
    pub fn from_json(text: &str) -> Result<Graph, GraphTextError> {
        if text.len() > LONGEST {
            return Err(GraphTextError::TooLong(text.len()));
        }
        let description: Description = serde_json::from_str(text)?;
        let mut graph = Graph::new();
        let mut ids: Vec<NodeId> = Vec::with_capacity(description.layers.len());
        let known = |ids: &[NodeId], positions: &[usize]| -> Option<Vec<NodeId>> {
            let known = positions.iter().map(|&position| ids.get(position).copied());
            known.collect()
        };
        for Layer { name, op, inputs } in description.layers {
            let Some(inputs) = known(&ids, &inputs) else {
                return Err(GraphTextError::UnknownInput(name));
            };
            ids.push(graph.add(name, op, &inputs)?);
        }
        let outputs = known(&ids, &description.outputs).ok_or(GraphTextError::UnknownOutput)?;
        graph.set_outputs(&outputs)?;
        Ok(graph)
    }

    /// BLAKE3 of [`Graph::to_json`], as hexadecimal digits: equal where the graphs are equal.
    pub fn hash(&self) -> String {
        blake3::hash(self.to_json().as_bytes()).to_hex().to_string()
    }
}

/// One line a node: name, operation with its attributes, inputs, shape. Made to be read and
/// compared line by line; to store a graph, use [`Graph::to_json`].
impl fmt::Display for Graph {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in self.nodes() {
            write!(formatter, "{}: {}", node.name(), node.op())?;
            let inputs: Vec<&str> = node
                .inputs()
                .iter()
                .map(|&input| self.node(input).name())
                .collect();
            if !inputs.is_empty() {
                write!(formatter, " of {}", inputs.join(", "))?;
            }
            writeln!(formatter, " -> {}", node.shape())?;
        }
        let outputs: Vec<&str> = self
            .outputs()
            .iter()
            .map(|&id| self.node(id).name())
            .collect();
        writeln!(formatter, "outputs: {}", outputs.join(", "))
    }
}

/// The operation's name, then what differs from the plainest of its kind.
impl fmt::Display for Op {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        let pair = |[rows, columns]: [usize; 2]| format!("{rows}x{columns}");
        let pads = |padding: &Padding| {
            let Padding {
                top,
                bottom,
                left,
                right,
            } = padding;
            format!("{top}+{bottom},{left}+{right}")
        };
        let window = |kernel, stride, padding: &Padding, bias: bool| {
            let mut text = format!(" {}", pair(kernel));
            if stride != [1, 1] {
                text += &format!(" stride {}", pair(stride));
            }
            if *padding != Padding::default() {
                text += &format!(" pad {}", pads(padding));
            }
            if bias {
                text += " bias";
            }
            text
        };
        let text = match self {
            Op::Input { .. } | Op::Softmax | Op::Add | Op::Multiply | Op::Concat | Op::Flatten => {
                String::new()
            }
            Op::Conv2d(conv) => window(conv.kernel, conv.stride, &conv.padding, conv.bias),
            Op::DepthwiseConv2d(conv) => window(conv.kernel, conv.stride, &conv.padding, conv.bias),
            Op::MaxPool(pool) | Op::AveragePool(pool) => {
                window(pool.kernel, pool.stride, &pool.padding, false)
            }
            Op::Dense { bias, .. } => if *bias { " bias" } else { "" }.to_string(),
            Op::BatchNorm {
                epsilon,
                momentum,
                scale,
            } => {
                let scale = if *scale { "" } else { " without gamma" };
                format!(" epsilon {epsilon} momentum {momentum}{scale}")
            }
            Op::Activation(activation) => format!(" {activation:?}"),
            Op::Affine { scale, offset } => format!(" x * {scale} + {offset}"),
            Op::GlobalAveragePool { keep_dimensions } => if *keep_dimensions {
                " keep dimensions"
            } else {
                ""
            }
            .to_string(),
            Op::ZeroPad(padding) | Op::Crop(padding) => format!(" {}", pads(padding)),
            Op::Dropout { rate, per_sample } => {
                format!(" {rate}{}", if *per_sample { " per sample" } else { "" })
            }
        };
        formatter.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Conv2d};

    fn example() -> Graph {
        let mut graph = Graph::new();
        let image = Op::Input {
            height: 8,
            width: 9,
            channels: 3,
        };
        let image = graph.add("image", image, &[]).unwrap();
        let padding = Padding {
            bottom: 1,
            right: 1,
            ..Padding::default()
        };
        let (kernel, stride) = ([3, 3], [2, 2]);
        let conv = Op::Conv2d(Conv2d {
            filters: 4,
            kernel,
            stride,
            padding,
            bias: true,
        });
        let conv = graph.add("conv", conv, &[image]).unwrap();
        let norm = Op::BatchNorm {
            epsilon: 1e-3,
            momentum: 0.99,
            scale: true,
        };
        let norm = graph.add("norm", norm, &[conv]).unwrap();
        let relu = graph
            .add("relu", Op::Activation(Activation::Relu6), &[norm])
            .unwrap();
        let sum = graph.add("sum", Op::Add, &[relu, conv]).unwrap();
        graph.set_outputs(&[sum, relu]).unwrap();
        graph
    }

    #[test]
    fn json_gives_the_same_graph_back() {
        let graph = example();
        let read = Graph::from_json(&graph.to_json()).unwrap();
        assert_eq!(read, graph);
        assert_eq!(
            (read.hash(), read.to_string()),
            (graph.hash(), graph.to_string())
        );
        let mut other = example();
        other.set_outputs(&[]).unwrap();
        assert_ne!(other.hash(), graph.hash());
    }

    #[test]
    fn text_is_a_line_a_node() {
        assert_eq!(
            example().to_string(),
            "image: Input -> [8, 9, 3]\n\
             conv: Conv2d 3x3 stride 2x2 pad 0+1,0+1 bias of image -> [4, 4, 4]\n\
             norm: BatchNorm epsilon 0.001 momentum 0.99 of conv -> [4, 4, 4]\n\
             relu: Activation Relu6 of norm -> [4, 4, 4]\n\
             sum: Add of relu, conv -> [4, 4, 4]\n\
             outputs: sum, relu\n"
        );
    }

    #[test]
    fn damaged_json_is_an_error() {
        let json = example().to_json();
        for length in 0..json.len() {
            assert!(Graph::from_json(&json[..length]).is_err());
        }
        for (from, to) in [
            ("\"inputs\":[0]", "\"inputs\":[1]"),
            ("\"outputs\":[4", "\"outputs\":[5"),
            ("\"filters\":4", "\"filters\":18446744073709551615"),
            ("\"height\":8", "\"height\":0"),
            ("\"filters\":4", "\"filters\":-4"),
        ] {
            assert!(json.contains(from), "{from}");
            assert!(Graph::from_json(&json.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn costs_are_counted() {
        let graph = example();
        let conv = graph.node_costs(graph.find("conv").unwrap());
        assert_eq!(
            (conv.parameters, conv.multiply_adds),
            (3 * 3 * 3 * 4 + 4, 16 * 4 * 27)
        );
        let all = graph.costs();
        assert_eq!((all.parameters, all.trainable), (112 + 16, 112 + 8));
        assert_eq!(all.multiply_adds, conv.multiply_adds);
    }
}
