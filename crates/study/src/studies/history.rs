//! The trials of a study as a process has read them: what has ended does not change any more, so that
//! only what is new is read again.
use super::trial::Trial;
use crate::error::Error;
use crate::storage::Studies;

/// The trials that were read, by their numbers.
#[derive(Debug, Default)]
pub struct History {
    trials: Vec<Trial>,
}

impl History {
    /// Reads what is new.
    pub fn refresh(&mut self, storage: &dyn Studies, study: i64) -> Result<(), Error> {
        let last = self.trials.iter().map(|trial| trial.id).max().unwrap_or(-1);
        let open = self
            .trials
            .iter()
            .filter(|trial| !trial.state.is_finished());
        let open: Vec<i64> = open.map(|trial| trial.id).collect();
        let new = storage.trials(study, last, &open)?;
        self.trials.retain(|trial| trial.state.is_finished());
        self.trials.extend(new);
        self.trials.sort_by_key(|trial| trial.number);
        Ok(())
    }

    /// Reads this trial again the next time, though it had ended.
    pub fn forget(&mut self, id: i64) {
        for trial in self.trials.iter_mut().filter(|trial| trial.id == id) {
            trial.state = super::TrialState::Running;
        }
    }

    /// The trials as they were when they were last read.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }
}
