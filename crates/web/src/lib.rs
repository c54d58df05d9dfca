//! The pages and the API: `apps/`, a folder each, in the frame of `site/`, with `service/` to answer
//! photos.
//!
//! Invariant: the async threads never decode a photo and never run a network; that is done on a
//! bounded compute pool. Nothing that is uploaded is kept, and no page loads anything from elsewhere.

mod api;
pub mod apps;
mod service;
mod site;

pub use service::{Model, OpenExplainer, Recognise, UploadLimits};
pub use site::{ServeError, ServerEvent};

use apps::{APPS, App};
use axum::Router;
use service::{Capacity, Service};
use site::{Assets, Doors, Site, Tab, at};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use words::Language;

/// What to serve.
pub struct Options {
    /// The apps. The first stands at `/`, the others under their names.
    pub apps: Vec<App>,
    /// What names the breeds, for the apps and the API; without it there is no API.
    pub model: Option<Arc<dyn Recognise>>,
    /// The language of those who name none.
    pub language: Language,
    /// How many photos are worked on at a time.
    pub compute_threads: usize,
    /// How many pieces of work wait for the compute threads; more are refused.
    pub compute_waiting: usize,
    /// What may be uploaded.
    pub uploads: UploadLimits,
    /// What may be decoded.
    pub photos: vision::Limits,
}

impl Options {
    /// These apps with the usual limits.
    pub fn new(apps: Vec<App>, model: Option<Arc<dyn Recognise>>) -> Self {
        Options {
            apps,
            model,
            language: Language::default(),
            compute_threads: 2,
            compute_waiting: 256,
            uploads: UploadLimits::default(),
            photos: vision::Limits {
                patience: Some(PATIENCE),
                ..vision::Limits::default()
            },
        }
    }
}

/// How long a photo waits for memory that others hold, before its sender is asked to try again. A
/// photo as large as any may take some seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves on `address` (`127.0.0.1:8000`) until the process is asked to stop (Ctrl-C, SIGTERM), and
/// lets the requests under way end; asked a second time, it ends the process at once. `tell` is told
/// what happens. On an address that only this computer reaches, requests under any other name than
/// its own are refused.
///
/// # Errors
/// Where nothing could be served; once it listens, it only ends by being asked.
pub fn serve(
    address: &str,
    options: Options,
    tell: impl Fn(ServerEvent),
) -> Result<(), ServeError> {
    let build = |local: SocketAddr| {
        let doors = match local.ip().to_canonical().is_loopback() {
            true => Doors::OwnNames,
            false => Doors::Open,
        };
        let language = options.language;
        let opened = open(options, doors)?;
        let router = site::said_hosts_only(opened.router, language);
        let stopping = opened.service.map(|service| service.stopping());
        Ok((router, stopping.unwrap_or_default()))
    };
    site::serve(address, build, tell)
}

/// All pages and addresses, without a socket.
///
/// # Errors
/// Where an app lacks what it needs, or the system refuses the compute threads.
pub fn router(options: Options) -> anyhow::Result<Router> {
    Ok(open(options, Doors::Open)?.router)
}

/// What stands behind a socket.
struct Opened {
    router: Router,
    service: Option<Service>,
}

/// The apps in their frame. `doors` are closed further where an app asks for it.
fn open(options: Options, mut doors: Doors) -> anyhow::Result<Opened> {
    let capacity = Capacity {
        threads: options.compute_threads,
        waiting: options.compute_waiting,
        uploads: options.uploads,
        photos: options.photos,
    };
    let service = options.model.map(|model| Service::new(model, &capacity));
    let service = service.transpose()?;
    let mut router = match &service {
        Some(service) => api::routes(service.clone()),
        None => Router::new(),
    };
    let mut tabs: Vec<Tab> = Vec::new();
    for App { about, open } in options.apps {
        let base = match tabs.is_empty() {
            true => String::new(),
            false => format!("/{}", about.name),
        };
        router = router.merge(open(service.as_ref(), &base)?);
        if about.writes {
            doors = Doors::OwnSite;
        }
        tabs.push(Tab {
            app: about.name,
            title: about.title,
            address: at(&base, ""),
        });
    }
    let site = Site {
        language: options.language,
        tabs,
        model: service.as_ref().map(|service| service.model().clone()),
        assets: Assets::new(APPS.iter().map(|about| about.script)),
        doors,
    };
    let router = site::router(Arc::new(site), router);
    Ok(Opened { router, service })
}
