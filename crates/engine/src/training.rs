//! Training plans: a network lowered for training, its memory, and one step of it.
use crate::arena::{self, Lifetime, whole_lines};
use crate::bind::training::operation::{Batch, Operation, Run};
use crate::lower::training::{Draft, Drafts, Item, Size, ValueId, for_training};
use crate::plan::check_parameters;
use crate::{EngineError, LeastMemory, Loss, Plan, StepTime, Targets};
use graph::{Graph, ParameterSpec};
use kernels::Isa;
use std::collections::HashSet;
use std::ops::Range;
use std::time::{Duration, Instant};
use tensor::{AlignedBuffer, NamedTensors, Pool, Shape, Tensor};

/// Most values that one step reads and writes together.
const MOST_ITEMS: usize = 20;

/// What a training plan is made for.
#[derive(Clone, Debug)]
pub struct TrainingOptions {
    /// The instructions of its kernels.
    pub isa: Isa,
    /// Images of a step at most; fewer may be given (the last batch of an epoch).
    pub batch: usize,
    /// Threads of the pools that it will run on.
    pub threads: usize,
    /// The layers, by name, that are not trained: their parameters stay, and their batch norms use
    /// the moving statistics and leave them. Below the lowest layer that is trained no gradient is
    /// computed.
    pub frozen: HashSet<String>,
    /// What is lowered.
    pub loss: Loss,
    /// Bytes that all of it may have together.
    pub memory_limit: Option<usize>,
}

impl Default for TrainingOptions {
    /// The fastest kernels, batches of 32 on one thread, all layers trained, without a limit.
    fn default() -> Self {
        TrainingOptions {
            isa: Isa::best(),
            batch: 32,
            threads: 1,
            frozen: HashSet::new(),
            loss: Loss::default(),
            memory_limit: None,
        }
    }
}

/// Bytes that a training needs, known before any of it is taken. What an optimiser keeps comes on
/// top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainingMemory {
    /// The parameters, moving statistics among them.
    pub parameters: usize,
    /// The gradients of those that are trained.
    pub gradients: usize,
    /// What a step keeps and works in.
    pub working: usize,
}

impl TrainingMemory {
    /// All together.
    pub fn total(&self) -> usize {
        self.parameters
            .saturating_add(self.gradients)
            .saturating_add(self.working)
    }
}

/// One step of the optimiser, or one of the batches whose gradients it adds up.
#[derive(Clone, Copy, Debug)]
pub struct StepOptions {
    /// The seed of the dropouts.
    pub seed: u64,
    /// The number of this batch in the whole training, counted from 0: with the seed it decides what
    /// is dropped.
    pub step: u32,
    /// What the gradients are multiplied by: 1, or 1 / batches where those of several are added up.
    pub scale: f32,
    /// Whether the gradients are added to those that are there, rather than put in their place.
    pub accumulate: bool,
}

/// What a step gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepResult {
    /// The mean of the photos' losses.
    pub loss: f32,
    /// The photos whose largest logit is that of the largest target share.
    pub correct: usize,
}

/// Where f32 of a state lie, for a batch of any size up to the plan's.
#[derive(Clone, Copy, Debug)]
enum Place {
    Input,
    Memory { start: usize, size: Size },
}

impl Place {
    fn range(&self, images: usize) -> Range<usize> {
        match *self {
            Place::Input => 0..0,
            Place::Memory { start, size } => start..start + size.fixed + size.each * images,
        }
    }
}

#[derive(Debug)]
struct Step {
    name: String,
    kind: &'static str,
    operation: Box<dyn Operation>,
    reads: Vec<Place>,
    writes: Vec<Place>,
}

/// One parameter of a training plan.
#[derive(Clone, Debug)]
struct Parameter {
    spec: ParameterSpec,
    values: Range<usize>,
    /// Where its gradient is, if it is trained.
    gradient: Option<Range<usize>>,
}

