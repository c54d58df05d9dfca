//! A plan: the steps of a network for one size of input, where their values live, and what it needs.
use crate::execute::{BoundStep, Place};
use crate::kernel_choice::Kernels;
use crate::layout::Layout;
use crate::lower;
use crate::work::inference::Work;
use crate::work::{Item, Lowered};
use crate::{EngineError, LeastMemory, bind};
use graph::{Graph, NodeId, ParameterSpec};
use kernels::Isa;
use std::time::Duration;
use tensor::{AlignedBuffer, NamedTensors, Pool, Shape};

/// What a plan is made for.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Which kernels the steps run on.
    pub kernels: Kernels,
    /// Whether layers are fused where they can be.
    pub fuse: bool,
    /// Images that are run at a time at most; a run of more is cut.
    pub batch: usize,
    /// Threads of the pools that it will run on: with several images each has its own memory.
    pub threads: usize,
    /// The layers whose values are wanted, by name; none for the graph's own outputs.
    pub outputs: Vec<String>,
    /// Bytes that weights and working memory may have together.
    pub memory_limit: Option<usize>,
}

impl Default for PlanOptions {
    /// The fastest for one image on one thread, without a limit.
    fn default() -> Self {
        PlanOptions {
            kernels: Kernels::Fast(Isa::best()),
            fuse: true,
            batch: 1,
            threads: 1,
            outputs: Vec::new(),
            memory_limit: None,
        }
    }
}

/// Bytes that a plan needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Packed weights, once, however many workspaces there are.
    pub weights: usize,
    /// One workspace.
    pub workspace: usize,
}

/// One output of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The layer's name.
    pub name: String,
    /// The shape for one image.
    pub shape: Shape,
}

/// The time that a step took.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTime {
    /// The layers that it computes, joined by `+`.
    pub name: String,
    /// What kind of step it is.
    pub kind: &'static str,
    /// The median over the rounds.
    pub time: Duration,
    /// Multiply-adds of one image, of what multiplies with weights.
    pub multiply_adds: usize,
}

/// A network ready to run: weights packed, steps in order, the place of every value fixed. Shared
/// between threads as it is; what changes while it runs is in a [`Workspace`].
#[derive(Debug)]
pub struct Plan {
    pub(crate) steps: Vec<BoundStep>,
    pub(crate) output_places: Vec<Place>,
    /// Of the memory of a lane.
    lane_floats: usize,
    /// f32 of one input image.
    pub(crate) image: usize,
    input_shape: Shape,
    outputs: Vec<Output>,
    lanes: Lanes,
    memory: Memory,
}

/// The memory that a run works in. Belongs to the plan that made it.
#[derive(Debug)]
pub struct Workspace {
    pub(crate) lanes: Vec<AlignedBuffer>,
    /// Images that each lane holds rows for.
    pub(crate) lane_images: usize,
    pub(crate) serial: Pool,
}

impl Plan {
    /// Lowers a graph for inference.
    ///
    /// # Errors
    /// Parameters that are missing or have the wrong shape, outputs that are not in the graph, and
    /// more memory than the limit allows, before any of it is taken.
    pub fn for_inference(
        graph: &Graph,
        parameters: &NamedTensors,
        options: &PlanOptions,
    ) -> Result<Plan, EngineError> {
        let input_shape = graph.input_shape().ok_or(EngineError::Empty)?;
        check_parameters(graph, parameters)?;
        let outputs = outputs(graph, &options.outputs)?;
        LeastMemory::for_inference(graph, 1).check(options.memory_limit)?;
        let lowered = lowered(graph, &outputs, options);
        let lanes = Lanes::of(options);
        let layout = Layout::of(&lowered, lanes.images, 0);
        let workspace = lanes.bytes(&layout);
        refuse_above(
            options.memory_limit,
            weight_bytes(&lowered, options.kernels),
            workspace,
        )?;
        let place = |item: Item| match item {
            Item::Value(value) => layout.place(value),
            Item::Parameter(_) | Item::Gradient(_) => {
                unreachable!("the weights of an inference are bound to its steps")
            }
        };
        let output_places = lowered.outputs.iter().map(|&v| layout.place(v)).collect();
        let steps = lowered.steps.into_iter().map(|step| {
            let operation = bind::inference::bind(graph, parameters, options.kernels, &step.work);
            let (kind, multiply_adds) = (step.work.kind(), step.work.multiply_adds());
            BoundStep {
                multiply_adds,
                ..BoundStep::new(step, kind, operation, place)
            }
        });
        let steps: Vec<BoundStep> = steps.collect();
        let weights = steps.iter().map(|step| step.operation.weight_bytes()).sum();
        Ok(Plan {
            output_places,
            steps,
            lane_floats: layout.floats,
            image: input_shape.elements(),
            input_shape,
            outputs: outputs
                .iter()
                .map(|&id| Output {
                    name: graph.node(id).name().to_owned(),
                    shape: graph.node(id).shape(),
                })
                .collect(),
            lanes,
            memory: Memory { weights, workspace },
        })
    }

