//! One trial: its recipe trained, once or with several seeds, and what came of it told to the study.
use super::plan::{Objective, Plan};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::initial::Initials;
use crate::storage::failure;
use crate::verbs::train::{Board, Job, Manifests, Share, one, status};
use anyhow::Result;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use study::{ActiveTrial, Error, RunQuery, State, Storage, TrialState, pruners::Pruner};
use train::run::{Ended, Outcome, RunFolder};
use train::{Beginning, Flow, Live, Recipe, TrainError, Watch};
use words::Say;

/// The attributes of a trial: where its runs lie, the runs' ids, and why it did not come to its end.
pub const FOLDER: &str = "museau:folder";
pub const RUNS: &str = "museau:runs";
pub const ERROR: &str = "museau:error";

/// What all trials of a search have in common.
pub struct Around<'a> {
    pub context: &'a Context,
    pub plan: &'a Plan,
    pub pruner: Pruner,
    pub storage: &'a Storage,
    pub manifests: &'a Mutex<Manifests>,
    pub initials: &'a Mutex<Initials>,
    pub share: Share,
    /// Set when the person asks for an end.
    pub stop: &'a AtomicBool,
    pub board: &'a Board,
}

/// How a trial ended.
#[derive(Debug)]
pub enum End {
    /// It has its values.
    Complete(Vec<f64>),
    /// It is behind the others.
    Behind,
    /// It cannot be trained, or what it gives is no number: why.
    Impossible(String),
    /// The person asked for an end; it waits for the next worker.
    Interrupted,
}

/// Does a trial, from where it was left, and ends it in the study.
pub fn run(around: &Around<'_>, mut trial: ActiveTrial) -> Result<End> {
    // Where this fails the trial is dropped, and waits for a worker that can.
    let end = trained(around, &mut trial)?;
    let ended = match &end {
        End::Complete(values) => trial.finish(TrialState::Complete, values),
        End::Interrupted => trial.release(),
        End::Behind => trial.finish(TrialState::Pruned, &[]),
        End::Impossible(reason) => {
            (trial.note(ERROR, json!(reason))).and_then(|()| trial.finish(TrialState::Pruned, &[]))
        }
    };
    ended.map_err(|error| failure(around.context, &error))?;
    Ok(end)
}

fn trained(around: &Around<'_>, trial: &mut ActiveTrial) -> Result<End> {
    let (context, plan) = (around.context, around.plan);
    let told = |error| failure(context, &error);
    let recipe = match plan.recipe_of(trial.trial()) {
        Ok(recipe) => recipe,
        Err(error) => return impossible(around, trial, &error),
    };
    let taken_over = trial.trial().attributes.contains_key(FOLDER);
    let parent = folder(around, trial).map_err(told)?;
    let own = [recipe.train.seed];
    let seeds = if plan.seeds.is_empty() {
        &own[..]
    } else {
        &plan.seeds
    };
    let mut values = Vec::new();
    for (place, &seed) in (0..).zip(seeds) {
        let job = job(around, &recipe, seed, &parent)?;
        if taken_over && !job.resumed {
            forget(around.storage, &job.folder).map_err(told)?;
        }
        let (result, behind) = once(around, trial, &job)?;
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(error @ TrainError::NotFinite { .. }) => {
                // Worse than any number: samplers avoid what is like it.
                let last = trial.trial().reported.keys().last().copied().unwrap_or(0);
                trial.report(last + 1, f64::NAN).map_err(told)?;
                return Ok(End::Impossible(error.message(context.language)));
            }
            Err(error) => return impossible(around, trial, &error),
        };
        match outcome.ended {
            Ended::Interrupted if behind => return Ok(End::Behind),
            Ended::Interrupted => return Ok(End::Interrupted),
            Ended::Complete | Ended::Early | Ended::Stopped => {}
        }
        values.push(measured(plan, &outcome, &job.folder));
        if let Some(value) = values.last().filter(|_| seeds.len() > 1) {
            trial.report(place, value[0]).map_err(told)?;
            let left = place + 1 < seeds.len() as i64;
            if left && trial.is_hopeless(&around.pruner).map_err(told)? {
                return Ok(End::Behind);
            }
        }
    }
    let mean = |objective: usize| {
        let sum: f64 = values.iter().map(|values| values[objective]).sum();
        sum / values.len() as f64
    };
    Ok(End::Complete(
        (0..plan.objectives.len()).map(mean).collect(),
    ))
}

