//! The connections that are open, and which of them makes room where there are too many.
//!
//! A connection waits for its client while no request of it is being answered: before the first byte,
//! between two requests, and while the client takes an answer. The one that has waited longest is
//! closed for a new one, so that silent clients keep nobody out.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// All open connections.
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// Told when a connection begins to wait.
    began: Notify,
}

/// The connections that wait for their clients, in the order in which they began to.
#[derive(Default)]
struct Waiting {
    next: u64,
    clients: BTreeMap<u64, Arc<Notify>>,
}

/// One connection; leaves its place when it is dropped.
pub(crate) struct Client {
    connections: Arc<Connections>,
    _place: OwnedSemaphorePermit,
    /// Since when it waits, as a key of [`Waiting::clients`].
    since: Mutex<Option<u64>>,
    sent_away: Arc<Notify>,
}

impl Connections {
    /// Room for so many.
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Connections {
            places: Arc::new(Semaphore::new(places)),
            waiting: Mutex::default(),
            began: Notify::new(),
        })
    }

    /// A place for a connection, once there is one.
    pub(crate) async fn let_in(self: &Arc<Self>) -> Arc<Client> {
        let place = loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                break place;
            }
            let made_room = self.send_longest_away();
            let acquired = Arc::clone(&self.places).acquire_owned();
            tokio::select! {
                place = acquired => break place.expect("the semaphore is never closed"),
                () = self.began.notified(), if !made_room => {}
            }
        };
        let client = Arc::new(Client {
            connections: Arc::clone(self),
            _place: place,
            since: Mutex::default(),
            sent_away: Arc::default(),
        });
        client.wait();
        client
    }

    /// Whether there was one to send away.
    fn send_longest_away(&self) -> bool {
        let longest = self.waiting().clients.pop_first();
        if let Some((_, sent_away)) = &longest {
            sent_away.notify_one();
        }
        longest.is_some()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }
}

impl Client {
    /// Runs the answer to a request: meanwhile the connection does not wait for its client.
    pub(crate) async fn serve<T>(self: Arc<Self>, answer: impl Future<Output = T>) -> T {
        self.work();
        let answer = answer.await;
        self.wait();
        answer
    }

    /// Is done when the connection must make room.
    pub(crate) async fn sent_away(&self) {
        self.sent_away.notified().await;
    }

    fn wait(&self) {
        let mut waiting = self.connections.waiting();
        let since = waiting.next;
        waiting.next += 1;
        waiting.clients.insert(since, Arc::clone(&self.sent_away));
        *lock(&self.since) = Some(since);
        drop(waiting);
        self.connections.began.notify_one();
    }

    fn work(&self) {
        let mut waiting = self.connections.waiting();
        if let Some(since) = lock(&self.since).take() {
            waiting.clients.remove(&since);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.work();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const AT_ONCE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn the_one_that_has_waited_longest_makes_room() {
        let connections = Connections::new(2);
        let first = connections.let_in().await;
        let second = connections.let_in().await;
        // The first asks something and has its answer: the second has waited longer.
        Arc::clone(&first).serve(async {}).await;
        let third = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.let_in().await }
        });
        timeout(AT_ONCE, second.sent_away()).await.unwrap();
        assert!(timeout(AT_ONCE, first.sent_away()).await.is_err());
        drop(second);
        third.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn one_whose_request_is_being_answered_stays() {
        let connections = Connections::new(1);
        let only = connections.let_in().await;
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let answering = tokio::spawn(Arc::clone(&only).serve(async { released.await.is_ok() }));
        tokio::task::yield_now().await;
        let next = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.let_in().await }
        });
        assert!(timeout(AT_ONCE, only.sent_away()).await.is_err());
        release.send(()).unwrap();
        assert!(answering.await.unwrap());
        timeout(AT_ONCE, only.sent_away()).await.unwrap();
        drop(only);
        next.await.unwrap();
    }
}
