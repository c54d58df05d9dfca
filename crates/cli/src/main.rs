//! The binary `museau`: arguments, printing, wiring.

mod arguments;
mod context;
mod failure;
mod shell;

use arguments::{Arguments, Verb};
use clap::Parser;
use context::Context;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error, "museau"),
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let _context = Context::new(&arguments.common)?;
    match arguments.verb {
        Some(Verb::Completions { shell }) => shell::completions(shell),
        Some(Verb::Man { to }) => shell::manual(to.as_deref()),
        _ => Ok(()),
    }
}
