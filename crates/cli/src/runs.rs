//! `museau runs`: what was trained, how it went, and how runs differ.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::runs_text::{Words, duration, moment, shown};
use crate::sparkline::sparkline;
use crate::table::{Cell, Table, terminal_width};
use crate::{model, runs_compare, runs_export, runs_json};
use anstyle::Style;
use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use study::{Details, Error, Goal, RunQuery, RunRow, State, Storage};
use words::Message;

/// Where the runs are recorded.
#[derive(Debug, Args)]
pub struct StorageArguments {
    /// The database of the runs [default: runs.sqlite in museau's data folder]
    #[arg(long, value_name = "FILE")]
    pub storage: Option<PathBuf>,
}

/// The verbs under `museau runs`.
#[derive(Debug, Subcommand)]
pub enum RunsVerb {
    /// List the runs, newest first
    List(ListArguments),
    /// Show one run: parameters, metrics with their curves, files
    Show(ShowArguments),
    /// Compare runs: the parameters that differ, the best metrics side by side
    Compare(CompareArguments),
    /// Forget runs; what they wrote stays
    Rm(RmArguments),
    /// Write the metrics of runs, step by step, as CSV or JSON
    Export(ExportArguments),
}

/// Options of `museau runs list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only runs of this kind: train
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only runs in this state
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<StateName>,
    /// The best value of this metric first, as it is at the step that each run keeps
    #[arg(long, value_name = "METRIC")]
    sort: Option<String>,
    /// Metrics and parameters to show, `seed` and `folder` [default: loss and accuracy]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Options of `museau runs show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// An id, its beginning, or a name
    #[arg(value_name = "RUN")]
    run: String,
    /// As a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Options of `museau runs compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Ids, their beginnings, or names
    #[arg(value_name = "RUN", num_args = 2.., required = true)]
    pub runs: Vec<String>,
    /// One JSON object a line, for each run
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Comma-separated values, one line a run
    #[arg(long)]
    pub csv: bool,
    /// Where the runs are recorded.
    #[command(flatten)]
    pub storage: StorageArguments,
}

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

/// Options of `museau runs export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Ids, their beginnings, or names
    #[arg(
        value_name = "RUN",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    pub runs: Vec<String>,
    /// All runs
    #[arg(long)]
    pub all: bool,
    /// The file to write, .csv or .json (one object a line) [default: CSV on the terminal]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the runs are recorded.
    #[command(flatten)]
    pub storage: StorageArguments,
}

/// The states by the names that they have for programs.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateName {
    Running,
    Complete,
    Failed,
    Interrupted,
}

impl From<StateName> for State {
    fn from(name: StateName) -> State {
        match name {
            StateName::Running => State::Running,
            StateName::Complete => State::Complete,
            StateName::Failed => State::Failed,
            StateName::Interrupted => State::Interrupted,
        }
    }
}

/// The metrics that a list shows where none is asked for.
const METRICS: [&str; 4] = ["val_accuracy", "val_loss", "accuracy", "loss"];

/// Characters of a curve.
const CURVE: usize = 24;

/// Runs a verb under `museau runs`.
pub fn run(context: &Context, verb: &RunsVerb) -> Result<()> {
    match verb {
        RunsVerb::List(arguments) => list(context, arguments),
        RunsVerb::Show(arguments) => show(context, arguments),
        RunsVerb::Compare(arguments) => runs_compare::run(context, arguments),
        RunsVerb::Rm(arguments) => remove(context, arguments),
        RunsVerb::Export(arguments) => runs_export::run(context, arguments),
    }
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
        | Error::Damaged { .. } => Status::Unusable,
        Error::NoSuchRun { .. } | Error::Ambiguous { .. } => Status::Usage,
        _ => Status::Failed,
    };
    Failure::error(status, said(context, error))
}

