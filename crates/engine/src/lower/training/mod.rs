//! Lowering for training: the forward steps that keep what the backward needs, the loss, and the
//! backward steps.
use crate::bind::training::layers::{self as operations, Layer};
use crate::bind::training::operation::Operation;
use crate::bind::training::products::{self, Kind, Norm, Product, Read};
use crate::lower::{add, kernel_activation, window};
use graph::{Graph, Node, NodeId, Op, Padding};
use kernels::{Activation, Isa, Window};
use std::collections::HashSet;
use tensor::Shape;

/// A value of a training plan, that steps make and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ValueId(pub usize);

/// What a step reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// The batch's images.
    Input,
    /// A value of the arena.
    Value(ValueId),
    /// A parameter, by its number in [`Graph::parameters`].
    Parameter(usize),
    /// A parameter's gradient, by the same number.
    Gradient(usize),
}

/// f32 of a value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    /// Whatever the batch.
    pub fixed: usize,
    /// For each image, besides.
    pub each: usize,
}

/// A step before its values have places.
#[derive(Debug)]
pub(crate) struct Draft {
    pub name: String,
    pub kind: &'static str,
    pub operation: Box<dyn Operation>,
    pub reads: Vec<Item>,
    pub writes: Vec<Item>,
}

/// What the lowering gives.
#[derive(Debug)]
pub(crate) struct Drafts {
    pub steps: Vec<Draft>,
    pub sizes: Vec<Size>,
    /// Classes of the logits.
    pub classes: usize,
    /// The target shares `[N, classes]` and the photos' weights `[N]`, which are there from the
    /// start.
    pub targets: [ValueId; 2],
    /// The loss of each photo, and 1 where the largest logit is that of the largest share: `[2, N]`.
    pub results: ValueId,
    /// The parameters that have a gradient, by their numbers.
    pub trained: Vec<usize>,
}

/// Lowers a graph whose output are logits (or a softmax, which is then the loss's own).
pub(crate) fn for_training(
    graph: &Graph,
    isa: Isa,
    threads: usize,
    frozen: &HashSet<String>,
) -> Drafts {
    let output = graph.outputs()[0];
    let logits = match graph.node(output).op() {
        Op::Softmax => graph.node(output).inputs()[0],
        _ => output,
    };
    let mut lowering = Lowering::new(graph, isa, threads, frozen, logits);
    for id in graph.ids().filter(|id| id.index() <= logits.index()) {
        if !lowering.readers[id.index()].is_empty() || id == logits {
            lowering.forward(id);
        }
    }
    let (targets, results) = lowering.loss(logits);
    let ids: Vec<NodeId> = graph.ids().take(logits.index() + 1).collect();
    for &id in ids.iter().rev() {
        lowering.backward(id);
    }
    let mut trained: Vec<usize> = lowering.trained.into_iter().collect();
    trained.sort_unstable();
    Drafts {
        steps: lowering.steps,
        sizes: lowering.sizes,
        classes: graph.node(logits).shape().channels(),
        targets,
        results,
        trained,
    }
}

/// A node's value: stored, or left to its reader to work out of what is stored.
#[derive(Clone, Copy, Debug)]
struct Value {
    /// What is stored.
    item: Item,
    /// The batch norm that is applied to it, and its coefficients.
    norm: Option<(NodeId, ValueId)>,
    /// What is applied then.
    activation: Activation,
    /// The zeros around it that are not stored.
    padding: Padding,
    /// The node whose gradient a reader gives: the batch norm, or whose value is stored.
    base: NodeId,
}

impl Value {
    fn plain(item: Item, base: NodeId) -> Self {
        Value {
            item,
            norm: None,
            activation: Activation::Identity,
            padding: Padding::default(),
            base,
        }
    }

    fn is_plain(&self) -> bool {
        self.norm.is_none()
            && self.activation == Activation::Identity
            && self.padding == Padding::default()
    }

