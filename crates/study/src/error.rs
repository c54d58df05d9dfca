//! What may be wrong with a storage, or with what is asked of it.
use std::io;
use std::path::PathBuf;

/// What may be wrong with a storage, or with what is asked of it. `place` is where the storage is, as
/// its kind names it: the path of a file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such storage, or it holds no run yet.
    #[error("{place} holds no runs")]
    NothingThere {
        /// The storage.
        place: String,
    },
    /// The storage could not be opened or made.
    #[error("{place} could not be opened: {source}")]
    CannotOpen {
        /// The storage.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no SQLite database.
    #[error("{place} is not an SQLite database")]
    NotADatabase {
        /// The storage.
        place: String,
    },
    /// The database is another program's.
    #[error("{place} is a database of another program")]
    Foreign {
        /// The storage.
        place: String,
    },
    /// A newer museau made the tables.
    #[error("{place} has version {found} of the tables, known are those up to {supported}")]
    Newer {
        /// The storage.
        place: String,
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        supported: i64,
    },
    /// Another process kept the storage to itself for longer than [`crate::Options::busy`].
    #[error("{place} is in use by another program")]
    Locked {
        /// The storage.
        place: String,
    },
    /// There is no room on the disk.
    #[error("no room on the disk for {place}")]
    DiskFull {
        /// The storage.
        place: String,
    },
    /// The storage may be read but not written.
    #[error("{place} cannot be written")]
    ReadOnly {
        /// The storage.
        place: String,
    },
    /// The storage is damaged.
    #[error("{place} is damaged")]
    Damaged {
        /// The storage.
        place: String,
    },
    /// Anything else that the storage refuses.
    #[error("{place}: {detail}")]
    Refused {
        /// The storage.
        place: String,
        /// What it said, in English.
        detail: String,
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
    /// No study has this name.
    #[error("there is no study `{wanted}`")]
    NoSuchStudy {
        /// What was asked for.
        wanted: String,
        /// The names of those that there are.
        known: Vec<String>,
    },
    /// A study has this name already.
    #[error("there is a study `{study}` already")]
    StudyExists {
        /// Its name.
        study: String,
    },
    /// No trial of the study has this number.
    #[error("the study `{study}` has no trial {number}")]
    NoSuchTrial {
        /// The study.
        study: String,
        /// The number.
        number: u64,
    },
    /// Another worker has the trial.
    #[error("another worker has the trial")]
    TrialTakenOver,
    /// The studies' tables are of another version of Optuna's schema.
    #[error("{place} has version {found} of Optuna's tables, known is {supported}")]
    Optuna {
        /// The storage.
        place: String,
        /// Its version.
        found: i64,
        /// The one that this program knows.
        supported: i64,
    },
    /// The database gives this user too few rights, or none.
    #[error("{place}: not allowed: {detail}")]
    NoRights {
        /// The storage.
        place: String,
        /// What it said, in English.
        detail: String,
    },
    /// An artefact could not be read.
    #[error("{} could not be read: {source}", path.display())]
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
            Error::Refused { .. } => "refused",
            Error::NoSuchRun { .. } => "no_such_run",
            Error::Ambiguous { .. } => "ambiguous",
            Error::TakenOver { .. } => "taken_over",
            Error::NoSuchStudy { .. } => "no_such_study",
            Error::StudyExists { .. } => "study_exists",
            Error::NoSuchTrial { .. } => "no_such_trial",
            Error::TrialTakenOver => "trial_taken_over",
            Error::Optuna { .. } => "optuna",
            Error::NoRights { .. } => "no_rights",
            Error::Artefact { .. } => "artefact",
        }
    }

    /// That no run has this id.
    pub(crate) fn no_such_run(id: &str) -> Error {
        Error::NoSuchRun {
            wanted: id.to_owned(),
        }
    }

    /// That another process has the run of this id.
    pub(crate) fn taken_over(id: &str) -> Error {
        Error::TakenOver { run: id.to_owned() }
    }
}
