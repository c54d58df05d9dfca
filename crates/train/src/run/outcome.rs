//! How a training ended, and what came out of it.
use std::path::PathBuf;

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All epochs are done.
    Complete,
    /// Nothing was better for as long as the recipe waits.
    Early,
    /// The observer said so.
    Stopped,
    /// It was interrupted, has a checkpoint, and can go on.
    Interrupted,
}

/// What came out of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// Epochs done.
    pub epochs: u32,
    /// The epoch whose network the package holds, counted from 1.
    pub kept_epoch: u32,
    /// The metrics of that epoch.
    pub metrics: Vec<(&'static str, f64)>,
    /// The package; none of an interrupted training.
    pub package: Option<PathBuf>,
    /// Seconds spent, breaks not counted.
    pub seconds: f64,
}

impl Outcome {
    /// Of a training that was interrupted before its first batch.
    pub(super) fn unbegun() -> Self {
        Outcome {
            ended: Ended::Interrupted,
            epochs: 0,
            kept_epoch: 0,
            metrics: Vec::new(),
            package: None,
            seconds: 0.0,
        }
    }
}
