//! `museau models pick`: several models on the same photos and this machine, and which of them to use.
use crate::context::Context;
use crate::data_set::{Source, open};
use crate::failure::{Failure, Status};
use crate::outputs::{self, Kind};
use crate::table::{Cell, Table};
use crate::verbs::evaluate::subject::{PartName, Subject, is_table, part, unusable};
use crate::{model, terminal};
use anyhow::Result;
use clap::Args;
use classify::Classifier;
use data::score::{self, Interval, Outcome};
use data::{Manifest, Part};
use engine::{Plan, PlanOptions};
use package::Package;
use report::{Axis, Dot, Page, Scale, Scatter};
use serde::Serialize;
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tensor::{Pool, Random};
use train::evaluate::{EvaluateError, Pick, Predicted, known_to_all, on_common_ground, percent};
use vision::Photo;
use words::{EvaluateMessage, ModelMessage};

/// Options of `museau models pick`.
#[derive(Debug, Args)]
pub struct PickArguments {
    #[command(flatten)]
    source: Source,
    /// Models to pick from: files, run folders, listed names
    #[arg(long, value_name = "MODEL", num_args = 1.., required = true)]
    models: Vec<PathBuf>,
    /// Leave out the embedded model, which nothing was trained for
    #[arg(long)]
    no_baseline: bool,
    /// The split to compare on; the test split only if named
    /// [default: val, or all of a data set that is not split]
    #[arg(long, value_enum, value_name = "PART")]
    part: Option<PartName>,
    /// Write a page with the table and accuracy against time
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print everything as one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Picked {
    part: &'static str,
    /// Those that all have answered, of classes that all know.
    photos: usize,
    classes: usize,
    threads: usize,
    models: Vec<Row>,
    /// The name of the one to use.
    pick: String,
    reason: String,
}

/// One model.
#[derive(Serialize)]
struct Row {
    name: String,
    /// The share of the photos whose first answer is right.
    accuracy: f64,
    interval: Interval,
    /// Over the classes that all know.
    expected_calibration_error: f64,
    /// Of so large a difference from the most accurate by chance.
    p_value: f64,
    #[serde(flatten)]
    cost: Cost,
    /// Whether no other is both at least as accurate and at least as fast.
    on_front: bool,
}

/// What a model takes.
#[derive(Clone, Serialize)]
struct Cost {
    parameters: u64,
    /// Of one photo, all views together.
    multiply_adds: u64,
    file_bytes: u64,
    /// Packed weights, and what a photo's run works in.
    memory_bytes: u64,
    /// The median for a decoded photo, all threads together.
    milliseconds: f64,
    /// Of the data set, decoding included, a photo a thread.
    photos_per_second: f64,
}

/// Measures, picks, prints.
pub fn run(context: &Context, arguments: &PickArguments) -> Result<()> {
    let report = arguments.report.as_deref();
    if let Some(path) = report {
        outputs::not_over(context, path, &arguments.models)?;
    }
    let page = report.map(|path| outputs::begin(context, path, Kind::Page));
    let page = page.transpose()?;
    let paths = candidates(context, arguments)?;
    let (manifest, ..) = open(context, &arguments.source)?;
    let wanted = part(context, &manifest, arguments.source.path(), arguments.part)?;
    let mut all = Vec::new();
    let mut costs = Vec::new();
    for path in &paths {
        // One after the other: memory for all of them is more than a machine may have.
        let (predicted, cost) = measured(context, path, &manifest, wanted)?;
        all.push(predicted);
        costs.push(cost);
    }
    caution(context, &all, &manifest);
    let names: Vec<String> = paths.iter().map(|path| terminal::shown(path)).collect();
    let picked = picked(context, &names, &all, costs, wanted)?;
    if arguments.json {
        writeln!(terminal::stdout(), "{}", serde_json::to_string(&picked)?)?;
    } else {
        print(context, &picked)?;
    }
    if let Some(file) = page {
        let path = file.path().to_owned();
        let html = shown_on_a_page(context, &picked, arguments.source.path());
        outputs::finish(context, file, html.as_bytes())?;
        outputs::told(context, &[&path], None);
    }
    Ok(())
}

/// The models that were named, each once, and the embedded one.
fn candidates(context: &Context, arguments: &PickArguments) -> Result<Vec<PathBuf>> {
    let mut paths = arguments.models.clone();
    let inside = PathBuf::from(model::DEFAULT_NAME);
    if !arguments.no_baseline && !paths.contains(&inside) {
        paths.push(inside);
    }
    let mut known = HashSet::new();
    for path in &paths {
        if is_table(path) {
            let said = context.say(EvaluateMessage::PickTable {
                path: &terminal::shown(path),
            });
            return Err(Failure::error(Status::Usage, said));
        }
        let place = model::find(context, Some(path))?;
        if !known.insert(place.map(|place| place.canonicalize().unwrap_or(place))) {
            let model = &terminal::shown(path);
            let said = context.say(EvaluateMessage::CompareTwice { model });
            return Err(Failure::error(Status::Usage, said));
        }
    }
    Ok(paths)
}

/// What a model says of the photos, and what it takes.
fn measured(
    context: &Context,
    path: &Path,
    manifest: &Manifest,
    part: Part,
) -> Result<(Predicted, Cost)> {
    let package = model::read(context, Some(path))?;
    let file_bytes = match model::find(context, Some(path))? {
        Some(place) => place.metadata().map_or(0, |found| found.len()),
        None => model::DEFAULT.len() as u64,
    };
    let costs = package.graph.costs();
    let views = package.about.input.views.len().max(1);
    let memory_bytes = memory(context, &package, views)?;
    let milliseconds = milliseconds(context, path, package.clone())?;
    let subject = Subject::of_package(context, package, Some(path))?;
    let begun = Instant::now();
    let predicted = subject.predicted(context, manifest, part)?;
    let seconds = begun.elapsed().as_secs_f64();
    let cost = Cost {
        parameters: costs.parameters,
        multiply_adds: costs.multiply_adds * views as u64,
        file_bytes,
        memory_bytes,
        milliseconds,
        photos_per_second: predicted.photos.len() as f64 / seconds.max(1e-9),
    };
    Ok((predicted, cost))
}

/// Bytes that answering a photo takes.
fn memory(context: &Context, package: &Package, views: usize) -> Result<u64> {
    let options = model::options(context, context.threads);
    let options = PlanOptions {
        kernels: options.kernels,
        batch: views,
        threads: options.threads,
        ..PlanOptions::default()
    };
    let memory = Plan::memory_for_inference(&package.graph, &options)
        .map_err(|error| Failure::error(Status::Failed, error.to_string()))?;
    Ok(memory.weights.saturating_add(memory.workspace) as u64)
}

/// What an answer about a decoded photo takes: the median of some.
fn milliseconds(context: &Context, path: &Path, package: Package) -> Result<f64> {
    const WARM_UP: usize = 2;
    const RUNS: usize = 11;
    let options = model::options(context, context.threads);
    let classifier = Classifier::from_package(package, &options)
        .map_err(|error| model::unusable(context, Some(path), &error))?;
    let pool = Pool::new(context.threads);
    let mut random = Random::new(0, 0, 0);
    // As large as Stanford Dogs' photos mostly are.
    let (width, height) = (500, 375);
    let noise = std::iter::repeat_with(|| random.below(256) as u8);
    let photo = Photo::from_rgb(width, height, noise.take(width * height * 3).collect());
    let mut times = Vec::new();
    for run in 0..WARM_UP + RUNS {
        let begun = Instant::now();
        classifier
            .outputs(&pool, &photo)
            .map_err(|error| model::unanswered(context, Some(path), &error))?;
        if run >= WARM_UP {
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[RUNS / 2])
}

/// Says where a model has seen photos that it is judged by.
fn caution(context: &Context, all: &[Predicted], manifest: &Manifest) {
    let seen: HashSet<usize> = all
        .iter()
        .filter_map(|one| Some(one.among(&one.training.as_ref()?.fitted, manifest)))
        .flatten()
        .collect();
    if !seen.is_empty() && !context.quiet {
        let count = &seen.len().to_string();
        eprintln!("{}", context.say(EvaluateMessage::CompareSeen { count }));
    }
}

fn picked(
    context: &Context,
    names: &[String],
    all: &[Predicted],
    costs: Vec<Cost>,
    part: Part,
) -> Result<Picked> {
    let outcomes =
        on_common_ground(all).map_err(|error| unusable(context, &EvaluateError::Score(error)))?;
    let photos = outcomes.first().map_or(0, Vec::len);
    if photos == 0 {
        return Err(unusable(context, &EvaluateError::NoPhoto));
    }
    let right: Vec<Vec<bool>> = outcomes
        .iter()
        .map(|one| one.iter().map(Outcome::is_right).collect())
        .collect();
    let times: Vec<f64> = costs.iter().map(|cost| cost.milliseconds).collect();
    let pick = Pick::of(&right, &times).expect("a model at least");
    let rows = outcomes.iter().zip(costs).enumerate();
    let models = rows.map(|(place, (outcomes, cost))| {
        let count = right[place].iter().filter(|right| **right).count();
        Row {
            name: names[place].clone(),
            accuracy: count as f64 / photos as f64,
            interval: score::wilson(count, photos),
            expected_calibration_error: score::expected_calibration_error(outcomes),
            p_value: pick.p_values[place],
            cost,
            on_front: pick.on_front[place],
        }
    });
    Ok(Picked {
        part: data::part_name(part),
        photos,
        classes: known_to_all(all).len(),
        threads: context.threads,
        models: models.collect(),
        pick: names[pick.chosen].clone(),
        reason: reason(context, names, &pick, &times),
    })
}

/// Why that model: none is better, or what is better is not so by more than chance, and slower.
fn reason(context: &Context, names: &[String], pick: &Pick, times: &[f64]) -> String {
    let language = context.language;
    let chosen = &names[pick.chosen];
    if pick.chosen == pick.best {
        return context.say(EvaluateMessage::PickBest { chosen });
    }
    let times_slower = times[pick.best] / times[pick.chosen];
    context.say(EvaluateMessage::PickFaster {
        chosen,
        best: &names[pick.best],
        p: &words::number(language, pick.p_values[pick.chosen], 2),
        times: &words::number(language, times_slower, 1),
    })
}

/// The headings of the table.
const HEADINGS: [EvaluateMessage<'static>; 7] = [
    EvaluateMessage::PickModel,
    EvaluateMessage::Top1,
    EvaluateMessage::HeadingChance,
    EvaluateMessage::Ece,
    EvaluateMessage::PickTime,
    EvaluateMessage::PickRate,
    EvaluateMessage::PickFront,
];
/// The further headings, of what a model takes.
const COSTS: [ModelMessage<'static>; 3] = [
    ModelMessage::CostParameters,
    ModelMessage::CostMultiplyAdds,
    ModelMessage::CostInference,
];

fn headings(context: &Context) -> Vec<String> {
    let mut all: Vec<String> = HEADINGS.map(|heading| context.say(heading)).to_vec();
    all.extend(COSTS.map(|heading| context.say(heading)));
    all.push(context.say(EvaluateMessage::PickFile));
    all
}

/// A model's fields, under the headings.
fn fields(context: &Context, row: &Row) -> Vec<String> {
    let language = context.language;
    let Interval { low, high } = row.interval;
    let millions = |count: u64| words::number(language, count as f64 / 1e6, 1) + " M";
    let accuracy = context.say(EvaluateMessage::Estimate {
        value: &percent(language, row.accuracy),
        low: &percent(language, low),
        high: &percent(language, high),
    });
    vec![
        row.name.clone(),
        accuracy,
        words::number(language, row.p_value, 3),
        percent(language, row.expected_calibration_error),
        words::number(language, row.cost.milliseconds, 1),
        words::number(language, row.cost.photos_per_second, 1),
        if row.on_front { "*" } else { "" }.to_owned(),
        millions(row.cost.parameters),
        millions(row.cost.multiply_adds),
        words::bytes(language, row.cost.memory_bytes),
        words::bytes(language, row.cost.file_bytes),
    ]
}

fn introduction(context: &Context, picked: &Picked) -> String {
    context.say(EvaluateMessage::PickIntroduction {
        photos: &picked.photos.to_string(),
        part: picked.part,
        classes: &picked.classes.to_string(),
        threads: &picked.threads.to_string(),
    })
}

fn print(context: &Context, picked: &Picked) -> Result<()> {
    writeln!(terminal::stdout(), "{}", introduction(context, picked))?;
    let mut table = Table::new(headings(context));
    table.rows.extend(picked.models.iter().map(|row| {
        let mut fields = fields(context, row).into_iter();
        let name = Cell::path(fields.next().unwrap_or_default());
        std::iter::once(name)
            .chain(fields.map(Cell::number))
            .collect()
    }));
    table.write(&mut terminal::styled(), 2, terminal::width())?;
    writeln!(terminal::stdout(), "{}", picked.reason)?;
    Ok(())
}

/// The table, and accuracy against time.
fn shown_on_a_page(context: &Context, picked: &Picked, source: &Path) -> String {
    let language = context.language;
    let dataset = &source.display().to_string();
    let mut page = Page::new(
        language,
        &context.say(EvaluateMessage::PickTitle { dataset }),
    );
    page.paragraph(&picked.reason);
    page.paragraph(&introduction(context, picked));
    let mut table = report::Table::new(headings(context));
    for row in &picked.models {
        table.row(fields(context, row));
    }
    page.table(&context.say(EvaluateMessage::PickModels), &table);
    let title = context.say(EvaluateMessage::PickPlot);
    page.heading(&title);
    let times = picked.models.iter().map(|row| row.cost.milliseconds);
    let slowest = times.fold(0.0, f64::max);
    let accuracies = || picked.models.iter().map(|row| row.accuracy);
    let (least, most) = (
        accuracies().fold(1.0, f64::min),
        accuracies().fold(0.0, f64::max),
    );
    let across = Axis {
        name: context.say(EvaluateMessage::PickTime),
        scale: Scale::Linear(0.0, slowest * 1.05),
    };
    let up = Axis {
        name: context.say(EvaluateMessage::Top1),
        scale: Scale::Linear((least - 0.05).max(0.0), (most + 0.05).min(1.0)),
    };
    let dots: Vec<Dot> = picked
        .models
        .iter()
        .map(|row| Dot {
            name: row.name.clone(),
            values: vec![Some(row.cost.milliseconds), Some(row.accuracy)],
            shade: if row.on_front { 1.0 } else { 0.2 },
        })
        .collect();
    page.paragraph(&context.say(EvaluateMessage::PickFrontHint));
    page.scatter(
        &Scatter {
            title: &title,
            axes: [&across, &up],
            points: &dots,
        },
        &context.say(EvaluateMessage::Numbers),
    );
    page.finish()
}
