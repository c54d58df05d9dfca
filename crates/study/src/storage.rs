//! The database: opened, shared by the threads of a process, and its running runs kept alive.
use crate::error::{Error, Fault};
use crate::schema::{self, MIGRATIONS};
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
        let storage = Storage::connect(path, options, flags)?;
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
        let storage = Storage::connect(path, options, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let found = schema::version(&storage.inner.connection(), path, newest())
            .map_err(|fault| fault.at(path))?;
        if found == 0 {
            return Err(nothing());
        }
        if found < newest() {
            Storage::open_with(path, options)?;
        }
        Ok(storage)
    }

    fn connect(path: &Path, options: Options, flags: OpenFlags) -> Result<Storage, Error> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags)
            .and_then(|connection| connection.busy_timeout(options.busy).map(|()| connection));
        Ok(Storage {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                options,
                connection: Mutex::new(opened.map_err(|error| Error::of(path, error))?),
                live: Mutex::default(),
                heart: Mutex::default(),
            }),
        })
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