/// What cannot be trained is told to the samplers as a limit that it exceeds; what is wrong with the
/// surroundings ends the search.
fn impossible(around: &Around<'_>, trial: &mut ActiveTrial, error: &TrainError) -> Result<End> {
    let excess = match error {
        TrainError::Memory { needed, limit, .. } => {
            (*needed as f64 / (*limit).max(1) as f64).log2()
        }
        TrainError::Network(_) | TrainError::Engine(_) => 1.0,
        TrainError::NoSource | TrainError::HoldsSource { .. } => 0.0,
        other if status(other) == Status::Usage => 1.0,
        _ => 0.0,
    };
    let reason = error.message(around.context.language);
    if excess > 0.0 {
        trial
            .exceeds(excess)
            .map_err(|error| failure(around.context, &error))?;
        return Ok(End::Impossible(reason));
    }
    Err(Failure::error(status(error), reason))
}

/// The folder of a trial's runs: where it was, else a new one.
fn folder(around: &Around<'_>, trial: &mut ActiveTrial) -> Result<PathBuf, Error> {
    let known = trial.trial().attributes.get(FOLDER);
    if let Some(known) = known.and_then(|known| known.as_str()) {
        return Ok(PathBuf::from(known));
    }
    let parent = Path::new(&around.plan.output);
    let name = format!("trial-{:04}", trial.trial().number);
    let others = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.clone()).chain(others);
    let free = names.find(|name| !parent.join(name).exists());
    let folder = parent.join(free.unwrap_or(name));
    trial.note(FOLDER, json!(folder.display().to_string()))?;
    Ok(folder)
}

/// The name of a run: the study's folder, the trial, and the seed where there are several.
fn folder_name(folder: &Path, seeds: &[u64], seed: u64) -> String {
    let names = [
        folder.parent().and_then(Path::file_name),
        folder.file_name(),
    ];
    let names: Vec<_> = names
        .into_iter()
        .flatten()
        .map(|name| name.to_string_lossy())
        .collect();
    match seeds {
        [] | [_] => names.join("/"),
        _ => format!("{}/seed-{seed}", names.join("/")),
    }
}

/// The training of a seed: begun in its folder, or gone on with there.
fn job(around: &Around<'_>, recipe: &Recipe, seed: u64, parent: &Path) -> Result<Job> {
    let mut recipe = recipe.clone();
    recipe.train.seed = seed;
    let folder = match around.plan.seeds.len() {
        0 | 1 => parent.to_owned(),
        _ => parent.join(format!("seed-{seed}")),
    };
    let name = folder_name(parent, &around.plan.seeds, seed);
    recipe.train.name.clone_from(&name);
    let mut manifests = around
        .manifests
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let manifest = manifests.open(around.context, &recipe)?;
    let mut initials = (around.initials)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let initial = initials.open(around.context, &recipe)?;
    Ok(Job {
        resumed: RunFolder::is_run(&folder),
        name,
        recipe,
        initial,
        manifest,
        folder,
        // Of many trials few are used.
        guarded: false,
    })
}

/// Removes the records of runs that a dead worker began in a folder and that never came to a training: the
/// trial's own run begins now.
fn forget(storage: &Storage, folder: &Path) -> Result<(), Error> {
    let rows = storage.runs(&RunQuery::default())?;
    let unbegun = rows.into_iter().filter(|row| {
        row.state != State::Complete && row.step.is_none() && row.folder.as_deref() == Some(folder)
    });
    let ids: Vec<String> = unbegun.map(|row| row.id).collect();
    storage.remove(&ids)
}

