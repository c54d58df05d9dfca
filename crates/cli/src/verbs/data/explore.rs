//! `museau data explore`: a page of charts and samples.
use crate::context::Context;
use crate::data_set::{Source, open};
use crate::features;
use crate::outputs::{Kind, begin, finish};
use crate::progress::Shown;
use crate::terminal;
use anyhow::Result;
use clap::Args;
use data::files::stamped_object;
use std::io::Write;
use std::path::PathBuf;

/// Options of `museau data explore`.
#[derive(Debug, Args)]
pub struct ExploreArguments {
    #[command(flatten)]
    source: Source,
    /// The folder for explore.html and explore.json
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// Include the test photos
    #[arg(long)]
    with_test: bool,
    /// Draw a map of the classes, from a model's features
    #[arg(long)]
    map: bool,
    /// The model for --map: file, run folder, listed name, or `default` [default: the embedded model]
    #[arg(long, value_name = "FILE", requires = "map")]
    model: Option<PathBuf>,
    /// Seed of the samples shown
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Makes the page.
pub fn run(context: &Context, arguments: &ExploreArguments) -> Result<()> {
    let (manifest, _, _) = open(context, &arguments.source)?;
    let page_path = arguments.output.join("explore.html");
    let page = begin(context, &page_path, Kind::Page)?;
    let numbers = begin(
        context,
        &arguments.output.join("explore.json"),
        Kind::Exploration,
    )?;
    let shown = Shown::of_items(context, "explore");
    let progress = |done, all| shown.now(done as u64, all as u64);
    let explored =
        data::explore::explore(&manifest, arguments.with_test, context.threads, &progress);
    let map = match arguments.map {
        true => {
            let features = features::of_manifest(
                context,
                &manifest,
                arguments.with_test,
                arguments.model.as_deref(),
                &progress,
            )?;
            Some(explored.map(&manifest, &features))
        }
        false => None,
    };
    shown.finish();
    let html = explored.page(
        &manifest,
        context.language,
        map.as_ref(),
        arguments.seed,
        context.threads,
    );
    let mut json = serde_json::to_value(&explored.numbers)?;
    json["map"] = serde_json::to_value(&map)?;
    let json = stamped_object(&serde_json::to_string_pretty(&json)?);
    finish(context, page, html.as_bytes())?;
    finish(context, numbers, json.as_bytes())?;
    writeln!(terminal::stdout(), "{}", terminal::shown(&page_path))?;
    Ok(())
}
