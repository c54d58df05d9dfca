//! Training: optimisers, schedules, initial weights of parameters, and what is built of them.
//!
//! Invariant: this crate knows no database and prints nothing. The arithmetic of a step is
//! `engine`'s ([`engine::TrainingPlan`]); what happens between steps is here.
//!
//! ```
//! use train::{Descent, OptimizerOptions};
//! # use graph::{Graph, Op};
//! # let mut graph = Graph::new();
//! # let input = graph.add("input", Op::Input { height: 1, width: 1, channels: 2 }, &[]).unwrap();
//! # let flat = graph.add("flatten", Op::Flatten, &[input]).unwrap();
//! # graph.add("logits", Op::Dense { units: 3, bias: true }, &[flat]).unwrap();
//! let plan = engine::Plan::for_training(&graph, &engine::TrainingOptions::default()).unwrap();
//! let mut state = plan.state(&graph, &train::initial_parameters(&graph, 7)).unwrap();
//! let options = OptimizerOptions { name: "adam".into(), ..OptimizerOptions::default() };
//! let mut descent = Descent::new(&options, &state).unwrap();
//! let pool = tensor::Pool::new(2);
//! for step in 0..3 {
//!     let options = engine::StepOptions { seed: 7, step, scale: 1.0, accumulate: false };
//!     let targets = engine::Targets::Classes(&[1, 2]);
//!     let result = plan.step(&pool, &mut state, &[0.1, 0.2, 0.3, 0.4], targets, options).unwrap();
//!     assert!(result.loss.is_finite());
//!     descent.apply(&mut state, descent.rate());
//! }
//! ```

mod descent;
mod error;
pub mod evaluate;
pub mod export;
pub mod features;
mod finetune;
mod initial;
pub mod make;
pub mod optimizers;
mod out_of_fold;
mod rate_finder;
pub mod recipe;
pub mod run;
pub mod schedules;
mod watch;
pub mod weights;

pub use descent::Descent;
pub use error::{Difference, TrainError};
pub use finetune::{Initial, RANDOM};
pub use initial::initial_parameters;
pub use optimizers::OptimizerOptions;
pub use out_of_fold::{OutOfFoldError, OutOfFoldOptions, out_of_fold};
pub use rate_finder::{Finding, RateRange, find_rate};
pub use recipe::Recipe;
pub use schedules::{Progress, Schedule, ScheduleOptions};
pub use watch::{Beginning, Flow, Live, METRICS, Notice, Unwatched, Watch};
