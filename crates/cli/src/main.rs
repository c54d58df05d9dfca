//! The binary `museau`: arguments, printing, wiring.

mod arguments;
mod bench;
mod bench_data;
mod bench_filters;
mod bench_train;
mod classify;
mod compare;
mod context;
mod data;
mod evaluate;
mod failure;
mod features;
mod fetch;
mod interrupt;
mod log;
mod make;
mod memory;
mod model;
mod models;
mod photos;
mod preprocess;
mod preview;
mod print;
mod progress;
mod recorded;
mod review;
mod runs;
mod runs_compare;
mod runs_export;
mod runs_json;
mod runs_text;
mod serve;
mod shell;
mod sparkline;
mod table;
mod train;
mod train_shown;
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
        Some(Verb::Completions { shell }) => shell::completions(*shell),
        Some(Verb::Man { to }) => shell::manual(to.as_deref()),
    }
}
