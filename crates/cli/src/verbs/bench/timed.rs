//! What timings share: made-up pixels, the times of a network's counted runs, and how a report is
//! printed.
use crate::options::Output;
use crate::terminal::stdout;
use anyhow::Result;
use serde::Serialize;
use std::io::Write;

/// Any values between -1 and 1 take the same time.
pub fn pixels(count: usize) -> Vec<f32> {
    (0..count)
        .map(|index| (index * 7919 % 256) as f32 / 128.0 - 1.0)
        .collect()
}

/// Prints a report as it is wanted; `text` writes it for people.
pub fn print<T: Serialize>(
    output: Output,
    report: &T,
    text: impl FnOnce(&mut dyn Write, &T) -> std::io::Result<()>,
) -> Result<()> {
    let mut out = stdout();
    match output {
        Output::Json => writeln!(out, "{}", serde_json::to_string(report)?)?,
        Output::Text => text(&mut out, report)?,
    }
    Ok(())
}

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
