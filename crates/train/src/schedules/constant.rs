//! A rate that never changes.
use super::{Entry, Progress, Schedule};

pub(super) const CONSTANT: Entry = Entry {
    name: "constant",
    options: &["warm_up"],
    build: |_| Box::new(Constant),
};

struct Constant;

impl Schedule for Constant {
    fn rate(&self, rate: f32, _: Progress) -> f32 {
        rate
    }
}
