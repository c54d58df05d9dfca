//! `museau evaluate`: how good a model is on one part of a data set, beside others.
pub mod subject;
mod views;

use crate::context::Context;
use crate::data_set::{Source, open};
use crate::failure::{Failure, Status};
use crate::outputs::Kind;
use crate::prior::PriorArguments;
use crate::progress::Shown;
use crate::{data_set, model, outputs, terminal};
use anyhow::Result;
use clap::Args;
use data::{AtomicFile, Manifest, Part};
use package::{Package, PhotoIds};
use std::io::Write;
use std::path::{Path, PathBuf};
use subject::{PartName, Subject, part, unusable};
use train::evaluate::{Comparison, Evaluation, Predicted};
use train::make;
use words::EvaluateMessage;

/// Options of `museau evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArguments {
    /// A model: file, run folder, listed name, or `default` for the embedded one; or a table that
    /// --predictions wrote
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    prior: PriorArguments,
    #[command(flatten)]
    source: Source,
    /// The split to evaluate on; the test split only if named
    /// [default: val, or all of a data set that is not split]
    #[arg(long, value_enum, value_name = "PART")]
    part: Option<PartName>,
    /// Another model, or predictions table, to compare with (McNemar's test); repeatable
    #[arg(long, value_name = "MODEL")]
    against: Vec<PathBuf>,
    /// Leave out the comparison with the embedded model
    #[arg(long)]
    no_baseline: bool,
    /// Write a page with tables, charts and the photos of mistakes
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the probability of each class for each photo (CSV)
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// Fit the temperature on val, and write a copy of the package with it
    #[arg(long, value_name = "FILE")]
    fit_temperature: Option<PathBuf>,
    /// Choose the views of a photo on val by accuracy and time, and write a copy of the package with
    /// them, its temperature fitted anew
    #[arg(long, value_name = "FILE")]
    choose_views: Option<PathBuf>,
    /// Print everything as one JSON object
    #[arg(long)]
    json: bool,
}

/// Evaluates, prints, and writes what was asked for.
pub fn run(context: &Context, arguments: &EvaluateArguments) -> Result<()> {
    // The places are tried before the work is done.
    let outputs = [
        &arguments.report,
        &arguments.predictions,
        &arguments.fit_temperature,
        &arguments.choose_views,
    ];
    for path in outputs.into_iter().flatten() {
        let inputs = std::iter::once(&arguments.model).chain(&arguments.against);
        outputs::not_over(context, path, inputs)?;
    }
    let begin = |path: &Option<PathBuf>, kind| {
        let path = path.as_deref();
        path.map(|path| outputs::begin(context, path, kind))
            .transpose()
    };
    let page = begin(&arguments.report, Kind::Page)?;
    let table = begin(&arguments.predictions, Kind::Predictions)?;
    let fitted = begin(&arguments.fit_temperature, Kind::Package)?;
    let viewed = begin(&arguments.choose_views, Kind::Package)?;
    let (manifest, problems, _) = open(context, &arguments.source)?;
    let source = arguments.source.path();
    let part = part(context, &manifest, source, arguments.part)?;
    if fitted.is_some() && part != Part::Validation {
        let said = context.say(EvaluateMessage::FitElsewhere);
        return Err(Failure::error(Status::Usage, said));
    }
    if viewed.is_some() && part != Part::Validation {
        let said = context.say(EvaluateMessage::ViewsElsewhere);
        return Err(Failure::error(Status::Usage, said));
    }
    let subject = Subject::open_with(context, &arguments.model, &arguments.prior)?;
    if viewed.is_some() && matches!(subject, Subject::Table(..)) {
        let said = context.say(EvaluateMessage::ViewsOfATable);
        return Err(Failure::error(Status::Usage, said));
    }
    if fitted.is_some() && matches!(subject, Subject::Table(..)) {
        let said = context.say(EvaluateMessage::FitATable);
        return Err(Failure::error(Status::Usage, said));
    }
    let others = arguments.against.iter();
    let others: Vec<Subject> = others
        .map(|path| Subject::open(context, path))
        .collect::<Result<_>>()?;

    let look = |subject: &Subject| subject.predicted(context, &manifest, part);
    let predicted = look(&subject)?;
    let numbers = |error| unusable(context, &train::evaluate::EvaluateError::Score(error));
    let mut comparisons = Vec::new();
    // Of the others compared with, as they are named.
    let mut paths = Vec::new();
    let mut compare = |other: &Predicted, baseline: bool, path: String| -> Result<()> {
        if let Some(found) = Comparison::of(&predicted, other, baseline).map_err(numbers)? {
            comparisons.push(found);
            paths.push(path);
        }
        Ok(())
    };
    let inside = match arguments.no_baseline {
        true => None,
        false => Some(model::read(context, None)?).filter(|inside| !subject.is(inside)),
    };
    if let Some(inside) = inside {
        if predicted.is_known_to(&inside.about.labels, &manifest) {
            let baseline = look(&Subject::of_package(context, inside, None)?)?;
            compare(&baseline, true, model::DEFAULT_NAME.to_owned())?;
        } else if !context.quiet {
            eprintln!("{}", context.say(EvaluateMessage::NoBaseline));
        }
    }
    for (other, path) in others.iter().zip(&arguments.against) {
        compare(&look(other)?, false, path.display().to_string())?;
    }
    Comparison::tell_apart(
        &mut comparisons,
        &arguments.model.display().to_string(),
        &paths,
    );
    let name = source.display().to_string();
    let evaluation = Evaluation::of(&predicted, &manifest, &name, part, &problems, comparisons)
        .map_err(numbers)?;

    write(context, &predicted, &evaluation, &manifest, page, table)?;
    let mut out = terminal::stdout();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&evaluation)?)?;
    } else {
        write!(out, "{}", evaluation.text(context.language))?;
    }
    drop(out);
    let written = [&arguments.report, &arguments.predictions];
    let written: Vec<&Path> = written
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    outputs::told(context, &written, None);
    let Subject::Model(package, _) = subject else {
        return Ok(());
    };
    if let Some(file) = fitted {
        fit(
            context,
            (*package).clone(),
            &predicted,
            &manifest,
            &evaluation,
            file,
        )?;
    }
    if let Some(file) = viewed {
        let trial = views::choose(context, &package, &manifest, arguments.json)?;
        let package = views::with_views(*package, &trial);
        fit(
            context,
            package,
            &trial.predicted,
            &manifest,
            &evaluation,
            file,
        )?;
    }
    Ok(())
}

