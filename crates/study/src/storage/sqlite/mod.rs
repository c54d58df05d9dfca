//! The database: opened, shared by the threads of a process, and its running runs kept alive.
mod read;
mod schema;

pub use read::RunQuery;

use crate::error::{Error, Fault};
use schema::MIGRATIONS;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

/// How long is waited for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a write waits for other processes.
    pub busy: Duration,
    /// How often a running run gives a sign of life.
    pub period: Duration,
    /// How long after its last sign of life a run is told as interrupted: several periods and the
    /// longest wait of a write.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            busy: Duration::from_secs(10),
            period: Duration::from_secs(10),
            patience: Duration::from_secs(60),
        }
    }
}

/// A database of runs. Clones share one connection, which is the process's only writer when the
/// file was opened once; they may be used from several threads.
#[derive(Clone, Debug)]
pub struct Storage {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub path: PathBuf,
    pub options: Options,
    connection: Mutex<Connection>,
    /// The runs that this process records, and what it signs with.
    live: Mutex<BTreeMap<i64, i64>>,
    /// Dropped with the storage, which ends the thread that gives signs of life.
    heart: Mutex<Option<Sender<()>>>,
}

impl Storage {
    /// Opens a database to write into; makes it, and its folder, where there is none.
    pub fn open(path: &Path) -> Result<Storage, Error> {
        Storage::open_with(path, Options::default())
    }

