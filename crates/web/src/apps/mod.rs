//! The applications, one file each: what a person comes for.

pub(crate) mod classify;
pub(crate) mod demo;
pub(crate) mod review;
