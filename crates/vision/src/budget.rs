//! The memory that decoding may take: one budget in bytes that a whole process shares.
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Bytes where the system does not tell how many are free.
const WHERE_UNKNOWN: usize = 2 << 30;
/// Bytes that there are at least: a photo of 12 megapixels can be tried whatever the system says.
const LEAST: usize = 128 << 20;

/// Bytes that may be taken in all, and how many are. Those who wait are served in their order, so that
/// many small photos do not keep a large one out.
#[derive(Debug)]
pub struct Budget {
    total: usize,
    state: Mutex<State>,
    given_back: Condvar,
    all_given_back: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// The tickets of those who wait, in their order.
    waiting: VecDeque<u64>,
    next_ticket: u64,
    /// When the last byte was given back, if that was not waited for yet.
    idle_since: Option<Instant>,
}

/// Why nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is more than there is.
    TooMuch,
    /// Others hold it, for longer than it was waited.
    Busy,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(total: usize) -> Arc<Self> {
        Arc::new(Budget {
            total,
            state: Mutex::default(),
            given_back: Condvar::new(),
            all_given_back: Condvar::new(),
        })
    }

    /// The budget of the process: half of the memory that was free when it was first asked for. The
    /// other half is for what is made of the photos, and for others.
    pub fn shared() -> &'static Arc<Self> {
        static SHARED: OnceLock<Arc<Budget>> = OnceLock::new();
        SHARED.get_or_init(|| {
            let free = tensor::memory::free();
            Budget::new(free.map_or(WHERE_UNKNOWN, |free| free / 2).max(LEAST))
        })
    }

    /// Bytes in all.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Bytes that are taken.
    pub fn taken(&self) -> usize {
        self.state().taken
    }

    /// Waits until everything has been given back, after something was taken, and nothing has been
    /// taken for as long as `rest`: a good time to give the system back what the allocator keeps.
    pub fn wait_until_idle(&self, rest: Duration) {
        let mut state = self.state();
        loop {
            let left = match state.idle_since {
                Some(since) if state.taken == 0 => rest.saturating_sub(since.elapsed()),
                _ => {
                    let woken = self.all_given_back.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            };
            if left.is_zero() {
                state.idle_since = None;
                return;
            }
            let woken = self.all_given_back.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes bytes, where there are any left; else waits, for ever where `patience` is none.
    pub(crate) fn take(
        self: &Arc<Self>,
        bytes: usize,
        patience: Option<Duration>,
    ) -> Result<Permit, Refused> {
        if bytes > self.total {
            return Err(Refused::TooMuch);
        }
        let deadline = patience.map(|patience| Instant::now() + patience);
        let mut state = self.state();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        loop {
            let first = state.waiting.front() == Some(&ticket);
            if first && state.taken.saturating_add(bytes) <= self.total {
                break;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                None => {
                    let woken = self.given_back.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
                Some(left) if left.is_zero() => {
                    state.waiting.retain(|waiting| *waiting != ticket);
                    self.given_back.notify_all();
                    return Err(Refused::Busy);
                }
                Some(left) => {
                    let woken = self.given_back.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.waiting.pop_front();
        state.taken += bytes;
        // The next one may fit too.
        if !state.waiting.is_empty() {
            self.given_back.notify_all();
        }
        Ok(Permit {
            budget: Arc::clone(self),
            bytes,
        })
    }

    fn give_back(&self, bytes: usize) {
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(bytes);
        if state.taken == 0 {
            state.idle_since = Some(Instant::now());
            self.all_given_back.notify_all();
        }
        if !state.waiting.is_empty() {
            self.given_back.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that are taken until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Permit {
    /// Gives back all but so many bytes; holding more is noted, not asked for.
    pub(crate) fn keep(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.budget.state().taken += bytes - self.bytes;
        } else {
            self.budget.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
    }

    /// Notes that so many bytes more are held, without asking: who holds some and waited for more
    /// could wait for himself.
    pub(crate) fn another(&self, bytes: usize) -> Permit {
        self.budget.state().taken += bytes;
        Permit {
            budget: Arc::clone(&self.budget),
            bytes,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const NO_PATIENCE: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn no_more_is_taken_than_there_is() {
        let budget = Budget::new(100);
        assert_eq!(budget.take(101, None).unwrap_err(), Refused::TooMuch);
        let mut first = budget.take(60, None).unwrap();
        assert_eq!(budget.take(41, NO_PATIENCE).unwrap_err(), Refused::Busy);
        let second = budget.take(40, NO_PATIENCE).unwrap();
        first.keep(10);
        assert_eq!(budget.taken(), 50);
        let third = first.another(70);
        assert_eq!(budget.taken(), 120);
        assert_eq!(budget.take(1, NO_PATIENCE).unwrap_err(), Refused::Busy);
        drop((first, second, third));
        assert_eq!(budget.taken(), 0);
        drop(budget.take(100, NO_PATIENCE).unwrap());
    }

    #[test]
    fn those_who_wait_are_served_in_their_order() {
        let budget = Budget::new(100);
        let held = budget.take(100, None).unwrap();
        let (sender, served) = mpsc::channel();
        let mut threads = Vec::new();
        // The small one would fit long before the large one that came first.
        for bytes in [100, 1] {
            let (budget, sender) = (Arc::clone(&budget), sender.clone());
            let waiting = budget.state().waiting.len();
            let waits = Arc::clone(&budget);
            threads.push(thread::spawn(move || {
                let permit = waits.take(bytes, None).unwrap();
                sender.send(bytes).unwrap();
                drop(permit);
            }));
            while budget.state().waiting.len() == waiting {
                thread::yield_now();
            }
        }
        assert_eq!(budget.take(0, NO_PATIENCE).unwrap_err(), Refused::Busy);
        drop(held);
        threads.into_iter().for_each(|one| one.join().unwrap());
        assert_eq!(served.try_iter().collect::<Vec<_>>(), [100, 1]);
        assert!(budget.state().waiting.is_empty());
    }

    #[test]
    fn idle_is_when_all_is_given_back() {
        let budget = Budget::new(100);
        let (permit, other) = (budget.take(1, None).unwrap(), budget.take(2, None).unwrap());
        let (sender, idle) = mpsc::channel();
        let waits = Arc::clone(&budget);
        let waiter = thread::spawn(move || {
            waits.wait_until_idle(Duration::from_millis(1));
            sender.send(()).unwrap();
        });
        drop(permit);
        let early = idle.recv_timeout(Duration::from_millis(20));
        assert_eq!(early, Err(mpsc::RecvTimeoutError::Timeout));
        drop(other);
        waiter.join().unwrap();
        assert!(budget.state().idle_since.is_none());
    }
}