    /// As [`Storage::open`], with other waiting times.
    pub fn open_with(path: &Path, options: Options) -> Result<Storage, Error> {
        let cannot_open = |source| Error::CannotOpen {
            path: path.to_owned(),
            source,
        };
        if path.is_dir() {
            return Err(cannot_open(io::ErrorKind::IsADirectory.into()));
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(cannot_open)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let storage = Storage::of(path, options, Storage::connection(path, options, flags)?);
        let connection = storage.inner.connection();
        let prepared = (|| -> Result<(), Fault> {
            // Looked at before anything is changed: it may be another program's.
            let found = schema::version(&connection, path, newest())?;
            write_ahead(&connection, options.busy)?;
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
        drop(connection);
        prepared.map_err(|fault| fault.at(path))?;
        Ok(storage)
    }

    /// Opens a database to look at; nothing in it can be changed. [`Error::NothingThere`] where
    /// there is no file or no run was ever recorded.
    pub fn open_read_only(path: &Path) -> Result<Storage, Error> {
        Storage::open_read_only_with(path, Options::default())
    }

    /// As [`Storage::open_read_only`], with other waiting times.
    pub fn open_read_only_with(path: &Path, options: Options) -> Result<Storage, Error> {
        let nothing = || Error::NothingThere {
            path: path.to_owned(),
        };
        match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(nothing()),
            Ok(found) if found.is_dir() => {
                return Err(Error::CannotOpen {
                    path: path.to_owned(),
                    source: io::ErrorKind::IsADirectory.into(),
                });
            }
            _ => {}
        }
        Storage::look(path, options, MIGRATIONS)
    }

    /// Opens a database to look at, with tables as after these migrations.
    fn look(path: &Path, options: Options, migrations: &[&str]) -> Result<Storage, Error> {
        let newest = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        let version = |connection: &Connection| schema::version(connection, path, newest);
        let connection = Storage::connection(path, options, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let (connection, found) = match version(&connection) {
            Err(Fault::Sqlite(error)) if needs_more_files(&error) => {
                let connection = unchanging(path).map_err(|_| Fault::Sqlite(error).at(path))?;
                let found = version(&connection);
                (connection, found)
            }
            found => (connection, found),
        };
        match found.map_err(|fault| fault.at(path))? {
            0 => Err(Error::NothingThere {
                path: path.to_owned(),
            }),
            // Who looks changes nothing: older tables are brought up to date in a copy in memory.
            found if found < newest => {
                let copy = copy_in_memory(&connection).map_err(|error| Error::of(path, error))?;
                schema::migrate(&copy, path, migrations).map_err(|fault| fault.at(path))?;
                Ok(Storage::of(path, options, copy))
            }
            _ => Ok(Storage::of(path, options, connection)),
        }
    }

    fn connection(path: &Path, options: Options, flags: OpenFlags) -> Result<Connection, Error> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(path, flags)
            .and_then(|connection| connection.busy_timeout(options.busy).map(|()| connection))
            .map_err(|error| Error::of(path, error))
    }

    fn of(path: &Path, options: Options, connection: Connection) -> Storage {
        Storage {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                options,
                connection: Mutex::new(connection),
                live: Mutex::default(),
                heart: Mutex::default(),
            }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Removes the record of runs; their folders stay.
    pub fn remove(&self, ids: &[String]) -> Result<(), Error> {
        self.inner.write(|transaction| {
            for id in ids {
                if transaction.execute("DELETE FROM runs WHERE id = ?1", [id])? == 0 {
                    let wanted = id.clone();
                    return Err(Error::NoSuchRun { wanted }.into());
                }
            }
            Ok(())
        })
    }
}

impl Inner {
    fn connection(&self) -> MutexGuard<'_, Connection> {
        locked(&self.connection)
    }

    /// Does `work` in one transaction that holds the lock for writing: all of it or nothing.
    pub fn write<T>(
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
    pub fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let mut connection = self.connection();
        let done = || work(&connection.transaction()?);
        done().map_err(|fault: Fault| fault.at(&self.path))
    }

    /// Gives signs of life for a run from now on.
    pub fn live(self: &Arc<Self>, run: i64, writer: i64) {
        locked(&self.live).insert(run, writer);
        locked(&self.heart).get_or_insert_with(|| {
            let (stop, stopped) = channel();
            let (inner, period) = (Arc::downgrade(self), self.options.period);
            // Without the thread each report is still a sign of life.
            let _ = std::thread::Builder::new()
                .name("heartbeat".to_owned())
                .spawn(move || beat(&inner, &stopped, period));
            stop
        });
    }

    /// Gives no more signs of life for a run, unless somebody else here took it over.
    pub fn rest(&self, run: i64, writer: i64) {
        let mut live = locked(&self.live);
        if live.get(&run) == Some(&writer) {
            live.remove(&run);
        }
    }
}

/// Says that a run is alive, in the name of its writer; whether it was still this writer's.
pub(crate) fn sign(
    transaction: &Transaction<'_>,
    run: i64,
    writer: i64,
) -> Result<bool, rusqlite::Error> {
    // What passes between two signs of life was spent at work, unless the process stood still.
    let text = "UPDATE runs SET spent = spent + max(0, ?3 - heartbeat), heartbeat = ?3 \
                WHERE run_id = ?1 AND writer = ?2";
    Ok(transaction.execute(text, (run, writer, now()))? > 0)
}

/// The thread that keeps the runs of a process alive until the storage is dropped.
fn beat(inner: &Weak<Inner>, stopped: &Receiver<()>, period: Duration) {
    while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
        let Some(inner) = inner.upgrade() else {
            return;
        };
        let live = locked(&inner.live).clone();
        if live.is_empty() {
            continue;
        }
        // A beat that fails is made up for by the next.
        let _ = inner.write(|transaction| {
            for (&run, &writer) in &live {
                sign(transaction, run, writer)?;
            }
            Ok(())
        });
    }
}

/// Whether a database with a write-ahead log cannot be looked at as it is usually done, because the
/// files beside it cannot be made: it lies on read-only media, or in a folder of somebody else.
fn needs_more_files(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    let code = error.sqlite_error_code();
    matches!(code, Some(CannotOpen | PermissionDenied | ReadOnly))
}

/// Opens a database that nobody writes to. What a writer left in the log beside it is read too.
fn unchanging(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let has_log = Path::new(&log).metadata().is_ok_and(|log| log.len() > 0);
    if cfg!(unix) && has_log {
        // Without locks, which need files of their own, and with the log's index in memory.
        let connection = Connection::open_with_flags(uri(path, "vfs=unix-none"), flags)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        Ok(connection)
    } else {
        Connection::open_with_flags(uri(path, "immutable=1"), flags)
    }
}

/// A path as SQLite's URI, with an option.
fn uri(path: &Path, option: &str) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri + "?mode=ro&" + option
}

