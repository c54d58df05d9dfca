//! `museau runs rm`: forgets runs.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::outputs::unwritten;
use crate::storage::{StorageArguments, all_details, failure, look, place};
use anyhow::Result;
use clap::Args;
use std::path::{Component, Path, PathBuf};
use study::{Details, State, Storage};
use words::Message;

/// Options of `museau runs rm`.
#[derive(Debug, Args)]
pub struct RmArguments {
    /// Ids, their beginnings, or names
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// Forget runs that are still running too
    #[arg(long)]
    yes: bool,
    /// Delete the files that they recorded as well
    #[arg(long)]
    files: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Forgets.
pub fn run(context: &Context, arguments: &RmArguments) -> Result<()> {
    let told = |error| failure(context, &error);
    // Looked up first: a file that is no database of runs is not made one.
    let runs = all_details(
        context,
        &look(context, &arguments.storage)?,
        &arguments.runs,
    )?;
    let running = runs.iter().find(|run| run.row.state == State::Running);
    if let Some(run) = running.filter(|_| !arguments.yes) {
        let text = context.say(Message::RunsIsRunning { run: &run.row.id });
        return Err(Failure::error(Status::Failed, text));
    }
    let storage = Storage::open(&place(&arguments.storage)).map_err(told)?;
    for run in &runs {
        // The files go first: should this break off, the record still says what there is to delete.
        if arguments.files {
            remove_files(context, run)?;
        }
        let id = &run.row.id;
        storage.remove(std::slice::from_ref(id)).map_err(told)?;
        if !context.quiet {
            eprintln!("{}", context.say(Message::RunsRemoved { run: id }));
        }
    }
    Ok(())
}

/// Deletes the files that a run recorded in its folder, the networks of best epochs that its training
/// left there, and the folder when it is empty then. What museau did not record is a person's own: it
/// stays, and is told.
fn remove_files(context: &Context, run: &Details) -> Result<()> {
    let Some(folder) = run.row.folder.as_deref().filter(|folder| folder.is_dir()) else {
        return Ok(());
    };
    let inside = |path: &&Path| {
        let mut parts = path.components();
        parts.all(|part| matches!(part, Component::Normal(_)))
    };
    let recorded = || run.artefacts.iter().map(|artefact| artefact.path.as_path());
    let is_training =
        recorded().any(|path| ["run.json", "recipe.toml"].map(Path::new).contains(&path));
    let best = if is_training {
        best_epochs(folder)
    } else {
        Vec::new()
    };
    let paths = best.iter().map(PathBuf::as_path).chain(recorded());
    for path in paths.filter(inside) {
        let file = folder.join(path);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let text = unwritten(context, &file, &error);
                return Err(Failure::error(Status::Failed, text));
            }
            _ => {}
        }
        for parent in path.ancestors().skip(1) {
            // Only empty ones can be removed.
            let _ = std::fs::remove_dir(folder.join(parent));
        }
    }
    if run.row.state != State::Running {
        // The lock of a training that is over holds nothing.
        let _ = std::fs::remove_file(folder.join("run.lock"));
    }
    let _ = std::fs::remove_dir(folder);
    let left = std::fs::read_dir(folder).map_or(0, Iterator::count);
    if left > 0 && !context.quiet {
        let (folder, count) = (&folder.display().to_string(), &left.to_string());
        eprintln!("{}", context.say(Message::RunsFilesLeft { folder, count }));
    }
    Ok(())
}

/// The networks of best epochs that a training left in its folder, which no record names.
fn best_epochs(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let names = files.map(|file| file.file_name());
    let best = names.filter(|name| train::run::best_epoch(name).is_some());
    best.map(PathBuf::from).collect()
}