    /// What a plan would need at most, without its parameters; nothing of it is taken.
    ///
    /// # Errors
    /// As [`Plan::for_inference`].
    pub fn memory_for_inference(
        graph: &Graph,
        options: &PlanOptions,
    ) -> Result<Memory, EngineError> {
        let outputs = outputs(graph, &options.outputs)?;
        LeastMemory::for_inference(graph, 1).check(options.memory_limit)?;
        let lowered = lowered(graph, &outputs, options);
        let lanes = Lanes::of(options);
        let workspace = lanes.bytes(&Layout::of(&lowered, lanes.images, 0));
        let weights = weight_bytes(&lowered, options.kernels);
        refuse_above(options.memory_limit, weights, workspace)?;
        Ok(Memory { weights, workspace })
    }

    /// The outputs, in the order of a run's slices.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The shape of one input image, `[H, W, C]`.
    pub fn input_shape(&self) -> Shape {
        self.input_shape
    }

    /// What it needs.
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// The memory for runs, one at a time: make one for each caller that runs at the same time.
    pub fn workspace(&self) -> Workspace {
        Workspace {
            lanes: (0..self.lanes.count)
                .map(|_| AlignedBuffer::zeroed(self.lane_floats))
                .collect(),
            lane_images: self.lanes.images,
            serial: Pool::serial(),
        }
    }
}

/// Images that are run side by side.
#[derive(Clone, Copy, Debug)]
struct Lanes {
    /// Each with its own memory.
    count: usize,
    /// Images that a lane holds rows for.
    images: usize,
}

impl Lanes {
    fn of(options: &PlanOptions) -> Self {
        let count = options.threads.min(options.batch).max(1);
        let images = options.batch.max(1).div_ceil(count);
        Lanes { count, images }
    }

    /// Of all memory together.
    fn bytes(&self, layout: &Layout) -> usize {
        let floats = layout.floats.saturating_mul(self.count);
        floats.saturating_mul(size_of::<f32>())
    }
}

/// The steps for these outputs, fused and grouped as the options have it.
fn lowered(graph: &Graph, outputs: &[NodeId], options: &PlanOptions) -> Lowered<Work> {
    let threads = options.threads.max(1);
    let mut lowered = lower::for_inference(graph, outputs, options.fuse);
    if options.fuse && matches!(options.kernels, Kernels::Fast(_)) {
        // With as many images as threads each image is run on one thread.
        let share = if options.batch >= threads { 1 } else { threads };
        lowered = lower::group(lowered, share, threads);
    }
    lowered.add_scratch(|work| bind::inference::scratch(work, options.kernels, threads));
    lowered
}

/// Every parameter is there, in its layer's shape.
pub(crate) fn check_parameters(
    graph: &Graph,
    parameters: &NamedTensors,
) -> Result<(), EngineError> {
    let specs = graph.parameters();
    specs
        .iter()
        .try_for_each(|spec| check_parameter(spec, parameters))
}

/// The parameter is there, in its layer's shape.
pub(crate) fn check_parameter(
    spec: &ParameterSpec,
    parameters: &NamedTensors,
) -> Result<(), EngineError> {
    match parameters.get(&spec.name) {
        None => Err(EngineError::MissingParameter {
            name: spec.name.clone(),
            shape: spec.shape,
        }),
        Some(tensor) if tensor.shape() != spec.shape => Err(EngineError::ParameterShape {
            name: spec.name.clone(),
            given: tensor.shape(),
            wanted: spec.shape,
        }),
        Some(_) => Ok(()),
    }
}

fn outputs(graph: &Graph, names: &[String]) -> Result<Vec<NodeId>, EngineError> {
    if names.is_empty() {
        return Ok(graph.outputs());
    }
    let find = |name: &String| {
        graph
            .find(name)
            .ok_or_else(|| EngineError::UnknownOutput { name: name.clone() })
    };
    names.iter().map(find).collect()
}

/// Bytes that the packed weights have at most.
fn weight_bytes(lowered: &Lowered<Work>, kernels: Kernels) -> usize {
    let floats = lowered.steps.iter();
    let floats = floats.map(|step| bind::inference::weights(&step.work, kernels));
    floats
        .fold(0, usize::saturating_add)
        .saturating_mul(size_of::<f32>())
}

fn refuse_above(limit: Option<usize>, weights: usize, working: usize) -> Result<(), EngineError> {
    let needed = weights.saturating_add(working);
    match limit {
        Some(limit) if needed > limit => Err(EngineError::Memory {
            needed,
            weights,
            working,
            limit,
        }),
        _ => Ok(()),
    }
}