/// All of a database, in memory.
fn copy_in_memory(connection: &Connection) -> Result<Connection, rusqlite::Error> {
    /// Copied at a time.
    const PAGES: i32 = 10_000;
    let mut copy = Connection::open_in_memory()?;
    let backup = rusqlite::backup::Backup::new(connection, &mut copy)?;
    backup.run_to_completion(PAGES, Duration::from_millis(10), None)?;
    drop(backup);
    Ok(copy)
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

/// Milliseconds since 1970 (UTC).
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, milliseconds)
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A panic elsewhere leaves nothing half-done behind these locks: transactions roll back.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewRun, State};

    /// A database with a run of this name, whose file nobody has open any more.
    fn with_run(path: &Path, name: &str) {
        let storage = Storage::open(path).unwrap();
        let new = NewRun {
            name: name.to_owned(),
            ..NewRun::default()
        };
        let recorder = storage.begin(&new).unwrap();
        recorder.finish(State::Complete).unwrap();
    }

    fn names(storage: &Storage) -> Vec<String> {
        let runs = storage.runs(&crate::RunQuery::default()).unwrap();
        runs.into_iter().map(|run| run.name).collect()
    }

    #[cfg(unix)]
    fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let files = folder.read_dir().unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|path| path.is_file());
        let mut files: Vec<_> = files
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    /// What was there is as it was; SQLite may leave an empty log where the medium can be written.
    fn unchanged(folder: &Path, before: &[(PathBuf, Vec<u8>)]) {
        let now = files(folder);
        for (path, bytes) in before {
            let found = now.iter().find(|(other, _)| other == path);
            assert!(found.is_some_and(|(_, found)| found == bytes), "{path:?}");
        }
        for (path, bytes) in &now {
            let known = before.iter().any(|(other, _)| other == path);
            assert!(known || bytes.is_empty(), "{path:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_database_beside_which_no_file_can_be_made_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        // What a URI would take for its own.
        let path = folder.path().join("runs 100%?#.sqlite");
        with_run(&path, "first");
        // As on read-only media: the index of the log cannot be made.
        let nowhere = Path::new("/no/such/folder/index");
        let index = folder.path().join("runs 100%?#.sqlite-shm");
        std::os::unix::fs::symlink(nowhere, &index).unwrap();
        let before = files(folder.path());
        assert_eq!(names(&Storage::open_read_only(&path).unwrap()), ["first"]);
        unchanged(folder.path(), &before);
        std::fs::remove_file(&index).unwrap();

        // What is in the log alone is seen too.
        let storage = Storage::open(&path).unwrap();
        let new = NewRun {
            name: "second".to_owned(),
            ..NewRun::default()
        };
        let _recorder = storage.begin(&new).unwrap();
        let copy = tempfile::tempdir().unwrap();
        for ending in ["", "-wal"] {
            let name = format!("runs 100%?#.sqlite{ending}");
            std::fs::copy(folder.path().join(&name), copy.path().join(&name)).unwrap();
        }
        let path = copy.path().join("runs 100%?#.sqlite");
        let index = copy.path().join("runs 100%?#.sqlite-shm");
        std::os::unix::fs::symlink(nowhere, index).unwrap();
        let before = files(copy.path());
        let found = names(&Storage::open_read_only(&path).unwrap());
        assert!(
            found == ["second", "first"] || found == ["first", "second"],
            "{found:?}"
        );
        unchanged(copy.path(), &before);
    }

    #[test]
    fn who_looks_at_older_tables_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.sqlite");
        with_run(&path, "old");
        let longer = [MIGRATIONS, &["ALTER TABLE runs ADD COLUMN note TEXT;"]].concat();
        let before = std::fs::read(&path).unwrap();
        let storage = Storage::look(&path, Options::default(), &longer).unwrap();
        assert_eq!(names(&storage), ["old"]);
        let note = storage.inner.read(|transaction| {
            let text = "SELECT count(*) FROM runs WHERE note IS NULL";
            Ok(transaction.query_row(text, [], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(note.unwrap(), 1);
        drop(storage);
        assert!(std::fs::read(&path).unwrap() == before);
    }

    #[test]
    fn a_full_disk_is_told_and_nothing_reported_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&folder.path().join("runs.sqlite")).unwrap();
        let mut recorder = storage.begin(&NewRun::default()).unwrap();
        let id = recorder.id().to_owned();
        // SQLite refuses pages above this number as it does where the disk has no more.
        let limit = |pages: u32| {
            let connection = storage.inner.connection();
            let text = format!("PRAGMA max_page_count = {pages}");
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
