//! `museau search best`: the best trial of a study, its recipe and its model.
use super::plan::typed;
use super::show::{best_by, values};
use super::trial::FOLDER;
use super::{opened, plan_of};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::outputs::{self, Kind, argument};
use crate::storage::{StorageArguments, failure};
use crate::terminal;
use anyhow::Result;
use clap::Args;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use study::Direction;
use train::run::names;
use words::SearchMessage;

/// Options of `museau search best`.
#[derive(Debug, Args)]
pub struct BestArguments {
    /// The study [default: the only one]
    #[arg(value_name = "STUDY")]
    study: Option<String>,
    /// Write the model of the best trial
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the trial as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Shows the best trial.
pub fn run(context: &Context, arguments: &BestArguments) -> Result<()> {
    let study = opened(context, &arguments.storage, arguments.study.as_deref())?;
    let trials = study.trials().map_err(|error| failure(context, &error))?;
    let direction = study
        .directions()
        .first()
        .copied()
        .unwrap_or(Direction::Minimize);
    let Some(best) = best_by(direction, &trials) else {
        let said = context.say(SearchMessage::NoneComplete { name: study.name() });
        return Err(Failure::error(Status::Unusable, said));
    };
    let plan = plan_of(&study);
    let mut out = terminal::stdout();
    match &plan {
        Some(plan) if arguments.json => writeln!(out, "{}", super::show::json(plan, best))?,
        Some(plan) => {
            let (number, value) = (
                &best.number.to_string(),
                &values(context, plan, &best.values),
            );
            writeln!(
                out,
                "{}",
                context.say(SearchMessage::BestSoFar { number, value })
            )?;
        }
        None => writeln!(out, "{}: {:?}", best.number, best.values)?,
    }
    if !arguments.json {
        for (name, value) in best.settings() {
            writeln!(out, "  {name} = {}", typed(&value))?;
        }
    }
    let folder = best
        .attributes
        .get(FOLDER)
        .and_then(|folder| folder.as_str())
        .map(Path::new);
    let Some(folder) = folder else {
        return Ok(());
    };
    let Some(output) = &arguments.output else {
        outputs::told(
            context,
            &[],
            Some(&format!("museau evaluate {}", argument(folder))),
        );
        return Ok(());
    };
    let package = folder.join(names::PACKAGE);
    let bytes = tensor::read_named(&package).map_err(|source| {
        crate::data_set::failed(context)(data::Error::Read {
            path: package,
            source,
        })
    })?;
    let file = outputs::begin(context, output, Kind::Package)?;
    outputs::finish(context, file, &bytes)?;
    Ok(())
}