/// What went wrong with the record, in the person's language.
pub fn said(context: &Context, error: &Error) -> String {
    let shown = |path: &Path| path.display().to_string();
    match error {
        Error::NothingThere { path } => {
            let path = &shown(path);
            context.say(Message::RunsNothingThere { path })
        }
        Error::CannotOpen { path, source } => {
            let (path, reason) = (&shown(path), &words::reason(context.language, source));
            context.say(Message::RunsCannotOpen { path, reason })
        }
        Error::NotADatabase { path } => {
            let path = &shown(path);
            context.say(Message::RunsNotADatabase { path })
        }
        Error::Foreign { path } => {
            let path = &shown(path);
            context.say(Message::RunsForeign { path })
        }
        Error::Newer {
            path,
            found,
            supported,
        } => {
            let (path, found) = (&shown(path), &found.to_string());
            let supported = &supported.to_string();
            context.say(Message::RunsNewer {
                path,
                found,
                supported,
            })
        }
        Error::Locked { path } => {
            let path = &shown(path);
            context.say(Message::RunsLocked { path })
        }
        Error::DiskFull { path } => {
            let path = &shown(path);
            context.say(Message::RunsDiskFull { path })
        }
        Error::ReadOnly { path } => {
            let path = &shown(path);
            context.say(Message::RunsReadOnly { path })
        }
        Error::Damaged { path } => {
            let path = &shown(path);
            context.say(Message::RunsDamaged { path })
        }
        Error::Sqlite { path, source } => {
            let (path, detail) = (&shown(path), &source.to_string());
            context.say(Message::RunsRefused { path, detail })
        }
        Error::NoSuchRun { wanted } => context.say(Message::RunsNoSuchRun { wanted }),
        Error::Ambiguous { wanted, runs } => {
            let mut first: Vec<&str> = runs.iter().take(5).map(String::as_str).collect();
            if first.len() < runs.len() {
                first.push("…");
            }
            let runs = &first.join(", ");
            context.say(Message::RunsAmbiguous { wanted, runs })
        }
        Error::TakenOver { run } => context.say(Message::RunsTakenOver { run }),
        Error::Artefact { path, source } => {
            let (path, reason) = (&shown(path), &words::reason(context.language, source));
            context.say(Message::FileCannotRead { path, reason })
        }
    }
}

fn list(context: &Context, arguments: &ListArguments) -> Result<()> {
    let told = |error| failure(context, &error);
    let storage = match Storage::open_read_only(&place(&arguments.storage)) {
        // Before the first run there is nothing to list, which is no error.
        Err(error @ Error::NothingThere { .. }) if arguments.storage.storage.is_none() => {
            if !context.quiet {
                eprintln!("{}", said(context, &error));
            }
            return Ok(());
        }
        opened => opened.map_err(told)?,
    };
    let known = storage.metric_names().map_err(told)?;
    let wanted = match &arguments.columns {
        Some(wanted) => {
            let parameters = storage.parameter_names().map_err(told)?;
            for name in wanted {
                let own = ["seed", "folder"].contains(&name.as_str());
                if !(own || known.contains(name) || parameters.contains(name)) {
                    return Err(no_column(context, name, known.iter().chain(&parameters)));
                }
            }
            wanted.clone()
        }
        None => METRICS.map(str::to_owned).to_vec(),
    };
    let mut metrics = wanted.clone();
    if let Some(name) = &arguments.sort {
        if !known.contains(name) {
            return Err(no_column(context, name, known.iter()));
        }
        metrics.push(name.clone());
    }
    let query = RunQuery {
        kind: arguments.kind.clone(),
        state: arguments.state.map(State::from),
        metrics,
        parameters: wanted.clone(),
    };
    let mut rows = storage.runs(&query).map_err(told)?;
    if let Some(name) = &arguments.sort {
        // A stable sort: what is as good stays newest first.
        rows.sort_by(|a, b| {
            let key = |row: &RunRow| {
                let metric = row.metrics.get(name).copied();
                let point = metric.and_then(|metric| Some((metric.goal, metric.kept?.value)));
                point.filter(|(_, value)| !value.is_nan())
            };
            match (key(a), key(b)) {
                (Some((goal, a)), Some((_, b))) => match goal {
                    Goal::Most => b.total_cmp(&a),
                    Goal::Least | Goal::None => a.total_cmp(&b),
                },
                (a, b) => b.is_some().cmp(&a.is_some()),
            }
        });
    }
    let mut out = anstream::stdout().lock();
    if arguments.json {
        for row in &rows {
            writeln!(out, "{}", serde_json::to_string(&runs_json::Row::new(row))?)?;
        }
        return Ok(());
    }
    let words = Words::new(context.language);
    // A column of the default that no run has says nothing.
    let columns: Vec<&String> = (wanted.iter())
        .filter(|name| arguments.columns.is_some() || rows.iter().any(|row| has(row, name)))
        .collect();
    let headings = [
        "id".to_owned(),
        words.of(Message::RunsName),
        words.of(Message::RunsKind),
        words.of(Message::RunsState),
        words.of(Message::RunsStarted),
        words.of(Message::RunsSpent),
        words.of(Message::RunsStep),
        words.of(Message::RunsValuesOf),
    ];
    let named = columns.iter().map(|name| words.column(name));
    let mut table = Table::new(headings.into_iter().chain(named).collect());
    for row in &rows {
        let [step, kept] =
            [row.step, row.kept.or(row.step)].map(|step| step.map(|step| step.to_string()));
        let mut cells = vec![
            Cell::text(&row.id),
            Cell::text(&row.name).styled(Style::new().bold()),
            Cell::text(&row.kind),
            words.state(row.state),
            Cell::text(moment(row.started)),
            Cell::number(duration(row.spent)),
            Cell::number(step.unwrap_or_default()),
            Cell::number(kept.unwrap_or_default()),
        ];
        cells.extend(columns.iter().map(|name| value(&words, row, name)));
        table.rows.push(cells);
    }
    table.write(&mut out, 0, terminal_width())?;
    Ok(())
}

