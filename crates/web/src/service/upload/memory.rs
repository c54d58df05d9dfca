//! The memory that all uploads share: taken as their bytes arrive, given back with the answer.
//!
//! Who waits is served in the order of arrival. Two rules keep it fair and moving: as much as the
//! largest upload needs is left to the oldest one that is still being read, so that one always ends;
//! and a sender may hold no more than [`SHARE`] times what is free, so that nobody holds everything. Who
//! finds no place to be read is refused at once, rather than made to wait: of the places a sender may
//! have all, until another sender comes. A proxy that speaks for all its visitors is one sender too.
use crate::site::Sender;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;

/// What a sender may hold, as a multiple of what is free: alone 3/4 of all, two together 6/7.
const SHARE: usize = 3;
/// How long a refusal tells that the next upload would be refused too: as long as who was refused is
/// asked to wait.
const REFUSING: Duration = Duration::from_secs(crate::site::RETRY_AFTER);
/// How long whoever was refused is counted with: until they come again, as they are asked to.
const EXPECTED: Duration = Duration::from_secs(2 * crate::site::RETRY_AFTER);

/// What all uploads may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// Bytes of all uploads.
    pub(super) bytes: usize,
    /// Bytes of the largest upload.
    pub(super) upload: usize,
    /// Uploads that are read at a time.
    pub(super) reading: usize,
    /// Uploads that wait for bytes.
    pub(super) waiting: usize,
}

/// No memory is free, and as many wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused;

/// The memory; cheap to clone.
#[derive(Clone)]
pub(super) struct Memory(Arc<Shared>);

struct Shared {
    most: Most,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    free: usize,
    /// Uploads that are being read, by their numbers in the order of arrival.
    reading: BTreeSet<u64>,
    waiting: BTreeMap<u64, Waiting>,
    senders: HashMap<Sender, Held>,
    /// When uploads were last refused: of one sender, or (`None`) for want of anything free.
    refused: HashMap<Option<Sender>, Instant>,
    next: u64,
}

/// What a sender's uploads hold.
#[derive(Clone, Copy, Default)]
struct Held {
    bytes: usize,
    reading: usize,
    /// Uploads, read or waiting for their answer.
    uploads: usize,
}

/// An upload that waits for bytes.
struct Waiting {
    sender: Sender,
    bytes: usize,
    /// Whether they are its own by now.
    granted: bool,
    waker: Waker,
}

/// An upload's part of the memory, given back when it is dropped.
pub(crate) struct Hold {
    memory: Memory,
    sender: Sender,
    number: u64,
    bytes: usize,
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Hold({} bytes)", self.bytes)
    }
}

