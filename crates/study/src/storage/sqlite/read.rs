//! Looking at runs: lists that read no whole series, one run's details, one series.
use crate::error::{Error, Fault};
use crate::recorder::KEPT;
use crate::runs::{Artefact, Details, Goal, Metric, Point, RunRow, State};
use super::{Storage, milliseconds, now};
use rusqlite::{OptionalExtension, Row, Transaction, params_from_iter};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which runs a list shows, and what of them; nothing else is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunQuery {
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only those in this state.
    pub state: Option<State>,
    /// The metrics to read: their latest and best values.
    pub metrics: Vec<String>,
    /// The parameters to read.
    pub parameters: Vec<String>,
}

/// The columns of a [`RunRow`], in the order in which [`Storage::row`] reads them.
const COLUMNS: &str = "SELECT run_id, id, name, kind, state, started, ended, spent, heartbeat, seed, folder, \
     (SELECT max(last_step) FROM run_metrics WHERE run_metrics.run_id = runs.run_id), \
     (SELECT CAST(value AS INTEGER) FROM run_environment AS noted \
      WHERE noted.run_id = runs.run_id AND noted.name = 'kept.step') FROM runs";

/// The columns of a [`Metric`] with the number of its run and its name before them. Of its series one
/// value is read, found by its step.
const METRIC: &str = "SELECT run_id, name, goal, last_step, last_value, best_step, best_value, \
     step, value FROM run_metrics LEFT JOIN run_points \
     ON run_points.metric_id = run_metrics.metric_id AND step = coalesce( \
     (SELECT CAST(noted.value AS INTEGER) FROM run_environment AS noted \
      WHERE noted.run_id = run_metrics.run_id AND noted.name = 'kept.step'), \
     (SELECT max(last_step) FROM run_metrics AS every WHERE every.run_id = run_metrics.run_id))";

impl Storage {
    /// The runs, newest first.
    pub fn runs(&self, query: &RunQuery) -> Result<Vec<RunRow>, Error> {
        self.inner.read(|transaction| {
            let text = format!(
                "{COLUMNS} WHERE ?1 IS NULL OR kind = ?1 ORDER BY started DESC, run_id DESC"
            );
            let mut rows: Vec<(i64, RunRow)> = transaction
                .prepare(&text)?
                .query_map([&query.kind], |row| self.row(row))?
                .collect::<Result<_, _>>()?;
            if let Some(wanted) = query.state {
                rows.retain(|(_, row)| row.state == wanted);
            }
            let places: BTreeMap<i64, usize> = (rows.iter().enumerate())
                .map(|(place, (run, _))| (*run, place))
                .collect();
            let text = format!("{METRIC} WHERE last_step IS NOT NULL AND name IN");
            named(transaction, &text, &query.metrics, |run, row| {
                if let Some(&place) = places.get(&run) {
                    rows[place].1.metrics.insert(row.get(1)?, metric(row)?);
                }
                Ok(())
            })?;
            let text = "SELECT run_id, name, value FROM run_parameters WHERE name IN";
            named(transaction, text, &query.parameters, |run, row| {
                if let Some(&place) = places.get(&run) {
                    rows[place].1.parameters.insert(row.get(1)?, row.get(2)?);
                }
                Ok(())
            })?;
            Ok(rows.into_iter().map(|(_, row)| row).collect())
        })
    }

    /// The names of all metrics that any run reported.
    pub fn metric_names(&self) -> Result<Vec<String>, Error> {
        self.names(
            "SELECT DISTINCT name FROM run_metrics WHERE last_step IS NOT NULL ORDER BY name",
        )
    }

    /// The names of all parameters of any run.
    pub fn parameter_names(&self) -> Result<Vec<String>, Error> {
        self.names("SELECT DISTINCT name FROM run_parameters ORDER BY name")
    }

