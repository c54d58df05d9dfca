//! Training plans: a network lowered for training, its memory, and one step of it.
use crate::arena::whole_lines;
use crate::bind::training::{bind, scratch};
use crate::execute::{At, BoundStep, Place, Times, medians, run_steps};
use crate::layout::Layout;
use crate::lower::{ForTraining, for_training};
use crate::operation::Batch;
use crate::plan::check_parameters;
use crate::work::{Item, Phase};
use crate::{EngineError, LeastMemory, Loss, Plan, StepTime, Targets};
use graph::{Graph, ParameterSpec};
use kernels::Isa;
use std::collections::HashSet;
use std::ops::Range;
use tensor::{AlignedBuffer, NamedTensors, Pool, Shape, Tensor};

/// Most values that one step reads and writes together.
const MOST_VALUES: usize = 16;

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

    fn refuse_above(&self, limit: Option<usize>) -> Result<(), EngineError> {
        match limit {
            Some(limit) if self.total() > limit => Err(EngineError::Memory {
                needed: self.total(),
                weights: self.parameters,
                working: self.gradients.saturating_add(self.working),
                limit,
            }),
            _ => Ok(()),
        }
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
    steps: Vec<BoundStep>,
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
        let ForTraining {
            mut lowered,
            classes,
            trained,
        } = for_training(graph, &options.frozen);
        if trained.is_empty() {
            return Err(EngineError::NothingTrained);
        }
        lowered.add_scratch(|work| scratch(work, options.isa, threads));
        let block = Block::of(graph, &trained);
        let layout = Layout::of(&lowered, batch, block.floats);
        let memory = block.memory(&layout);
        memory.refuse_above(options.memory_limit)?;
        let place = |item| match item {
            Item::Value(value) => layout.place(value),
            Item::Parameter(number) => Place::fixed(&block.parameters[number].values),
            Item::Gradient(number) => {
                let gradient = block.parameters[number].gradient.as_ref();
                Place::fixed(gradient.expect("a trained parameter has a gradient"))
            }
        };
        let steps = lowered.steps.into_iter().map(|step| {
            let operation = bind(&step.work, options.isa, threads);
            let kind = step.work.kind();
            BoundStep::new(step, kind, operation, place)
        });
        let steps: Vec<BoundStep> = steps.collect();
        let (given, results) = (&lowered.given, lowered.outputs[0]);
        Ok(TrainingPlan {
            steps,
            gradients: block.gradients.clone(),
            targets: [given[0], given[1]].map(|value| layout.place(value)),
            results: layout.place(results),
            parameters: block.parameters,
            classes,
            input_shape,
            batch,
            loss: options.loss.clone(),
            memory,
        })
    }
}

/// The block of memory of a state, as far as it is the same for every batch: parameters, then
/// gradients. What a step works in follows.
struct Block {
    parameters: Vec<Parameter>,
    gradients: Range<usize>,
    /// f32 of all of it.
    floats: usize,
}

impl Block {
    /// With gradients for the parameters of these numbers.
    fn of(graph: &Graph, trained: &[usize]) -> Self {
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
        let start = take(0).start;
        for &number in trained {
            let size = parameters[number].spec.shape.elements();
            parameters[number].gradient = Some(take(size));
        }
        let floats = take(0).start;
        Block {
            parameters,
            gradients: start..floats,
            floats,
        }
    }

    /// With the values of a layout.
    fn memory(&self, layout: &Layout) -> TrainingMemory {
        let bytes = |floats: usize| floats.saturating_mul(size_of::<f32>());
        TrainingMemory {
            parameters: bytes(self.gradients.start),
            gradients: bytes(self.gradients.len()),
            working: bytes(layout.floats),
        }
    }
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
        let mut times: Times = vec![Vec::new(); self.steps.len()];
        for _ in 0..rounds.max(1) {
            self.run(pool, state, input, targets, options, Some(&mut times))?;
        }
        Ok(medians(&self.steps, times))
    }

    fn run(
        &self,
        pool: &Pool,
        state: &mut TrainingState,
        input: &[f32],
        targets: Targets<'_>,
        options: StepOptions,
        mut times: Option<&mut Times>,
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
        let at = At {
            images,
            image: None,
        };
        let memory = &mut state.memory[..];
        assert_eq!(
            memory.len(),
            self.memory.total() / size_of::<f32>(),
            "a state of this plan"
        );
        let [shares, weights] = memory
            .get_disjoint_mut(self.targets.map(|place| place.range(at)))
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
        let steps = run_steps::<MOST_VALUES>;
        let phase = Phase::Batch;
        steps(
            &self.steps,
            phase,
            at,
            pool,
            batch,
            memory,
            input,
            &mut times,
        );
        let results = &memory[self.results.range(at)];
        let (losses, right) = results.split_at(images);
        let total: f64 = losses.iter().map(|&loss| f64::from(loss)).sum();
        Ok(StepResult {
            loss: (total / images as f64) as f32,
            correct: right.iter().filter(|&&right| right > 0.0).count(),
        })
    }
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
            self.memory[parameter.values.clone()].copy_from_slice(&values);
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

    /// The names and shapes of the parameters that are trained, in the graph's order.
    pub fn trained(&self) -> impl Iterator<Item = (&str, Shape)> {
        self.parameters
            .iter()
            .filter(|parameter| parameter.gradient.is_some())
            .map(|parameter| (&*parameter.spec.name, parameter.spec.shape))
    }
}
