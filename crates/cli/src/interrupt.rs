//! Ctrl-C for long work: the first one asks it to end soon, the second ends the program at once.
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);
static WATCHED: Once = Once::new();

/// The exit status of what was interrupted.
pub const STATUS: u8 = 130;

/// A flag that is set once the person, or the system that shuts down, asks for an end. Watching
/// begins with the first call. `said` is printed when it is asked.
pub fn flag(said: String) -> &'static AtomicBool {
    WATCHED.call_once(|| {
        let watch = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            // Without it Ctrl-C ends the program at once, as it does everywhere.
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                if asked().await.is_err() {
                    return;
                }
                ASKED.store(true, Ordering::Relaxed);
                eprintln!("{said}");
                if asked().await.is_ok() {
                    std::process::exit(i32::from(STATUS));
                }
            });
        };
        let _ = std::thread::Builder::new()
            .name("interrupt".into())
            .spawn(watch);
    });
    &ASKED
}

#[cfg(unix)]
async fn asked() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
