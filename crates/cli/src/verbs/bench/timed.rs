//! How long the counted runs of a network took: what the reports of both kinds begin with.
use serde::Serialize;

/// Runs of a network.
#[derive(Serialize)]
pub struct Timed {
    /// Its name.
    pub network: String,
    /// Images of a run.
    pub batch: usize,
    /// Threads that computed.
    pub threads: usize,
    /// The vector instructions.
    pub instructions: &'static str,
    /// Sorted, of a whole run each.
    pub milliseconds: Vec<f64>,
}

impl Timed {
    /// All of it in a line: times to so many decimals; `runs` is what they are called.
    pub fn line(&self, runs: &str, decimals: usize) -> String {
        let Timed {
            network,
            batch,
            threads,
            instructions,
            milliseconds,
        } = self;
        let median = milliseconds[milliseconds.len() / 2];
        format!(
            "{network}, batch {batch}, {threads} threads, {instructions}: median \
             {median:.decimals$} ms, least {:.decimals$} ms of {} {runs}, {:.1} images/s",
            milliseconds[0],
            milliseconds.len(),
            *batch as f64 / median * 1e3,
        )
    }
}
