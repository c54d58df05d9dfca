//! How far long work has come: a bar on a terminal, elsewhere a line for each tenth.
use crate::context::Context;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicU64, Ordering};

/// Shows on stderr how far a work has come; may be told from any thread.
pub struct Shown {
    bar: ProgressBar,
    name: String,
    lines: bool,
    tenths: AtomicU64,
    /// Of a work of several, from 1.
    pass: AtomicU64,
}

impl Shown {
    /// Of photos, or other things that are counted.
    pub fn of_items(context: &Context, name: &str) -> Self {
        Shown::new(context, name, "{wide_bar} {pos}/{len} {per_sec} {eta}")
    }

    /// Of bytes.
    pub fn of_bytes(context: &Context, name: &str) -> Self {
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        Shown::new(context, name, template)
    }

    fn new(context: &Context, name: &str, template: &str) -> Self {
        let bar = match context.quiet {
            true => ProgressBar::hidden(),
            false => ProgressBar::new(0),
        };
        let style = ProgressStyle::with_template(template);
        Shown {
            lines: bar.is_hidden() && !context.quiet,
            bar: bar
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_message(name.to_owned()),
            name: name.to_owned(),
            tenths: AtomicU64::new(0),
            pass: AtomicU64::new(1),
        }
    }

    /// So many of so many are done. A work of several passes begins anew at the first.
    pub fn now(&self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
        if done <= 1 && self.tenths.swap(0, Ordering::Relaxed) > 0 {
            self.pass.fetch_add(1, Ordering::Relaxed);
        }
        let tenths = done.saturating_mul(10) / all.max(1);
        if self.lines && tenths > self.tenths.fetch_max(tenths, Ordering::Relaxed) {
            // One piece of text: several threads may come here at once.
            let line = match self.pass.load(Ordering::Relaxed) {
                1 => format!("{}: {}%\n", self.name, tenths * 10),
                pass => format!("{} ({pass}): {}%\n", self.name, tenths * 10),
            };
            eprint!("{line}");
        }
    }

    /// Says something else above the bar.
    pub fn say(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// The work is done.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
