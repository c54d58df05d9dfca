//! `museau preprocess`: the classic steps on files and data sets, and a page that shows what each does.
mod gallery;
mod list;
mod pipeline;
mod run;

pub use pipeline::pipeline;

use crate::context::Context;
use anyhow::Result;
use clap::Subcommand;

/// The verbs under `museau preprocess`.
#[derive(Debug, Subcommand)]
pub enum PreprocessVerb {
    /// Run a pipeline on photos and write the results elsewhere
    Run(run::RunArguments),
    /// Make a page that shows each step before and after, with figures
    Gallery(gallery::GalleryArguments),
    /// List the steps with their parameters
    List,
}

/// Runs a verb under `museau preprocess`.
pub fn run(context: &Context, verb: &PreprocessVerb) -> Result<()> {
    match verb {
        PreprocessVerb::Run(arguments) => run::run(context, arguments),
        PreprocessVerb::Gallery(arguments) => gallery::run(context, arguments),
        PreprocessVerb::List => list::run(context),
    }
}
