//! Studies and trials in Optuna's tables.
use super::{Fault, Sqlite, optuna};
use crate::error::Error;
use crate::space::Distribution;
use crate::storage::trials::{
    Held, Studies, TrialChange, TrialClaim, WORKER, WRITER, json, number, stored,
};
use crate::studies::{Direction, NewStudy, StudyRow, Trial, TrialState};
use rusqlite::{OptionalExtension, Params, Row, Transaction};
use serde_json::Value;
use std::collections::BTreeMap;

/// Now, as Optuna writes when a trial began and ended: by this machine's clock, to the microsecond.
const NOW: &str = "strftime('%Y-%m-%d %H:%M:%f000', 'now', 'localtime')";

/// Now, as Optuna writes signs of life: in UTC.
const NOW_UTC: &str = "strftime('%Y-%m-%d %H:%M:%f000', 'now')";

impl Studies for Sqlite {
    fn new_study(&self, new: &NewStudy) -> Result<i64, Error> {
        self.write(|transaction| {
            optuna::make(transaction, &self.path)?;
            let text = "INSERT OR IGNORE INTO studies (study_name) VALUES (?1) RETURNING study_id";
            let study: Option<i64> = transaction
                .query_row(text, [&new.name], |row| row.get(0))
                .optional()?;
            let study = study.ok_or_else(|| Error::StudyExists {
                study: new.name.clone(),
            })?;
            for (objective, direction) in new.directions.iter().enumerate() {
                let text = "INSERT INTO study_directions (direction, study_id, objective) \
                            VALUES (?1, ?2, ?3)";
                transaction.execute(text, (direction.name(), study, objective as i64))?;
            }
            for (key, value) in &new.attributes {
                note_study(transaction, study, key, value)?;
            }
            Ok(study)
        })
    }

    fn studies(&self) -> Result<Vec<StudyRow>, Error> {
        self.read(
            |transaction| match optuna::are_there(transaction, &self.path)? {
                true => Ok(studies(transaction)?),
                false => Ok(Vec::new()),
            },
        )
    }

    fn note_study(&self, study: i64, key: &str, value: &Value) -> Result<(), Error> {
        self.write(|transaction| Ok(note_study(transaction, study, key, value)?))
    }

    fn trials(&self, study: i64, after: i64, also: &[i64]) -> Result<Vec<Trial>, Error> {
        self.read(|transaction| Ok(trials(transaction, study, after, also)?))
    }

    fn claim(&self, study: i64, asked: &TrialClaim<'_>, most: u64) -> Result<Option<i64>, Error> {
        self.write(|transaction| Ok(claim(transaction, study, asked, most)?))
    }

    fn reopen(&self, trial: i64, writer: i64) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM trial_values WHERE trial_id = ?1", [trial])?;
            Ok(give(transaction, trial, writer)?)
        })
    }

    fn write_trial(&self, held: Held, changes: &[TrialChange]) -> Result<(), Error> {
        self.write(|transaction| {
            if !is_held(transaction, held)? {
                return Err(Error::TrialTakenOver.into());
            }
            beat(transaction, held.trial)?;
            for change in changes {
                apply(transaction, held.trial, change)?;
            }
            Ok(())
        })
    }

    fn sign_trials(&self, held: &[Held]) -> Result<(), Error> {
        self.write(|transaction| {
            for held in held {
                if is_held(transaction, *held)? {
                    beat(transaction, held.trial)?;
                }
            }
            Ok(())
        })
    }
}

/// What SQLite finds, or refuses.
type Found<T> = std::result::Result<T, rusqlite::Error>;

fn note_study(transaction: &Transaction<'_>, study: i64, key: &str, value: &Value) -> Found<()> {
    let text = "INSERT INTO study_user_attributes (study_id, key, value_json) VALUES (?1, ?2, ?3) \
                ON CONFLICT (study_id, key) DO UPDATE SET value_json = excluded.value_json";
    transaction
        .execute(text, (study, key, value.to_string()))
        .map(drop)
}

