//! Signs of life for the runs that a process records.
use super::backend::{Backend, Claim};
use super::{locked, now};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// The runs that this process records, by their ids, with their writers' numbers.
type Live = Mutex<BTreeMap<String, i64>>;

/// Keeps runs alive for as long as it is there.
#[derive(Debug, Default)]
pub(super) struct Heart {
    live: Arc<Live>,
    /// Dropped with the heart, which ends its thread.
    stop: Mutex<Option<Sender<()>>>,
}

impl Heart {
    /// Gives signs of life for a run from now on.
    pub fn live(&self, claim: &Claim, backend: &Arc<dyn Backend>, period: Duration) {
        locked(&self.live).insert(claim.id.clone(), claim.writer);
        locked(&self.stop).get_or_insert_with(|| {
            let (stop, stopped) = channel();
            let (live, backend) = (self.live.clone(), Arc::downgrade(backend));
            // Without the thread each report is still a sign of life.
            let _ = std::thread::Builder::new()
                .name("heartbeat".to_owned())
                .spawn(move || beat(&live, &backend, &stopped, period));
            stop
        });
    }

    /// Gives no more signs of life for a run, unless somebody else here took it over.
    pub fn rest(&self, claim: &Claim) {
        let mut live = locked(&self.live);
        if live.get(&claim.id) == Some(&claim.writer) {
            live.remove(&claim.id);
        }
    }
}

/// The thread that keeps the runs of a process alive until the storage is dropped.
fn beat(live: &Live, backend: &Weak<dyn Backend>, stopped: &Receiver<()>, period: Duration) {
    while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
        let Some(backend) = backend.upgrade() else {
            return;
        };
        let claims: Vec<Claim> = (locked(live).iter())
            .map(|(id, &writer)| Claim {
                id: id.clone(),
                writer,
            })
            .collect();
        if !claims.is_empty() {
            // A beat that fails is made up for by the next.
            let _ = backend.sign(&claims, now());
        }
    }
}
