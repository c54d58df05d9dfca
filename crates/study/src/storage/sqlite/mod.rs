//! Runs in an SQLite file that several processes share.
//!
//! Writers use the write-ahead log, short transactions that take the lock at once, and wait for each
//! other; who looks changes nothing.
mod look;
mod optuna;
mod read;
mod schema;
mod trials;
mod write;

use super::backend::{Backend, Change, Claim};
use super::locked;
use super::trials::Studies;
use crate::error::Error;
use crate::regular_file;
use crate::runs::{Details, NewRun, Point, RunQuery, RunRow};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use schema::MIGRATIONS;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// An open database.
#[derive(Debug)]
pub(super) struct Sqlite {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Sqlite {
    /// Opens a database to write into; makes it, and its folder, where there is none. A write waits
    /// for other processes for as long as `busy`.
    pub fn open(path: &Path, busy: Duration) -> Result<Self, Error> {
        let cannot_open = |source| Error::CannotOpen {
            place: shown(path),
            source,
        };
        match all_regular(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(cannot_open(error));
            }
            _ => {}
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(cannot_open)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = connection(path, busy, flags)?;
        let prepared = (|| -> Result<(), Fault> {
            // Looked at before anything is changed: it may be another program's.
            let found = schema::version(&connection, path, newest())?;
            write_ahead(&connection, busy)?;
            // A crash of the process loses nothing; one of the machine the last moments, never the
            // database.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            if found < newest() {
                let transaction =
                    Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
                schema::migrate(&transaction, path, MIGRATIONS)?;
                transaction.commit()?;
            }
            Ok(())
        })();
        prepared.map_err(|fault| fault.at(path))?;
        Ok(Sqlite::of(path, connection))
    }

    fn of(path: &Path, connection: Connection) -> Self {
        Sqlite {
            path: path.to_owned(),
            connection: Mutex::new(connection),
        }
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        locked(&self.connection)
    }

    /// Does `work` in one transaction that holds the lock for writing: all of it or nothing.
    fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let mut connection = self.connection();
        let done = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        done().map_err(|fault: Fault| fault.at(&self.path))
    }

    /// Does `work` on one unchanging view of the database.
    fn read<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T, Error> {
        let mut connection = self.connection();
        let done = || work(&connection.transaction()?);
        done().map_err(|fault: Fault| fault.at(&self.path))
    }
}

impl Backend for Sqlite {
    fn studies_kept(&self) -> &dyn Studies {
        self
    }

    fn begin(&self, claim: &Claim, new: &NewRun, now: i64) -> Result<(), Error> {
        self.write(|transaction| Ok(write::begin(transaction, claim, new, now)?))
    }

    fn resume(&self, claim: &Claim, step: u64, now: i64) -> Result<Option<String>, Error> {
        self.write(|transaction| write::resume(transaction, claim, step, now))
    }

    fn sign(&self, claims: &[Claim], now: i64) -> Result<(), Error> {
        self.write(|transaction| {
            for claim in claims {
                write::sign(transaction, claim, now)?;
            }
            Ok(())
        })
    }

    fn write(&self, claim: &Claim, changes: &[Change], now: i64) -> Result<(), Error> {
        self.write(|transaction| write::apply(transaction, claim, changes, now))
    }

    fn remove(&self, ids: &[String]) -> Result<(), Error> {
        self.write(|transaction| write::remove(transaction, ids))
    }

    fn runs(&self, query: &RunQuery, alive_since: i64) -> Result<Vec<RunRow>, Error> {
        self.read(|transaction| Ok(read::runs(transaction, query, alive_since)?))
    }

    fn count(&self, query: &RunQuery, alive_since: i64) -> Result<u64, Error> {
        self.read(|transaction| Ok(read::count(transaction, query, alive_since)?))
    }

    fn metric_names(&self) -> Result<Vec<String>, Error> {
        self.read(|transaction| Ok(read::metric_names(transaction)?))
    }

    fn parameter_names(&self) -> Result<Vec<String>, Error> {
        self.read(|transaction| Ok(read::parameter_names(transaction)?))
    }

    fn called(&self, wanted: &str) -> Result<Vec<String>, Error> {
        self.read(|transaction| Ok(read::called(transaction, wanted)?))
    }

    fn details(&self, id: &str, alive_since: i64) -> Result<Details, Error> {
        self.read(|transaction| read::details(transaction, id, alive_since))
    }

    fn series(&self, id: &str, metric: &str) -> Result<Vec<Point>, Error> {
        self.read(|transaction| Ok(read::series(transaction, id, metric)?))
    }
}

