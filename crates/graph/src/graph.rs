//! The network itself: named nodes in topological order, each with its operation, inputs and shape.
use crate::{GraphError, Op, shapes};
use std::collections::HashMap;
use std::fmt;
use tensor::Shape;

/// A node of one graph: its position, counted from 0. Inputs always stand before their users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(usize);

impl NodeId {
    /// The position in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// One layer: a name, an operation, where its inputs come from, and the shape of its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    name: String,
    op: Op,
    inputs: Vec<NodeId>,
    shape: Shape,
}

impl Node {
    /// The layer's name, Keras's where Keras has the network; unique in its graph.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does.
    pub fn op(&self) -> &Op {
        &self.op
    }

    /// Whose values it takes, in the operation's order.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// The shape of its value for one image: `[H, W, C]` or `[C]`.
    pub fn shape(&self) -> Shape {
        self.shape
    }
}

/// A network: one input, nodes in topological order, one or several outputs. Its parameters are
/// [specified](Graph::parameters), their values live elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    by_name: HashMap<String, NodeId>,
    outputs: Vec<NodeId>,
    /// Inputs of all nodes together.
    connections: usize,
}

/// Most layers of a graph, and most inputs of all of them together. The largest backbones have about a
/// thousand layers; lowering looks at pairs of values, so that a file with a million would keep it busy
/// for hours.
const MOST_NODES: usize = 10_000;
const MOST_CONNECTIONS: usize = 4 * MOST_NODES;

impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes && self.outputs() == other.outputs()
    }
}

