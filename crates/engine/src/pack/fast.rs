//! Steps that run on the fast kernels, their weights packed for a set of instructions.
use super::fold::{Weights, folded};
use super::weightless::Weightless;
use crate::lower::{Residual, Work};
use crate::operation::{Operation, Run};
use graph::Graph;
use kernels::Isa;
use kernels::conv2d::PackedConv2d;
use kernels::dense::PackedDense;
use kernels::depthwise::PackedDepthwise;
use tensor::NamedTensors;

pub(super) fn pack(
    graph: &Graph,
    parameters: &NamedTensors,
    isa: Isa,
    work: &Work,
) -> Box<dyn Operation> {
    match work {
        Work::Conv2d {
            linear,
            window,
            channels,
            filters,
            residual,
        } => {
            let Weights { kernel, bias } = folded(graph, parameters, linear, *filters);
            let activation = linear.activation;
            let packed = PackedConv2d::new(
                isa,
                window,
                *channels,
                *filters,
                &kernel,
                bias.as_deref(),
                activation,
            );
            Box::new(match residual {
                Residual::AfterActivation => packed.with_residual_last(),
                Residual::None | Residual::BeforeActivation => packed,
            })
        }
        Work::Depthwise {
            linear,
            window,
            channels,
        } => {
            let Weights { kernel, bias } = folded(graph, parameters, linear, *channels);
            let activation = linear.activation;
            let bias = bias.as_deref();
            let packed = PackedDepthwise::new(isa, window, *channels, &kernel, bias, activation);
            Box::new(Depthwise {
                packed,
                input: window.in_height * window.in_width * channels,
                output: window.out_height * window.out_width * channels,
            })
        }
        Work::Dense {
            linear,
            features,
            units,
        } => {
            let Weights { kernel, bias } = folded(graph, parameters, linear, *units);
            let activation = linear.activation;
            let bias = bias.as_deref();
            Box::new(PackedDense::new(
                isa, *features, *units, &kernel, bias, activation,
            ))
        }
        weightless => Box::new(Weightless {
            isa: Some(isa),
            work: weightless.clone(),
        }),
    }
}

impl Operation for PackedConv2d {
    fn run(&self, run: Run<'_, '_>) {
        let residual = run.reads.get(1).copied();
        PackedConv2d::run(self, run.pool, run.reads[0], residual, run.write);
    }

    fn weight_bytes(&self) -> usize {
        self.packed_bytes()
    }
}

impl Operation for PackedDense {
    fn run(&self, run: Run<'_, '_>) {
        PackedDense::run(self, run.pool, run.reads[0], run.write);
    }

    fn weight_bytes(&self) -> usize {
        self.packed_bytes()
    }
}

/// A depthwise convolution of one image, or a batch norm of as many rows as there are.
#[derive(Debug)]
struct Depthwise {
    packed: PackedDepthwise,
    /// f32 of one image.
    input: usize,
    output: usize,
}

impl Operation for Depthwise {
    fn run(&self, run: Run<'_, '_>) {
        let inputs = run.reads[0].chunks_exact(self.input);
        for (input, output) in inputs.zip(run.write.chunks_exact_mut(self.output)) {
            self.packed.run(run.pool, input, output);
        }
    }

    fn weight_bytes(&self) -> usize {
        self.packed.packed_bytes()
    }
}
