//! `museau search list`: the studies, one a line.
use super::plan_of;
use super::show::{best_by, values};
use crate::context::Context;
use crate::storage::{StorageArguments, failure, look};
use crate::table::{Cell, Table};
use crate::terminal;
use anyhow::Result;
use clap::Args;
use serde_json::json;
use std::io::Write as _;
use study::{Direction, TrialState};
use words::{RunMessage, SearchMessage};

/// Options of `museau search list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

/// The states that a list counts, and what each is called.
const STATES: [(TrialState, SearchMessage<'static>); 5] = [
    (TrialState::Complete, SearchMessage::Complete),
    (TrialState::Pruned, SearchMessage::Pruned),
    (TrialState::Failed, SearchMessage::Failed),
    (TrialState::Running, SearchMessage::Running),
    (TrialState::Waiting, SearchMessage::Waiting),
];

/// Lists.
pub fn run(context: &Context, arguments: &ListArguments) -> Result<()> {
    let told = |error| failure(context, &error);
    let storage = look(context, &arguments.storage)?;
    let mut headings = vec![context.say(RunMessage::Name)];
    headings.extend(STATES.map(|(_, name)| context.say(name)));
    headings.extend([
        context.say(SearchMessage::Number),
        context.say(RunMessage::Best),
    ]);
    let mut table = Table::new(headings);
    for row in storage.studies().map_err(told)? {
        let study = storage.study(&row.name).map_err(told)?;
        let trials = study.trials().map_err(told)?;
        let direction = row
            .directions
            .first()
            .copied()
            .unwrap_or(Direction::Minimize);
        let best = best_by(direction, &trials);
        if arguments.json {
            let counts =
                STATES.map(|(state, _)| (state.name().to_lowercase(), json!(row.count(state))));
            let counts: serde_json::Map<_, _> = counts.into_iter().collect();
            let line = json!({
                "name": row.name,
                "trials": counts,
                "best": best.map(|trial| json!({"number": trial.number, "values": trial.values})),
            });
            writeln!(terminal::stdout(), "{line}")?;
            continue;
        }
        let plan = plan_of(&study);
        let value = best.map(|trial| match &plan {
            Some(plan) => values(context, plan, &trial.values),
            None => words::number(context.language, trial.values[0], 4),
        });
        let mut cells = vec![Cell::text(&row.name)];
        cells.extend(STATES.map(|(state, _)| Cell::number(row.count(state).to_string())));
        cells.push(Cell::number(
            best.map(|trial| trial.number.to_string())
                .unwrap_or_default(),
        ));
        cells.push(Cell::number(value.unwrap_or_default()));
        table.rows.push(cells);
    }
    if !arguments.json {
        table.write(&mut terminal::styled(), 0, terminal::width())?;
    }
    Ok(())
}
