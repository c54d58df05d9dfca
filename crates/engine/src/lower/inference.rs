//! The lowering for inference: batch norms and constant factors folded into the weights before
//! them, padding absorbed, activations and residual sums computed where the values are made.
use super::{add, kernel_activation, layer, parts, unpadded, window};
use crate::work::inference::{Fold, Linear, Residual, Work};
use crate::work::layer::Layer;
use crate::work::{INPUT, Item, Lowered, Phase, Role, Size, Step, ValueId};
use graph::{Graph, Node, NodeId, Op, Padding};
use kernels::Activation;
use tensor::Shape;

/// The steps that compute `outputs`. Without `fuse` every layer is a step of its own (but those that
/// change no value).
pub(crate) fn for_inference(graph: &Graph, outputs: &[NodeId], fuse: bool) -> Lowered<Work> {
    let mut uses = vec![0usize; graph.nodes().len()];
    let needed = needed(graph, outputs);
    for id in graph.ids().filter(|id| needed[id.index()]) {
        for input in graph.node(id).inputs() {
            uses[input.index()] += 1;
        }
    }
    for output in outputs {
        // An output must keep its own value: two more uses, so that nothing is fused into it.
        uses[output.index()] += 2;
    }
    let mut lowering = Lowering {
        graph,
        fuse,
        needed,
        uses,
        steps: Vec::new(),
        values: Vec::new(),
        sources: vec![
            Source {
                value: INPUT,
                padding: Padding::default()
            };
            graph.nodes().len()
        ],
        made: Vec::new(),
    };
    for id in graph.ids() {
        if lowering.needed[id.index()] {
            lowering.node(id);
        }
    }
    let outputs = outputs
        .iter()
        .map(|output| lowering.sources[output.index()].value)
        .collect();
    let Lowering {
        mut steps, values, ..
    } = lowering;
    // What works on rows reads nothing but rows, and no image comes of a row: so it may wait until
    // all images have passed.
    steps.sort_by_key(|step| step.phase == Phase::Batch);
    let sizes = sizes(&steps, &values);
    Lowered {
        steps,
        sizes,
        given: Vec::new(),
        outputs,
    }
}

/// The size of each value: what a step of the batch touches is kept for every image, all else for the
/// image at work.
fn sizes(steps: &[Step<Work>], values: &[Value]) -> Vec<Size> {
    let mut sizes: Vec<Size> = values.iter().map(|value| Size::Fixed(value.size)).collect();
    for step in steps.iter().filter(|step| step.phase == Phase::Batch) {
        for (_, item) in step.reads.iter().chain(&step.writes) {
            if let Item::Value(value) = *item {
                sizes[value.0] = Size::Each(values[value.0].size);
            }
        }
    }
    sizes
}

/// Which nodes the outputs depend on; the input always counts.
fn needed(graph: &Graph, outputs: &[NodeId]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes().len()];
    for output in outputs {
        needed[output.index()] = true;
    }
    for (index, node) in graph.nodes().iter().enumerate().rev() {
        if needed[index] {
            for input in node.inputs() {
                needed[input.index()] = true;
            }
        }
    }
    needed[0] = true;
    needed
}

/// Where a node's value is to be read: a value, with zeros around it that are not stored.
#[derive(Clone, Copy)]
struct Source {
    value: ValueId,
    padding: Padding,
}

struct Value {
    size: usize,
    /// The step that makes it; none for the input.
    maker: Option<usize>,
    /// Whether more than one reader sees it as it is.
    shared: bool,
}

struct Lowering<'g> {
    graph: &'g Graph,
    fuse: bool,
    needed: Vec<bool>,
    uses: Vec<usize>,
    steps: Vec<Step<Work>>,
    values: Vec<Value>,
    sources: Vec<Source>,
    /// What steps without weights have made, of which values.
    made: Vec<(Layer, Vec<ValueId>, ValueId)>,
}

