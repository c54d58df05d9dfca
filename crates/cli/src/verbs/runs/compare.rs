//! `museau runs compare`: what differs between runs, and which was better.
use super::json::Number;
use super::text::{Words, curve, shown};
use crate::context::Context;
use crate::storage::{StorageArguments, all_details, look};
use crate::table::{Cell, Table};
use crate::terminal;
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use clap::Args;
use data::TableWriter;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use study::{Compared, Comparison, Details};
use words::RunMessage;

/// Stands behind the best value of a row.
const BEST: &str = "*";

/// A line of `--json`: of the parameters those that differ, of each metric the value of the step that
/// the run keeps, as the list has it.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    name: &'a str,
    state: &'a str,
    parameters: BTreeMap<&'a str, Option<&'a str>>,
    metrics: BTreeMap<&'a str, Option<Value>>,
}

#[derive(Serialize)]
struct Value {
    step: u64,
    value: Number,
    is_best: bool,
}

impl From<Compared> for Value {
    fn from(compared: Compared) -> Self {
        Value {
            step: compared.point.step,
            value: Number(compared.point.value),
            is_best: compared.is_best,
        }
    }
}

/// Options of `museau runs compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Ids or their first characters, names, or run folders
    #[arg(value_name = "RUN", num_args = 2.., required = true)]
    pub runs: Vec<String>,
    /// Print one JSON object per run
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print comma-separated values, one line per run
    #[arg(long)]
    pub csv: bool,
    /// Where the runs are recorded.
    #[command(flatten)]
    pub storage: StorageArguments,
}

/// What a training took, which says nothing of how good its network is.
const COSTS: [&str; 2] = ["seconds", "photos_per_second"];

/// The metrics by which a network is good, the most telling first.
const JUDGES: [&str; 4] = ["val_accuracy", "val_loss", "accuracy", "loss"];

