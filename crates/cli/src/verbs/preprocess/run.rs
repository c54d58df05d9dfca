//! `museau preprocess run`: a pipeline on photos, its results in a tree like that of the source.
use super::pipeline::pipeline;
use crate::context::Context;
use crate::data_set::{decided, unusable};
use crate::failure::{Failure, Status};
use crate::outputs::unwritten;
use crate::photos::{self, explain};
use crate::progress::Shown;
use crate::terminal;
use anyhow::Result;
use clap::{Args, ValueEnum};
use data::preprocess::{self, Encoding, Made, PictureFault, Pictures, PicturesError, Told};
use data::{Manifest, Unread};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use vision::filters::Pipeline;
use words::{PreprocessMessage, Say};

/// Options of `museau preprocess run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The steps: 'clahe(2,8) | bilateral(9,75,75) | resize(224,crop)'
    #[arg(value_name = "PIPELINE")]
    pipeline: String,
    /// Photos, folders of photos, or manifests
    #[arg(required = true, value_name = "PHOTO|FOLDER|MANIFEST")]
    sources: Vec<PathBuf>,
    /// The folder to write into, with the folder structure of the source; its manifest.csv lists the photos
    /// whose class is known
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// A decisions file to apply to manifests
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Include the test photos of manifests
    #[arg(long)]
    with_test: bool,
    /// The format of the results
    #[arg(long, value_enum, default_value_t = Format::Png)]
    format: Format,
    /// JPEG quality, from 1 to 100
    #[arg(long, value_name = "N", default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
}

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lossless
    Png,
    /// Lossy, smaller files
    Jpeg,
}

/// Runs it.
pub fn run(context: &Context, arguments: &RunArguments) -> Result<()> {
    let pipeline = pipeline(context, &arguments.pipeline)?;
    let mut manifests = Vec::new();
    for source in &arguments.sources {
        let manifest = source.is_file() && data::is_manifest(source);
        manifests.push(match manifest {
            true => {
                let manifest = Manifest::open(source).map_err(unusable(context))?;
                Some(match &arguments.decisions {
                    Some(path) => decided(context, &manifest, path)?.0,
                    None => manifest,
                })
            }
            false => None,
        });
    }
    let mut tasks = Vec::new();
    let mut failed = 0;
    for (source, manifest) in arguments.sources.iter().zip(&manifests) {
        if let Some(manifest) = manifest {
            tasks.extend(preprocess::of_manifest(manifest, arguments.with_test));
            continue;
        }
        let mut files = Vec::new();
        for found in photos::find(context, std::slice::from_ref(source)) {
            match found {
                Ok(path) => files.push(path),
                Err((_, message)) => {
                    eprintln!("museau: {message}");
                    failed += 1;
                }
            }
        }
        // Several folders stay apart.
        let apart = arguments.sources.len() > 1;
        tasks.extend(preprocess::of_files(source, apart, files));
    }
    let all = tasks.len();
    let encoding = match arguments.format {
        Format::Png => Encoding::Png,
        Format::Jpeg => Encoding::Jpeg(arguments.quality),
    };
    let planned = Pictures::new(tasks, &arguments.sources, &arguments.output, encoding);
    let planned = planned.map_err(|error| match error {
        PicturesError::Manifest(error) => unusable(context)(error),
        error => Failure::error(Status::Usage, error.message(context.language)),
    })?;
    let shown = Shown::of_items(context, "preprocess");
    let said = Mutex::new(());
    let tell = |told: Told<'_>| match told {
        Told::Done(done, all) => shown.now(done as u64, all as u64),
        Told::Failed(file, fault) => {
            let _one_at_a_time = said.lock().unwrap_or_else(PoisonError::into_inner);
            let message = reason(context, file, fault);
            shown.say(&format!("museau: {}: {message}", terminal::shown(file)));
        }
    };
    let made = planned.make(&pipeline, context.threads, context.isa, &tell);
    shown.finish();
    let made = made.map_err(unusable(context))?;
    failed += all - made.written;
    print(arguments, &pipeline, &made, failed)?;
    match failed {
        0 => Ok(()),
        _ => Err(Failure::silent(Status::Failed)),
    }
}

/// Why no picture was made of a photo.
fn reason(context: &Context, file: &Path, fault: PictureFault) -> String {
    match fault {
        PictureFault::File(error) => explain(context, file, Unread::File(error)).message,
        PictureFault::Photo(error) => explain(context, file, Unread::Photo(error)).message,
        PictureFault::TooLarge { path } => {
            let path = &path.display().to_string();
            context.say(PreprocessMessage::TooLarge { path })
        }
        PictureFault::Write { path, source } => unwritten(context, &path, &source),
    }
}

fn print(arguments: &RunArguments, pipeline: &Pipeline, made: &Made, failed: usize) -> Result<()> {
    let mut out = terminal::stdout();
    let (written, unlabelled) = (made.written, made.written - made.labelled);
    if arguments.json {
        let summary = serde_json::json!({
            "pipeline": pipeline.to_string(),
            "written": written,
            "failed": failed,
            "manifest": made.manifest,
            "unlabelled": unlabelled,
        });
        writeln!(out, "{summary}")?;
        return Ok(());
    }
    writeln!(
        out,
        "pipeline\t{pipeline}\nwritten\t{written}\nfailed\t{failed}"
    )?;
    if let Some(manifest) = &made.manifest {
        writeln!(out, "manifest\t{}", terminal::shown(manifest))?;
    }
    writeln!(out, "unlabelled\t{unlabelled}")?;
    Ok(())
}
