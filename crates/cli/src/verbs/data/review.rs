//! `museau data review`: a local page to decide about what a check found.
use crate::context::Context;
use crate::data_set;
use crate::failure::{Failure, Status};
use crate::verbs::serve;
use anyhow::Result;
use clap::Args;
use data::check::review::Review;
use std::net::IpAddr;
use std::path::PathBuf;
use words::{DataMessage, Say};

/// Options of `museau data review`.
#[derive(Debug, Args)]
pub struct ReviewArguments {
    /// The data set that was checked: a manifest, or what it was made of
    #[arg(value_name = "DATASET")]
    source: PathBuf,
    /// The folder that 'museau data check' wrote; verdicts go into its decisions.csv
    #[arg(long, value_name = "FOLDER")]
    check: PathBuf,
    /// Name to record in the `who` column of the decisions
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    who: String,
    /// The address to serve the page on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: String,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
}

/// Runs `museau data review`.
pub fn run(context: &Context, arguments: &ReviewArguments) -> Result<()> {
    // Whoever reaches the page decides: it is for this computer alone.
    let host = serve::host(context, &arguments.listen)?;
    let loopback = host
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    if host != "localhost" && !loopback {
        let address = &arguments.listen;
        let said = context.say(DataMessage::ReviewNotLocal { address });
        return Err(Failure::error(Status::Usage, said));
    }
    let (manifest, _) = data_set::manifest(context, &arguments.source)?;
    let report = arguments.check.join("check.json");
    let decisions = arguments.check.join("decisions.csv");
    let review = Review::open(manifest, &report, &decisions, &arguments.who)
        .map_err(|error| Failure::error(Status::Unusable, error.message(context.language)))?;
    if review.items().is_empty() {
        if !context.quiet {
            let count = &review.elsewhere().to_string();
            eprintln!(
                "{}",
                context.say(match review.elsewhere() {
                    0 => DataMessage::ReviewNothingFound,
                    _ => DataMessage::ReviewElsewhere { count },
                })
            );
        }
        return Ok(());
    }
    let apps = vec![web::apps::review(review)];
    serve::run(context, &arguments.listen, arguments.open, apps, None)
}
