//! Runs a graph: lowers it to a plan of steps over one arena, and executes the plan.
//!
//! Invariant: this crate reads no file and no environment variable, and has no unsafe code. The
//! pool that a plan runs on is given to it, and so are the instructions that it may use.
//!
//! The way of a network: [`graph::Graph`] -> `lower` (to steps as data, in `work`: what is computed,
//! in which order, what is fused, what reads and writes which value) -> `layout` (where each value
//! lives, so that the memory is known) -> `bind` (steps become operations on kernels) -> a [`Plan`] or
//! a [`TrainingPlan`], whose steps `execute` runs. There are two lowerings, for inference and for
//! training; what comes after them is the same for both.

mod arena;
mod bind;
mod error;
mod execute;
mod kernel_choice;
mod lanes;
mod layout;
mod least;
mod loss;
mod lower;
mod operation;
mod plan;
pub mod reference;
mod training;
mod work;

pub use error::EngineError;
pub use kernel_choice::Kernels;
pub use least::LeastMemory;
pub use loss::{Loss, Targets};
pub use plan::{Memory, Output, Plan, PlanOptions, StepTime, Workspace};
pub use training::{
    StepOptions, StepResult, Trained, TrainingMemory, TrainingOptions, TrainingPlan, TrainingState,
};
