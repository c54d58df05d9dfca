//! `museau weights`: the weights of known networks, from where they are published or from a file.
mod fetch;
mod import;
mod list;
pub mod store;

use crate::context::Context;
use anyhow::Result;
use clap::Subcommand;

/// The verbs under `museau weights`.
#[derive(Debug, Subcommand)]
pub enum WeightsVerb {
    /// Download the published weights of a backbone
    Fetch(fetch::FetchArguments),
    /// List the imported and downloaded weights
    List {
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Read a backbone's weights from a file of Keras, PyTorch, ONNX, TensorFlow Lite or safetensors
    Import(import::ImportArguments),
}

pub use import::read;

/// That a file of kept weights does not hold what it says.
pub fn unusable(
    context: &Context,
    path: &std::path::Path,
    error: &train::make::MakeError,
) -> anyhow::Error {
    import::unusable(context, path, error, train::weights::Top::LeftAside)
}

/// Does what was asked.
pub fn run(context: &Context, verb: &WeightsVerb) -> Result<()> {
    match verb {
        WeightsVerb::Fetch(arguments) => fetch::run(context, arguments),
        WeightsVerb::List { json } => list::run(context, *json),
        WeightsVerb::Import(arguments) => import::run(context, arguments),
    }
}