/// A network ready to be trained: its steps in order, the place of every value fixed. What changes is
/// in a [`TrainingState`].
#[derive(Debug)]
pub struct TrainingPlan {
    steps: Vec<Step>,
    parameters: Vec<Parameter>,
    gradients: Range<usize>,
    targets: [Place; 2],
    results: Place,
    classes: usize,
    input_shape: Shape,
    batch: usize,
    loss: Loss,
    memory: TrainingMemory,
}

/// Parameters, gradients, and the memory that steps work in: one block. Belongs to the plan that made
/// it.
#[derive(Debug)]
pub struct TrainingState {
    memory: AlignedBuffer,
    parameters: Vec<Parameter>,
}

/// A parameter that is trained, with its gradient.
#[derive(Debug)]
pub struct Trained<'a> {
    /// `layer/kernel` and the like.
    pub name: &'a str,
    /// See [`graph::Op`] for the layout.
    pub shape: Shape,
    /// Its values.
    pub values: &'a mut [f32],
    /// The loss's derivative by them.
    pub gradient: &'a mut [f32],
}

impl Plan {
    /// Lowers a graph for training. Its output are the logits of the classes, or their softmax.
    ///
    /// # Errors
    /// A graph without nodes or with an output that is no row of logits, layers to be frozen that are
    /// not there, nothing to train, and more memory than the limit allows; none of it is taken yet.
    pub fn for_training(
        graph: &Graph,
        options: &TrainingOptions,
    ) -> Result<TrainingPlan, EngineError> {
        let input_shape = graph.input_shape().ok_or(EngineError::Empty)?;
        if let Some(name) = options
            .frozen
            .iter()
            .find(|name| graph.find(name).is_none())
        {
            return Err(EngineError::UnknownOutput { name: name.clone() });
        }
        let output = graph.node(graph.outputs()[0]);
        if output.shape().rank() != 1 {
            return Err(EngineError::Logits {
                name: output.name().to_owned(),
                shape: output.shape(),
            });
        }
        let classes = output.shape().channels();
        let weights = options.loss.class_weights.len();
        if weights != 0 && weights != classes {
            return Err(EngineError::ClassWeights {
                given: weights,
                classes,
            });
        }
        let threads = options.threads.max(1);
        let batch = options.batch.max(1);
        LeastMemory::for_training(graph, batch, &options.frozen, 0).check(options.memory_limit)?;
        let drafts = for_training(graph, options.isa, threads, &options.frozen);
        if drafts.trained.is_empty() {
            return Err(EngineError::NothingTrained);
        }
        let most = |draft: &&Draft| draft.reads.len() + draft.writes.len() > MOST_ITEMS;
        if let Some(draft) = drafts.steps.iter().find(most) {
            return Err(EngineError::TooManyInputs {
                name: draft.name.clone(),
            });
        }
        let mut at = 0usize;
        let mut take = |size: usize| {
            let range = at..at.saturating_add(size);
            at = at.saturating_add(whole_lines(size));
            range
        };
        let mut parameters: Vec<Parameter> = graph
            .parameters()
            .into_iter()
            .map(|spec| Parameter {
                values: take(spec.shape.elements()),
                gradient: None,
                spec,
            })
            .collect();
        let gradients_start = take(0).start;
        for &number in &drafts.trained {
            let size = parameters[number].spec.shape.elements();
            parameters[number].gradient = Some(take(size));
        }
        let working_start = take(0).start;
        let (places, working) = arrange(&drafts, batch, working_start);
        let bytes = |floats: usize| floats.saturating_mul(size_of::<f32>());
        let memory = TrainingMemory {
            parameters: bytes(gradients_start),
            gradients: bytes(working_start - gradients_start),
            working: bytes(working),
        };
        if let Some(limit) = options.memory_limit
            && memory.total() > limit
        {
            return Err(EngineError::Memory {
                needed: memory.total(),
                weights: memory.parameters,
                working: memory.gradients.saturating_add(memory.working),
                limit,
            });
        }
        let fixed = |range: &Range<usize>| Place::Memory {
            start: range.start,
            size: Size {
                fixed: range.len(),
                each: 0,
            },
        };
        let place = |item: &Item| match *item {
            Item::Input => Place::Input,
            Item::Value(value) => places[value.0],
            Item::Parameter(number) => fixed(&parameters[number].values),
            Item::Gradient(number) => {
                let gradient = &parameters[number].gradient;
                fixed(
                    gradient
                        .as_ref()
                        .expect("a trained parameter has a gradient"),
                )
            }
        };
        let steps = drafts.steps.into_iter().map(|draft| {
            let Draft {
                name,
                kind,
                operation,
                reads,
                writes,
            } = draft;
            Step {
                name,
                kind,
                operation,
                reads: reads.iter().map(place).collect(),
                writes: writes.iter().map(place).collect(),
            }
        });
        Ok(TrainingPlan {
            steps: steps.collect(),
            gradients: gradients_start..working_start,
            targets: drafts.targets.map(|value| places[value.0]),
            results: places[drafts.results.0],
            parameters,
            classes: drafts.classes,
            input_shape,
            batch,
            loss: options.loss.clone(),
            memory,
        })
    }
}

