//! The binary `museau`: arguments, printing, wiring.

#[macro_use]
mod terminal;

mod arguments;
mod augmentation;
mod bench;
mod classify;
mod compare;
mod completions;
mod context;
mod csv;
mod data;
mod data_set;
mod evaluate;
mod failure;
mod features;
mod interrupt;
mod log;
mod memory;
mod model;
mod models;
mod options;
mod outputs;
mod photos;
mod preprocess;
mod progress;
mod runs;
mod serve;
mod storage;
mod train;
mod usage;

use arguments::{Arguments, Verb};
use context::Context;
use std::process::ExitCode;

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
        None => serve::serve(&context, &arguments.serve),
        Some(Verb::Serve(options)) => serve::serve(&context, options),
        Some(Verb::Demo(options)) => serve::demo(&context, options),
        Some(Verb::Classify(options)) => classify::run(&context, options),
        Some(Verb::Models(verb)) => models::run(&context, verb),
        Some(Verb::Data(verb)) => data::run(&context, verb),
        Some(Verb::Evaluate(options)) => evaluate::run(&context, options),
        Some(Verb::Preprocess(verb)) => preprocess::run(&context, verb),
        Some(Verb::Train(options)) => train::run(&context, options),
        Some(Verb::Runs(verb)) => runs::run(&context, verb),
        Some(Verb::Compare(options)) => compare::run(&context, options),
        Some(Verb::Bench(verb)) => bench::run(&context, verb),
        Some(Verb::Completions { shell }) => completions::completions(*shell),
        Some(Verb::Man { to }) => completions::manual(&context, to.as_deref()),
    }
}
