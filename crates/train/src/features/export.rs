//! Features of photos for others: a table of rows as a head of the network reads them.
use super::views::{ViewOptions, of_views};
use crate::{Initial, TrainError};
use data::{Manifest, Progress};
use kernels::Isa;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use tensor::Tensor;
use vision::augment::Augmentation;

/// What features are computed with.
#[derive(Clone, Copy)]
pub struct ExportOptions<'a> {
    /// The instructions of the kernels.
    pub isa: Isa,
    /// Threads; photos run one a thread.
    pub threads: usize,
    /// The folder of files of features; none is kept without one.
    pub folder: Option<&'a Path>,
    /// Set by someone else to end it soon; what was computed is kept.
    pub stop: &'a AtomicBool,
    /// Hears how many photos of all are done.
    pub progress: Progress<'a>,
}

/// The features of the photos at `places` (indices into [`Manifest::all_entries`]), as the last layer
/// of the network reads them of the first view, with half the digits of f32: `[photos, values]`. `None`
/// where it was stopped.
///
/// # Errors
/// Photos that are gone, changed or cannot be read; a network that gives something else than finite
/// numbers.
pub fn export(
    initial: &Initial,
    manifest: &Manifest,
    places: &[usize],
    options: &ExportOptions<'_>,
) -> Result<Option<Tensor>, TrainError> {
    // With whatever head: it is what comes below that is run.
    let recipe = initial.recipe();
    let network = initial.network(&recipe, 2)?;
    let transfer = network.transfer.as_ref();
    let features = transfer.and_then(|transfer| network.graph.find(&transfer.features));
    let features = features.expect("a network on initial weights");
    let views = of_views(
        manifest,
        places,
        &ViewOptions {
            graph: &network.graph.below(features),
            weights: initial.weights(),
            hash: &initial.hash,
            input: &network.input,
            augmentation: &Augmentation::default(),
            margin: 1.0,
            seed: 0,
            count: 1,
            isa: options.isa,
            threads: options.threads,
            folder: options.folder,
            stop: options.stop,
            progress: options.progress,
        },
    )?;
    let table = views.map(|views| Tensor::from_slice([places.len(), views.length], &views.rows[0]));
    Ok(table.map(|table| table.expect("a row of that length each")))
}