/// The place of every value, and the f32 of all together.
fn arrange(drafts: &Drafts, batch: usize, start: usize) -> (Vec<Place>, usize) {
    let size = |value: ValueId| {
        let size = drafts.sizes[value.0];
        size.each.saturating_mul(batch).saturating_add(size.fixed)
    };
    let mut lifetimes: Vec<Lifetime> = (0..drafts.sizes.len())
        .map(|value| Lifetime {
            size: size(ValueId(value)),
            first: usize::MAX,
            last: 0,
        })
        .collect();
    let mut touch = |value: ValueId, time: usize| {
        let lifetime = &mut lifetimes[value.0];
        lifetime.first = lifetime.first.min(time);
        lifetime.last = lifetime.last.max(time);
    };
    for (time, step) in drafts.steps.iter().enumerate() {
        for item in step.reads.iter().chain(&step.writes) {
            if let Item::Value(value) = *item {
                touch(value, time);
            }
        }
    }
    for value in drafts.targets {
        touch(value, 0);
    }
    touch(drafts.results, drafts.steps.len());
    for lifetime in &mut lifetimes {
        lifetime.first = lifetime.first.min(lifetime.last);
    }
    let (offsets, total) = arena::place(&lifetimes);
    let places = offsets
        .into_iter()
        .zip(&drafts.sizes)
        .map(|(offset, &size)| Place::Memory {
            start: start + offset,
            size,
        });
    (places.collect(), total)
}

impl TrainingPlan {
    /// What it needs.
    pub fn memory(&self) -> TrainingMemory {
        self.memory
    }

    /// The shape of one input image, `[H, W, C]`.
    pub fn input_shape(&self) -> Shape {
        self.input_shape
    }

    /// Images of a step at most.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Classes of the logits.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The memory of a training that starts from these parameters.
    ///
    /// # Errors
    /// Parameters that are missing or have the wrong shape.
    pub fn state(
        &self,
        graph: &Graph,
        parameters: &NamedTensors,
    ) -> Result<TrainingState, EngineError> {
        check_parameters(graph, parameters)?;
        let mut state = TrainingState {
            memory: AlignedBuffer::zeroed(self.memory.total() / size_of::<f32>()),
            parameters: self.parameters.clone(),
        };
        state.set_parameters(parameters)?;
        Ok(state)
    }

