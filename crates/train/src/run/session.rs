//! The network under training: a step at a time, its learning rate, and how good it is on the
//! validation examples.
use super::source::{Batch, Batches};
use crate::evaluate::score;
use crate::recipe::Recipe;
use crate::{Descent, Progress, Schedule, TrainError};
use engine::{Plan, PlanOptions, StepOptions, StepResult, Targets, TrainingPlan, TrainingState};
use graph::Graph;
use package::softmax;
use std::collections::HashMap;
use tensor::{NamedTensors, Pool, Tensor};

/// The network under training.
pub(super) struct Session {
    /// Of the stage.
    recipe: Recipe,
    graph: Graph,
    plan: TrainingPlan,
    state: TrainingState,
    descent: Descent,
    schedule: Box<dyn Schedule>,
    pool: Pool,
    /// How the validation examples are looked at.
    validation: PlanOptions,
    /// Steps of the optimiser in an epoch.
    epoch_steps: u64,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    /// The epoch, counted from 0.
    pub epoch: u32,
    /// The batch of the epoch, counted from 0.
    pub batch: usize,
    /// Batches of the epoch.
    pub batches: usize,
    /// Batches done in all.
    pub done: u32,
}

impl At {
    /// Whether the optimiser moves after this batch, of which `group` make a step.
    pub fn ends_group(self, group: usize) -> bool {
        (self.batch + 1).is_multiple_of(group) || self.batch + 1 == self.batches
    }
}

impl Session {
    /// A network with its initial values; an epoch has so many batches.
    pub fn new(
        recipe: &Recipe,
        graph: Graph,
        plan: TrainingPlan,
        initial: &NamedTensors,
        validation: PlanOptions,
        batches: usize,
    ) -> Result<Self, TrainError> {
        let options = &recipe.train;
        let state = plan.state(&graph, initial)?;
        let mut descent = Descent::new(&recipe.optimizer, &state)?;
        let epoch_steps = (batches as u64).div_ceil(u64::from(options.accumulate));
        descent.expect_steps(epoch_steps * u64::from(options.epochs));
        if let Some(decay) = recipe.optimizer.layer_decay {
            let depths = depths(&graph);
            descent.scale_rates(|name| {
                let layer = name.rsplit_once('/').map_or(name, |(layer, _)| layer);
                decay.powi(depths.get(layer).copied().unwrap_or_default())
            });
        }
        Ok(Session {
            descent,
            schedule: recipe.schedule.build()?,
            pool: Pool::new(validation.threads),
            epoch_steps,
            recipe: recipe.clone(),
            graph,
            plan,
            state,
            validation,
        })
    }

    /// Goes on from what a checkpoint kept after so many steps of the optimiser.
    pub fn resume(
        &mut self,
        steps: u64,
        schedule: &[f64],
        tensors: &NamedTensors,
    ) -> Result<(), TrainError> {
        self.state.set_parameters(tensors)?;
        self.descent.resume(steps, tensors)?;
        self.schedule.resume(schedule);
        Ok(())
    }

    /// Begins with other values than the initial ones: what a stage before has kept of these layers.
    pub fn begin_with(&mut self, kept: &NamedTensors) -> Result<(), TrainError> {
        let mut parameters = self.state.parameters();
        for (name, tensor) in &mut parameters {
            if let Some(kept) = kept.get(name) {
                tensor.clone_from(kept);
            }
        }
        Ok(self.state.set_parameters(&parameters)?)
    }

    /// The threads that it computes on.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Steps of the optimiser.
    pub fn steps(&self) -> u64 {
        self.descent.steps()
    }

    /// What the schedule remembers.
    pub fn schedule(&self) -> Vec<f64> {
        self.schedule.kept()
    }

    /// All that a checkpoint must hold: the parameters, and what the optimiser keeps.
    pub fn kept(&self) -> NamedTensors {
        let mut tensors = self.state.parameters();
        tensors.extend(self.descent.kept());
        tensors
    }

    /// The parameters to look at and to keep: the moving averages where there are any.
    pub fn parameters(&self) -> NamedTensors {
        let mut parameters = self.state.parameters();
        for (name, tensor) in self.descent.averages().into_iter().flatten() {
            parameters.insert(name, tensor);
        }
        parameters
    }

    /// Learns from a batch; the optimiser moves where it is the last of its group.
    pub fn step(&mut self, batch: &dyn Batch, at: At) -> Result<StepResult, TrainError> {
        let group = self.recipe.train.accumulate as usize;
        let rate = self.rate_of(self.descent.steps());
        let options = StepOptions {
            seed: self.recipe.train.seed,
            step: at.done,
            scale: 1.0 / in_group(at.batch, at.batches, group) as f32,
            accumulate: !at.batch.is_multiple_of(group),
        };
        let targets = Targets::Shares(batch.targets());
        let (pool, state) = (&self.pool, &mut self.state);
        let result = self
            .plan
            .step(pool, state, batch.values(), targets, options)?;
        let broken = |session: &Self, place| {
            Err(session.not_finite(at.epoch + 1, at.batch + 1, rate, place))
        };
        if !result.loss.is_finite() {
            return broken(self, "loss");
        }
        if at.ends_group(group) {
            let norm = self.descent.apply(&mut self.state, rate);
            if !norm.is_finite() {
                return broken(self, "gradients");
            }
        }
        Ok(result)
    }