/// Trains once; whether the trial turned out to be behind the others.
fn once(
    around: &Around<'_>,
    trial: &mut ActiveTrial,
    job: &Job,
) -> Result<(Result<Outcome, TrainError>, bool)> {
    let context = Context {
        quiet: true,
        ..*around.context
    };
    let stop = AtomicBool::new(around.stop.load(Ordering::Relaxed));
    let mut judge = Judge {
        around,
        trial,
        stop: &stop,
        epochs: 0,
        behind: false,
        failed: None,
    };
    let result = one(
        &context,
        job,
        around.share,
        &stop,
        around.storage,
        around.board,
        &mut judge,
    );
    let Judge { behind, failed, .. } = judge;
    if let Some(error) = failed {
        return Err(failure(around.context, &error));
    }
    if let Some(record) = RunFolder::about_of(&job.folder).and_then(|about| about.record) {
        let mut runs: Vec<String> = (trial.trial().attributes.get(RUNS))
            .and_then(|runs| serde_json::from_value(runs.clone()).ok())
            .unwrap_or_default();
        if !runs.contains(&record) {
            runs.push(record);
            let noted = trial.note(RUNS, json!(runs));
            noted.map_err(|error| failure(around.context, &error))?;
        }
    }
    Ok((result, behind))
}

/// The values of the objectives of a training that came to its end.
fn measured(plan: &Plan, outcome: &Outcome, folder: &Path) -> Vec<f64> {
    let metric = |name| {
        outcome
            .metrics
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    };
    let size = || {
        outcome
            .package
            .as_deref()?
            .metadata()
            .ok()
            .map(|found| found.len() as f64)
    };
    let value = |objective: &Objective| match objective {
        Objective::ValAccuracy | Objective::ValLoss => metric(objective.name()),
        Objective::Parameters => RunFolder::about_of(folder).map(|about| about.parameters as f64),
        Objective::Bytes => size(),
    };
    plan.objectives
        .iter()
        .map(|objective| value(objective).unwrap_or(f64::NAN))
        .collect()
}

/// Tells the study what a training reports, and ends it where it is behind.
struct Judge<'a, 'b> {
    around: &'a Around<'b>,
    trial: &'a mut ActiveTrial,
    /// The training's own.
    stop: &'a AtomicBool,
    epochs: u32,
    behind: bool,
    failed: Option<Error>,
}

impl Watch for Judge<'_, '_> {
    fn begins(&mut self, beginning: &Beginning) {
        self.epochs = beginning.epochs;
    }

    fn live(&mut self, _live: &Live) {
        if self.around.stop.load(Ordering::Relaxed) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn report(&mut self, step: u64, metrics: &[(&str, f64)]) -> Flow {
        let plan = self.around.plan;
        let of = |objective: &Objective| metrics.iter().find(|(name, _)| *name == objective.name());
        let value = plan.objectives.iter().find_map(of);
        let Some((_, value)) = value.filter(|_| plan.seeds.len() <= 1) else {
            return Flow::Continue;
        };
        match self.trial.report(step.cast_signed(), *value) {
            // It is written with the next one.
            Ok(()) | Err(Error::Locked { .. } | Error::DiskFull { .. }) => {}
            Err(error) => {
                self.failed = Some(error);
                self.stop.store(true, Ordering::Relaxed);
                return Flow::Continue;
            }
        }
        let last = step >= u64::from(self.epochs);
        if !last && plan.objectives.len() == 1 {
            // Not knowing, it goes on.
            self.behind |= self.trial.is_hopeless(&self.around.pruner).unwrap_or(false);
            if self.behind {
                self.stop.store(true, Ordering::Relaxed);
            }
        }
        Flow::Continue
    }
}