    fn read(&self) -> Read {
        Read {
            norm: self.norm.is_some(),
            activation: self.activation,
        }
    }

    /// What a step reads of it.
    fn items(&self) -> Vec<Item> {
        let norm = self.norm.map(|(_, coefficients)| Item::Value(coefficients));
        [self.item].into_iter().chain(norm).collect()
    }
}

struct Lowering<'a> {
    graph: &'a Graph,
    isa: Isa,
    threads: usize,
    frozen: &'a HashSet<String>,
    logits: NodeId,
    /// The nodes that read each node, as often as they do, of those that the logits need.
    readers: Vec<Vec<NodeId>>,
    /// The number of each node's first parameter.
    first_parameter: Vec<usize>,
    /// Whether a node or one below it has a parameter that is trained.
    trained_below: Vec<bool>,
    /// The value of each node.
    values: Vec<Option<Value>>,
    /// What a node's value was before it was stored for several readers.
    stored: Vec<Option<Value>>,
    /// The value that a product was given.
    given: Vec<Option<Value>>,
    /// The batch norm whose statistics a product takes.
    norm_of: Vec<Option<NodeId>>,
    /// The coefficients of each batch norm.
    coefficients: Vec<Option<ValueId>>,
    /// The sums that a batch norm's gradient needs, where its reader made them.
    sums: Vec<Option<ValueId>>,
    /// The activation that the gradient of a batch norm has still to pass.
    pending: Vec<Activation>,
    /// The gradient of each node's value, once something gave one.
    gradients: Vec<Option<ValueId>>,
    /// By value: the nodes whose gradient it is and whose backward step is still to come.
    owners: Vec<usize>,
    steps: Vec<Draft>,
    sizes: Vec<Size>,
    trained: HashSet<usize>,
}

impl<'a> Lowering<'a> {
    fn new(
        graph: &'a Graph,
        isa: Isa,
        threads: usize,
        frozen: &'a HashSet<String>,
        logits: NodeId,
    ) -> Self {
        let count = graph.nodes().len();
        let mut readers = vec![Vec::new(); count];
        let ids: Vec<NodeId> = graph.ids().collect();
        for &id in ids.iter().rev() {
            if id == logits || !readers[id.index()].is_empty() {
                for input in graph.node(id).inputs() {
                    readers[input.index()].push(id);
                }
            }
        }
        let mut first_parameter = Vec::with_capacity(count);
        let mut trained_below = Vec::with_capacity(count);
        let mut parameters = 0;
        for id in graph.ids() {
            first_parameter.push(parameters);
            let own = graph.node_parameters(id);
            parameters += own.len();
            let node = graph.node(id);
            let trained = own.iter().any(|spec| spec.trainable) && !frozen.contains(node.name());
            let below = node
                .inputs()
                .iter()
                .any(|input| trained_below[input.index()]);
            trained_below.push(trained || below);
        }
        Lowering {
            graph,
            isa,
            threads,
            frozen,
            logits,
            readers,
            first_parameter,
            trained_below,
            values: vec![None; count],
            stored: vec![None; count],
            given: vec![None; count],
            norm_of: vec![None; count],
            coefficients: vec![None; count],
            sums: vec![None; count],
            pending: vec![Activation::Identity; count],
            gradients: vec![None; count],
            owners: Vec::new(),
            steps: Vec::new(),
            sizes: Vec::new(),
            trained: HashSet::new(),
        }
    }

    fn value(&mut self, size: Size) -> ValueId {
        self.sizes.push(size);
        self.owners.push(0);
        ValueId(self.sizes.len() - 1)
    }

    fn each(&mut self, each: usize) -> ValueId {
        self.value(Size { fixed: 0, each })
    }

    fn fixed(&mut self, fixed: usize) -> ValueId {
        self.value(Size { fixed, each: 0 })
    }

