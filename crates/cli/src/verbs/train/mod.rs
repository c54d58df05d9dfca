//! `museau train` and `museau finetune`: networks trained by recipes, from scratch or from weights,
//! several side by side.
mod photos;
mod recorded;
mod shown;

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::initial::Initials;
use crate::outputs::argument;
use crate::storage::StorageArguments;
use crate::table::{Cell, Table};
use crate::{augmentation, data_set, features, interrupt, model, outputs, terminal};
use anyhow::Result;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use data::Manifest;
use data::loader::LoaderError;
use engine::EngineError;
pub(super) use photos::Manifests;
use recorded::Recorded;
pub(super) use recorded::open as open_storage;
use serde_json::json;
pub(super) use shown::Board;
use shown::{Both, Preparing, Shown};
use std::collections::{HashSet, VecDeque};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use study::Storage;
use tensor::memory;
use train::recipe::{KEYS, Key, Kind};
use train::run::{Ended, Outcome, RunFolder, Surroundings};
use train::{Initial, RateRange, Recipe, TrainError, Unwatched, Watch};
use words::{RunMessage, Say, TrainMessage, plain_line};

/// Options of `museau train`.
#[derive(Debug, Args)]
#[command(after_help = names())]
pub struct TrainingArguments {
    /// Recipes (TOML); several are trained side by side. Without a recipe, all settings come from flags.
    /// `finetune` also takes a data set in place of a recipe
    #[arg(value_name = "RECIPE", conflicts_with = "resume")]
    pub recipes: Vec<PathBuf>,
    /// Resume the runs in these folders
    #[arg(long, value_name = "FOLDER", num_args = 1..)]
    pub resume: Vec<PathBuf>,
    /// Run folder [default: runs/NAME, the name of the recipe]; with several runs, their parent folder [default: runs]
    #[arg(long, short, value_name = "FOLDER", conflicts_with = "resume")]
    pub output: Option<PathBuf>,
    /// Train each recipe once with each of these seeds: 1,2,3
    #[arg(
        long,
        value_name = "N,N,...",
        value_delimiter = ',',
        conflicts_with = "resume"
    )]
    pub seeds: Vec<u64>,
    /// Trainings at a time; they share the threads [default: one per thread]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Learning rate range test: train briefly at increasing rates and suggest one; saves no model
    #[arg(long, conflicts_with_all = ["resume", "seeds"])]
    pub find_rate: bool,
    /// Print one JSON object per run
    #[arg(long)]
    pub json: bool,
    /// Where the runs are recorded.
    #[command(flatten)]
    pub storage: StorageArguments,
    /// The recipe's keys.
    #[command(flatten)]
    pub keys: RecipeFlags,
}

/// The names that two keys take: steps of an augmentation, networks.
fn names() -> String {
    let zoo = zoo::all().iter().map(|backbone| backbone.name);
    let networks: Vec<&str> = std::iter::once("lenet").chain(zoo).collect();
    format!(
        "Networks: {}\n\n{}",
        networks.join(", "),
        augmentation::steps()
    )
}

