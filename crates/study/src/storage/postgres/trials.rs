//! Studies and trials in Optuna's tables.
use super::{Fault, Postgres};
use crate::error::Error;
use crate::space::Distribution;
use crate::storage::now;
use crate::storage::trials::{
    Held, Studies, TrialChange, TrialClaim, WORKER, WRITER, json, number, stored,
};
use crate::studies::{Direction, NewStudy, StudyRow, Trial, TrialState};
use postgres::{Row, Transaction};
use serde_json::Value;
use std::collections::BTreeMap;

impl Studies for Postgres {
    fn new_study(&self, new: &NewStudy) -> Result<i64, Error> {
        self.call(|transaction| {
            let text = "INSERT INTO studies (study_name) VALUES ($1) \
                        ON CONFLICT (study_name) DO NOTHING RETURNING study_id::bigint";
            let study = transaction.query_opt(text, &[&new.name])?;
            let study: i64 = study
                .map(|row| row.get(0))
                .ok_or_else(|| Error::StudyExists {
                    study: new.name.clone(),
                })?;
            for (objective, direction) in (0i64..).zip(&new.directions) {
                let text = "INSERT INTO study_directions (direction, study_id, objective) \
                            VALUES ($1::text::studydirection, $2::bigint, $3::bigint)";
                transaction.execute(text, &[&direction.name(), &study, &objective])?;
            }
            for (key, value) in &new.attributes {
                note_study(transaction, study, key, value)?;
            }
            Ok(study)
        })
    }

    fn studies(&self) -> Result<Vec<StudyRow>, Error> {
        self.call(studies)
    }

    fn note_study(&self, study: i64, key: &str, value: &Value) -> Result<(), Error> {
        self.call(|transaction| note_study(transaction, study, key, value))
    }

    fn trials(&self, study: i64, after: i64, also: &[i64]) -> Result<Vec<Trial>, Error> {
        self.call(|transaction| trials(transaction, study, after, also))
    }

    fn claim(&self, study: i64, asked: &TrialClaim<'_>, most: u64) -> Result<Option<i64>, Error> {
        self.call(|transaction| claim(transaction, study, asked, most))
    }

    fn reopen(&self, trial: i64, writer: i64) -> Result<(), Error> {
        self.call(|transaction| {
            let text = "DELETE FROM trial_values WHERE trial_id = $1::bigint";
            transaction.execute(text, &[&trial])?;
            give(transaction, trial, writer)
        })
    }

    fn write_trial(&self, held: Held, changes: &[TrialChange]) -> Result<(), Error> {
        self.call(|transaction| {
            match holding(transaction, held)? {
                Some(TrialState::Running) => {}
                // It was written, but the answer was lost.
                Some(state) if ends_in(changes, state) => return Ok(()),
                _ => return Err(Error::TrialTakenOver.into()),
            }
            beat(transaction, held.trial)?;
            for change in changes {
                apply(transaction, held.trial, change)?;
            }
            Ok(())
        })
    }

    fn sign_trials(&self, held: &[Held]) -> Result<(), Error> {
        self.call(|transaction| {
            for held in held {
                if holding(transaction, *held)? == Some(TrialState::Running) {
                    beat(transaction, held.trial)?;
                }
            }
            Ok(())
        })
    }
}

fn ends_in(changes: &[TrialChange], wanted: TrialState) -> bool {
    let last = changes.last();
    matches!(last, Some(TrialChange::End { state, .. }) if *state == wanted)
}

fn note_study(
    transaction: &mut Transaction<'_>,
    study: i64,
    key: &str,
    value: &Value,
) -> Result<(), Fault> {
    let text = "INSERT INTO study_user_attributes (study_id, key, value_json) \
                VALUES ($1::bigint, $2, $3) \
                ON CONFLICT (study_id, key) DO UPDATE SET value_json = excluded.value_json";
    transaction.execute(text, &[&study, &key, &value.to_string()])?;
    Ok(())
}

