//! Lowering for training: the forward steps that keep what the backward needs, the loss, and the
//! backward steps.
use crate::training::operation::Operation;
use crate::training::operations::{self, Layer, Pass};
use graph::{Graph, Node, NodeId, Op};
use kernels::Isa;
use std::collections::HashSet;

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
pub(crate) fn for_training(graph: &Graph, isa: Isa, frozen: &HashSet<String>) -> Drafts {
    let output = graph.outputs()[0];
    let logits = match graph.node(output).op() {
        Op::Softmax => graph.node(output).inputs()[0],
        _ => output,
    };
    let mut lowering = Lowering::new(graph, isa, frozen, logits);
    for id in graph.ids().filter(|id| id.index() <= logits.index()) {
        if lowering.uses[id.index()] > 0 {
            lowering.forward(id);
        }
    }
    let (targets, results) = lowering.loss(logits);
    let ids: Vec<NodeId> = graph.ids().take(logits.index() + 1).collect();
    for &id in ids.iter().rev() {
        if lowering.uses[id.index()] > 0 && lowering.trained_below[id.index()] {
            lowering.backward(id);
        }
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

struct Lowering<'a> {
    graph: &'a Graph,
    isa: Isa,
    frozen: &'a HashSet<String>,
    /// Readers of each node, the loss among them; 0 for what the logits do not need.
    uses: Vec<usize>,
    /// The number of each node's first parameter.
    first_parameter: Vec<usize>,
    /// Whether a node or one below it has a parameter that is trained.
    trained_below: Vec<bool>,
    /// The value of each node.
    values: Vec<Option<Item>>,
    /// What a node's forward step kept for its backward step.
    kept: Vec<Option<ValueId>>,
    /// The gradient of each node's value, once something gave one.
    gradients: Vec<Option<ValueId>>,
    /// By value: the nodes whose gradient it is and whose backward step is still to come.
    owners: Vec<usize>,
    steps: Vec<Draft>,
    sizes: Vec<Size>,
    trained: HashSet<usize>,
}

impl<'a> Lowering<'a> {
    fn new(graph: &'a Graph, isa: Isa, frozen: &'a HashSet<String>, logits: NodeId) -> Self {
        let count = graph.nodes().len();
        let mut uses = vec![0; count];
        uses[logits.index()] = 1;
        let ids: Vec<NodeId> = graph.ids().collect();
        for &id in ids.iter().rev() {
            if uses[id.index()] > 0 {
                for input in graph.node(id).inputs() {
                    uses[input.index()] += 1;
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
            frozen,
            uses,
            first_parameter,
            trained_below,
            values: vec![None; count],
            kept: vec![None; count],
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

    fn item(&self, id: NodeId) -> Item {
        self.values[id.index()].expect("inputs stand before their users")
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

    fn is_frozen(&self, id: NodeId) -> bool {
        self.frozen.contains(self.graph.node(id).name())
    }

    /// The parameter `name` of a node, by its number.
    fn parameter(&self, id: NodeId, name: &str) -> Option<usize> {
        let own = self.graph.node_parameters(id);
        let place = own
            .iter()
            .position(|spec| spec.name.rsplit('/').next() == Some(name));
        place.map(|place| self.first_parameter[id.index()] + place)
    }

    /// The parameters that a kernel reads, and where their gradients go if they are trained.
    fn weights(&mut self, id: NodeId) -> (Vec<Item>, Vec<Item>) {
        let names = ["kernel", "bias", "gamma", "beta"];
        let numbers: Vec<usize> = names
            .iter()
            .filter_map(|name| self.parameter(id, name))
            .collect();
        let reads = numbers.iter().map(|&number| Item::Parameter(number));
        let reads = reads.collect();
        if self.is_frozen(id) {
            return (reads, Vec::new());
        }
        self.trained.extend(&numbers);
        let gradients = numbers.into_iter().map(Item::Gradient).collect();
        (reads, gradients)
    }

    fn layer(&self, id: NodeId) -> Layer {
        let node = self.graph.node(id);
        Layer {
            isa: self.isa,
            op: *node.op(),
            inputs: node
                .inputs()
                .iter()
                .map(|&input| self.graph.node(input).shape())
                .collect(),
            output: node.shape(),
            number: id.index() as u32,
            frozen: self.is_frozen(id),
        }
    }

    fn forward(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let inputs: Vec<Item> = node
            .inputs()
            .iter()
            .map(|&input| self.item(input))
            .collect();
        let value = match node.op() {
            Op::Input { .. } => Item::Input,
            Op::Flatten => inputs[0],
            Op::Dropout { rate, .. } if *rate == 0.0 => inputs[0],
            _ => {
                let output = self.each(node.shape().elements());
                let mut reads = inputs;
                let mut writes = vec![Item::Value(output)];
                for name in ["kernel", "bias", "gamma", "beta"] {
                    reads.extend(self.parameter(id, name).map(Item::Parameter));
                }
                if let Op::BatchNorm { .. } = node.op() {
                    let moving = ["moving_mean", "moving_variance"].map(|name| {
                        Item::Parameter(self.parameter(id, name).expect("a batch norm has both"))
                    });
                    if self.is_frozen(id) {
                        reads.extend(moving);
                    } else {
                        // The batch's mean and variance.
                        let kept = self.fixed(2 * node.shape().channels());
                        self.kept[id.index()] = Some(kept);
                        writes.push(Item::Value(kept));
                        writes.extend(moving);
                    }
                }
                let layer = self.layer(id);
                let scratch = operations::scratch(&layer, Pass::Forward);
                if scratch.fixed + scratch.each > 0 {
                    let scratch = self.value(scratch);
                    writes.push(Item::Value(scratch));
                }
                self.push(id, "forward", operations::forward(layer), reads, writes);
                Item::Value(output)
            }
        };
        self.values[id.index()] = Some(value);
    }

    fn loss(&mut self, logits: NodeId) -> ([ValueId; 2], ValueId) {
        let classes = self.graph.node(logits).shape().channels();
        let (shares, weights) = (self.each(classes), self.each(1));
        let results = self.each(2);
        let gradient = self.each(classes);
        if self.trained_below[logits.index()] {
            self.gradients[logits.index()] = Some(gradient);
            self.owners[gradient.0] = 1;
        }
        let reads = vec![self.item(logits), Item::Value(shares), Item::Value(weights)];
        let writes = vec![Item::Value(results), Item::Value(gradient)];
        self.push(
            logits,
            "loss",
            operations::CrossEntropy { classes },
            reads,
            writes,
        );
        ([shares, weights], results)
    }

    /// Where a node's backward step puts the gradient of one of its inputs, and whether something is
    /// there to be added to; none where nothing below is trained.
    fn target(&mut self, input: NodeId) -> Option<(ValueId, bool)> {
        if !self.trained_below[input.index()] {
            return None;
        }
        let size = self.graph.node(input).shape().elements();
        match self.gradients[input.index()] {
            Some(value) if self.owners[value.0] > 1 => {
                // Another node still reads it as its own: from here on it is a copy.
                let copy = self.each(size);
                self.owners[value.0] -= 1;
                self.owners[copy.0] = 1;
                self.gradients[input.index()] = Some(copy);
                let (reads, writes) = (vec![Item::Value(value)], vec![Item::Value(copy)]);
                self.push(input, "copy", operations::Copy, reads, writes);
                Some((copy, true))
            }
            Some(value) => Some((value, true)),
            None => {
                let value = self.each(size);
                self.owners[value.0] = 1;
                self.gradients[input.index()] = Some(value);
                Some((value, false))
            }
        }
    }

    /// Gives a node's gradient on to one of its inputs, whose gradient is the same.
    fn pass(&mut self, id: NodeId, gradient: ValueId, input: NodeId) {
        if !self.trained_below[input.index()] {
            return;
        }
        if self.gradients[input.index()].is_none() {
            self.gradients[input.index()] = Some(gradient);
            self.owners[gradient.0] += 1;
        } else if let Some((target, _)) = self.target(input) {
            let (reads, writes) = (vec![Item::Value(gradient)], vec![Item::Value(target)]);
            self.push(
                id,
                "add",
                operations::AddTo { isa: self.isa },
                reads,
                writes,
            );
        }
    }

    fn backward(&mut self, id: NodeId) {
        let Some(gradient) = self.gradients[id.index()] else {
            return;
        };
        let node = self.graph.node(id);
        match node.op() {
            Op::Input { .. } => {}
            Op::Flatten | Op::Add => {
                for &input in node.inputs() {
                    self.pass(id, gradient, input);
                }
            }
            Op::Dropout { rate, .. } if *rate == 0.0 => self.pass(id, gradient, node.inputs()[0]),
            Op::Concat => {
                let mut first = 0;
                for &input in node.inputs() {
                    let channels = self.graph.node(input).shape().channels();
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

    fn multiply_backward(&mut self, id: NodeId, node: &Node, gradient: ValueId) {
        for (index, &input) in node.inputs().iter().enumerate() {
            let other = self.item(node.inputs()[1 - index]);
            if let Some((target, add)) = self.target(input) {
                let shapes = node
                    .inputs()
                    .iter()
                    .map(|&input| self.graph.node(input).shape());
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

    /// An operation of one input: reads its gradient, its input, its output and its parameters, as it
    /// needs them; writes the gradients of its input and of its parameters.
    fn plain_backward(&mut self, id: NodeId, node: &Node, gradient: ValueId) {
        let input = node.inputs()[0];
        let (parameters, gradients) = self.weights(id);
        let target = self.target(input);
        if target.is_none() && gradients.is_empty() {
            return;
        }
        let layer = self.layer(id);
        let mut reads = vec![Item::Value(gradient)];
        let needs = operations::needs(&layer.op);
        if needs.input {
            reads.push(self.item(input));
        }
        if needs.output {
            reads.push(self.item(id));
        }
        reads.extend(parameters);
        if let Op::BatchNorm { .. } = node.op() {
            match self.kept[id.index()] {
                Some(kept) => reads.push(Item::Value(kept)),
                None => reads.extend(self.parameter(id, "moving_variance").map(Item::Parameter)),
            }
        }
        let mut writes = Vec::new();
        writes.extend(target.map(|(target, _)| Item::Value(target)));
        writes.extend(gradients);
        let scratch = operations::scratch(&layer, Pass::Backward);
        if scratch.fixed + scratch.each > 0 {
            let scratch = self.value(scratch);
            writes.push(Item::Value(scratch));
        }
        let operation = operations::backward(layer, target.map(|(_, add)| add));
        self.push(id, "backward", operation, reads, writes);
    }
}
