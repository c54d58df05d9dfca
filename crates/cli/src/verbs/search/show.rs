//! `museau search show`: the trials of a study, best first.
use super::plan::{Objective, Plan, typed};
use super::trial::{ERROR, FOLDER, RUNS};
use super::{opened, plan_of};
use crate::context::Context;
use crate::storage::{StorageArguments, failure};
use crate::table::{Cell, Table};
use crate::terminal;
use crate::verbs::runs::duration;
use anyhow::Result;
use clap::Args;
use serde_json::{Value, json as object};
use std::io::Write as _;
use study::{Direction, Study, Trial, TrialState};
use words::{RunMessage, SearchMessage};

/// Options of `museau search show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The study [default: the only one]
    #[arg(value_name = "STUDY")]
    study: Option<String>,
    /// Show at most N trials [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Shows.
pub fn run(context: &Context, arguments: &ShowArguments) -> Result<()> {
    let study = opened(context, &arguments.storage, arguments.study.as_deref())?;
    let trials = study.trials().map_err(|error| failure(context, &error))?;
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let plan = plan_of(&study);
    if arguments.json {
        let mut out = terminal::stdout();
        for trial in trials.iter().take(limit) {
            writeln!(out, "{}", line(&names(&study, plan.as_ref()), trial))?;
        }
        return Ok(());
    }
    table(context, &study, plan.as_ref(), &trials, limit)
}

/// What a search that ends here says: its best trials.
pub fn summary(context: &Context, study: &Study, plan: &Plan) -> Result<()> {
    let trials = study.trials().map_err(|error| failure(context, &error))?;
    table(context, study, Some(plan), &trials, 10)
}

/// The names of the objectives.
fn names(study: &Study, plan: Option<&Plan>) -> Vec<String> {
    match plan {
        Some(plan) => plan
            .objectives
            .iter()
            .map(|objective| objective.name().to_owned())
            .collect(),
        None => (0..study.directions().len())
            .map(|place| format!("value_{place}"))
            .collect(),
    }
}

/// The trials, best first.
fn table(
    context: &Context,
    study: &Study,
    plan: Option<&Plan>,
    trials: &[Trial],
    limit: usize,
) -> Result<()> {
    let (headings, rows) = rows(context, study, plan, trials);
    let mut table = Table::new(headings);
    table.rows.extend(rows.into_iter().take(limit).map(|row| {
        let cell = |(place, text): (usize, String)| match place {
            // The state.
            1 => Cell::text(text),
            _ => Cell::number(text),
        };
        row.into_iter().enumerate().map(cell).collect()
    }));
    table.write(&mut terminal::styled(), 0, terminal::width())?;
    Ok(())
}

/// The same for a page.
pub fn table_of(
    context: &Context,
    study: &Study,
    plan: Option<&Plan>,
    trials: &[Trial],
) -> report::Table {
    let (headings, rows) = rows(context, study, plan, trials);
    let mut table = report::Table::new(headings);
    rows.into_iter().for_each(|row| table.row(row));
    table
}

