//! The operations of training plans.
pub(crate) mod layers;
pub(crate) mod operation;
pub(crate) mod products;
