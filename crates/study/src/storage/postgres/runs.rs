//! Runs: what changes their rows, and what looks at them. The queries are those of `sqlite`, in
//! PostgreSQL's words.
use super::Fault;
use crate::error::Error;
use crate::runs::{Artefact, Details, Goal, Metric, NewRun, Order, Point, RunQuery, RunRow, State};
use crate::storage::backend::{Change, Claim};
use postgres::types::ToSql;
use postgres::{Row, Transaction};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Values of a query.
type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Begins the run of a claim.
pub fn begin(
    transaction: &mut Transaction<'_>,
    claim: &Claim,
    new: &NewRun,
    now: i64,
) -> Result<(), Fault> {
    // Begun already where the answer was lost.
    let text = "SELECT 1 FROM runs WHERE id = $1 AND writer = $2";
    if transaction
        .query_opt(text, &[&claim.id, &claim.writer])?
        .is_some()
    {
        return Ok(());
    }
    let text = "INSERT INTO runs (id, name, kind, state, started, heartbeat, writer, seed, folder) \
                VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8) RETURNING run_id";
    let seed = new.seed.map(|seed| seed.to_string());
    let folder = new
        .folder
        .as_deref()
        .map(|folder| folder.to_string_lossy().into_owned());
    let state = State::Running.name();
    let values: Values<'_> = &[
        &claim.id,
        &new.name,
        &new.kind,
        &state,
        &now,
        &claim.writer,
        &seed,
        &folder,
    ];
    let run: i64 = transaction.query_one(text, values)?.get(0);
    for (name, value) in &new.parameters {
        pair(transaction, "run_parameters", run, name, value)?;
    }
    for (name, value) in &new.environment {
        pair(transaction, "run_environment", run, name, value)?;
    }
    for (name, goal) in &new.goals {
        let text = "INSERT INTO run_metrics (run_id, name, goal) VALUES ($1, $2, $3) \
                    ON CONFLICT (run_id, name) DO UPDATE SET goal = excluded.goal";
        transaction.execute(text, &[&run, name, &goal.name()])?;
    }
    Ok(())
}

/// A named text of a run.
fn pair(
    transaction: &mut Transaction<'_>,
    table: &str,
    run: i64,
    name: &str,
    value: &str,
) -> Result<(), Fault> {
    let text = format!(
        "INSERT INTO {table} (run_id, name, value) VALUES ($1, $2, $3) \
         ON CONFLICT (run_id, name) DO UPDATE SET value = excluded.value"
    );
    transaction.execute(&text, &[&run, &name, &value])?;
    Ok(())
}

/// Gives a run to a claim, without what came after `step`.
pub fn resume(
    transaction: &mut Transaction<'_>,
    claim: &Claim,
    step: u64,
    now: i64,
) -> Result<Option<String>, Fault> {
    let step = signed(step);
    let text = "UPDATE runs SET state = $2, ended = NULL, heartbeat = $3, writer = $4, \
                kept = CASE WHEN kept <= $5 THEN kept END WHERE id = $1 RETURNING run_id, folder";
    let state = State::Running.name();
    let values: Values<'_> = &[&claim.id, &state, &now, &claim.writer, &step];
    let found = transaction.query_opt(text, values)?;
    let found = found.ok_or_else(|| Error::no_such_run(&claim.id))?;
    let (run, folder): (i64, Option<String>) = (found.get(0), found.get(1));
    let text = "SELECT metric_id FROM run_metrics WHERE run_id = $1 AND last_step > $2";
    for longer in transaction.query(text, &[&run, &step])? {
        let metric: i64 = longer.get(0);
        let text = "DELETE FROM run_points WHERE metric_id = $1 AND step > $2";
        transaction.execute(text, &[&metric, &step])?;
        sum_up(transaction, metric)?;
    }
    Ok(folder)
}

/// Says that a run is alive; its number, if it is still the claim's.
pub fn sign(
    transaction: &mut Transaction<'_>,
    claim: &Claim,
    now: i64,
) -> Result<Option<i64>, Fault> {
    let text = "UPDATE runs SET spent = spent + greatest(0, $3 - heartbeat), heartbeat = $3 \
                WHERE id = $1 AND writer = $2 RETURNING run_id";
    let found = transaction.query_opt(text, &[&claim.id, &claim.writer, &now])?;
    Ok(found.map(|row| row.get(0)))
}

