//! The forward steps, and which values they leave to their readers.
use super::Lowering;
use super::record::{Made, Value};
use crate::lower::{add, kernel_activation, layer, parts, unpadded, window};
use crate::work::layer::Layer;
use crate::work::training::{Kernel, Product, Work};
use crate::work::{INPUT, Item, Role, Size};
use graph::{NodeId, Op, Padding};
use kernels::pooling::training::is_apart;
use kernels::{Activation, Window};

/// What a step reads, or writes, and what each is to it.
type Items = Vec<(Role, Item)>;

impl Lowering<'_> {
    /// Lowers a node, whose inputs were, and notes its value.
    pub(super) fn forward(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let inputs = node.inputs();
        let value = match *node.op() {
            Op::Input { .. } => Value::plain(Item::Value(INPUT), id),
            Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::Dense { .. } => self.product(id),
            Op::BatchNorm { .. } => self.norm(id),
            Op::Activation(activation) => self.activation(id, kernel_activation(activation)),
            Op::ZeroPad(padding) => match self.only_reader(id) {
                // Not stored: the convolution reads the zeros from its own padding.
                Some(reader) if self.is_window(reader) => {
                    let mut value = self.readable(inputs[0]);
                    value.padding = add(value.padding, padding);
                    value
                }
                _ => self.plain(id),
            },
            Op::MaxPool(max) => {
                let window = window(self.shape(inputs[0]), max.kernel, max.stride, max.padding);
                let value = self.readable(inputs[0]);
                if value.is_plain() || !is_apart(&window) {
                    self.plain(id)
                } else {
                    self.max_apart(id, window, value)
                }
            }
            Op::Add => match self.residual(id) {
                Some(value) => value,
                None => self.sum(id),
            },
            Op::Concat => self.concat(id),
            Op::Flatten => Value::plain(self.item(inputs[0]), id),
            Op::Dropout { rate, per_sample } => {
                let input = self.item(inputs[0]);
                if rate == 0.0 {
                    Value::plain(input, id)
                } else {
                    self.dropout(id, (rate, per_sample), input)
                }
            }
            Op::Softmax
            | Op::Affine { .. }
            | Op::Multiply
            | Op::AveragePool(_)
            | Op::GlobalAveragePool { .. }
            | Op::Crop(_) => self.plain(id),
        };
        self.record_mut(id).value = Some(value);
    }

    fn is_window(&self, id: NodeId) -> bool {
        matches!(
            self.graph.node(id).op(),
            Op::Conv2d(_) | Op::DepthwiseConv2d(_)
        )
    }

    /// A node's value for a step that can work it out; it does so where it is the only reader, since
    /// else it would be worked out again for each.
    fn readable(&mut self, id: NodeId) -> Value {
        if self.only_reader(id).is_none() {
            self.item(id);
        }
        self.record(id)
            .value
            .expect("inputs stand before their users")
    }

    /// A node's value, stored.
    pub(super) fn item(&mut self, id: NodeId) -> Item {
        let value = self
            .record(id)
            .value
            .expect("inputs stand before their users");
        if value.is_plain() {
            return value.item;
        }
        let stored = self.store(id, value, None);
        let record = self.record_mut(id);
        record.stored = Some(value);
        record.value = Some(Value::plain(stored, id));
        stored
    }

    /// Stores a value (and the sum with a residual).
    fn store(&mut self, id: NodeId, value: Value, residual: Option<Item>) -> Item {
        debug_assert_eq!(value.padding, Padding::default());
        let output = Item::Value(self.value_of(id));
        let mut reads = value.reads();
        reads.extend(residual.map(|item| (Role::Other, item)));
        let work = Work::Store {
            channels: self.shape(id).channels(),
            activation: value.activation,
        };
        self.push(id, work, reads, vec![(Role::Output, output)]);
        output
    }

    /// A step of its own on stored values, in the order of a layer's inputs, into `output`.
    fn layer(&mut self, id: NodeId, layer: Layer, inputs: &[Item], output: Item) {
        let roles = [Role::Input, Role::Other].into_iter();
        let reads = roles.zip(inputs.iter().copied()).collect();
        let work = Work::Layer(layer);
        self.push(id, work, reads, vec![(Role::Output, output)]);
    }

    /// A layer of one step.
    fn plain(&mut self, id: NodeId) -> Value {
        let layer = layer(self.graph, id).expect("a layer of one step without weights");
        let inputs = self.graph.node(id).inputs().iter();
        let inputs: Vec<Item> = inputs.map(|&input| self.item(input)).collect();
        let output = Item::Value(self.value_of(id));
        self.layer(id, layer, &inputs, output);
        Value::plain(output, id)
    }

    /// An activation, which is left to the readers; of a value that others read too it is stored.
    fn activation(&mut self, id: NodeId, activation: Activation) -> Value {
        let input = self.graph.node(id).inputs()[0];
        let mut value = self.readable(input);
        if value.activation != Activation::Identity || value.padding != Padding::default() {
            value = Value::plain(self.item(input), input);
        }
        value.activation = activation;
        if value.norm.is_none() && self.only_reader(input).is_none() {
            // Other readers add to the gradient below: this one's must be by itself.
            self.record_mut(id).value = Some(value);
            return Value::plain(self.item(id), id);
        }
        value
    }

    fn dropout(&mut self, id: NodeId, (rate, per_sample): (f32, bool), input: Item) -> Value {
        let output = Item::Value(self.value_of(id));
        let work = Work::Dropout {
            rate,
            per_sample,
            layer: id.index() as u32,
            add: false,
        };
        let reads = vec![(Role::Input, input)];
        self.push(id, work, reads, vec![(Role::Output, output)]);
        Value::plain(output, id)
    }

    /// A maximum of windows that lie apart, of a value that is not stored.
    fn max_apart(&mut self, id: NodeId, window: Window, of: Value) -> Value {
        self.record_mut(id).made = Some(Made::MaxApart { of, window });
        let work = Work::MaxApart {
            window,
            channels: self.shape(id).channels(),
            activation: of.activation,
        };
        let output = Item::Value(self.value_of(id));
        self.push(id, work, of.reads(), vec![(Role::Output, output)]);
        Value::plain(output, id)
    }

    /// A sum of two of which one is a batch norm's result that nothing else reads: the norm is
    /// applied as the sum is stored.
    fn residual(&mut self, id: NodeId) -> Option<Value> {
        let &[left, right] = self.graph.node(id).inputs() else {
            return None;
        };
        let fits = |lowering: &Self, input: NodeId| {
            let value = lowering.record(input).value?;
            let alone = lowering.only_reader(input).is_some() && left != right;
            let only_norm = value.activation == Activation::Identity
                && value.padding == Padding::default()
                && value.norm.is_some_and(|(norm, _)| norm == input);
            (alone && only_norm).then_some(value)
        };
        let (value, other) = match (fits(self, left), fits(self, right)) {
            (_, Some(value)) => (value, left),
            (Some(value), None) => (value, right),
            (None, None) => return None,
        };
        let other = self.item(other);
        let stored = self.store(id, value, Some(other));
        Some(Value::plain(stored, id))
    }

    /// Two or more terms, two at a time.
    fn sum(&mut self, id: NodeId) -> Value {
        let inputs = self.graph.node(id).inputs().iter();
        let terms: Vec<Item> = inputs.map(|&input| self.item(input)).collect();
        let mut sum = terms[0];
        for &term in &terms[1..] {
            let output = Item::Value(self.value_of(id));
            self.layer(id, Layer::Add(Activation::Identity), &[sum, term], output);
            sum = output;
        }
        Value::plain(sum, id)
    }

    /// Each input is written into its place, one step an input.
    fn concat(&mut self, id: NodeId) -> Value {
        let parts = parts(self.graph, id);
        let inputs: Vec<Item> = parts.iter().map(|&(input, _)| self.item(input)).collect();
        let output = Item::Value(self.value_of(id));
        for ((_, part), input) in parts.into_iter().zip(inputs) {
            self.layer(id, Layer::Join(part), &[input], output);
        }
        Value::plain(output, id)
    }

    /// The kernel of a layer with weights, on what is stored of its input.
    fn kernel(&self, id: NodeId, value: &Value) -> Kernel {
        let node = self.graph.node(id);
        let shape = self.shape(node.inputs()[0]);
        let channels = shape.channels();
        let stored = |padding: Padding, kernel, stride| {
            let padding = add(padding, value.padding);
            window(unpadded(shape, value.padding), kernel, stride, padding)
        };
        match *node.op() {
            Op::Conv2d(conv) => Kernel::Conv2d {
                window: stored(conv.padding, conv.kernel, conv.stride),
                channels,
                filters: conv.filters,
            },
            Op::DepthwiseConv2d(conv) => Kernel::Depthwise {
                window: stored(conv.padding, conv.kernel, conv.stride),
                channels,
            },
            // A convolution of one pixel, whatever the pixels.
            Op::Dense { units, .. } => {
                let pixels = shape.elements() / channels;
                Kernel::Conv2d {
                    window: Window::new([1, pixels], [1, 1], [1, 1], [0, 0], [0, 0]),
                    channels,
                    filters: units,
                }
            }
            Op::Input { .. }
            | Op::BatchNorm { .. }
            | Op::Activation(_)
            | Op::Softmax
            | Op::Affine { .. }
            | Op::Add
            | Op::Multiply
            | Op::Concat
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::GlobalAveragePool { .. }
            | Op::ZeroPad(_)
            | Op::Crop(_)
            | Op::Flatten
            | Op::Dropout { .. } => unreachable!("{} has no kernel", node.op().name()),
        }
    }

    /// A convolution or dense layer, with the statistics of a batch norm that alone reads it: taken
    /// while its rows are still in the cache.
    fn product(&mut self, id: NodeId) -> Value {
        let value = self.readable(self.graph.node(id).inputs()[0]);
        let product = Product {
            kernel: self.kernel(id, &value),
            channels: self.shape(id).channels(),
            activation: value.activation,
        };
        let reader = self.only_reader(id);
        let norm =
            reader.filter(|&reader| self.batch_norm(reader).is_some_and(|norm| !norm.frozen));
        self.record_mut(id).made = Some(Made::Product {
            of: value,
            product,
            norm,
        });
        let mut reads = value.reads();
        reads.extend(self.parameters(id, &[Role::Kernel, Role::Bias]));
        let output = Item::Value(self.value_of(id));
        let mut writes = vec![(Role::Output, output)];
        if let Some(norm) = norm {
            let (own_reads, own_writes) = self.norm_items(norm);
            reads.extend(own_reads);
            writes.extend(own_writes);
        }
        let work = Work::Product {
            product,
            norm: norm.and_then(|norm| self.batch_norm(norm)),
        };
        self.push(id, work, reads, writes);
        Value::plain(output, id)
    }

    /// What the step that makes a batch norm's coefficients reads (gamma, beta, and if it is frozen
    /// the moving statistics), and what it writes (the coefficients and, if not, these).
    fn norm_items(&mut self, id: NodeId) -> (Items, Items) {
        let coefficients = self.value(Size::Fixed(4 * self.shape(id).channels()));
        self.record_mut(id).coefficients = Some(coefficients);
        let mut reads = self.parameters(id, &[Role::Gamma, Role::Beta]);
        let mut writes = vec![(Role::OutputNorm, Item::Value(coefficients))];
        let moving = self.parameters(id, &[Role::MovingMean, Role::MovingVariance]);
        if self.is_frozen(id) {
            reads.extend(moving);
        } else {
            writes.extend(moving);
        }
        (reads, writes)
    }

    /// A batch norm: its coefficients, if the product before did not make them; the rest is left to
    /// the readers.
    fn norm(&mut self, id: NodeId) -> Value {
        let item = self.item(self.graph.node(id).inputs()[0]);
        if self.record(id).coefficients.is_none() {
            let (own_reads, writes) = self.norm_items(id);
            let norm = self.batch_norm(id).expect("a batch norm");
            let channels = self.shape(id).channels();
            let mut reads = Vec::new();
            if !norm.frozen {
                reads.push((Role::Input, item));
            }
            reads.extend(own_reads);
            self.push(id, Work::Statistics { channels, norm }, reads, writes);
        }
        let coefficients = self.record(id).coefficients;
        let coefficients = coefficients.expect("made above or by the product");
        Value {
            norm: Some((id, coefficients)),
            ..Value::plain(item, id)
        }
    }
}