    fn push(
        &mut self,
        id: NodeId,
        kind: &'static str,
        operation: impl Operation + 'static,
        reads: Vec<Item>,
        writes: Vec<Item>,
    ) {
        self.steps.push(Draft {
            name: self.graph.node(id).name().to_owned(),
            kind,
            operation: Box::new(operation),
            reads,
            writes,
        });
    }

    fn shape(&self, id: NodeId) -> Shape {
        self.graph.node(id).shape()
    }

    fn is_frozen(&self, id: NodeId) -> bool {
        self.frozen.contains(self.graph.node(id).name())
    }

    /// The only reader of a node.
    fn only_reader(&self, id: NodeId) -> Option<NodeId> {
        match self.readers[id.index()][..] {
            [reader] if id != self.logits => Some(reader),
            _ => None,
        }
    }

    /// The parameter `name` of a node, by its number.
    fn parameter(&self, id: NodeId, name: &str) -> Option<usize> {
        let own = self.graph.node_parameters(id);
        let place = own
            .iter()
            .position(|spec| spec.name.rsplit('/').next() == Some(name));
        place.map(|place| self.first_parameter[id.index()] + place)
    }

    /// Those of these parameters that a node has, to be read.
    fn parameters(&self, id: NodeId, names: &[&str]) -> Vec<Item> {
        let numbers = names.iter().filter_map(|name| self.parameter(id, name));
        numbers.map(Item::Parameter).collect()
    }

    /// The gradients of those of these parameters that a node has, if it is trained.
    fn parameter_gradients(&mut self, id: NodeId, names: &[&str]) -> Vec<Item> {
        if self.is_frozen(id) {
            return Vec::new();
        }
        let numbers: Vec<usize> = names
            .iter()
            .filter_map(|name| self.parameter(id, name))
            .collect();
        self.trained.extend(&numbers);
        numbers.into_iter().map(Item::Gradient).collect()
    }

    fn layer(&self, id: NodeId) -> Layer {
        let node = self.graph.node(id);
        Layer {
            isa: self.isa,
            op: *node.op(),
            inputs: node
                .inputs()
                .iter()
                .map(|&input| self.shape(input))
                .collect(),
            output: node.shape(),
            number: id.index() as u32,
        }
    }

    /// A node's value for a product, which can work it out where it is the only reader.
    fn readable(&mut self, id: NodeId) -> Value {
        if self.only_reader(id).is_none() {
            self.item(id);
        }
        self.values[id.index()].expect("inputs stand before their users")
    }

    /// A node's value, stored.
    fn item(&mut self, id: NodeId) -> Item {
        let value = self.values[id.index()].expect("inputs stand before their users");
        if value.is_plain() {
            return value.item;
        }
        let stored = self.store(id, value, None);
        self.stored[id.index()] = Some(value);
        self.values[id.index()] = Some(Value::plain(stored, id));
        stored
    }

    /// Stores a value (and the sum with a residual).
    fn store(&mut self, id: NodeId, value: Value, residual: Option<Item>) -> Item {
        debug_assert_eq!(value.padding, Padding::default());
        let output = self.each(self.shape(id).elements());
        let mut reads = value.items();
        reads.extend(residual);
        let operation = products::Apply {
            isa: self.isa,
            channels: self.shape(id).channels(),
            read: value.read(),
        };
        self.push(id, "store", operation, reads, vec![Item::Value(output)]);
        Item::Value(output)
    }