    /// The learning rate of the last step.
    pub fn rate(&self) -> f32 {
        self.rate_of(self.descent.steps().saturating_sub(1))
    }

    fn rate_of(&self, step: u64) -> f32 {
        let progress = Progress {
            step,
            steps_per_epoch: self.epoch_steps,
            steps: self.epoch_steps * u64::from(self.recipe.train.epochs),
        };
        self.schedule.rate(self.descent.rate(), progress)
    }

    /// Ends an epoch, counted from 1: these parameters' mean loss and accuracy on the validation
    /// examples, where there are any. `loss` is that of the examples learnt from.
    pub fn end_epoch(
        &mut self,
        epoch: u32,
        loss: f64,
        parameters: &NamedTensors,
        examples: Option<Batches<'_>>,
    ) -> Result<Option<(f64, f64)>, TrainError> {
        let is_finite = |tensor: &Tensor| tensor.stored().all_finite();
        if !parameters.values().all(is_finite) {
            return Err(self.not_finite(epoch, 0, self.rate(), "parameters"));
        }
        let validation = match examples {
            Some(examples) => Some(self.validate(parameters, examples)?),
            None => None,
        };
        let judged = validation.map_or(loss, |(loss, _)| loss);
        if validation.is_some() && !judged.is_finite() {
            return Err(self.not_finite(epoch, 0, self.rate(), "val_loss"));
        }
        self.schedule.epoch_ended(judged as f32);
        Ok(validation)
    }

    /// Mean loss of the validation examples, and their accuracy.
    fn validate(
        &self,
        parameters: &NamedTensors,
        examples: Batches<'_>,
    ) -> Result<(f64, f64), TrainError> {
        let plan = Plan::for_inference(&self.graph, parameters, &self.validation)?;
        let mut workspace = plan.workspace();
        let (mut probabilities, mut labels) = (Vec::new(), Vec::new());
        let classes = self.plan.classes();
        for batch in examples {
            let batch = batch?;
            let logits = plan.infer(&self.pool, &mut workspace, batch.values())?;
            for row in logits[0].values().chunks_exact(classes) {
                if row.iter().any(|logit| !logit.is_finite()) {
                    return Ok((f64::NAN, 0.0));
                }
                probabilities.extend(softmax(row.iter().copied(), 1.0));
            }
            labels.extend_from_slice(batch.classes());
        }
        let scores = score(&probabilities, classes, &labels)?;
        Ok((scores.negative_log_likelihood, scores.top_1.value))
    }

    /// That no number is left, and where that began. `batch` is counted from 1, 0 at an epoch's end.
    fn not_finite(&self, epoch: u32, batch: usize, rate: f32, place: &str) -> TrainError {
        // Forward, the first parameter that is broken is where it began; backward, the last gradient.
        let broken = |values: Option<&[f32]>| {
            values.is_some_and(|values| values.iter().any(|value| !value.is_finite()))
        };
        let names: Vec<&str> = self.state.trained().map(|(name, _)| name).collect();
        let parameter = names.iter().find(|name| broken(self.state.parameter(name)));
        let gradient = || {
            let mut last_first = names.iter().rev();
            last_first.find(|name| broken(self.state.gradient(name)))
        };
        let found = parameter.or_else(gradient).map(|name| (*name).to_owned());
        TrainError::NotFinite {
            epoch,
            batch,
            rate,
            place: found.unwrap_or_else(|| place.to_owned()),
        }
    }
}

/// The parameters to look at among what [`Session::kept`] gave: the moving averages where there are any.
pub(super) fn parameters_of(kept: &NamedTensors) -> NamedTensors {
    let parameters = kept.iter().filter(|(name, _)| !name.contains(':'));
    let looked_at = |(name, tensor): (&String, &Tensor)| {
        let average = kept.get(&Descent::average_name(name));
        (name.clone(), average.unwrap_or(tensor).clone())
    };
    parameters.map(looked_at).collect()
}

/// For each layer how many layers with a kernel stand between it and the output.
fn depths(graph: &Graph) -> HashMap<String, i32> {
    let mut depths = HashMap::new();
    let mut depth = 0;
    let ids: Vec<_> = graph.ids().collect();
    for &id in ids.iter().rev() {
        let parameters = graph.node_parameters(id);
        depths.insert(graph.node(id).name().to_owned(), depth);
        depth += i32::from(parameters.iter().any(|spec| spec.name.ends_with("/kernel")));
    }
    depths
}

/// Batches that make one step with batch `place` of an epoch of so many: `group`, fewer at its end.
pub(super) fn in_group(place: usize, batches: usize, group: usize) -> usize {
    group.min(batches - (place - place % group))
}