/// The headings of a table of trials, and its rows, best first.
fn rows(
    context: &Context,
    study: &Study,
    plan: Option<&Plan>,
    trials: &[Trial],
) -> (Vec<String>, Vec<Vec<String>>) {
    let mut parameters: Vec<&str> = Vec::new();
    let own = plan.into_iter().flat_map(|plan| plan.space.parameters());
    let own = own.map(|known| known.name.as_str());
    let others = trials.iter().flat_map(|trial| trial.parameters.keys());
    for name in own.chain(others.map(String::as_str)) {
        if !parameters.contains(&name) {
            parameters.push(name);
        }
    }
    let mut headings = vec![
        context.say(SearchMessage::Number),
        context.say(RunMessage::State),
    ];
    headings.extend(names(study, plan));
    headings.push(context.say(RunMessage::Spent));
    headings.extend(parameters.iter().map(|name| (*name).to_owned()));
    let mut ordered: Vec<&Trial> = trials.iter().collect();
    let first = study.directions().first().copied();
    let direction = first.unwrap_or(Direction::Minimize);
    ordered.sort_by(|one, other| rank(direction, one).total_cmp(&rank(direction, other)));
    let now = jiff::Timestamp::now().as_millisecond();
    let row = |trial: &Trial| {
        let mut cells = vec![trial.number.to_string(), state(context, trial.state)];
        cells.extend((0..study.directions().len()).map(|place| {
            let value = trial.values.get(place).map(|value| match plan {
                Some(plan) => plan.objectives[place].shown(context, *value),
                None => words::number(context.language, *value, 4),
            });
            value.unwrap_or_default()
        }));
        cells.push(trial.spent(now).map(duration).unwrap_or_default());
        cells.extend(parameters.iter().map(|name| {
            let setting = trial.parameters.get(*name);
            let text = setting.map(|(kind, value)| short(&kind.external(*value)));
            text.unwrap_or_default()
        }));
        cells
    };
    (headings, ordered.into_iter().map(row).collect())
}

/// A value with the digits that tell it apart.
fn short(value: &Value) -> String {
    match value.as_f64().filter(|_| value.is_f64()) {
        Some(number) if number != 0.0 && number.abs() < 1e-2 => format!("{number:.2e}"),
        Some(number) => format!("{}", (number * 1e4).round() / 1e4),
        None => typed(value),
    }
}

/// Lower is better; trials without a value come last.
fn rank(direction: Direction, trial: &Trial) -> f64 {
    match (trial.state, trial.values.first()) {
        (TrialState::Complete, Some(value)) => direction.cost(*value),
        _ => f64::INFINITY,
    }
}

/// The best trial: of several objectives, by the first.
pub fn best<'a>(plan: &Plan, trials: &'a [Trial]) -> Option<&'a Trial> {
    best_by(plan.objectives[0].direction(), trials)
}

/// The best trial by the first objective.
pub fn best_by(direction: Direction, trials: &[Trial]) -> Option<&Trial> {
    let complete = trials
        .iter()
        .filter(|trial| rank(direction, trial) < f64::INFINITY);
    complete.min_by(|one, other| rank(direction, one).total_cmp(&rank(direction, other)))
}

/// The values of a trial, as a person reads them.
pub fn values(context: &Context, plan: &Plan, values: &[f64]) -> String {
    let pairs = plan.objectives.iter().zip(values);
    let shown: Vec<String> = pairs
        .map(|(objective, value)| match plan.objectives.len() {
            1 => objective.shown(context, *value),
            _ => format!("{} {}", objective.name(), objective.shown(context, *value)),
        })
        .collect();
    shown.join(", ")
}

/// A state, as a person reads it.
pub fn state(context: &Context, state: TrialState) -> String {
    context.say(match state {
        TrialState::Running => SearchMessage::Running,
        TrialState::Complete => SearchMessage::Complete,
        TrialState::Pruned => SearchMessage::Pruned,
        TrialState::Failed => SearchMessage::Failed,
        TrialState::Waiting => SearchMessage::Waiting,
    })
}

/// A trial, for programs.
pub fn json(plan: &Plan, trial: &Trial) -> Value {
    let names: Vec<String> = plan
        .objectives
        .iter()
        .map(|known| Objective::name(*known).to_owned())
        .collect();
    line(&names, trial)
}

fn line(objectives: &[String], trial: &Trial) -> Value {
    let values: serde_json::Map<String, Value> = (objectives.iter().cloned())
        .zip(trial.values.iter().map(|value| object!(value)))
        .collect();
    let parameters: serde_json::Map<String, Value> = trial
        .settings()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    object!({
        "number": trial.number,
        "state": trial.state.name().to_lowercase(),
        "values": values,
        "parameters": parameters,
        "started": trial.started,
        "ended": trial.ended,
        "folder": trial.attributes.get(FOLDER),
        "runs": trial.attributes.get(RUNS),
        "error": trial.attributes.get(ERROR),
    })
}