/// The keys of a recipe as flags: `--optimizer.rate 0.001`.
#[derive(Clone, Debug, Default)]
pub struct RecipeFlags(Vec<(&'static str, String)>);

impl RecipeFlags {
    /// Those of these keys.
    fn of(&self, keys: &[&str]) -> Self {
        let own = self.0.iter().filter(|(key, _)| keys.contains(key));
        RecipeFlags(own.cloned().collect())
    }

    /// The keys that were given, and what was typed behind them.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(key, text)| (*key, text.as_str()))
    }
}

impl FromArgMatches for RecipeFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = KEYS.iter().filter_map(|key| {
            let value = matches.get_one::<String>(key.name)?;
            Some((key.name, value.clone()))
        });
        Ok(RecipeFlags(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for RecipeFlags {
    fn augment_args(command: Command) -> Command {
        let defaults = Recipe::default().flat();
        command.args(KEYS.iter().map(|key| {
            // Where its table stands in a recipe; of most keys that is the name.
            let place = Some(key.place()).filter(|place| *place != key.name);
            Arg::new(key.name)
                .long(key.name)
                .aliases(place)
                .value_name(value_name(key.kind))
                .help(help(key, &defaults))
                .help_heading("Keys of a recipe")
                .allow_hyphen_values(true)
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// What is typed behind a key.
fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "TEXT",
        Kind::Whole => "N",
        Kind::Number => "NUMBER",
        Kind::Switch => "true|false",
        Kind::Wholes => "N,N,...",
        Kind::Texts => "TEXT,TEXT,...",
        Kind::Network => "NETWORK",
        Kind::Views => "VIEWS",
        Kind::Preprocessing | Kind::Augmentation => "STEPS",
        Kind::Stages => "STAGES",
    }
}

/// What a key is for, which numbers it takes and what it is where it is not given.
fn help(key: &Key, defaults: &[(String, String)]) -> String {
    let mut help = key.help.to_owned();
    if let Some(range) = key.range {
        help += &format!(" [{range}]");
    }
    if let Some(default) = key.default_text(defaults) {
        help += &format!(" [default: {default}]");
    }
    help
}

/// What a training starts from where its recipe does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Values drawn at random.
    Random,
    /// The embedded model's, of which the head alone is trained.
    Weights,
}

/// One training to be done.
pub(super) struct Job {
    pub name: String,
    pub recipe: Recipe,
    pub initial: Option<Arc<Initial>>,
    pub manifest: Arc<Manifest>,
    pub folder: PathBuf,
    pub resumed: bool,
    /// Whether the embedded model is to be asked before the result.
    pub guarded: bool,
}

/// Runs `museau train` or `museau finetune`.
pub fn run(context: &Context, start: Start, arguments: &TrainingArguments) -> Result<()> {
    if arguments.find_rate {
        return find_rate(context, start, arguments);
    }
    let jobs = jobs(context, start, arguments)?;
    let storage = recorded::open(context, &arguments.storage)?;
    let together = arguments
        .jobs
        .map_or(context.threads, usize::from)
        .clamp(1, jobs.len());
    // What is free is measured once, before any of them takes some.
    let shares = shares(context.threads, together, memory::free());
    // From here on; before, Ctrl-C ends at once.
    let stop = interrupt::flag(context.say(TrainMessage::Interrupt));
    let board = Board::default();
    let queue = Mutex::new(jobs.into_iter().collect::<VecDeque<_>>());
    let ends = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for share in shares {
            let (board, queue, ends, storage) = (&board, &queue, &ends, &storage);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let next = queue
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pop_front();
                    let Some(job) = next else { break };
                    let result = one(context, &job, share, stop, storage, board, &mut Unwatched);
                    let end = told(context, arguments, board, &job, &result);
                    ends.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(end);
                }
            });
        }
    });
    let left = queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    for job in &left {
        board.say(&context.say(TrainMessage::NotBegun { name: &job.name }));
    }
    let ends = ends.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !arguments.json {
        print(context, &ends)?;
    }
    let unbegun = (!left.is_empty()).then_some(Status::Interrupted);
    let statuses = ends.iter().filter_map(|end| end.status).chain(unbegun);
    match statuses.max_by_key(|status| *status as u8) {
        Some(status) => Err(Failure::silent(status)),
        None => Ok(()),
    }
}

/// What one of several trainings side by side may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    threads: usize,
    /// Bytes; none where it is not known what is free.
    memory_limit: Option<usize>,
}

/// The shares of so many lanes of the threads and of the memory that is free: of the latter all the same,
/// so that of equal trainings all begin or none.
pub(super) fn shares(threads: usize, lanes: usize, free: Option<usize>) -> Vec<Share> {
    let share = |lane| Share {
        threads: (threads / lanes + usize::from(lane < threads % lanes)).max(1),
        memory_limit: free.map(|bytes| bytes / lanes),
    };
    (0..lanes).map(share).collect()
}

