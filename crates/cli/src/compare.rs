//! `museau compare`: two groups of models, trained alike but for one thing, pair by pair on the same
//! photos: does that thing gain or lose?
use crate::context::Context;
use crate::data::{self as verbs, Source};
use crate::evaluate::{PartName, Subject, part, unusable};
use crate::failure::{Failure, Status};
use anyhow::Result;
use clap::Args;
use data::score::{self, Interval, Paired};
use data::{Manifest, Part};
use serde::Serialize;
use std::io::Write as _;
use std::path::PathBuf;
use train::evaluate::{EvaluateError, SIGNIFICANT};
use words::Message;

/// Options of `museau compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    #[command(flatten)]
    source: Source,
    /// The models to compare with: one for each seed
    #[arg(long, value_name = "MODEL", num_args = 1.., required = true)]
    base: Vec<PathBuf>,
    /// The models that are compared, in the order of the same seeds
    #[arg(long, value_name = "MODEL", num_args = 1.., required = true)]
    with: Vec<PathBuf>,
    /// The photos to compare on; those kept for testing only where they are asked for by name
    #[arg(long, value_enum, value_name = "PART")]
    part: Option<PartName>,
    /// Print everything as one JSON object
    #[arg(long)]
    json: bool,
}

/// Resamples of every interval.
const RESAMPLES: u32 = 10_000;
/// What decides them.
const SEED: u64 = 1;

/// One group's share of photos told right.
#[derive(Serialize)]
struct Group {
    /// Of each model.
    accuracies: Vec<f64>,
    mean: f64,
    /// 95 %, by the bootstrap over the models.
    interval: Interval,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Compared {
    part: &'static str,
    photos: usize,
    base: Group,
    with: Group,
    paired: Paired,
    verdict: String,
}

/// Compares and prints.
pub fn run(context: &Context, arguments: &CompareArguments) -> Result<()> {
    if arguments.base.len() != arguments.with.len() {
        let said = context.say(Message::CompareUneven {
            base: &arguments.base.len().to_string(),
            with: &arguments.with.len().to_string(),
        });
        return Err(Failure::error(Status::Usage, said));
    }
    let (manifest, ..) = verbs::open(context, &arguments.source)?;
    let wanted = part(context, &manifest, arguments.source.path(), arguments.part)?;
    let mut photos = None;
    let mut group = |models: &[PathBuf]| -> Result<Group> {
        let mut accuracies = Vec::new();
        for model in models {
            let (right, count) = told_right(context, model, &manifest, wanted)?;
            if photos.is_some_and(|photos| photos != count) {
                return Err(unusable(context, &EvaluateError::NoClass));
            }
            photos = Some(count);
            accuracies.push(right as f64 / count as f64);
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        Ok(Group {
            mean: mean(&accuracies),
            interval: score::bootstrap(&accuracies, mean, RESAMPLES, SEED),
            accuracies,
        })
    };
    let (base, with) = (group(&arguments.base)?, group(&arguments.with)?);
    let paired = score::paired(&base.accuracies, &with.accuracies, RESAMPLES, SEED);
    let compared = Compared {
        part: data::part_name(wanted),
        photos: photos.unwrap_or_default(),
        verdict: verdict(context, &paired),
        base,
        with,
        paired,
    };
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&compared)?)?;
        return Ok(());
    }
    for (name, group) in [("base", &compared.base), ("with", &compared.with)] {
        let [low, high] = [group.interval.low, group.interval.high].map(|v| shown(context, v));
        let mean = shown(context, group.mean);
        writeln!(
            out,
            "{name}\t{mean} %\t{low}\t{high}\t{}",
            group.accuracies.len()
        )?;
    }
    writeln!(out, "{}", compared.verdict)?;
    Ok(())
}

/// How many photos of the part a model tells right, of how many.
fn told_right(
    context: &Context,
    model: &std::path::Path,
    manifest: &Manifest,
    part: Part,
) -> Result<(usize, usize)> {
    let predicted = Subject::open(context, model)?.predicted(context, manifest, part)?;
    let all: Vec<usize> = (0..predicted.labels.len()).collect();
    let outcomes = predicted
        .outcomes(&all, None)
        .map_err(|error| unusable(context, &EvaluateError::Score(error)))?;
    if outcomes.is_empty() {
        return Err(unusable(context, &EvaluateError::NoPhoto));
    }
    let right = outcomes.iter().filter(|outcome| outcome.is_right()).count();
    Ok((right, outcomes.len()))
}

/// In points of per cent, with one decimal.
fn shown(context: &Context, share: f64) -> String {
    words::number(context.language, 100.0 * share, 1)
}

fn verdict(context: &Context, paired: &Paired) -> String {
    let significant = paired.p_value < SIGNIFICANT;
    // 'A loss of 2 points', but 'no difference: -2 points'.
    let said = match significant {
        true => paired.mean_difference.abs(),
        false => paired.mean_difference,
    };
    let difference = &shown(context, said);
    let low = &shown(context, paired.interval.low);
    let high = &shown(context, paired.interval.high);
    let pairs = &paired.pairs.to_string();
    let p = &words::number(context.language, paired.p_value, 3);
    let gains = paired.mean_difference > 0.0;
    context.say(match (significant, gains) {
        (true, true) => Message::CompareGain {
            difference,
            low,
            high,
            pairs,
            p,
        },
        (true, false) => Message::CompareLoss {
            difference,
            low,
            high,
            pairs,
            p,
        },
        (false, _) => Message::CompareNoDifference {
            difference,
            low,
            high,
            pairs,
            p,
        },
    })
}
