//! Lowering for training: the forward steps that keep what the backward needs, the loss, and the
//! backward steps.
//!
//! The forward goes through the nodes in order, the backward through the same in reverse. What the
//! first leaves for the second, and each node for its readers, stands in one [`Record`] a node.
mod backward;
mod forward;
mod record;

use crate::work::training::{Norm, Work};
use crate::work::{INPUT, Item, Lowered, Phase, Role, Size, Step, ValueId};
use graph::{Graph, NodeId, Op};
use record::Record;
use std::collections::{BTreeSet, HashSet};
use tensor::Shape;

/// A network lowered for training. Given are the target shares `[N, classes]` and the photos' weights
/// `[N]`; the output are the results, the loss of each photo and 1 where the largest logit is that of
/// the largest share: `[2, N]`.
#[derive(Debug)]
pub(crate) struct ForTraining {
    pub lowered: Lowered<Work>,
    /// Classes of the logits.
    pub classes: usize,
    /// The parameters that have a gradient, by their numbers, in order.
    pub trained: Vec<usize>,
}

/// Lowers a graph whose output are logits (or a softmax, which is then the loss's own).
pub(crate) fn for_training(graph: &Graph, frozen: &HashSet<String>) -> ForTraining {
    let output = graph.outputs()[0];
    let logits = if matches!(graph.node(output).op(), Op::Softmax) {
        graph.node(output).inputs()[0]
    } else {
        output
    };
    let mut lowering = Lowering::new(graph, frozen, logits);
    let ids: Vec<NodeId> = graph.ids().take(logits.index() + 1).collect();
    for &id in &ids {
        if id == logits || !lowering.record(id).readers.is_empty() {
            lowering.forward(id);
        }
    }
    let (given, results) = lowering.loss();
    for &id in ids.iter().rev() {
        lowering.backward(id);
    }
    ForTraining {
        classes: graph.node(logits).shape().channels(),
        trained: lowering.trained.into_iter().collect(),
        lowered: Lowered {
            steps: lowering.steps,
            sizes: lowering.sizes,
            given: given.into(),
            outputs: vec![results],
        },
    }
}

struct Lowering<'a> {
    graph: &'a Graph,
    frozen: &'a HashSet<String>,
    logits: NodeId,
    /// By node.
    records: Vec<Record>,
    /// By value: the nodes whose gradient it is and whose backward step is still to come.
    owners: Vec<usize>,
    steps: Vec<Step<Work>>,
    sizes: Vec<Size>,
    /// The parameters that were given a gradient.
    trained: BTreeSet<usize>,
}

impl<'a> Lowering<'a> {
    fn new(graph: &'a Graph, frozen: &'a HashSet<String>, logits: NodeId) -> Self {
        let mut records = vec![Record::default(); graph.nodes().len()];
        let mut first_parameter = 0;
        for id in graph.ids() {
            let node = graph.node(id);
            let own = graph.node_parameters(id);
            let trained = own.iter().any(|spec| spec.trainable) && !frozen.contains(node.name());
            let below = |input: &NodeId| records[input.index()].trained_below;
            let trained_below = trained || node.inputs().iter().any(below);
            let record = &mut records[id.index()];
            record.first_parameter = first_parameter;
            record.trained_below = trained_below;
            first_parameter += own.len();
        }
        let ids: Vec<NodeId> = graph.ids().collect();
        for &id in ids.iter().rev() {
            if id == logits || !records[id.index()].readers.is_empty() {
                for input in graph.node(id).inputs() {
                    records[input.index()].readers.push(id);
                }
            }
        }
        let input = graph.input_shape().map_or(0, |shape| shape.elements());
        debug_assert_eq!(INPUT, ValueId(0));
        Lowering {
            graph,
            frozen,
            logits,
            records,
            owners: vec![0],
            steps: Vec::new(),
            sizes: vec![Size::Each(input)],
            trained: BTreeSet::new(),
        }
    }

