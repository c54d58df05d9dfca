//! `museau bench filters`: the time of the classic steps on one photo.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::options::Output;
use crate::outputs::{Kind, begin, finish};
use crate::photos::load;
use crate::terminal::stdout;
use crate::verbs::preprocess::pipeline;
use anyhow::Result;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use tensor::Pool;
use vision::Photo;
use vision::filters::Workers;

/// Options of `museau bench filters`.
#[derive(Debug, Args)]
pub struct FiltersArguments {
    /// Pipelines; the last step of each is timed [default: one per step]
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
    /// The photo [default: 500 x 375 random pixels]
    #[arg(long, value_name = "FILE")]
    photo: Option<PathBuf>,
    /// Measured runs (after warm-up)
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Where to write the results: NUMBER.png, from 0
    #[arg(long, value_name = "FOLDER")]
    results: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// As `--output json`
    #[arg(long)]
    json: bool,
}

/// What is timed where nothing is named: the steps that cost something, in colour and in gray.
const DEFAULT: &[&str] = &[
    "non_local_means(10,10,7,21)",
    "gray | non_local_means(10,10,7,21)",
    "bilateral(9,75,75)",
    "gray | bilateral(9,75,75)",
    "resize(224,stretch,area)",
    "resize(224,stretch,bilinear)",
    "gaussian(5)",
    "median(5)",
    "clahe(2,8)",
    "gray | clahe(2,8)",
    "equalise",
    "gray | equalise",
];

/// Runs that wake the threads and fill the caches.
const WARM_UP: u32 = 2;

/// Does what was asked.
pub fn run(context: &Context, arguments: &FiltersArguments) -> Result<()> {
    let photo = match &arguments.photo {
        Some(path) => {
            let loaded = load(context, Ok(path.clone()));
            loaded
                .map_err(|(_, why)| Failure::error(Status::Failed, why.message))?
                .1
        }
        None => made_up(),
    };
    let named = arguments.pipelines.iter().map(String::as_str);
    let texts: Vec<&str> = match arguments.pipelines.is_empty() {
        true => DEFAULT.to_vec(),
        false => named.collect(),
    };
    let pool = Pool::new(context.threads);
    let workers = Workers {
        pool: &pool,
        isa: context.isa,
    };
    let mut out = stdout();
    for (index, text) in texts.into_iter().enumerate() {
        let pipeline = pipeline(context, text)?;
        let mut milliseconds = Vec::new();
        for run in 0..WARM_UP + arguments.runs {
            let mut ran = pipeline.run_timed(&photo, None, workers);
            let last = ran.pop().expect("a pipeline with steps");
            if run >= WARM_UP {
                milliseconds.push(last.time.as_secs_f64() * 1e3);
            } else if let Some(folder) = &arguments.results {
                let path = folder.join(format!("{index}.png"));
                let bytes = data::files::stamped(vision::encode::png(&last.photo)?);
                finish(context, begin(context, &path, Kind::Picture)?, &bytes)?;
            }
        }
        milliseconds.sort_by(f64::total_cmp);
        if arguments.json || arguments.output == Output::Json {
            let line = serde_json::json!({
                "pipeline": pipeline.to_string(),
                "threads": context.threads,
                "instructions": context.isa.name(),
                "milliseconds": milliseconds,
            });
            writeln!(out, "{line}")?;
        } else {
            writeln!(
                out,
                "{:9.3} ms (least {:.3})  {pipeline}",
                milliseconds[milliseconds.len() / 2],
                milliseconds[0],
            )?;
        }
    }
    Ok(())
}

/// A slope with noise.
fn made_up() -> Photo {
    let (width, height) = (500, 375);
    let value = |index: usize| {
        let noise = (index as u64).wrapping_mul(2_654_435_761) >> 27 & 31;
        (index / 3 % width / 3 + index / 3 / width / 3 + noise as usize) as u8
    };
    Photo::from_rgb(width, height, (0..width * height * 3).map(value).collect())
}