/// All trainings that are asked for; recipes, data sets and folders are tried before any begins.
fn jobs(context: &Context, start: Start, arguments: &TrainingArguments) -> Result<Vec<Job>> {
    let mut manifests = Manifests::default();
    let mut initials = Initials::default();
    let mut jobs = Vec::new();
    for folder in &arguments.resume {
        let open = RunFolder::open(folder).map_err(|error| failure(context, &error))?;
        let recipe = open.recipe().map_err(|error| failure(context, &error))?;
        let elsewhere = [
            "data.source",
            "data.sources",
            "data.class_map",
            "data.decisions",
            "model.initial",
        ];
        let mut given = arguments.keys.0.iter().map(|(key, _)| *key);
        if let Some(key) = given.find(|key| !elsewhere.contains(key)) {
            let said = context.say(TrainMessage::ResumeKey { key });
            return Err(Failure::error(Status::Usage, said));
        }
        let mut changed = recipe.clone();
        from_folder(&mut changed, folder);
        let changed = self::changed(context, &changed, &arguments.keys)?;
        let manifest = manifests.open(context, &changed)?;
        jobs.push(Job {
            name: name_of(folder, &recipe.train.name),
            initial: initials.open(context, &changed)?,
            recipe,
            manifest,
            folder: folder.clone(),
            resumed: true,
            guarded: true,
        });
    }
    if !arguments.resume.is_empty() {
        return Ok(jobs);
    }
    let recipes = recipes(context, start, arguments, &mut initials)?;
    let seeds = &arguments.seeds;
    let several = recipes.len() * seeds.len().max(1) > 1;
    let parent = arguments
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from("runs"));
    let mut taken = HashSet::new();
    for Asked {
        recipe,
        has_name,
        initial,
    } in recipes
    {
        let manifest = manifests.open(context, &recipe)?;
        let own = [recipe.train.seed];
        let wanted = if seeds.is_empty() { &own[..] } else { seeds };
        for &seed in wanted {
            let mut recipe = recipe.clone();
            recipe.train.seed = seed;
            let mut name = recipe.train.name.clone();
            if !seeds.is_empty() {
                name += &format!("-seed{seed}");
            }
            let folder = match &arguments.output {
                Some(folder) if !several => folder.clone(),
                _ => free(context, &parent, &name, &mut taken),
            };
            if !has_name {
                name = name_of(&folder, &name);
            }
            jobs.push(Job {
                name,
                recipe,
                initial: initial.clone(),
                manifest: manifest.clone(),
                folder,
                resumed: false,
                guarded: true,
            });
        }
    }
    Ok(jobs)
}

/// What a run is called that was given no name: as its folder, so that two runs of one recipe differ.
fn name_of(folder: &Path, otherwise: &str) -> String {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = whole
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| otherwise.to_owned())
}

/// A folder of this name that is not there yet: `name`, `name-2`, ... Runs that are passed over and
/// could go on are told.
fn free(context: &Context, parent: &Path, name: &str, taken: &mut HashSet<PathBuf>) -> PathBuf {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    // A name that a recipe gives is no path: neither the folder itself nor the one above.
    let plain = match plain.trim_matches('.') {
        "" => "run".to_owned(),
        _ => plain,
    };
    let mut place = parent.join(&plain);
    let mut number = 2;
    let mut unfinished = Vec::new();
    while place.exists() || !taken.insert(place.clone()) {
        if place.exists() && !taken.contains(&place) && RunFolder::is_unfinished(&place) {
            unfinished.push(place);
        }
        place = parent.join(format!("{plain}-{number}"));
        number += 1;
    }
    for path in unfinished.iter().filter(|_| !context.quiet) {
        let said = context.say(TrainMessage::Unfinished {
            path: &path.display().to_string(),
            name: &place.file_name().unwrap_or_default().to_string_lossy(),
        });
        eprintln!("{said}");
    }
    place
}

/// A recipe, with what the flags change.
struct Asked {
    recipe: Recipe,
    /// What it starts from, if not at random.
    initial: Option<Arc<Initial>>,
    /// Whether it was given a name of its own, beside that of its file.
    has_name: bool,
}

