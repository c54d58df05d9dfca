//! `museau search importance`: which parameters matter.
use super::opened;
use crate::context::Context;
use crate::storage::{StorageArguments, failure};
use crate::table::{Cell, Table};
use crate::terminal;
use anyhow::Result;
use clap::Args;
use serde_json::json;
use std::io::Write as _;
use study::{Direction, importance};
use words::SearchMessage;

/// Options of `museau search importance`.
#[derive(Debug, Args)]
pub struct ImportanceArguments {
    /// The study [default: the only one]
    #[arg(value_name = "STUDY")]
    study: Option<String>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Prints.
pub fn run(context: &Context, arguments: &ImportanceArguments) -> Result<()> {
    let study = opened(context, &arguments.storage, arguments.study.as_deref())?;
    let trials = study.trials().map_err(|error| failure(context, &error))?;
    let first = study.directions().first().copied();
    let found = importance(&trials, first.unwrap_or(Direction::Minimize));
    if arguments.json {
        for (name, share) in found {
            let line = json!({"parameter": name, "importance": share});
            writeln!(terminal::stdout(), "{line}")?;
        }
        return Ok(());
    }
    let headings = [SearchMessage::Parameter, SearchMessage::Importance];
    let mut table = Table::new(headings.map(|heading| context.say(heading)).to_vec());
    table.rows.extend(found.into_iter().map(|(name, share)| {
        let share = train::evaluate::percent(context.language, share);
        vec![Cell::text(name), Cell::number(share)]
    }));
    table.write(&mut terminal::styled(), 0, terminal::width())?;
    if !context.quiet {
        eprintln!("{}", context.say(SearchMessage::ImportanceMeans));
    }
    Ok(())
}
