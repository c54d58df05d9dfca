//! Whose predictions are looked at, and on which part of a data set.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::prior::PriorArguments;
use crate::progress::Shown;
use crate::{data_set, model};
use anyhow::Result;
use clap::ValueEnum;
use classify::Classifier;
use data::{Manifest, Part, Predictions};
use package::{Package, TrainingRecord};
use std::path::Path;
use train::evaluate::{EvaluateError, Predicted, entries_of, shown_part};
use words::{EvaluateMessage, Say};

/// The splits of a data set, as they are named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PartName {
    /// Training photos
    Train,
    /// Validation photos
    Val,
    /// Test photos
    Test,
    /// Photos in no split
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
        Self::open_with(context, path, &PriorArguments::default())
    }

    /// The same, a package with a prior of the person's choice.
    pub fn open_with(context: &Context, path: &Path, prior: &PriorArguments) -> Result<Self> {
        if is_table(path) {
            let table = Predictions::open(path).map_err(data_set::unusable(context))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            return Ok(Subject::Table(table, name.into_owned()));
        }
        let mut package = model::read(context, Some(path))?;
        prior.apply(context, &mut package.about)?;
        Self::of_package(context, package, Some(path))
    }

    /// A package that was read from `path`; without one that inside museau.
    pub fn of_package(context: &Context, package: Package, path: Option<&Path>) -> Result<Self> {
        let classifier = Classifier::from_package(package.clone(), &model::options(context, 1))
            .map_err(|error| model::unusable(context, path, &error))?;
        Ok(Subject::Model(Box::new(package), Box::new(classifier)))
    }

    /// Whether it is this model.
    pub fn is(&self, other: &Package) -> bool {
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
pub fn is_table(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("csv"))
}

/// What the training of a model depended on, where it says so; the model itself is not kept in memory.
pub fn training(context: &Context, path: &Path) -> Result<Option<TrainingRecord>> {
    if is_table(path) {
        Predictions::open(path).map_err(data_set::unusable(context))?;
        return Ok(None);
    }
    let package = model::read(context, Some(path))?;
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
    let said = context.say(EvaluateMessage::NoPart {
        path: &source.display().to_string(),
        part: shown_part(wanted),
        parts: &parts.join(", "),
    });
    Err(Failure::error(Status::Unusable, said))
}

/// A model or photos that cannot be evaluated.
pub fn unusable(context: &Context, error: &EvaluateError) -> anyhow::Error {
    Failure::error(Status::Unusable, error.message(context.language))
}
