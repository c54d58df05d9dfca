//! An optimiser at work: clipping, weight decay, the update, the moving average, and what it keeps.
use crate::optimizers::{self, Optimizer, OptimizerOptions};
use crate::{TrainError, optimizers::Entry};
use engine::TrainingState;
use tensor::{AlignedBuffer, NamedTensors, Shape, Tensor};

/// An optimiser with what it keeps of each parameter of one training.
pub struct Descent {
    options: OptimizerOptions,
    entry: &'static Entry,
    optimizer: Box<dyn Optimizer>,
    /// Steps done.
    steps: u64,
    /// The step after which all count the same in an average over the last part of them.
    averaged_after: u64,
    parameters: Vec<Kept>,
}

/// What is kept of one parameter.
struct Kept {
    name: String,
    shape: Shape,
    slots: Vec<AlignedBuffer>,
    average: Option<AlignedBuffer>,
    /// Its values at the start, where it is pulled towards them. They are not in a checkpoint: whoever
    /// goes on begins with the same.
    initial: Option<AlignedBuffer>,
    /// What its rate is multiplied by.
    factor: f32,
}

/// Most slots of an optimiser.
const MOST_SLOTS: usize = 3;

impl Descent {
    /// Starts with the parameters that `state` trains, whose values are the initial ones.
    ///
    /// # Errors
    /// Options that do not go together; see [`OptimizerOptions::build`].
    pub fn new(options: &OptimizerOptions, state: &TrainingState) -> Result<Self, TrainError> {
        let optimizer = options.build()?;
        let entry = optimizers::find(&options.name)?;
        let slots = optimizer.slots().len();
        let parameters = state.trained().map(|(name, shape)| {
            let size = shape.elements();
            let initial = options.pull.filter(|pull| *pull > 0.0).map(|_| {
                let mut initial = AlignedBuffer::zeroed(size);
                let values = state.parameter(name).expect("a parameter of this state");
                initial.copy_from_slice(values);
                initial
            });
            let mut kept = Kept {
                name: name.to_owned(),
                shape,
                slots: (0..slots).map(|_| AlignedBuffer::zeroed(size)).collect(),
                average: (options.averages()).then(|| AlignedBuffer::zeroed(size)),
                initial,
                factor: 1.0,
            };
            let first = optimizer.first();
            if first != 0.0 {
                kept.slots.iter_mut().for_each(|slot| slot.fill(first));
            }
            kept
        });
        Ok(Descent {
            parameters: parameters.collect(),
            options: options.clone(),
            entry,
            optimizer,
            steps: 0,
            averaged_after: u64::MAX,
        })
    }

    /// Multiplies the learning rate of each parameter by what is given for its name.
    pub fn scale_rates(&mut self, factor: impl Fn(&str) -> f32) {
        for kept in &mut self.parameters {
            kept.factor = factor(&kept.name);
        }
    }

    /// Says how many steps there will be, of whose last part an equal average may be asked for.
    pub fn expect_steps(&mut self, steps: u64) {
        let part = f64::from(self.options.average_last.unwrap_or(0.0));
        self.averaged_after = steps - ((steps as f64 * part).round() as u64).min(steps);
    }

    /// What a step leaves of the average.
    fn average_share(&self) -> Option<f32> {
        let counted = self.steps.saturating_sub(self.averaged_after);
        match (self.options.average, self.options.average_last) {
            // The first step's values are the average's first.
            (Some(share), _) => Some(if self.steps == 1 { 0.0 } else { share }),
            (None, Some(_)) => Some(1.0 - 1.0 / counted.max(1) as f32),
            (None, None) => None,
        }
    }

    /// The learning rate that was asked for, or the optimiser's own.
    pub fn rate(&self) -> f32 {
        self.options.rate.unwrap_or(self.entry.rate)
    }

    /// Steps done so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Bytes of what is kept.
    pub fn bytes(&self) -> usize {
        let floats = |kept: &Kept| {
            let buffers = kept.slots.iter().chain(&kept.average).chain(&kept.initial);
            buffers.map(|buffer| buffer.len()).sum::<usize>()
        };
        self.parameters.iter().map(floats).sum::<usize>() * size_of::<f32>()
    }