fn studies(transaction: &Transaction<'_>) -> Found<Vec<StudyRow>> {
    let mut statement =
        transaction.prepare("SELECT study_id, study_name FROM studies ORDER BY 1")?;
    let rows = statement.query_map([], |row| {
        Ok(StudyRow {
            id: row.get(0)?,
            name: row.get(1)?,
            directions: Vec::new(),
            attributes: BTreeMap::new(),
            counts: BTreeMap::new(),
        })
    })?;
    let mut rows: Vec<StudyRow> = rows.collect::<Found<_>>()?;
    let place = |rows: &[StudyRow], id: i64| rows.iter().position(|row| row.id == id);
    let text = "SELECT study_id, direction FROM study_directions ORDER BY study_id, objective";
    each(transaction, text, [], |row| {
        let (study, direction): (i64, String) = (row.get(0)?, row.get(1)?);
        if let Some(place) = place(&rows, study) {
            rows[place].directions.push(Direction::by_name(&direction));
        }
        Ok(())
    })?;
    let text = "SELECT study_id, key, value_json FROM study_user_attributes";
    each(transaction, text, [], |row| {
        if let Some(place) = place(&rows, row.get(0)?) {
            let (key, value): (String, String) = (row.get(1)?, row.get(2)?);
            rows[place].attributes.insert(key, json(&value));
        }
        Ok(())
    })?;
    let text = "SELECT study_id, state, count(*) FROM trials GROUP BY 1, 2";
    each(transaction, text, [], |row| {
        let (state, count): (String, i64) = (row.get(1)?, row.get(2)?);
        if let (Some(place), Some(state)) = (place(&rows, row.get(0)?), TrialState::by_name(&state))
        {
            rows[place].counts.insert(state, count.unsigned_abs());
        }
        Ok(())
    })?;
    Ok(rows)
}

/// Does something with each row that a query finds.
fn each(
    transaction: &Transaction<'_>,
    text: &str,
    values: impl Params,
    mut with: impl FnMut(&Row<'_>) -> Found<()>,
) -> Found<()> {
    let mut statement = transaction.prepare(text)?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        with(row)?;
    }
    Ok(())
}

fn trials(
    transaction: &Transaction<'_>,
    study: i64,
    after: i64,
    also: &[i64],
) -> Found<Vec<Trial>> {
    const TIME: &str = "CAST(1000 * unixepoch({}, 'utc', 'subsec') AS INTEGER)";
    let [started, ended] =
        ["datetime_start", "datetime_complete"].map(|name| TIME.replace("{}", name));
    let also = serde_json::to_string(also).unwrap_or_default();
    let text = format!(
        "SELECT trial_id, number, state, {started}, {ended} FROM trials \
         WHERE study_id = ?1 AND trial_id > ?2 UNION ALL \
         SELECT trial_id, number, state, {started}, {ended} FROM trials \
         WHERE trial_id IN (SELECT value FROM json_each(?3)) AND trial_id <= ?2"
    );
    let mut found: BTreeMap<i64, Trial> = BTreeMap::new();
    each(transaction, &text, (study, after, also), |row| {
        let id: i64 = row.get(0)?;
        let (number, state): (i64, String) = (row.get(1)?, row.get(2)?);
        found.insert(
            id,
            Trial {
                state: TrialState::by_name(&state).unwrap_or(TrialState::Failed),
                started: row.get(3)?,
                ended: row.get(4)?,
                ..Trial::new(id, number.unsigned_abs())
            },
        );
        Ok(())
    })?;
    let ids: Vec<i64> = found.keys().copied().collect();
    let ids = serde_json::to_string(&ids).unwrap_or_default();
    let of = |columns: &str, table: &str| {
        format!(
            "SELECT trial_id, {columns} FROM {table} \
             WHERE trial_id IN (SELECT value FROM json_each(?1))"
        )
    };
    let text = of("param_name, param_value, distribution_json", "trial_params");
    each(transaction, &text, [&ids], |row| {
        let (name, json_text): (String, String) = (row.get(1)?, row.get(3)?);
        let value: f64 = row.get(2)?;
        if let Some(distribution) = Distribution::from_json(&json(&json_text)) {
            with(&mut found, row)?
                .parameters
                .insert(name, (distribution, value));
        }
        Ok(())
    })?;
    let text = of("objective, value, value_type", "trial_values") + " ORDER BY trial_id, objective";
    each(transaction, &text, [&ids], |row| {
        let value = number(row.get(2)?, &row.get::<_, String>(3)?);
        with(&mut found, row)?.values.push(value);
        Ok(())
    })?;
    let columns = "step, intermediate_value, intermediate_value_type";
    each(
        transaction,
        &of(columns, "trial_intermediate_values"),
        [&ids],
        |row| {
            let value = number(row.get(2)?, &row.get::<_, String>(3)?);
            with(&mut found, row)?.reported.insert(row.get(1)?, value);
            Ok(())
        },
    )?;
    for (table, system) in [
        ("trial_user_attributes", false),
        ("trial_system_attributes", true),
    ] {
        each(transaction, &of("key, value_json", table), [&ids], |row| {
            let (key, value): (String, String) = (row.get(1)?, row.get(2)?);
            let trial = with(&mut found, row)?;
            let attributes = if system {
                &mut trial.system
            } else {
                &mut trial.attributes
            };
            attributes.insert(key, json(&value));
            Ok(())
        })?;
    }
    Ok(found.into_values().collect())
}

