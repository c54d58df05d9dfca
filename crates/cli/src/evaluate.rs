//! `museau evaluate`: how good a model is on one part of a data set, beside others.
use crate::context::Context;
use crate::data::{self as verbs, Source};
use crate::failure::{Failure, Status};
use crate::model;
use crate::progress::Shown;
use anyhow::Result;
use clap::{Args, ValueEnum};
use classify::{Classifier, Package, TrainingRecord, make};
use data::{Manifest, Part, Predictions};
use std::io::Write;
use std::path::{Path, PathBuf};
use train::evaluate::{Comparison, Evaluation, Predicted, entries_of, shown_part};
use words::Message;

/// Options of `museau evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArguments {
    /// A package, the name of a listed model, `default` for the one inside museau; or a table that
    /// --predictions wrote
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    source: Source,
    /// The photos to evaluate on; those kept for testing only where they are asked for by name
    /// [default: val, or all of a data set that is not split]
    #[arg(long, value_enum, value_name = "PART")]
    part: Option<PartName>,
    /// Another model, or its table, to be compared photo by photo; may be given several times
    #[arg(long, value_name = "MODEL")]
    against: Vec<PathBuf>,
    /// Leave out the comparison with the model inside museau
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
    /// Print everything as one JSON object
    #[arg(long)]
    json: bool,
}

/// The parts of a data set, as they are named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PartName {
    /// For fitting
    Train,
    /// For choosing
    Val,
    /// Kept for testing
    Test,
    /// What the data set puts into no part
    Unsplit,
}

impl From<PartName> for Part {
    fn from(name: PartName) -> Part {
        match name {
            PartName::Train => Part::Train,
            PartName::Val => Part::Validation,
            PartName::Test => Part::Test,
            PartName::Unsplit => Part::Unsaid,
        }
    }
}

/// What a model is called that was named on the command line.
const DEFAULT_NAME: &str = "default";

/// Evaluates, prints, and writes what was asked for.
pub fn run(context: &Context, arguments: &EvaluateArguments) -> Result<()> {
    // The places are tried before the work is done.
    let begin = |path: &Option<PathBuf>| path.as_deref().map(|path| verbs::begin(context, path));
    let page = begin(&arguments.report).transpose()?;
    let table = begin(&arguments.predictions).transpose()?;
    let fitted = begin(&arguments.fit_temperature).transpose()?;
    let (manifest, problems, _) = verbs::open(context, &arguments.source)?;
    let source = arguments.source.path();
    let part = part(context, &manifest, source, arguments.part)?;
    if fitted.is_some() && part != Part::Validation {
        let said = context.say(Message::EvaluateFitElsewhere);
        return Err(Failure::error(Status::Usage, said));
    }
    let subject = Subject::open(context, &arguments.model)?;
    if fitted.is_some() && matches!(subject, Subject::Table(..)) {
        let said = context.say(Message::EvaluateFitATable);
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
    let inside = match arguments.no_baseline {
        true => None,
        false => Some(model::read(context, None)?).filter(|inside| !subject.is(inside)),
    };
    if let Some(inside) = inside {
        if predicted.is_known_to(&inside.about.labels, &manifest) {
            let baseline = look(&Subject::of_package(context, inside, None)?)?;
            comparisons.extend(Comparison::of(&predicted, &baseline, true).map_err(numbers)?);
        } else if !context.quiet {
            eprintln!("{}", context.say(Message::EvaluateNoBaseline));
        }
    }
    for other in &others {
        let other = look(other)?;
        comparisons.extend(Comparison::of(&predicted, &other, false).map_err(numbers)?);
    }
    let name = source.display().to_string();
    let evaluation = Evaluation::of(&predicted, &manifest, &name, part, &problems, comparisons)
        .map_err(numbers)?;

    if let Some(file) = table {
        let table = predicted.table(&manifest);
        table.save_into(file).map_err(verbs::unusable(context))?;
    }
    if let Some(file) = page {
        let shown = Shown::of_items(context, "evaluate");
        let progress = |done, all| shown.now(done as u64, all as u64);
        let html = evaluation.page(&manifest, context.language, context.threads, &progress);
        shown.finish();
        verbs::finish(context, file, html.as_bytes())?;
    }
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&evaluation)?)?;
    } else {
        write!(out, "{}", evaluation.text(context.language))?;
    }
    drop(out);
    if let (Some(file), Subject::Model(package, _)) = (fitted, subject) {
        fit(context, *package, &predicted, &evaluation, file)?;
    }
    Ok(())
}