fn studies(transaction: &mut Transaction<'_>) -> Result<Vec<StudyRow>, Fault> {
    let there: bool =
        (transaction.query_one("SELECT to_regclass('studies') IS NOT NULL", &[])?).get(0);
    if !there {
        return Ok(Vec::new());
    }
    let text = "SELECT study_id::bigint, study_name FROM studies ORDER BY 1";
    let rows = transaction.query(text, &[])?;
    let mut rows: Vec<StudyRow> = rows
        .iter()
        .map(|row| StudyRow {
            id: row.get(0),
            name: row.get(1),
            directions: Vec::new(),
            attributes: BTreeMap::new(),
            counts: BTreeMap::new(),
        })
        .collect();
    let mut with = |id: i64, change: &dyn Fn(&mut StudyRow)| {
        rows.iter_mut().filter(|row| row.id == id).for_each(change);
    };
    let text = "SELECT study_id::bigint, direction::text FROM study_directions \
                ORDER BY study_id, objective";
    for found in transaction.query(text, &[])? {
        let direction = Direction::by_name(found.get(1));
        with(found.get(0), &|row| row.directions.push(direction));
    }
    let text = "SELECT study_id::bigint, key, value_json FROM study_user_attributes";
    for found in transaction.query(text, &[])? {
        let (key, value): (String, String) = (found.get(1), found.get(2));
        with(found.get(0), &|row| {
            drop(row.attributes.insert(key.clone(), json(&value)))
        });
    }
    let text = "SELECT study_id::bigint, state::text, count(*) FROM trials GROUP BY 1, 2";
    for found in transaction.query(text, &[])? {
        let count: i64 = found.get(2);
        if let Some(state) = TrialState::by_name(found.get(1)) {
            with(found.get(0), &|row| {
                row.counts.insert(state, count.unsigned_abs());
            });
        }
    }
    Ok(rows)
}

fn trials(
    transaction: &mut Transaction<'_>,
    study: i64,
    after: i64,
    also: &[i64],
) -> Result<Vec<Trial>, Fault> {
    let time = |name: &str| {
        format!(
            "(1000 * extract(epoch FROM {name} AT TIME ZONE current_setting('TimeZone')))::bigint"
        )
    };
    let text = format!(
        "SELECT trial_id::bigint, number::bigint, state::text, {}, {} FROM trials \
         WHERE study_id = $1::bigint AND trial_id > $2::bigint \
         OR trial_id = ANY($3::bigint[]) AND trial_id <= $2::bigint",
        time("datetime_start"),
        time("datetime_complete"),
    );
    let mut found: BTreeMap<i64, Trial> = BTreeMap::new();
    for row in transaction.query(&text, &[&study, &after, &also])? {
        let (id, number): (i64, i64) = (row.get(0), row.get(1));
        let trial = Trial {
            state: TrialState::by_name(row.get(2)).unwrap_or(TrialState::Failed),
            started: row.get(3),
            ended: row.get(4),
            ..Trial::new(id, number.unsigned_abs())
        };
        found.insert(id, trial);
    }
    let ids: Vec<i64> = found.keys().copied().collect();
    let mut each = |columns: &str,
                    table: &str,
                    take: &dyn Fn(&Row, &mut Trial)|
     -> Result<(), Fault> {
        let text = format!(
            "SELECT trial_id::bigint, {columns} FROM {table} WHERE trial_id = ANY($1::bigint[]) ORDER BY 1, 2"
        );
        for row in transaction.query(&text, &[&ids])? {
            if let Some(trial) = found.get_mut(&row.get(0)) {
                take(&row, trial);
            }
        }
        Ok(())
    };
    each(
        "param_name, param_value, distribution_json",
        "trial_params",
        &|row, trial| {
            if let Some(distribution) = Distribution::from_json(&json(row.get(3))) {
                trial
                    .parameters
                    .insert(row.get(1), (distribution, row.get(2)));
            }
        },
    )?;
    each(
        "objective::bigint, value, value_type::text",
        "trial_values",
        &|row, trial| {
            trial.values.push(number(row.get(2), row.get(3)));
        },
    )?;
    let columns = "step::bigint, intermediate_value, intermediate_value_type::text";
    each(columns, "trial_intermediate_values", &|row, trial| {
        trial
            .reported
            .insert(row.get(1), number(row.get(2), row.get(3)));
    })?;
    each("key, value_json", "trial_user_attributes", &|row, trial| {
        trial.attributes.insert(row.get(1), json(row.get(2)));
    })?;
    each(
        "key, value_json",
        "trial_system_attributes",
        &|row, trial| {
            trial.system.insert(row.get(1), json(row.get(2)));
        },
    )?;
    Ok(found.into_values().collect())
}

