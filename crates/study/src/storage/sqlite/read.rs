//! Looking at rows: lists that read no whole series, one run's details, one series. What is filtered,
//! sorted and cut into pages, SQLite does.
use super::Fault;
use crate::error::Error;
use crate::runs::{Artefact, Details, Goal, Metric, Order, Point, RunQuery, RunRow, State};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Params, Row, Transaction, params_from_iter};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The runs as they are told, from the time after which they must have been alive (?1): `step` is the
/// highest of any metric.
const TOLD: &str = "WITH told AS (SELECT run_id, id, name, kind, \
     CASE WHEN state = 'running' AND heartbeat < ?1 THEN 'interrupted' ELSE state END AS state, \
     started, ended, spent, seed, folder, kept, \
     (SELECT max(last_step) FROM run_metrics WHERE run_metrics.run_id = runs.run_id) AS step \
     FROM runs)";

/// The columns that [`row`] reads, of `told`.
const ROW: &str = "told.run_id, told.id, told.name, told.kind, told.state, told.started, \
     told.ended, told.spent, told.seed, told.folder, told.step, told.kept";

/// The columns that [`metric`] reads behind the first two, and the tables that they stand in: the
/// metrics of the runs of `page`. Of their series one value is read, found by its step.
const METRIC: &str = "SELECT page.run_id, run_metrics.name, goal, last_step, last_value, best_step, \
     best_value, run_points.step, value FROM page JOIN run_metrics USING (run_id) \
     LEFT JOIN run_points ON run_points.metric_id = run_metrics.metric_id \
     AND run_points.step = coalesce(page.kept, page.step) WHERE last_step IS NOT NULL";

/// A query with its values, in the order of their numbers.
struct Query {
    text: String,
    values: Vec<Value>,
}

impl Query {
    /// What a value is called in the text.
    fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// The runs that a list is about, behind [`TOLD`]: `FROM` and `WHERE`.
    fn filtered(query: &RunQuery, alive_since: i64) -> Query {
        let mut filtered = Query {
            text: " FROM told".to_owned(),
            values: vec![alive_since.into()],
        };
        let mut wanted = Vec::new();
        if let Order::Best(metric) = &query.order {
            // Of each run the value at the step that it keeps, as `METRIC` has it.
            let metric = filtered.value(metric.clone());
            filtered.text += &format!(
                " LEFT JOIN run_metrics AS sorted \
                 ON sorted.run_id = told.run_id AND sorted.name = {metric} \
                 LEFT JOIN run_points AS point ON point.metric_id = sorted.metric_id \
                 AND point.step = coalesce(told.kept, told.step)"
            );
        }
        if let Some(kind) = &query.kind {
            wanted.push(format!("told.kind = {}", filtered.value(kind.clone())));
        }
        if let Some(state) = query.state {
            let state = filtered.value(state.name().to_owned());
            wanted.push(format!("told.state = {state}"));
        }
        if !wanted.is_empty() {
            filtered.text += &format!(" WHERE {}", wanted.join(" AND "));
        }
        filtered
    }

    /// The rows of a list's page, behind [`TOLD`].
    fn page(query: &RunQuery, alive_since: i64) -> Query {
        let mut page = Query::filtered(query, alive_since);
        let best = match &query.order {
            Order::Newest => "",
            // A value that is no number is stored as NULL.
            Order::Best(_) => {
                "point.value IS NULL, \
                 CASE sorted.goal WHEN 'max' THEN -point.value ELSE point.value END, "
            }
        };
        let limit = query.limit.map_or(-1, signed);
        let (limit, skip) = (page.value(limit), page.value(signed(query.skip)));
        page.text = format!(
            "SELECT {ROW}{} ORDER BY {best}told.started DESC, told.run_id DESC \
             LIMIT {limit} OFFSET {skip}",
            page.text
        );
        page
    }
}