/// The recipes that are asked for.
fn recipes(
    context: &Context,
    start: Start,
    arguments: &TrainingArguments,
    initials: &mut Initials,
) -> Result<Vec<Asked>> {
    let keys = &arguments.keys;
    let is_recipe =
        |path: &Path| start == Start::Random || path.extension() == Some("toml".as_ref());
    let name = match start {
        Start::Random => "train",
        Start::Weights => "finetune",
    };
    let mut asked = Vec::new();
    for path in &arguments.recipes {
        let file = match is_recipe(path) {
            true => RecipeFile::open(context, path)?,
            false => RecipeFile::of_data_set(path),
        };
        asked.push(file.asked(context, start, keys, initials)?);
    }
    if asked.is_empty() {
        let file = RecipeFile::new(name);
        asked.push(file.asked(context, start, keys, initials)?);
    }
    Ok(asked)
}

/// What a recipe's file says, before the flags.
struct RecipeFile {
    /// Its own text.
    text: String,
    /// Where its paths start; nowhere for what has no file.
    folder: Option<PathBuf>,
    /// The data set where one was named in place of a recipe.
    source: Option<String>,
    /// Its name, unless it gives another.
    name: String,
}

impl RecipeFile {
    fn new(name: &str) -> Self {
        RecipeFile {
            text: String::new(),
            folder: None,
            source: None,
            name: name.to_owned(),
        }
    }

    fn of_data_set(path: &Path) -> Self {
        RecipeFile {
            source: Some(path.display().to_string()),
            ..RecipeFile::new(&path.file_stem().unwrap_or_default().to_string_lossy())
        }
    }

    fn open(context: &Context, path: &Path) -> Result<Self> {
        let read = Recipe::read_text(path).map_err(|error| failure(context, &error))?;
        Ok(RecipeFile {
            text: read,
            folder: Some(path.parent().unwrap_or(Path::new("")).to_owned()),
            ..RecipeFile::new(&path.file_stem().unwrap_or_default().to_string_lossy())
        })
    }

    /// The recipe, on what its initial weights say where it says nothing.
    fn asked(
        &self,
        context: &Context,
        start: Start,
        keys: &RecipeFlags,
        initials: &mut Initials,
    ) -> Result<Asked> {
        let mut base = Recipe::default();
        base.model.initial = (start == Start::Weights).then(|| model::DEFAULT_NAME.to_owned());
        // The weights are named by a recipe that says no more than they and their network.
        let named = self.over(
            context,
            &base,
            &keys.of(&["model.initial", "model.network"]),
        )?;
        let initial = initials.open(context, &named)?;
        if let Some(initial) = &initial {
            base = match start {
                Start::Random => initial.recipe(),
                Start::Weights => initial.finetune_recipe(),
            };
        }
        let recipe = self.over(context, &base, keys)?;
        let has_name = recipe.train.name != self.name;
        Ok(Asked {
            recipe,
            initial,
            has_name,
        })
    }

    /// What it says, and `base` where it says nothing, with what flags change.
    fn over(&self, context: &Context, base: &Recipe, keys: &RecipeFlags) -> Result<Recipe> {
        let recipe = Recipe::parse_over(base, &self.text);
        let mut recipe = recipe.map_err(|error| failure(context, &error))?;
        if recipe.train.name.is_empty() {
            recipe.train.name.clone_from(&self.name);
        }
        if let Some(folder) = &self.folder {
            from_folder(&mut recipe, folder);
        }
        if let Some(source) = &self.source {
            recipe.data.source.clone_from(source);
        }
        changed(context, &recipe, keys)
    }
}

/// Paths in a recipe start at its folder, those of flags where the person is.
fn from_folder(recipe: &mut Recipe, folder: &Path) {
    let from_folder = |text: &mut String| {
        *text = folder.join(&*text).display().to_string();
    };
    recipe.data.paths_mut().for_each(from_folder);
    // A name of a model is none of a file.
    let is_file = |name: &String| folder.join(name).exists();
    let initial = recipe.model.initial.iter_mut();
    initial.filter(|name| is_file(name)).for_each(from_folder);
}

