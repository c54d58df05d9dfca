//! A trial that somebody works on.
use super::{Study, Trial, TrialState};
use crate::error::Error;
use crate::samplers::{self, Asked, Sampler};
use crate::space::{Assignment, Space};
use crate::storage::{Held, TrialChange};
use crate::{pruners::Judged, pruners::Pruner};
use serde_json::Value;

/// A trial that this process works on. Dropped without an end, it waits for the next worker.
#[derive(Debug)]
pub struct ActiveTrial {
    study: Study,
    trial: Trial,
    held: Held,
    /// What was reported and could not be written yet.
    pending: Vec<TrialChange>,
    ended: bool,
}

impl ActiveTrial {
    pub(super) fn new(study: &Study, trial: Trial, writer: i64) -> Self {
        let held = Held {
            trial: trial.id,
            writer,
        };
        study.storage().live_trial(held);
        ActiveTrial {
            study: study.clone(),
            trial,
            held,
            pending: Vec::new(),
            ended: false,
        }
    }

    /// What is known of it.
    pub fn trial(&self) -> &Trial {
        &self.trial
    }

    /// Gives it its parameters, where it has none yet: those that a person asked for, and the sampler's.
    /// Whether it has them; a sampler may have nothing left.
    pub fn sample(&mut self, space: &Space, sampler: &Sampler, seed: u64) -> Result<bool, Error> {
        let whole = space.assign(|parameter| {
            let known = self.trial.parameters.get(&parameter.name);
            known.map_or(f64::NAN, |(_, value)| *value)
        });
        if whole.values().all(|value| !value.is_nan()) {
            return Ok(true);
        }
        let (number, directions) = (self.trial.number, self.study.directions());
        let sampled = self.study.with_trials(|trials| {
            let others: Vec<&Trial> = trials
                .iter()
                .filter(|trial| trial.number != number)
                .collect();
            (sampler.sample)(&Asked {
                space,
                directions,
                trials: &others,
                seed,
                number,
            })
        })?;
        let Some(sampled) = sampled else {
            return Ok(false);
        };
        let wanted = self.trial.wanted();
        let mut random = samplers::random(seed, number);
        let assignment = space.assign(|parameter| {
            let kind = &parameter.distribution;
            let name = &parameter.name;
            let known = self.trial.parameters.get(name).map(|(_, value)| *value);
            known
                .or_else(|| kind.internal(wanted.get(name)?))
                .or_else(|| sampled.get(name).copied())
                .unwrap_or_else(|| kind.quantile(random.uniform_f64()))
        });
        self.assign(space, &assignment)?;
        Ok(true)
    }

    /// Gives it these parameters.
    pub fn assign(&mut self, space: &Space, assignment: &Assignment) -> Result<(), Error> {
        for parameter in space.parameters() {
            let Some(&value) = assignment.get(&parameter.name) else {
                continue;
            };
            let (name, distribution) = (parameter.name.clone(), parameter.distribution.clone());
            let setting = (distribution.clone(), value);
            self.trial.parameters.insert(name.clone(), setting);
            self.pending.push(TrialChange::Parameter {
                name,
                distribution,
                value,
            });
        }
        self.write(None)
    }

    /// Reports a value on the way. What cannot be written now is written with the next report.
    pub fn report(&mut self, step: i64, value: f64) -> Result<(), Error> {
        self.trial.reported.insert(step, value);
        self.pending.push(TrialChange::Reported { step, value });
        self.write(None)
    }

    /// Whether it is so far behind the others that it should end here.
    pub fn is_hopeless(&self, pruner: &Pruner) -> Result<bool, Error> {
        let Some((&step, _)) = self.trial.reported.last_key_value() else {
            return Ok(false);
        };
        let Some(&direction) = self.study.directions().first() else {
            return Ok(false);
        };
        self.study.with_trials(|trials| {
            let others: Vec<&Trial> = (trials.iter())
                .filter(|trial| trial.number != self.trial.number)
                .collect();
            pruner.prunes(&Judged {
                direction,
                trials: &others,
                reported: &self.trial.reported,
                step,
            })
        })
    }

    /// Notes a fact; one of the same key is replaced.
    pub fn note(&mut self, key: &str, value: Value) -> Result<(), Error> {
        let key = key.to_owned();
        self.trial.attributes.insert(key.clone(), value.clone());
        self.pending.push(TrialChange::Attribute { key, value });
        self.write(None)
    }

    /// Says by how much it exceeds what it may take; samplers avoid what is like it.
    pub fn exceeds(&mut self, excess: f64) -> Result<(), Error> {
        let (key, value) = (
            super::trial::CONSTRAINTS.to_owned(),
            serde_json::json!([excess]),
        );
        self.trial.system.insert(key.clone(), value.clone());
        self.pending.push(TrialChange::System { key, value });
        self.write(None)
    }

    /// Ends it. `values` are those of the study's objectives; none where it did not come so far.
    pub fn finish(mut self, state: TrialState, values: &[f64]) -> Result<(), Error> {
        self.end(state, values.to_vec())
    }

    /// Gives it back: it waits for the next worker, who goes on with it.
    pub fn release(mut self) -> Result<(), Error> {
        self.end(TrialState::Waiting, Vec::new())
    }

    fn end(&mut self, state: TrialState, values: Vec<f64>) -> Result<(), Error> {
        self.ended = true;
        self.study.storage().rest_trial(self.held);
        self.write(Some(TrialChange::End { state, values }))
    }

    /// Writes what is pending and `last` as a whole, if the trial is still ours; `last` is not tried
    /// again.
    fn write(&mut self, last: Option<TrialChange>) -> Result<(), Error> {
        let reported = self.pending.len();
        self.pending.extend(last);
        let storage = self.study.storage().studied();
        let written = storage.write_trial(self.held, &self.pending);
        let left = if written.is_ok() { 0 } else { reported };
        self.pending.truncate(left);
        written
    }
}

impl Drop for ActiveTrial {
    fn drop(&mut self) {
        if !self.ended {
            // There is nobody to tell; without this write the missing signs of life say the same.
            let _ = self.end(TrialState::Waiting, Vec::new());
        }
    }
}
