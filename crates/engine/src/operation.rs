//! What a step does when it runs: the seam between the executor and the kernels.
use crate::work::Role;
use std::fmt::Debug;
use tensor::Pool;

/// What a step is given.
pub(crate) struct Run<'a, 'b> {
    /// The threads that it may use.
    pub pool: &'a Pool,
    /// Images that its values are of.
    pub images: usize,
    /// What is the same for all steps of a training's batch.
    pub batch: Batch,
    pub reads: &'a [(Role, &'b [f32])],
    pub writes: &'a mut [(Role, &'b mut [f32])],
}

impl<'b> Run<'_, 'b> {
    /// The value that it reads as this.
    pub fn read(&self, role: Role) -> &'b [f32] {
        self.find(role)
            .unwrap_or_else(|| panic!("a step that reads {role:?}"))
    }

    /// The value that it reads as this, if any.
    pub fn find(&self, role: Role) -> Option<&'b [f32]> {
        let found = self.reads.iter().find(|(own, _)| *own == role);
        found.map(|(_, values)| *values)
    }

    /// The value that it writes as this; to be asked for once.
    pub fn write(&mut self, role: Role) -> &'b mut [f32] {
        self.take(role)
            .unwrap_or_else(|| panic!("a step that writes {role:?}"))
    }

    /// The value that it writes as this, if any; to be asked for once.
    pub fn take(&mut self, role: Role) -> Option<&'b mut [f32]> {
        let found = self.writes.iter_mut().find(|(own, _)| *own == role);
        found.map(|(_, values)| std::mem::take(values))
    }
}

/// What is the same for all steps of a training's batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Batch {
    /// The seed of the dropouts.
    pub seed: u64,
    /// The number of the training step, for the dropouts.
    pub step: u32,
    /// What the gradient of each image's loss is multiplied by.
    pub scale: f32,
}

/// One step's computation, ready to run as often as wanted.
pub(crate) trait Operation: Debug + Send + Sync {
    fn run(&self, run: Run<'_, '_>);

    /// Bytes of weights that it holds.
    fn weight_bytes(&self) -> usize {
        0
    }
}
