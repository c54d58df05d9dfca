//! `museau search worker` and `continue`: a study that is there already gets another worker, or one of its
//! trials goes on.
use super::plan::{PATHS, Plan, usage, whole};
use super::{plan_of, work};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::storage::{StorageArguments, failure};
use crate::verbs::train::{RecipeFlags, open_storage};
use anyhow::Result;
use clap::Args;
use std::path::{Path, PathBuf};
use study::{Storage, Study};
use words::SearchMessage;

/// Options of `museau search worker`.
#[derive(Debug, Args)]
pub struct WorkerArguments {
    /// The study to work on
    #[arg(long, value_name = "NAME")]
    study: String,
    /// Trials at a time; they share the threads
    #[arg(long, visible_alias = "jobs", value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// Parent folder of the trials' runs, where it lies elsewhere on this machine
    #[arg(long, short, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Print one JSON object per trial
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
    #[command(flatten)]
    keys: RecipeFlags,
}

/// Options of `museau search continue`.
#[derive(Debug, Args)]
pub struct ContinueArguments {
    /// The study
    #[arg(value_name = "STUDY")]
    study: String,
    /// The trial to go on with: one that was pruned, interrupted or failed
    #[arg(long, value_name = "N")]
    trial: u64,
    /// Print the trial as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
    #[command(flatten)]
    keys: RecipeFlags,
}

/// Works on a study.
pub fn worker(context: &Context, arguments: &WorkerArguments) -> Result<()> {
    let storage = open_storage(context, &arguments.storage)?;
    let (study, mut plan) = begun(context, &storage, &arguments.study, &arguments.keys)?;
    if let Some(output) = &arguments.output {
        let whole = std::path::absolute(output).unwrap_or_else(|_| output.clone());
        plan.output = whole.display().to_string();
    }
    let options = work::Options {
        workers: usize::from(arguments.workers),
        json: arguments.json,
        trial: None,
    };
    work::work(context, &study, &plan, &storage, &options)
}

/// Goes on with a trial to its end, however far behind it is.
pub fn go_on(context: &Context, arguments: &ContinueArguments) -> Result<()> {
    let storage = open_storage(context, &arguments.storage)?;
    let (study, mut plan) = begun(context, &storage, &arguments.study, &arguments.keys)?;
    let told = |error| failure(context, &error);
    let trial = study.trial(arguments.trial).map_err(told)?;
    if trial.state == study::TrialState::Complete {
        let number = &arguments.trial.to_string();
        return Err(usage(context, SearchMessage::IsComplete { number }));
    }
    if trial.state == study::TrialState::Running {
        let number = &arguments.trial.to_string();
        return Err(usage(context, SearchMessage::IsRunning { number }));
    }
    "none".clone_into(&mut plan.pruner);
    let options = work::Options {
        workers: 1,
        json: arguments.json,
        trial: Some(arguments.trial),
    };
    work::work(context, &study, &plan, &storage, &options)
}

/// The study of this name and its plan, with the photos where they lie on this machine.
fn begun(
    context: &Context,
    storage: &Storage,
    name: &str,
    keys: &RecipeFlags,
) -> Result<(Study, Plan)> {
    let study = storage
        .study(name)
        .map_err(|error| failure(context, &error))?;
    let Some(mut plan) = plan_of(&study) else {
        return Err(usage(context, SearchMessage::NoPlan { name }));
    };
    let own = env!("CARGO_PKG_VERSION");
    if plan.museau != own {
        let said = context.say(SearchMessage::OtherVersion {
            theirs: &plan.museau,
            own,
        });
        return Err(Failure::error(Status::Unusable, said));
    }
    for (key, text) in keys.given() {
        if !PATHS.contains(&key) {
            return Err(usage(context, SearchMessage::OnlyPaths { key }));
        }
        plan.fixed
            .insert(key.to_owned(), whole(key, text, Path::new("")));
    }
    Ok((study, plan))
}