fn has(row: &RunRow, name: &str) -> bool {
    row.metrics.contains_key(name) || row.parameters.contains_key(name)
}

/// A metric's value at the step that is kept, a parameter, or a fact of the run.
fn value(words: &Words, row: &RunRow, name: &str) -> Cell {
    if let Some(metric) = row.metrics.get(name) {
        let value = metric.kept.map(|point| shown(words.language, point.value));
        return Cell::number(value.unwrap_or_default());
    }
    match (row.parameters.get(name), name) {
        (Some(text), _) => Cell::text(text),
        (None, "seed") => Cell::number(row.seed.map(|seed| seed.to_string()).unwrap_or_default()),
        (None, "folder") => Cell::text(folder(row)),
        _ => Cell::default(),
    }
}

fn folder(row: &RunRow) -> String {
    let folder = row.folder.as_ref();
    folder.map_or_else(String::new, |folder| folder.display().to_string())
}

fn no_column<'a>(
    context: &Context,
    name: &str,
    known: impl Iterator<Item = &'a String>,
) -> anyhow::Error {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let known = &known.join(", ");
    Failure::error(
        Status::Usage,
        context.say(Message::RunsNoColumn { name, known }),
    )
}

/// The run that a person means.
pub fn details(context: &Context, storage: &Storage, wanted: &str) -> Result<Details> {
    storage
        .find(wanted)
        .and_then(|id| storage.details(&id))
        .map_err(|error| failure(context, &error))
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

/// The curve of a metric of a run.
pub fn curve(context: &Context, storage: &Storage, run: &str, metric: &str) -> Result<String> {
    let series = storage.series(run, metric);
    let series = series.map_err(|error| failure(context, &error))?;
    let values: Vec<f64> = series.iter().map(|point| point.value).collect();
    Ok(sparkline(&values, CURVE))
}

fn show(context: &Context, arguments: &ShowArguments) -> Result<()> {
    let storage = look(context, &arguments.storage)?;
    let run = details(context, &storage, &arguments.run)?;
    let mut out = anstream::stdout().lock();
    if arguments.json {
        writeln!(
            out,
            "{}",
            serde_json::to_string(&runs_json::Whole::new(&run))?
        )?;
        return Ok(());
    }
    let width = terminal_width();
    let words = Words::new(context.language);
    let row = &run.row;
    let bold = Style::new().bold();
    writeln!(out, "{bold}{}{bold:#}", Cell::text(&row.name).plain())?;
    let mut facts = vec![
        ("id".to_owned(), Cell::text(&row.id)),
        (words.of(Message::RunsKind), Cell::text(&row.kind)),
        (words.of(Message::RunsState), words.state(row.state)),
        (
            words.of(Message::RunsStarted),
            Cell::text(moment(row.started)),
        ),
        (
            words.of(Message::RunsSpent),
            Cell::text(duration(row.spent)),
        ),
    ];
    if let Some(step) = row.step {
        facts.push((words.of(Message::RunsStep), Cell::text(step.to_string())));
    }
    if let Some(step) = row.kept {
        facts.push((words.of(Message::RunsKept), Cell::text(step.to_string())));
    }
    if let Some(seed) = row.seed {
        facts.push((words.of(Message::RunsSeed), Cell::text(seed.to_string())));
    }
    if row.folder.is_some() {
        facts.push((words.of(Message::RunsFolder), Cell::text(folder(row))));
    }
    pairs(facts.into_iter()).write(&mut out, 2, None)?;

    let mut section = |message: Message<'_>, table: Table, width| -> Result<()> {
        if !table.rows.is_empty() {
            writeln!(out, "\n{bold}{}{bold:#}", words.of(message))?;
            table.write(&mut out, 2, width)?;
        }
        Ok(())
    };
    let texts = |map: &std::collections::BTreeMap<String, String>| {
        pairs(
            map.iter()
                .map(|(name, value)| (name.clone(), Cell::text(value))),
        )
    };
    section(Message::RunsParameters, texts(&row.parameters), None)?;
    let headings = [
        String::new(),
        words.of(Message::RunsLatest),
        words.of(Message::RunsBest),
        words.of(Message::RunsAtStep),
        words.of(Message::RunsCurve),
    ];
    let mut metrics = Table::new(headings.to_vec());
    for (name, metric) in &row.metrics {
        let best = metric.best;
        metrics.rows.push(vec![
            Cell::text(name),
            Cell::number(shown(words.language, metric.last.value)),
            Cell::number(best.map_or_else(String::new, |best| shown(words.language, best.value))),
            Cell::number(best.map_or_else(String::new, |best| best.step.to_string())),
            Cell::text(curve(context, &storage, &row.id, name)?),
        ]);
    }
    section(Message::RunsMetrics, metrics, width)?;
    let headings = [
        words.of(Message::RunsKind),
        words.of(Message::RunsPath),
        words.of(Message::RunsSize),
        "BLAKE3".to_owned(),
    ];
    let mut artefacts = Table::new(headings.to_vec());
    for artefact in &run.artefacts {
        artefacts.rows.push(vec![
            Cell::text(&artefact.kind),
            Cell::text(artefact.path.display().to_string()),
            Cell::number(words::bytes(words.language, artefact.size)),
            Cell::text(artefact.hash.get(..12).unwrap_or_default()),
        ]);
    }
    section(Message::RunsArtefacts, artefacts, width)?;
    section(Message::RunsEnvironment, texts(&run.environment), None)
}

/// Names and what they stand for; never cut.
fn pairs(pairs: impl Iterator<Item = (String, Cell)>) -> Table {
    let mut table = Table::new(vec![String::new(); 2]);
    table.rows = pairs
        .map(|(name, cell)| vec![Cell::text(name), cell])
        .collect();
    table
}

fn remove(context: &Context, arguments: &RmArguments) -> Result<()> {
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

/// Deletes the files that a run recorded in its folder, and the folder when it is empty then. What
/// museau did not record is a person's own: it stays, and is told.
fn remove_files(context: &Context, run: &Details) -> Result<()> {
    let Some(folder) = run.row.folder.as_deref().filter(|folder| folder.is_dir()) else {
        return Ok(());
    };
    let inside = |path: &&Path| {
        let mut parts = path.components();
        parts.all(|part| matches!(part, Component::Normal(_)))
    };
    let paths = run.artefacts.iter().map(|artefact| artefact.path.as_path());
    for path in paths.filter(inside) {
        let file = folder.join(path);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let (path, reason) = (
                    &file.display().to_string(),
                    &words::reason(context.language, &error),
                );
                let text = context.say(Message::FileCannotWrite { path, reason });
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
