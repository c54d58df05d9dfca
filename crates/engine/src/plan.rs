//! A plan: the steps of a network for one size of input, where their values live, and what it needs.
use crate::arena::{self, Lifetime, whole_lines};
use crate::kernel_choice::Kernels;
use crate::lower::{self, Draft, Drafts, INPUT, Phase, ValueId};
use crate::operation::Operation;
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

/// Where a value lives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// In the input as it was given.
    Input,
    /// From this f32 on, in the memory of the image at work.
    Image { start: usize, size: usize },
    /// From this f32 on, times the images that a lane holds, in the memory of the rows.
    Rows { start: usize, size: usize },
}

/// A step that is ready to run.
#[derive(Debug)]
pub(crate) struct Step {
    pub name: String,
    pub kind: &'static str,
    pub multiply_adds: usize,
    pub phase: Phase,
    pub operation: Box<dyn Operation>,
    pub reads: Vec<Place>,
    pub write: Place,
    pub scratch: Option<Place>,
}

/// A network ready to run: weights packed, steps in order, the place of every value fixed. Shared
/// between threads as it is; what changes while it runs is in a [`Workspace`].
#[derive(Debug)]
pub struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) output_places: Vec<Place>,
    pub(crate) image_floats: usize,
    pub(crate) rows_floats: usize,
    /// f32 of one input image.
    pub(crate) image: usize,
    input_shape: Shape,
    outputs: Vec<Output>,
    lanes: usize,
    lane_images: usize,
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
        let drafts = drafts(graph, &outputs, options);
        let layout = Layout::of(&drafts);
        let lanes = options.threads.min(options.batch).max(1);
        let lane_images = options.batch.max(1).div_ceil(lanes);
        let workspace = layout.workspace(lanes, lane_images);
        refuse_above(options.memory_limit, weight_bytes(graph), workspace)?;
        let steps: Vec<Step> = drafts
            .steps
            .iter()
            .map(|draft| Step {
                name: draft.name.clone(),
                kind: draft.work.kind(),
                multiply_adds: draft.work.multiply_adds(),
                phase: draft.phase,
                operation: bind::inference::pack(graph, parameters, options.kernels, &draft.work),
                reads: draft
                    .reads
                    .iter()
                    .map(|&value| layout.place(value))
                    .collect(),
                write: layout.place(draft.write),
                scratch: draft.scratch.map(|value| layout.place(value)),
            })
            .collect();
        let weights = steps.iter().map(|step| step.operation.weight_bytes()).sum();
        Ok(Plan {
            output_places: drafts
                .outputs
                .iter()
                .map(|&value| layout.place(value))
                .collect(),
            steps,
            image_floats: layout.image_floats,
            rows_floats: layout.rows_floats,
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
            lane_images,
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
        let drafts = drafts(graph, &outputs, options);
        let lanes = options.threads.min(options.batch).max(1);
        let lane_images = options.batch.max(1).div_ceil(lanes);
        let (weights, workspace) = (
            weight_bytes(graph),
            Layout::of(&drafts).workspace(lanes, lane_images),
        );
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
        let floats = self.image_floats + self.rows_floats * self.lane_images;
        Workspace {
            lanes: (0..self.lanes)
                .map(|_| AlignedBuffer::zeroed(floats))
                .collect(),
            lane_images: self.lane_images,
            serial: Pool::serial(),
        }
    }
}