fn claim(
    transaction: &mut Transaction<'_>,
    study: i64,
    claim: &TrialClaim<'_>,
    most: u64,
) -> Result<Option<i64>, Fault> {
    // One claim of a study at a time: numbers have no gap, and nobody is given what another gets.
    let text = "SELECT 1 FROM studies WHERE study_id = $1::bigint FOR UPDATE";
    transaction.query_opt(text, &[&study])?;
    let text = "SELECT trial_id::bigint, state::text, \
                (SELECT value_json FROM trial_system_attributes AS noted \
                 WHERE noted.trial_id = trials.trial_id AND key = $2), \
                coalesce((SELECT (1000 * extract(epoch FROM localtimestamp - heartbeat))::bigint \
                          FROM trial_heartbeats AS heard WHERE heard.trial_id = trials.trial_id), $3) \
                FROM trials WHERE study_id = $1::bigint AND state IN ('WAITING', 'RUNNING') \
                ORDER BY state DESC, number";
    // By the database's clock, which all machines share.
    let patience = now() - claim.alive_since;
    let own = claim.writer.to_string();
    let mut open = None;
    for row in transaction.query(text, &[&study, &WRITER, &i64::MAX])? {
        let (trial, state): (i64, String) = (row.get(0), row.get(1));
        let (writer, silent): (Option<String>, i64) = (row.get(2), row.get(3));
        let running = state == TrialState::Running.name();
        if running && writer.as_deref() == Some(&own) {
            // It was given already, but the answer was lost.
            return Ok(Some(trial));
        }
        let is = |held: &Held| held.trial == trial && Some(held.writer.to_string()) == writer;
        let dead = writer.is_some() && (silent > patience || claim.dead.iter().any(is));
        if !running || dead {
            open.get_or_insert((running, trial));
        }
    }
    let mut open = open.map(|(_, trial)| trial);
    if open.is_none() {
        let text = "SELECT count(*), coalesce(max(number), -1)::bigint + 1 FROM trials \
                    WHERE study_id = $1::bigint";
        let row = transaction.query_one(text, &[&study])?;
        let (count, number): (i64, i64) = (row.get(0), row.get(1));
        if count.unsigned_abs() >= most {
            return Ok(None);
        }
        let text = "INSERT INTO trials (number, study_id, state) \
                    VALUES ($1::bigint, $2::bigint, 'WAITING') RETURNING trial_id::bigint";
        open = Some(transaction.query_one(text, &[&number, &study])?.get(0));
    }
    if let Some(trial) = open {
        give(transaction, trial, claim.writer)?;
        attribute(
            transaction,
            "trial_system_attributes",
            trial,
            WORKER,
            claim.worker,
        )?;
    }
    Ok(open)
}

/// Lets somebody work on a trial.
fn give(transaction: &mut Transaction<'_>, trial: i64, writer: i64) -> Result<(), Fault> {
    let text = "UPDATE trials SET state = 'RUNNING', datetime_complete = NULL, \
                datetime_start = coalesce(datetime_start, localtimestamp) WHERE trial_id = $1::bigint";
    transaction.execute(text, &[&trial])?;
    let writer = Value::from(writer);
    attribute(
        transaction,
        "trial_system_attributes",
        trial,
        WRITER,
        &writer,
    )?;
    beat(transaction, trial)
}