    fn names(&self, text: &str) -> Result<Vec<String>, Error> {
        self.inner.read(|transaction| {
            let mut statement = transaction.prepare(text)?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }

    /// The id of the run that a person means: an id, the beginning of one id, or the name of one run.
    pub fn find(&self, wanted: &str) -> Result<String, Error> {
        let text = "SELECT id FROM runs \
                    WHERE name = ?1 OR (?1 <> '' AND substr(id, 1, length(?1)) = lower(?1)) \
                    ORDER BY started DESC, run_id DESC";
        let mut runs: Vec<String> = self.inner.read(|transaction| {
            let mut statement = transaction.prepare(text)?;
            let ids = statement.query_map([wanted], |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })?;
        let whole = runs.iter().position(|id| id == wanted);
        let wanted = wanted.to_owned();
        match (whole, runs.len()) {
            (Some(place), _) => Ok(runs.swap_remove(place)),
            (None, 0) => Err(Error::NoSuchRun { wanted }),
            (None, 1) => Ok(runs.remove(0)),
            (None, _) => Err(Error::Ambiguous { wanted, runs }),
        }
    }

    /// All of a run but its series.
    pub fn details(&self, id: &str) -> Result<Details, Error> {
        self.inner.read(|transaction| {
            let text = format!("{COLUMNS} WHERE id = ?1");
            let found = transaction.query_row(&text, [id], |row| self.row(row));
            let (run, mut row) = found.optional()?.ok_or_else(|| missing(id))?;
            let text = format!("{METRIC} WHERE run_id = ?1 AND last_step IS NOT NULL");
            row.metrics = transaction
                .prepare(&text)?
                .query_map([run], |row| Ok((row.get(1)?, metric(row)?)))?
                .collect::<Result<_, _>>()?;
            let pairs = |text: &str| -> Result<BTreeMap<String, String>, rusqlite::Error> {
                let mut statement = transaction.prepare(text)?;
                let pairs = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
                pairs.collect()
            };
            row.parameters = pairs("SELECT name, value FROM run_parameters WHERE run_id = ?1")?;
            let mut environment =
                pairs("SELECT name, value FROM run_environment WHERE run_id = ?1")?;
            // It is the row's.
            environment.remove(KEPT);
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
        })
    }

    /// The values of a metric of a run, in the order of their steps; none where it has no such
    /// metric.
    pub fn series(&self, id: &str, metric: &str) -> Result<Vec<Point>, Error> {
        self.inner.read(|transaction| {
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
            Ok(points.collect::<Result<_, _>>()?)
        })
    }

    /// Reads a run, with its number in the database.
    fn row(&self, row: &Row<'_>) -> Result<(i64, RunRow), rusqlite::Error> {
        let state: String = row.get(4)?;
        let seed: Option<String> = row.get(9)?;
        let silent = now().saturating_sub(row.get(8)?);
        let state = match State::by_name(&state) {
            Some(State::Running) | None if silent > milliseconds(self.inner.options.patience) => {
                State::Interrupted
            }
            known => known.unwrap_or(State::Running),
        };
        Ok((
            row.get(0)?,
            RunRow {
                id: row.get(1)?,
                name: row.get(2)?,
                kind: row.get(3)?,
                state,
                started: row.get(5)?,
                ended: row.get(6)?,
                spent: row.get(7)?,
                seed: seed.and_then(|seed| seed.parse().ok()),
                folder: row.get::<_, Option<String>>(10)?.map(PathBuf::from),
                kept: row.get::<_, Option<i64>>(12)?.map(unsigned),
                step: row.get::<_, Option<i64>>(11)?.map(unsigned),
                metrics: BTreeMap::new(),
                parameters: BTreeMap::new(),
            },
        ))
    }
}

/// Calls `each` with every row of a query whose `name` is one of `names`, and the number of its run.
fn named(
    transaction: &Transaction<'_>,
    text: &str,
    names: &[String],
    mut each: impl FnMut(i64, &Row<'_>) -> Result<(), rusqlite::Error>,
) -> Result<(), Fault> {
    let places = vec!["?"; names.len()].join(", ");
    let mut statement = transaction.prepare(&format!("{text} ({places})"))?;
    let mut rows = statement.query(params_from_iter(names))?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row)?;
    }
    Ok(())
}

/// Reads a metric from the third column of [`METRIC`] on.
fn metric(row: &Row<'_>) -> Result<Metric, rusqlite::Error> {
    let goal: Option<String> = row.get(2)?;
    let best_step: Option<i64> = row.get(5)?;
    let best = number(row.get(6)?);
    Ok(Metric {
        goal: Goal::by_name(goal.as_deref()),
        last: Point {
            step: unsigned(row.get(3)?),
            value: number(row.get(4)?),
        },
        best: best_step.map(|step| Point {
            step: unsigned(step),
            value: best,
        }),
        kept: match row.get::<_, Option<i64>>(7)? {
            Some(step) => Some(Point {
                step: unsigned(step),
                value: number(row.get(8)?),
            }),
            None => None,
        },
    })
}

fn missing(id: &str) -> Fault {
    let wanted = id.to_owned();
    Error::NoSuchRun { wanted }.into()
}

/// What is stored as NULL was not a number.
fn number(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