/// Makes changes to a run that is the claim's.
pub fn apply(
    transaction: &mut Transaction<'_>,
    claim: &Claim,
    changes: &[Change],
    now: i64,
) -> Result<(), Fault> {
    let Some(run) = sign(transaction, claim, now)? else {
        let there = transaction.query_opt("SELECT 1 FROM runs WHERE id = $1", &[&claim.id])?;
        return Err(match there {
            Some(_) => Error::taken_over(&claim.id).into(),
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
                let text = "UPDATE runs SET kept = $2 WHERE run_id = $1";
                transaction.execute(text, &[&run, &signed(*step)])?;
            }
            Change::Note { name, value } => pair(transaction, "run_environment", run, name, value)?,
            Change::Artefact(artefact) => {
                let text = "INSERT INTO run_artefacts (run_id, path, kind, size, blake3) \
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (run_id, path) DO UPDATE SET \
                     kind = excluded.kind, size = excluded.size, blake3 = excluded.blake3";
                let path = artefact.path.to_string_lossy().into_owned();
                let size = signed(artefact.size);
                let values: Values<'_> = &[&run, &path, &artefact.kind, &size, &artefact.hash];
                transaction.execute(text, values)?;
            }
            Change::End(state) => {
                let text = "UPDATE runs SET state = $2, ended = $3 WHERE run_id = $1";
                transaction.execute(text, &[&run, &state.name(), &now])?;
            }
        }
    }
    Ok(())
}

/// Removes runs, each of which must be there.
pub fn remove(transaction: &mut Transaction<'_>, ids: &[String]) -> Result<(), Fault> {
    for id in ids {
        if transaction.execute("DELETE FROM runs WHERE id = $1", &[id])? == 0 {
            return Err(Error::no_such_run(id).into());
        }
    }
    Ok(())
}

/// Writes one value, and what it changes of the latest and the best. A NaN is stored as NULL.
fn point(
    transaction: &mut Transaction<'_>,
    run: i64,
    name: &str,
    step: u64,
    value: f64,
) -> Result<(), Fault> {
    let (step, written) = (signed(step), (!value.is_nan()).then_some(value));
    let text = "INSERT INTO run_metrics (run_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    transaction.execute(text, &[&run, &name])?;
    let text = "SELECT metric_id, goal, last_step, best_value FROM run_metrics \
                WHERE run_id = $1 AND name = $2";
    let row = transaction.query_one(text, &[&run, &name])?;
    let (metric, goal): (i64, Option<String>) = (row.get(0), row.get(1));
    let (last, best): (Option<i64>, Option<f64>) = (row.get(2), row.get(3));
    let goal = Goal::by_name(goal.as_deref());
    let text = "INSERT INTO run_points (metric_id, step, value) VALUES ($1, $2, $3) \
                ON CONFLICT (metric_id, step) DO UPDATE SET value = excluded.value";
    transaction.execute(text, &[&metric, &step, &written])?;
    if last.is_some_and(|last| last >= step) {
        return sum_up(transaction, metric);
    }
    let text = "UPDATE run_metrics SET last_step = $2, last_value = $3 WHERE metric_id = $1";
    transaction.execute(text, &[&metric, &step, &written])?;
    let first = best.is_none() && goal != Goal::None && !value.is_nan();
    if first || best.is_some_and(|best| goal.is_better(value, best)) {
        let text = "UPDATE run_metrics SET best_step = $2, best_value = $3 WHERE metric_id = $1";
        transaction.execute(text, &[&metric, &step, &written])?;
    }
    Ok(())
}

/// Finds the latest and the best value of a metric again, from its points.
fn sum_up(transaction: &mut Transaction<'_>, metric: i64) -> Result<(), Fault> {
    let text = "UPDATE run_metrics SET (last_step, last_value) = \
         (SELECT step, value FROM run_points WHERE metric_id = $1 ORDER BY step DESC LIMIT 1), \
         (best_step, best_value) = \
         (SELECT step, value FROM run_points WHERE metric_id = $1 AND value IS NOT NULL \
          AND goal IS NOT NULL \
          ORDER BY CASE goal WHEN 'min' THEN value ELSE -value END, step LIMIT 1) \
         WHERE metric_id = $1";
    transaction.execute(text, &[&metric])?;
    Ok(())
}

