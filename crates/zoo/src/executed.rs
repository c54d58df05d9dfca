//! Files that hold layers in the order in which they are computed (ONNX, TensorFlow Lite), whose
//! names say nothing sure, and whose batch norms are mostly folded into the convolutions.
use graph::{Graph, Layout, Matching, NodeId, Op, Origin, ParameterSpec, WeightNames, WeightRow};
use tensor::{NamedTensors, Tensor};

/// The rows for a file that has the batch norms. Where the order of the layers is not sure, an ONNX
/// file must have museau's own names for them, as those have that `museau export` wrote; `None` for
/// TensorFlow Lite.
pub(crate) fn executed_names(graph: &Graph, origin: Origin) -> Option<WeightNames> {
    let row = |spec: ParameterSpec| WeightRow::new(&*spec.name, &*spec.name, Layout::Squeezed);
    let rows = graph.parameters().into_iter().map(row).collect();
    if in_one_line(graph) {
        return Some(in_order(rows));
    }
    let named = WeightNames {
        rows,
        ones: unused_factors(graph),
        ..WeightNames::default()
    };
    (origin == Origin::Onnx).then_some(named)
}

/// What ONNX has and a graph has not: the factors of batch norms that have none.
fn unused_factors(graph: &Graph) -> Vec<String> {
    let without = |node: &&graph::Node| matches!(node.op(), Op::BatchNorm { scale: false, .. });
    let nodes = graph.nodes().iter().filter(without);
    nodes.map(|node| format!("{}/gamma", node.name())).collect()
}

fn in_order(rows: Vec<WeightRow>) -> WeightNames {
    WeightNames {
        rows,
        matching: Matching::Order,
        ..WeightNames::default()
    }
}

/// Whether each layer with weights needs the one before it, so that there is but one order in which
/// they can be computed. Where branches stand side by side, layers of one shape could be exchanged
/// and nobody would notice.
fn in_one_line(graph: &Graph) -> bool {
    let weighted: Vec<NodeId> = graph
        .ids()
        .filter(|&id| !graph.node_parameters(id).is_empty())
        .collect();
    weighted
        .windows(2)
        .all(|pair| needs(graph, pair[1], pair[0]))
}

/// Whether `other` is among what `id` is computed from.
fn needs(graph: &Graph, id: NodeId, other: NodeId) -> bool {
    let mut waiting = vec![id];
    let mut seen = vec![false; graph.nodes().len()];
    while let Some(id) = waiting.pop() {
        if id == other {
            return true;
        }
        // Inputs stand before their users: what is before the other cannot need it.
        if id > other && !std::mem::replace(&mut seen[id.index()], true) {
            waiting.extend(graph.node(id).inputs());
        }
    }
    false
}

/// What a file has where batch norms were folded into the convolutions before them: kernels and
/// biases. The batch norms become such that nothing but the bias is left of them.
#[derive(Debug)]
pub struct Folded {
    /// What the file must have.
    pub parameters: Vec<ParameterSpec>,
    /// And what it calls it.
    pub names: WeightNames,
    /// The other parameters, each with its one value.
    constants: Vec<(ParameterSpec, f32)>,
}

impl Folded {
    /// For a graph whose batch norms all follow a convolution without a bias; `None` for another, or
    /// where the order of the layers is not sure.
    pub(crate) fn new(graph: &Graph) -> Option<Self> {
        if !in_one_line(graph) {
            return None;
        }
        let (mut parameters, mut rows, mut constants) = (Vec::new(), Vec::new(), Vec::new());
        for id in graph.ids() {
            let node = graph.node(id);
            let Op::BatchNorm { epsilon, .. } = *node.op() else {
                for spec in graph.node_parameters(id) {
                    rows.push(WeightRow::new(&*spec.name, &*spec.name, Layout::Squeezed));
                    parameters.push(spec);
                }
                continue;
            };
            let &before = node.inputs().first()?;
            let bare = match graph.node(before).op() {
                Op::Conv2d(conv) => !conv.bias,
                Op::DepthwiseConv2d(conv) => !conv.bias,
                Op::Input { .. }
                | Op::Dense { .. }
                | Op::BatchNorm { .. }
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
                | Op::Dropout { .. } => false,
            };
            if !bare {
                return None;
            }
            let bias = format!("{}/bias", graph.node(before).name());
            for spec in graph.node_parameters(id) {
                match spec.name.rsplit('/').next() {
                    Some("beta") => {
                        rows.push(WeightRow::new(&*spec.name, &*bias, Layout::Squeezed));
                        parameters.push(spec);
                    }
                    // Divided by the root of variance and epsilon, which is 1.
                    Some("moving_variance") => constants.push((spec, 1.0 - epsilon)),
                    Some("gamma") => constants.push((spec, 1.0)),
                    _ => constants.push((spec, 0.0)),
                }
            }
        }
        Some(Folded {
            parameters,
            names: in_order(rows),
            constants,
        })
    }

    /// All parameters of the graph, in its order, from those that the file had.
    pub fn complete(&self, graph: &Graph, mut found: NamedTensors) -> NamedTensors {
        for (spec, value) in &self.constants {
            let mut tensor = Tensor::zeros(spec.shape);
            tensor.values_mut().fill(*value);
            found.insert(spec.name.clone(), tensor);
        }
        let take = |spec: ParameterSpec| Some((spec.name.clone(), found.swap_remove(&spec.name)?));
        graph.parameters().into_iter().filter_map(take).collect()
    }
}