    /// One step on `input` (`[N, H, W, C]`, N up to [`TrainingPlan::batch`]): the loss, and the
    /// gradients in the state. The parameters stay, but for the moving statistics; an optimiser then
    /// changes them by [`TrainingState::trained`]. Allocates nothing.
    ///
    /// The result is the same for the same numbers and the same threads of the pool.
    ///
    /// # Errors
    /// Lengths that do not agree, or a class that is not there.
    ///
    /// # Panics
    /// With a state of another plan.
    pub fn step(
        &self,
        pool: &Pool,
        state: &mut TrainingState,
        input: &[f32],
        targets: Targets<'_>,
        options: StepOptions,
    ) -> Result<StepResult, EngineError> {
        self.run(pool, state, input, targets, options, None)
    }

    /// The time of each step: medians over `rounds` runs, which leave the gradients of the last.
    ///
    /// # Errors
    /// As [`TrainingPlan::step`].
    pub fn profile(
        &self,
        pool: &Pool,
        state: &mut TrainingState,
        input: &[f32],
        targets: Targets<'_>,
        rounds: usize,
    ) -> Result<Vec<StepTime>, EngineError> {
        let options = StepOptions {
            seed: 0,
            step: 0,
            scale: 1.0,
            accumulate: false,
        };
        let mut times: Vec<Vec<Duration>> = vec![Vec::new(); self.steps.len()];
        for _ in 0..rounds.max(1) {
            self.run(pool, state, input, targets, options, Some(&mut times))?;
        }
        let step_time = |(step, mut times): (&Step, Vec<Duration>)| {
            times.sort_unstable();
            StepTime {
                name: step.name.clone(),
                kind: step.kind,
                time: times[times.len() / 2],
                multiply_adds: 0,
            }
        };
        Ok(self.steps.iter().zip(times).map(step_time).collect())
    }

    fn run(
        &self,
        pool: &Pool,
        state: &mut TrainingState,
        input: &[f32],
        targets: Targets<'_>,
        options: StepOptions,
        mut times: Option<&mut Vec<Vec<Duration>>>,
    ) -> Result<StepResult, EngineError> {
        let image = self.input_shape.elements();
        let images = input.len() / image;
        if images == 0 || images > self.batch || !input.len().is_multiple_of(image) {
            return Err(EngineError::Batch {
                given: input.len(),
                image,
                batch: self.batch,
            });
        }
        if !targets.fit(images, self.classes) {
            return Err(EngineError::Targets {
                images,
                classes: self.classes,
            });
        }
        let memory = &mut state.memory[..];
        assert_eq!(
            memory.len(),
            self.memory.total() / size_of::<f32>(),
            "a state of this plan"
        );
        let [shares, weights] = memory
            .get_disjoint_mut(self.targets.map(|place| place.range(images)))
            .expect("two values that live together");
        self.loss.prepare(self.classes, targets, shares, weights);
        if !options.accumulate {
            memory[self.gradients.clone()].fill(0.0);
        }
        let batch = Batch {
            seed: options.seed,
            step: options.step,
            scale: options.scale / images as f32,
        };
        for (index, step) in self.steps.iter().enumerate() {
            let start = times.is_some().then(Instant::now);
            run_step(pool, step, images, batch, memory, input);
            if let (Some(start), Some(times)) = (start, times.as_deref_mut()) {
                times[index].push(start.elapsed());
            }
        }
        let results = &memory[self.results.range(images)];
        let (losses, right) = results.split_at(images);
        let total: f64 = losses.iter().map(|&loss| f64::from(loss)).sum();
        Ok(StepResult {
            loss: (total / images as f64) as f32,
            correct: right.iter().filter(|&&right| right > 0.0).count(),
        })
    }
}

