//! `museau bench data`: how many photos a second are decoded and resized, or come from the cache.
use super::timed;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::options::Output;
use crate::outputs::{Kind, begin, finish};
use crate::terminal;
use crate::usage::{OutOfRange, in_range};
use crate::{augmentation, data_set, model, photos};
use anyhow::{Context as _, Result};
use clap::Args;
use data::loader::{Cache, Loader, LoaderOptions, Preparation};
use data::{Part, parallel};
use graph::{Filter, Geometry, InputSpec, Scaling, View};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;
use words::Range;

/// Photos of a batch from the cache.
const BATCH: usize = 32;

/// Options of `museau bench data`.
#[derive(Debug, Args)]
pub struct DataBenchArguments {
    /// Photos, or folders of photos; with --cached a data set
    #[arg(required = true, value_name = "PHOTO|FOLDER")]
    pub photos: Vec<PathBuf>,
    /// Height and width of the input, from 1 to 2048
    #[arg(long, value_name = "PIXELS", default_value_t = 224, value_parser = clap::value_parser!(u16).range(1..=2048))]
    pub size: u16,
    /// How often each photo is used per run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub repeat: u16,
    /// Measured runs (after warm-up), or epochs
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Load the photos of a data set (without its test split) from the cache
    #[arg(long)]
    pub cached: bool,
    /// The augmentation of cached photos
    #[arg(
        long,
        value_name = "STEPS",
        default_value = "flip | crop",
        requires = "cached"
    )]
    pub augment: String,
    /// Size at which cached photos are stored, as a multiple of the input, from 1 to 4
    #[arg(long, value_name = "FACTOR", default_value_t = 1.143, requires = "cached", value_parser = margin)]
    pub margin: f32,
    /// Where to write the inputs once (NHWC f32, 0 to 1), to be compared
    #[arg(long, value_name = "FILE", conflicts_with = "cached")]
    pub results: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

fn margin(text: &str) -> Result<f32, OutOfRange> {
    in_range(text, Range::FromTo(1.0, 4.0)).map(|margin| margin as f32)
}

/// What `--output json` prints.
#[derive(Serialize)]
struct Report {
    what: String,
    photos: usize,
    threads: usize,
    /// Of each run, in their order.
    photos_per_second: Vec<f64>,
}

/// Does what was asked.
pub fn run(context: &Context, arguments: &DataBenchArguments) -> Result<()> {
    let side = usize::from(arguments.size);
    let input = InputSpec {
        height: side,
        width: side,
        filter: Filter::Bilinear,
        scaling: Scaling::uniform(0.0, 255.0),
        views: vec![View {
            geometry: Geometry::Stretch,
            mirrored: false,
        }],
        preprocessing: String::new(),
    };
    let report = if arguments.cached {
        cached(context, arguments, input)?
    } else {
        decoded(context, arguments, &input)?
    };
    timed::print(arguments.output, &report, |out, report| {
        let mut sorted = report.photos_per_second.clone();
        sorted.sort_by(f64::total_cmp);
        writeln!(
            out,
            "{}: {} photos, {} threads: median {:.0} photos/s of {} runs, least {:.0}, most {:.0}",
            report.what,
            report.photos,
            report.threads,
            sorted[sorted.len() / 2],
            sorted.len(),
            sorted[0],
            sorted[sorted.len() - 1],
        )
    })
}

/// Reads, decodes and prepares the photos, each `--repeat` times.
fn decoded(context: &Context, arguments: &DataBenchArguments, input: &InputSpec) -> Result<Report> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for found in photos::find(context, &arguments.photos) {
        paths.push(found.map_err(|(path, reason)| {
            Failure::error(
                Status::Unusable,
                format!("{}: {reason}", terminal::shown(&path)),
            )
        })?);
    }
    let prepared = |path: &PathBuf| -> Result<vision::Views> {
        let photo = data::read_photo(path).with_context(|| path.display().to_string())?;
        Ok(vision::prepare(input, &photo)?)
    };
    if let Some(results) = &arguments.results {
        let mut file = begin(context, results, Kind::Numbers)?;
        for path in &paths {
            for value in prepared(path)?.values() {
                file.write_all(&value.to_le_bytes())?;
            }
        }
        finish(context, file, &[])?;
    }
    let count = paths.len() * usize::from(arguments.repeat);
    let mut rates = Vec::new();
    // The first run fills the system's cache of files.
    for run in 0..=arguments.runs {
        let start = Instant::now();
        let results = parallel::map(context.threads, count, &|_, _| {}, |index| -> Result<()> {
            std::hint::black_box(prepared(&paths[index % paths.len()])?);
            Ok(())
        });
        results.into_iter().collect::<Result<()>>()?;
        if run > 0 {
            rates.push(count as f64 / start.elapsed().as_secs_f64());
        }
    }
    Ok(Report {
        what: format!("decode and resize to {}", arguments.size),
        photos: count,
        threads: context.threads,
        photos_per_second: rates,
    })
}

/// Takes epochs from the cached loader.
fn cached(context: &Context, arguments: &DataBenchArguments, input: InputSpec) -> Result<Report> {
    let augmentation = augmentation::parse(context, "--augment", &arguments.augment)?;
    let (manifest, _) = data_set::manifest(context, &arguments.photos[0])?;
    let entries = manifest.all_entries();
    let places: Vec<usize> = (0..entries.len())
        .filter(|place| entries[*place].part != Part::Test)
        .collect();
    let preparation = Preparation {
        input,
        margin: arguments.margin,
    };
    let start = Instant::now();
    let folder = model::home()
        .context("no folder for the cache: set MUSEAU_HOME")?
        .join("cache");
    let cache = Cache::open(
        &folder,
        &manifest,
        &places,
        &preparation,
        context.threads,
        &|_, _| {},
    )
    .map_err(|error| augmentation::failed(context, &error))?;
    if !context.quiet {
        eprintln!("cache: {:.1} s", start.elapsed().as_secs_f64());
    }
    let photos = cache.len();
    let options = LoaderOptions {
        batch: BATCH,
        threads: context.threads,
        ahead: 2 * context.threads,
        seed: 1,
        augmentation,
        whole_batches: false,
    };
    let loader = Loader::new(cache, options);
    let mut rates = Vec::new();
    for epoch in 0..arguments.runs {
        let start = Instant::now();
        for batch in loader.epoch(epoch) {
            let batch = batch.map_err(|error| augmentation::failed(context, &error))?;
            std::hint::black_box(batch.values());
        }
        rates.push(photos as f64 / start.elapsed().as_secs_f64());
    }
    Ok(Report {
        what: format!("cached, {}, {}", arguments.augment, arguments.size),
        photos,
        threads: context.threads,
        photos_per_second: rates,
    })
}
