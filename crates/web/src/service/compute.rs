//! The compute pool: a few threads that decode photos and run the network, behind a bounded queue,
//! so that the async threads never do.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Why a piece of work gave no result.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ComputeError {
    /// As many pieces of work wait as may.
    #[error("the queue of the compute pool is full")]
    Full,
    /// The work panicked; the pool goes on.
    #[error("the work panicked")]
    Panicked,
}

/// A few threads with a bounded queue. Its threads end when it is dropped.
#[derive(Clone)]
pub(crate) struct Compute {
    sender: SyncSender<Job>,
    /// Pieces of work that wait, and how many may.
    waiting: Arc<AtomicUsize>,
    places: usize,
}

impl Compute {
    /// `threads` pieces of work run at a time and at most `waiting` others wait.
    pub(crate) fn new(threads: usize, waiting: usize) -> std::io::Result<Self> {
        let places = waiting.max(1);
        let (sender, receiver) = sync_channel::<Job>(places);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads.max(1) {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new()
                .name(format!("compute-{number}"))
                .spawn(move || work(&receiver))?;
        }
        Ok(Compute {
            sender,
            waiting: Arc::default(),
            places,
        })
    }

    /// Whether another piece of work would be taken now.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < self.places
    }

    /// Runs `task` on one of the threads. Work whose asker has gone is not begun.
    pub(crate) async fn run<T, F>(&self, task: F) -> Result<T, ComputeError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let place = Place::take(&self.waiting);
        let job = move || {
            drop(place);
            if !answer.is_closed() {
                let _ = answer.send(task());
            }
        };
        match self.sender.try_send(Box::new(job)) {
            Ok(()) => answered.await.map_err(|_| ComputeError::Panicked),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(ComputeError::Full),
        }
    }
}

/// A place among those that wait, left when it is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(waiting))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn work(receiver: &Mutex<Receiver<Job>>) {
    loop {
        let job = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = job else { return };
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a piece of work panicked; its asker was told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_full_queue_says_so_and_a_panic_ends_nothing() {
        let compute = Compute::new(1, 1).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let first = tokio::spawn({
            let compute = compute.clone();
            async move {
                compute
                    .run(move || {
                        begun.send(()).unwrap();
                        held.recv().unwrap();
                        1
                    })
                    .await
            }
        });
        tokio::task::spawn_blocking(move || begins.recv().unwrap())
            .await
            .unwrap();
        let second = tokio::spawn({
            let compute = compute.clone();
            async move { compute.run::<(), _>(|| panic!("on purpose")).await }
        });
        // The second waits in the only place, as soon as its task has been polled.
        let third = loop {
            tokio::task::yield_now().await;
            let tried = compute.run(|| 3);
            match tokio::time::timeout(std::time::Duration::from_millis(20), tried).await {
                Ok(refused) => break refused,
                Err(_) => continue,
            }
        };
        assert_eq!(third, Err(ComputeError::Full));
        assert!(!compute.has_room());
        release.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(1));
        let _ = second.await.unwrap();
        assert!(compute.has_room());
        assert_eq!(compute.run(|| 4).await, Ok(4));
    }

    #[tokio::test]
    async fn work_whose_asker_has_gone_is_not_begun() {
        let compute = Compute::new(1, 4).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let blocker = tokio::spawn({
            let compute = compute.clone();
            async move { compute.run(move || held.recv().is_ok()).await }
        });
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let ran = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&ran);
        let gone = compute.run(move || mark.store(true, Ordering::SeqCst));
        assert!(
            tokio::time::timeout(std::time::Duration::from_millis(20), gone)
                .await
                .is_err()
        );
        release.send(()).unwrap();
        assert_eq!(blocker.await.unwrap(), Ok(true));
        assert_eq!(compute.run(|| 5).await, Ok(5));
        assert!(!ran.load(Ordering::SeqCst));
    }
}