    fn record(&self, id: NodeId) -> &Record {
        &self.records[id.index()]
    }

    fn record_mut(&mut self, id: NodeId) -> &mut Record {
        &mut self.records[id.index()]
    }

    fn value(&mut self, size: Size) -> ValueId {
        self.sizes.push(size);
        self.owners.push(0);
        ValueId(self.sizes.len() - 1)
    }

    /// A new value of a node's shape.
    fn value_of(&mut self, id: NodeId) -> ValueId {
        self.value(Size::Each(self.shape(id).elements()))
    }

    fn push(
        &mut self,
        id: NodeId,
        work: Work,
        reads: Vec<(Role, Item)>,
        writes: Vec<(Role, Item)>,
    ) {
        self.steps.push(Step {
            name: self.graph.node(id).name().to_owned(),
            phase: Phase::Batch,
            work,
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
        match self.record(id).readers[..] {
            [reader] if id != self.logits => Some(reader),
            _ => None,
        }
    }

    /// The batch norm that a node is, if it is one.
    fn batch_norm(&self, id: NodeId) -> Option<Norm> {
        if let Op::BatchNorm {
            epsilon, momentum, ..
        } = *self.graph.node(id).op()
        {
            return Some(Norm {
                epsilon,
                momentum,
                frozen: self.is_frozen(id),
            });
        }
        None
    }

    /// A node's parameters that play these parts, by their numbers; those that it has.
    fn parameter_numbers(&self, id: NodeId, roles: &[Role]) -> Vec<(Role, usize)> {
        let first = self.record(id).first_parameter;
        let own = self.graph.node_parameters(id);
        let number = |&role: &Role| {
            let name = parameter_name(role);
            let place = own
                .iter()
                .position(|spec| spec.name.rsplit('/').next() == Some(name));
            place.map(|place| (role, first + place))
        };
        roles.iter().filter_map(number).collect()
    }

    /// Those of these parameters that a node has.
    fn parameters(&self, id: NodeId, roles: &[Role]) -> Vec<(Role, Item)> {
        let numbers = self.parameter_numbers(id, roles).into_iter();
        numbers
            .map(|(role, number)| (role, Item::Parameter(number)))
            .collect()
    }

    /// The gradients of those of these parameters that a node has, if it is trained.
    fn parameter_gradients(&mut self, id: NodeId, roles: &[Role]) -> Vec<(Role, Item)> {
        if self.is_frozen(id) {
            return Vec::new();
        }
        let numbers = self.parameter_numbers(id, roles);
        self.trained
            .extend(numbers.iter().map(|(_, number)| number));
        let gradient = |(role, number)| (role, Item::Gradient(number));
        numbers.into_iter().map(gradient).collect()
    }

    /// The loss of the logits; the values that it is given and those that it gives.
    fn loss(&mut self) -> ([ValueId; 2], ValueId) {
        let logits = self.logits;
        let classes = self.shape(logits).channels();
        let targets = self.value(Size::Each(classes));
        let weights = self.value(Size::Each(1));
        let results = self.value(Size::Each(2));
        let gradient = self.value(Size::Each(classes));
        if self.record(logits).trained_below {
            self.record_mut(logits).gradient = Some(gradient);
            self.owners[gradient.0] = 1;
        }
        let reads = vec![
            (Role::Input, self.item(logits)),
            (Role::Targets, Item::Value(targets)),
            (Role::Weights, Item::Value(weights)),
        ];
        let writes = vec![
            (Role::Results, Item::Value(results)),
            (Role::Below, Item::Value(gradient)),
        ];
        self.push(logits, Work::CrossEntropy { classes }, reads, writes);
        ([targets, weights], results)
    }
}

/// What a graph calls the parameter of a role, or the parameter of which the role is the gradient.
fn parameter_name(role: Role) -> &'static str {
    match role {
        Role::Kernel | Role::KernelGradient => "kernel",
        Role::Bias | Role::BiasGradient => "bias",
        Role::Gamma | Role::GammaGradient => "gamma",
        Role::Beta | Role::BetaGradient => "beta",
        Role::MovingMean => "moving_mean",
        Role::MovingVariance => "moving_variance",
        other => unreachable!("{other:?} is no parameter"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;
    use graph::{Activation, Conv2d, Padding};

    fn around(pixels: usize) -> Padding {
        Padding {
            top: pixels,
            bottom: pixels,
            left: pixels,
            right: pixels,
        }
    }

    /// A convolution with a batch norm, and layers without weights after it.
    fn network() -> Graph {
        let mut graph = Graph::new();
        let mut add = |name: &str, op, inputs: &[NodeId]| graph.add(name, op, inputs).unwrap();
        let input = Op::Input {
            height: 6,
            width: 6,
            channels: 3,
        };
        let input = add("input", input, &[]);
        let conv = Op::Conv2d(Conv2d {
            filters: 4,
            kernel: [3, 3],
            stride: [1, 1],
            padding: around(1),
            bias: false,
        });
        let conv = add("conv", conv, &[input]);
        let norm = Op::BatchNorm {
            epsilon: 1e-3,
            momentum: 0.9,
            scale: true,
        };
        let norm = add("norm", norm, &[conv]);
        let relu = add("relu", Op::Activation(Activation::Relu), &[norm]);
        let pad = add("pad", Op::ZeroPad(around(2)), &[relu]);
        let crop = add("crop", Op::Crop(around(1)), &[pad]);
        let whole = add("whole", Op::Concat, &[crop, crop]);
        let keep_dimensions = false;
        let mean = Op::GlobalAveragePool { keep_dimensions };
        let mean = add("mean", mean, &[whole]);
        let (units, bias) = (5, true);
        add("logits", Op::Dense { units, bias }, &[mean]);
        graph
    }

    #[test]
    fn steps_are_data_that_says_what_is_fused() {
        let frozen = HashSet::new();
        let lowered = for_training(&network(), &frozen).lowered;
        let steps: Vec<String> = lowered
            .steps
            .iter()
            .map(|step| format!("{} {}", step.name, step.work.kind()))
            .collect();
        assert_eq!(
            steps,
            [
                "conv conv2d",
                "relu store",
                "pad zero pad",
                "crop crop",
                "whole concat",
                "whole concat",
                "mean global average",
                "logits conv2d 1x1",
                "logits loss",
                "logits conv2d 1x1 back",
                "mean global average back",
                "whole split",
                "whole split",
                "crop zero pad",
                "pad crop",
                "norm sums",
                "conv conv2d back",
            ]
        );
        // The convolution takes the batch norm with it, forward and back.
        let conv = &lowered.steps[0];
        assert!(conv.written(Role::OutputNorm).is_some());
        let back = lowered.steps.last().unwrap();
        assert_eq!(back.read(Role::OutputNorm), conv.written(Role::OutputNorm));
        assert_eq!(back.read(Role::Output), conv.written(Role::Output));
        // Nothing below the input is wanted.
        assert_eq!(back.written(Role::Below), None);
    }

    #[test]
    fn memory_is_known_without_a_kernel() {
        let frozen = HashSet::new();
        let lowered = for_training(&network(), &frozen).lowered;
        let [small, large] = [1, 10].map(|images| Layout::of(&lowered, images, 0).floats);
        // The concatenation and what it is made of live together.
        assert!(
            small > (8 + 4) * 8 * 8 && large > 9 * small,
            "{small} {large}"
        );
        let head: HashSet<String> = ["conv", "norm"].map(String::from).into();
        let lowered = for_training(&network(), &head).lowered;
        let layout = Layout::of(&lowered, 10, 0);
        assert!(layout.floats < large, "no gradient of an image is kept");
    }
}
