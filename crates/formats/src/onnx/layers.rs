//! Each layer of a graph as one or several nodes of ONNX.
use super::FORMAT;
use super::proto::{Attribute, FLOAT, INT64, Node, Stored};
use crate::{FormatError, Model};
use graph::{Activation, NodeId, Op, Padding, Pool2d};

/// Nodes and stored values in the making.
pub(super) struct Writer<'a> {
    model: &'a Model<'a>,
    /// Whether the values of parameters are stored; their names and shapes always are.
    with_values: bool,
    pub(super) nodes: Vec<Node>,
    pub(super) initializers: Vec<Stored>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(model: &'a Model<'a>, with_values: bool) -> Self {
        Writer {
            model,
            with_values,
            nodes: Vec::new(),
            initializers: Vec::new(),
        }
    }

    /// One layer as one or several nodes.
    pub(super) fn layer(&mut self, id: NodeId) -> Result<(), FormatError> {
        let graph = self.model.graph;
        let node = graph.node(id);
        let name = node.name();
        let inputs: Vec<&str> = node
            .inputs()
            .iter()
            .map(|&i| graph.node(i).name())
            .collect();
        let first = inputs.first().copied().unwrap_or_default();
        let rank = node.shape().rank();
        let input_rank = node.inputs().first().map(|&i| graph.node(i).shape().rank());
        if ![1, 3].contains(&rank) || input_rank.is_some_and(|rank| ![1, 3].contains(&rank)) {
            return Err(self.no_counterpart(id));
        }
        match *node.op() {
            Op::Input { .. } => {}
            Op::Conv2d(conv) => {
                let inputs = self.with_parameters(id, first);
                let window = window(conv.kernel, conv.stride, &conv.padding);
                self.add("Conv", name, inputs, window);
            }
            Op::DepthwiseConv2d(conv) => {
                let inputs = self.with_parameters(id, first);
                let mut window = window(conv.kernel, conv.stride, &conv.padding);
                window.push(Attribute::of_integer(
                    "group",
                    node.shape().channels() as i64,
                ));
                self.add("Conv", name, inputs, window);
            }
            Op::Dense { bias, .. } if rank == 1 => {
                let inputs = self.with_parameters(id, first);
                debug_assert_eq!(inputs.len(), 2 + usize::from(bias));
                self.add("Gemm", name, inputs, Vec::new());
            }
            Op::Dense { bias, .. } => self.dense_on_image(id, first, bias),
            Op::BatchNorm {
                epsilon, momentum, ..
            } => {
                let inputs = self.with_parameters(id, first);
                let numbers = vec![
                    Attribute::of_float("epsilon", epsilon),
                    Attribute::of_float("momentum", momentum),
                ];
                self.add("BatchNormalization", name, inputs, numbers);
            }
            Op::Activation(function) => self.activation(name, first, function),
            Op::Softmax => self.add(
                "Softmax",
                name,
                [first],
                vec![Attribute::of_integer("axis", 1)],
            ),
            Op::Affine { scale, offset } => self.affine(name, first, scale, offset),
            Op::Add => self.sum(name, &inputs),
            Op::Multiply => self.add("Mul", name, inputs, Vec::new()),
            Op::Concat => self.add(
                "Concat",
                name,
                inputs,
                vec![Attribute::of_integer("axis", 1)],
            ),
            Op::MaxPool(pool) => self.add("MaxPool", name, [first], pooling(&pool)),
            Op::AveragePool(pool) => self.add("AveragePool", name, [first], pooling(&pool)),
            Op::GlobalAveragePool { keep_dimensions } => {
                self.global_mean(name, first, keep_dimensions);
            }
            Op::ZeroPad(zeros) => self.zeros(name, first, &zeros),
            Op::Crop(cut) => self.crop(id, first, &cut)?,
            Op::Flatten => self.flatten(name, first, input_rank == Some(3)),
            Op::Dropout { .. } => self.add("Identity", name, [first], Vec::new()),
        }
        Ok(())
    }

    fn global_mean(&mut self, name: &str, input: &str, keep_dimensions: bool) {
        let pooled = match keep_dimensions {
            true => name.to_owned(),
            false => format!("{name}/kept"),
        };
        self.add("GlobalAveragePool", &pooled, [input], Vec::new());
        if !keep_dimensions {
            let axis = vec![Attribute::of_integer("axis", 1)];
            self.add("Flatten", name, [&*pooled], axis);
        }
    }

    fn zeros(&mut self, name: &str, input: &str, zeros: &Padding) {
        let Padding {
            top,
            bottom,
            left,
            right,
        } = *zeros;
        let pads = [0, 0, top, left, 0, 0, bottom, right].map(|pad| pad as i64);
        let pads = self.numbers(format!("{name}/pads"), &pads);
        self.add("Pad", name, [input, &pads], Vec::new());
    }

    fn crop(&mut self, id: NodeId, input: &str, cut: &Padding) -> Result<(), FormatError> {
        let graph = self.model.graph;
        let (name, before) = (graph.node(id).name(), graph.node(id).inputs()[0]);
        let &[height, width, _] = graph.node(before).shape().dimensions() else {
            return Err(self.no_counterpart(id));
        };
        let from = [cut.top, cut.left].map(|cut| cut as i64);
        let to = [height - cut.bottom, width - cut.right].map(|end| end as i64);
        let from = self.numbers(format!("{name}/from"), &from);
        let to = self.numbers(format!("{name}/to"), &to);
        let axes = self.numbers(format!("{name}/axes"), &[2, 3]);
        self.add("Slice", name, [input, &from, &to, &axes], Vec::new());
        Ok(())
    }

    fn flatten(&mut self, name: &str, input: &str, is_image: bool) {
        let mut flat = input.to_owned();
        // Row by row, the channels of each pixel together, as museau has them.
        if is_image {
            flat = format!("{name}/channels_last");
            let order = vec![Attribute::of_integers("perm", &TO_LAST)];
            self.add("Transpose", &flat, [input], order);
        }
        let axis = vec![Attribute::of_integer("axis", 1)];
        self.add("Flatten", name, [&*flat], axis);
    }

    /// ONNX's matrices multiply the last dimension.
    fn dense_on_image(&mut self, id: NodeId, input: &str, bias: bool) {
        let name = self.model.graph.node(id).name();
        let last = format!("{name}/channels_last");
        self.add(
            "Transpose",
            &last,
            [input],
            vec![Attribute::of_integers("perm", &TO_LAST)],
        );
        let inputs = self.with_parameters(id, &last);
        let mut value = format!("{name}/product");
        // The reader of ONNX files finds the kernel under the name of the product's node.
        self.add("MatMul", &value, [&*inputs[0], &inputs[1]], Vec::new());
        if let Some(node) = self.nodes.last_mut() {
            node.name = name.to_owned();
        }
        if bias {
            let sum = format!("{name}/sum");
            self.add("Add", &sum, [&*value, &inputs[2]], Vec::new());
            value = sum;
        }
        self.add(
            "Transpose",
            name,
            [&*value],
            vec![Attribute::of_integers("perm", &TO_FIRST)],
        );
        if let Some(node) = self.nodes.last_mut() {
            node.name = format!("{name}/channels_first");
        }
    }

    fn activation(&mut self, name: &str, input: &str, function: Activation) {
        match function {
            Activation::Relu => self.add("Relu", name, [input], Vec::new()),
            Activation::Relu6 => {
                let least = self.number(format!("{name}/least"), 0.0);
                let most = self.number(format!("{name}/most"), 6.0);
                self.add("Clip", name, [input, &least, &most], Vec::new());
            }
            Activation::Swish => {
                let gate = format!("{name}/sigmoid");
                self.add("Sigmoid", &gate, [input], Vec::new());
                self.add("Mul", name, [input, &gate], Vec::new());
            }
            Activation::Sigmoid => self.add("Sigmoid", name, [input], Vec::new()),
            Activation::Tanh => self.add("Tanh", name, [input], Vec::new()),
        }
    }

    fn affine(&mut self, name: &str, input: &str, scale: f32, offset: f32) {
        let factor = self.number(format!("{name}/scale"), scale);
        if offset == 0.0 {
            return self.add("Mul", name, [input, &factor], Vec::new());
        }
        let scaled = format!("{name}/scaled");
        self.add("Mul", &scaled, [input, &factor], Vec::new());
        let offset = self.number(format!("{name}/offset"), offset);
        self.add("Add", name, [&*scaled, &offset], Vec::new());
    }

    /// ONNX's `Add` takes two.
    fn sum(&mut self, name: &str, inputs: &[&str]) {
        let mut sum = inputs[0].to_owned();
        for (place, input) in inputs.iter().enumerate().skip(1) {
            let next = match place + 1 == inputs.len() {
                true => name.to_owned(),
                false => format!("{name}/{place}"),
            };
            self.add("Add", &next, [&*sum, input], Vec::new());
            sum = next;
        }
    }

    fn add<S: ToString>(
        &mut self,
        op: &str,
        name: &str,
        inputs: impl IntoIterator<Item = S>,
        attributes: Vec<Attribute>,
    ) {
        self.nodes.push(Node {
            inputs: inputs.into_iter().map(|input| input.to_string()).collect(),
            outputs: vec![name.to_owned()],
            name: name.to_owned(),
            op: op.to_owned(),
            attributes,
        });
    }

    /// Stores a layer's parameters; gives what its node takes.
    fn with_parameters(&mut self, id: NodeId, input: &str) -> Vec<String> {
        let (mut inputs, keep) = (vec![input.to_owned()], self.with_values);
        let node = self.model.graph.node(id);
        if let Op::BatchNorm { scale: false, .. } = node.op() {
            let name = format!("{}/gamma", node.name());
            let ones = vec![1.0; node.shape().channels()];
            inputs.push(self.store(name, &[ones.len()], Some(&ones)));
        }
        for spec in self.model.graph.node_parameters(id) {
            let Some(tensor) = self.model.parameters.get(&spec.name) else {
                continue;
            };
            // Output channels first; with the channels of a depthwise convolution as outputs of one input.
            let (dimensions, turned) = match *spec.shape.dimensions() {
                [kh, kw, c, oc] => (vec![oc, c, kh, kw], Some([kh * kw, c, oc])),
                [kh, kw, c] => (vec![c, 1, kh, kw], Some([kh * kw, 1, c])),
                ref others => (others.to_vec(), None),
            };
            let values = keep.then(|| tensor.values()).map(|values| match turned {
                Some(sizes) => output_first(&values, sizes).into(),
                None => values,
            });
            inputs.push(self.store(spec.name, &dimensions, values.as_deref()));
        }
        inputs
    }

    fn store(&mut self, name: String, dimensions: &[usize], values: Option<&[f32]>) -> String {
        let values = values.unwrap_or_default().iter();
        let raw = values.flat_map(|value| value.to_le_bytes()).collect();
        self.initializers.push(Stored {
            dimensions: dimensions.iter().map(|&size| size as i64).collect(),
            kind: FLOAT,
            name: name.clone(),
            raw,
            ..Stored::default()
        });
        name
    }

    /// One number, of no dimension.
    fn number(&mut self, name: String, value: f32) -> String {
        self.store(name, &[], Some(&[value]))
    }

    /// Whole numbers.
    fn numbers(&mut self, name: String, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes());
        self.initializers.push(Stored {
            dimensions: vec![values.len() as i64],
            kind: INT64,
            name: name.clone(),
            raw: raw.collect(),
            ..Stored::default()
        });
        name
    }

    fn no_counterpart(&self, id: NodeId) -> FormatError {
        let node = self.model.graph.node(id);
        FormatError::NoCounterpart {
            format: FORMAT,
            layer: node.name().to_owned(),
            op: node.op().to_string(),
        }
    }
}

