//! `museau search`: many trainings of one recipe whose values may vary, to find the best.
mod best;
mod file;
mod importance;
mod join;
mod list;
mod plan;
mod report;
mod show;
mod trial;
mod work;
mod worker;

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::outputs::{self, argument};
use crate::storage::{StorageArguments, failure, look, place};
use crate::verbs::train::{RecipeFlags, open_storage};
use anyhow::Result;
use clap::{Args, Subcommand};
use plan::{Objective, PATHS, PLAN, Plan, usage, whole};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use study::{NewStudy, Storage, Study};
use words::SearchMessage;

/// Options of `museau search`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SearchArguments {
    /// What is searched: a recipe (TOML) in which values may be ranges, such as
    /// `rate = { low = 1e-4, high = 1e-1, log = true }`
    #[arg(value_name = "SPACE", required = true)]
    space: Option<PathBuf>,
    /// Name of the study [default: the file's]; one that is there is continued
    #[arg(long, value_name = "NAME")]
    study: Option<String>,
    /// Trials in all, those of an earlier search included [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    trials: Option<u64>,
    /// Trials at a time; they share the threads. 0: only begin the study, for workers elsewhere
    #[arg(long, visible_alias = "jobs", value_name = "N", default_value_t = 1)]
    workers: u16,
    /// How the next trial is chosen
    #[arg(long, value_name = "NAME", value_parser = file::names_of_samplers())]
    sampler: Option<String>,
    /// How a trial that is behind the others is ended
    #[arg(long, value_name = "NAME", value_parser = file::names_of_pruners())]
    pruner: Option<String>,
    /// What counts; two for a trade-off
    #[arg(long, value_enum, value_name = "NAME,...", value_delimiter = ',')]
    objective: Vec<Objective>,
    /// Seed of the sampler
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Train each trial once with each of these seeds, and take the mean
    #[arg(long, value_name = "N,N,...", value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Parent folder of the trials' runs [default: runs/NAME]
    #[arg(long, short, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Print one JSON object per trial
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
    #[command(flatten)]
    keys: RecipeFlags,
    #[command(subcommand)]
    verb: Option<SearchVerb>,
}

/// The verbs under `museau search`.
#[derive(Debug, Subcommand)]
enum SearchVerb {
    /// List the studies
    List(list::ListArguments),
    /// Show the trials of a study
    Show(show::ShowArguments),
    /// Show the best trial of a study, or write its model
    Best(best::BestArguments),
    /// Show which parameters matter
    Importance(importance::ImportanceArguments),
    /// Write a study as one HTML page: history, parallel coordinates, importance
    Report(report::ReportArguments),
    /// Work on a study that was begun elsewhere
    Worker(join::WorkerArguments),
    /// Train a trial to its end that was pruned, interrupted or failed
    Continue(join::ContinueArguments),
}

/// Runs `museau search`, or a verb under it.
pub fn run(context: &Context, arguments: &SearchArguments) -> Result<()> {
    match (&arguments.verb, &arguments.space) {
        (Some(SearchVerb::List(arguments)), _) => list::run(context, arguments),
        (Some(SearchVerb::Show(arguments)), _) => show::run(context, arguments),
        (Some(SearchVerb::Best(arguments)), _) => best::run(context, arguments),
        (Some(SearchVerb::Importance(arguments)), _) => importance::run(context, arguments),
        (Some(SearchVerb::Report(arguments)), _) => report::run(context, arguments),
        (Some(SearchVerb::Worker(arguments)), _) => join::worker(context, arguments),
        (Some(SearchVerb::Continue(arguments)), _) => join::go_on(context, arguments),
        (None, Some(space)) => search(context, arguments, space),
        (None, None) => Ok(()),
    }
}

