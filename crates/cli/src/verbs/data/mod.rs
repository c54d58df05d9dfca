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
    /// Fetch a published data set: its archives, checked, resumed after a break
    Fetch(fetch::FetchArguments),
    /// Make a manifest of a data set; its photos stay where they are
    Import(import::ImportArguments),
    /// Say which photos are for fitting, choosing and testing
    Split(split::SplitArguments),
    /// Look for what spoils training: twins, unreadable and odd photos
    Check(check::CheckArguments),
    /// Decide about what a check found, on a local page
    Review(review::ReviewArguments),
    /// Make a page of charts and samples
    Explore(explore::ExploreArguments),
    /// Make a page of photos and what an augmentation makes of them
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