    fn forward(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let input = node.inputs().first().copied();
        let value = match (*node.op(), input) {
            (Op::Input { .. }, _) => Value::plain(Item::Input, id),
            (Op::Flatten, Some(input)) => Value::plain(self.item(input), id),
            (Op::Dropout { rate: 0.0, .. }, Some(input)) => Value::plain(self.item(input), id),
            (Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::Dense { .. }, Some(input)) => {
                self.product(id, input)
            }
            (Op::BatchNorm { .. }, Some(input)) => self.norm(id, input),
            (Op::Activation(activation), Some(input)) => {
                let mut value = self.readable(input);
                if value.activation != Activation::Identity || value.padding != Padding::default() {
                    value = Value::plain(self.item(input), input);
                }
                value.activation = kernel_activation(activation);
                if value.norm.is_none() && self.only_reader(input).is_none() {
                    // Other readers add to the gradient below: this one's must be by itself.
                    self.values[id.index()] = Some(value);
                    self.item(id);
                    value = self.values[id.index()].expect("stored just now");
                }
                value
            }
            (Op::ZeroPad(padding), Some(input))
                if self
                    .only_reader(id)
                    .is_some_and(|reader| self.is_window(reader)) =>
            {
                let mut value = self.readable(input);
                value.padding = add(value.padding, padding);
                value
            }
            (Op::MaxPool(max), Some(input)) => {
                let window = window(self.shape(input), max.kernel, max.stride, max.padding);
                let value = self.readable(input);
                if value.is_plain() || !kernels::pooling::training::is_apart(&window) {
                    self.plain(id)
                } else {
                    self.pooled(id, window, value)
                }
            }
            (Op::Add, _) => match self.residual(id) {
                Some(value) => value,
                None => self.plain(id),
            },
            _ => self.plain(id),
        };
        self.values[id.index()] = Some(value);
    }

    fn is_window(&self, id: NodeId) -> bool {
        matches!(
            self.graph.node(id).op(),
            Op::Conv2d(_) | Op::DepthwiseConv2d(_)
        )
    }

    /// A layer by itself, on stored values.
    fn plain(&mut self, id: NodeId) -> Value {
        let node = self.graph.node(id);
        let inputs = node.inputs().iter().map(|&input| self.item(input));
        let reads = inputs.collect();
        let output = self.each(node.shape().elements());
        let operation = operations::forward(self.layer(id));
        self.push(id, "forward", operation, reads, vec![Item::Value(output)]);
        Value::plain(Item::Value(output), id)
    }

    /// A maximum of windows that lie apart, of a value that is not stored.
    fn pooled(&mut self, id: NodeId, window: Window, value: Value) -> Value {
        self.given[id.index()] = Some(value);
        let operation = products::Pooled {
            isa: self.isa,
            window,
            channels: self.shape(id).channels(),
            read: value.read(),
        };
        let output = Item::Value(self.each(self.shape(id).elements()));
        self.push(id, "max pool", operation, value.items(), vec![output]);
        Value::plain(output, id)
    }

    /// A sum of two of which one is a batch norm's result that nothing else reads.
    fn residual(&mut self, id: NodeId) -> Option<Value> {
        let &[left, right] = self.graph.node(id).inputs() else {
            return None;
        };
        let fits = |lowering: &Self, input: NodeId| {
            let value = lowering.values[input.index()]?;
            let alone = lowering.only_reader(input).is_some() && left != right;
            let only_norm = value.activation == Activation::Identity
                && value.padding == Padding::default()
                && value.norm.is_some_and(|(norm, _)| norm == input);
            (alone && only_norm).then_some(value)
        };
        let (value, other) = match (fits(self, left), fits(self, right)) {
            (_, Some(value)) => (value, left),
            (Some(value), _) => (value, right),
            _ => return None,
        };
        let other = self.item(other);
        let stored = self.store(id, value, Some(other));
        Some(Value::plain(stored, id))
    }

