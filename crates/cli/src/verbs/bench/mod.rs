//! `museau bench`: the speed of museau's own engine.
mod data;
mod filters;
mod infer;
mod networks;
mod timed;
mod train;

use crate::context::Context;
use anyhow::Result;
use clap::Subcommand;

/// The verbs under `museau bench`.
#[derive(Debug, Subcommand)]
pub enum BenchVerb {
    /// Time the network on random pixels
    Infer(infer::InferArguments),
    /// Time the classic steps on a photo
    Filters(filters::FiltersArguments),
    /// Time the decoding and resizing of photos, or the loading of cached ones
    Data(data::DataBenchArguments),
    /// Time a training step (forward, backward, Adam) on random pixels
    Train(train::TrainArguments),
}

/// Does what was asked.
pub fn run(context: &Context, verb: &BenchVerb) -> Result<()> {
    match verb {
        BenchVerb::Infer(arguments) => infer::run(context, arguments),
        BenchVerb::Filters(arguments) => filters::run(context, arguments),
        BenchVerb::Data(arguments) => data::run(context, arguments),
        BenchVerb::Train(arguments) => train::run(context, arguments),
    }
}