fn run_step(
    pool: &Pool,
    step: &Step,
    images: usize,
    batch: Batch,
    memory: &mut [f32],
    input: &[f32],
) {
    // Each value once: a product of a value with itself reads it twice.
    let count = step.reads.len();
    let mut ranges: [Range<usize>; MOST_ITEMS] = Default::default();
    let mut first_same = [0; MOST_ITEMS];
    for (index, place) in step.reads.iter().enumerate() {
        let range = place.range(images);
        let same = ranges[..index].iter().position(|earlier| *earlier == range);
        first_same[index] = same.unwrap_or(index);
        if same.is_none() {
            ranges[index] = range;
        }
    }
    for (index, place) in step.writes.iter().enumerate() {
        ranges[count + index] = place.range(images);
    }
    let mut slices = memory
        .get_disjoint_mut(ranges)
        .expect("values that live together have places of their own");
    let (stored, rest) = slices.split_at_mut(count);
    let mut reads: [&[f32]; MOST_ITEMS] = [&[]; MOST_ITEMS];
    for (index, place) in step.reads.iter().enumerate() {
        reads[index] = match place {
            Place::Input => input,
            Place::Memory { .. } => &*stored[first_same[index]],
        };
    }
    step.operation.run(Run {
        pool,
        images,
        reads: &reads[..count],
        writes: &mut rest[..step.writes.len()],
        batch,
    });
}

impl TrainingState {
    /// The parameters as they are now, moving statistics among them, in the graph's order.
    pub fn parameters(&self) -> NamedTensors {
        self.parameters
            .iter()
            .map(|parameter| {
                let values = &self.memory[parameter.values.clone()];
                let tensor = Tensor::from_slice(parameter.spec.shape, values);
                (
                    parameter.spec.name.clone(),
                    tensor.expect("the parameter's own shape"),
                )
            })
            .collect()
    }

    /// Puts other values in the parameters' place.
    ///
    /// # Errors
    /// Parameters that are missing or have the wrong shape; nothing is changed then.
    pub fn set_parameters(&mut self, parameters: &NamedTensors) -> Result<(), EngineError> {
        for Parameter { spec, .. } in &self.parameters {
            crate::plan::check_parameter(spec, parameters)?;
        }
        for parameter in &self.parameters {
            let values = parameters[&parameter.spec.name].values();
            self.memory[parameter.values.clone()].copy_from_slice(values);
        }
        Ok(())
    }

    /// The values of one parameter, by name.
    pub fn parameter(&self, name: &str) -> Option<&[f32]> {
        let found = self.parameters.iter().find(|p| p.spec.name == name)?;
        Some(&self.memory[found.values.clone()])
    }

    /// The gradient of one parameter, by name; none of those that are not trained.
    pub fn gradient(&self, name: &str) -> Option<&[f32]> {
        let found = self.parameters.iter().find(|p| p.spec.name == name)?;
        Some(&self.memory[found.gradient.clone()?])
    }

    /// Calls `visit(place, parameter)` for each parameter that is trained, in the graph's order.
    pub fn for_each_trained(&mut self, mut visit: impl FnMut(usize, Trained<'_>)) {
        let mut place = 0;
        for parameter in &self.parameters {
            let Some(gradient) = &parameter.gradient else {
                continue;
            };
            let [values, gradient] = self
                .memory
                .get_disjoint_mut([parameter.values.clone(), gradient.clone()])
                .expect("parameters and gradients lie apart");
            let trained = Trained {
                name: &parameter.spec.name,
                shape: parameter.spec.shape,
                values,
                gradient,
            };
            visit(place, trained);
            place += 1;
        }
    }

    /// Calls `visit(name, values)` for each parameter, the moving statistics among them.
    pub fn for_each_parameter(&mut self, mut visit: impl FnMut(&str, &mut [f32])) {
        for parameter in &self.parameters {
            let values = &mut self.memory[parameter.values.clone()];
            visit(&parameter.spec.name, values);
        }
    }

    /// The names and shapes of the parameters that are trained, in the graph's order.
    pub fn trained(&self) -> impl Iterator<Item = (&str, Shape)> {
        self.parameters
            .iter()
            .filter(|parameter| parameter.gradient.is_some())
            .map(|parameter| (&*parameter.spec.name, parameter.spec.shape))
    }
}
