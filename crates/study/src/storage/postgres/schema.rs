//! The tables: those of runs, and Optuna's as its version 5 makes them in PostgreSQL.
use super::Fault;
use crate::error::Error;
use postgres::Transaction;

/// The version of the runs' tables, which are made as SQLite's migrations leave them.
const VERSION: i64 = 2;

/// The version of Optuna's tables, as it counts.
const OPTUNA: i64 = 12;

/// A number that only museau's makers of tables lock.
const LOCK: i64 = 0x6d75_7365_6175;

const RUNS: &str = "
CREATE TABLE runs_schema (version BIGINT PRIMARY KEY);
INSERT INTO runs_schema VALUES (2);
CREATE TABLE runs (
    run_id BIGSERIAL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'failed', 'interrupted')),
    started BIGINT NOT NULL,
    ended BIGINT,
    spent BIGINT NOT NULL DEFAULT 0,
    heartbeat BIGINT NOT NULL,
    writer BIGINT NOT NULL,
    seed TEXT,
    folder TEXT,
    kept BIGINT
);
CREATE INDEX runs_by_start ON runs (started);
CREATE TABLE run_parameters (
    run_id BIGINT NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
);
CREATE TABLE run_environment (
    run_id BIGINT NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
);
CREATE TABLE run_metrics (
    metric_id BIGSERIAL PRIMARY KEY,
    run_id BIGINT NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    goal TEXT CHECK (goal IN ('min', 'max')),
    last_step BIGINT,
    last_value DOUBLE PRECISION,
    best_step BIGINT,
    best_value DOUBLE PRECISION,
    UNIQUE (run_id, name)
);
CREATE TABLE run_points (
    metric_id BIGINT NOT NULL REFERENCES run_metrics ON DELETE CASCADE,
    step BIGINT NOT NULL,
    value DOUBLE PRECISION,
    PRIMARY KEY (metric_id, step)
);
CREATE TABLE run_artefacts (
    run_id BIGINT NOT NULL REFERENCES runs ON DELETE CASCADE,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    size BIGINT NOT NULL,
    blake3 TEXT NOT NULL,
    PRIMARY KEY (run_id, path)
);
";

