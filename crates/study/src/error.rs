//! What may be wrong with a storage, or with what is asked of it.
use rusqlite::ErrorCode;
use std::io;
use std::path::{Path, PathBuf};

/// What may be wrong with a storage, or with what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file, or it holds no run yet.
    #[error("{} holds no runs", path.display())]
    NothingThere {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or made.
    #[error("{} cannot be opened: {source}", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no SQLite database.
    #[error("{} is not an SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database of another program.
    #[error("{} is a database of another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer museau made the tables.
    #[error("{} has version {found} of the tables, known are those up to {supported}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        supported: i64,
    },
    /// Another process kept the database to itself for longer than the patience.
    #[error("{} is in use by another program", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// There is no room on the disk.
    #[error("no room on the disk for {}", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The file may be read but not written.
    #[error("{} cannot be written", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The database is damaged.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that SQLite refuses.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// No run has this id or name.
    #[error("there is no run `{wanted}`")]
    NoSuchRun {
        /// What was asked for.
        wanted: String,
    },
    /// Several runs have this name, or an id that begins like this.
    #[error("`{wanted}` may be {}", runs.join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// The ids of those it may be, newest first.
        runs: Vec<String>,
    },
    /// Another process goes on with the run.
    #[error("the run `{run}` is recorded by another process now")]
    TakenOver {
        /// Its id.
        run: String,
    },
    /// An artefact cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Artefact {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// The key of its message.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::NothingThere { .. } => "nothing_there",
            Error::CannotOpen { .. } => "cannot_open",
            Error::NotADatabase { .. } => "not_a_database",
            Error::Foreign { .. } => "foreign",
            Error::Newer { .. } => "newer",
            Error::Locked { .. } => "locked",
            Error::DiskFull { .. } => "disk_full",
            Error::ReadOnly { .. } => "read_only",
            Error::Damaged { .. } => "damaged",
            Error::Sqlite { .. } => "sqlite",
            Error::NoSuchRun { .. } => "no_such_run",
            Error::Ambiguous { .. } => "ambiguous",
            Error::TakenOver { .. } => "taken_over",
            Error::Artefact { .. } => "artefact",
        }
    }

    /// What SQLite's error means for the file.
    pub(crate) fn of(path: &Path, source: rusqlite::Error) -> Error {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Locked { path },
            Some(ErrorCode::DiskFull) => Error::DiskFull { path },
            Some(ErrorCode::ReadOnly) => Error::ReadOnly { path },
            Some(ErrorCode::NotADatabase) => Error::NotADatabase { path },
            Some(ErrorCode::DatabaseCorrupt) => Error::Damaged { path },
            Some(ErrorCode::CannotOpen) => Error::CannotOpen {
                path,
                source: io::Error::other(source.to_string()),
            },
            _ => Error::Sqlite { path, source },
        }
    }
}

/// What ends a transaction early: SQLite's refusal, which gets its file's name later, or ours.
pub(crate) enum Fault {
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
    pub(crate) fn at(self, path: &Path) -> Error {
        match self {
            Fault::Sqlite(error) => Error::of(path, error),
            Fault::Own(error) => error,
        }
    }
}
