//! The verbs: a file each, or a folder where a verb has verbs of its own.
pub mod bench;
pub mod classify;
pub mod compare;
pub mod completions;
pub mod data;
pub mod evaluate;
pub mod export;
pub mod features;
pub mod models;
pub mod preprocess;
pub mod runs;
pub mod search;
pub mod serve;
pub mod train;
pub mod weights;
