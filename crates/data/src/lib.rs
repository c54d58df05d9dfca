//! Data sets of photos: folders, held-out parts, and scores over predictions.
//!
//! Invariant: this crate runs no network. [`score`] sees tables of (prediction, label), whoever
//! made them; photos are read in place and never changed.

mod annotation;
mod archive;
mod atomic_file;
pub mod check;
mod dataset;
mod error;
mod eviction;
pub mod explore;
mod features;
pub mod fetch;
mod import;
pub mod loader;
mod manifest;
mod matlab;
pub mod parallel;
mod predictions;
#[cfg(test)]
mod scene;
pub mod score;
pub mod split;
mod table;

pub use atomic_file::{AtomicFile, sync_folder_of};
pub use dataset::{
    Class, Dataset, DatasetError, HeldOut, LeftAside, ListError, Part, Photo, Reason,
    breed_of_folder,
};
pub use error::{ArchiveFault, Error, TableFault};
pub use eviction::evict_oldest;
pub use features::Features;
pub use import::{ImportOptions, Imported, Layout, Problem, ProblemKind, import};
pub use manifest::{COLUMNS, Entry, Manifest, Rectangle, is_manifest, part_name};
pub use matlab::{MatlabError, read_list};
pub use parallel::Progress;
pub use predictions::{Prediction, Predictions};