    /// The kernel of a product, on what is stored of its input.
    fn kind(&self, id: NodeId, value: &Value) -> Kind {
        let node = self.graph.node(id);
        let shape = self.shape(node.inputs()[0]);
        let channels = shape.channels();
        // The shape of the node that is padded, without its zeros.
        let unpadded = |padding: Padding| {
            let rows = shape.dimensions()[0] - padding.top - padding.bottom;
            let columns = shape.dimensions()[1] - padding.left - padding.right;
            Shape::from([rows, columns, channels])
        };
        let (isa, threads) = (self.isa, self.threads);
        match *node.op() {
            Op::Conv2d(conv) => {
                let padding = add(conv.padding, value.padding);
                let window = window(unpadded(value.padding), conv.kernel, conv.stride, padding);
                Kind::conv2d(isa, &window, channels, conv.filters, threads)
            }
            Op::DepthwiseConv2d(conv) => {
                let padding = add(conv.padding, value.padding);
                let window = window(unpadded(value.padding), conv.kernel, conv.stride, padding);
                Kind::depthwise(isa, &window, channels, threads)
            }
            Op::Dense { units, .. } => {
                let pixels = shape.elements() / channels;
                let window = Window::new([1, pixels], [1, 1], [1, 1], [0, 0], [0, 0]);
                Kind::conv2d(isa, &window, channels, units, threads)
            }
            _ => unreachable!("{} has no kernel", node.op().name()),
        }
    }

    /// A convolution or dense layer, with the statistics of a batch norm that alone reads it.
    fn product(&mut self, id: NodeId, input: NodeId) -> Value {
        let value = self.readable(input);
        self.given[id.index()] = Some(value);
        let kind = self.kind(id, &value);
        let channels = self.shape(id).channels();
        let norm = self.only_reader(id).filter(|&reader| {
            matches!(self.graph.node(reader).op(), Op::BatchNorm { .. }) && !self.is_frozen(reader)
        });
        let mut reads = value.items();
        let weights = self.parameters(id, &["kernel", "bias"]);
        let bias = weights.len() > 1;
        reads.extend(weights);
        let output = self.each(self.shape(id).elements());
        let mut writes = vec![Item::Value(output)];
        if let Some(norm) = norm {
            self.norm_of[id.index()] = Some(norm);
            let (own_reads, own_writes) = self.norm_items(norm);
            reads.extend(own_reads);
            writes.extend(own_writes);
        }
        let product = Product {
            norm: norm.map(|norm| self.norm_kind(norm)),
            read: value.read(),
            bias,
            channels,
            kind,
        };
        writes.push(Item::Value(self.fixed(product.forward_scratch())));
        self.push(
            id,
            product.name(),
            products::Forward(product),
            reads,
            writes,
        );
        Value::plain(Item::Value(output), id)
    }

    fn norm_kind(&self, id: NodeId) -> Norm {
        match *self.graph.node(id).op() {
            Op::BatchNorm {
                epsilon,
                momentum,
                scale,
            } => Norm {
                epsilon,
                momentum,
                scale,
                frozen: self.is_frozen(id),
            },
            _ => unreachable!("a batch norm"),
        }
    }

    /// What the step that makes a batch norm's coefficients reads (gamma, beta, and if it is frozen
    /// the moving statistics), and what it writes (the coefficients and, if not, these).
    fn norm_items(&mut self, id: NodeId) -> (Vec<Item>, Vec<Item>) {
        let coefficients = self.fixed(4 * self.shape(id).channels());
        self.coefficients[id.index()] = Some(coefficients);
        let mut reads = self.parameters(id, &["gamma", "beta"]);
        let mut writes = vec![Item::Value(coefficients)];
        let moving = self.parameters(id, &["moving_mean", "moving_variance"]);
        if self.is_frozen(id) {
            reads.extend(moving);
        } else {
            writes.extend(moving);
        }
        (reads, writes)
    }

    fn norm(&mut self, id: NodeId, input: NodeId) -> Value {
        let item = self.item(input);
        if self.coefficients[id.index()].is_none() {
            let (own_reads, mut writes) = self.norm_items(id);
            let norm = self.norm_kind(id);
            let mut reads = Vec::new();
            let channels = self.shape(id).channels();
            let operation = products::Statistics {
                isa: self.isa,
                channels,
                norm,
            };
            if !norm.frozen {
                reads.push(item);
                let scratch = products::sums_scratch(channels, self.threads);
                writes.push(Item::Value(self.fixed(scratch)));
            }
            reads.extend(own_reads);
            self.push(id, "statistics", operation, reads, writes);
        }
        let coefficients = self.coefficients[id.index()].expect("made above or by the product");
        Value {
            item,
            norm: Some((id, coefficients)),
            activation: Activation::Identity,
            padding: Padding::default(),
            base: id,
        }
    }