/// Begins a study, or goes on with it.
fn search(context: &Context, arguments: &SearchArguments, space: &Path) -> Result<()> {
    let file::Asked { name, mut plan } = file::read(context, space)?;
    let stem = space.file_stem().unwrap_or_default().to_string_lossy();
    let name = arguments
        .study
        .clone()
        .or(name)
        .unwrap_or_else(|| stem.into_owned());
    flags(context, arguments, &mut plan)?;
    if plan.output.is_empty() {
        plan.output = Path::new("runs").join(plain(&name)).display().to_string();
    }
    if let Ok(whole) = std::path::absolute(&plan.output) {
        plan.output = whole.display().to_string();
    }
    plan.check(context)?;
    let storage = open_storage(context, &arguments.storage)?;
    let study = study(context, &storage, &name, &plan)?;
    if arguments.workers == 0 {
        let storage = argument(&place(&arguments.storage));
        let name = argument(Path::new(&name));
        let next = format!("museau search worker --study {name} --storage {storage}");
        outputs::told(context, &[], Some(&next));
        return Ok(());
    }
    work::work(
        context,
        &study,
        &plan,
        &storage,
        &work::Options {
            workers: usize::from(arguments.workers),
            json: arguments.json,
            trial: None,
        },
    )
}

/// What flags say stands before what the file says.
fn flags(context: &Context, arguments: &SearchArguments, plan: &mut Plan) -> Result<()> {
    plan.fix(context, &arguments.keys)?;
    for (key, text) in arguments
        .keys
        .given()
        .filter(|(key, _)| PATHS.contains(key))
    {
        plan.fixed
            .insert(key.to_owned(), whole(key, text, Path::new("")));
    }
    plan.trials = arguments.trials.unwrap_or(plan.trials);
    plan.seed = arguments.seed.unwrap_or(plan.seed);
    if let Some(sampler) = &arguments.sampler {
        plan.sampler.clone_from(sampler);
    }
    if let Some(pruner) = &arguments.pruner {
        plan.pruner.clone_from(pruner);
    }
    if !arguments.objective.is_empty() {
        plan.objectives.clone_from(&arguments.objective);
    }
    if !arguments.seeds.is_empty() {
        plan.seeds.clone_from(&arguments.seeds);
    }
    if let Some(output) = &arguments.output {
        plan.output = output.display().to_string();
    }
    Ok(())
}

/// The study of this name, begun where there is none; one of another space is refused.
fn study(context: &Context, storage: &Storage, name: &str, plan: &Plan) -> Result<Study> {
    let written = json!(plan);
    let new = NewStudy {
        name: name.to_owned(),
        directions: plan
            .objectives
            .iter()
            .map(|objective| objective.direction())
            .collect(),
        attributes: BTreeMap::from([(PLAN.to_owned(), written.clone())]),
    };
    match storage.new_study(&new) {
        Err(study::Error::StudyExists { .. }) => {
            let study = storage
                .study(name)
                .map_err(|error| failure(context, &error))?;
            // One that another program began has no plan: its trials are used where they fit.
            if let Some(known) = plan_of(&study)
                && known.core() != plan.core()
            {
                return Err(usage(context, SearchMessage::OtherSpace { name }));
            }
            if study.directions() != new.directions {
                return Err(usage(context, SearchMessage::OtherSpace { name }));
            }
            study
                .note(PLAN, &written)
                .map_err(|error| failure(context, &error))?;
            Ok(study)
        }
        begun => begun.map_err(|error| failure(context, &error)),
    }
}

/// The plan of a study; none of one that another program began.
fn plan_of(study: &Study) -> Option<Plan> {
    serde_json::from_value(study.attribute(PLAN)?.clone()).ok()
}

/// The study that a person names, or the only one that there is.
fn opened(context: &Context, storage: &StorageArguments, name: Option<&str>) -> Result<Study> {
    let storage = look(context, storage)?;
    let told = |error| failure(context, &error);
    match name {
        Some(name) => storage.study(name).map_err(told),
        None => {
            let rows = storage.studies().map_err(told)?;
            let known: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
            match known[..] {
                [only] => storage.study(only).map_err(told),
                [] => Err(Failure::error(
                    Status::Unusable,
                    context.say(SearchMessage::NoStudy),
                )),
                _ => {
                    let known = &known.join(", ");
                    Err(usage(context, SearchMessage::WhichStudy { known }))
                }
            }
        }
    }
}

/// A name as a folder's: what is no letter or number becomes a hyphen.
fn plain(name: &str) -> String {
    let plain: String = (name.chars())
        .map(|c| {
            if c.is_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    match plain.trim_matches('.') {
        "" => "search".to_owned(),
        _ => plain,
    }
}
