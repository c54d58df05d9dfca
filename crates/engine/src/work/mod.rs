//! What the steps of a plan compute, as data.
pub(crate) mod schedule;