/// `[batch, C, H, W]` to `[batch, H, W, C]`, and back.
const TO_LAST: [i64; 4] = [0, 2, 3, 1];
const TO_FIRST: [i64; 4] = [0, 3, 1, 2];

/// `[taps, C, OC]` in the order of `[OC, C, taps]`.
fn output_first(values: &[f32], [taps, c, oc]: [usize; 3]) -> Vec<f32> {
    let mut turned = Vec::with_capacity(values.len());
    for output in 0..oc {
        for channel in 0..c {
            turned.extend((0..taps).map(|tap| values[(tap * c + channel) * oc + output]));
        }
    }
    turned
}

fn window(kernel: [usize; 2], stride: [usize; 2], pad: &Padding) -> Vec<Attribute> {
    let pair = |[rows, columns]: [usize; 2]| [rows as i64, columns as i64];
    let pads = [pad.top, pad.left, pad.bottom, pad.right].map(|pad| pad as i64);
    vec![
        Attribute::of_integers("kernel_shape", &pair(kernel)),
        Attribute::of_integers("strides", &pair(stride)),
        Attribute::of_integers("pads", &pads),
    ]
}

/// The padding is not counted, which is ONNX's own default for means.
fn pooling(pool: &Pool2d) -> Vec<Attribute> {
    window(pool.kernel, pool.stride, &pool.padding)
}
