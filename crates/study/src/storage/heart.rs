//! Signs of life for the runs and trials that a process works on.
use super::backend::{Backend, Claim};
use super::trials::Held;
use super::{locked, now};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// What a sign of life is given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A run.
    Run(Claim),
    /// A trial.
    Trial(Held),
}

/// What this process works on.
type Live = Mutex<Vec<Sign>>;

/// Keeps runs and trials alive for as long as it is there.
#[derive(Debug, Default)]
pub(super) struct Heart {
    live: Arc<Live>,
    /// Dropped with the heart, which ends its thread.
    stop: Mutex<Option<Sender<()>>>,
}

impl Heart {
    /// Gives signs of life from now on; no more for whoever had the same before.
    pub fn live(&self, sign: Sign, backend: &Arc<dyn Backend>, period: Duration) {
        let mut live = locked(&self.live);
        live.retain(|other| !other.is_of_same(&sign));
        live.push(sign);
        drop(live);
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

    /// Gives no more signs of life, unless somebody else here took over.
    pub fn rest(&self, sign: &Sign) {
        locked(&self.live).retain(|other| other != sign);
    }
}

impl Sign {
    /// Whether both are of one run or one trial, whoever works on it.
    fn is_of_same(&self, other: &Sign) -> bool {
        match (self, other) {
            (Sign::Run(one), Sign::Run(other)) => one.id == other.id,
            (Sign::Trial(one), Sign::Trial(other)) => one.trial == other.trial,
            (Sign::Run(_), Sign::Trial(_)) | (Sign::Trial(_), Sign::Run(_)) => false,
        }
    }
}

/// The thread that gives the signs of a process until the storage is dropped.
fn beat(live: &Live, backend: &Weak<dyn Backend>, stopped: &Receiver<()>, period: Duration) {
    while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
        let Some(backend) = backend.upgrade() else {
            return;
        };
        let (mut claims, mut held) = (Vec::new(), Vec::new());
        for sign in locked(live).iter() {
            match sign {
                Sign::Run(claim) => claims.push(claim.clone()),
                Sign::Trial(trial) => held.push(*trial),
            }
        }
        // A beat that fails is made up for by the next.
        if !claims.is_empty() {
            let _ = backend.sign(&claims, now());
        }
        if !held.is_empty() {
            let _ = backend.sign_trials(&held);
        }
    }
}