/// Fits the temperature on what was predicted, says before and after, and writes the package.
fn fit(
    context: &Context,
    mut package: Package,
    predicted: &Predicted,
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
    let bytes = package
        .to_bytes()
        .map_err(|error| model::unusable(context, None, &error))?;
    let path = file.path().display().to_string();
    verbs::finish(context, file, &bytes)?;
    let calibration = &package.about.calibration;
    let all: Vec<usize> = (0..predicted.labels.len()).collect();
    let outcomes = predicted
        .outcomes(&all, Some(calibration.temperature))
        .map_err(|error| Failure::error(Status::Unusable, error.to_string()))?;
    let number = |value: f64| words::number(context.language, value, 3);
    let after = [
        data::score::expected_calibration_error(&outcomes),
        data::score::negative_log_likelihood(&outcomes),
    ];
    let said = Message::EvaluateFitted {
        path: &path,
        before: &number(old.into()),
        after: &number(calibration.temperature.into()),
        unsure: &number(calibration.unsure_below.into()),
        photos: &truths.len().to_string(),
        ece_before: &number(before.over_all.expected_calibration_error),
        ece_after: &number(after[0]),
        likelihood_before: &number(before.over_all.negative_log_likelihood),
        likelihood_after: &number(after[1]),
    };
    eprintln!("{}", context.say(said));
    Ok(())
}

/// Whose predictions are looked at.
pub enum Subject {
    /// A model, to be run.
    Model(Box<Package>, Box<Classifier>),
    /// What a table says, with the table's name.
    Table(Predictions, String),
}

impl Subject {
    /// A package or, where the name says so, a table.
    pub fn open(context: &Context, path: &Path) -> Result<Self> {
        if is_table(path) {
            let table = Predictions::open(path).map_err(verbs::unusable(context))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            return Ok(Subject::Table(table, name.into_owned()));
        }
        let path = named(path);
        Self::of_package(context, model::read(context, path)?, path)
    }

    /// A package that was read from `path`; without one that inside museau.
    fn of_package(context: &Context, package: Package, path: Option<&Path>) -> Result<Self> {
        let classifier = Classifier::from_package(package.clone(), &model::options(context, 1))
            .map_err(|error| model::unusable(context, path, &error))?;
        Ok(Subject::Model(Box::new(package), Box::new(classifier)))
    }

    /// Whether it is this model.
    fn is(&self, other: &Package) -> bool {
        matches!(self, Subject::Model(package, _) if package.about == other.about)
    }

    /// What it says of the photos of a part.
    pub fn predicted(
        &self,
        context: &Context,
        manifest: &Manifest,
        part: Part,
    ) -> Result<Predicted> {
        let shown = Shown::of_items(context, "evaluate");
        let progress = |done, all| shown.now(done as u64, all as u64);
        let predicted = match self {
            Subject::Model(_, classifier) => Predicted::of_model(
                classifier,
                manifest,
                part,
                context.language,
                context.threads,
                &progress,
            ),
            Subject::Table(table, name) => {
                Predicted::of_table(table, name, manifest, part, context.language)
            }
        };
        shown.finish();
        predicted.map_err(|error| unusable(context, &error))
    }
}

/// Whether it is a table of predictions, by its name.
fn is_table(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("csv"))
}

/// The package of a name that was given; none for that inside museau.
fn named(path: &Path) -> Option<&Path> {
    let inside = path == Path::new(DEFAULT_NAME) && !path.is_file();
    (!inside).then_some(path)
}

/// What the training of a model depended on, where it says so; the model itself is not kept in memory.
pub fn training(context: &Context, path: &Path) -> Result<Option<TrainingRecord>> {
    if is_table(path) {
        Predictions::open(path).map_err(verbs::unusable(context))?;
        return Ok(None);
    }
    let package = model::read(context, named(path))?;
    Ok(package.about.provenance.training)
}

/// The part that was asked for; without one val, or what no part was said for.
pub fn part(
    context: &Context,
    manifest: &Manifest,
    source: &Path,
    asked: Option<PartName>,
) -> Result<Part> {
    let is_there = |part: &Part| !entries_of(manifest, *part).is_empty();
    let wanted = match asked {
        Some(name) => name.into(),
        None if !is_there(&Part::Validation) && is_there(&Part::Unsaid) => Part::Unsaid,
        None => Part::Validation,
    };
    if is_there(&wanted) {
        return Ok(wanted);
    }
    let all = [Part::Train, Part::Validation, Part::Test, Part::Unsaid];
    let parts: Vec<&str> = all.into_iter().filter(is_there).map(shown_part).collect();
    let said = context.say(Message::EvaluateNoPart {
        path: &source.display().to_string(),
        part: shown_part(wanted),
        parts: &parts.join(", "),
    });
    Err(Failure::error(Status::Unusable, said))
}

/// A model or photos that cannot be evaluated.
pub fn unusable(context: &Context, error: &train::evaluate::EvaluateError) -> anyhow::Error {
    Failure::error(Status::Unusable, error.message(context.language))
}