impl Memory {
    pub(super) fn new(most: Most) -> Self {
        let state = Mutex::new(State {
            free: most.bytes,
            ..State::default()
        });
        Memory(Arc::new(Shared { most, state }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an upload in, with no memory yet.
    pub(super) fn enter(&self, sender: Sender) -> Result<Hold, Refused> {
        let most = &self.0.most;
        let mut state = self.state();
        if !state.may_enter(most, sender) {
            state.refuse(Some(sender));
            return Err(Refused);
        }
        let number = state.next;
        state.next += 1;
        state.reading.insert(number);
        let held = state.senders.entry(sender).or_default();
        held.reading += 1;
        held.uploads += 1;
        drop(state);
        Ok(Hold {
            memory: self.clone(),
            sender,
            number,
            bytes: 0,
        })
    }

    /// Whether an upload of that sender would be let in now, as far as can be told.
    pub(super) fn is_open(&self, sender: Sender) -> bool {
        let most = &self.0.most;
        let state = self.state();
        let crowd = state.waiting.values().filter(|one| !one.granted).count();
        let recent = |key| {
            let refused = state.refused.get(&key);
            refused.is_some_and(|when| when.elapsed() < REFUSING)
        };
        crowd < most.waiting.max(1)
            && state.may_enter(most, sender)
            && !recent(None)
            && !recent(Some(sender))
    }

    /// Remembers that an upload was refused for want of something else that all share.
    pub(super) fn refused(&self) {
        self.state().refuse(None);
    }
}

impl State {
    fn held(&self, sender: Sender) -> Held {
        self.senders.get(&sender).copied().unwrap_or_default()
    }

    /// Whether an upload of that sender may be read now: where a place is free, and where others are
    /// there, or wait, within the sender's share.
    fn may_enter(&self, most: &Most, sender: Sender) -> bool {
        let free = most.reading.saturating_sub(self.reading.len());
        let held = self.held(sender).reading;
        free > 0 && (held < SHARE * (free - 1).max(1) || !self.has_others(sender))
    }

    fn has_others(&self, sender: Sender) -> bool {
        let expected = |(other, when): (&Option<Sender>, &Instant)| {
            other.is_some_and(|other| other != sender) && when.elapsed() < EXPECTED
        };
        self.senders.keys().any(|other| *other != sender) || self.refused.iter().any(expected)
    }

    fn refuse(&mut self, sender: Option<Sender>) {
        self.refused.retain(|_, when| when.elapsed() < EXPECTED);
        self.refused.insert(sender, Instant::now());
    }

    /// What is free for all but the oldest upload.
    fn free_for_all(&self, most: &Most) -> usize {
        self.free.saturating_sub(most.upload)
    }

    fn may_take(&self, most: &Most, number: u64, sender: Sender, bytes: usize) -> bool {
        if self.reading.first() == Some(&number) {
            return bytes <= self.free;
        }
        let left = self.free_for_all(most).checked_sub(bytes);
        let held = self.held(sender).bytes;
        left.is_some_and(|left| held + bytes <= SHARE * left)
    }

    fn take(&mut self, sender: Sender, bytes: usize) {
        self.free -= bytes;
        self.senders.entry(sender).or_default().bytes += bytes;
    }

    fn give(&mut self, sender: Sender, bytes: usize) {
        self.free += bytes;
        self.senders.entry(sender).or_default().bytes -= bytes;
    }

    /// Gives what is free to those who wait, the oldest first.
    fn grant(&mut self, most: &Most) {
        let numbers: Vec<u64> = self.waiting.keys().copied().collect();
        for number in numbers {
            let one = &self.waiting[&number];
            let (sender, bytes) = (one.sender, one.bytes);
            if one.granted || !self.may_take(most, number, sender, bytes) {
                continue;
            }
            self.take(sender, bytes);
            if let Some(one) = self.waiting.get_mut(&number) {
                one.granted = true;
                one.waker.wake_by_ref();
            }
        }
    }
}

impl Hold {
    /// Waits, in a bounded crowd, until the upload holds `wanted` bytes.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<Result<(), Refused>> {
        let most = &self.memory.0.most;
        let mut state = self.memory.state();
        match state.waiting.get_mut(&self.number) {
            Some(waiting) if !waiting.granted => {
                waiting.waker.clone_from(context.waker());
                return Poll::Pending;
            }
            Some(_) => {
                let granted = state.waiting.remove(&self.number);
                self.bytes += granted.map_or(0, |granted| granted.bytes);
            }
            None => {}
        }
        let bytes = wanted.saturating_sub(self.bytes);
        if bytes == 0 {
            return Poll::Ready(Ok(()));
        }
        if state.may_take(most, self.number, self.sender, bytes) {
            state.take(self.sender, bytes);
            self.bytes += bytes;
            return Poll::Ready(Ok(()));
        }
        let crowd = state.waiting.values().filter(|one| !one.granted).count();
        if crowd >= most.waiting {
            let all = state.free_for_all(most) < bytes;
            state.refuse((!all).then_some(self.sender));
            return Poll::Ready(Err(Refused));
        }
        let waiting = Waiting {
            sender: self.sender,
            bytes,
            granted: false,
            waker: context.waker().clone(),
        };
        state.waiting.insert(self.number, waiting);
        Poll::Pending
    }

    /// The wait was too long: remembers that it was in vain.
    pub(super) fn give_up(&self) {
        let mut state = self.memory.state();
        let bytes = state.waiting.get(&self.number).map_or(0, |one| one.bytes);
        let all = state.free_for_all(&self.memory.0.most) < bytes;
        state.refuse((!all).then_some(self.sender));
    }

    /// The upload has been read, and keeps `bytes` of what it holds.
    pub(super) fn read(&mut self, bytes: usize) {
        let mut state = self.memory.state();
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        state.give(self.sender, surplus);
        self.leave(&mut state);
    }

    /// Is not being read any more.
    fn leave(&self, state: &mut State) {
        if state.reading.remove(&self.number) {
            state.senders.entry(self.sender).or_default().reading -= 1;
        }
        if let Some(waiting) = state.waiting.remove(&self.number)
            && waiting.granted
        {
            state.give(self.sender, waiting.bytes);
        }
        state.grant(&self.memory.0.most);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.memory.state();
        state.give(self.sender, self.bytes);
        self.leave(&mut state);
        let held = state.senders.entry(self.sender).or_default();
        held.uploads -= 1;
        if held.uploads == 0 {
            state.senders.remove(&self.sender);
        }
    }
}

#[cfg(test)]
mod tests;
