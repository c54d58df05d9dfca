//! Weights from elsewhere: a file of any kind that `formats` reads becomes the parameters of a
//! backbone, which are kept in museau's own form.
mod card;
mod import;

pub use card::{METADATA, WeightsCard};
pub(crate) use import::import_from;
pub use import::{Imported, Top, import};

#[cfg(test)]
mod tests;
