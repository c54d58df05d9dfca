//! The training of a network in its plainest form, in f32 or f64: the truth that training plans and
//! the gradients of every operation are tested against.
use crate::lower::{kernel_activation, window};
use graph::{Graph, NodeId, Op};
use kernels::dropout::Draw;
use kernels::{
    Float, batch_norm, conv2d, dense, depthwise, dropout, elementwise, pooling, rearrange, softmax,
};
use std::collections::{BTreeMap, HashSet};

/// A network with its parameters, by name, as numbers of one type.
#[derive(Debug)]
pub struct Reference<'a, F> {
    /// The network.
    pub graph: &'a Graph,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, Vec<F>>,
    /// The layers that are not trained: their batch norms use their moving statistics.
    pub frozen: HashSet<String>,
    /// The seed of its dropouts.
    pub seed: u64,
    /// The step of its dropouts.
    pub step: u32,
}

/// What a forward pass leaves.
#[derive(Debug)]
pub struct Trace<F> {
    /// The value of each node, `[N, ...]`.
    pub values: Vec<Vec<F>>,
    /// The mean and the variance of each batch norm's batch; empty for other nodes.
    pub statistics: Vec<(Vec<F>, Vec<F>)>,
}

/// What a backward pass gives.
#[derive(Debug)]
pub struct Gradients<F> {
    /// By each parameter's name; moving statistics and frozen layers have none.
    pub parameters: BTreeMap<String, Vec<F>>,
    /// By each node's value.
    pub values: Vec<Vec<F>>,
}

