//! How Keras sees a graph: its layers with weights in the order in which it saves them, and what
//! its files call their weights.
use crate::{Graph, Layout, Matching, NodeId, Op, Origin, Padding, WeightNames, WeightRow};
use std::collections::{HashMap, HashSet};

/// A Keras layer that has weights, as one or two nodes of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KerasLayer {
    /// Its name, that of the last of its nodes.
    pub name: String,
    /// Its class as Keras writes it in paths of files: `conv2d`, `separable_conv2d`.
    pub class: &'static str,
    /// Its nodes: the depthwise and the pointwise one of a `SeparableConv2D`, else one.
    pub nodes: Vec<NodeId>,
}

/// The layers with weights, in the order in which Keras saves them, which is not the order in which
/// they were made: by their distance from the output, the furthest first, and layers that are as
/// far in the order in which a depth-first walk from the output meets them.
pub fn keras_layers(graph: &Graph) -> Vec<KerasLayer> {
    let pairs = separable(graph);
    let visited = walk(graph);
    let depths = depths(graph, &pairs);
    let mut order: Vec<NodeId> = graph.ids().collect();
    let place = |id: NodeId| visited.get(&id).copied().unwrap_or(usize::MAX);
    order.sort_by_key(|&id| (std::cmp::Reverse(depths[id.index()]), place(id)));
    let separable: HashSet<NodeId> = pairs.iter().flatten().copied().collect();
    let mut layers = Vec::new();
    for id in order {
        let depthwise = pairs[id.index()];
        let class = match graph.node(id).op() {
            Op::Conv2d(_) if depthwise.is_some() => "separable_conv2d",
            Op::Conv2d(_) => "conv2d",
            Op::DepthwiseConv2d(_) if separable.contains(&id) => continue,
            Op::DepthwiseConv2d(_) => "depthwise_conv2d",
            Op::Dense { .. } => "dense",
            Op::BatchNorm { .. } => "batch_normalization",
            Op::Input { .. }
            | Op::Activation(_)
            | Op::Softmax
            | Op::Affine { .. }
            | Op::Add
            | Op::Multiply
            | Op::Concat
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::GlobalAveragePool { .. }
            | Op::ZeroPad(_)
            | Op::Crop(_)
            | Op::Flatten
            | Op::Dropout { .. } => continue,
        };
        layers.push(KerasLayer {
            name: graph.node(id).name().to_owned(),
            class,
            nodes: depthwise.into_iter().chain([id]).collect(),
        });
    }
    layers
}

/// For each node the depthwise convolution that it follows as Keras's `SeparableConv2D` does: a
/// pointwise convolution with nothing between the two, which alone takes the depthwise one's value.
fn separable(graph: &Graph) -> Vec<Option<NodeId>> {
    let mut users = vec![0usize; graph.nodes().len()];
    let inputs = graph.nodes().iter().flat_map(|node| node.inputs());
    for &input in inputs.chain(&graph.outputs()) {
        users[input.index()] += 1;
    }
    let depthwise_of = |id: NodeId| {
        let pointwise = matches!(graph.node(id).op(), Op::Conv2d(conv)
            if conv.kernel == [1, 1] && conv.stride == [1, 1] && conv.padding == Padding::default());
        let &input = graph.node(id).inputs().first()?;
        let bare = matches!(graph.node(input).op(), Op::DepthwiseConv2d(conv) if !conv.bias);
        (pointwise && bare && users[input.index()] == 1).then_some(input)
    };
    graph.ids().map(depthwise_of).collect()
}

/// When a depth-first walk from the outputs, along the inputs in their order, first meets each node.
fn walk(graph: &Graph) -> HashMap<NodeId, usize> {
    let mut visited = HashMap::new();
    for output in graph.outputs() {
        let mut waiting = vec![output];
        while let Some(id) = waiting.pop() {
            if !visited.contains_key(&id) {
                visited.insert(id, visited.len());
                waiting.extend(graph.node(id).inputs().iter().rev());
            }
        }
    }
    visited
}

/// The longest way from each node to an output, in Keras's layers: a separable convolution is one.
fn depths(graph: &Graph, pairs: &[Option<NodeId>]) -> Vec<usize> {
    let mut depths = vec![0; graph.nodes().len()];
    let ids: Vec<NodeId> = graph.ids().collect();
    for id in ids.into_iter().rev() {
        let step = usize::from(pairs[id.index()].is_none());
        for &input in graph.node(id).inputs() {
            depths[input.index()] = depths[input.index()].max(depths[id.index()] + step);
        }
    }
    depths
}

/// What Keras's files call the parameters of a graph whose layers bear Keras's names: legacy `.h5`
/// by the layers' names, matched as told; the newer formats by the class and the number of the
/// layer within it, whatever its name.
pub fn keras_names(graph: &Graph, origin: Origin, matching: Matching) -> WeightNames {
    let mut rows = Vec::new();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    for layer in keras_layers(graph) {
        let number = numbers.entry(layer.class).or_default();
        let path = match *number {
            0 => format!("layers/{}", layer.class),
            number => format!("layers/{}_{number}", layer.class),
        };
        *number += 1;
        let pair = layer.nodes.len() == 2;
        let specs = layer.nodes.iter().flat_map(|&node| {
            let specs = graph.node_parameters(node);
            specs.into_iter().map(move |spec| (node, spec))
        });
        for (place, (node, spec)) in specs.enumerate() {
            let depthwise = matches!(graph.node(node).op(), Op::DepthwiseConv2d(_));
            let weight = spec.name.rsplit('/').next().unwrap_or_default();
            let kernel = weight == "kernel";
            let layout = match kernel && depthwise {
                true => Layout::DepthwiseTrailingOne,
                false => Layout::Same,
            };
            let weights: &[&str] = match (pair && kernel, depthwise && kernel) {
                (true, true) => &["depthwise_kernel"],
                (true, false) => &["pointwise_kernel"],
                // As Keras 3 and Keras 2 call it.
                (false, true) => &["kernel", "depthwise_kernel"],
                (false, false) => &[weight],
            };
            let sources = match origin {
                Origin::KerasArchive => vec![format!("{path}/{place}")],
                _ => weights
                    .iter()
                    .map(|weight| format!("{}/{weight}", layer.name))
                    .collect(),
            };
            rows.push(WeightRow {
                parameter: spec.name,
                sources,
                layout,
            });
        }
    }
    WeightNames {
        rows,
        matching: match origin {
            Origin::KerasArchive => Matching::Name,
            _ => matching,
        },
        // What layers that drop values at random keep of their random numbers.
        ignored: vec![
            "*seed_generator/*".to_string(),
            "*/seed_generator_state".to_string(),
        ],
        ..WeightNames::default()
    }
}
