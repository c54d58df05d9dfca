//! From uploads to answers: what the apps and the API share.
pub(crate) mod app;
pub(crate) mod compute;
pub(crate) mod recognise;
pub(crate) mod thumbnail;
pub(crate) mod upload;
