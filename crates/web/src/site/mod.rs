//! The frame of all apps: the page around them, addresses and headers, languages, failures, who is
//! let in, the connections.
pub(crate) mod assets;
mod connections;
pub(crate) mod drawings;
pub(crate) mod failure;
pub(crate) mod frame;
pub(crate) mod guard;
mod host;
pub(crate) mod language;
pub(crate) mod router;
pub(crate) mod server;
pub(crate) mod shell;