const STUDIES: &str = "
CREATE TYPE studydirection AS ENUM ('NOT_SET', 'MINIMIZE', 'MAXIMIZE');
CREATE TYPE trialstate AS ENUM ('RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING');
CREATE TYPE trialvaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG');
CREATE TYPE trialintermediatevaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG', 'NAN');
CREATE TABLE studies (
    study_id SERIAL PRIMARY KEY,
    study_name VARCHAR(512) NOT NULL
);
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE TABLE version_info (
    version_info_id INTEGER PRIMARY KEY CHECK (version_info_id = 1),
    schema_version INTEGER,
    library_version VARCHAR(256)
);
INSERT INTO version_info VALUES (1, 12, '5.0.0');
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('v3.2.0.a');
CREATE TABLE study_directions (
    study_direction_id SERIAL PRIMARY KEY,
    direction studydirection NOT NULL,
    study_id INTEGER NOT NULL REFERENCES studies,
    objective INTEGER NOT NULL,
    UNIQUE (study_id, objective)
);
CREATE TABLE study_user_attributes (
    study_user_attribute_id SERIAL PRIMARY KEY,
    study_id INTEGER REFERENCES studies,
    key VARCHAR(512),
    value_json TEXT,
    UNIQUE (study_id, key)
);
CREATE TABLE study_system_attributes (
    study_system_attribute_id SERIAL PRIMARY KEY,
    study_id INTEGER REFERENCES studies,
    key VARCHAR(512),
    value_json TEXT,
    UNIQUE (study_id, key)
);
CREATE TABLE trials (
    trial_id SERIAL PRIMARY KEY,
    number INTEGER,
    study_id INTEGER REFERENCES studies,
    state trialstate NOT NULL,
    datetime_start TIMESTAMP WITHOUT TIME ZONE,
    datetime_complete TIMESTAMP WITHOUT TIME ZONE
);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE TABLE trial_user_attributes (
    trial_user_attribute_id SERIAL PRIMARY KEY,
    trial_id INTEGER REFERENCES trials,
    key VARCHAR(512),
    value_json TEXT,
    UNIQUE (trial_id, key)
);
CREATE TABLE trial_system_attributes (
    trial_system_attribute_id SERIAL PRIMARY KEY,
    trial_id INTEGER REFERENCES trials,
    key VARCHAR(512),
    value_json TEXT,
    UNIQUE (trial_id, key)
);
CREATE TABLE trial_params (
    param_id SERIAL PRIMARY KEY,
    trial_id INTEGER REFERENCES trials,
    param_name VARCHAR(512),
    param_value FLOAT(53),
    distribution_json TEXT,
    UNIQUE (trial_id, param_name)
);
CREATE TABLE trial_values (
    trial_value_id SERIAL PRIMARY KEY,
    trial_id INTEGER NOT NULL REFERENCES trials,
    objective INTEGER NOT NULL,
    value FLOAT(53),
    value_type trialvaluetype NOT NULL,
    UNIQUE (trial_id, objective)
);
CREATE TABLE trial_intermediate_values (
    trial_intermediate_value_id SERIAL PRIMARY KEY,
    trial_id INTEGER NOT NULL REFERENCES trials,
    step INTEGER NOT NULL,
    intermediate_value FLOAT(53),
    intermediate_value_type trialintermediatevaluetype NOT NULL,
    UNIQUE (trial_id, step)
);
CREATE TABLE trial_heartbeats (
    trial_heartbeat_id SERIAL PRIMARY KEY,
    trial_id INTEGER NOT NULL UNIQUE REFERENCES trials,
    heartbeat TIMESTAMP WITHOUT TIME ZONE NOT NULL
);
";

/// Indexes of museau's own.
const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS run_trials_by_number ON trials (study_id, number);
CREATE INDEX IF NOT EXISTS run_open_trials ON trials (study_id, number)
    WHERE state IN ('WAITING', 'RUNNING');
";

/// Makes the tables that are missing.
pub fn make(transaction: &mut Transaction<'_>, place: &str) -> Result<(), Fault> {
    // Others that open it at once wait here.
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])?;
    if !is_there(transaction, place)? {
        transaction.batch_execute(RUNS)?;
    }
    if !has(transaction, "studies")? {
        transaction.batch_execute(STUDIES)?;
    }
    Ok(transaction.batch_execute(INDEXES)?)
}

/// Whether the tables of runs are there; newer ones are refused.
pub fn is_there(transaction: &mut Transaction<'_>, place: &str) -> Result<bool, Fault> {
    if has(transaction, "version_info")? {
        let text = "SELECT schema_version::bigint FROM version_info";
        let version: Option<i64> = transaction.query_opt(text, &[])?.map(|row| row.get(0));
        if let Some(found) = version.filter(|found| *found != OPTUNA) {
            let (place, supported) = (place.to_owned(), OPTUNA);
            return Err(Error::Optuna {
                place,
                found,
                supported,
            }
            .into());
        }
    }
    if !has(transaction, "runs_schema")? {
        return Ok(false);
    }
    let text = "SELECT coalesce(max(version), 0) FROM runs_schema";
    let found: i64 = transaction.query_one(text, &[])?.get(0);
    match found > VERSION {
        true => {
            let (place, supported) = (place.to_owned(), VERSION);
            Err(Error::Newer {
                place,
                found,
                supported,
            }
            .into())
        }
        false => Ok(true),
    }
}

fn has(transaction: &mut Transaction<'_>, table: &str) -> Result<bool, Fault> {
    let text = "SELECT to_regclass($1::text) IS NOT NULL";
    Ok(transaction.query_one(text, &[&table])?.get(0))
}
