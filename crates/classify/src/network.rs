//! The network of a package, planned for its number of views, with the memory of its runs.
use crate::error::{ClassifyError, OpenError};
use engine::{EngineError, Kernels, Plan, PlanOptions, Workspace};
use graph::Graph;
use std::sync::Mutex;
use tensor::{NamedTensors, Pool};

/// How a model's network is made ready.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// Which kernels it runs on.
    pub kernels: Kernels,
    /// Threads of the pools that it will run on.
    pub threads: usize,
    /// Bytes that weights and working memory may have together.
    pub memory_limit: Option<usize>,
}

impl Default for OpenOptions {
    /// The fastest kernels of this processor, on one thread, without a limit.
    fn default() -> Self {
        let PlanOptions {
            kernels,
            threads,
            memory_limit,
            ..
        } = PlanOptions::default();
        OpenOptions {
            kernels,
            threads,
            memory_limit,
        }
    }
}

/// A planned network, to be run by several callers at once.
#[derive(Debug)]
pub(crate) struct Network {
    plan: Plan,
    /// Memory that no run uses now; as many as have ever run at once.
    workspaces: Mutex<Vec<Workspace>>,
}

impl Network {
    /// Plans the network for `batch` images at a time.
    pub(crate) fn new(
        graph: &Graph,
        weights: &NamedTensors,
        batch: usize,
        options: &OpenOptions,
    ) -> Result<Self, OpenError> {
        // What is prepared for it is held beside it.
        let image = graph
            .input_shape()
            .and_then(|shape| shape.checked_elements());
        let images = image.map_or(0, |image| image.saturating_mul(batch));
        let images = images.saturating_mul(size_of::<f32>());
        let memory_limit = options.memory_limit;
        let options = PlanOptions {
            kernels: options.kernels,
            batch,
            threads: options.threads,
            memory_limit: memory_limit.map(|limit| limit.saturating_sub(images)),
            ..PlanOptions::default()
        };
        let plan = Plan::for_inference(graph, weights, &options)?;
        Ok(Network {
            plan,
            workspaces: Mutex::new(Vec::new()),
        })
    }

    /// Values of the output for one image.
    pub(crate) fn outputs(&self) -> usize {
        let outputs = self.plan.outputs();
        outputs.first().map_or(0, |output| output.shape.elements())
    }

    /// The outputs for images one after the other, `[N, outputs]`, each a finite number.
    pub(crate) fn run(&self, pool: &Pool, images: &[f32]) -> Result<Vec<f32>, ClassifyError> {
        // A caller that panicked holds nothing half-written here: the list is only pushed to and
        // popped from.
        let free = || {
            self.workspaces
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
        };
        let taken = free().pop();
        let mut workspace = taken.unwrap_or_else(|| self.plan.workspace());
        let image = self.plan.input_shape().elements().max(1);
        let mut outputs = vec![0.0; images.len() / image * self.outputs()];
        let result: Result<(), EngineError> =
            self.plan
                .run(pool, &mut workspace, images, &mut [&mut outputs]);
        free().push(workspace);
        result?;
        match outputs.iter().all(|output| output.is_finite()) {
            true => Ok(outputs),
            false => Err(ClassifyError::NotFinite),
        }
    }
}
