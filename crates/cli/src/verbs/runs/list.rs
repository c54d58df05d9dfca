//! `museau runs list`: the runs, one a line.
use super::json;
use super::text::{Words, duration, folder, moment, shown};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::storage::{StorageArguments, failure, place, said};
use crate::table::{Cell, Table};
use crate::terminal;
use anstyle::Style;
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::collections::HashSet;
use std::io::Write;
use study::{Error, Order, RunQuery, RunRow, State, Storage};
use words::RunMessage;

/// Options of `museau runs list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only runs of this kind: train
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only runs in this state
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<StateName>,
    /// Sort by this metric at the kept epoch, best first
    #[arg(long, value_name = "METRIC")]
    sort: Option<String>,
    /// Show at most N runs [default: all]
    #[arg(long, value_name = "RUNS")]
    limit: Option<u64>,
    /// Skip the first N runs
    #[arg(long, value_name = "RUNS", default_value_t = 0)]
    skip: u64,
    /// Metrics and parameters to show, `seed` and `folder` [default: loss and accuracy, and the
    /// folder where runs have the same name]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
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

/// Lists.
pub fn run(context: &Context, arguments: &ListArguments) -> Result<()> {
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
    let query = query(context, arguments, &storage)?;
    let rows = storage.runs(&query).map_err(told)?;
    if !context.quiet && (arguments.limit.is_some() || arguments.skip > 0) {
        let all = storage.count(&query).map_err(told)?;
        let (shown, all) = (&rows.len().to_string(), &all.to_string());
        eprintln!("{}", context.say(RunMessage::Shown { shown, all }));
    }
    if arguments.json {
        let mut out = terminal::stdout();
        for row in &rows {
            writeln!(out, "{}", serde_json::to_string(&json::Row::new(row))?)?;
        }
        return Ok(());
    }
    let table = table(context, arguments, &query.parameters, &rows);
    table.write(&mut terminal::styled(), 0, terminal::width())?;
    Ok(())
}

/// What is asked of the storage; its parameters are the columns that are wanted.
fn query(context: &Context, arguments: &ListArguments, storage: &Storage) -> Result<RunQuery> {
    let told = |error| failure(context, &error);
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
    let order = match &arguments.sort {
        Some(name) if !known.contains(name) => return Err(no_column(context, name, known.iter())),
        Some(name) => Order::Best(name.clone()),
        None => Order::Newest,
    };
    Ok(RunQuery {
        kind: arguments.kind.clone(),
        state: arguments.state.map(State::from),
        order,
        skip: arguments.skip,
        limit: arguments.limit,
        // What is sorted by stands in JSON whether it is a column or not.
        metrics: wanted.iter().chain(&arguments.sort).cloned().collect(),
        parameters: wanted,
    })
}

/// A row a run, with the wanted columns behind the facts.
fn table(
    context: &Context,
    arguments: &ListArguments,
    wanted: &[String],
    rows: &[RunRow],
) -> Table {
    let words = Words::new(context.language);
    // A column of the default that no run has says nothing.
    let mut columns: Vec<&str> = (wanted.iter())
        .filter(|name| arguments.columns.is_some() || rows.iter().any(|row| has(row, name)))
        .map(String::as_str)
        .collect();
    let mut names = HashSet::new();
    if arguments.columns.is_none() && !rows.iter().all(|row| names.insert(&row.name)) {
        // Runs of one name are told apart by where they are.
        columns.push("folder");
    }
    let headings = [
        "id".to_owned(),
        words.of(RunMessage::Name),
        words.of(RunMessage::Kind),
        words.of(RunMessage::State),
        words.of(RunMessage::Started),
        words.of(RunMessage::Spent),
        words.of(RunMessage::Step),
        words.of(RunMessage::Kept),
    ];
    let named = columns.iter().map(|name| words.column(name));
    let mut table = Table::new(headings.into_iter().chain(named).collect());
    for row in rows {
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
    table
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
        (None, "folder") => Cell::path(folder(row)),
        _ => Cell::default(),
    }
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
        context.say(RunMessage::NoColumn { name, known }),
    )
}
