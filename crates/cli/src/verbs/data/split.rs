//! `museau data split`: which photos are for training, validation and test.
use super::summary::{Count, counts, print};
use crate::context::Context;
use crate::data_set::{Source, cache, open, unusable};
use crate::failure::{Failure, Status};
use crate::outputs::{argument, begin_manifest, may_replace, told};
use crate::progress::Shown;
use crate::usage::{OutOfRange, in_range};
use anyhow::Result;
use clap::Args;
use data::Error;
use std::collections::HashSet;
use std::path::PathBuf;
use words::{DataMessage, Range};

/// Options of `museau data split`.
#[derive(Debug, Args)]
pub struct SplitArguments {
    #[command(flatten)]
    source: Source,
    /// The manifest to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Keep the data set's own test split, such as the test list of Stanford Dogs; draw none
    #[arg(long)]
    official: bool,
    /// Split all photos again, including the data set's own test split
    #[arg(long, conflicts_with = "official")]
    redraw: bool,
    /// Fraction of test photos, at least 0 and less than 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share, conflicts_with = "official")]
    test: f64,
    /// Fraction of validation photos among the others, at least 0 and less than 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    val: f64,
    /// Seed of the random split
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Classes to keep: a number (so many that are easy to tell apart), or names separated by commas
    #[arg(long, value_name = "N|NAMES")]
    classes: Option<String>,
    /// Maximum number of photos per class in each split
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    most: Option<u32>,
    /// Also replace a manifest that shares no photo or could not be read; one that shares
    /// photos is always replaced
    #[arg(long)]
    force: bool,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
}

/// Splits.
pub fn run(context: &Context, arguments: &SplitArguments) -> Result<()> {
    let source = &arguments.source.source;
    let (file, before) = begin_manifest(context, &arguments.output, source, arguments.force)?;
    let (mut manifest, _, _) = open(context, &arguments.source)?;
    let sealed = manifest.test_entries().next().is_some();
    if sealed && !arguments.official && !arguments.redraw {
        let said = context.say(DataMessage::SplitSealed);
        return Err(Failure::error(Status::Usage, said));
    }
    let mut chosen = Vec::new();
    if let Some(request) = &arguments.classes {
        // Twins are looked for among these alone.
        chosen = data::split::choose_classes(&manifest, &request.as_str().into())
            .map_err(unusable(context))?;
        let wanted: HashSet<&str> = chosen.iter().map(String::as_str).collect();
        manifest = manifest.restricted(|entry| wanted.contains(manifest.class_name(entry)));
    }
    let shown = Shown::of_items(context, "split");
    let progress = |done, all| shown.now(done as u64, all as u64);
    let twins = data::check::twins(&manifest, Some(&cache()), context.threads, &progress);
    shown.finish();
    let options = data::split::SplitOptions {
        official: arguments.official,
        test: arguments.test,
        validation: arguments.val,
        seed: arguments.seed,
        classes: Vec::new(),
        most: arguments.most.map(|most| most as usize),
    };
    let done = data::split::split(&manifest, &data::check::pairs(&twins), &options);
    if done.manifest.all_entries().is_empty() {
        let path = arguments.source.source.clone();
        return Err(unusable(context)(Error::Nothing { path }));
    }
    if arguments.official && !context.quiet && done.manifest.test_entries().next().is_none() {
        eprintln!("{}", context.say(DataMessage::SplitNoOfficial));
    }
    may_replace(context, &arguments.output, before.as_ref(), &done.manifest)?;
    done.manifest.save_into(file).map_err(unusable(context))?;
    let mut summary = counts(&done.manifest);
    summary.extend([
        Count::of("twins", DataMessage::CountTwins, twins.len()),
        Count::of("left_out", DataMessage::CountLeftOut, done.left_out.len()),
    ]);
    if !context.quiet {
        for path in &done.left_out {
            eprintln!("{}", context.say(DataMessage::SplitLeftOut { path }));
        }
    }
    print(context, &summary, &chosen, arguments.json)?;
    let train = format!("museau train --data.source {}", argument(&arguments.output));
    told(context, &[&arguments.output], Some(&train));
    Ok(())
}

fn share(text: &str) -> Result<f64, OutOfRange> {
    in_range(text, Range::Below(0.0, 1.0))
}
