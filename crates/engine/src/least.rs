//! What a network takes at the least, told from its graph alone: before anything is lowered or built.
//!
//! The plan knows it exactly, but making one takes memory itself (the layout of a kernel's weights, one
//! entry for each panel of them): a description may ask for more than any machine has.
use crate::EngineError;
use graph::Graph;
use std::collections::HashSet;

/// Bytes that a network takes at the least; a number that cannot be counted is the largest there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeastMemory {
    /// The parameters, moving statistics among them.
    pub parameters: u64,
    /// The gradients of those that are trained, and what an optimiser keeps for them.
    pub trained: u64,
    /// The largest value that a layer makes.
    pub working: u64,
}

impl LeastMemory {
    /// To run a network, for `batch` images at a time.
    pub fn for_inference(graph: &Graph, batch: usize) -> Self {
        let largest = graph.nodes().iter().map(|node| node.shape().elements());
        let largest = largest.max().unwrap_or(0) as u64;
        LeastMemory {
            parameters: bytes(graph.costs().parameters),
            trained: 0,
            working: bytes(largest.saturating_mul(batch as u64)),
        }
    }

    /// To train all of a network but the layers `frozen`, by steps of `batch` images, with an optimiser
    /// that keeps `copies` values for each that is trained.
    pub fn for_training(
        graph: &Graph,
        batch: usize,
        frozen: &HashSet<String>,
        copies: usize,
    ) -> Self {
        let trained = graph
            .ids()
            .filter(|&id| !frozen.contains(graph.node(id).name()))
            .map(|id| graph.node_costs(id).trainable)
            .fold(0, u64::saturating_add);
        LeastMemory {
            trained: bytes(trained.saturating_mul(copies as u64 + 1)),
            ..LeastMemory::for_inference(graph, batch)
        }
    }

    /// All together.
    pub fn total(&self) -> u64 {
        self.parameters
            .saturating_add(self.trained)
            .saturating_add(self.working)
    }

    /// Refuses what is more than may be had.
    ///
    /// # Errors
    /// [`EngineError::Memory`]
    pub fn check(&self, limit: Option<usize>) -> Result<(), EngineError> {
        let limit = limit.unwrap_or(isize::MAX as usize);
        if self.total() <= limit as u64 {
            return Ok(());
        }
        let count = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Err(EngineError::Memory {
            needed: count(self.total()),
            weights: count(self.parameters),
            working: count(self.trained.saturating_add(self.working)),
            limit,
        })
    }
}

fn bytes(values: u64) -> u64 {
    values.saturating_mul(size_of::<f32>() as u64)
}