    fn loss(&mut self, logits: NodeId) -> ([ValueId; 2], ValueId) {
        let classes = self.shape(logits).channels();
        let (shares, weights) = (self.each(classes), self.each(1));
        let results = self.each(2);
        let gradient = self.each(classes);
        if self.trained_below[logits.index()] {
            self.gradients[logits.index()] = Some(gradient);
            self.owners[gradient.0] = 1;
        }
        let reads = vec![self.item(logits), Item::Value(shares), Item::Value(weights)];
        let writes = vec![Item::Value(results), Item::Value(gradient)];
        let operation = operations::CrossEntropy { classes };
        self.push(logits, "loss", operation, reads, writes);
        ([shares, weights], results)
    }

    /// Where a backward step puts the gradient of a node's value, and whether something is there to
    /// be added to; none where nothing below is trained.
    fn target(&mut self, node: NodeId) -> Option<(ValueId, bool)> {
        if !self.trained_below[node.index()] {
            return None;
        }
        let size = self.shape(node).elements();
        match self.gradients[node.index()] {
            Some(value) if self.owners[value.0] > 1 => {
                // Another node still reads it as its own: from here on it is a copy.
                let copy = self.each(size);
                self.owners[value.0] -= 1;
                self.owners[copy.0] = 1;
                self.gradients[node.index()] = Some(copy);
                let (reads, writes) = (vec![Item::Value(value)], vec![Item::Value(copy)]);
                self.push(node, "copy", operations::Copy, reads, writes);
                Some((copy, true))
            }
            Some(value) => Some((value, true)),
            None => {
                let value = self.each(size);
                self.owners[value.0] = 1;
                self.gradients[node.index()] = Some(value);
                Some((value, false))
            }
        }
    }

    /// Gives a node's gradient on to another, whose gradient is the same.
    fn pass(&mut self, id: NodeId, gradient: ValueId, to: NodeId) {
        if !self.trained_below[to.index()] {
            return;
        }
        if self.gradients[to.index()].is_none() {
            self.gradients[to.index()] = Some(gradient);
            self.owners[gradient.0] += 1;
        } else if let Some((target, _)) = self.target(to) {
            let (reads, writes) = (vec![Item::Value(gradient)], vec![Item::Value(target)]);
            let operation = operations::AddTo { isa: self.isa };
            self.push(id, "add", operation, reads, writes);
        }
    }

    fn backward(&mut self, id: NodeId) {
        let Some(gradient) = self.gradients[id.index()] else {
            return;
        };
        let node = self.graph.node(id);
        match node.op() {
            Op::Input { .. } => {}
            Op::BatchNorm { .. } => self.norm_backward(id, gradient),
            _ if self.stored[id.index()].is_some() => self.stored_backward(id, gradient),
            Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::Dense { .. } => {
                self.product_backward(id, gradient);
            }
            Op::MaxPool(max) if self.given[id.index()].is_some() => {
                let shape = self.shape(node.inputs()[0]);
                let window = window(shape, max.kernel, max.stride, max.padding);
                self.pooled_backward(id, window, gradient);
            }
            Op::Flatten | Op::Add => {
                for &input in node.inputs() {
                    self.pass(id, gradient, input);
                }
            }
            Op::Dropout { rate, .. } if *rate == 0.0 => self.pass(id, gradient, node.inputs()[0]),
            Op::Concat => {
                let mut first = 0;
                for &input in node.inputs() {
                    let channels = self.shape(input).channels();
                    if let Some((target, add)) = self.target(input) {
                        let operation = operations::Slice {
                            channels,
                            all_channels: node.shape().channels(),
                            first,
                            add,
                        };
                        let (reads, writes) =
                            (vec![Item::Value(gradient)], vec![Item::Value(target)]);
                        self.push(id, "backward", operation, reads, writes);
                    }
                    first += channels;
                }
            }
            Op::Multiply => self.multiply_backward(id, node, gradient),
            _ => self.plain_backward(id, node, gradient),
        }
        self.owners[gradient.0] -= 1;
    }