impl Lowering<'_> {
    fn node(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        match *node.op() {
            Op::Input { .. } => self.values.push(Value {
                size: node.shape().elements(),
                maker: None,
                shared: true,
            }),
            Op::Conv2d(conv) => {
                let (source, shape) = self.padded_source(node);
                let padding = add(conv.padding, source.padding);
                let work = Work::Conv2d {
                    linear: Linear::of(id),
                    window: window(shape, conv.kernel, conv.stride, padding),
                    channels: shape.channels(),
                    filters: conv.filters,
                    residual: Residual::None,
                };
                self.step(id, work, &[source.value]);
            }
            Op::DepthwiseConv2d(conv) => {
                let (source, shape) = self.padded_source(node);
                let padding = add(conv.padding, source.padding);
                let work = Work::Depthwise {
                    linear: Linear::of(id),
                    window: window(shape, conv.kernel, conv.stride, padding),
                    channels: shape.channels(),
                };
                self.step(id, work, &[source.value]);
            }
            Op::Dense { units, .. } => {
                let features = self.graph.node(node.inputs()[0]).shape().channels();
                let work = Work::Dense {
                    linear: Linear::of(id),
                    features,
                    units,
                };
                self.plain_step(id, work);
            }
            Op::BatchNorm { epsilon, .. } => {
                let fold = Fold::BatchNorm { node: id, epsilon };
                let channels = node.shape().channels();
                if !self.fold(id, fold, Some(channels)) {
                    self.lone_norm(id, fold);
                }
            }
            Op::Affine { scale, offset } => {
                if !self.fold(id, Fold::Affine { scale, offset }, None) {
                    self.layer_step(id);
                }
            }
            Op::Activation(activation) => {
                if !self.fuse_activation(id, kernel_activation(activation)) {
                    self.layer_step(id);
                }
            }
            Op::Add => {
                if !self.fuse_residual(id) {
                    self.sum(id);
                }
            }
            Op::ZeroPad(padding) => {
                if self.fuse && self.only_convolutions_read(id) {
                    // Not stored: the convolutions read the zeros from their own padding.
                    let source = self.sources[node.inputs()[0].index()];
                    let padding = add(source.padding, padding);
                    self.alias(id);
                    self.sources[id.index()].padding = padding;
                } else {
                    self.layer_step(id);
                }
            }
            Op::Concat => self.concat(id),
            Op::Multiply
            | Op::Softmax
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::GlobalAveragePool { .. }
            | Op::Crop(_) => self.layer_step(id),
            // At inference neither changes a value, and NHWC is already flat.
            Op::Flatten | Op::Dropout { .. } => self.alias(id),
        }
    }

    /// The first input's value and its stored shape, whose padding may not be stored.
    fn padded_source(&self, node: &Node) -> (Source, Shape) {
        let input = node.inputs()[0];
        let source = self.sources[input.index()];
        (
            source,
            unpadded(self.graph.node(input).shape(), source.padding),
        )
    }

    /// A batch norm that nothing before it could take: a depthwise convolution of one pixel, whose
    /// kernel is made of its scale alone.
    fn lone_norm(&mut self, id: NodeId, fold: Fold) {
        let shape = self.graph.node(id).shape();
        let channels = shape.channels();
        let flat = Shape::from([1, shape.elements() / channels, channels]);
        let mut linear = Linear::of(id);
        linear.folds.push(fold);
        let work = Work::Depthwise {
            linear,
            window: window(flat, [1, 1], [1, 1], Padding::default()),
            channels,
        };
        self.plain_step(id, work);
    }

    /// A layer without weights, by itself. What has been made already is not made again: NASNet's cells
    /// have an activation of one value for each of its readers.
    fn layer_step(&mut self, id: NodeId) {
        let layer = layer(self.graph, id).expect("a layer of one step without weights");
        let reads = self.reads(id);
        let same =
            |(other, of, _): &&(Layer, Vec<ValueId>, ValueId)| *other == layer && *of == reads;
        let made = self.made.iter().find(same).map(|(_, _, value)| *value);
        if let (true, Some(value)) = (self.fuse, made) {
            self.sources[id.index()] = Source {
                value,
                padding: Padding::default(),
            };
            self.values[value.0].shared = true;
            return;
        }
        self.step(id, Work::Layer(layer), &reads);
        let value = self.sources[id.index()].value;
        self.made.push((layer, reads, value));
    }

    /// A step on the inputs' stored values.
    fn plain_step(&mut self, id: NodeId, work: Work) {
        let reads = self.reads(id);
        self.step(id, work, &reads);
    }

    /// The inputs' stored values.
    fn reads(&self, id: NodeId) -> Vec<ValueId> {
        let inputs = self.graph.node(id).inputs().iter();
        inputs
            .map(|input| self.sources[input.index()].value)
            .collect()
    }

    /// A step that makes a new value, the node's: from an input and perhaps another.
    fn step(&mut self, id: NodeId, work: Work, reads: &[ValueId]) {
        let value = ValueId(self.values.len());
        self.values.push(Value {
            size: self.graph.node(id).shape().elements(),
            maker: Some(self.steps.len()),
            shared: self.uses[id.index()] != 1,
        });
        self.sources[id.index()] = Source {
            value,
            padding: Padding::default(),
        };
        self.push(id, work, reads, value);
    }

    fn push(&mut self, id: NodeId, work: Work, reads: &[ValueId], write: ValueId) {
        let roles = [Role::Input, Role::Other].into_iter();
        debug_assert!(reads.len() <= 2);
        self.steps.push(Step {
            name: self.graph.node(id).name().to_owned(),
            phase: self.phase(id),
            work,
            reads: roles.zip(reads.iter().copied().map(Item::Value)).collect(),
            writes: vec![(Role::Output, Item::Value(write))],
        });
    }

    /// What works on `[C]` rows runs once for all images; what reads an image runs for each.
    fn phase(&self, id: NodeId) -> Phase {
        let is_row = |id: NodeId| self.graph.node(id).shape().rank() == 1;
        let rows = is_row(id)
            && self
                .graph
                .node(id)
                .inputs()
                .iter()
                .all(|&input| is_row(input));
        if rows { Phase::Batch } else { Phase::Image }
    }

    /// The node has its first input's value.
    fn alias(&mut self, id: NodeId) {
        let source = self.sources[self.graph.node(id).inputs()[0].index()];
        self.sources[id.index()] = source;
        self.values[source.value.0].shared |= self.uses[id.index()] != 1;
    }

    /// Whether every reader of a node is a convolution, and it is no output.
    fn only_convolutions_read(&self, id: NodeId) -> bool {
        let readers = self.graph.ids().filter(|reader| {
            self.needed[reader.index()] && self.graph.node(*reader).inputs().contains(&id)
        });
        let mut convolutions = 0;
        for reader in readers {
            let op = self.graph.node(reader).op();
            if !matches!(op, Op::Conv2d(_) | Op::DepthwiseConv2d(_)) {
                return false;
            }
            convolutions += 1;
        }
        // The uses of an output are more than its readers.
        convolutions == self.uses[id.index()]
    }

    /// The step that makes a node's value, if what follows may be fused into it.
    fn fusable(&mut self, input: NodeId) -> Option<usize> {
        let value = &self.values[self.sources[input.index()].value.0];
        if self.fuse && !value.shared {
            value.maker
        } else {
            None
        }
    }

    /// Names a node's value as its first input's, whose step now computes the node too.
    fn joined(&mut self, id: NodeId, step: usize) {
        let node = self.graph.node(id);
        self.steps[step].name.push('+');
        self.steps[step].name.push_str(node.name());
        let value = self.steps[step]
            .written(Role::Output)
            .expect("a step makes a value");
        self.sources[id.index()] = Source {
            value,
            padding: Padding::default(),
        };
        self.values[value.0].shared = self.uses[id.index()] != 1;
    }

    /// Folds into the weights before, where there are such and nothing stands between.
    fn fold(&mut self, id: NodeId, fold: Fold, channels: Option<usize>) -> bool {
        let input = self.graph.node(id).inputs()[0];
        let Some(step) = self.fusable(input) else {
            return false;
        };
        let (linear, own_channels) = match &mut self.steps[step].work {
            Work::Conv2d {
                linear,
                filters,
                residual: Residual::None,
                ..
            } => (linear, *filters),
            Work::Depthwise {
                linear, channels, ..
            } => (linear, *channels),
            Work::Dense { linear, units, .. } => (linear, *units),
            _ => return false,
        };
        if linear.activation != Activation::Identity
            || channels.is_some_and(|channels| channels != own_channels)
        {
            return false;
        }
        linear.folds.push(fold);
        self.joined(id, step);
        true
    }

    fn fuse_activation(&mut self, id: NodeId, next: Activation) -> bool {
        let input = self.graph.node(id).inputs()[0];
        let Some(step) = self.fusable(input) else {
            return false;
        };
        let activation = match &mut self.steps[step].work {
            Work::Conv2d { linear, .. }
            | Work::Depthwise { linear, .. }
            | Work::Dense { linear, .. } => &mut linear.activation,
            Work::Layer(Layer::Add(activation)) => activation,
            _ => return false,
        };
        // After an activation (also under a residual) comes no second one.
        if *activation != Activation::Identity {
            return false;
        }
        *activation = next;
        self.joined(id, step);
        true
    }

    /// Lets the later of two terms, a convolution, add the earlier one to its result.
    fn fuse_residual(&mut self, id: NodeId) -> bool {
        let &[left, right] = self.graph.node(id).inputs() else {
            return false;
        };
        let maker = |input: NodeId| self.values[self.sources[input.index()].value.0].maker;
        let (term, other) = if maker(left) > maker(right) {
            (left, right)
        } else {
            (right, left)
        };
        let earlier = maker(other);
        let other = self.sources[other.index()].value;
        let phase = self.phase(id);
        let Some(step) = self.fusable(term) else {
            return false;
        };
        let made = &mut self.steps[step];
        if earlier >= Some(step) || made.phase != phase {
            return false;
        }
        let Work::Conv2d {
            linear, residual, ..
        } = &mut made.work
        else {
            return false;
        };
        if *residual != Residual::None {
            return false;
        }
        *residual = match linear.activation {
            Activation::Identity => Residual::BeforeActivation,
            _ => Residual::AfterActivation,
        };
        made.reads.push((Role::Other, Item::Value(other)));
        self.joined(id, step);
        true
    }

    /// Two or more terms, two at a time.
    fn sum(&mut self, id: NodeId) {
        let inputs = self.graph.node(id).inputs().iter();
        let terms: Vec<ValueId> = inputs
            .map(|input| self.sources[input.index()].value)
            .collect();
        let mut sum = terms[0];
        for &term in &terms[1..] {
            let work = Work::Layer(Layer::Add(Activation::Identity));
            self.step(id, work, &[sum, term]);
            sum = self.sources[id.index()].value;
        }
    }

    /// Each input is written into its place, one step an input.
    fn concat(&mut self, id: NodeId) {
        for (index, (input, part)) in parts(self.graph, id).into_iter().enumerate() {
            let work = Work::Layer(Layer::Join(part));
            let reads = [self.sources[input.index()].value];
            if index == 0 {
                self.step(id, work, &reads);
            } else {
                let write = self.sources[id.index()].value;
                self.push(id, work, &reads, write);
            }
        }
    }
}
