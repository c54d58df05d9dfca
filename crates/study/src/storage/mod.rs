//! Where runs are kept: one handle, shared by the threads of a process, over any storage.
//!
//! A storage is a file or a folder here that implements [`Backend`], and a line in [`Storage::open`].
mod backend;
mod heart;
mod memory;
mod postgres;
mod sqlite;
mod trials;

pub(crate) use backend::{Backend, Change, Claim};
pub(crate) use trials::{Held, Studies, TrialChange, TrialClaim, WORKER, WRITER};

use self::postgres::{Postgres, is_url};
use crate::error::Error;
use crate::runs::{Details, Point, RunQuery, RunRow};
use heart::{Heart, Sign};
use memory::Memory;
use sqlite::Sqlite;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

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

/// The name that stands for a storage in memory, where a file is asked for; SQLite's own name for it.
pub const IN_MEMORY: &str = ":memory:";

/// A storage of runs. Clones share it, and with it one connection, which is the process's only writer
/// where the storage was opened once; they may be used from several threads.
#[derive(Clone, Debug)]
pub struct Storage {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    backend: Arc<dyn Backend>,
    options: Options,
    heart: Heart,
}

impl Storage {
    /// Opens a storage to write into: an SQLite database, which is made, and its folder, where there
    /// is none; a PostgreSQL database by its URL (`postgres://...`); [`IN_MEMORY`] is one in memory.
    pub fn open(place: &Path) -> Result<Storage, Error> {
        Storage::open_with(place, Options::default())
    }

    /// As [`Storage::open`], with other waiting times.
    pub fn open_with(place: &Path, options: Options) -> Result<Storage, Error> {
        if place == Path::new(IN_MEMORY) {
            return Ok(Storage::in_memory_with(options));
        }
        let backend: Arc<dyn Backend> = match url(place) {
            Some(url) => Arc::new(Postgres::open(url, options)?),
            None => Arc::new(Sqlite::open(place, options.busy)?),
        };
        Ok(Storage::over(backend, options))
    }

    /// A storage that ends with the process: for runs that nobody will look up later.
    pub fn in_memory() -> Storage {
        Storage::in_memory_with(Options::default())
    }

    /// As [`Storage::in_memory`], with other waiting times.
    pub fn in_memory_with(options: Options) -> Storage {
        Storage::over(Arc::new(Memory::default()), options)
    }

    /// Opens a storage to look at; nothing in it can be changed. [`Error::NothingThere`] where there
    /// is none or no run was ever recorded.
    pub fn open_read_only(place: &Path) -> Result<Storage, Error> {
        Storage::open_read_only_with(place, Options::default())
    }

    /// As [`Storage::open_read_only`], with other waiting times.
    pub fn open_read_only_with(place: &Path, options: Options) -> Result<Storage, Error> {
        let backend: Arc<dyn Backend> = match url(place) {
            Some(url) => Arc::new(Postgres::open_read_only(url, options)?),
            None => Arc::new(Sqlite::open_read_only(place, options.busy)?),
        };
        Ok(Storage::over(backend, options))
    }

    fn over(backend: Arc<dyn Backend>, options: Options) -> Storage {
        Storage {
            inner: Arc::new(Inner {
                backend,
                options,
                heart: Heart::default(),
            }),
        }
    }

    /// Removes the record of runs; their folders stay.
    pub fn remove(&self, ids: &[String]) -> Result<(), Error> {
        self.backend().remove(ids)
    }

    /// A list of runs, in the order that it asks for.
    pub fn runs(&self, query: &RunQuery) -> Result<Vec<RunRow>, Error> {
        self.backend().runs(query, self.alive_since())
    }

    /// How many runs a list has without its limit and without what it skips.
    pub fn count(&self, query: &RunQuery) -> Result<u64, Error> {
        self.backend().count(query, self.alive_since())
    }

    /// The names of all metrics that any run reported.
    pub fn metric_names(&self) -> Result<Vec<String>, Error> {
        self.backend().metric_names()
    }

    /// The names of all parameters of any run.
    pub fn parameter_names(&self) -> Result<Vec<String>, Error> {
        self.backend().parameter_names()
    }

    /// The id of the run that a person means: an id, the beginning of one id, or the name of one run.
    pub fn find(&self, wanted: &str) -> Result<String, Error> {
        let mut runs = self.backend().called(wanted)?;
        let whole = runs.iter().position(|id| id == wanted);
        match (whole, runs.len()) {
            (Some(place), _) => Ok(runs.swap_remove(place)),
            (None, 0) => Err(Error::no_such_run(wanted)),
            (None, 1) => Ok(runs.remove(0)),
            (None, _) => Err(Error::Ambiguous {
                wanted: wanted.to_owned(),
                runs,
            }),
        }
    }

    /// All of a run but its series.
    pub fn details(&self, id: &str) -> Result<Details, Error> {
        self.backend().details(id, self.alive_since())
    }

    /// The values of a metric of a run, in the order of their steps; none where it has no such
    /// metric.
    pub fn series(&self, id: &str, metric: &str) -> Result<Vec<Point>, Error> {
        self.backend().series(id, metric)
    }

    /// What keeps the runs.
    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.inner.backend
    }

    /// What keeps the studies.
    pub(crate) fn studied(&self) -> &dyn Studies {
        self.inner.backend.studies_kept()
    }

    /// Gives signs of life for a trial from now on.
    pub(crate) fn live_trial(&self, held: Held) {
        let Inner {
            backend,
            options,
            heart,
        } = &*self.inner;
        heart.live(Sign::Trial(held), backend, options.period);
    }

    /// Gives no more signs of life for a trial, unless somebody else here took it over.
    pub(crate) fn rest_trial(&self, held: Held) {
        self.inner.heart.rest(&Sign::Trial(held));
    }

    /// Gives signs of life for a run from now on.
    pub(crate) fn live(&self, claim: &Claim) {
        let Inner {
            backend,
            options,
            heart,
        } = &*self.inner;
        heart.live(Sign::Run(claim.clone()), backend, options.period);
    }

    /// Gives no more signs of life for a run, unless somebody else here took it over.
    pub(crate) fn rest(&self, claim: &Claim) {
        self.inner.heart.rest(&Sign::Run(claim.clone()));
    }

    /// Who was not heard of since then, in milliseconds since 1970, is not at work any more.
    pub(crate) fn alive_since(&self) -> i64 {
        let patience = self.inner.options.patience.as_millis();
        now().saturating_sub(i64::try_from(patience).unwrap_or(i64::MAX))
    }
}

/// The URL that a place is, where it is one.
fn url(place: &Path) -> Option<&str> {
    place.to_str().filter(|place| is_url(place))
}

/// Milliseconds since 1970 (UTC).
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// A panic elsewhere leaves nothing half-done behind these locks: changes are made as a whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
