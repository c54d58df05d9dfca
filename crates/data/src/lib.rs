//! Data sets of photos: folders, held-out parts, and scores over predictions.
//!
//! Invariant: this crate runs no network. [`score`] sees tables of (prediction, label), whoever
//! made them; photos are read in place and never changed.

mod dataset;
mod matlab;
pub mod score;

pub use dataset::{
    Class, Dataset, DatasetError, HeldOut, LeftAside, ListError, Part, Photo, Reason,
    breed_of_folder,
};
pub use matlab::{MatlabError, read_list};
