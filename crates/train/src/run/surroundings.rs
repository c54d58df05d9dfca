//! What a training is given besides its recipe.
use kernels::Isa;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What a training is given besides its recipe: nothing of it changes the result but, in the last
/// digits, the threads and the instructions.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The folder of decoded photos; shared with other trainings.
    pub cache: &'a Path,
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