/// The trial of a row, whose id stands first.
fn with<'found>(
    found: &'found mut BTreeMap<i64, Trial>,
    row: &Row<'_>,
) -> Found<&'found mut Trial> {
    let id: i64 = row.get(0)?;
    found
        .get_mut(&id)
        .ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn claim(
    transaction: &Transaction<'_>,
    study: i64,
    claim: &TrialClaim<'_>,
    most: u64,
) -> Found<Option<i64>> {
    let text = "SELECT trial_id FROM trials WHERE study_id = ?1 AND state = 'WAITING' \
                ORDER BY number LIMIT 1";
    let id = |row: &Row<'_>| row.get::<_, i64>(0);
    let mut open = transaction.query_row(text, [study], id).optional()?;
    if open.is_none() {
        open = dead(transaction, study, claim)?;
    }
    if open.is_none() {
        let text = "SELECT count(*), coalesce(max(number), -1) + 1 FROM trials WHERE study_id = ?1";
        let (count, number): (i64, i64) =
            transaction.query_row(text, [study], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if count.unsigned_abs() >= most {
            return Ok(None);
        }
        let text = "INSERT INTO trials (number, study_id, state) VALUES (?1, ?2, 'WAITING') \
                    RETURNING trial_id";
        open = Some(transaction.query_row(text, (number, study), id)?);
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

/// The first trial whose worker has died. One that another program began has no writer: nobody here knows
/// how to go on with it.
fn dead(transaction: &Transaction<'_>, study: i64, claim: &TrialClaim<'_>) -> Found<Option<i64>> {
    let text = "SELECT trial_id, value_json, coalesce(1000 * unixepoch(heartbeat, 'subsec'), 0.0) \
         FROM trials JOIN trial_system_attributes USING (trial_id) \
         LEFT JOIN trial_heartbeats USING (trial_id) \
         WHERE study_id = ?1 AND state = 'RUNNING' AND key = ?2 ORDER BY number";
    let mut found = None;
    each(transaction, text, (study, WRITER), |row| {
        let (trial, writer, heartbeat): (i64, String, f64) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let is_dead = |held: &Held| held.trial == trial && held.writer.to_string() == writer;
        if found.is_none()
            && (heartbeat < claim.alive_since as f64 || claim.dead.iter().any(is_dead))
        {
            found = Some(trial);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Lets somebody work on a trial.
fn give(transaction: &Transaction<'_>, trial: i64, writer: i64) -> Found<()> {
    let text = format!(
        "UPDATE trials SET state = 'RUNNING', datetime_complete = NULL, \
         datetime_start = coalesce(datetime_start, {NOW}) WHERE trial_id = ?1"
    );
    transaction.execute(&text, [trial])?;
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

fn is_held(transaction: &Transaction<'_>, held: Held) -> Found<bool> {
    let text = "SELECT value_json FROM trial_system_attributes JOIN trials USING (trial_id) \
                WHERE trial_id = ?1 AND key = ?2 AND state = 'RUNNING'";
    let writer: Option<String> = transaction
        .query_row(text, (held.trial, WRITER), |row| row.get(0))
        .optional()?;
    Ok(writer.is_some_and(|writer| writer == held.writer.to_string()))
}

/// A sign of life.
fn beat(transaction: &Transaction<'_>, trial: i64) -> Found<()> {
    let text = format!(
        "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (?1, {NOW_UTC}) \
         ON CONFLICT (trial_id) DO UPDATE SET heartbeat = excluded.heartbeat"
    );
    transaction.prepare(&text)?.execute([trial]).map(drop)
}

fn attribute(
    transaction: &Transaction<'_>,
    table: &str,
    trial: i64,
    key: &str,
    value: &Value,
) -> Found<()> {
    let text = format!(
        "INSERT INTO {table} (trial_id, key, value_json) VALUES (?1, ?2, ?3) \
         ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json"
    );
    transaction
        .execute(&text, (trial, key, value.to_string()))
        .map(drop)
}

fn apply(transaction: &Transaction<'_>, trial: i64, change: &TrialChange) -> Result<(), Fault> {
    match change {
        TrialChange::Parameter {
            name,
            distribution,
            value,
        } => {
            let text = "INSERT INTO trial_params \
                 (trial_id, param_name, param_value, distribution_json) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (trial_id, param_name) DO UPDATE SET \
                 param_value = excluded.param_value, distribution_json = excluded.distribution_json";
            let distribution = distribution.to_json().to_string();
            transaction.execute(text, (trial, name, value, distribution))?;
        }
        TrialChange::Reported { step, value } => {
            let text = "INSERT INTO trial_intermediate_values \
                 (trial_id, step, intermediate_value, intermediate_value_type) \
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT (trial_id, step) DO UPDATE SET \
                 intermediate_value = excluded.intermediate_value, \
                 intermediate_value_type = excluded.intermediate_value_type";
            let (value, kind) = stored(*value);
            transaction.execute(text, (trial, step, value, kind))?;
        }
        TrialChange::Attribute { key, value } => {
            attribute(transaction, "trial_user_attributes", trial, key, value)?;
        }
        TrialChange::System { key, value } => {
            attribute(transaction, "trial_system_attributes", trial, key, value)?;
        }
        TrialChange::End { state, values } => end(transaction, trial, *state, values)?,
    }
    Ok(())
}

fn end(transaction: &Transaction<'_>, trial: i64, state: TrialState, values: &[f64]) -> Found<()> {
    for (objective, value) in values.iter().enumerate() {
        let text = "INSERT OR REPLACE INTO trial_values (trial_id, objective, value, value_type) \
                    VALUES (?1, ?2, ?3, ?4)";
        let (value, kind) = stored(*value);
        transaction.execute(text, (trial, objective as i64, value, kind))?;
    }
    let ended = if state.is_finished() { NOW } else { "NULL" };
    let text =
        format!("UPDATE trials SET state = ?2, datetime_complete = {ended} WHERE trial_id = ?1");
    transaction.execute(&text, (trial, state.name()))?;
    // It is nobody's any more.
    let text = "DELETE FROM trial_system_attributes WHERE trial_id = ?1 AND key = ?2";
    transaction.execute(text, (trial, WRITER))?;
    transaction
        .execute("DELETE FROM trial_heartbeats WHERE trial_id = ?1", [trial])
        .map(drop)
}
