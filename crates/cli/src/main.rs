//! The binary `museau`: arguments, printing, wiring.

#[macro_use]
mod terminal;

mod arguments;
mod augmentation;
mod context;
mod data_set;
mod failure;
mod features;
mod initial;
mod interrupt;
mod language;
mod log;
mod memory;
mod model;
mod options;
mod outputs;
mod photos;
mod prior;
mod progress;
mod storage;
mod table;
mod usage;
mod verbs;

use arguments::{Arguments, Verb};
use clap::CommandFactory;
use context::Context;
use std::process::ExitCode;
use verbs::train::Start;

/// The system's own gives each photo's memory back and takes it again, page by page: two thirds of a
/// blur's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match usage::read().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let context = Context::new(&arguments.common)?;
    log::start(&arguments.common);
    match &arguments.verb {
        None => verbs::serve::serve(&context, &arguments.serve),
        Some(Verb::Serve(options)) => verbs::serve::serve(&context, options),
        Some(Verb::Demo(options)) => verbs::serve::demo(&context, options),
        Some(Verb::Classify(options)) => verbs::classify::run(&context, options),
        Some(Verb::Models(verb)) => verbs::models::run(&context, verb),
        Some(Verb::Export(options)) => verbs::export::run(&context, options),
        Some(Verb::Weights(verb)) => verbs::weights::run(&context, verb),
        Some(Verb::Data(verb)) => verbs::data::run(&context, verb),
        Some(Verb::Evaluate(options)) => verbs::evaluate::run(&context, options),
        Some(Verb::Preprocess(verb)) => verbs::preprocess::run(&context, verb),
        Some(Verb::Train(options)) => verbs::train::run(&context, Start::Random, options),
        Some(Verb::Finetune(options)) => verbs::train::run(&context, Start::Weights, options),
        Some(Verb::Features(options)) => verbs::features::run(&context, options),
        Some(Verb::Search(options)) => verbs::search::run(&context, options),
        Some(Verb::Runs(verb)) => verbs::runs::run(&context, verb),
        Some(Verb::Compare(options)) => verbs::compare::run(&context, options),
        Some(Verb::Bench(verb)) => verbs::bench::run(&context, verb),
        Some(Verb::Completions { shell }) => {
            verbs::completions::completions(*shell, Arguments::command())
        }
        Some(Verb::Man { to }) => {
            verbs::completions::manual(&context, Arguments::command(), to.as_deref())
        }
    }
}
