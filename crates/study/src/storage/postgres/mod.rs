//! Runs and studies in a PostgreSQL database, which many machines share.
//!
//! Every call is one transaction. Where the connection is lost it is made again, and the call with it: what
//! it changes is the same however often it is made.
mod runs;
mod schema;
mod trials;

use super::backend::{Backend, Change, Claim};
use super::trials::Studies;
use super::{Options, locked};
use crate::error::Error;
use crate::runs::{Details, NewRun, Point, RunQuery, RunRow};
use postgres::error::SqlState;
use postgres::{Client, Config, NoTls, Transaction};
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// An open database.
pub(super) struct Postgres {
    config: Config,
    /// The URL without its password.
    place: String,
    options: Options,
    read_only: bool,
    client: Mutex<Option<Client>>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.place)
    }
}

/// Between two attempts to reach a database that is gone.
const PAUSE: Duration = Duration::from_millis(200);

/// Whether a place is a PostgreSQL database's.
pub(super) fn is_url(place: &str) -> bool {
    place.starts_with("postgres://") || place.starts_with("postgresql://")
}

impl Postgres {
    /// Opens a database to write into, and makes the tables where there are none.
    pub fn open(url: &str, options: Options) -> Result<Self, Error> {
        let opened = Postgres::connect(url, options, false)?;
        opened.once(|transaction| schema::make(transaction, &opened.place))?;
        Ok(opened)
    }

    /// Opens a database to look at; [`Error::NothingThere`] where no run was ever recorded.
    pub fn open_read_only(url: &str, options: Options) -> Result<Self, Error> {
        let opened = Postgres::connect(url, options, true)?;
        let there = opened.once(|transaction| schema::is_there(transaction, &opened.place))?;
        match there {
            true => Ok(opened),
            false => Err(Error::NothingThere {
                place: opened.place.clone(),
            }),
        }
    }

    fn connect(url: &str, options: Options, read_only: bool) -> Result<Self, Error> {
        let place = without_password(url);
        let mut config: Config =
            url.parse()
                .map_err(|error: postgres::Error| Error::CannotOpen {
                    place: place.clone(),
                    source: io::Error::new(io::ErrorKind::InvalidInput, error.to_string()),
                })?;
        config
            .connect_timeout(options.busy)
            .application_name("museau");
        // A machine that is gone without a word is noticed.
        config.keepalives_idle(Duration::from_secs(15));
        Ok(Postgres {
            config,
            place,
            options,
            read_only,
            client: Mutex::new(None),
        })
    }

