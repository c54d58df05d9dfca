//! Steps that run on the fast kernels, their weights packed for a set of instructions.
use super::bands::{Bands, Stage};
use super::fold::{Weights, folded, parameter, stored};
use super::tiled;
use crate::bind::layer::FastLayer;
use crate::operation::{Operation, Run};
use crate::work::Role;
use crate::work::inference::{Residual, Work};
use graph::Graph;
use kernels::Isa;
use kernels::conv2d::PackedConv2d;
use kernels::conv2d::winograd::PackedWinograd;
use kernels::dense::PackedDense;
use kernels::depthwise::PackedDepthwise;
use tensor::{NamedTensors, Tensor, Values};

pub(super) fn bind(
    graph: &Graph,
    parameters: &NamedTensors,
    isa: Isa,
    work: &Work,
) -> Box<dyn Operation> {
    match work {
        Work::Bands { stages, schedule } => {
            let stages = stages
                .iter()
                .filter_map(|work| stage(graph, parameters, isa, work));
            Box::new(Bands {
                stages: stages.collect(),
                schedule: schedule.clone(),
            })
        }
        Work::Dense {
            linear,
            features,
            units,
        } => {
            let (features, units, activation) = (*features, *units, linear.activation);
            // Weights that nothing is folded into stay f16, where they are: the largest of all.
            let kernel = stored(graph, parameters, linear.node, "kernel").map(Tensor::stored);
            if let (Some(Values::F16(kernel)), []) = (kernel, &linear.folds[..]) {
                let bias = parameter(graph, parameters, linear.node, "bias");
                let bias = bias.as_deref();
                return Box::new(PackedDense::of_f16(
                    isa, features, units, kernel, bias, activation,
                ));
            }
            let Weights { kernel, bias } = folded(graph, parameters, linear, units);
            let bias = bias.as_deref();
            Box::new(PackedDense::new(
                isa, features, units, &kernel, bias, activation,
            ))
        }
        Work::Layer(layer) => Box::new(FastLayer { isa, layer: *layer }),
        Work::Conv2d {
            linear,
            window,
            channels,
            filters,
            residual,
        } if tiled(work).is_some() => {
            let Weights { kernel, bias } = folded(graph, parameters, linear, *filters);
            Box::new(PackedWinograd::new(
                isa,
                window,
                *channels,
                *filters,
                &kernel,
                bias.as_deref(),
                linear.activation,
                *residual == Residual::AfterActivation,
            ))
        }
        Work::Conv2d { .. } | Work::Depthwise { .. } => {
            let stage = stage(graph, parameters, isa, work);
            Box::new(stage.expect("a convolution"))
        }
    }
}

/// A convolution with its weights packed; none of another kind of work.
fn stage(graph: &Graph, parameters: &NamedTensors, isa: Isa, work: &Work) -> Option<Stage> {
    match work {
        Work::Conv2d {
            linear,
            window,
            channels,
            filters,
            residual,
        } => {
            let Weights { kernel, bias } = folded(graph, parameters, linear, *filters);
            let (bias, activation) = (bias.as_deref(), linear.activation);
            let packed =
                PackedConv2d::new(isa, window, *channels, *filters, &kernel, bias, activation);
            Some(Stage::Conv2d(match residual {
                Residual::AfterActivation => packed.with_residual_last(),
                Residual::None | Residual::BeforeActivation => packed,
            }))
        }
        Work::Depthwise {
            linear,
            window,
            channels,
        } => {
            let Weights { kernel, bias } = folded(graph, parameters, linear, *channels);
            let (bias, activation) = (bias.as_deref(), linear.activation);
            Some(Stage::Depthwise {
                packed: PackedDepthwise::new(isa, window, *channels, &kernel, bias, activation),
                input: window.in_height * window.in_width * channels,
                output: window.out_height * window.out_width * channels,
            })
        }
        Work::Dense { .. } | Work::Layer(_) | Work::Bands { .. } => None,
    }
}

impl Operation for Stage {
    fn run(&self, mut run: Run<'_, '_>) {
        let (images, results) = (run.read(Role::Input), run.write(Role::Output));
        match self {
            Stage::Conv2d(packed) => {
                packed.run(run.pool, images, run.find(Role::Other), results);
            }
            Stage::Depthwise {
                packed,
                input,
                output,
            } => {
                // One image, or as many rows as there are for a batch norm of rows.
                let inputs = images.chunks_exact(*input);
                for (input, output) in inputs.zip(results.chunks_exact_mut(*output)) {
                    packed.run(run.pool, input, output);
                }
            }
        }
    }

    fn weight_bytes(&self) -> usize {
        match self {
            Stage::Conv2d(packed) => packed.packed_bytes(),
            Stage::Depthwise { packed, .. } => packed.packed_bytes(),
        }
    }
}

impl Operation for PackedWinograd {
    fn run(&self, mut run: Run<'_, '_>) {
        let (image, output) = (run.read(Role::Input), run.write(Role::Output));
        let scratch = run.write(Role::Scratch);
        PackedWinograd::run(
            self,
            run.pool,
            image,
            run.find(Role::Other),
            output,
            scratch,
        );
    }

    fn weight_bytes(&self) -> usize {
        self.packed_bytes()
    }
}

impl Operation for PackedDense {
    fn run(&self, mut run: Run<'_, '_>) {
        let (rows, results) = (run.read(Role::Input), run.write(Role::Output));
        PackedDense::run(self, run.pool, rows, results);
    }

    fn weight_bytes(&self) -> usize {
        self.packed_bytes()
    }
}
