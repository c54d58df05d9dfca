//! What the service logs, on stderr, by `MUSEAU_LOG` or `-v`.
use crate::options::CommonArguments;
use crate::terminal;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging: warnings, unless the environment or the command line asks for more or less.
pub fn start(arguments: &CommonArguments) {
    let asked = std::env::var("MUSEAU_LOG")
        .ok()
        .and_then(|level| level.parse().ok());
    let level = match (arguments.quiet, arguments.verbose) {
        (true, _) => LevelFilter::ERROR,
        (_, 0) => asked.unwrap_or(LevelFilter::WARN),
        (_, 1) => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(terminal::log)
        .with_ansi(terminal::stderr_is_terminal())
        .init();
}