/// What ends a transaction early: SQLite's refusal, which gets its file's name later, or ours.
enum Fault {
    Sqlite(rusqlite::Error),
    Own(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sqlite(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Own(error)
    }
}

impl Fault {
    fn at(self, path: &Path) -> Error {
        match self {
            Fault::Sqlite(error) => meant(path, &error),
            Fault::Own(error) => error,
        }
    }
}

/// What SQLite's error means for the file.
fn meant(path: &Path, error: &rusqlite::Error) -> Error {
    let place = shown(path);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Locked { place },
        Some(ErrorCode::DiskFull) => Error::DiskFull { place },
        Some(ErrorCode::ReadOnly) => Error::ReadOnly { place },
        Some(ErrorCode::NotADatabase) => Error::NotADatabase { place },
        Some(ErrorCode::DatabaseCorrupt) => Error::Damaged { place },
        Some(ErrorCode::CannotOpen) => Error::CannotOpen {
            place,
            source: io::Error::other(error.to_string()),
        },
        _ => Error::Refused {
            place,
            detail: error.to_string(),
        },
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Whether SQLite may open a database: neither it nor what SQLite keeps beside it may be a pipe.
fn all_regular(path: &Path) -> io::Result<()> {
    for ending in ["-journal", "-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        match regular_file::check(Path::new(&beside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    regular_file::check(path)
}

/// Opens a file as SQLite does; nothing in it is looked at yet.
fn connection(path: &Path, busy: Duration, flags: OpenFlags) -> Result<Connection, Error> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .and_then(|connection| connection.busy_timeout(busy).map(|()| connection))
        .map_err(|error| meant(path, &error))
}

/// Write-ahead logging: readers wait for no writer. Two processes that ask for it at once may refuse
/// each other without waiting, so that the waiting is done here.
fn write_ahead(connection: &Connection, patience: Duration) -> Result<(), rusqlite::Error> {
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && start.elapsed() < patience =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

fn newest() -> i64 {
    MIGRATIONS.len() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, State, Storage};
    use std::sync::Arc;

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_rather_than_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (place, pipe) = (
            folder.path().join("runs.sqlite"),
            folder.path().join("pipe"),
        );
        let make = |pipe: &Path| {
            let made = std::process::Command::new("mkfifo").arg(pipe).status();
            assert!(made.unwrap().success());
        };
        make(&pipe);
        let refused = |error: Error| match error {
            Error::CannotOpen { source, .. } | Error::Artefact { source, .. } => source.kind(),
            other => panic!("{other}"),
        };
        let is_pipe = io::ErrorKind::NotSeekable;
        assert_eq!(refused(Storage::open(&pipe).unwrap_err()), is_pipe);
        assert_eq!(
            refused(Storage::open_read_only(&pipe).unwrap_err()),
            is_pipe
        );
        let storage = Storage::open(&place).unwrap();
        let mut recorder = storage.begin(&NewRun::default()).unwrap();
        assert_eq!(
            refused(recorder.artefact("model", &pipe).unwrap_err()),
            is_pipe
        );
        recorder.finish(State::Complete).unwrap();
        drop(storage);
        let journal = folder.path().join("runs.sqlite-journal");
        make(&journal);
        assert_eq!(refused(Storage::open(&place).unwrap_err()), is_pipe);
        assert_eq!(
            refused(Storage::open_read_only(&place).unwrap_err()),
            is_pipe
        );
    }

    #[test]
    fn a_full_disk_is_told_and_nothing_reported_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let busy = Duration::from_secs(1);
        let sqlite = Arc::new(Sqlite::open(&folder.path().join("runs.sqlite"), busy).unwrap());
        let storage = Storage::over(sqlite.clone(), Options::default());
        let mut recorder = storage.begin(&NewRun::default()).unwrap();
        let id = recorder.id().to_owned();
        // SQLite refuses pages above this number as it does where the disk has no more.
        let limit = |pages: u32| {
            let text = format!("PRAGMA max_page_count = {pages}");
            let connection = sqlite.connection();
            connection.query_row(&text, [], |_| Ok(())).unwrap();
        };
        limit(1);
        let steps = 1..2000;
        let full = steps.clone().find_map(|step| {
            let error = recorder.metrics(step, &[("loss", 1.0)]).err()?;
            Some((step, error))
        });
        let Some((full_at, Error::DiskFull { .. })) = full else {
            panic!("{full:?}");
        };
        assert_eq!(
            storage.series(&id, "loss").unwrap().len() as u64,
            full_at - 1
        );
        limit(1_000_000);
        for step in full_at + 1..steps.end {
            recorder.metrics(step, &[("loss", 1.0)]).unwrap();
        }
        recorder.finish(State::Complete).unwrap();
        let series = storage.series(&id, "loss").unwrap();
        assert!(series.iter().map(|point| point.step).eq(steps));
    }
}