fn changed(context: &Context, recipe: &Recipe, keys: &RecipeFlags) -> Result<Recipe> {
    let changes = keys.0.iter().map(|(name, value)| (*name, value.as_str()));
    let mut recipe = recipe
        .set(changes)
        .map_err(|error| failure(context, &error))?;
    // The run's own copy of the recipe is found again from anywhere.
    let absolute = |text: &mut String| {
        if let Ok(path) = std::path::absolute(&*text) {
            *text = path.display().to_string();
        }
    };
    recipe.data.paths_mut().for_each(absolute);
    let initial = recipe.model.initial.iter_mut();
    initial
        .filter(|name| Path::new(name).exists())
        .for_each(absolute);
    Ok(recipe)
}

/// Does one training and records it; `also` hears what is reported and may end it.
pub(super) fn one(
    context: &Context,
    job: &Job,
    share: Share,
    stop: &AtomicBool,
    storage: &Storage,
    board: &Board,
    also: &mut dyn Watch,
) -> Result<Outcome, TrainError> {
    let cache = data_set::cache();
    let features = features::folder();
    let preparing = Preparing::new(context, board, &job.name);
    let gate = || model::gate(context, share.threads);
    let around = Surroundings {
        cache: &cache,
        features: features.as_deref(),
        initial: job.initial.as_deref(),
        gate: job.guarded.then_some(&gate),
        threads: share.threads,
        isa: context.isa,
        memory_limit: share.memory_limit,
        stop,
        decoded: &|done, all| preparing.now(done, all),
        language: context.language,
    };
    let Job {
        name,
        recipe,
        manifest,
        folder,
        resumed,
        ..
    } = job;
    let say = |text: &str| board.say(text);
    if *resumed {
        let open = RunFolder::open(folder)?;
        let record = open.about()?.record;
        let mut recorded = Recorded::resume(context, storage, recipe, name, record, folder, &say);
        let mut both = Both(&mut recorded, also);
        let mut shown = Shown::new(context, board, name.clone(), &mut both);
        let result = train::run::resume(&open, manifest, &around, &mut shown);
        drop(shown);
        recorded.end(&result);
        result
    } else {
        let mut recorded = Recorded::begin(context, storage, recipe, name, folder, &say);
        let record = recorded.id().map(str::to_owned);
        let mut both = Both(&mut recorded, also);
        let mut shown = Shown::new(context, board, name.clone(), &mut both);
        let record = record.as_deref();
        let result = train::run::begin(recipe, manifest, folder, record, &around, &mut shown);
        drop(shown);
        recorded.end(&result);
        result
    }
}

/// How a training ended.
struct End {
    /// The exit status that it asks for.
    status: Option<Status>,
    /// What it is told as, where it was not refused.
    row: Option<Vec<Cell>>,
}

/// Says how a training ended, what it wrote and what comes next.
fn told(
    context: &Context,
    arguments: &TrainingArguments,
    board: &Board,
    job: &Job,
    result: &Result<Outcome, TrainError>,
) -> End {
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => {
            let text = error.message(context.language);
            board.say(&format!("museau: {}: {text}", plain_line(&job.name)));
            return End {
                status: Some(status(error)),
                row: None,
            };
        }
    };
    let folder = argument(&job.folder);
    let next = match outcome.ended {
        Ended::Interrupted => format!("museau train --resume {folder}"),
        _ => {
            let source = job.recipe.data.all_sources().next().unwrap_or_default();
            let source = argument(Path::new(source));
            format!("museau evaluate {folder} {source}")
        }
    };
    let written: Vec<&Path> = outcome.package.iter().map(PathBuf::as_path).collect();
    board.hidden(|| outputs::told(context, &written, Some(&next)));
    let interrupted = outcome.ended == Ended::Interrupted;
    let written = match arguments.json {
        true => board.hidden(|| writeln!(terminal::stdout(), "{}", json_line(job, outcome))),
        false => Ok(()),
    };
    let status = match written {
        _ if interrupted => Some(Status::Interrupted),
        // Who reads has gone away: the run is there all the same.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => None,
        written => written.err().map(|_| Status::Failed),
    };
    let row = Some(row(context, job, outcome));
    End { status, row }
}

