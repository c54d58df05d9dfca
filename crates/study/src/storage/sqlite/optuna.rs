//! Optuna's own tables of studies and trials, as its version 5 makes them, so that it and its dashboard
//! read and continue what is searched here.
use super::{Fault, shown};
use crate::error::Error;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// The version of the tables, as Optuna counts it.
const VERSION: i64 = 12;

/// As `optuna.create_study` makes them (5.0.0), and an index that finds a study's trials by number.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS studies (
    study_id INTEGER NOT NULL PRIMARY KEY,
    study_name VARCHAR(512) NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS ix_studies_study_name ON studies (study_name);
CREATE TABLE IF NOT EXISTS study_directions (
    study_direction_id INTEGER NOT NULL PRIMARY KEY,
    direction VARCHAR(8) NOT NULL,
    study_id INTEGER NOT NULL,
    objective INTEGER NOT NULL,
    UNIQUE (study_id, objective),
    FOREIGN KEY (study_id) REFERENCES studies (study_id)
);
CREATE TABLE IF NOT EXISTS study_user_attributes (
    study_user_attribute_id INTEGER NOT NULL PRIMARY KEY,
    study_id INTEGER,
    \"key\" VARCHAR(512),
    value_json TEXT,
    UNIQUE (study_id, \"key\"),
    FOREIGN KEY (study_id) REFERENCES studies (study_id)
);
CREATE TABLE IF NOT EXISTS study_system_attributes (
    study_system_attribute_id INTEGER NOT NULL PRIMARY KEY,
    study_id INTEGER,
    \"key\" VARCHAR(512),
    value_json TEXT,
    UNIQUE (study_id, \"key\"),
    FOREIGN KEY (study_id) REFERENCES studies (study_id)
);
CREATE TABLE IF NOT EXISTS trials (
    trial_id INTEGER NOT NULL PRIMARY KEY,
    number INTEGER,
    study_id INTEGER,
    state VARCHAR(8) NOT NULL,
    datetime_start DATETIME,
    datetime_complete DATETIME,
    FOREIGN KEY (study_id) REFERENCES studies (study_id)
);
CREATE INDEX IF NOT EXISTS ix_trials_study_id ON trials (study_id);
CREATE INDEX IF NOT EXISTS run_trials_by_number ON trials (study_id, number);
CREATE INDEX IF NOT EXISTS run_open_trials ON trials (study_id, state, number)
    WHERE state IN ('WAITING', 'RUNNING');
CREATE TABLE IF NOT EXISTS trial_user_attributes (
    trial_user_attribute_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER,
    \"key\" VARCHAR(512),
    value_json TEXT,
    UNIQUE (trial_id, \"key\"),
    FOREIGN KEY (trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE IF NOT EXISTS trial_system_attributes (
    trial_system_attribute_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER,
    \"key\" VARCHAR(512),
    value_json TEXT,
    UNIQUE (trial_id, \"key\"),
    FOREIGN KEY (trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE IF NOT EXISTS trial_params (
    param_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER,
    param_name VARCHAR(512),
    param_value FLOAT,
    distribution_json TEXT,
    UNIQUE (trial_id, param_name),
    FOREIGN KEY (trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE IF NOT EXISTS trial_values (
    trial_value_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER NOT NULL,
    objective INTEGER NOT NULL,
    value FLOAT,
    value_type VARCHAR(7) NOT NULL,
    UNIQUE (trial_id, objective),
    FOREIGN KEY (trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE IF NOT EXISTS trial_intermediate_values (
    trial_intermediate_value_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER NOT NULL,
    step INTEGER NOT NULL,
    intermediate_value FLOAT,
    intermediate_value_type VARCHAR(7) NOT NULL,
    UNIQUE (trial_id, step),
    FOREIGN KEY (trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE IF NOT EXISTS trial_heartbeats (
    trial_heartbeat_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER NOT NULL,
    heartbeat DATETIME NOT NULL,
    UNIQUE (trial_id),
    FOREIGN KEY (trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE IF NOT EXISTS version_info (
    version_info_id INTEGER NOT NULL PRIMARY KEY,
    schema_version INTEGER,
    library_version VARCHAR(256),
    CHECK (version_info_id = 1)
);
CREATE TABLE IF NOT EXISTS alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT OR IGNORE INTO version_info VALUES (1, 12, '5.0.0');
INSERT INTO alembic_version SELECT 'v3.2.0.a' WHERE NOT EXISTS (SELECT 1 FROM alembic_version);
";

/// Whether a database has the tables; those of another version are refused.
pub fn are_there(connection: &Connection, path: &Path) -> Result<bool, Fault> {
    let text = "SELECT count(*) FROM sqlite_schema \
                WHERE type = 'table' AND name IN ('studies', 'version_info')";
    let found: i64 = connection.query_row(text, [], |row| row.get(0))?;
    if found < 2 {
        return Ok(false);
    }
    let text = "SELECT schema_version FROM version_info";
    let version: Option<i64> = connection
        .query_row(text, [], |row| row.get(0))
        .optional()?;
    match version {
        Some(found) if found != VERSION => Err(Error::Optuna {
            place: shown(path),
            found,
            supported: VERSION,
        }
        .into()),
        _ => Ok(true),
    }
}

/// Makes the tables that are missing. To be called in a transaction that holds the lock for writing.
pub fn make(connection: &Connection, path: &Path) -> Result<(), Fault> {
    are_there(connection, path)?;
    Ok(connection.execute_batch(TABLES)?)
}
