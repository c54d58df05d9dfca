//! Studies and trials in the memory of one process.
use super::super::trials::{Held, Studies, TrialChange, TrialClaim, WORKER, WRITER};
use super::super::{locked, now};
use super::Memory;
use crate::error::Error;
use crate::studies::{NewStudy, StudyRow, Trial, TrialState};
use serde_json::Value;
use std::collections::BTreeMap;

/// All studies, in the order in which they began, and the trials of all of them by their ids.
#[derive(Debug, Default)]
pub struct Kept {
    studies: Vec<StudyRow>,
    trials: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    study: i64,
    trial: Trial,
    heartbeat: i64,
}

impl Row {
    fn give(&mut self, writer: i64, worker: &Value, now: i64) -> i64 {
        let trial = &mut self.trial;
        trial.state = TrialState::Running;
        trial.started.get_or_insert(now);
        trial.ended = None;
        trial.system.insert(WRITER.to_owned(), writer.into());
        trial.system.insert(WORKER.to_owned(), worker.clone());
        self.heartbeat = now;
        trial.id
    }

    fn held(&self) -> Option<Held> {
        self.trial.held()
    }

    fn apply(&mut self, change: &TrialChange, now: i64) {
        let trial = &mut self.trial;
        match change.clone() {
            TrialChange::Parameter {
                name,
                distribution,
                value,
            } => drop(trial.parameters.insert(name, (distribution, value))),
            TrialChange::Reported { step, value } => drop(trial.reported.insert(step, value)),
            TrialChange::Attribute { key, value } => drop(trial.attributes.insert(key, value)),
            TrialChange::System { key, value } => drop(trial.system.insert(key, value)),
            TrialChange::End { state, values } => {
                trial.state = state;
                trial.values = values;
                trial.ended = state.is_finished().then_some(now);
                trial.system.remove(WRITER);
            }
        }
    }
}

impl Studies for Memory {
    fn new_study(&self, new: &NewStudy) -> Result<i64, Error> {
        let studies = &mut locked(&self.studies).studies;
        if studies.iter().any(|row| row.name == new.name) {
            return Err(Error::StudyExists {
                study: new.name.clone(),
            });
        }
        let id = studies.len() as i64 + 1;
        studies.push(StudyRow {
            id,
            name: new.name.clone(),
            directions: new.directions.clone(),
            attributes: new.attributes.clone(),
            counts: BTreeMap::new(),
        });
        Ok(id)
    }

    fn studies(&self) -> Result<Vec<StudyRow>, Error> {
        let kept = locked(&self.studies);
        let mut rows = kept.studies.clone();
        for row in &mut rows {
            for trial in kept.trials.iter().filter(|trial| trial.study == row.id) {
                *row.counts.entry(trial.trial.state).or_insert(0) += 1;
            }
        }
        Ok(rows)
    }

    fn note_study(&self, study: i64, key: &str, value: &Value) -> Result<(), Error> {
        let studies = &mut locked(&self.studies).studies;
        if let Some(row) = studies.iter_mut().find(|row| row.id == study) {
            row.attributes.insert(key.to_owned(), value.clone());
        }
        Ok(())
    }

    fn trials(&self, study: i64, after: i64, also: &[i64]) -> Result<Vec<Trial>, Error> {
        let kept = locked(&self.studies);
        let own = kept.trials.iter().filter(|row| row.study == study);
        let wanted = own.filter(|row| row.trial.id > after || also.contains(&row.trial.id));
        Ok(wanted.map(|row| row.trial.clone()).collect())
    }

    fn claim(&self, study: i64, claim: &TrialClaim<'_>, most: u64) -> Result<Option<i64>, Error> {
        let (mut kept, now) = (locked(&self.studies), now());
        let next = kept.trials.len() as i64 + 1;
        let rows = kept.trials.iter_mut().filter(|row| row.study == study);
        let mut own: Vec<&mut Row> = rows.collect();
        let count = own.len() as u64;
        let waits = |row: &&mut Row| row.trial.state == TrialState::Waiting;
        let dead = |row: &&mut Row| {
            let held = row.held();
            row.trial.state == TrialState::Running
                && held.is_some_and(|held| {
                    row.heartbeat < claim.alive_since || claim.dead.contains(&held)
                })
        };
        let open = (own.iter().position(waits)).or_else(|| own.iter().position(dead));
        if let Some(place) = open {
            return Ok(Some(own[place].give(claim.writer, claim.worker, now)));
        }
        if count >= most {
            return Ok(None);
        }
        let mut row = Row {
            study,
            trial: Trial::new(next, count),
            heartbeat: now,
        };
        let id = row.give(claim.writer, claim.worker, now);
        kept.trials.push(row);
        Ok(Some(id))
    }

    fn reopen(&self, trial: i64, writer: i64) -> Result<(), Error> {
        let (mut kept, now) = (locked(&self.studies), now());
        if let Some(row) = kept.trials.iter_mut().find(|row| row.trial.id == trial) {
            row.trial.values.clear();
            row.give(writer, &Value::Null, now);
        }
        Ok(())
    }

    fn write_trial(&self, held: Held, changes: &[TrialChange]) -> Result<(), Error> {
        let (mut kept, now) = (locked(&self.studies), now());
        let mut rows = kept.trials.iter_mut();
        let row = rows.find(|row| row.held() == Some(held));
        let row = row.ok_or(Error::TrialTakenOver)?;
        row.heartbeat = now;
        changes.iter().for_each(|change| row.apply(change, now));
        Ok(())
    }

    fn sign_trials(&self, held: &[Held]) -> Result<(), Error> {
        let (mut kept, now) = (locked(&self.studies), now());
        for row in &mut kept.trials {
            if row.held().is_some_and(|own| held.contains(&own)) {
                row.heartbeat = now;
            }
        }
        Ok(())
    }
}
