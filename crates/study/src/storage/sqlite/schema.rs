//! The tables of runs and their numbered migrations.
//!
//! Optuna's tables (`studies`, `trials`, `study_*`, `trial_*`, `version_info`, `alembic_version`) may
//! stand in the same database: every name here begins with `run`.
use crate::error::{Error, Fault};
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// Migration i brings the tables from version i to version i + 1. They only ever grow at the end.
pub const MIGRATIONS: &[&str] = &["
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
"];

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
            let path = path.to_owned();
            return Err(Error::Foreign { path }.into());
        }
        return Ok(0);
    }
    let text = "SELECT coalesce(max(version), 0) FROM runs_schema";
    let found: i64 = connection.query_row(text, [], |row| row.get(0))?;
    if found > newest {
        let (path, supported) = (path.to_owned(), newest);
        return Err(Error::Newer {
            path,
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
    fn no_table_has_a_name_that_optuna_uses() {
        let connection = migrated(MIGRATIONS);
        let text = "SELECT name FROM sqlite_schema WHERE type = 'table'";
        let mut statement = connection.prepare(text).unwrap();
        let names = statement.query_map([], |row| row.get::<_, String>(0));
        for name in names.unwrap() {
            let name = name.unwrap();
            assert!(name.starts_with("run"), "{name}");
        }
    }
}