impl<F: Float> Reference<'_, F> {
    fn parameter(&self, id: NodeId, name: &str) -> Option<&[F]> {
        let name = format!("{}/{name}", self.graph.node(id).name());
        self.parameters.get(&name).map(Vec::as_slice)
    }

    fn wanted(&self, id: NodeId, name: &str) -> &[F] {
        self.parameter(id, name).unwrap_or_else(|| {
            panic!("no {name} of {}", self.graph.node(id).name());
        })
    }

    fn is_frozen(&self, id: NodeId) -> bool {
        self.frozen.contains(self.graph.node(id).name())
    }

    fn draw(&self, id: NodeId) -> Draw {
        Draw {
            seed: self.seed,
            step: self.step,
            layer: id.index() as u32,
        }
    }

    /// The value of every node for `images` images, `input` `[N, H, W, C]`.
    ///
    /// # Panics
    /// Where a parameter is missing or a length does not agree.
    pub fn forward(&self, images: usize, input: &[F]) -> Trace<F> {
        let mut trace = Trace {
            values: Vec::new(),
            statistics: Vec::new(),
        };
        for id in self.graph.ids() {
            let node = self.graph.node(id);
            let size = node.shape().elements();
            let mut output = vec![F::ZERO; images * size];
            let mut statistics = (Vec::new(), Vec::new());
            let read = |index: usize| {
                let input = node.inputs()[index];
                let size = self.graph.node(input).shape().elements();
                (
                    &trace.values[input.index()],
                    size,
                    self.graph.node(input).shape(),
                )
            };
            let channels = node.shape().channels();
            match *node.op() {
                Op::Input { .. } => output.copy_from_slice(input),
                Op::BatchNorm { epsilon, .. } => {
                    let (input, ..) = read(0);
                    let (mean, variance) = if self.is_frozen(id) {
                        let moving = |name| self.wanted(id, name).to_vec();
                        (moving("moving_mean"), moving("moving_variance"))
                    } else {
                        let mut mean = vec![F::ZERO; channels];
                        let mut variance = mean.clone();
                        batch_norm::reference::statistics(input, &mut mean, &mut variance);
                        (mean, variance)
                    };
                    batch_norm::reference::forward(
                        epsilon,
                        input,
                        self.parameter(id, "gamma"),
                        self.wanted(id, "beta"),
                        &mean,
                        &variance,
                        &mut output,
                    );
                    statistics = (mean, variance);
                }
                op => {
                    for image in 0..images {
                        let output = &mut output[image * size..][..size];
                        let of = |index: usize| {
                            let (values, size, _) = read(index);
                            &values[image * size..][..size]
                        };
                        self.forward_image(id, op, image, of, output);
                    }
                }
            }
            trace.values.push(output);
            trace.statistics.push(statistics);
        }
        trace
    }

    fn forward_image<'b>(
        &self,
        id: NodeId,
        op: Op,
        image: usize,
        of: impl Fn(usize) -> &'b [F],
        output: &mut [F],
    ) {
        let node = self.graph.node(id);
        let shape = self.graph.node(node.inputs()[0]).shape();
        let channels = shape.channels();
        match op {
            Op::Input { .. } | Op::BatchNorm { .. } => unreachable!("done for all images at once"),
            Op::Conv2d(conv) => conv2d::reference::forward(
                &window(shape, conv.kernel, conv.stride, conv.padding),
                channels,
                conv.filters,
                of(0),
                self.wanted(id, "kernel"),
                self.parameter(id, "bias"),
                output,
            ),
            Op::DepthwiseConv2d(conv) => depthwise::reference::forward(
                &window(shape, conv.kernel, conv.stride, conv.padding),
                channels,
                of(0),
                self.wanted(id, "kernel"),
                self.parameter(id, "bias"),
                output,
            ),
            Op::Dense { units, .. } => dense::reference::forward(
                shape.elements() / channels,
                channels,
                units,
                of(0),
                self.wanted(id, "kernel"),
                self.parameter(id, "bias"),
                output,
            ),
            Op::Activation(activation) => {
                let activation = kernel_activation(activation);
                elementwise::reference::activation(activation, of(0), output);
            }
            Op::Softmax => softmax::reference::forward(channels, of(0), output),
            Op::Affine { scale, offset } => {
                let [scale, offset] = [scale, offset].map(|v| F::from_f64(f64::from(v)));
                elementwise::reference::affine(scale, offset, of(0), output);
            }
            Op::Add => {
                for index in 0..node.inputs().len() {
                    elementwise::reference::add_scaled(of(index), F::ONE, output);
                }
            }
            Op::Multiply => elementwise::reference::multiply(of(0), of(1), output),
            Op::Concat => {
                let mut first = 0;
                for (index, &input) in node.inputs().iter().enumerate() {
                    let own = self.graph.node(input).shape().channels();
                    let all = node.shape().channels();
                    rearrange::reference::concat_one(own, all, first, of(index), output);
                    first += own;
                }
            }
            Op::MaxPool(pool) => {
                let window = window(shape, pool.kernel, pool.stride, pool.padding);
                pooling::reference::max(&window, channels, of(0), output);
            }
            Op::AveragePool(pool) => {
                let window = window(shape, pool.kernel, pool.stride, pool.padding);
                pooling::reference::average(&window, channels, of(0), output);
            }
            Op::GlobalAveragePool { .. } => {
                let pixels = shape.elements() / channels;
                pooling::reference::global_average(pixels, of(0), output);
            }
            Op::ZeroPad(padding) => rearrange::reference::zero_pad(
                size(shape),
                size(node.shape()),
                [padding.top, padding.left],
                channels,
                of(0),
                output,
            ),
            Op::Crop(crop) => rearrange::reference::crop(
                size(shape),
                size(node.shape()),
                [crop.top, crop.left],
                channels,
                of(0),
                output,
            ),
            Op::Flatten => output.copy_from_slice(of(0)),
            Op::Dropout { rate, per_sample } => {
                let random = self.draw(id).of(image);
                dropout::reference::add_kept(rate, per_sample, random, of(0), output);
            }
        }
    }

    /// The gradients of a scalar whose derivative by the node `of` is `gradient`.
    ///
    /// # Panics
    /// Where the trace is of another network or batch.
    pub fn backward(
        &self,
        images: usize,
        trace: &Trace<F>,
        of: NodeId,
        gradient: &[F],
    ) -> Gradients<F> {
        let zeros = |values: &Vec<F>| vec![F::ZERO; values.len()];
        let mut gradients = Gradients {
            parameters: BTreeMap::new(),
            values: trace.values.iter().map(zeros).collect(),
        };
        gradients.values[of.index()].copy_from_slice(gradient);
        for id in self.graph.ids() {
            for spec in self.graph.node_parameters(id) {
                if spec.trainable && !self.is_frozen(id) {
                    let zeros = vec![F::ZERO; spec.shape.elements()];
                    gradients.parameters.insert(spec.name, zeros);
                }
            }
        }
        let ids: Vec<NodeId> = self.graph.ids().collect();
        for &id in ids.iter().rev() {
            let above = std::mem::take(&mut gradients.values[id.index()]);
            self.node_backward(images, trace, id, &above, &mut gradients);
            gradients.values[id.index()] = above;
        }
        gradients
    }

    fn node_backward(
        &self,
        images: usize,
        trace: &Trace<F>,
        id: NodeId,
        above: &[F],
        gradients: &mut Gradients<F>,
    ) {
        let node = self.graph.node(id);
        let Some(&first) = node.inputs().first() else {
            return;
        };
        let shape = self.graph.node(first).shape();
        let (channels, in_size, out_size) =
            (shape.channels(), shape.elements(), node.shape().elements());
        let mut own = |name: &str| {
            let name = format!("{}/{name}", node.name());
            gradients
                .parameters
                .remove(&name)
                .map(|values| (name, values))
        };
        let (mut kernel_gradient, mut bias_gradient) = (own("kernel"), own("bias"));
        let (mut gamma_gradient, mut beta_gradient) = (own("gamma"), own("beta"));
        fn slice<F>(gradient: &mut Option<(String, Vec<F>)>) -> Option<&mut [F]> {
            gradient.as_mut().map(|(_, values)| &mut values[..])
        }
        let input = &trace.values[first.index()];
        if let Op::BatchNorm { epsilon, .. } = *node.op() {
            let (mean, variance) = &trace.statistics[id.index()];
            let gamma = self.parameter(id, "gamma");
            let below = &mut gradients.values[first.index()];
            match &mut beta_gradient {
                Some((_, beta)) => batch_norm::reference::backward(
                    epsilon,
                    input,
                    gamma,
                    (mean, variance),
                    above,
                    below,
                    slice(&mut gamma_gradient),
                    beta,
                ),
                None => {
                    batch_norm::reference::backward_fixed(epsilon, gamma, variance, above, below);
                }
            }
        } else {
            for image in 0..images {
                let above = &above[image * out_size..][..out_size];
                let input = &input[image * in_size..][..in_size];
                let range = image * in_size..(image + 1) * in_size;
                let all = &mut gradients.values;
                match *node.op() {
                    Op::Input { .. } | Op::BatchNorm { .. } => {}
                    Op::Conv2d(conv) => conv2d::reference::backward(
                        &window(shape, conv.kernel, conv.stride, conv.padding),
                        channels,
                        conv.filters,
                        input,
                        self.wanted(id, "kernel"),
                        above,
                        Some(&mut all[first.index()][range]),
                        slice(&mut kernel_gradient),
                        slice(&mut bias_gradient),
                    ),
                    Op::DepthwiseConv2d(conv) => depthwise::reference::backward(
                        &window(shape, conv.kernel, conv.stride, conv.padding),
                        channels,
                        input,
                        self.wanted(id, "kernel"),
                        above,
                        Some(&mut all[first.index()][range]),
                        slice(&mut kernel_gradient),
                        slice(&mut bias_gradient),
                    ),
                    Op::Dense { units, .. } => dense::reference::backward(
                        in_size / channels,
                        channels,
                        units,
                        input,
                        self.wanted(id, "kernel"),
                        above,
                        Some(&mut all[first.index()][range]),
                        slice(&mut kernel_gradient),
                        slice(&mut bias_gradient),
                    ),
                    Op::Activation(activation) => elementwise::reference::activation_backward(
                        kernel_activation(activation),
                        input,
                        above,
                        &mut all[first.index()][range],
                    ),
                    Op::Softmax => softmax::reference::backward(
                        channels,
                        &trace.values[id.index()][image * out_size..][..out_size],
                        above,
                        &mut all[first.index()][range],
                    ),
                    Op::Affine { scale, .. } => elementwise::reference::add_scaled(
                        above,
                        F::from_f64(f64::from(scale)),
                        &mut all[first.index()][range],
                    ),
                    Op::Add => {
                        for &input in node.inputs() {
                            let below = &mut all[input.index()][range.clone()];
                            elementwise::reference::add_scaled(above, F::ONE, below);
                        }
                    }
                    Op::Multiply => {
                        let second = node.inputs()[1];
                        let size = self.graph.node(second).shape().elements();
                        let right = &trace.values[second.index()][image * size..][..size];
                        let mut left_gradient = vec![F::ZERO; in_size];
                        let mut right_gradient = vec![F::ZERO; size];
                        elementwise::reference::multiply_backward(
                            input,
                            right,
                            above,
                            &mut left_gradient,
                            &mut right_gradient,
                        );
                        let below = &mut all[first.index()][range];
                        elementwise::reference::add_scaled(&left_gradient, F::ONE, below);
                        let below = &mut all[second.index()][image * size..][..size];
                        elementwise::reference::add_scaled(&right_gradient, F::ONE, below);
                    }
                    Op::Concat => {
                        let mut start = 0;
                        for &input in node.inputs() {
                            let shape = self.graph.node(input).shape();
                            let (own, size) = (shape.channels(), shape.elements());
                            let below = &mut all[input.index()][image * size..][..size];
                            let whole = node.shape().channels();
                            rearrange::reference::concat_one_backward(
                                own, whole, start, above, below,
                            );
                            start += own;
                        }
                    }
                    Op::MaxPool(pool) => pooling::reference::max_backward(
                        &window(shape, pool.kernel, pool.stride, pool.padding),
                        channels,
                        input,
                        above,
                        &mut all[first.index()][range],
                    ),
                    Op::AveragePool(pool) => pooling::reference::average_backward(
                        &window(shape, pool.kernel, pool.stride, pool.padding),
                        channels,
                        above,
                        &mut all[first.index()][range],
                    ),
                    Op::GlobalAveragePool { .. } => pooling::reference::global_average_backward(
                        in_size / channels,
                        above,
                        &mut all[first.index()][range],
                    ),
                    Op::ZeroPad(padding) => rearrange::reference::zero_pad_backward(
                        size(shape),
                        size(node.shape()),
                        [padding.top, padding.left],
                        channels,
                        above,
                        &mut all[first.index()][range],
                    ),
                    Op::Crop(crop) => rearrange::reference::crop_backward(
                        size(shape),
                        size(node.shape()),
                        [crop.top, crop.left],
                        channels,
                        above,
                        &mut all[first.index()][range],
                    ),
                    Op::Flatten => elementwise::reference::add_scaled(
                        above,
                        F::ONE,
                        &mut all[first.index()][range],
                    ),
                    Op::Dropout { rate, per_sample } => dropout::reference::add_kept(
                        rate,
                        per_sample,
                        self.draw(id).of(image),
                        above,
                        &mut all[first.index()][range],
                    ),
                }
            }
        }
        gradients.parameters.extend(
            [
                kernel_gradient,
                bias_gradient,
                gamma_gradient,
                beta_gradient,
            ]
            .into_iter()
            .flatten(),
        );
    }
}

fn size(shape: tensor::Shape) -> [usize; 2] {
    [shape.dimensions()[0], shape.dimensions()[1]]
}
