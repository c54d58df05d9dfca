//! Inference on the CPU: weights folded, packed for the chosen kernels, or kept as they are for the
//! readable ones.

mod bands;
mod fast;
mod fold;
mod readable;

use crate::kernel_choice::Kernels;
use crate::operation::Operation;
use crate::work::inference::Work;
use graph::Graph;
use tensor::NamedTensors;

/// f32 that a step works in.
pub(crate) fn scratch(work: &Work) -> usize {
    match work {
        Work::Bands { schedule, .. } => schedule.scratch(),
        Work::Conv2d { .. } | Work::Depthwise { .. } | Work::Dense { .. } | Work::Layer(_) => 0,
    }
}

/// The operation of a step. The parameters must have been checked against the graph.
pub(crate) fn bind(
    graph: &Graph,
    parameters: &NamedTensors,
    kernels: Kernels,
    work: &Work,
) -> Box<dyn Operation> {
    match kernels {
        Kernels::Fast(isa) => fast::bind(graph, parameters, isa, work),
        Kernels::Readable => readable::bind(graph, parameters, work),
    }
}
