//! The database of runs as the command line names it, and what its errors mean to a person.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::model;
use anyhow::Result;
use clap::Args;
use std::path::{Path, PathBuf};
use study::{Details, Error, Storage};
use train::run::{About, RunFolder};
use words::{FileMessage, RunMessage, Say, SearchMessage};

/// Where the runs are recorded.
#[derive(Debug, Args)]
pub struct StorageArguments {
    /// The database of the runs: a file, or the URL of a PostgreSQL database (`postgres://...`); `:memory:`
    /// for none [default: runs.sqlite in museau's data folder]
    #[arg(long, value_name = "FILE|URL")]
    pub storage: Option<PathBuf>,
}

/// The database that was asked for, or the person's own.
pub fn place(arguments: &StorageArguments) -> PathBuf {
    arguments.storage.clone().unwrap_or_else(|| {
        let home = model::home().unwrap_or_default();
        home.join("runs.sqlite")
    })
}

/// Opens the database to look at.
pub fn look(context: &Context, arguments: &StorageArguments) -> Result<Storage> {
    Storage::open_read_only(&place(arguments)).map_err(|error| failure(context, &error))
}

/// What went wrong with the record, with the exit status that it means.
pub fn failure(context: &Context, error: &Error) -> anyhow::Error {
    let status = match error {
        Error::NothingThere { .. }
        | Error::CannotOpen { .. }
        | Error::NotADatabase { .. }
        | Error::Foreign { .. }
        | Error::Newer { .. }
        | Error::Optuna { .. }
        | Error::NoRights { .. }
        | Error::Damaged { .. } => Status::Unusable,
        Error::NoSuchRun { .. }
        | Error::Ambiguous { .. }
        | Error::NoSuchStudy { .. }
        | Error::StudyExists { .. }
        | Error::NoSuchTrial { .. } => Status::Usage,
        _ => Status::Failed,
    };
    Failure::error(status, said(context, error))
}

/// So many of the runs that a name could mean are named.
const MOST_NAMED: usize = 5;

/// What went wrong with the record, in the person's language.
pub fn said(context: &Context, error: &Error) -> String {
    match error {
        Error::NothingThere { place } => context.say(RunMessage::NothingThere { path: place }),
        Error::CannotOpen { place, source } => {
            let reason = &source.message(context.language);
            context.say(RunMessage::CannotOpen {
                path: place,
                reason,
            })
        }
        Error::NotADatabase { place } => context.say(RunMessage::NotADatabase { path: place }),
        Error::Foreign { place } => context.say(RunMessage::Foreign { path: place }),
        Error::Newer {
            place,
            found,
            supported,
        } => context.say(RunMessage::Newer {
            path: place,
            found: &found.to_string(),
            supported: &supported.to_string(),
        }),
        Error::Locked { place } => context.say(RunMessage::Locked { path: place }),
        Error::DiskFull { place } => context.say(RunMessage::DiskFull { path: place }),
        Error::ReadOnly { place } => context.say(RunMessage::ReadOnly { path: place }),
        Error::Damaged { place } => context.say(RunMessage::Damaged { path: place }),
        Error::Refused { place, detail } => context.say(RunMessage::Refused {
            path: place,
            detail,
        }),
        Error::NoSuchRun { wanted } => context.say(RunMessage::NoSuchRun { wanted }),
        Error::Ambiguous { wanted, runs } => {
            let mut first: Vec<&str> = runs.iter().take(MOST_NAMED).map(String::as_str).collect();
            if first.len() < runs.len() {
                first.push("…");
            }
            let runs = &first.join(", ");
            context.say(RunMessage::Ambiguous { wanted, runs })
        }
        Error::TakenOver { run } => context.say(RunMessage::TakenOver { run }),
        Error::NoSuchStudy { wanted, known } => {
            let (name, known) = (wanted.as_str(), known.join(", "));
            context.say(SearchMessage::NoSuchStudy {
                name,
                known: &known,
            })
        }
        Error::StudyExists { study } => context.say(SearchMessage::StudyExists { name: study }),
        Error::NoSuchTrial { study, number } => context.say(SearchMessage::NoSuchTrial {
            name: study,
            number: &number.to_string(),
        }),
        Error::TrialTakenOver => context.say(SearchMessage::TrialTakenOver),
        Error::Optuna {
            place,
            found,
            supported,
        } => context.say(SearchMessage::Optuna {
            path: place,
            found: &found.to_string(),
            supported: &supported.to_string(),
        }),
        Error::NoRights { place, detail } => {
            let path = place;
            context.say(RunMessage::NoRights { path, detail })
        }
        Error::Artefact { path, source } => {
            let path = &path.display().to_string();
            let reason = &source.message(context.language);
            context.say(FileMessage::CannotRead { path, reason })
        }
    }
}

/// The run that a person means: by its id, the beginning of it, its name, or its folder.
pub fn details(context: &Context, storage: &Storage, wanted: &str) -> Result<Details> {
    let found = match (storage.find(wanted), RunFolder::about_of(Path::new(wanted))) {
        // A folder says itself which run it is of.
        (
            Err(Error::NoSuchRun { .. } | Error::Ambiguous { .. }),
            Some(About {
                record: Some(id), ..
            }),
        ) => Ok(id),
        (found, _) => found,
    };
    found
        .and_then(|id| storage.details(&id))
        .map_err(|error| failure(context, &with_folders(storage, error)))
}

/// Puts behind each of the runs that a name could mean where it is: runs of one name differ by that.
fn with_folders(storage: &Storage, mut error: Error) -> Error {
    if let Error::Ambiguous { runs, .. } = &mut error {
        for run in runs.iter_mut().take(MOST_NAMED) {
            if let Ok(details) = storage.details(run)
                && let Some(folder) = details.row.folder
            {
                *run = format!("{run} ({})", folder.display());
            }
        }
    }
    error
}

/// The runs that a person means, each once.
pub fn all_details(
    context: &Context,
    storage: &Storage,
    wanted: &[String],
) -> Result<Vec<Details>> {
    let mut runs: Vec<Details> = Vec::new();
    for wanted in wanted {
        let run = details(context, storage, wanted)?;
        if runs.iter().all(|known| known.row.id != run.row.id) {
            runs.push(run);
        }
    }
    Ok(runs)
}
