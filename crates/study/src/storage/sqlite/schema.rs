//! The tables of runs and their numbered migrations.
//!
//! Optuna's tables (`studies`, `trials`, `study_*`, `trial_*`, `version_info`, `alembic_version`) may
//! stand in the same database: every name here begins with `run`.
use super::{Fault, shown};
use crate::error::Error;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// Migration i brings the tables from version i to version i + 1. They only ever grow at the end.
pub const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE runs (
    run_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'failed', 'interrupted')),
    started INTEGER NOT NULL,
    ended INTEGER,
    spent INTEGER NOT NULL DEFAULT 0,
    heartbeat INTEGER NOT NULL,
    writer INTEGER NOT NULL,
    seed TEXT,
    folder TEXT
);
CREATE TABLE run_parameters (
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;
CREATE TABLE run_environment (
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;
CREATE TABLE run_metrics (
    metric_id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    goal TEXT CHECK (goal IN ('min', 'max')),
    last_step INTEGER,
    last_value REAL,
    best_step INTEGER,
    best_value REAL,
    UNIQUE (run_id, name)
);
CREATE TABLE run_points (
    metric_id INTEGER NOT NULL REFERENCES run_metrics ON DELETE CASCADE,
    step INTEGER NOT NULL,
    value REAL,
    PRIMARY KEY (metric_id, step)
) WITHOUT ROWID;
CREATE TABLE run_artefacts (
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    blake3 TEXT NOT NULL,
    PRIMARY KEY (run_id, path)
) WITHOUT ROWID;
",
    // The step whose result a run keeps becomes a column; it was a note of the name `kept.step`. A process
    // that opened the database before goes on writing notes: the trigger moves them until it ends.
    "
ALTER TABLE runs ADD COLUMN kept INTEGER;
UPDATE runs SET kept = (SELECT CAST(value AS INTEGER) FROM run_environment AS noted
    WHERE noted.run_id = runs.run_id AND noted.name = 'kept.step');
DELETE FROM run_environment WHERE name = 'kept.step';
CREATE TRIGGER run_kept AFTER INSERT ON run_environment WHEN NEW.name = 'kept.step' BEGIN
    UPDATE runs SET kept = CAST(NEW.value AS INTEGER) WHERE run_id = NEW.run_id;
    DELETE FROM run_environment WHERE run_id = NEW.run_id AND name = NEW.name;
END;
CREATE INDEX runs_by_start ON runs (started);
",
];

/// The version of the tables in a database; 0 where there are none and they may be made. Changes
/// nothing.
pub fn version(connection: &Connection, path: &Path, newest: i64) -> Result<i64, Fault> {
    let has = |table: &str| {
        let text = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        let found = connection.query_row(text, [table], |_| Ok(())).optional()?;
        Ok::<_, rusqlite::Error>(found.is_some())
    };
    if !has("runs_schema")? {
        let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
        let tables: i64 = connection.query_row(tables, [], |row| row.get(0))?;
        if tables > 0 && !(has("version_info")? && has("studies")?) {
            return Err(Error::Foreign { place: shown(path) }.into());
        }
        return Ok(0);
    }
    let text = "SELECT coalesce(max(version), 0) FROM runs_schema";
    let found: i64 = connection.query_row(text, [], |row| row.get(0))?;
    if found > newest {
        let (place, supported) = (shown(path), newest);
        return Err(Error::Newer {
            place,
            found,
            supported,
        }
        .into());
    }
    Ok(found)
}

/// Runs the migrations that a database lacks. To be called in a transaction that holds the lock for
/// writing.
pub fn migrate(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<(), Fault> {
    let newest = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let found = version(connection, path, newest)?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS runs_schema (version INTEGER PRIMARY KEY) WITHOUT ROWID;",
    )?;
    for (number, text) in (1..).zip(migrations) {
        if number > found {
            connection.execute_batch(text)?;
            connection.execute("INSERT INTO runs_schema VALUES (?1)", [number])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrated(migrations: &[&str]) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, Path::new("x"), migrations)
            .map_err(|fault| fault.at(Path::new("x")))
            .unwrap();
        connection
    }

    #[test]
    fn migrations_run_once_and_a_newer_database_is_refused() {
        let path = Path::new("x");
        let connection = migrated(MIGRATIONS);
        let longer = [MIGRATIONS, &["ALTER TABLE runs ADD COLUMN note TEXT;"]].concat();
        for _ in 0..2 {
            let done = migrate(&connection, path, &longer);
            assert!(done.is_ok());
        }
        connection.prepare("SELECT note FROM runs").unwrap();
        let newest = longer.len() as i64;
        let refused = version(&connection, path, newest - 1).map_err(|fault| fault.at(path));
        assert!(
            matches!(refused, Err(Error::Newer { found, .. }) if found == newest),
            "{refused:?}"
        );
    }

    #[test]
    fn what_an_older_museau_notes_meanwhile_is_the_kept_step() {
        let connection = migrated(MIGRATIONS);
        let text = "INSERT INTO runs (id, name, kind, state, started, heartbeat, writer) \
                    VALUES ('a', 'a', 'train', 'running', 0, 0, 0)";
        connection.execute(text, []).unwrap();
        for step in [3, 7] {
            // As the version before wrote it.
            let text = "INSERT OR REPLACE INTO run_environment VALUES (1, 'kept.step', ?1)";
            connection.execute(text, [step.to_string()]).unwrap();
            let text = "SELECT kept, (SELECT count(*) FROM run_environment) FROM runs";
            let found: (i64, i64) = connection
                .query_row(text, [], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap();
            assert_eq!(found, (step, 0));
        }
    }

    #[test]
    fn nothing_has_a_name_that_optuna_uses() {
        let connection = migrated(MIGRATIONS);
        let text = "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'";
        let mut statement = connection.prepare(text).unwrap();
        let names = statement.query_map([], |row| row.get::<_, String>(0));
        for name in names.unwrap() {
            let name = name.unwrap();
            assert!(name.starts_with("run"), "{name}");
        }
    }
}