    /// An activation whose result was stored.
    fn stored_backward(&mut self, id: NodeId, gradient: ValueId) {
        let value = self.stored[id.index()].expect("it was stored");
        if let Some((norm, _)) = value.norm {
            // The batch norm takes it through the activation.
            self.pending[norm.index()] = value.activation;
            self.pass(id, gradient, norm);
        } else if let Some((target, add)) = self.target(value.base) {
            let operation = products::Below {
                isa: self.isa,
                channels: self.shape(id).channels(),
                activation: value.activation,
                norm: None,
                add,
            };
            let reads = vec![Item::Value(gradient), value.item];
            self.push(id, "backward", operation, reads, vec![Item::Value(target)]);
        }
    }

    /// A batch norm: sees to the sums, and leaves the rest to the product that made its input.
    fn norm_backward(&mut self, id: NodeId, gradient: ValueId) {
        let input = self.graph.node(id).inputs()[0];
        let activation = self.pending[id.index()];
        let channels = self.shape(id).channels();
        let norm = self.norm_kind(id);
        let item = self.item(input);
        let coefficients = Item::Value(self.coefficients[id.index()].expect("it went forward"));
        if !norm.frozen && self.sums[id.index()].is_none() {
            let sums = self.fixed(2 * channels);
            let scratch = self.fixed(products::sums_scratch(channels, self.threads));
            let operation = products::Sums {
                isa: self.isa,
                activation,
            };
            let reads = vec![Item::Value(gradient), item, coefficients];
            let writes = vec![Item::Value(sums), Item::Value(scratch)];
            self.push(id, "sums", operation, reads, writes);
            self.sums[id.index()] = Some(sums);
        }
        if self.norm_of[input.index()] == Some(id) && self.trained_below[input.index()] {
            self.pass(id, gradient, input);
            return;
        }
        let gradients = self.parameter_gradients(id, &["gamma", "beta"]);
        let target = self.target(input);
        if target.is_none() && gradients.is_empty() {
            return;
        }
        let mut reads = vec![Item::Value(gradient), item, coefficients];
        reads.extend(self.sums[id.index()].map(Item::Value));
        let operation = products::Below {
            isa: self.isa,
            channels,
            activation,
            norm: Some(norm),
            add: target.is_some_and(|(_, add)| add),
        };
        let mut writes = vec![Item::Value(self.fixed(3 * channels))];
        writes.extend(gradients);
        writes.extend(target.map(|(target, _)| Item::Value(target)));
        self.push(id, "backward", operation, reads, writes);
    }

