//! What a training is given besides its recipe and its photos.
use crate::Initial;
use classify::Classifier;
use kernels::Isa;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What a training is given besides its recipe and its photos: nothing of it changes the result but
/// the initial weights and, in the last digits, the threads and the instructions.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The folder of decoded photos; shared with other trainings.
    pub cache: &'a Path,
    /// The folder of features of photos, shared as well; none are kept without one.
    pub features: Option<&'a Path>,
    /// The weights that the recipe names to start from.
    pub initial: Option<&'a Initial>,
    /// Opens the model of many breeds that is asked before one of few; the result has no gate without.
    pub gate: Option<&'a dyn Fn() -> Option<Classifier>>,
    /// Threads that compute.
    pub threads: usize,
    /// The instructions of the kernels.
    pub isa: Isa,
    /// Bytes that the training may take.
    pub memory_limit: Option<usize>,
    /// Set by someone else to end it soon, with a checkpoint.
    pub stop: &'a AtomicBool,
    /// Hears how many photos of all are decoded.
    pub decoded: data::Progress<'a>,
    /// The language of the run's report.
    pub language: words::Language,
}
