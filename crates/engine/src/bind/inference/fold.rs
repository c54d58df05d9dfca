//! Weights with the batch norms and constant factors that follow them folded in.
use crate::work::inference::{Fold, Linear};
use graph::{Graph, NodeId, Op};
use std::borrow::Cow;
use tensor::{NamedTensors, Tensor};

/// The weights of one step: the kernel in its layer's layout, and a bias of each output channel.
pub(crate) struct Weights<'a> {
    pub kernel: Cow<'a, [f32]>,
    pub bias: Option<Cow<'a, [f32]>>,
}

/// The values of a node's parameter `name`, if the node has it; it must have been checked that they
/// are there.
pub(crate) fn parameter<'a>(
    graph: &Graph,
    parameters: &'a NamedTensors,
    node: NodeId,
    name: &str,
) -> Option<Cow<'a, [f32]>> {
    stored(graph, parameters, node, name).map(Tensor::values)
}

/// The tensor of a node's parameter `name`, as [`parameter`].
pub(crate) fn stored<'a>(
    graph: &Graph,
    parameters: &'a NamedTensors,
    node: NodeId,
    name: &str,
) -> Option<&'a Tensor> {
    let name = format!("{}/{name}", graph.node(node).name());
    // A file may hold more under a layer's name than the layer uses.
    let own = graph.node_parameters(node);
    own.iter().find(|spec| spec.name == name)?;
    parameters.get(&name)
}

/// The folded weights of a step with `outputs` output channels (the innermost dimension of every
/// kernel). A batch norm by itself has a kernel of ones.
pub(crate) fn folded<'a>(
    graph: &Graph,
    parameters: &'a NamedTensors,
    linear: &Linear,
    outputs: usize,
) -> Weights<'a> {
    let values = |name| parameter(graph, parameters, linear.node, name);
    let (kernel, bias) = if matches!(graph.node(linear.node).op(), Op::BatchNorm { .. }) {
        (Cow::Owned(vec![1.0; outputs]), None)
    } else {
        let kernel = values("kernel").expect("a kernel that was checked");
        (kernel, values("bias"))
    };
    if linear.folds.is_empty() {
        return Weights { kernel, bias };
    }
    // In f64: several folds in a row must not add up their rounding.
    let mut scale = vec![1f64; outputs];
    let mut offset: Vec<f64> = match &bias {
        Some(bias) => bias.iter().map(|&value| f64::from(value)).collect(),
        None => vec![0.0; outputs],
    };
    for &fold in &linear.folds {
        match fold {
            Fold::Affine {
                scale: factor,
                offset: constant,
            } => {
                for (scale, offset) in scale.iter_mut().zip(&mut offset) {
                    *scale *= f64::from(factor);
                    *offset = *offset * f64::from(factor) + f64::from(constant);
                }
            }
            Fold::BatchNorm { node, epsilon } => {
                let values = |name| parameter(graph, parameters, node, name);
                let gamma = values("gamma");
                let beta = values("beta").expect("a beta that was checked");
                let mean = values("moving_mean").expect("a mean that was checked");
                let variance = values("moving_variance").expect("a variance that was checked");
                for channel in 0..outputs {
                    let gamma = gamma
                        .as_deref()
                        .map_or(1.0, |gamma| f64::from(gamma[channel]));
                    let deviation = (f64::from(variance[channel]) + f64::from(epsilon)).sqrt();
                    let factor = gamma / deviation;
                    scale[channel] *= factor;
                    offset[channel] = (offset[channel] - f64::from(mean[channel])) * factor
                        + f64::from(beta[channel]);
                }
            }
        }
    }
    let mut kernel = kernel.into_owned();
    for weights in kernel.chunks_exact_mut(outputs) {
        for (weight, scale) in weights.iter_mut().zip(&scale) {
            *weight = (f64::from(*weight) * scale) as f32;
        }
    }
    let bias = offset.iter().map(|&value| value as f32).collect();
    Weights {
        kernel: Cow::Owned(kernel),
        bias: Some(Cow::Owned(bias)),
    }
}
