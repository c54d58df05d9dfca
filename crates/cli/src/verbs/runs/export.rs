//! `museau runs export`: the metrics of runs, step by step, for other programs.
use super::json::{Number, Whole};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::outputs::{Kind, begin, unwritten};
use crate::storage::{StorageArguments, all_details, failure, look};
use crate::terminal;
use anyhow::Result;
use clap::Args;
use data::files::stamped_object;
use data::{RUN_COLUMNS, TableWriter};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use study::{Details, RunQuery, Storage};
use words::RunMessage;

/// A line of JSON: a run, and of each metric the steps and their values.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    run: Whole<'a>,
    series: BTreeMap<&'a str, Vec<(u64, Number)>>,
}

/// How the file is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Json,
}

/// Options of `museau runs export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Ids or their first characters, names, or run folders
    #[arg(
        value_name = "RUN",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    pub runs: Vec<String>,
    /// All runs
    #[arg(long)]
    pub all: bool,
    /// The file to write, .csv or .json (one object per line) [default: CSV on the terminal]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the runs are recorded.
    #[command(flatten)]
    pub storage: StorageArguments,
}

/// Writes the metrics of runs.
pub fn run(context: &Context, arguments: &ExportArguments) -> Result<()> {
    let form = match &arguments.output {
        None => Form::Csv,
        Some(path) => form(path).ok_or_else(|| {
            let path = &path.display().to_string();
            let text = context.say(RunMessage::ExportName { path });
            Failure::error(Status::Usage, text)
        })?,
    };
    let storage = look(context, &arguments.storage)?;
    let runs = if arguments.all {
        let all = storage.runs(&RunQuery::default());
        let all = all.map_err(|error| failure(context, &error))?;
        all.into_iter().map(|row| row.id).collect()
    } else {
        arguments.runs.clone()
    };
    let runs = all_details(context, &storage, &runs)?;
    let Some(path) = &arguments.output else {
        let mut out = BufWriter::new(terminal::table());
        write(context, &storage, &runs, form, &mut out)?;
        return Ok(out.flush()?);
    };
    let cannot_write =
        |error: io::Error| Failure::error(Status::Failed, unwritten(context, path, &error));
    let kind = match form {
        Form::Csv => Kind::RunTable,
        Form::Json => Kind::RunLines,
    };
    let mut file = begin(context, path, kind)?;
    write(context, &storage, &runs, form, &mut file).map_err(|error| {
        match error.downcast::<io::Error>() {
            Ok(error) => cannot_write(error),
            Err(other) => other,
        }
    })?;
    file.commit().map_err(cannot_write)?;
    if !context.quiet {
        let (path, count) = (&path.display().to_string(), &runs.len().to_string());
        eprintln!("{}", context.say(RunMessage::Exported { path, count }));
    }
    Ok(())
}

fn form(path: &Path) -> Option<Form> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "csv" => Some(Form::Csv),
        "json" | "jsonl" => Some(Form::Json),
        _ => None,
    }
}

fn write(
    context: &Context,
    storage: &Storage,
    runs: &[Details],
    form: Form,
    out: &mut impl Write,
) -> Result<()> {
    if form == Form::Csv {
        return table(context, storage, runs, out);
    }
    for run in runs {
        let row = &run.row;
        let mut series = BTreeMap::new();
        for metric in row.metrics.keys() {
            let points = storage.series(&row.id, metric);
            let points = points.map_err(|error| failure(context, &error))?;
            let pairs = points.iter().map(|point| (point.step, Number(point.value)));
            series.insert(metric.as_str(), pairs.collect());
        }
        let run = Whole::new(run);
        let line = serde_json::to_string(&Line { run, series })?;
        writeln!(out, "{}", stamped_object(&line))?;
    }
    Ok(())
}

/// A line for each value of each metric.
fn table(
    context: &Context,
    storage: &Storage,
    runs: &[Details],
    out: &mut impl Write,
) -> Result<()> {
    let mut table = TableWriter::new(out);
    table.record(RUN_COLUMNS)?;
    for run in runs {
        let row = &run.row;
        for metric in row.metrics.keys() {
            let points = storage.series(&row.id, metric);
            let points = points.map_err(|error| failure(context, &error))?;
            for point in points {
                let (step, value) = (point.step.to_string(), point.value.to_string());
                table.record([&row.id, &row.name, metric, &step, &value])?;
            }
        }
    }
    table.finish()?;
    Ok(())
}
