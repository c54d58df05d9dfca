//! A body as it arrives: bounded in bytes and in time, its memory taken before its bytes are, and
//! handed on in small pieces. What is left of a refused one can still be taken and thrown away.
use super::UploadLimits;
use super::memory::{Hold, Refused};
use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Frame};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

/// Memory that is taken at a time, bytes: as much as a connection hands over at once.
const QUANTUM: usize = 64 * 1024;
/// What is handed on at a time, bytes. The form's reader looks through all that it holds whenever
/// something arrives while it seeks the end of a field's head: what it holds must stay little.
const PIECE: usize = 8 * 1024;
/// Bytes in which a field's head must end; browsers send less than 1 KB.
const HEAD: usize = 32 * 1024;
/// What a refused sender may still send before the connection is cut, bytes and time: a browser
/// shows the refusal only when all it sends has been taken.
const DRAINED: usize = 256_000_000;
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// Why a body is read no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    #[error("the body is too large")]
    TooLarge,
    #[error("the head of a field does not end")]
    EndlessHead,
    #[error("the body arrives too slowly")]
    Slow,
    #[error("there is no memory for the body")]
    Busy,
    #[error("the body ended early")]
    Broken,
}

/// A body that is read by a form's reader and looked at from outside of it.
#[derive(Clone)]
pub(super) struct Inflow(Arc<Mutex<State>>);

struct State {
    body: Body,
    limits: UploadLimits,
    /// The body's length, where it is known beforehand.
    length: Option<usize>,
    hold: Option<Hold>,
    /// Bytes that have arrived.
    taken: usize,
    /// What of them is still to be handed on.
    rest: Bytes,
    /// Whether a piece was handed on since the reader was last told to look at what it has.
    handed: bool,
    /// Bytes that may still be handed on before the head of a field ends.
    head: usize,
    stopped: Option<Stop>,
    /// When the whole body must have arrived.
    until: Instant,
    /// When the least rate is looked at again, and how many bytes had arrived when it last was.
    check: Instant,
    checked: usize,
    timer: Pin<Box<Sleep>>,
    /// Since when there is a wait for memory, and when it ends.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    /// The time that was spent so before.
    waited: Duration,
}

impl Inflow {
    pub(super) fn new(body: Body, hold: Option<Hold>, limits: &UploadLimits) -> Self {
        let length = body.size_hint().exact();
        let now = Instant::now();
        let (until, check) = (now + limits.arrival, now + limits.silence);
        Inflow(Arc::new(Mutex::new(State {
            body,
            limits: *limits,
            length: length.map(|length| usize::try_from(length).unwrap_or(usize::MAX)),
            hold,
            taken: 0,
            rest: Bytes::new(),
            handed: false,
            head: usize::MAX,
            stopped: None,
            until,
            check,
            checked: 0,
            timer: Box::pin(sleep_until(until.min(check))),
            waiting: None,
            waited: Duration::ZERO,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it is read no further, where it is not.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.state().stopped
    }

    /// From here on a field's head is sought.
    pub(super) fn begin_head(&self) {
        self.state().head = HEAD;
    }

    /// The head was found; the field's content follows.
    pub(super) fn end_head(&self) {
        self.state().head = usize::MAX;
    }

    /// The memory of what has arrived, once all has.
    pub(super) fn into_hold(self) -> Option<Hold> {
        let mut state = self.state();
        let taken = state.taken;
        let mut hold = state.hold.take();
        if let Some(hold) = &mut hold {
            hold.read(taken);
        }
        hold
    }

    /// Gives the memory back, and takes what the sender of a refused body still sends, in the
    /// background: the refusal goes out meanwhile, and whoever reads it only after having sent all
    /// gets it too. Who `waits` to be told to send has the refusal first, and sends nothing.
    pub(super) fn drain(self, waits: bool) {
        let mut state = self.state();
        state.hold = None;
        state.rest = Bytes::new();
        let mut left = DRAINED.saturating_sub(state.taken);
        let slow = state.stopped == Some(Stop::Slow);
        let unsent = waits && state.taken == 0;
        let mut body = std::mem::take(&mut state.body);
        drop(state);
        if slow || unsent || body.is_end_stream() {
            return;
        }
        tokio::spawn(timeout(DRAIN_TIME, async move {
            while left > 0 {
                let Some(Ok(frame)) = body.frame().await else {
                    break;
                };
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            }
        }));
    }
}

impl State {
    /// Takes memory for what comes next, bytes that are not yet held.
    fn poll_memory(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        let most = self.length.unwrap_or(usize::MAX).min(self.limits.request);
        let wanted = (self.taken + QUANTUM).min(most.max(self.taken));
        let Some(hold) = &mut self.hold else {
            return Poll::Ready(Ok(()));
        };
        match hold.poll(context, wanted) {
            Poll::Ready(Err(Refused)) => Poll::Ready(Err(Stop::Busy)),
            Poll::Ready(Ok(())) => {
                if let Some((since, _)) = self.waiting.take() {
                    // Who waited for us was not slow.
                    let waited = since.elapsed();
                    self.waited += waited;
                    self.until += waited;
                    self.check += waited;
                    self.timer.as_mut().reset(self.until.min(self.check));
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                let patience = self.limits.patience.saturating_sub(self.waited);
                let (_, timer) = self
                    .waiting
                    .get_or_insert_with(|| (Instant::now(), Box::pin(sleep(patience))));
                if timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                hold.give_up();
                Poll::Ready(Err(Stop::Busy))
            }
        }
    }

    /// Whether the body arrives fast enough; looks again when that is next to be known.
    fn keeps_pace(&mut self, context: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(context).is_ready() {
            let arrived = self.taken - self.checked;
            if Instant::now() >= self.until || arrived < self.limits.least() {
                return false;
            }
            self.checked = self.taken;
            self.check = Instant::now() + self.limits.silence;
            self.timer.as_mut().reset(self.until.min(self.check));
        }
        true
    }

    /// The next piece, or the end.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Stop>>> {
        if std::mem::take(&mut self.handed) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            if let Err(stop) = std::task::ready!(self.poll_memory(context)) {
                return Poll::Ready(Some(Err(stop)));
            }
            let polled = Pin::new(&mut self.body).poll_frame(context);
            if let Poll::Ready(Some(Ok(frame))) = &polled {
                self.taken += frame.data_ref().map_or(0, Bytes::len);
            }
            if self.taken > self.limits.request {
                return Poll::Ready(Some(Err(Stop::TooLarge)));
            }
            match std::task::ready!(match polled {
                Poll::Ready(None) => Poll::Ready(None),
                _ if !self.keeps_pace(context) => return Poll::Ready(Some(Err(Stop::Slow))),
                polled => polled,
            }) {
                None => return Poll::Ready(None),
                Some(Err(_)) => return Poll::Ready(Some(Err(Stop::Broken))),
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        if piece.len() > self.head {
            return Poll::Ready(Some(Err(Stop::EndlessHead)));
        }
        if self.head != usize::MAX {
            self.head -= piece.len();
        }
        self.handed = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

impl HttpBody for Inflow {
    type Data = Bytes;
    type Error = Stop;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Stop>>> {
        let mut state = self.state();
        if let Some(stop) = state.stopped {
            return Poll::Ready(Some(Err(stop)));
        }
        let polled = std::task::ready!(state.poll(context));
        if let Some(Err(stop)) = &polled {
            state.stopped = Some(*stop);
        }
        Poll::Ready(polled.map(|piece| piece.map(Frame::data)))
    }
}
