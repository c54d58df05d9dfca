//! Steps that run on the readable kernels: the truth that a fast plan is tested against.
use super::fold::{Weights, folded, parameter};
use super::weightless::Weightless;
use crate::lower::{Fold, Linear, Residual, Work};
use crate::operation::{Operation, Run};
use graph::{Graph, Op};
use kernels::{Activation, Window, batch_norm, conv2d, dense, depthwise, elementwise};
use tensor::NamedTensors;

pub(super) fn pack(graph: &Graph, parameters: &NamedTensors, work: &Work) -> Box<dyn Operation> {
    let activation = match work {
        Work::Conv2d { linear, .. }
        | Work::Depthwise { linear, .. }
        | Work::Dense { linear, .. } => linear.activation,
        weightless => {
            return Box::new(Weightless {
                isa: None,
                work: weightless.clone(),
            });
        }
    };
    let weights = |linear: &Linear, outputs| {
        let Weights { kernel, bias } = folded(graph, parameters, linear, outputs);
        (kernel.into_owned(), bias.map(|bias| bias.into_owned()))
    };
    let mut after = Residual::None;
    let (kind, (kernel, bias)) = match work {
        Work::Conv2d {
            linear,
            window,
            channels,
            filters,
            residual,
        } => {
            after = *residual;
            let kind = Kind::Conv2d {
                window: *window,
                channels: *channels,
                filters: *filters,
            };
            (kind, weights(linear, *filters))
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
            (kind, weights(linear, *channels))
        }
        Work::Dense {
            linear,
            features,
            units,
        } => (
            Kind::Dense {
                features: *features,
                units: *units,
            },
            weights(linear, *units),
        ),
        _ => unreachable!("steps without weights were packed above"),
    };
    Box::new(Readable {
        kind,
        kernel,
        bias,
        activation,
        residual: after,
    })
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

impl Operation for Readable {
    fn run(&self, run: Run<'_, '_>) {
        let (input, output) = (run.reads[0], run.write);
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
                .zip(run.reads[1])
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
    let Op::BatchNorm { epsilon, scale, .. } = *graph.node(linear.node).op() else {
        return None;
    };
    let [Fold::BatchNorm { .. }] = linear.folds[..] else {
        return None;
    };
    let values = |name| parameter(graph, parameters, linear.node, name).map(<[f32]>::to_vec);
    Some(BatchNorm {
        epsilon,
        gamma: values("gamma").filter(|_| scale),
        beta: values("beta")?,
        mean: values("moving_mean")?,
        variance: values("moving_variance")?,
        activation: linear.activation,
    })
}

impl Operation for BatchNorm {
    fn run(&self, run: Run<'_, '_>) {
        let (input, output) = (run.reads[0], run.write);
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
