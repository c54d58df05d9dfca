//! What a step does when it runs: the seam between the executor and the kernels.
use std::fmt::Debug;
use tensor::Pool;

/// What a step is given.
pub(crate) struct Run<'a, 'b> {
    /// The threads that it may use.
    pub pool: &'a Pool,
    /// The values that it reads, in the draft's order; of one image, or of all rows.
    pub reads: &'a [&'b [f32]],
    /// The value that it writes.
    pub write: &'a mut [f32],
    /// As many f32 as the draft asked for, of any content.
    pub scratch: &'a mut [f32],
}

/// One step's computation, ready to run as often as wanted.
pub(crate) trait Operation: Debug + Send + Sync {
    fn run(&self, run: Run<'_, '_>);

    /// Bytes of its weights.
    fn weight_bytes(&self) -> usize {
        0
    }
}
