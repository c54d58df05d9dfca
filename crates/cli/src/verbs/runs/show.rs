//! `museau runs show`: all that is recorded of one run.
use super::json;
use super::text::{Words, curve, duration, folder, moment, shown};
use crate::context::Context;
use crate::storage::{StorageArguments, details, look};
use crate::table::{Cell, Table};
use crate::terminal;
use anstyle::Style;
use anyhow::Result;
use clap::Args;
use std::io::Write;
use study::{Artefact, RunRow, Storage};
use words::RunMessage;

/// Options of `museau runs show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// An id, its beginning, a name, or the folder of the run
    #[arg(value_name = "RUN")]
    run: String,
    /// As a JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Shows.
pub fn run(context: &Context, arguments: &ShowArguments) -> Result<()> {
    let storage = look(context, &arguments.storage)?;
    let run = details(context, &storage, &arguments.run)?;
    if arguments.json {
        let json = serde_json::to_string(&json::Whole::new(&run))?;
        writeln!(terminal::stdout(), "{json}")?;
        return Ok(());
    }
    let mut out = terminal::styled();
    let width = terminal::width();
    let words = Words::new(context.language);
    let row = &run.row;
    let bold = Style::new().bold();
    writeln!(out, "{bold}{}{bold:#}", Cell::text(&row.name).plain())?;
    facts(&words, row).write(&mut out, 2, None)?;

    let mut section = |message: RunMessage<'_>, table: Table, width| -> Result<()> {
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
    section(RunMessage::Parameters, texts(&row.parameters), None)?;
    let metrics = metrics(context, &storage, &words, row)?;
    section(RunMessage::Metrics, metrics, width)?;
    let artefacts = artefacts(&words, &run.artefacts);
    section(RunMessage::Artefacts, artefacts, width)?;
    section(RunMessage::Environment, texts(&run.environment), None)
}

fn facts(words: &Words, row: &RunRow) -> Table {
    let mut facts = vec![
        ("id".to_owned(), Cell::text(&row.id)),
        (words.of(RunMessage::Kind), Cell::text(&row.kind)),
        (words.of(RunMessage::State), words.state(row.state)),
        (
            words.of(RunMessage::Started),
            Cell::text(moment(row.started)),
        ),
        (words.of(RunMessage::Spent), Cell::text(duration(row.spent))),
    ];
    if let Some(step) = row.step {
        facts.push((words.of(RunMessage::Step), Cell::text(step.to_string())));
    }
    if let Some(step) = row.kept {
        facts.push((words.of(RunMessage::Kept), Cell::text(step.to_string())));
    }
    if let Some(seed) = row.seed {
        facts.push((words.of(RunMessage::Seed), Cell::text(seed.to_string())));
    }
    if row.folder.is_some() {
        facts.push((words.of(RunMessage::Folder), Cell::text(folder(row))));
    }
    pairs(facts.into_iter())
}

/// Each metric's latest and best value, and its curve.
fn metrics(context: &Context, storage: &Storage, words: &Words, row: &RunRow) -> Result<Table> {
    let headings = [
        String::new(),
        words.of(RunMessage::Latest),
        words.of(RunMessage::Best),
        words.of(RunMessage::AtStep),
        words.of(RunMessage::Curve),
    ];
    let mut metrics = Table::new(headings.to_vec());
    for (name, metric) in &row.metrics {
        let best = metric.best;
        metrics.rows.push(vec![
            Cell::text(name),
            Cell::number(shown(words.language, metric.last.value)),
            Cell::number(best.map_or_else(String::new, |best| shown(words.language, best.value))),
            Cell::number(best.map_or_else(String::new, |best| best.step.to_string())),
            Cell::text(curve(context, storage, &row.id, name)?),
        ]);
    }
    Ok(metrics)
}

fn artefacts(words: &Words, recorded: &[Artefact]) -> Table {
    let headings = [
        words.of(RunMessage::Kind),
        words.of(RunMessage::Path),
        words.of(RunMessage::Size),
        "BLAKE3".to_owned(),
    ];
    let mut table = Table::new(headings.to_vec());
    for artefact in recorded {
        table.rows.push(vec![
            Cell::text(&artefact.kind),
            Cell::text(artefact.path.display().to_string()),
            Cell::number(words::bytes(words.language, artefact.size)),
            Cell::text(artefact.hash.get(..12).unwrap_or_default()),
        ]);
    }
    table
}

/// Names and what they stand for; never cut.
fn pairs(pairs: impl Iterator<Item = (String, Cell)>) -> Table {
    let mut table = Table::new(vec![String::new(); 2]);
    table.rows = pairs
        .map(|(name, cell)| vec![Cell::text(name), cell])
        .collect();
    table
}