    /// Changes every trained parameter by its gradient, which clipping may change, at this learning
    /// rate. Gives the norm of all gradients together, as it was before clipping; where it is not
    /// finite nothing is changed.
    ///
    /// # Panics
    /// With the state of another plan.
    pub fn apply(&mut self, state: &mut TrainingState, rate: f32) -> f32 {
        let mut squares = 0.0;
        let pull = self.options.pull.unwrap_or(0.0);
        state.for_each_trained(|place, trained| {
            if let Some(initial) = &self.parameters[place].initial {
                let values = trained.values.iter().zip(&initial[..]);
                for (slope, (value, initial)) in trained.gradient.iter_mut().zip(values) {
                    *slope += pull * (value - initial);
                }
            }
            squares += square_sum(trained.gradient);
        });
        let norm = squares.sqrt();
        if !norm.is_finite() {
            return norm as f32;
        }
        self.steps += 1;
        self.optimizer.begin(self.steps, rate);
        let options = &self.options;
        let global = options
            .clip_global_norm
            .map_or(1.0, |most| f64::from(most) / norm.max(f64::from(most)));
        let weight_decay = options.weight_decay.unwrap_or(self.entry.weight_decay);
        let mut begun = 1.0;
        let share = self.average_share();
        state.for_each_trained(|place, trained| {
            let kept = &mut self.parameters[place];
            assert_eq!(kept.name, trained.name, "a state of the same plan");
            if let Some(most) = options.clip_norm {
                let most = f64::from(most);
                scale(
                    trained.gradient,
                    most / square_sum(trained.gradient).sqrt().max(most),
                );
            } else if options.clip_global_norm.is_some() {
                scale(trained.gradient, global);
            } else if let Some(most) = options.clip_value {
                for slope in trained.gradient.iter_mut() {
                    *slope = slope.clamp(-most, most);
                }
            }
            if kept.factor != begun {
                begun = kept.factor;
                self.optimizer.begin(self.steps, rate * begun);
            }
            let decay = weight_decay * rate * kept.factor;
            if decay > 0.0 && (!options.decay_kernels_only || trained.name.ends_with("/kernel")) {
                for value in trained.values.iter_mut() {
                    *value -= *value * decay;
                }
            }
            let mut slots: [&mut [f32]; MOST_SLOTS] = Default::default();
            let count = kept.slots.len();
            for (slot, buffer) in slots.iter_mut().zip(&mut kept.slots) {
                *slot = buffer;
            }
            self.optimizer
                .update(trained.values, trained.gradient, &mut slots[..count]);
            if let (Some(average), Some(share)) = (&mut kept.average, share) {
                for (average, &value) in average.iter_mut().zip(&*trained.values) {
                    *average = share * *average + (1.0 - share) * value;
                }
            }
        });
        norm as f32
    }

    /// The moving averages of the trained parameters, by name; none where none are kept or no step
    /// was done.
    pub fn averages(&self) -> Option<NamedTensors> {
        if self.steps == 0 {
            return None;
        }
        let tensor = |kept: &Kept| {
            let average = kept.average.as_ref()?;
            let tensor = Tensor::new(kept.shape, average.clone()).ok()?;
            Some((kept.name.clone(), tensor))
        };
        self.parameters.iter().map(tensor).collect()
    }

    /// What the moving average of a parameter is called in a checkpoint.
    pub(crate) fn average_name(parameter: &str) -> String {
        format!("{AVERAGE}:{parameter}")
    }

    /// All that it keeps, by `SLOT:PARAMETER`, for a checkpoint.
    pub fn kept(&self) -> NamedTensors {
        let mut all = NamedTensors::new();
        for kept in &self.parameters {
            let slots = self.optimizer.slots().iter().zip(&kept.slots);
            let average = kept.average.iter().map(|average| (&AVERAGE, average));
            for (slot, buffer) in slots.chain(average) {
                let tensor = Tensor::new(kept.shape, buffer.clone());
                let tensor = tensor.expect("a buffer of the parameter's size");
                all.insert(format!("{slot}:{}", kept.name), tensor);
            }
        }
        all
    }

    /// Goes on from a checkpoint: after `steps` steps, with what [`Descent::kept`] gave then.
    ///
    /// # Errors
    /// [`TrainError::Kept`] where a tensor is missing or has another shape; nothing is changed then.
    pub fn resume(&mut self, steps: u64, all: &NamedTensors) -> Result<(), TrainError> {
        for (name, own) in self.kept() {
            if all
                .get(&name)
                .is_none_or(|tensor| tensor.shape() != own.shape())
            {
                return Err(TrainError::Kept { name });
            }
        }
        for kept in &mut self.parameters {
            let slots = self.optimizer.slots().iter().zip(&mut kept.slots);
            let average = kept.average.iter_mut().map(|average| (&AVERAGE, average));
            for (slot, buffer) in slots.chain(average) {
                let name = format!("{slot}:{}", kept.name);
                buffer.copy_from_slice(&all[&name].values());
            }
        }
        self.steps = steps;
        Ok(())
    }
}

/// What a moving average is called in a checkpoint.
const AVERAGE: &str = "average";

fn square_sum(values: &[f32]) -> f64 {
    // Sixteen sums side by side, so that the compiler can use vectors.
    let mut sums = [0f32; 16];
    let mut total = 0f64;
    for block in values.chunks(4096) {
        sums.fill(0.0);
        let (whole, rest) = block.as_chunks::<16>();
        for values in whole {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value * value;
            }
        }
        total += sums.iter().map(|&sum| f64::from(sum)).sum::<f64>();
        total += rest
            .iter()
            .map(|&v| f64::from(v) * f64::from(v))
            .sum::<f64>();
    }
    total
}

fn scale(values: &mut [f32], factor: f64) {
    if factor != 1.0 {
        let factor = factor as f32;
        values.iter_mut().for_each(|value| *value *= factor);
    }
}

impl std::fmt::Debug for Descent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Descent")
            .field("options", &self.options)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}