/// A page of a list.
pub fn runs(
    transaction: &Transaction<'_>,
    query: &RunQuery,
    alive_since: i64,
) -> Result<Vec<RunRow>, rusqlite::Error> {
    let page = Query::page(query, alive_since);
    let mut rows: Vec<(i64, RunRow)> = transaction
        .prepare(&format!("{TOLD} {}", page.text))?
        .query_map(params_from_iter(&page.values), row)?
        .collect::<Result<_, _>>()?;
    let places: BTreeMap<i64, usize> = (rows.iter().enumerate())
        .map(|(place, (run, _))| (*run, place))
        .collect();
    // What the rows have of `names`, by another look at the same page.
    let mut each = |text: &str, names: &[String], take: &dyn Fn(&Row<'_>, &mut RunRow) -> Taken| {
        if names.is_empty() {
            return Ok(());
        }
        let first = page.values.len();
        let numbers = (first + 1..=first + names.len()).map(|number| format!("?{number}"));
        let names_text = numbers.collect::<Vec<_>>().join(", ");
        let text = format!("{TOLD}, page AS ({}) {text} IN ({names_text})", page.text);
        let names = names.iter().map(|name| Value::from(name.clone()));
        let values = page.values.iter().cloned().chain(names);
        let mut statement = transaction.prepare(&text)?;
        let mut found = statement.query(params_from_iter(values))?;
        while let Some(found) = found.next()? {
            take(found, &mut rows[places[&found.get(0)?]].1)?;
        }
        Ok::<(), rusqlite::Error>(())
    };
    let text = format!("{METRIC} AND run_metrics.name");
    each(&text, &query.metrics, &|found, row| {
        row.metrics.insert(found.get(1)?, metric(found)?);
        Ok(())
    })?;
    let text = "SELECT run_id, run_parameters.name, value \
                FROM page JOIN run_parameters USING (run_id) WHERE run_parameters.name";
    each(text, &query.parameters, &|found, row| {
        row.parameters.insert(found.get(1)?, found.get(2)?);
        Ok(())
    })?;
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

type Taken = Result<(), rusqlite::Error>;

/// How many runs a list has.
pub fn count(
    transaction: &Transaction<'_>,
    query: &RunQuery,
    alive_since: i64,
) -> Result<u64, rusqlite::Error> {
    let order = Order::Newest;
    let filtered = Query::filtered(
        &RunQuery {
            order,
            ..query.clone()
        },
        alive_since,
    );
    let text = format!("{TOLD} SELECT count(*){}", filtered.text);
    transaction.query_row(&text, params_from_iter(filtered.values), |row| {
        Ok(unsigned(row.get(0)?))
    })
}

/// The names of all metrics that any run reported.
pub fn metric_names(transaction: &Transaction<'_>) -> Result<Vec<String>, rusqlite::Error> {
    let text = "SELECT DISTINCT name FROM run_metrics WHERE last_step IS NOT NULL ORDER BY name";
    texts(transaction, text, [])
}

/// The names of all parameters of any run.
pub fn parameter_names(transaction: &Transaction<'_>) -> Result<Vec<String>, rusqlite::Error> {
    let text = "SELECT DISTINCT name FROM run_parameters ORDER BY name";
    texts(transaction, text, [])
}

/// The ids of the runs of this name, or whose ids begin so.
pub fn called(transaction: &Transaction<'_>, wanted: &str) -> Result<Vec<String>, rusqlite::Error> {
    let text = "SELECT id FROM runs \
                WHERE name = ?1 OR (?1 <> '' AND substr(id, 1, length(?1)) = lower(?1)) \
                ORDER BY started DESC, run_id DESC";
    texts(transaction, text, [wanted])
}

/// All of a run but its series.
pub fn details(
    transaction: &Transaction<'_>,
    id: &str,
    alive_since: i64,
) -> Result<Details, Fault> {
    let page = format!("SELECT {ROW} FROM told WHERE id = ?2");
    let text = format!("{TOLD} {page}");
    let found = transaction.query_row(&text, (alive_since, id), row);
    let (run, mut row) = found.optional()?.ok_or_else(|| Error::no_such_run(id))?;
    row.metrics = transaction
        .prepare(&format!("{TOLD}, page AS ({page}) {METRIC}"))?
        .query_map((alive_since, id), |row| Ok((row.get(1)?, metric(row)?)))?
        .collect::<Result<_, _>>()?;
    let pairs = |text: &str| -> Result<BTreeMap<String, String>, rusqlite::Error> {
        let mut statement = transaction.prepare(text)?;
        let pairs = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
        pairs.collect()
    };
    row.parameters = pairs("SELECT name, value FROM run_parameters WHERE run_id = ?1")?;
    let environment = pairs("SELECT name, value FROM run_environment WHERE run_id = ?1")?;
    let text = "SELECT kind, path, size, blake3 FROM run_artefacts WHERE run_id = ?1 \
                ORDER BY kind, path";
    let artefacts = transaction
        .prepare(text)?
        .query_map([run], |row| {
            Ok(Artefact {
                kind: row.get(0)?,
                path: PathBuf::from(row.get::<_, String>(1)?),
                size: unsigned(row.get(2)?),
                hash: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Details {
        row,
        environment,
        artefacts,
    })
}

/// The values of a metric of a run, in the order of their steps.
pub fn series(
    transaction: &Transaction<'_>,
    id: &str,
    metric: &str,
) -> Result<Vec<Point>, rusqlite::Error> {
    let text = "SELECT step, value FROM run_points WHERE metric_id = \
                (SELECT metric_id FROM run_metrics JOIN runs USING (run_id) \
                 WHERE id = ?1 AND run_metrics.name = ?2) ORDER BY step";
    let mut statement = transaction.prepare(text)?;
    let points = statement.query_map([id, metric], |row| {
        Ok(Point {
            step: unsigned(row.get(0)?),
            value: number(row.get(1)?),
        })
    })?;
    points.collect()
}

/// The texts that a query gives.
fn texts(
    transaction: &Transaction<'_>,
    text: &str,
    values: impl Params,
) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = transaction.prepare(text)?;
    let texts = statement.query_map(values, |row| row.get(0))?;
    texts.collect()
}

/// Reads a run from the columns of [`ROW`], with its number in the database.
fn row(row: &Row<'_>) -> Result<(i64, RunRow), rusqlite::Error> {
    let state: String = row.get(4)?;
    let seed: Option<String> = row.get(8)?;
    let run = RunRow {
        id: row.get(1)?,
        name: row.get(2)?,
        kind: row.get(3)?,
        // The table knows no other names.
        state: State::by_name(&state).unwrap_or(State::Interrupted),
        started: row.get(5)?,
        ended: row.get(6)?,
        spent: row.get(7)?,
        seed: seed.and_then(|seed| seed.parse().ok()),
        folder: row.get::<_, Option<String>>(9)?.map(PathBuf::from),
        step: row.get::<_, Option<i64>>(10)?.map(unsigned),
        kept: row.get::<_, Option<i64>>(11)?.map(unsigned),
        metrics: BTreeMap::new(),
        parameters: BTreeMap::new(),
    };
    Ok((row.get(0)?, run))
}

/// Reads a metric from the columns of [`METRIC`].
fn metric(row: &Row<'_>) -> Result<Metric, rusqlite::Error> {
    let goal: Option<String> = row.get(2)?;
    // The step that is nothing where there is no such point, and the value.
    let point = |step: usize| -> Result<Option<Point>, rusqlite::Error> {
        let value = number(row.get(step + 1)?);
        let step = row.get::<_, Option<i64>>(step)?.map(unsigned);
        Ok(step.map(|step| Point { step, value }))
    };
    Ok(Metric {
        goal: Goal::by_name(goal.as_deref()),
        last: Point {
            step: unsigned(row.get(3)?),
            value: number(row.get(4)?),
        },
        best: point(5)?,
        kept: point(7)?,
    })
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
