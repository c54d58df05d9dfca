//! `museau runs rm`: removes runs from the record.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::outputs::unwritten;
use crate::storage::{StorageArguments, all_details, failure, look, place};
use anyhow::Result;
use clap::Args;
use data::files;
use std::path::{Component, Path, PathBuf};
use study::{Artefact, Details, State, Storage};
use train::TrainError;
use train::run::RunFolder;
use train::run::names::ABOUT;
use words::{RunMessage, Say};

/// Options of `museau runs rm`.
#[derive(Debug, Args)]
pub struct RmArguments {
    /// Ids, their beginnings, names, or folders of runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// Remove runs that are still running too
    #[arg(long)]
    yes: bool,
    /// Delete the files that they recorded as well
    #[arg(long)]
    files: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Removes.
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
        let text = context.say(RunMessage::IsRunning { run: &run.row.id });
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
            eprintln!("{}", context.say(RunMessage::Removed { run: id }));
        }
    }
    Ok(())
}

/// So many of the files that stay are named.
const MOST_NAMED: usize = 10;

/// Deletes the files that a run recorded in its folder and that are still as it recorded them, the
/// networks of best epochs that its training left there, and the folder when it is empty then. All else
/// is a person's own, or another run's that has the folder now: it stays, and is told.
fn remove_files(context: &Context, run: &Details) -> Result<()> {
    let Some(folder) = run.row.folder.as_deref().filter(|folder| folder.is_dir()) else {
        return Ok(());
    };
    let recorded = |name: &Path| {
        let mut all = run.artefacts.iter();
        all.find(|artefact| artefact.path == name)
    };
    let about = RunFolder::about_of(folder);
    let names_it = (about.as_ref()).is_some_and(|about| about.record.as_ref() == Some(&run.row.id));
    let is_its_own =
        names_it || recorded(Path::new(ABOUT)).is_some_and(|about| is_as_recorded(folder, about));
    let of_other = || {
        if !context.quiet {
            let folder = &folder.display().to_string();
            eprintln!("{}", context.say(RunMessage::FolderOfOther { folder }));
        }
        Ok(())
    };
    if about.is_some() && !is_its_own {
        return of_other();
    }
    let held = match RunFolder::hold(folder) {
        // A training that has not told yet whose the folder is.
        Err(TrainError::InUse { .. }) if !is_its_own => return of_other(),
        held => {
            held.map_err(|error| Failure::error(Status::Failed, error.message(context.language)))?
        }
    };
    let mut paths: Vec<PathBuf> = if is_its_own {
        train::run::best_networks(folder)
    } else {
        Vec::new()
    };
    let kept = run
        .artefacts
        .iter()
        .filter(|file| is_as_recorded(folder, file));
    paths.extend(kept.map(|artefact| artefact.path.clone()));
    // As long as there is any other, so is what says whose it is.
    paths.sort_by_key(|path| path == Path::new(ABOUT));
    for path in &paths {
        let file = folder.join(path);
        files::remove(&file)
            .map_err(|error| Failure::error(Status::Failed, unwritten(context, &file, &error)))?;
        for parent in path
            .ancestors()
            .skip(1)
            .filter(|it| !it.as_os_str().is_empty())
        {
            files::remove_empty_folder(&folder.join(parent));
        }
    }
    held.forget();
    if !context.quiet {
        let (count, folder) = (&paths.len().to_string(), &folder.display().to_string());
        eprintln!(
            "{}",
            context.say(RunMessage::FilesDeleted { count, folder })
        );
    }
    files::remove_empty_folder(folder);
    if !context.quiet {
        tell_left(context, folder);
    }
    Ok(())
}

/// Says which files stay in a run's folder.
fn tell_left(context: &Context, folder: &Path) {
    let left = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut left: Vec<String> = left
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .collect();
    if !left.is_empty() {
        left.sort();
        let count = &left.len().to_string();
        if left.len() > MOST_NAMED {
            left.truncate(MOST_NAMED);
            left.push("…".to_owned());
        }
        let folder = &folder.display().to_string();
        let names = &left.join(", ");
        let said = context.say(RunMessage::FilesLeft {
            folder,
            count,
            names,
        });
        eprintln!("{said}");
    }
}

/// Whether a file that a run recorded lies in its folder and has still the content that it had then.
fn is_as_recorded(folder: &Path, artefact: &Artefact) -> bool {
    let mut parts = artefact.path.components();
    if !parts.all(|part| matches!(part, Component::Normal(_))) {
        return false;
    }
    let file = folder.join(&artefact.path);
    // A link on the way leads to what is somebody else's.
    let inside = match (file.canonicalize(), folder.canonicalize()) {
        (Ok(file), Ok(folder)) => file == folder.join(&artefact.path),
        _ => false,
    };
    if !inside || file.metadata().map_or(0, |found| found.len()) != artefact.size {
        return false;
    }
    let mut hasher = blake3::Hasher::new();
    let read = tensor::open_regular(&file).and_then(|file| {
        hasher.update_reader(file)?;
        Ok(())
    });
    read.is_ok() && hasher.finalize().to_hex().as_str() == artefact.hash
}
