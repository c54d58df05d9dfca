//! `museau data preview`: photos beside what an augmentation makes of them, on one page.
use crate::augmentation::{failed, parse, steps};
use crate::context::Context;
use crate::data_set::{Source, open};
use crate::outputs::{Kind, begin, finish};
use crate::terminal;
use anyhow::Result;
use clap::Args;
use data::loader::PreviewOptions;
use std::io::Write;
use std::path::PathBuf;

/// Options of `museau data preview`.
#[derive(Debug, Args)]
#[command(after_help = steps())]
pub struct PreviewArguments {
    #[command(flatten)]
    source: Source,
    /// The augmentation, such as 'flip | rotate(15) | zoom(0.8,1.2) | mixup(0.2)'
    #[arg(long, value_name = "STEPS")]
    augment: String,
    /// The page to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// How many random photos to show, from 1 to 200
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=200))]
    photos: u16,
    /// How many epochs to show of each, from 1 to 50
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=50))]
    epochs: u16,
    /// Seed of the photos and their augmentation
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Makes the page.
pub fn run(context: &Context, arguments: &PreviewArguments) -> Result<()> {
    let augmentation = parse(context, "--augment", &arguments.augment)?;
    let file = begin(context, &arguments.output, Kind::Page)?;
    let (manifest, _, _) = open(context, &arguments.source)?;
    let options = PreviewOptions {
        augmentation,
        photos: arguments.photos.into(),
        epochs: arguments.epochs.into(),
        seed: arguments.seed,
        threads: context.threads,
    };
    let page = data::loader::preview(&manifest, options, context.language)
        .map_err(|error| failed(context, &error))?;
    finish(context, file, page.as_bytes())?;
    writeln!(terminal::stdout(), "{}", terminal::shown(&arguments.output))?;
    Ok(())
}