/// One parameter of a layer: what it is called and its shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParameterSpec {
    /// `layer/kernel`, `layer/bias`, `layer/gamma`, `layer/beta`, `layer/moving_mean`,
    /// `layer/moving_variance`
    pub name: String,
    /// See [`Op`] for the layout of each.
    pub shape: Shape,
    /// Whether the gradient changes it (moving statistics are not trained).
    pub trainable: bool,
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer and infers its shape. The first is the graph's [`Op::Input`].
    ///
    /// # Errors
    /// A missing or second name, inputs that are not in the graph, too many or too few of them,
    /// shapes that the operation does not take, or more layers than any network has.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        op: Op,
        inputs: &[NodeId],
    ) -> Result<NodeId, GraphError> {
        let name = name.into();
        if name.is_empty() {
            return Err(GraphError::NoName);
        }
        if self.by_name.contains_key(&name) {
            return Err(GraphError::Duplicate { name });
        }
        if self.nodes.is_empty() != matches!(op, Op::Input { .. }) {
            return Err(GraphError::NotOneInput { name });
        }
        let connections = self.connections.saturating_add(inputs.len());
        if self.nodes.len() == MOST_NODES || connections > MOST_CONNECTIONS {
            return Err(GraphError::TooLarge {
                nodes: MOST_NODES,
                connections: MOST_CONNECTIONS,
            });
        }
        let mut input_shapes = Vec::with_capacity(inputs.len());
        for &input in inputs {
            match self.nodes.get(input.0) {
                Some(node) => input_shapes.push(node.shape),
                None => return Err(GraphError::UnknownInput { name, input }),
            }
        }
        let shape = shapes::infer(&name, &op, &input_shapes)?;
        self.connections = connections;
        let id = NodeId(self.nodes.len());
        self.by_name.insert(name.clone(), id);
        self.nodes.push(Node {
            name,
            op,
            inputs: inputs.to_vec(),
            shape,
        });
        Ok(id)
    }

    /// Names the outputs, in order. A graph whose outputs were never named has one: its last node.
    ///
    /// # Errors
    /// [`GraphError::UnknownOutput`]
    pub fn set_outputs(&mut self, outputs: &[NodeId]) -> Result<(), GraphError> {
        if let Some(&output) = outputs.iter().find(|output| output.0 >= self.nodes.len()) {
            return Err(GraphError::UnknownOutput { output });
        }
        self.outputs = outputs.to_vec();
        Ok(())
    }

    /// The outputs, in order; the last node where none were named.
    pub fn outputs(&self) -> Vec<NodeId> {
        if self.outputs.is_empty() {
            self.nodes
                .len()
                .checked_sub(1)
                .map(NodeId)
                .into_iter()
                .collect()
        } else {
            self.outputs.clone()
        }
    }

    /// All nodes, each after its inputs.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The ids of all nodes, in order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// The node of this id.
    ///
    /// # Panics
    /// Where the id is another, larger graph's.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The node of this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied()
    }

    /// The shape of the input for one image, `[H, W, C]`; `None` for a graph without nodes.
    pub fn input_shape(&self) -> Option<Shape> {
        self.nodes.first().map(|node| node.shape)
    }

    /// The parameters of one node, in Keras's order.
    pub fn node_parameters(&self, id: NodeId) -> Vec<ParameterSpec> {
        let node = self.node(id);
        let input = node.inputs.first().map(|&input| self.node(input).shape);
        let spec = |(name, shape, trainable): (&str, Shape, bool)| ParameterSpec {
            name: format!("{}/{name}", node.name),
            shape,
            trainable,
        };
        shapes::parameters(&node.op, input)
            .into_iter()
            .map(spec)
            .collect()
    }

    /// The parameters of all nodes, in the nodes' order.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        self.ids().flat_map(|id| self.node_parameters(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Conv2d, Padding};

    fn conv(filters: usize, kernel: usize, stride: usize, padding: Padding) -> Op {
        Op::Conv2d(Conv2d {
            filters,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding,
            bias: false,
        })
    }

    fn input(graph: &mut Graph) -> NodeId {
        graph
            .add(
                "input",
                Op::Input {
                    height: 8,
                    width: 9,
                    channels: 3,
                },
                &[],
            )
            .unwrap()
    }

    #[test]
    fn a_small_network_has_its_shapes_and_parameters() {
        let mut graph = Graph::new();
        let image = input(&mut graph);
        let padding = Padding {
            bottom: 1,
            right: 1,
            ..Padding::default()
        };
        let conv = graph.add("conv", conv(4, 3, 2, padding), &[image]).unwrap();
        assert_eq!(graph.node(conv).shape(), Shape::from([4, 4, 4]));
        let norm = Op::BatchNorm {
            epsilon: 1e-3,
            momentum: 0.99,
            scale: false,
        };
        let norm = graph.add("bn", norm, &[conv]).unwrap();
        let relu = graph
            .add("relu", Op::Activation(Activation::Relu), &[norm])
            .unwrap();
        let pooled = Op::GlobalAveragePool {
            keep_dimensions: false,
        };
        let pooled = graph.add("pool", pooled, &[relu]).unwrap();
        graph
            .add(
                "dense",
                Op::Dense {
                    units: 5,
                    bias: true,
                },
                &[pooled],
            )
            .unwrap();
        let specs: Vec<_> = graph
            .parameters()
            .iter()
            .map(|p| format!("{} {}", p.name, p.shape))
            .collect();
        assert_eq!(
            specs,
            [
                "conv/kernel [3, 3, 3, 4]",
                "bn/beta [4]",
                "bn/moving_mean [4]",
                "bn/moving_variance [4]",
                "dense/kernel [4, 5]",
                "dense/bias [5]"
            ]
        );
        assert_eq!(graph.node(graph.outputs()[0]).name(), "dense");
        assert_eq!(graph.find("relu"), Some(relu));
    }

    #[test]
    fn what_cannot_be_is_refused_by_kind() {
        let mut graph = Graph::new();
        let relu = Op::Activation(Activation::Relu);
        assert!(matches!(
            graph.add("a", relu, &[]),
            Err(GraphError::NotOneInput { .. })
        ));
        let image = input(&mut graph);
        assert!(matches!(
            graph.add("", relu, &[image]),
            Err(GraphError::NoName)
        ));
        assert!(matches!(
            graph.add("input", relu, &[image]),
            Err(GraphError::Duplicate { .. })
        ));
        assert!(matches!(
            graph.add("a", relu, &[NodeId(7)]),
            Err(GraphError::UnknownInput { .. })
        ));
        assert!(matches!(
            graph.add("a", relu, &[]),
            Err(GraphError::Inputs { .. })
        ));
        assert!(matches!(
            graph.add("a", Op::Add, &[image]),
            Err(GraphError::Inputs { .. })
        ));
        let wide = conv(1, 10, 1, Padding::default());
        let error = graph.add("wide", wide, &[image]).unwrap_err();
        assert!(matches!(error, GraphError::Shape { .. }));
        assert!(
            error.to_string().contains("`wide` (Conv2d) on [8, 9, 3]"),
            "{error}"
        );
        for bad in [
            conv(0, 1, 1, Padding::default()),
            conv(1, 0, 1, Padding::default()),
            conv(1, 1, 0, Padding::default()),
            conv(
                1,
                1,
                1,
                Padding {
                    top: usize::MAX,
                    ..Padding::default()
                },
            ),
            conv(usize::MAX, 1, 1, Padding::default()),
            Op::ZeroPad(Padding {
                left: usize::MAX - 3,
                ..Padding::default()
            }),
            Op::Crop(Padding {
                left: 9,
                ..Padding::default()
            }),
            Op::Dense {
                units: usize::MAX,
                bias: true,
            },
            Op::Affine {
                scale: f32::INFINITY,
                offset: 0.0,
            },
            Op::BatchNorm {
                epsilon: f32::NAN,
                momentum: 0.9,
                scale: true,
            },
            Op::Dropout {
                rate: -0.5,
                per_sample: false,
            },
        ] {
            assert!(
                matches!(graph.add("a", bad, &[image]), Err(GraphError::Shape { .. })),
                "{bad:?}"
            );
        }
        assert!(graph.set_outputs(&[NodeId(1)]).is_err());
        assert_eq!(graph.nodes().len(), 1, "a refused layer leaves no trace");
    }

    #[test]
    fn a_network_of_more_layers_than_any_is_refused() {
        let input = Op::Input {
            height: 1,
            width: 1,
            channels: 1,
        };
        let mut graph = Graph::new();
        let mut last = graph.add("input", input, &[]).unwrap();
        let mut wide = graph.clone();
        for number in 1..MOST_NODES {
            last = graph
                .add(number.to_string(), Op::Flatten, &[last])
                .unwrap_or_else(|error| {
                    panic!("layer {number}: {error}");
                });
        }
        let error = graph.add("one more", Op::Flatten, &[last]).unwrap_err();
        assert!(matches!(error, GraphError::TooLarge { .. }), "{error}");
        let input = wide.find("input").unwrap();
        wide.add("sum", Op::Add, &vec![input; MOST_CONNECTIONS - 1])
            .unwrap();
        let error = wide.add("sums", Op::Add, &[input; 2]).unwrap_err();
        assert!(matches!(error, GraphError::TooLarge { .. }), "{error}");
    }
}