/// The state of a trial that is still held so; none of one that is not.
fn holding(transaction: &mut Transaction<'_>, held: Held) -> Result<Option<TrialState>, Fault> {
    let text = "SELECT value_json, state::text FROM trials \
                JOIN trial_system_attributes USING (trial_id) \
                WHERE trial_id = $1::bigint AND key = $2 FOR UPDATE OF trials";
    let row = transaction.query_opt(text, &[&held.trial, &WRITER])?;
    Ok(row.and_then(|row| {
        let writer: String = row.get(0);
        (writer == held.writer.to_string()).then(|| TrialState::by_name(row.get(1)))?
    }))
}

/// A sign of life, as Optuna gives it.
fn beat(transaction: &mut Transaction<'_>, trial: i64) -> Result<(), Fault> {
    let text = "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES ($1::bigint, localtimestamp) \
                ON CONFLICT (trial_id) DO UPDATE SET heartbeat = excluded.heartbeat";
    transaction.execute(text, &[&trial])?;
    Ok(())
}

fn attribute(
    transaction: &mut Transaction<'_>,
    table: &str,
    trial: i64,
    key: &str,
    value: &Value,
) -> Result<(), Fault> {
    let text = format!(
        "INSERT INTO {table} (trial_id, key, value_json) VALUES ($1::bigint, $2, $3) \
         ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json"
    );
    transaction.execute(&text, &[&trial, &key, &value.to_string()])?;
    Ok(())
}

fn apply(transaction: &mut Transaction<'_>, trial: i64, change: &TrialChange) -> Result<(), Fault> {
    match change {
        TrialChange::Parameter {
            name,
            distribution,
            value,
        } => {
            let text = "INSERT INTO trial_params \
                 (trial_id, param_name, param_value, distribution_json) VALUES ($1::bigint, $2, $3, $4) \
                 ON CONFLICT (trial_id, param_name) DO UPDATE SET \
                 param_value = excluded.param_value, distribution_json = excluded.distribution_json";
            let distribution = distribution.to_json().to_string();
            transaction.execute(text, &[&trial, &name, &value, &distribution])?;
        }
        TrialChange::Reported { step, value } => {
            let text = "INSERT INTO trial_intermediate_values \
                 (trial_id, step, intermediate_value, intermediate_value_type) \
                 VALUES ($1::bigint, $2::bigint, $3, $4::text::trialintermediatevaluetype) \
                 ON CONFLICT (trial_id, step) DO UPDATE SET \
                 intermediate_value = excluded.intermediate_value, \
                 intermediate_value_type = excluded.intermediate_value_type";
            let (value, kind) = stored(*value);
            transaction.execute(text, &[&trial, step, &value, &kind])?;
        }
        TrialChange::Attribute { key, value } => {
            attribute(transaction, "trial_user_attributes", trial, key, value)?;
        }
        TrialChange::System { key, value } => {
            attribute(transaction, "trial_system_attributes", trial, key, value)?;
        }
        TrialChange::End { state, values } => {
            for (objective, value) in (0i64..).zip(values) {
                let text = "INSERT INTO trial_values (trial_id, objective, value, value_type) \
                     VALUES ($1::bigint, $2::bigint, $3, $4::text::trialvaluetype) \
                     ON CONFLICT (trial_id, objective) DO UPDATE SET \
                     value = excluded.value, value_type = excluded.value_type";
                let (value, kind) = stored(*value);
                transaction.execute(text, &[&trial, &objective, &value, &kind])?;
            }
            let ended = if state.is_finished() {
                "localtimestamp"
            } else {
                "NULL"
            };
            let text = format!(
                "UPDATE trials SET state = $2::text::trialstate, datetime_complete = {ended} \
                 WHERE trial_id = $1::bigint"
            );
            transaction.execute(&text, &[&trial, &state.name()])?;
            let text = "DELETE FROM trial_heartbeats WHERE trial_id = $1::bigint";
            transaction.execute(text, &[&trial])?;
        }
    }
    Ok(())
}