/// The runs as they are told, from the time after which they must have been alive ($1).
const TOLD: &str = "WITH told AS (SELECT run_id, id, name, kind, \
     CASE WHEN state = 'running' AND heartbeat < $1 THEN 'interrupted' ELSE state END AS state, \
     started, ended, spent, seed, folder, kept, \
     (SELECT max(last_step) FROM run_metrics WHERE run_metrics.run_id = runs.run_id) AS step \
     FROM runs)";

/// The columns that [`row`] reads.
const ROW: &str = "told.run_id, told.id, told.name, told.kind, told.state, told.started, \
     told.ended, told.spent, told.seed, told.folder, told.step, told.kept";

/// The runs that a list is about, behind [`TOLD`]: of kind $2, in state $3, with the value of the metric $4
/// at the step that each keeps.
const FROM: &str = " FROM told LEFT JOIN run_metrics AS sorted \
     ON sorted.run_id = told.run_id AND sorted.name = $4 \
     LEFT JOIN run_points AS point ON point.metric_id = sorted.metric_id \
     AND point.step = coalesce(told.kept, told.step) \
     WHERE ($2::text IS NULL OR told.kind = $2) AND ($3::text IS NULL OR told.state = $3)";

/// A page of a list.
pub fn list(
    transaction: &mut Transaction<'_>,
    query: &RunQuery,
    alive_since: i64,
) -> Result<Vec<RunRow>, Fault> {
    let metric = match &query.order {
        Order::Newest => None,
        Order::Best(metric) => Some(metric),
    };
    let text = format!(
        "{TOLD} SELECT {ROW}{FROM} ORDER BY \
         CASE WHEN $4::text IS NULL THEN 0 WHEN point.value IS NULL THEN 1 ELSE 0 END, \
         CASE WHEN $4::text IS NULL THEN 0 WHEN sorted.goal = 'max' THEN -point.value ELSE point.value END, \
         told.started DESC, told.run_id DESC LIMIT $5 OFFSET $6"
    );
    let state = query.state.map(State::name);
    let limit = query.limit.map(signed);
    let values: Values<'_> = &[
        &alive_since,
        &query.kind,
        &state,
        &metric,
        &limit,
        &signed(query.skip),
    ];
    let rows = transaction.query(&text, values)?;
    let mut rows: Vec<(i64, RunRow)> = rows.iter().map(row).collect();
    let ids: Vec<i64> = rows.iter().map(|(id, _)| *id).collect();
    let place: BTreeMap<i64, usize> = ids.iter().copied().zip(0..).collect();
    for found in metrics(transaction, &ids, Some(&query.metrics))? {
        rows[place[&found.0]].1.metrics.insert(found.1, found.2);
    }
    let text = "SELECT run_id, name, value FROM run_parameters \
                WHERE run_id = ANY($1) AND name = ANY($2)";
    for found in transaction.query(text, &[&ids, &query.parameters])? {
        let id: i64 = found.get(0);
        rows[place[&id]]
            .1
            .parameters
            .insert(found.get(1), found.get(2));
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// The metrics of runs, all or those of these names: of their series one value is read.
fn metrics(
    transaction: &mut Transaction<'_>,
    runs: &[i64],
    names: Option<&[String]>,
) -> Result<Vec<(i64, String, Metric)>, Fault> {
    let text = "SELECT runs.run_id, own.name, goal, last_step, last_value, best_step, best_value, \
         point.step, point.value FROM runs JOIN run_metrics AS own USING (run_id) \
         LEFT JOIN run_points AS point ON point.metric_id = own.metric_id AND point.step = coalesce(kept, \
         (SELECT max(last_step) FROM run_metrics AS all_own WHERE all_own.run_id = runs.run_id)) \
         WHERE run_id = ANY($1) AND last_step IS NOT NULL AND ($2::text[] IS NULL OR own.name = ANY($2))";
    let found = transaction.query(text, &[&runs, &names])?;
    Ok(found
        .iter()
        .map(|row| (row.get(0), row.get(1), metric(row)))
        .collect())
}

/// How many runs a list has.
pub fn count(
    transaction: &mut Transaction<'_>,
    query: &RunQuery,
    alive_since: i64,
) -> Result<u64, Fault> {
    let text = format!("{TOLD} SELECT count(*){FROM}");
    let state = query.state.map(State::name);
    let values: Values<'_> = &[&alive_since, &query.kind, &state, &None::<String>];
    Ok(unsigned(transaction.query_one(&text, values)?.get(0)))
}

/// All of a run but its series.
pub fn details(
    transaction: &mut Transaction<'_>,
    id: &str,
    alive_since: i64,
) -> Result<Details, Fault> {
    let text = format!("{TOLD} SELECT {ROW} FROM told WHERE id = $2");
    let found = transaction.query_opt(&text, &[&alive_since, &id])?;
    let (run, mut row) = found
        .map(|found| row(&found))
        .ok_or_else(|| Error::no_such_run(id))?;
    let own = metrics(transaction, &[run], None)?;
    row.metrics = own
        .into_iter()
        .map(|(_, name, metric)| (name, metric))
        .collect();
    let mut pairs = |table: &str| -> Result<BTreeMap<String, String>, Fault> {
        let text = format!("SELECT name, value FROM {table} WHERE run_id = $1");
        let rows = transaction.query(&text, &[&run])?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    };
    row.parameters = pairs("run_parameters")?;
    let environment = pairs("run_environment")?;
    let text = "SELECT kind, path, size, blake3 FROM run_artefacts WHERE run_id = $1 \
                ORDER BY kind COLLATE \"C\", path COLLATE \"C\"";
    let artefacts = transaction.query(text, &[&run])?;
    let artefact = |row: &Row| Artefact {
        kind: row.get(0),
        path: PathBuf::from(row.get::<_, String>(1)),
        size: unsigned(row.get(2)),
        hash: row.get(3),
    };
    Ok(Details {
        row,
        environment,
        artefacts: artefacts.iter().map(artefact).collect(),
    })
}

/// The values of a metric of a run, in the order of their steps.
pub fn series(
    transaction: &mut Transaction<'_>,
    id: &str,
    metric: &str,
) -> Result<Vec<Point>, Fault> {
    let text = "SELECT step, value FROM run_points WHERE metric_id = \
                (SELECT metric_id FROM run_metrics JOIN runs USING (run_id) \
                 WHERE id = $1 AND run_metrics.name = $2) ORDER BY step";
    let rows = transaction.query(text, &[&id, &metric])?;
    let point = |row: &Row| Point {
        step: unsigned(row.get(0)),
        value: number(row.get(1)),
    };
    Ok(rows.iter().map(point).collect())
}

/// The texts that a query gives.
pub fn texts(
    transaction: &mut Transaction<'_>,
    text: &str,
    values: Values<'_>,
) -> Result<Vec<String>, Fault> {
    let rows = transaction.query(text, values)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Reads a run from the columns of [`ROW`], with its number in the database.
fn row(row: &Row) -> (i64, RunRow) {
    let seed: Option<String> = row.get(8);
    let run = RunRow {
        id: row.get(1),
        name: row.get(2),
        kind: row.get(3),
        // The table knows no other names.
        state: State::by_name(row.get(4)).unwrap_or(State::Interrupted),
        started: row.get(5),
        ended: row.get(6),
        spent: row.get(7),
        seed: seed.and_then(|seed| seed.parse().ok()),
        folder: row.get::<_, Option<String>>(9).map(PathBuf::from),
        step: row.get::<_, Option<i64>>(10).map(unsigned),
        kept: row.get::<_, Option<i64>>(11).map(unsigned),
        metrics: BTreeMap::new(),
        parameters: BTreeMap::new(),
    };
    (row.get(0), run)
}

/// Reads a metric from the columns of [`metrics`].
fn metric(row: &Row) -> Metric {
    let goal: Option<String> = row.get(2);
    // The step that is nothing where there is no such point, and the value.
    let point = |step: usize| {
        let value = number(row.get(step + 1));
        let step = row.get::<_, Option<i64>>(step).map(unsigned);
        step.map(|step| Point { step, value })
    };
    Metric {
        goal: Goal::by_name(goal.as_deref()),
        last: Point {
            step: unsigned(row.get(3)),
            value: number(row.get(4)),
        },
        best: point(5),
        kept: point(7),
    }
}

/// What is stored as NULL was not a number.
fn number(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