/// Compares runs.
pub fn run(context: &Context, arguments: &CompareArguments) -> Result<()> {
    let storage = look(context, &arguments.storage)?;
    let runs = all_details(context, &storage, &arguments.runs)?;
    let compared = Comparison::new(&runs);
    if arguments.json {
        return print_json(&runs, &compared);
    }
    if arguments.csv {
        return print_csv(&runs, &compared);
    }
    let mut out = terminal::styled();
    let words = Words::new(context.language);
    let width = terminal::width();
    let bold = Style::new().bold();
    parameters(&words, &runs, &compared).write(&mut out, 0, width)?;
    if compared.parameters.is_empty() && !context.quiet {
        out.flush()?;
        eprintln!("{}", context.say(RunMessage::SameParameters));
    }
    if compared.metrics.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{bold}{}{bold:#}", words.of(RunMessage::Metrics))?;
    metrics(&words, &runs, &compared).write(&mut out, 0, width)?;
    writeln!(out, "{}", words.of(RunMessage::BestMarked { mark: BEST }))?;
    if let Some(said) = better(context, &runs, &compared) {
        writeln!(out, "{}", words::plain_line(&said))?;
    }

    writeln!(out, "\n{bold}{}{bold:#}", words.of(RunMessage::Curve))?;
    let mut table = Table::new(vec![String::new(); 3]);
    for &name in &compared.metrics {
        for (place, run) in runs.iter().enumerate() {
            let metric = if place == 0 { name } else { "" };
            table.rows.push(vec![
                Cell::text(metric),
                Cell::text(curve(context, &storage, &run.row.id, name)?),
                Cell::text(label(run)),
            ]);
        }
    }
    table.write(&mut out, 0, width)?;
    Ok(())
}

/// One JSON object per run.
fn print_json(runs: &[Details], compared: &Comparison<'_>) -> Result<()> {
    let mut out = terminal::stdout();
    for (place, run) in runs.iter().enumerate() {
        let line = Line {
            id: &run.row.id,
            name: &run.row.name,
            state: run.row.state.name(),
            parameters: (compared.parameters.iter())
                .map(|&name| (name, run.row.parameters.get(name).map(String::as_str)))
                .collect(),
            metrics: (compared.metrics.iter())
                .map(|&name| (name, compared.value(place, name).map(Value::from)))
                .collect(),
        };
        writeln!(out, "{}", serde_json::to_string(&line)?)?;
    }
    Ok(())
}

/// A row a run.
fn print_csv(runs: &[Details], compared: &Comparison<'_>) -> Result<()> {
    let (parameters, metrics) = (&compared.parameters, &compared.metrics);
    let heading = ["id", "name", "state"].into_iter();
    let heading = heading
        .chain(parameters.iter().copied())
        .chain(metrics.iter().copied());
    let mut table = TableWriter::new(terminal::styled());
    table.record(heading)?;
    for run in runs {
        let row = &run.row;
        let state = row.state.name().to_owned();
        let mut cells = vec![row.id.clone(), row.name.clone(), state];
        let texts = parameters.iter().map(|name| row.parameters.get(*name));
        cells.extend(texts.map(|text| text.cloned().unwrap_or_default()));
        let values = metrics.iter().map(|name| row.metrics.get(*name));
        cells.extend(values.map(|metric| {
            let point = metric.and_then(|metric| metric.kept);
            point.map_or_else(String::new, |point| point.value.to_string())
        }));
        table.record(cells)?;
    }
    table.finish()?.flush()?;
    Ok(())
}

/// A table with a column a run, under its name.
fn of_runs(runs: &[Details]) -> Table {
    let names = runs.iter().map(label);
    Table::new(std::iter::once(String::new()).chain(names).collect())
}

/// The runs' states, and the parameters that differ.
fn parameters(words: &Words, runs: &[Details], compared: &Comparison<'_>) -> Table {
    let mut table = of_runs(runs);
    let states = runs.iter().map(|run| words.state(run.row.state));
    let first = Cell::text(words.of(RunMessage::State));
    table
        .rows
        .push(std::iter::once(first).chain(states).collect());
    for &name in &compared.parameters {
        let texts = runs.iter().map(|run| {
            let text = run.row.parameters.get(name);
            Cell::text(text.map_or("", String::as_str))
        });
        table
            .rows
            .push(std::iter::once(Cell::text(name)).chain(texts).collect());
    }
    table
}

/// The runs' metrics at the steps that they keep, the best of each marked.
fn metrics(words: &Words, runs: &[Details], compared: &Comparison<'_>) -> Table {
    let mut table = of_runs(runs);
    for &name in &compared.metrics {
        let mut row = vec![Cell::text(name)];
        for place in 0..runs.len() {
            row.push(match compared.value(place, name) {
                Some(value) if value.is_best && !COSTS.contains(&name) => {
                    let style = Style::new().bold().fg_color(Some(AnsiColor::Green.into()));
                    let text = shown(words.language, value.point.value);
                    Cell::number(format!("{text} {BEST}")).styled(style)
                }
                // The place of the mark stays free, so that the digits stand under each other.
                Some(value) => {
                    let text = shown(words.language, value.point.value);
                    Cell::number(format!("{text}  "))
                }
                None => Cell::number(""),
            });
        }
        table.rows.push(row);
    }
    table
}

/// Which run is the best, by the first metric that tells; none where none does.
fn better(context: &Context, runs: &[Details], compared: &Comparison<'_>) -> Option<String> {
    JUDGES.into_iter().find_map(|metric| {
        let mut best = (0..runs.len()).filter_map(|place| {
            let value = compared.value(place, metric)?;
            value.is_best.then_some((place, value.point.value))
        });
        // Of two that are equal none is better.
        let (Some((place, best)), None) = (best.next(), best.next()) else {
            return None;
        };
        Some(context.say(RunMessage::Better {
            metric,
            run: &label(&runs[place]),
            value: &shown(context.language, best),
        }))
    })
}

/// What a run is called beside others, whose name may be the same.
fn label(run: &Details) -> String {
    let (id, name) = (&run.row.id, &run.row.name);
    format!("{} {name}", id.get(..4).unwrap_or(id))
}
