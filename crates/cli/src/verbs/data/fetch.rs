//! `museau data fetch`: the archives of a published data set.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::progress::Shown;
use anyhow::Result;
use clap::Args;
use data::fetch::{FetchEvent, Origin, Patience, SOURCES, fetch};
use std::path::{Path, PathBuf};
use words::{DataMessage, FileMessage, Say};

/// Options of `museau data fetch`.
#[derive(Debug, Args)]
pub struct FetchArguments {
    /// Which data set: stanford-dogs
    #[arg(value_name = "NAME")]
    name: String,
    /// The folder for the archives [default: NAME]
    #[arg(long, short, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// A mirror: a folder that holds the archives, or a URL
    #[arg(long, value_name = "FOLDER|URL")]
    from: Option<String>,
}

/// Runs `museau data fetch`.
pub fn run(context: &Context, arguments: &FetchArguments) -> Result<()> {
    let Some(source) = SOURCES.iter().find(|source| source.name == arguments.name) else {
        let known: Vec<_> = SOURCES.iter().map(|source| source.name).collect();
        let (name, known) = (&arguments.name, &known.join(", "));
        let text = context.say(DataMessage::FetchUnknown { name, known });
        return Err(Failure::error(Status::Usage, text));
    };
    let origin = match &arguments.from {
        None => Origin::Address(source.address.to_owned()),
        Some(from) if from.starts_with("http://") || from.starts_with("https://") => {
            Origin::Address(from.clone())
        }
        Some(from) if !Path::new(from).is_dir() => {
            let text = context.say(FileMessage::NotFound { path: from });
            return Err(Failure::error(Status::Failed, text));
        }
        Some(from) => Origin::Folder(PathBuf::from(from)),
    };
    let folder = arguments
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(source.name));
    if !context.quiet {
        eprintln!("{}", context.say(DataMessage::FetchTerms));
    }
    for archive in source.archives {
        let shown = Shown::of_bytes(context, archive.name);
        let progress = |event: FetchEvent<'_>| match event {
            FetchEvent::Bytes { arrived, all } => shown.now(arrived, all.unwrap_or(arrived)),
            FetchEvent::Pause { reason, pause } if !context.quiet => {
                let seconds = &pause.as_secs().to_string();
                let text = context.say(DataMessage::FetchPause { reason, seconds });
                shown.say(&text);
            }
            FetchEvent::Pause { .. } => {}
        };
        let fetched = fetch(archive, &origin, &folder, &Patience::default(), &progress)
            .map_err(|error| Failure::error(Status::Failed, error.message(context.language)))?;
        shown.finish();
        if fetched.was_there && !context.quiet {
            let path = &fetched.path.display().to_string();
            eprintln!("{}", context.say(DataMessage::FetchWasThere { path }));
        }
    }
    if !context.quiet {
        let folder = &folder.display().to_string();
        eprintln!("{}", context.say(DataMessage::FetchDone { folder }));
    }
    Ok(())
}
