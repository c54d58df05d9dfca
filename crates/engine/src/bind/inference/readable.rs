//! Steps that run on the readable kernels: the truth that a fast plan is tested against.
use super::fold::{Weights, folded, parameter};
use crate::bind::layer::ReadableLayer;
use crate::operation::{Operation, Run};
use crate::work::Role;
use crate::work::inference::{Fold, Linear, Residual, Work};
use graph::{Graph, Op};
use kernels::{Activation, Window, batch_norm, conv2d, dense, depthwise, elementwise};
use std::borrow::Cow;
use tensor::NamedTensors;

pub(super) fn bind(graph: &Graph, parameters: &NamedTensors, work: &Work) -> Box<dyn Operation> {
    match work {
        Work::Layer(layer) => Box::new(ReadableLayer(*layer)),
        Work::Conv2d {
            linear,
            window,
            channels,
            filters,
            residual,
        } => {
            let kind = Kind::Conv2d {
                window: *window,
                channels: *channels,
                filters: *filters,
            };
            let residual = *residual;
            Box::new(Readable {
                residual,
                ..Readable::new(graph, parameters, linear, *filters, kind)
            })
        }
        Work::Depthwise {
            linear,
            window,
            channels,
        } => {
            if let Some(norm) = lone_batch_norm(graph, parameters, linear) {
                return Box::new(norm);
            }
            let kind = Kind::Depthwise {
                window: *window,
                channels: *channels,
            };
            Box::new(Readable::new(graph, parameters, linear, *channels, kind))
        }
        Work::Dense {
            linear,
            features,
            units,
        } => {
            let kind = Kind::Dense {
                features: *features,
                units: *units,
            };
            Box::new(Readable::new(graph, parameters, linear, *units, kind))
        }
        Work::Bands { .. } => unreachable!("only fast kernels run in bands"),
    }
}

/// A step with weights.
#[derive(Debug)]
struct Readable {
    kind: Kind,
    kernel: Vec<f32>,
    bias: Option<Vec<f32>>,
    activation: Activation,
    residual: Residual,
}

#[derive(Debug)]
enum Kind {
    Conv2d {
        window: Window,
        channels: usize,
        filters: usize,
    },
    Depthwise {
        window: Window,
        channels: usize,
    },
    Dense {
        features: usize,
        units: usize,
    },
}

impl Readable {
    /// A step whose kernel has `outputs` channels; no residual.
    fn new(
        graph: &Graph,
        parameters: &NamedTensors,
        linear: &Linear,
        outputs: usize,
        kind: Kind,
    ) -> Self {
        let Weights { kernel, bias } = folded(graph, parameters, linear, outputs);
        Readable {
            kind,
            kernel: kernel.into_owned(),
            bias: bias.map(|bias| bias.into_owned()),
            activation: linear.activation,
            residual: Residual::None,
        }
    }
}

impl Operation for Readable {
    fn run(&self, mut run: Run<'_, '_>) {
        let (input, output) = (run.read(Role::Input), run.write(Role::Output));
        let (kernel, bias) = (&self.kernel[..], self.bias.as_deref());
        match &self.kind {
            Kind::Conv2d {
                window,
                channels,
                filters,
            } => {
                conv2d::reference::forward(
                    window, *channels, *filters, input, kernel, bias, output,
                );
            }
            Kind::Depthwise { window, channels } => {
                let images = input.chunks_exact(window.in_height * window.in_width * channels);
                let results = window.out_height * window.out_width * channels;
                for (input, output) in images.zip(output.chunks_exact_mut(results)) {
                    depthwise::reference::forward(window, *channels, input, kernel, bias, output);
                }
            }
            Kind::Dense { features, units } => {
                let rows = input.len() / features;
                dense::reference::forward(rows, *features, *units, input, kernel, bias, output);
            }
        }
        let add_residual = |output: &mut [f32]| {
            output
                .iter_mut()
                .zip(run.read(Role::Other))
                .for_each(|(value, other)| *value += other);
        };
        if self.residual == Residual::BeforeActivation {
            add_residual(output);
        }
        for value in output.iter_mut() {
            *value = elementwise::reference::activate(self.activation, *value);
        }
        if self.residual == Residual::AfterActivation {
            add_residual(output);
        }
    }

    fn weight_bytes(&self) -> usize {
        (self.kernel.len() + self.bias.as_ref().map_or(0, Vec::len)) * size_of::<f32>()
    }
}

/// A batch norm that nothing was folded with, by its own formula.
#[derive(Debug)]
struct BatchNorm {
    epsilon: f32,
    gamma: Option<Vec<f32>>,
    beta: Vec<f32>,
    mean: Vec<f32>,
    variance: Vec<f32>,
    activation: Activation,
}

fn lone_batch_norm(graph: &Graph, parameters: &NamedTensors, linear: &Linear) -> Option<BatchNorm> {
    let Op::BatchNorm { epsilon, .. } = *graph.node(linear.node).op() else {
        return None;
    };
    let [Fold::BatchNorm { .. }] = linear.folds[..] else {
        return None;
    };
    let values = |name| parameter(graph, parameters, linear.node, name).map(Cow::into_owned);
    Some(BatchNorm {
        epsilon,
        gamma: values("gamma"),
        beta: values("beta")?,
        mean: values("moving_mean")?,
        variance: values("moving_variance")?,
        activation: linear.activation,
    })
}

impl Operation for BatchNorm {
    fn run(&self, mut run: Run<'_, '_>) {
        let (input, output) = (run.read(Role::Input), run.write(Role::Output));
        let gamma = self.gamma.as_deref();
        batch_norm::reference::forward(
            self.epsilon,
            input,
            gamma,
            &self.beta,
            &self.mean,
            &self.variance,
            output,
        );
        for value in output.iter_mut() {
            *value = elementwise::reference::activate(self.activation, *value);
        }
    }

    fn weight_bytes(&self) -> usize {
        4 * self.beta.len() * size_of::<f32>()
    }
}
