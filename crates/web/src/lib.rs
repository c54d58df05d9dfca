//! The pages and the API: the association's app, the test app, and the door for programs.
//!
//! Invariant: the async threads never decode a photo and never run a network; that is done on a
//! bounded compute pool. Nothing that is uploaded is kept, and no page loads anything from elsewhere.

mod api;
mod apps;
mod service;
mod site;

pub use service::recognise::{Model, Recognise};
pub use service::upload::UploadLimits;

use apps::demo::set::Demo;
use data::check::review::Review;
use service::app::App;
use service::compute::Compute;
use service::recognise::Recogniser;
use service::upload::Gate;
use site::router;
use site::server::{self, StopRequests};
use site::shell::Tab;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use words::Language;

/// What to serve.
pub struct Options {
    /// What names the breeds.
    pub model: Arc<dyn Recognise>,
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
    /// The data set of the test page.
    pub demo: Option<data::Dataset>,
    /// Whether the test page stands at `/` alone, or at `/demo` beside the association's page.
    pub demo_alone: bool,
}

impl Options {
    /// The association's page with the usual limits.
    pub fn new(model: Arc<dyn Recognise>) -> Self {
        Options {
            model,
            language: Language::default(),
            compute_threads: 2,
            compute_waiting: 256,
            uploads: UploadLimits::default(),
            photos: vision::Limits {
                patience: Some(PATIENCE),
                ..vision::Limits::default()
            },
            demo: None,
            demo_alone: false,
        }
    }
}

/// How long a photo waits for memory that others hold, before its sender is asked to try again. A
/// photo as large as any may take some seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens there.
    #[error("the address {address} is in use")]
    PortInUse {
        /// As it was asked for.
        address: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    CannotListen {
        /// As it was asked for.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system refuses threads or signals.
    #[error("the server could not be started: {0:#}")]
    Start(anyhow::Error),
}

/// The exit status of who is asked twice to stop, as of every program that Ctrl-C ends.
const INTERRUPTED: i32 = 130;

/// What a server tells who started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// Connections are taken at this address.
    Ready(SocketAddr),
    /// It was asked to stop, and lets the requests under way end.
    Stopping,
}

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
        let mut app = app(options)?;
        app.own_names_only = local.ip().to_canonical().is_loopback();
        let stopping = Arc::clone(&app.stopping);
        Ok((router::router(app), stopping))
    };
    serve_router(address, build, tell)
}

/// Serves the review page of a data set, as [`serve`] does the others.
///
/// # Errors
/// As [`serve`].
pub fn serve_review(
    address: &str,
    review: Review,
    language: Language,
    tell: impl Fn(ServerEvent),
) -> Result<(), ServeError> {
    let build = |_| Ok((review_router(review, language), Arc::default()));
    serve_router(address, build, tell)
}

/// `build` is told the true address, and gives the router and the flag that is set when the server is
/// asked to stop.
fn serve_router(
    address: &str,
    build: impl FnOnce(SocketAddr) -> anyhow::Result<(axum::Router, Arc<AtomicBool>)>,
    tell: impl Fn(ServerEvent),
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("web")
        .enable_all()
        .build()
        .map_err(|error| ServeError::Start(error.into()))?;
    runtime.block_on(async {
        let listener = listen(address).await?;
        let local = listener
            .local_addr()
            .map_err(|source| ServeError::CannotListen {
                address: address.to_string(),
                source,
            })?;
        let (router, stopping) = build(local).map_err(ServeError::Start)?;
        // The signals are watched before anyone is told that the server is ready.
        let mut asked = StopRequests::watch().map_err(ServeError::Start)?;
        let tell = &tell;
        let stop = async move {
            asked.next().await;
            stopping.store(true, Ordering::Relaxed);
            tell(ServerEvent::Stopping);
            tokio::spawn(async move {
                asked.next().await;
                std::process::exit(INTERRUPTED);
            });
        };
        tell(ServerEvent::Ready(local));
        server::run(listener, router, stop).await;
        Ok(())
    })
}

async fn listen(address: &str) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| {
        let address = address.to_string();
        match source.kind() {
            ErrorKind::AddrInUse => ServeError::PortInUse { address },
            _ => ServeError::CannotListen { address, source },
        }
    })
}

/// All pages and addresses, without a socket.
///
/// # Errors
/// Where the system refuses the compute threads.
pub fn router(options: Options) -> anyhow::Result<axum::Router> {
    Ok(router::router(app(options)?))
}

/// The review page without a socket. `language` is that of those who name none.
pub fn review_router(review: Review, language: Language) -> axum::Router {
    apps::review::router(review, language)
}

fn app(options: Options) -> anyhow::Result<App> {
    let compute = Compute::new(options.compute_threads, options.compute_waiting)?;
    let base = if options.demo_alone { "" } else { "/demo" };
    let demo = options.demo.map(|set| Arc::new(Demo::new(set, base)));
    let tabs: Arc<[(Tab, &'static str)]> = match &demo {
        None => Arc::new([(Tab::Home, "/")]),
        Some(_) if options.demo_alone => Arc::new([(Tab::Demo, "/")]),
        Some(_) => Arc::new([(Tab::Home, "/"), (Tab::Demo, "/demo")]),
    };
    Ok(App {
        recogniser: Recogniser {
            model: options.model,
            compute,
            limits: options.photos,
        },
        gate: Gate::new(options.uploads),
        language: options.language,
        tabs,
        demo,
        own_names_only: false,
        stopping: Arc::new(AtomicBool::new(false)),
    })
}