/// Writes the page and the table that were asked for.
fn write(
    context: &Context,
    predicted: &Predicted,
    evaluation: &Evaluation,
    manifest: &Manifest,
    page: Option<AtomicFile>,
    table: Option<AtomicFile>,
) -> Result<()> {
    if let Some(file) = table {
        let table = predicted.table(manifest);
        table.save_into(file).map_err(data_set::unusable(context))?;
    }
    if let Some(file) = page {
        let shown = Shown::of_items(context, "evaluate");
        let progress = |done, all| shown.now(done as u64, all as u64);
        let html = evaluation.page(manifest, context.language, context.threads, &progress);
        shown.finish();
        outputs::finish(context, file, html.as_bytes())?;
    }
    Ok(())
}

/// Fits the temperature on what was predicted, says before and after, and writes the package.
fn fit(
    context: &Context,
    mut package: Package,
    predicted: &Predicted,
    manifest: &Manifest,
    before: &Evaluation,
    file: data::AtomicFile,
) -> Result<()> {
    let logits: Vec<Vec<f32>> = predicted
        .photos
        .iter()
        .map(|photo| photo.logits.clone())
        .collect();
    let truths: Vec<usize> = predicted.photos.iter().map(|photo| photo.label).collect();
    let fitted_on = format!("{} val photos of {}", truths.len(), before.dataset);
    let old = package.about.calibration.temperature;
    make::calibrate_answers(&mut package.about, &logits, &truths, &fitted_on)
        .map_err(|error| Failure::error(Status::Unusable, error.to_string()))?;
    let entries = predicted.photos.iter().map(|photo| photo.entry);
    let hashes = entries.map(|entry| &manifest.all_entries()[entry].hash);
    package.about.provenance.calibrated = PhotoIds::of(hashes);
    let bytes = package
        .to_bytes()
        .map_err(|error| model::unusable(context, None, &error.into()))?;
    let path = file.path().display().to_string();
    outputs::finish(context, file, &bytes)?;
    let calibration = &package.about.calibration;
    let all: Vec<usize> = (0..predicted.labels.len()).collect();
    let outcomes = predicted
        .outcomes(&all, Some(calibration.temperature))
        .map_err(|error| Failure::error(Status::Unusable, error.to_string()))?;
    let number = |value: f64| words::number(context.language, value, 3);
    let percent = |share: f64| train::evaluate::percent(context.language, share);
    let after = [
        data::score::expected_calibration_error(&outcomes),
        data::score::negative_log_likelihood(&outcomes),
    ];
    let said = EvaluateMessage::Fitted {
        path: &path,
        before: &number(old.into()),
        after: &number(calibration.temperature.into()),
        unsure: &number(calibration.unsure_below.into()),
        photos: &truths.len().to_string(),
        ece_before: &percent(before.over_all.expected_calibration_error),
        ece_after: &percent(after[0]),
        likelihood_before: &number(before.over_all.negative_log_likelihood),
        likelihood_after: &number(after[1]),
    };
    eprintln!("{}", context.say(said));
    Ok(())
}
