//! From drafts to operations: weights folded, packed for the chosen kernels, or kept as they are for
//! the readable ones.

mod bands;
mod fast;
mod fold;
mod readable;
mod weightless;

use crate::kernel_choice::Kernels;
use crate::lower::Work;
use crate::operation::Operation;
use graph::Graph;
use tensor::NamedTensors;

/// The operation of a draft. The parameters must have been checked against the graph.
pub(crate) fn pack(
    graph: &Graph,
    parameters: &NamedTensors,
    kernels: Kernels,
    work: &Work,
) -> Box<dyn Operation> {
    match kernels {
        Kernels::Fast(isa) => fast::pack(graph, parameters, isa, work),
        Kernels::Readable => readable::pack(graph, parameters, work),
    }
}
