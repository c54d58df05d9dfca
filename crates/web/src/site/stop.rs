//! The wishes to stop a server.
use anyhow::Context;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, CtrlClose, CtrlShutdown, ctrl_c, ctrl_close, ctrl_shutdown};

/// The wishes to stop: Ctrl-C everywhere; SIGTERM on Unix; on Windows also the console's close and
/// the system's shutdown.
#[cfg(unix)]
pub(super) struct StopRequests {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
impl StopRequests {
    /// Begins to watch.
    pub(super) fn watch() -> anyhow::Result<Self> {
        let watch =
            |kind, name| signal(kind).with_context(|| format!("could not watch for {name}"));
        Ok(StopRequests {
            interrupt: watch(SignalKind::interrupt(), "Ctrl-C")?,
            terminate: watch(SignalKind::terminate(), "SIGTERM")?,
        })
    }

    /// Is done at the next wish.
    pub(super) async fn next(&mut self) {
        tokio::select! { _ = self.interrupt.recv() => {}, _ = self.terminate.recv() => {} }
    }
}

/// The wishes to stop: Ctrl-C everywhere; SIGTERM on Unix; on Windows also the console's close and
/// the system's shutdown.
#[cfg(windows)]
pub(super) struct StopRequests {
    interrupt: CtrlC,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

#[cfg(windows)]
impl StopRequests {
    /// Begins to watch.
    pub(super) fn watch() -> anyhow::Result<Self> {
        Ok(StopRequests {
            interrupt: ctrl_c().context("could not watch for Ctrl-C")?,
            close: ctrl_close().context("could not watch for the console's close")?,
            shutdown: ctrl_shutdown().context("could not watch for the shutdown")?,
        })
    }

    /// Is done at the next wish.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {},
            _ = self.close.recv() => {},
            _ = self.shutdown.recv() => {},
        }
    }
}