    fn product_backward(&mut self, id: NodeId, gradient: ValueId) {
        let value = self.given[id.index()].expect("it went forward");
        let kind = self.kind(id, &value);
        let norm = self.norm_of[id.index()];
        let bias = self.parameter(id, "bias").is_some();
        let product = Product {
            norm: norm.map(|norm| self.norm_kind(norm)),
            read: value.read(),
            bias,
            channels: self.shape(id).channels(),
            kind,
        };
        let mut reads = vec![Item::Value(gradient)];
        let mut activation = Activation::Identity;
        if let Some(norm) = norm {
            activation = self.pending[norm.index()];
            reads.push(self.item(id));
            reads.extend(self.coefficients[norm.index()].map(Item::Value));
            reads.extend(self.sums[norm.index()].map(Item::Value));
        }
        reads.extend(value.items());
        reads.extend(self.parameters(id, &["kernel"]));
        let mut writes = Vec::new();
        let weights = self.parameter_gradients(id, &["kernel", "bias"]);
        let mut norm_weights = Vec::new();
        if let Some(norm) = norm {
            norm_weights = self.parameter_gradients(norm, &["gamma", "beta"]);
        }
        let target = self.target(value.base);
        if target.is_none() && weights.is_empty() && norm_weights.is_empty() {
            return;
        }
        let mut sums = false;
        if let (Some((target, _)), Some((norm, _))) = (target, value.norm) {
            writes.push(Item::Value(target));
            if !self.is_frozen(norm) {
                sums = true;
                let own = self.fixed(2 * self.shape(norm).channels());
                self.sums[norm.index()] = Some(own);
                writes.push(Item::Value(own));
            }
        } else {
            writes.extend(target.map(|(target, _)| Item::Value(target)));
        }
        let trained = !weights.is_empty();
        writes.extend(weights);
        writes.extend(norm_weights);
        writes.push(Item::Value(self.fixed(product.backward_scratch())));
        let operation = products::Backward {
            product,
            activation,
            below: target.map(|(_, add)| add),
            sums,
            trained,
        };
        let kind = operation.product.backward_name();
        self.push(id, kind, operation, reads, writes);
    }

    fn pooled_backward(&mut self, id: NodeId, window: Window, gradient: ValueId) {
        let value = self.given[id.index()].expect("it went forward");
        let Some((target, add)) = self.target(value.base) else {
            return;
        };
        debug_assert!(!add, "the only reader gives the whole gradient");
        let channels = self.shape(id).channels();
        let mut reads = vec![Item::Value(gradient)];
        reads.extend(value.items());
        let mut writes = vec![Item::Value(target)];
        let norm = value.norm.map(|(norm, _)| norm);
        let norm = norm.filter(|&norm| !self.is_frozen(norm));
        if let Some(norm) = norm {
            let sums = self.fixed(2 * channels);
            self.sums[norm.index()] = Some(sums);
            writes.push(Item::Value(sums));
        }
        let scratch = kernels::pooling::training::scratch_values(channels, self.threads);
        writes.push(Item::Value(self.fixed(scratch)));
        let operation = products::PooledBackward {
            pooled: products::Pooled {
                isa: self.isa,
                window,
                channels,
                read: value.read(),
            },
            sums: norm.is_some(),
        };
        self.push(id, "max pool back", operation, reads, writes);
    }

    fn multiply_backward(&mut self, id: NodeId, node: &Node, gradient: ValueId) {
        for (index, &input) in node.inputs().iter().enumerate() {
            let other = self.item(node.inputs()[1 - index]);
            if let Some((target, add)) = self.target(input) {
                let shapes = node.inputs().iter().map(|&input| self.shape(input));
                let sizes: Vec<usize> = shapes.map(|shape| shape.elements()).collect();
                let operation = operations::Factor {
                    sizes: [sizes[0], sizes[1]],
                    index,
                    add,
                };
                let reads = vec![Item::Value(gradient), other];
                self.push(id, "backward", operation, reads, vec![Item::Value(target)]);
            }
        }
    }

    /// An operation of one input without parameters: reads its gradient, its input and its output, as
    /// it needs them; writes the gradient of its input.
    fn plain_backward(&mut self, id: NodeId, node: &Node, gradient: ValueId) {
        let input = node.inputs()[0];
        let Some((target, add)) = self.target(input) else {
            return;
        };
        let layer = self.layer(id);
        let mut reads = vec![Item::Value(gradient)];
        let needs = operations::needs(&layer.op);
        if needs.input {
            reads.push(self.item(input));
        }
        if needs.output {
            reads.push(self.item(id));
        }
        let operation = operations::backward(layer, add);
        self.push(id, "backward", operation, reads, vec![Item::Value(target)]);
    }
}
