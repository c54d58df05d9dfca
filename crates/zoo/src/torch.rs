//! What PyTorch's modules call and how they lay out their parameters.
use graph::{Graph, Layout, NodeId, Op, WeightNames, WeightRow};

/// The rows of one layer, which is the module of this path.
pub(crate) fn torch_rows(graph: &Graph, id: NodeId, module: &str) -> Vec<WeightRow> {
    let mut rows = Vec::new();
    for spec in graph.node_parameters(id) {
        let (key, layout) = match (spec.name.rsplit('/').next(), graph.node(id).op()) {
            (Some("kernel"), Op::DepthwiseConv2d(_)) => ("weight", Layout::DepthwiseChannelFirst),
            (Some("kernel"), Op::Dense { .. }) => ("weight", Layout::DenseOutputFirst),
            (Some("kernel"), _) => ("weight", Layout::ConvOutputFirst),
            (Some("gamma"), _) => ("weight", Layout::Same),
            (Some("moving_mean"), _) => ("running_mean", Layout::Same),
            (Some("moving_variance"), _) => ("running_var", Layout::Same),
            _ => ("bias", Layout::Same),
        };
        rows.push(WeightRow::new(spec.name, format!("{module}.{key}"), layout));
    }
    rows
}

/// The same of two libraries: a `state_dict` has the keys of the one or of the other.
pub(crate) fn either(mut rows: Vec<WeightRow>, others: Vec<WeightRow>) -> Vec<WeightRow> {
    for (row, other) in rows.iter_mut().zip(others) {
        row.sources.extend(other.sources);
    }
    rows
}

/// The rules of a `state_dict`: what it counts while training is no weight.
pub(crate) fn by_name(rows: Vec<WeightRow>) -> WeightNames {
    WeightNames {
        rows,
        ignored: vec!["*.num_batches_tracked".to_string()],
        ..WeightNames::default()
    }
}
