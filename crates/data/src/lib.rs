//! Data sets of photos: folders, held-out parts, and scores over predictions.
//!
//! Invariant: this crate runs no network. [`score`] sees tables of (prediction, label), whoever
//! made them; photos are read in place and never changed.

mod annotation;
mod archive;
pub mod check;
mod class;
mod columns;
mod dataset;
mod error;
pub mod explore;
mod features;
pub mod fetch;
pub mod files;
mod frequencies;
mod import;
mod join;
pub mod loader;
mod manifest;
mod matlab;
pub mod parallel;
mod part;
mod photo_file;
mod picture;
mod predictions;
pub mod preprocess;
#[cfg(test)]
mod scene;
pub mod score;
pub mod split;
mod table;
mod table_writer;
mod tree;
mod walk;

pub use class::{Class, alike, breed_of_folder, composed};
pub use columns::{COLUMNS, RUN_COLUMNS, is_manifest};
pub use dataset::{Dataset, DatasetError, HeldOut, LeftAside, ListError, Photo, Reason};
pub use error::{ArchiveFault, Error, TableFault};
pub use features::Features;
pub use files::AtomicFile;
pub use frequencies::{Frequency, frequencies};
pub use import::{ImportOptions, Imported, Layout, Problem, ProblemKind, import};
pub use join::{ClassMap, JoinSource, join};
pub use manifest::{Entry, Manifest, Rectangle};
pub use matlab::{MatlabError, read_list};
pub use parallel::Progress;
pub use part::{Part, part_name};
pub use photo_file::{Unread, photo_message, read_photo};
pub use predictions::{Prediction, Predictions};
pub use table_writer::{TableWriter, table_line};
pub use walk::{Aside, Links, Met, What, is_system_name, walk};