/// A training that ended, for programs.
fn json_line(job: &Job, outcome: &Outcome) -> serde_json::Value {
    let ended = match outcome.ended {
        Ended::Complete => "complete",
        Ended::Early => "early",
        Ended::Stopped => "stopped",
        Ended::Interrupted => "interrupted",
    };
    let metrics: serde_json::Map<String, serde_json::Value> = outcome
        .metrics
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    json!({
        "name": job.name,
        "seed": job.recipe.train.seed,
        "ended": ended,
        "epochs": outcome.epochs,
        "kept_epoch": outcome.kept_epoch,
        "metrics": metrics,
        "seconds": outcome.seconds,
        "folder": job.folder,
        "package": outcome.package,
    })
}

/// A training that ended, for people: a row under the headings of [`print()`].
fn row(context: &Context, job: &Job, outcome: &Outcome) -> Vec<Cell> {
    let ended = match outcome.ended {
        Ended::Complete => TrainMessage::EndedComplete,
        Ended::Early => TrainMessage::EndedEarly,
        Ended::Stopped => TrainMessage::EndedStopped,
        Ended::Interrupted => TrainMessage::EndedInterrupted,
    };
    let mut metrics = outcome.metrics.iter();
    let validation = metrics.find(|(name, _)| *name == "val_accuracy");
    let place = outcome.package.as_ref().unwrap_or(&job.folder);
    vec![
        Cell::text(&job.name),
        Cell::text(context.say(ended)),
        Cell::number(outcome.epochs.to_string()),
        Cell::number(outcome.kept_epoch.to_string()),
        Cell::number(validation.map_or_else(
            || "-".into(),
            |(_, share)| train::evaluate::percent(context.language, *share),
        )),
        Cell::number(format!(
            "{} s",
            words::number(context.language, outcome.seconds, 1)
        )),
        Cell::path(place.display().to_string()),
    ]
}

/// Prints the trainings that ended.
fn print(context: &Context, ends: &[End]) -> Result<()> {
    let headings = [
        context.say(RunMessage::Name),
        context.say(RunMessage::State),
        context.say(RunMessage::Step),
        context.say(RunMessage::Kept),
        context.say(TrainMessage::ValidationAccuracy),
        context.say(RunMessage::Spent),
        context.say(RunMessage::Path),
    ];
    let mut table = Table::new(headings.to_vec());
    table.rows = ends.iter().filter_map(|end| end.row.clone()).collect();
    table.write(&mut terminal::styled(), 0, terminal::width())?;
    Ok(())
}

fn find_rate(context: &Context, start: Start, arguments: &TrainingArguments) -> Result<()> {
    let never = AtomicBool::new(false);
    let mut manifests = Manifests::default();
    let cache = data_set::cache();
    let features = features::folder();
    let mut initials = Initials::default();
    for Asked {
        recipe, initial, ..
    } in recipes(context, start, arguments, &mut initials)?
    {
        let manifest = manifests.open(context, &recipe)?;
        let around = Surroundings {
            cache: &cache,
            features: features.as_deref(),
            initial: initial.as_deref(),
            gate: None,
            threads: context.threads,
            isa: context.isa,
            memory_limit: memory::free(),
            stop: &never,
            decoded: &|_, _| {},
            language: context.language,
        };
        let range = RateRange::default();
        let finding = train::run::try_rates(&recipe, &manifest, range, &around, &mut Unwatched)
            .map_err(|error| failure(context, &error))?;
        if arguments.json {
            let line = json!({
                "name": recipe.train.name,
                "rates": finding.rates,
                "losses": finding.losses,
                "steepest": finding.steepest,
                "suggestion": finding.suggestion,
            });
            writeln!(terminal::stdout(), "{line}")?;
        } else {
            let headings = [TrainMessage::HeadingRate, TrainMessage::HeadingLoss];
            let mut table = Table::new(headings.map(|heading| context.say(heading)).to_vec());
            let rates = finding.rates.iter().zip(&finding.losses);
            table.rows.extend(rates.map(|(rate, loss)| {
                let loss = words::number(context.language, f64::from(*loss), 4);
                vec![Cell::number(format!("{rate:.2e}")), Cell::number(loss)]
            }));
            let mut out = terminal::styled();
            table.write(&mut out, 0, terminal::width())?;
            let [steepest, rate] = [finding.steepest, finding.suggestion]
                .map(|rate| rate.map(|rate| format!("{rate:.2e}")));
            let said = match (&steepest, &rate) {
                (Some(steepest), Some(rate)) => context.say(TrainMessage::Rate { steepest, rate }),
                _ => context.say(TrainMessage::NoRate),
            };
            writeln!(out, "{said}")?;
        }
    }
    Ok(())
}

