//! From an address to a server: listens, serves, and stops when asked to.
use crate::site::accept;
use crate::site::stop::StopRequests;
use axum::Router;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;

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

/// `build` is told the true address, and gives the router and the flag that is set when the server is
/// asked to stop.
pub(crate) fn serve(
    address: &str,
    build: impl FnOnce(SocketAddr) -> anyhow::Result<(Router, Arc<AtomicBool>)>,
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
        accept::run(listener, router, stop).await;
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