/// The steps for these outputs, fused and grouped as the options have it.
fn drafts(graph: &Graph, outputs: &[NodeId], options: &PlanOptions) -> Drafts {
    let drafts = lower::for_inference(graph, outputs, options.fuse);
    if !options.fuse || !matches!(options.kernels, Kernels::Fast(_)) {
        return drafts;
    }
    // With as many images as threads each image is run on one thread.
    let threads = options.threads.max(1);
    let share = if options.batch >= threads { 1 } else { threads };
    lower::group(drafts, share, threads)
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

/// Bytes that the packed weights have at most: channels are rounded up to whole vectors.
fn weight_bytes(graph: &Graph) -> usize {
    let padded = |shape: Shape| {
        let channels = shape.channels().max(1);
        (shape.elements() / channels).saturating_mul(whole_lines(channels))
    };
    let floats = graph
        .parameters()
        .iter()
        .map(|spec| padded(spec.shape))
        .fold(0, usize::saturating_add);
    floats.saturating_mul(size_of::<f32>())
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

/// The place of every value.
struct Layout {
    places: Vec<Place>,
    image_floats: usize,
    rows_floats: usize,
}

impl Layout {
    /// Bytes of a workspace of so many lanes, each for so many images.
    fn workspace(&self, lanes: usize, lane_images: usize) -> usize {
        let lane = self.rows_floats.saturating_mul(lane_images);
        let lane = lane.saturating_add(self.image_floats);
        lane.saturating_mul(lanes).saturating_mul(size_of::<f32>())
    }

    fn of(drafts: &Drafts) -> Self {
        let Drafts {
            steps,
            sizes,
            outputs,
        } = drafts;
        // A value that any step of the rows touches lives with the rows; all others with the image.
        let mut in_rows = vec![false; sizes.len()];
        for step in steps.iter().filter(|step| step.phase == Phase::Rows) {
            for value in step.reads.iter().chain([&step.write]) {
                in_rows[value.0] = true;
            }
        }
        let image_steps = steps
            .iter()
            .filter(|step| step.phase == Phase::Image)
            .count();
        let mut lifetimes: Vec<Option<Lifetime>> = vec![None; sizes.len()];
        let mut touch = |value: ValueId, time: usize| {
            let size = sizes[value.0];
            let fresh = Lifetime {
                size,
                first: time,
                last: time,
            };
            let lifetime = lifetimes[value.0].get_or_insert(fresh);
            lifetime.first = lifetime.first.min(time);
            lifetime.last = lifetime.last.max(time);
        };
        // Time runs through the steps of the image; then, for the rows, on through theirs. The
        // images of a lane follow each other, so a row that an image makes lives from the start.
        let (mut image_time, mut rows_time) = (0, image_steps);
        for Draft {
            phase,
            reads,
            write,
            scratch,
            ..
        } in steps
        {
            let time = match phase {
                Phase::Image => &mut image_time,
                Phase::Rows => &mut rows_time,
            };
            for &value in reads.iter().chain([write]).chain(scratch) {
                touch(value, *time);
                if in_rows[value.0] && *phase == Phase::Image {
                    touch(value, 0);
                    touch(value, image_steps);
                }
            }
            *time += 1;
        }
        for &value in outputs {
            touch(
                value,
                if in_rows[value.0] {
                    steps.len()
                } else {
                    image_steps
                },
            );
        }
        let arrange = |rows: bool| {
            let chosen = |&value: &usize| value != INPUT.0 && in_rows[value] == rows;
            let values: Vec<usize> = (0..sizes.len())
                .filter(chosen)
                .filter(|&value| lifetimes[value].is_some())
                .collect();
            let living: Vec<Lifetime> = values
                .iter()
                .filter_map(|&value| lifetimes[value])
                .collect();
            let (offsets, total) = arena::place(&living);
            (values, offsets, total)
        };
        let mut places = vec![Place::Input; sizes.len()];
        let (values, offsets, image_floats) = arrange(false);
        for (value, start) in values.into_iter().zip(offsets) {
            places[value] = Place::Image {
                start,
                size: sizes[value],
            };
        }
        let (values, offsets, rows_floats) = arrange(true);
        for (value, start) in values.into_iter().zip(offsets) {
            places[value] = Place::Rows {
                start,
                size: sizes[value],
            };
        }
        Layout {
            places,
            image_floats,
            rows_floats,
        }
    }

    fn place(&self, value: ValueId) -> Place {
        self.places[value.0]
    }
}
