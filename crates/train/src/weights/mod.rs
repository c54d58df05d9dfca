//! Weights from elsewhere: a file of any kind that `formats` reads becomes the parameters of a
//! backbone, which are kept in museau's own form.
mod card;
mod import;

pub use card::{METADATA, WeightsCard};
pub use import::{Imported, Top, import};
pub(crate) use import::{import_from, other_network};

#[cfg(test)]
mod tests;
