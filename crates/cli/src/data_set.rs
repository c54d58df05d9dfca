//! Data sets as the command line names them: opened, imported where need be, decisions honoured.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::model;
use crate::progress::Shown;
use anyhow::Result;
use clap::Args;
use data::check::decisions::{Applied, Decisions};
use data::{Error, ImportOptions, Imported, Manifest, Problem, ProblemKind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use words::{DataMessage, FileMessage, Say};

/// Where the photos are.
#[derive(Debug, Args)]
pub struct Source {
    /// A manifest; or a folder for each class, Stanford Dogs' folders or archives, a tar, a table
    #[arg(value_name = "DATASET")]
    pub source: PathBuf,
    /// A decisions file to apply
    #[arg(long, value_name = "FILE")]
    pub decisions: Option<PathBuf>,
}

impl Source {
    /// As it was named.
    pub fn path(&self) -> &Path {
        &self.source
    }
}

/// The data set's manifest, and what importing it showed where it was not imported before.
pub fn manifest(context: &Context, source: &Path) -> Result<(Manifest, Vec<Problem>)> {
    if data::is_manifest(source) {
        let manifest = Manifest::open(source).map_err(unusable(context))?;
        let beside = problems_beside(source);
        let problems = match beside.is_file() {
            true => Problem::read_all(&beside).map_err(unusable(context))?,
            false => Vec::new(),
        };
        say_alike(context, &manifest);
        return Ok((manifest, problems));
    }
    let options = ImportOptions {
        threads: context.threads,
        ..ImportOptions::default()
    };
    let imported = import_source(context, source, &options)?;
    if !context.quiet {
        say_left_out(context, &imported.problems);
    }
    say_alike(context, &imported.manifest);
    Ok((imported.manifest, imported.problems))
}

/// That classes may be one: a network would learn to tell them apart by nothing.
fn say_alike(context: &Context, manifest: &Manifest) {
    let names = manifest.classes().iter().map(|class| class.folder.as_str());
    for names in data::alike(names).iter().filter(|_| !context.quiet) {
        let names = &names.join(", ");
        eprintln!("{}", context.say(DataMessage::AlikeClasses { names }));
    }
}

/// How many photos an import left out, by what was wrong, and the parts that it made nothing of:
/// nobody sees its table of problems where it was not asked for.
fn say_left_out(context: &Context, problems: &[Problem]) {
    /// How many folders are named; a data set made so has one in each class.
    const MOST_NAMED: usize = 3;
    let mut kinds: BTreeMap<ProblemKind, usize> = BTreeMap::new();
    for problem in problems.iter().filter(|problem| problem.kind.leaves_out()) {
        *kinds.entry(problem.kind).or_default() += 1;
    }
    if !kinds.is_empty() {
        let count = &kinds.values().sum::<usize>().to_string();
        let named = kinds.iter().map(|(kind, n)| format!("{} {n}", kind.name()));
        let kinds = &named.collect::<Vec<_>>().join(", ");
        eprintln!("{}", context.say(DataMessage::LeftOut { count, kinds }));
    }
    let ignored = problems
        .iter()
        .filter(|problem| problem.kind == ProblemKind::IgnoredPart);
    for Problem { path, .. } in ignored.take(MOST_NAMED) {
        eprintln!("{}", context.say(DataMessage::IgnoredPart { path }));
    }
}

/// A manifest or any data set, less what the decisions drop; what importing it showed; the
/// decisions.
pub fn open(context: &Context, source: &Source) -> Result<(Manifest, Vec<Problem>, Decisions)> {
    let (manifest, problems) = manifest(context, &source.source)?;
    let Some(path) = &source.decisions else {
        return Ok((manifest, problems, Decisions::default()));
    };
    let (decided, decisions) = decided(context, &manifest, path)?;
    Ok((decided, problems, decisions))
}

/// The data set as a file of decisions has it, and the decisions.
pub fn decided(
    context: &Context,
    manifest: &Manifest,
    path: &Path,
) -> Result<(Manifest, Decisions)> {
    let decisions = Decisions::open(path).map_err(unusable(context))?;
    let applied = decisions.apply(manifest);
    say_decided(context, std::slice::from_ref(&applied));
    let decided = applied.manifest;
    if decided.all_entries().is_empty() {
        let path = path.to_owned();
        return Err(unusable(context)(Error::Nothing { path }));
    }
    Ok((decided, decisions))
}

/// Which decisions are about no photo of any of these data sets, and which classes are new in all.
pub fn say_decided(context: &Context, applied: &[Applied]) {
    let Some((first, others)) = applied.split_first().filter(|_| !context.quiet) else {
        return;
    };
    let in_all = |of: fn(&Applied) -> &Vec<String>| {
        let is_in_all = move |name: &&String| others.iter().all(|one| of(one).contains(name));
        of(first).iter().filter(is_in_all)
    };
    for path in in_all(|applied| &applied.unmet) {
        eprintln!("{}", context.say(DataMessage::DecisionUnmet { path }));
    }
    for name in in_all(|applied| &applied.new_classes) {
        eprintln!("{}", context.say(DataMessage::DecisionNewClass { name }));
    }
}

/// Imports, and shows how far it is.
pub fn import_source(
    context: &Context,
    source: &Path,
    options: &ImportOptions,
) -> Result<Imported> {
    let shown = Shown::of_items(context, "import");
    let progress = |done, all| shown.now(done as u64, all as u64);
    let imported = data::import(source, options, &progress);
    shown.finish();
    imported.map_err(unusable(context))
}

/// Where an import says what was wrong: `NAME.problems.csv` beside the manifest.
pub fn problems_beside(manifest: &Path) -> PathBuf {
    manifest.with_extension("problems.csv")
}

/// A data set or a table that cannot be used; what cannot be written has failed.
pub fn unusable(context: &Context) -> impl Fn(Error) -> anyhow::Error + '_ {
    |error| match error {
        Error::Write { .. } => failed(context)(error),
        _ => Failure::error(Status::Unusable, error.message(context.language)),
    }
}

/// A file that is named on the command line and cannot be read.
pub fn unreadable<'a>(
    context: &'a Context,
    path: &'a Path,
) -> impl Fn(std::io::Error) -> anyhow::Error + 'a {
    |error| {
        let path = &path.display().to_string();
        let reason = &error.message(context.language);
        let said = FileMessage::CannotRead { path, reason }.say(context.language);
        let said = said.because(&error, context.language);
        Failure::error(Status::Unusable, said.to_string())
    }
}

/// What was to be done with a data set and failed.
pub fn failed(context: &Context) -> impl Fn(Error) -> anyhow::Error + '_ {
    |error| Failure::error(Status::Failed, error.message(context.language))
}

/// Where decoded photos and twins are kept from one command to the next.
pub fn cache() -> PathBuf {
    let home = model::home().unwrap_or_else(|| std::env::temp_dir().join("museau"));
    home.join("cache")
}
