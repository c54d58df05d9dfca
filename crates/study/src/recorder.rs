//! Writing a run: its metrics and artefacts while it goes on, and how it ends.
use crate::error::{Error, Fault};
use crate::runs::{Goal, NewRun, State};
use crate::storage::{Storage, now, sign};
use rusqlite::{OptionalExtension, Transaction};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The name under which the step is noted whose result a run keeps.
pub(crate) const KEPT: &str = "kept.step";

/// Records one run. Dropped without [`Recorder::finish`], it leaves the run as interrupted.
#[derive(Debug)]
pub struct Recorder {
    storage: Storage,
    run: i64,
    /// Drawn anew for each beginning and resumption: who has the number of the database may write.
    writer: i64,
    id: String,
    folder: Option<PathBuf>,
    /// What was reported and could not be written yet.
    pending: Vec<(String, u64, f64)>,
    /// The step to keep, where that could not be written yet.
    kept: Option<u64>,
    ended: bool,
}

impl Storage {
    /// Begins a run.
    pub fn begin(&self, new: &NewRun) -> Result<Recorder, Error> {
        let folder = new.folder.as_deref().map(absolute);
        let (run, writer, id) = self.inner.write(|transaction| {
            let text = "INSERT INTO runs \
                 (id, name, kind, state, started, heartbeat, writer, seed, folder) \
                 VALUES (coalesce(?7, lower(hex(randomblob(6)))), ?1, ?2, ?3, ?4, ?4, random(), ?5, ?6) \
                 RETURNING run_id, writer, id";
            let begun: (i64, i64, String) = transaction.query_row(
                text,
                (
                    &new.name,
                    &new.kind,
                    State::Running.name(),
                    now(),
                    new.seed.map(|seed| seed.to_string()),
                    folder.as_deref().map(Path::to_string_lossy),
                    &new.id,
                ),
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?;
            for (name, value) in &new.parameters {
                let text = "INSERT OR REPLACE INTO run_parameters VALUES (?1, ?2, ?3)";
                transaction.execute(text, (begun.0, name, value))?;
            }
            for (name, value) in &new.environment {
                note(transaction, begun.0, name, value)?;
            }
            for (name, goal) in &new.goals {
                let text =
                    "INSERT OR REPLACE INTO run_metrics (run_id, name, goal) VALUES (?1, ?2, ?3)";
                transaction.execute(text, (begun.0, name, goal.name()))?;
            }
            Ok(begun)
        })?;
        Ok(Recorder::new(self, run, writer, id, folder))
    }

    /// Goes on with a run after `step`, the last one that its checkpoint knows: what was recorded of
    /// later steps is dropped. Whoever recorded the run until now can no longer.
    pub fn resume(&self, id: &str, step: u64) -> Result<Recorder, Error> {
        let (run, writer, folder) = self.inner.write(|transaction| {
            let text = "UPDATE runs SET state = ?2, ended = NULL, heartbeat = ?3, writer = random() \
                 WHERE id = ?1 RETURNING run_id, writer, folder";
            let resumed: Option<(i64, i64, Option<String>)> = transaction
                .query_row(text, (id, State::Running.name(), now()), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            let wanted = || id.to_owned();
            let resumed = resumed.ok_or_else(|| Error::NoSuchRun { wanted: wanted() })?;
            let text = "DELETE FROM run_environment \
                        WHERE run_id = ?1 AND name = ?2 AND CAST(value AS INTEGER) > ?3";
            transaction.execute(text, (resumed.0, KEPT, stored(step)))?;
            let text = "SELECT metric_id FROM run_metrics WHERE run_id = ?1 AND last_step > ?2";
            let longer: Vec<i64> = transaction
                .prepare(text)?
                .query_map((resumed.0, stored(step)), |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for metric in longer {
                let text = "DELETE FROM run_points WHERE metric_id = ?1 AND step > ?2";
                transaction.execute(text, (metric, stored(step)))?;
                sum_up(transaction, metric)?;
            }
            Ok(resumed)
        })?;
        let folder = folder.map(PathBuf::from);
        Ok(Recorder::new(self, run, writer, id.to_owned(), folder))
    }
}

impl Recorder {
    fn new(storage: &Storage, run: i64, writer: i64, id: String, folder: Option<PathBuf>) -> Self {
        storage.inner.live(run, writer);
        Recorder {
            storage: storage.clone(),
            run,
            writer,
            id,
            folder,
            pending: Vec::new(),
            kept: None,
            ended: false,
        }
    }

    /// The run's id, by which it can be resumed.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Records the values of metrics at a step; one that is there already is replaced. What cannot
    /// be written now (another process has the database, the disk is full) is kept and written with
    /// the next report.
    pub fn metrics(&mut self, step: u64, values: &[(&str, f64)]) -> Result<(), Error> {
        let values = values.iter();
        self.pending
            .extend(values.map(|&(name, value)| (name.to_owned(), step, value)));
        self.write(|_, _| Ok(()))
    }

    /// Records a file with its size and hash; one of the same path is replaced.
    pub fn artefact(&mut self, kind: &str, path: &Path) -> Result<(), Error> {
        let path = absolute(path);
        let hashed = File::open(&path).and_then(|mut file| {
            let mut hasher = blake3::Hasher::new();
            let size = std::io::copy(&mut file, &mut hasher)?;
            Ok((size, hasher.finalize().to_hex()))
        });
        let (size, hash) = hashed.map_err(|source| Error::Artefact {
            path: path.clone(),
            source,
        })?;
        let inside = self
            .folder
            .as_deref()
            .and_then(|folder| path.strip_prefix(folder).ok())
            .map(Path::to_owned);
        let place = inside.unwrap_or(path).to_string_lossy().into_owned();
        self.write(|transaction, run| {
            let text = "INSERT OR REPLACE INTO run_artefacts (run_id, path, kind, size, blake3) \
                        VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction.execute(text, (run, &place, kind, stored(size), hash.as_str()))?;
            Ok(())
        })
    }

    /// Notes where the run goes on, or why it ended: a fact about it that no setting decides. One of
    /// the same name is replaced.
    pub fn note(&mut self, name: &str, value: &str) -> Result<(), Error> {
        self.write(|transaction, run| Ok(note(transaction, run, name, value)?))
    }

    /// Says that the result of this step is the one that the run keeps from now on. Where that cannot
    /// be written now, it is written with the next report, as [`Recorder::metrics`] does.
    pub fn keep(&mut self, step: u64) -> Result<(), Error> {
        self.kept = Some(step);
        self.write(|_, _| Ok(()))
    }

    /// Takes the run back, as if it had never begun.
    pub fn discard(mut self) -> Result<(), Error> {
        self.ended = true;
        self.storage.inner.rest(self.run, self.writer);
        self.storage.remove(std::slice::from_ref(&self.id))
    }

    /// Ends the run; [`State::Running`] is taken for interrupted.
    pub fn finish(mut self, state: State) -> Result<(), Error> {
        self.end(state)
    }

    fn end(&mut self, state: State) -> Result<(), Error> {
        let state = match state {
            State::Running => State::Interrupted,
            ended => ended,
        };
        self.ended = true;
        self.storage.inner.rest(self.run, self.writer);
        self.write(|transaction, run| {
            let text = "UPDATE runs SET state = ?2, ended = ?3 WHERE run_id = ?1";
            transaction.execute(text, (run, state.name(), now()))?;
            Ok(())
        })
    }

    /// Writes what is pending and does `work`, in one transaction, if the run is still ours.
    fn write(
        &mut self,
        work: impl FnOnce(&Transaction<'_>, i64) -> Result<(), Fault>,
    ) -> Result<(), Error> {
        let (run, writer, id) = (self.run, self.writer, &self.id);
        let (pending, kept) = (&self.pending, self.kept);
        self.storage.inner.write(|transaction| {
            if !sign(transaction, run, writer)? {
                let text = "SELECT 1 FROM runs WHERE run_id = ?1";
                let there = transaction.query_row(text, [run], |_| Ok(())).optional()?;
                let (run, wanted) = (id.clone(), id.clone());
                return Err(match there {
                    Some(()) => Error::TakenOver { run }.into(),
                    None => Error::NoSuchRun { wanted }.into(),
                });
            }
            for (name, step, value) in pending {
                point(transaction, run, name, *step, *value)?;
            }
            if let Some(step) = kept {
                note(transaction, run, KEPT, &step.to_string())?;
            }
            work(transaction, run)
        })?;
        self.pending.clear();
        self.kept = None;
        Ok(())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !self.ended {
            // There is nobody to tell; without this write the missing signs of life say the same.
            let _ = self.end(State::Interrupted);
        }
    }
}

/// Writes one value, and what it changes of the latest and the best.
fn point(
    transaction: &Transaction<'_>,
    run: i64,
    name: &str,
    step: u64,
    value: f64,
) -> Result<(), rusqlite::Error> {
    let step = stored(step);
    // A NaN is stored as NULL, which is what SQLite makes of it.
    let text = "INSERT OR IGNORE INTO run_metrics (run_id, name) VALUES (?1, ?2)";
    transaction.execute(text, (run, name))?;
    let text = "SELECT metric_id, goal, last_step, best_value FROM run_metrics \
                WHERE run_id = ?1 AND name = ?2";
    let (metric, goal, last, best) = transaction.query_row(text, (run, name), |row| {
        let goal: Option<String> = row.get(1)?;
        let last: Option<i64> = row.get(2)?;
        let best: Option<f64> = row.get(3)?;
        let metric: i64 = row.get(0)?;
        Ok((metric, Goal::by_name(goal.as_deref()), last, best))
    })?;
    let text = "INSERT OR REPLACE INTO run_points VALUES (?1, ?2, ?3)";
    transaction.execute(text, (metric, step, value))?;
    if last.is_some_and(|last| last >= step) {
        return sum_up(transaction, metric);
    }
    let text = "UPDATE run_metrics SET last_step = ?2, last_value = ?3 WHERE metric_id = ?1";
    transaction.execute(text, (metric, step, value))?;
    let first = best.is_none() && goal != Goal::None && !value.is_nan();
    if first || best.is_some_and(|best| goal.is_better(value, best)) {
        let text = "UPDATE run_metrics SET best_step = ?2, best_value = ?3 WHERE metric_id = ?1";
        transaction.execute(text, (metric, step, value))?;
    }
    Ok(())
}

/// Finds the latest and the best value of a metric again, from its points.
fn sum_up(transaction: &Transaction<'_>, metric: i64) -> Result<(), rusqlite::Error> {
    let text = "UPDATE run_metrics SET (last_step, last_value) = \
         (SELECT step, value FROM run_points WHERE metric_id = ?1 ORDER BY step DESC LIMIT 1), \
         (best_step, best_value) = \
         (SELECT step, value FROM run_points WHERE metric_id = ?1 AND value IS NOT NULL \
          AND goal IS NOT NULL \
          ORDER BY CASE goal WHEN 'min' THEN value ELSE -value END, step LIMIT 1) \
         WHERE metric_id = ?1";
    transaction.execute(text, [metric])?;
    Ok(())
}

fn note(
    transaction: &Transaction<'_>,
    run: i64,
    name: &str,
    value: &str,
) -> Result<(), rusqlite::Error> {
    let text = "INSERT OR REPLACE INTO run_environment VALUES (?1, ?2, ?3)";
    transaction.execute(text, (run, name, value)).map(|_| ())
}

/// SQLite's integers have a sign.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The path from the root, so that it means the same from everywhere.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
