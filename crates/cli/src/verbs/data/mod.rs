//! `museau data`: import a data set, split it, check it, look at it.
mod check;
mod explore;
mod fetch;
mod import;
mod preview;
mod review;
mod split;
mod summary;

use crate::context::Context;
use anyhow::Result;
use clap::Subcommand;

/// The verbs under `museau data`.
#[derive(Debug, Subcommand)]
pub enum DataVerb {
    /// Download a published data set: its archives, verified, resumed after an interruption
    Fetch(fetch::FetchArguments),
    /// Make a manifest of a data set; its photos stay where they are
    Import(import::ImportArguments),
    /// Split into training, validation and test sets
    Split(split::SplitArguments),
    /// Find near-duplicates, unreadable and unusual photos, and doubtful labels
    Check(check::CheckArguments),
    /// Decide about what a check found, on a local page
    Review(review::ReviewArguments),
    /// Make a page of charts and samples
    Explore(explore::ExploreArguments),
    /// Make a page that shows photos before and after an augmentation
    Preview(preview::PreviewArguments),
}

/// Runs a verb under `museau data`.
pub fn run(context: &Context, verb: &DataVerb) -> Result<()> {
    match verb {
        DataVerb::Fetch(arguments) => fetch::run(context, arguments),
        DataVerb::Import(arguments) => import::run(context, arguments),
        DataVerb::Split(arguments) => split::run(context, arguments),
        DataVerb::Check(arguments) => check::run(context, arguments),
        DataVerb::Review(arguments) => review::run(context, arguments),
        DataVerb::Explore(arguments) => explore::run(context, arguments),
        DataVerb::Preview(arguments) => preview::run(context, arguments),
    }
}
