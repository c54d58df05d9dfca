//! What a lowering gives: the steps of a network as data. A step says what it computes, which values
//! it reads and writes, and what each of them is to it; nothing here knows a kernel, so that memory
//! is known before one is built, and so that the same steps can be bound to others.
pub(crate) mod inference;
pub(crate) mod layer;
pub(crate) mod schedule;
pub(crate) mod training;

/// A value that a step makes and others read, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ValueId(pub usize);

/// The network's input: no step makes it, and it has no place in a plan's memory.
pub(crate) const INPUT: ValueId = ValueId(0);

/// What a step reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Value(ValueId),
    /// A parameter, by its number in [`graph::Graph::parameters`].
    Parameter(usize),
    /// A parameter's gradient, by the same number.
    Gradient(usize),
}

/// f32 of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Whatever the batch; in a step of one image, of that image alone.
    Fixed(usize),
    /// For each image of the batch.
    Each(usize),
}

/// When a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Once for each image, before the others: what an image passes through then stays in the cache.
    Image,
    /// Once for the whole batch: training, and at inference what works on `[C]` rows, so that the
    /// weights of a dense layer are read once for many images.
    Batch,
}

/// What a value is to the step that reads or writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// What a layer is given; of a step that gives a gradient on, that gradient.
    Input,
    /// The coefficients of the batch norm that the step applies to its input, `[4, C]`.
    InputNorm,
    /// The second input: a term, a factor, a residual.
    Other,
    /// What a layer gives.
    Output,
    /// The coefficients of the batch norm on the output.
    OutputNorm,
    /// The gradient of the output.
    Above,
    /// The gradient of the input.
    Below,
    /// What the gradient of the input's batch norm needs, `[2, C]`.
    InputSums,
    /// What the gradient of the output's batch norm needs, `[2, C]`.
    OutputSums,
    Kernel,
    Bias,
    Gamma,
    Beta,
    MovingMean,
    MovingVariance,
    KernelGradient,
    BiasGradient,
    GammaGradient,
    BetaGradient,
    /// The share of each class in each photo's target, `[N, classes]`.
    Targets,
    /// What each photo counts, `[N]`.
    Weights,
    /// The loss of each photo, and 1 where it was predicted correctly: `[2, N]`.
    Results,
    /// Memory to work in, of any content before and after.
    Scratch,
}

/// A step before its values have places and its work a kernel.
#[derive(Clone, Debug)]
pub(crate) struct Step<W> {
    /// The names of the layers that it computes, joined by `+`.
    pub name: String,
    pub phase: Phase,
    pub work: W,
    pub reads: Vec<(Role, Item)>,
    pub writes: Vec<(Role, Item)>,
}

impl<W> Step<W> {
    /// The value that it reads as this.
    pub fn read(&self, role: Role) -> Option<ValueId> {
        value(&self.reads, role)
    }

    /// The value that it writes as this.
    pub fn written(&self, role: Role) -> Option<ValueId> {
        value(&self.writes, role)
    }
}

fn value(items: &[(Role, Item)], role: Role) -> Option<ValueId> {
    items.iter().find_map(|(own, item)| match item {
        Item::Value(value) if *own == role => Some(*value),
        _ => None,
    })
}

/// A network as steps. Those of an image come before those of the batch.
#[derive(Debug)]
pub(crate) struct Lowered<W> {
    pub steps: Vec<Step<W>>,
    /// By a value's number.
    pub sizes: Vec<Size>,
    /// Values that are there from the start, beside the input.
    pub given: Vec<ValueId>,
    /// Values that are wanted at the end.
    pub outputs: Vec<ValueId>,
}

impl<W> Lowered<W> {
    /// Gives each step the memory that its binding works in: `wanted` tells its f32.
    pub fn add_scratch(&mut self, wanted: impl Fn(&W) -> usize) {
        for step in &mut self.steps {
            let floats = wanted(&step.work);
            if floats > 0 {
                let scratch = ValueId(self.sizes.len());
                self.sizes.push(Size::Fixed(floats));
                step.writes.push((Role::Scratch, Item::Value(scratch)));
            }
        }
    }
}