pub(super) fn failure(context: &Context, error: &TrainError) -> anyhow::Error {
    Failure::error(status(error), error.message(context.language))
}

pub(super) fn status(error: &TrainError) -> Status {
    match error {
        TrainError::Unknown { .. }
        | TrainError::Option { .. }
        | TrainError::Range { .. }
        | TrainError::Toml { .. }
        | TrainError::Key { .. }
        | TrainError::KeyTwice { .. }
        | TrainError::Value { .. }
        | TrainError::NotItsOwn { .. }
        | TrainError::Freeze { .. }
        | TrainError::Stages { .. }
        | TrainError::StagesOfNothing
        | TrainError::NoInitial { .. }
        | TrainError::InitialBackbone { .. }
        | TrainError::InitialNetwork { .. }
        | TrainError::InitialSize { .. }
        | TrainError::Steps { .. }
        | TrainError::Views(_)
        | TrainError::Network(_)
        | TrainError::Engine(EngineError::NothingTrained)
        | TrainError::HoldsSource { .. }
        | TrainError::NoSource => Status::Usage,
        TrainError::Classes { .. }
        | TrainError::EmptyClass { .. }
        | TrainError::BestNetwork { .. }
        | TrainError::InitialHead { .. }
        | TrainError::Other { .. }
        | TrainError::Checkpoint { .. }
        | TrainError::Kept { .. }
        | TrainError::NoRun { .. } => Status::Unusable,
        TrainError::File(data::Error::Write { .. })
        | TrainError::Loader(LoaderError::File(data::Error::Write { .. })) => Status::Failed,
        TrainError::File(_) | TrainError::Loader(_) => Status::Unusable,
        _ => Status::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_the_range_and_the_default_of_every_key() {
        let command = RecipeFlags::augment_args(Command::new("train"));
        let defaults = Recipe::default().flat();
        for key in KEYS {
            let mut arguments = command.get_arguments();
            let found = arguments.find(|argument| argument.get_long() == Some(key.name));
            let help = found.and_then(Arg::get_help).expect("help").to_string();
            let range = key.range.map(|range| range.to_string()).unwrap_or_default();
            let default = key.default_text(&defaults).unwrap_or_default();
            assert!(
                help.contains(&range) && help.contains(&default),
                "{}: {help}",
                key.name
            );
        }
    }

    #[test]
    fn lanes_share_all_threads_and_what_is_free() {
        for (threads, lanes) in [(1, 1), (8, 3), (2, 2), (2, 5)] {
            let shares = shares(threads, lanes, Some(1_000_003));
            let all: usize = shares.iter().map(|share| share.threads).sum();
            assert_eq!((shares.len(), all), (lanes, threads.max(lanes)));
            let memory: Vec<usize> = shares.iter().filter_map(|s| s.memory_limit).collect();
            assert_eq!(memory, vec![1_000_003 / lanes; lanes]);
        }
        assert!(shares(4, 2, None).iter().all(|s| s.memory_limit.is_none()));
    }
}
