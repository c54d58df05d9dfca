//! `museau models`: which models there are, what they say of themselves, whether they are whole, what
//! backbones take, and which model to use.
mod calibrate;
mod cost;
mod make;
mod pick;
mod quantize;

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::model;
use crate::prior::PriorArguments;
use crate::table::{Cell, Table};
use crate::terminal::{self, stdout};
use anyhow::Result;
use clap::Subcommand;
use package::Package;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use tensor::Pool;
use words::ModelMessage;

/// The verbs under `museau models`.
#[derive(Debug, Subcommand)]
pub enum ModelsVerb {
    /// List the embedded model and those of the models folder
    List {
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Print a model's card
    Show {
        /// A model: file, run folder, listed name, or `default` [default: the embedded model]
        model: Option<PathBuf>,
        /// Print the network's graph as text instead
        #[arg(long)]
        graph: bool,
    },
    /// Check that a model is intact
    Verify {
        /// Models: files, run folders, listed names, or `default` [default: the embedded model]
        models: Vec<PathBuf>,
    },
    /// Compare what backbones take: parameters, multiply-adds, size, memory
    CompareCost(cost::CostArguments),
    /// Fit a model's temperature and thresholds to photos, and write a copy
    Calibrate(Box<calibrate::CalibrateArguments>),
    /// Compare models on the same photos and this machine, and say which of them to use
    Pick(Box<pick::PickArguments>),
    /// Write a copy with kernels stored as int8, half as large, and say what that costs
    Quantize(Box<quantize::QuantizeArguments>),
    /// Make a package from published weights, calibrated on photos
    Make(Box<make::MakeArguments>),
}

/// Does what was asked.
pub fn run(context: &Context, verb: &ModelsVerb) -> Result<()> {
    match verb {
        ModelsVerb::List { json } => list(context, *json),
        ModelsVerb::Show { model, graph } => show(context, model.as_deref(), *graph),
        ModelsVerb::Verify { models } => verify(context, models),
        ModelsVerb::CompareCost(arguments) => cost::run(context, arguments),
        ModelsVerb::Calibrate(arguments) => calibrate::run(context, arguments),
        ModelsVerb::Pick(arguments) => pick::run(context, arguments),
        ModelsVerb::Quantize(arguments) => quantize::run(context, arguments),
        ModelsVerb::Make(arguments) => make::run(context, arguments),
    }
}

/// A line of `museau models list`.
#[derive(Serialize)]
struct Row {
    name: String,
    version: String,
    classes: usize,
    input: String,
    place: String,
}

impl Row {
    fn new(package: &Package, place: String) -> Self {
        let about = &package.about;
        Row {
            name: about.name.clone(),
            version: about.version.clone(),
            classes: about.labels.len(),
            input: format!("{} x {}", about.input.height, about.input.width),
            place,
        }
    }
}

fn list(context: &Context, json: bool) -> Result<()> {
    let mut rows = vec![Row::new(&model::read(context, None)?, "museau".to_owned())];
    let mut failed = false;
    for path in model::own_models() {
        match model::read(context, Some(&path)) {
            Ok(package) => rows.push(Row::new(&package, path.display().to_string())),
            Err(error) => {
                failed = true;
                eprintln!("{error}");
            }
        }
    }
    if json {
        let mut out = stdout();
        for row in &rows {
            writeln!(out, "{}", serde_json::to_string(row)?)?;
        }
    } else {
        print(context, rows)?;
    }
    if failed {
        Err(Failure::silent(Status::Unusable))
    } else {
        Ok(())
    }
}

/// Prints the models as a table; the first is the embedded one.
fn print(context: &Context, mut rows: Vec<Row>) -> Result<()> {
    rows[0].place = context.say(ModelMessage::ModelsInside);
    let headings = [
        ModelMessage::ModelsName,
        ModelMessage::ModelsVersion,
        ModelMessage::ModelsClasses,
        ModelMessage::ModelsInput,
        ModelMessage::ModelsPlace,
    ];
    let mut table = Table::new(headings.map(|heading| context.say(heading)).to_vec());
    table.rows.extend(rows.into_iter().map(|row| {
        vec![
            Cell::text(row.name),
            Cell::text(row.version),
            Cell::number(row.classes.to_string()),
            Cell::text(row.input),
            Cell::path(row.place),
        ]
    }));
    table.write(&mut terminal::styled(), 0, terminal::width())?;
    Ok(())
}

fn show(context: &Context, named: Option<&Path>, graph: bool) -> Result<()> {
    let package = model::read(context, named)?;
    let mut out = stdout();
    if graph {
        write!(out, "{}", package.graph)?;
    } else {
        writeln!(out, "{}", package.about.card.trim_end())?;
    }
    Ok(())
}

fn verify(context: &Context, named: &[PathBuf]) -> Result<()> {
    let all: Vec<Option<&Path>> = match named {
        [] => vec![None],
        named => named.iter().map(|path| Some(path.as_path())).collect(),
    };
    let mut failed = false;
    for path in all {
        let named = path.unwrap_or(Path::new(model::DEFAULT_NAME));
        let shown = named.display().to_string();
        // Opening checks all but that what the network gives are numbers: header, hash, shapes, values,
        // and that it can be run.
        let whole = model::open(context, path, &PriorArguments::default()).and_then(|classifier| {
            let checked = classifier.check_outputs(&Pool::new(context.threads));
            checked.map_err(|error| model::unanswered(context, path, &error))?;
            Ok(classifier)
        });
        match whole {
            Ok(classifier) => {
                let about = classifier.about();
                let whole = ModelMessage::ModelsWhole {
                    path: &shown,
                    name: &about.name,
                    version: &about.version,
                };
                writeln!(stdout(), "{}", whole.text(context.language))?;
            }
            Err(error) => {
                failed = true;
                eprintln!("{error}");
            }
        }
    }
    if failed {
        Err(Failure::silent(Status::Unusable))
    } else {
        Ok(())
    }
}
