//! Studies: many trials of one question, each with its parameters and what came of it.
mod active;
mod history;
mod importance;
mod trial;

pub use active::ActiveTrial;
pub use importance::importance;
pub use trial::{Direction, NewStudy, StudyRow, Trial, TrialState};

use crate::error::Error;
use crate::recorder::drawn;
use crate::storage::{Held, Storage, TrialClaim};
use history::History;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// A study of a storage. Clones share what they have read of it.
#[derive(Clone, Debug)]
pub struct Study {
    storage: Storage,
    row: Arc<StudyRow>,
    history: Arc<Mutex<History>>,
    worker: Worker,
}

/// Who takes trials.
#[derive(Clone)]
struct Worker {
    says: Value,
    is_dead: Arc<dyn Fn(&Value) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.says)
    }
}

impl Storage {
    /// Begins a study.
    ///
    /// # Errors
    /// [`Error::StudyExists`] where one has this name.
    pub fn new_study(&self, new: &NewStudy) -> Result<Study, Error> {
        self.studied().new_study(new)?;
        self.study(&new.name)
    }

    /// The study of this name.
    ///
    /// # Errors
    /// [`Error::NoSuchStudy`]
    pub fn study(&self, name: &str) -> Result<Study, Error> {
        let mut rows = self.studies()?;
        match rows.iter().position(|row| row.name == name) {
            Some(place) => Ok(Study {
                storage: self.clone(),
                row: Arc::new(rows.swap_remove(place)),
                history: Arc::default(),
                worker: Worker {
                    says: Value::Null,
                    is_dead: Arc::new(|_| false),
                },
            }),
            None => Err(Error::NoSuchStudy {
                wanted: name.to_owned(),
                known: rows.into_iter().map(|row| row.name).collect(),
            }),
        }
    }

    /// All studies, in the order in which they began.
    pub fn studies(&self) -> Result<Vec<StudyRow>, Error> {
        self.studied().studies()
    }
}

impl Study {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.row.name
    }

    /// Its objectives.
    pub fn directions(&self) -> &[Direction] {
        &self.row.directions
    }

    /// What was known of it when it was opened.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.row.attributes.get(key)
    }

    /// Notes something of it; what has the same key is replaced.
    pub fn note(&self, key: &str, value: &Value) -> Result<(), Error> {
        self.storage.studied().note_study(self.row.id, key, value)
    }

    /// All of its trials by their numbers, as they are now.
    pub fn trials(&self) -> Result<Vec<Trial>, Error> {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.refresh(self.storage.studied(), self.row.id)?;
        Ok(history.trials().to_vec())
    }

    /// Does `work` with its trials by their numbers, as they are now, without a copy of them.
    pub fn with_trials<T>(&self, work: impl FnOnce(&[Trial]) -> T) -> Result<T, Error> {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.refresh(self.storage.studied(), self.row.id)?;
        Ok(work(history.trials()))
    }

    /// The trial of this number.
    ///
    /// # Errors
    /// [`Error::NoSuchTrial`]
    pub fn trial(&self, number: u64) -> Result<Trial, Error> {
        let found =
            self.with_trials(|trials| trials.iter().find(|trial| trial.number == number).cloned())?;
        found.ok_or_else(|| Error::NoSuchTrial {
            study: self.row.name.clone(),
            number,
        })
    }

    /// The same study, of which a worker takes trials that says this of itself. `is_dead` tells by what
    /// another said of itself whether it has surely died, so that nobody waits for its signs of life.
    pub fn worked_by(
        &self,
        says: Value,
        is_dead: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Study {
        Study {
            worker: Worker {
                says,
                is_dead: Arc::new(is_dead),
            },
            ..self.clone()
        }
    }

    /// A trial to work on: one that waits, else one whose worker has died, else a new one where there are
    /// fewer than `most` in all; none where nothing is left to do.
    pub fn claim(&self, most: u64) -> Result<Option<ActiveTrial>, Error> {
        let dead: Vec<Held> = self.with_trials(|trials| {
            let dead = |trial: &&Trial| {
                trial
                    .worker()
                    .is_some_and(|says| (self.worker.is_dead)(says))
            };
            let running = trials
                .iter()
                .filter(|trial| trial.state == TrialState::Running);
            running.filter(dead).filter_map(Trial::held).collect()
        })?;
        let (writer, storage) = (drawn().cast_signed(), &self.storage);
        let claim = TrialClaim {
            writer,
            worker: &self.worker.says,
            alive_since: storage.alive_since(),
            dead: &dead,
        };
        let claimed = storage.studied().claim(self.row.id, &claim, most)?;
        claimed.map(|id| self.held(id, writer)).transpose()
    }

    /// Works on a trial again, however it ended.
    ///
    /// # Errors
    /// [`Error::NoSuchTrial`]
    pub fn reopen(&self, number: u64) -> Result<ActiveTrial, Error> {
        let writer = drawn().cast_signed();
        let trial = self.trial(number)?;
        self.storage.studied().reopen(trial.id, writer)?;
        self.history
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(trial.id);
        self.held(trial.id, writer)
    }

    fn held(&self, id: i64, writer: i64) -> Result<ActiveTrial, Error> {
        let trials = self
            .storage
            .studied()
            .trials(self.row.id, i64::MAX, &[id])?;
        let trial = trials
            .into_iter()
            .next()
            .ok_or_else(|| Error::NoSuchTrial {
                study: self.row.name.clone(),
                number: 0,
            })?;
        Ok(ActiveTrial::new(self, trial, writer))
    }

    fn storage(&self) -> &Storage {
        &self.storage
    }
}