    /// Does `work` in one transaction; what fails for want of a connection is not tried again.
    fn once<T>(&self, work: impl Fn(&mut Transaction<'_>) -> Result<T, Fault>) -> Result<T, Error> {
        self.attempt(&work).map_err(|fault| fault.at(&self.place))
    }

    /// Does `work` in one transaction, as often as it takes to reach the database.
    fn call<T>(&self, work: impl Fn(&mut Transaction<'_>) -> Result<T, Fault>) -> Result<T, Error> {
        let start = Instant::now();
        loop {
            match self.attempt(&work) {
                Err(Fault::Postgres(error))
                    if may_pass(&error) && start.elapsed() < self.options.patience =>
                {
                    std::thread::sleep(PAUSE);
                }
                done => return done.map_err(|fault| fault.at(&self.place)),
            }
        }
    }

    fn attempt<T>(
        &self,
        work: &impl Fn(&mut Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut client = locked(&self.client);
        if client.as_ref().is_none_or(Client::is_closed) {
            let mut new = self.config.connect(NoTls)?;
            if self.read_only {
                new.batch_execute("SET default_transaction_read_only = on")?;
            }
            *client = Some(new);
        }
        let own = client.as_mut().expect("a connection");
        let done = (|| {
            let mut transaction = own.transaction()?;
            let value = work(&mut transaction)?;
            transaction.commit()?;
            Ok(value)
        })();
        if let Err(Fault::Postgres(error)) = &done
            && may_pass(error)
        {
            *client = None;
        }
        done
    }
}

/// Whether an error is one of the connection, or of others who were at work: it may be over soon.
fn may_pass(error: &postgres::Error) -> bool {
    match error.code() {
        // Nothing came from the server.
        None => {
            error.is_closed()
                || std::error::Error::source(error).is_some_and(|source| source.is::<io::Error>())
        }
        Some(code) => [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::CONNECTION_FAILURE,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
        ]
        .contains(code),
    }
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    match rest.split_once('@') {
        Some((who, place)) => {
            let name = who.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}@{place}")
        }
        None => url.to_owned(),
    }
}

impl Backend for Postgres {
    fn studies_kept(&self) -> &dyn Studies {
        self
    }

    fn begin(&self, claim: &Claim, new: &NewRun, now: i64) -> Result<(), Error> {
        self.call(|transaction| runs::begin(transaction, claim, new, now))
    }

    fn resume(&self, claim: &Claim, step: u64, now: i64) -> Result<Option<String>, Error> {
        self.call(|transaction| runs::resume(transaction, claim, step, now))
    }

    fn sign(&self, claims: &[Claim], now: i64) -> Result<(), Error> {
        self.call(|transaction| {
            for claim in claims {
                runs::sign(transaction, claim, now)?;
            }
            Ok(())
        })
    }

    fn write(&self, claim: &Claim, changes: &[Change], now: i64) -> Result<(), Error> {
        self.call(|transaction| runs::apply(transaction, claim, changes, now))
    }

    fn remove(&self, ids: &[String]) -> Result<(), Error> {
        self.call(|transaction| runs::remove(transaction, ids))
    }

    fn runs(&self, query: &RunQuery, alive_since: i64) -> Result<Vec<RunRow>, Error> {
        self.call(|transaction| runs::list(transaction, query, alive_since))
    }

    fn count(&self, query: &RunQuery, alive_since: i64) -> Result<u64, Error> {
        self.call(|transaction| runs::count(transaction, query, alive_since))
    }

    fn metric_names(&self) -> Result<Vec<String>, Error> {
        let text = "SELECT DISTINCT name COLLATE \"C\" FROM run_metrics \
                    WHERE last_step IS NOT NULL ORDER BY 1";
        self.call(|transaction| runs::texts(transaction, text, &[]))
    }

    fn parameter_names(&self) -> Result<Vec<String>, Error> {
        let text = "SELECT DISTINCT name COLLATE \"C\" FROM run_parameters ORDER BY 1";
        self.call(|transaction| runs::texts(transaction, text, &[]))
    }

    fn called(&self, wanted: &str) -> Result<Vec<String>, Error> {
        let text = "SELECT id FROM runs \
             WHERE name = $1 OR ($1 <> '' AND substr(id, 1, length($1)) = lower($1)) \
             ORDER BY started DESC, run_id DESC";
        self.call(|transaction| runs::texts(transaction, text, &[&wanted]))
    }

    fn details(&self, id: &str, alive_since: i64) -> Result<Details, Error> {
        self.call(|transaction| runs::details(transaction, id, alive_since))
    }

    fn series(&self, id: &str, metric: &str) -> Result<Vec<Point>, Error> {
        self.call(|transaction| runs::series(transaction, id, metric))
    }
}

/// What ends a transaction early: PostgreSQL's refusal, which gets its place later, or ours.
enum Fault {
    Postgres(postgres::Error),
    Own(Error),
}

impl From<postgres::Error> for Fault {
    fn from(error: postgres::Error) -> Self {
        Fault::Postgres(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Own(error)
    }
}

impl Fault {
    fn at(self, place: &str) -> Error {
        let error = match self {
            Fault::Postgres(error) => error,
            Fault::Own(error) => return error,
        };
        let place = place.to_owned();
        // What stands behind says more than that something failed.
        let detail = std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), ToString::to_string);
        let Some(code) = error.code() else {
            let source = io::Error::other(detail);
            return Error::CannotOpen { place, source };
        };
        let rights = [
            SqlState::INSUFFICIENT_PRIVILEGE,
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            SqlState::INVALID_PASSWORD,
        ];
        match code {
            code if *code == SqlState::DISK_FULL => Error::DiskFull { place },
            code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => Error::ReadOnly { place },
            code if rights.contains(code) => Error::NoRights { place, detail },
            _ => Error::Refused { place, detail },
        }
    }
}
