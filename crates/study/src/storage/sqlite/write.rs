//! What changes rows: a run begins, goes on, is reported of and ends.
use super::Fault;
use crate::error::Error;
use crate::runs::{Goal, NewRun, State};
use crate::storage::backend::{Change, Claim};
use rusqlite::{OptionalExtension, Transaction};

/// Begins the run of a claim.
pub fn begin(
    transaction: &Transaction<'_>,
    claim: &Claim,
    new: &NewRun,
    now: i64,
) -> Result<(), rusqlite::Error> {
    let text = "INSERT INTO runs \
         (id, name, kind, state, started, heartbeat, writer, seed, folder) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8) RETURNING run_id";
    let values = (
        &claim.id,
        &new.name,
        &new.kind,
        State::Running.name(),
        now,
        claim.writer,
        new.seed.map(|seed| seed.to_string()),
        new.folder.as_deref().map(|folder| folder.to_string_lossy()),
    );
    let run: i64 = transaction.query_row(text, values, |row| row.get(0))?;
    for (name, value) in &new.parameters {
        let text = "INSERT OR REPLACE INTO run_parameters VALUES (?1, ?2, ?3)";
        transaction.execute(text, (run, name, value))?;
    }
    for (name, value) in &new.environment {
        note(transaction, run, name, value)?;
    }
    for (name, goal) in &new.goals {
        let text = "INSERT OR REPLACE INTO run_metrics (run_id, name, goal) VALUES (?1, ?2, ?3)";
        transaction.execute(text, (run, name, goal.name()))?;
    }
    Ok(())
}

/// Gives a run to a claim, without what came after `step`.
pub fn resume(
    transaction: &Transaction<'_>,
    claim: &Claim,
    step: u64,
    now: i64,
) -> Result<Option<String>, Fault> {
    let step = stored(step);
    let text = "UPDATE runs SET state = ?2, ended = NULL, heartbeat = ?3, writer = ?4, \
         kept = CASE WHEN kept <= ?5 THEN kept END WHERE id = ?1 RETURNING run_id, folder";
    let values = (&claim.id, State::Running.name(), now, claim.writer, step);
    let resumed: Option<(i64, Option<String>)> = transaction
        .query_row(text, values, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (run, folder) = resumed.ok_or_else(|| Error::no_such_run(&claim.id))?;
    let text = "SELECT metric_id FROM run_metrics WHERE run_id = ?1 AND last_step > ?2";
    let longer: Vec<i64> = transaction
        .prepare(text)?
        .query_map((run, step), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for metric in longer {
        let text = "DELETE FROM run_points WHERE metric_id = ?1 AND step > ?2";
        transaction.execute(text, (metric, step))?;
        sum_up(transaction, metric)?;
    }
    Ok(folder)
}

/// Says that a run is alive; its number, if it is still the claim's.
pub fn sign(
    transaction: &Transaction<'_>,
    claim: &Claim,
    now: i64,
) -> Result<Option<i64>, rusqlite::Error> {
    // What passes between two signs of life was spent at work, unless the process stood still.
    let text = "UPDATE runs SET spent = spent + max(0, ?3 - heartbeat), heartbeat = ?3 \
                WHERE id = ?1 AND writer = ?2 RETURNING run_id";
    transaction
        .query_row(text, (&claim.id, claim.writer, now), |row| row.get(0))
        .optional()
}

/// Makes changes to a run that is the claim's.
pub fn apply(
    transaction: &Transaction<'_>,
    claim: &Claim,
    changes: &[Change],
    now: i64,
) -> Result<(), Fault> {
    let Some(run) = sign(transaction, claim, now)? else {
        let text = "SELECT 1 FROM runs WHERE id = ?1";
        let there = transaction.query_row(text, [&claim.id], |_| Ok(()));
        return Err(match there.optional()? {
            Some(()) => Error::taken_over(&claim.id).into(),
            None => Error::no_such_run(&claim.id).into(),
        });
    };
    for change in changes {
        match change {
            Change::Point {
                metric,
                step,
                value,
            } => point(transaction, run, metric, *step, *value)?,
            Change::Keep(step) => {
                let text = "UPDATE runs SET kept = ?2 WHERE run_id = ?1";
                transaction.execute(text, (run, stored(*step)))?;
            }
            Change::Note { name, value } => note(transaction, run, name, value)?,
            Change::Artefact(artefact) => {
                let text = "INSERT OR REPLACE INTO run_artefacts \
                            (run_id, path, kind, size, blake3) VALUES (?1, ?2, ?3, ?4, ?5)";
                let path = artefact.path.to_string_lossy();
                let (kind, size) = (&artefact.kind, stored(artefact.size));
                transaction.execute(text, (run, path, kind, size, &artefact.hash))?;
            }
            Change::End(state) => {
                let text = "UPDATE runs SET state = ?2, ended = ?3 WHERE run_id = ?1";
                transaction.execute(text, (run, state.name(), now))?;
            }
        }
    }
    Ok(())
}

/// Removes runs, each of which must be there.
pub fn remove(transaction: &Transaction<'_>, ids: &[String]) -> Result<(), Fault> {
    for id in ids {
        if transaction.execute("DELETE FROM runs WHERE id = ?1", [id])? == 0 {
            return Err(Error::no_such_run(id).into());
        }
    }
    Ok(())
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
