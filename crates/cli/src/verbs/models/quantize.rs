//! `museau models quantize`: a copy of a model with its kernels stored as int8, and what that costs.
use crate::context::Context;
use crate::data_set::{Source, open};
use crate::failure::{Failure, Status};
use crate::outputs::{self, Kind};
use crate::verbs::evaluate::subject::{PartName, Subject, part, unusable};
use crate::{model, terminal};
use anyhow::Result;
use clap::Args;
use data::score::{self, Outcome};
use package::{Package, PackageError, Stored};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use train::evaluate::{EvaluateError, percent};
use words::{EvaluateMessage, Say};

/// Options of `museau models quantize`.
#[derive(Debug, Args)]
pub struct QuantizeArguments {
    /// A model: file, run folder, listed name, or `default`
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    source: Source,
    /// The split on which the loss is measured
    /// [default: val, or all of a data set that is not split]
    #[arg(long, value_enum, value_name = "PART")]
    part: Option<PartName>,
    /// Print everything as one JSON object
    #[arg(long)]
    json: bool,
    /// Where to write the copy
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Quantized {
    part: &'static str,
    photos: usize,
    before: Scored,
    after: Scored,
    /// Of so large a difference by chance (McNemar).
    p_value: f64,
}

/// A model before or after.
#[derive(Serialize)]
struct Scored {
    accuracy: f64,
    expected_calibration_error: f64,
    file_bytes: usize,
    #[serde(skip)]
    right: Vec<bool>,
}

/// Rounds, measures, says what was lost, and writes the copy.
pub fn run(context: &Context, arguments: &QuantizeArguments) -> Result<()> {
    outputs::not_over(context, &arguments.output, [&arguments.model])?;
    let file = outputs::begin(context, &arguments.output, Kind::Package)?;
    let package = model::read(context, Some(&arguments.model))?;
    let (manifest, ..) = open(context, &arguments.source)?;
    let wanted = part(context, &manifest, arguments.source.path(), arguments.part)?;
    let unwritable =
        |error: PackageError| Failure::error(Status::Failed, error.message(context.language));
    let mut rounded = package.clone();
    rounded.about.stored = Stored::Int8;
    let mut rounded = rounded.rounded().map_err(unwritable)?;
    let scored = |package: &Package| -> Result<Scored> {
        let file_bytes = package.to_bytes().map_err(unwritable)?.len();
        let subject = Subject::of_package(context, package.clone(), Some(&arguments.model))?;
        let predicted = subject.predicted(context, &manifest, wanted)?;
        let all: Vec<usize> = (0..predicted.labels.len()).collect();
        let outcomes = predicted
            .outcomes(&all, None)
            .map_err(|error| unusable(context, &EvaluateError::Score(error)))?;
        if outcomes.is_empty() {
            return Err(unusable(context, &EvaluateError::NoPhoto));
        }
        Ok(Scored {
            accuracy: score::top(&outcomes, 1),
            expected_calibration_error: score::expected_calibration_error(&outcomes),
            file_bytes,
            right: outcomes.iter().map(Outcome::is_right).collect(),
        })
    };
    let (before, after) = (scored(&package)?, scored(&rounded)?);
    let quantized = Quantized {
        part: data::part_name(wanted),
        photos: before.right.len(),
        p_value: score::mcnemar(&before.right, &after.right).p_value,
        before,
        after,
    };
    let said = said(context, &quantized);
    rounded.about.card += &format!(
        "\n## Stored in whole numbers\n\nKernels are int8 with a scale for each output channel. Of {} photos \
         ({}) {:.1}% are right, {:.1}% were before.\n",
        quantized.photos,
        quantized.part,
        1e2 * quantized.after.accuracy,
        1e2 * quantized.before.accuracy,
    );
    let mut out = terminal::stdout();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string(&quantized)?)?,
        false => writeln!(out, "{said}")?,
    }
    let bytes = rounded.to_bytes().map_err(unwritable)?;
    outputs::finish(context, file, &bytes)?;
    outputs::told(context, &[&arguments.output], None);
    Ok(())
}

fn said(context: &Context, quantized: &Quantized) -> String {
    let language = context.language;
    let Quantized { before, after, .. } = quantized;
    context.say(EvaluateMessage::Quantized {
        photos: &quantized.photos.to_string(),
        part: quantized.part,
        before: &percent(language, before.accuracy),
        after: &percent(language, after.accuracy),
        p: &words::number(language, quantized.p_value, 2),
        ece_before: &percent(language, before.expected_calibration_error),
        ece_after: &percent(language, after.expected_calibration_error),
        size_before: &words::bytes(language, before.file_bytes as u64),
        size_after: &words::bytes(language, after.file_bytes as u64),
    })
}
