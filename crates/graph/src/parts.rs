//! A network cut at one of its layers: what stands below, and what stands on it.
use crate::{Graph, GraphError, NodeId, Op};
use std::collections::HashMap;

impl Graph {
    /// The last layer with a kernel, which makes the outputs, and what it reads, without the dropout
    /// before it: the features. `None` of a network that has no such layer.
    pub fn head(&self) -> Option<(NodeId, NodeId)> {
        let first_input = |id: NodeId| self.node(id).inputs().first().copied();
        let mut layer = self.outputs().first().copied()?;
        while !matches!(self.node(layer).op(), Op::Dense { .. } | Op::Conv2d(_)) {
            layer = first_input(layer)?;
        }
        let mut features = first_input(layer)?;
        while matches!(self.node(features).op(), Op::Dropout { .. }) {
            features = first_input(features)?;
        }
        Some((layer, features))
    }

    /// The layers that the value of `top` is computed from, with it as the output: their names stay.
    ///
    /// # Panics
    /// Where the id is another, larger graph's.
    pub fn below(&self, top: NodeId) -> Graph {
        let mut needed = vec![false; self.nodes().len()];
        needed[top.index()] = true;
        let ids: Vec<NodeId> = self.ids().take(top.index() + 1).collect();
        for &id in ids.iter().rev() {
            if needed[id.index()] {
                for input in self.node(id).inputs() {
                    needed[input.index()] = true;
                }
            }
        }
        let mut part = Graph::new();
        let mut places = HashMap::new();
        for id in self.ids().filter(|id| needed[id.index()]) {
            let node = self.node(id);
            let inputs: Vec<NodeId> = node.inputs().iter().map(|input| places[input]).collect();
            let added = part.add(node.name(), *node.op(), &inputs);
            places.insert(id, added.expect("a layer of a whole network"));
        }
        part
    }

    /// The layers that stand on the value of `bottom`, up to the outputs: a map is their input as it is,
    /// other values flattened, `[1, 1, values]`.
    ///
    /// # Errors
    /// [`GraphError::UnknownInput`] where one of them reads another layer of those below.
    ///
    /// # Panics
    /// Where the id is another, larger graph's.
    pub fn above(&self, bottom: NodeId) -> Result<Graph, GraphError> {
        let mut part = Graph::new();
        let shape = self.node(bottom).shape();
        let (height, width, channels) = match *shape.dimensions() {
            [height, width, channels] => (height, width, channels),
            _ => (1, 1, shape.elements()),
        };
        let input = Op::Input {
            height,
            width,
            channels,
        };
        // No layer that stands on them bears the names of layers below.
        let mut bottom_values = part.add("input", input, &[])?;
        if shape.rank() != 3 {
            let name = self.node(bottom).name();
            let name = if name == "input" { "flatten" } else { name };
            bottom_values = part.add(name, Op::Flatten, &[bottom_values])?;
        }
        let mut places = HashMap::from([(bottom, bottom_values)]);
        let mut reached = vec![false; self.nodes().len()];
        reached[bottom.index()] = true;
        for id in self.ids().skip(bottom.index() + 1) {
            let node = self.node(id);
            if !node.inputs().iter().any(|input| reached[input.index()]) {
                continue;
            }
            reached[id.index()] = true;
            let place = |input: &NodeId| {
                places.get(input).copied().ok_or(GraphError::UnknownInput {
                    name: node.name().to_owned(),
                    input: *input,
                })
            };
            let inputs: Vec<NodeId> = node.inputs().iter().map(place).collect::<Result<_, _>>()?;
            places.insert(id, part.add(node.name(), *node.op(), &inputs)?);
        }
        let outputs = self.outputs();
        let outputs: Vec<NodeId> = outputs
            .iter()
            .filter_map(|output| places.get(output).copied())
            .collect();
        part.set_outputs(&outputs)?;
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pooled image, a dense layer and another; beside them a layer that nobody reads.
    fn network() -> (Graph, NodeId) {
        let mut graph = Graph::new();
        let (height, width, channels) = (4, 4, 3);
        let input = Op::Input {
            height,
            width,
            channels,
        };
        let input = graph.add("input", input, &[]).unwrap();
        let keep_dimensions = false;
        let pool = graph
            .add("pool", Op::GlobalAveragePool { keep_dimensions }, &[input])
            .unwrap();
        let dense = |units| Op::Dense { units, bias: true };
        let first = graph.add("first", dense(5), &[pool]).unwrap();
        let aside = graph.add("aside", dense(9), &[pool]).unwrap();
        let last = graph.add("last", dense(2), &[first]).unwrap();
        assert_ne!(aside, last);
        (graph, first)
    }

    #[test]
    fn the_two_parts_hold_every_layer_that_the_output_needs_once() {
        let (graph, first) = network();
        let below = graph.below(first);
        let names: Vec<&str> = below.nodes().iter().map(crate::Node::name).collect();
        assert_eq!(names, ["input", "pool", "first"]);
        assert_eq!(below.input_shape(), graph.input_shape());
        let above = graph.above(first).unwrap();
        let names: Vec<&str> = above.nodes().iter().map(crate::Node::name).collect();
        assert_eq!(names, ["input", "first", "last"]);
        assert_eq!(above.node(above.outputs()[0]).shape().dimensions(), [2]);
        let parameters = |graph: &Graph| -> Vec<String> {
            let specs = graph.parameters().into_iter();
            specs
                .map(|spec| format!("{} {}", spec.name, spec.shape))
                .collect()
        };
        assert_eq!(parameters(&above), ["last/kernel [5, 2]", "last/bias [2]"]);
    }

    #[test]
    fn the_head_is_the_last_layer_with_a_kernel() {
        let (mut graph, first) = network();
        let last = graph.find("last").unwrap();
        assert_eq!(graph.head(), Some((last, first)));
        let softmax = Op::Activation(crate::Activation::Sigmoid);
        let dropout = Op::Dropout {
            rate: 0.5,
            per_sample: false,
        };
        let dropped = graph.add("dropped", dropout, &[last]).unwrap();
        let units = 3;
        let head = graph.add("head", Op::Dense { units, bias: true }, &[dropped]);
        graph
            .add("squashed", softmax, &[head.clone().unwrap()])
            .unwrap();
        assert_eq!(graph.head(), Some((head.unwrap(), last)));
        assert_eq!(Graph::new().head(), None);
    }

    #[test]
    fn a_layer_that_reads_past_the_cut_is_refused() {
        let (mut graph, first) = network();
        let pool = graph.find("pool").unwrap();
        graph.add("both", Op::Concat, &[first, pool]).unwrap();
        assert!(matches!(
            graph.above(first),
            Err(GraphError::UnknownInput { name, .. }) if name == "both"
        ));
    }
}
