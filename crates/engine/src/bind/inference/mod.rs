//! Inference on the CPU: weights folded, packed for the chosen kernels, or kept as they are for the
//! readable ones.

mod bands;
mod fast;
mod fold;
mod readable;

use crate::arena::whole_lines;
use crate::kernel_choice::Kernels;
use crate::operation::Operation;
use crate::work::inference::Work;
use graph::Graph;
use kernels::Window;
use kernels::conv2d::winograd;
use tensor::NamedTensors;

/// f32 that a step works in, on `threads`.
pub(crate) fn scratch(work: &Work, kernels: Kernels, threads: usize) -> usize {
    match (work, kernels) {
        (Work::Bands { schedule, .. }, _) => schedule.scratch(),
        (_, Kernels::Fast(isa)) => tiled(work).map_or(0, |(window, [channels, filters])| {
            winograd::scratch_values(isa, window, channels, filters, threads)
        }),
        (_, Kernels::Readable) => 0,
    }
}

/// f32 that the packed weights of a step have at most: channels are rounded up to whole vectors.
pub(crate) fn weights(work: &Work, kernels: Kernels) -> usize {
    match (tiled(work), kernels) {
        (Some((_, [channels, filters])), Kernels::Fast(isa)) => {
            winograd::weight_values(isa, channels, filters)
        }
        _ => product_weights(work),
    }
}

/// The same, of products that are not computed by tiles.
fn product_weights(work: &Work) -> usize {
    let packed = |inputs: usize, outputs: usize| (inputs + 1).saturating_mul(whole_lines(outputs));
    let taps = |window: &Window| window.kernel_height * window.kernel_width;
    match work {
        Work::Conv2d {
            window,
            channels,
            filters,
            ..
        } => packed(taps(window) * channels, *filters),
        Work::Depthwise {
            window, channels, ..
        } => packed(taps(window), *channels),
        Work::Dense {
            features, units, ..
        } => packed(*features, *units),
        Work::Bands { stages, .. } => {
            let stages = stages.iter().map(product_weights);
            stages.fold(0, usize::saturating_add)
        }
        Work::Layer(_) => 0,
    }
}

/// The window of a step that fast kernels compute by tiles, which costs memory for transformed values
/// and weights, and its channels and filters. Bands are not: they want rows, and their convolutions are
/// of one pixel.
fn tiled(work: &Work) -> Option<(&Window, [usize; 2])> {
    match work {
        Work::Conv2d {
            window,
            channels,
            filters,
            ..
        } if winograd::suits(window, *channels, *filters) => Some((window, [*channels, *filters])),
        _ => None,
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
