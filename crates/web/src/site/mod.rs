//! The frame of all apps: the page around them, addresses and headers, languages, failures, who is
//! let in, the connections. It knows no app.
mod accept;
mod assets;
mod connections;
mod drawings;
mod failure;
mod frame;
mod guard;
mod host;
mod language;
mod peer;
mod server;
mod shell;
mod stop;
mod texts;

pub(crate) use assets::{Asset, Assets};
pub(crate) use drawings::{bar, logo, sign, signs};
pub(crate) use failure::{Failure, RETRY_AFTER};
pub(crate) use frame::router;
pub(crate) use guard::{Doors, coding, said_hosts_only, small_forms_only};
pub(crate) use language::Asked;
pub(crate) use peer::{Peer, Sender};
pub(crate) use server::serve;
pub use server::{ServeError, ServerEvent};
pub(crate) use shell::{Page, Site, Tab};

/// An address of an app that stands at `base`: nothing, or `/demo`.
pub(crate) fn at(base: &str, path: &str) -> String {
    match (base, path) {
        ("", "") => "/".to_owned(),
        _ => format!("{base}{path}"),
    }
}
