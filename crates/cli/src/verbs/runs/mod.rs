//! `museau runs`: what was trained, how it went, and how runs differ.
mod compare;
mod export;
mod json;
mod list;
mod remove;
mod show;
mod sparkline;
mod text;

pub(super) use text::duration;

use crate::context::Context;
use anyhow::Result;
use clap::Subcommand;

/// The verbs under `museau runs`.
#[derive(Debug, Subcommand)]
pub enum RunsVerb {
    /// List the runs, newest first
    List(list::ListArguments),
    /// Show one run: parameters, metrics with their curves, files
    Show(show::ShowArguments),
    /// Compare runs: the parameters that differ, the metrics of the kept epochs side by side
    Compare(compare::CompareArguments),
    /// Remove runs from the list (--files also deletes their files)
    Rm(remove::RmArguments),
    /// Write the metrics of runs, epoch by epoch, as CSV or JSON
    Export(export::ExportArguments),
}

/// Runs a verb under `museau runs`.
pub fn run(context: &Context, verb: &RunsVerb) -> Result<()> {
    match verb {
        RunsVerb::List(arguments) => list::run(context, arguments),
        RunsVerb::Show(arguments) => show::run(context, arguments),
        RunsVerb::Compare(arguments) => compare::run(context, arguments),
        RunsVerb::Rm(arguments) => remove::run(context, arguments),
        RunsVerb::Export(arguments) => export::run(context, arguments),
    }
}
