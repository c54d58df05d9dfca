//! What a step of a training plan does when it runs: the seam between its executor and the kernels.
use std::fmt::Debug;
use tensor::Pool;

/// What a step is given.
pub(crate) struct Run<'a, 'b> {
    /// The threads that it may use.
    pub pool: &'a Pool,
    /// Images of this batch.
    pub images: usize,
    /// The values that it reads, of the whole batch, in the draft's order.
    pub reads: &'a [&'b [f32]],
    /// The values that it writes, in the draft's order.
    pub writes: &'a mut [&'b mut [f32]],
    /// What is the same for all steps of a batch.
    pub batch: Batch,
}

/// What is the same for all steps of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    /// The seed of the dropouts.
    pub seed: u64,
    /// The number of the training step, for the dropouts.
    pub step: u32,
    /// What the gradient of each image's loss is multiplied by.
    pub scale: f32,
}

/// One step's computation.
pub(crate) trait Operation: Debug + Send + Sync {
    fn run(&self, run: Run<'_, '_>);
}
