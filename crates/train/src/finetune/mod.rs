//! Transfer learning: what a training starts from that does not start at random.
mod initial;

pub(crate) use initial::{BesideOldHead, WHOLE_BODY};
pub use initial::{Initial, RANDOM};

#[cfg(test)]
mod tests;
