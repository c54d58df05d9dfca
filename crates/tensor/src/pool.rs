//! The worker pool: a fixed number of threads that run the parts of one piece of work at a time.
//!
//! A piece of work is handed over by one store to each thread's own cache line, and its end is one
//! counter; nothing is locked on the way. Threads that wait spin for a moment, then sleep; they
//! sleep at once while all pools together have more threads than the processor has cores, since a
//! spinning thread would then take the core of a working one.
use std::any::Any;
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, Thread};

/// How often a waiting thread looks again before it sleeps: around 0.2 ms, longer than the gap
/// between two steps of a network.
const SPINS: usize = 6000;

/// The threads of all living pools together, the callers' among them.
static THREADS_OF_ALL_POOLS: AtomicUsize = AtomicUsize::new(0);

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

fn spins() -> usize {
    let crowded = THREADS_OF_ALL_POOLS.load(Ordering::Relaxed) > cores();
    if crowded { 0 } else { SPINS }
}

/// One piece of work; lives on its caller's stack until all parts are done.
struct Job<'a> {
    task: &'a (dyn Fn(usize) + Sync),
    parts: usize,
}

/// Where a thread finds its next job. Alone on its cache lines: its owner spins on it.
#[repr(align(128))]
#[derive(Default)]
struct Slot {
    /// Null while there is nothing to do.
    job: AtomicPtr<Job<'static>>,
    /// Whether the owner sleeps and must be woken.
    asleep: AtomicBool,
}

#[derive(Default)]
struct Shared {
    /// One for each thread but the caller's: slot i is of thread i + 1.
    slots: Vec<Slot>,
    /// Threads that have not finished the job at hand.
    pending: AtomicUsize,
    /// Whether a job is at hand; a second one runs on its caller's thread alone.
    busy: AtomicBool,
    /// The caller, where it sleeps until `pending` is 0.
    caller: Mutex<Option<Thread>>,
    caller_asleep: AtomicBool,
    /// The first panic of a part.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    stop: AtomicBool,
}

impl Shared {
    /// Runs the parts of one thread; a panic is kept for the caller.
    fn run_parts(&self, thread: usize, threads: usize, job: &Job<'_>) {
        let parts = panic::catch_unwind(AssertUnwindSafe(|| {
            for part in (thread..job.parts).step_by(threads) {
                (job.task)(part);
            }
        }));
        if let Err(payload) = parts {
            self.panic
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(payload);
        }
    }

    /// Waits until every thread has finished the job at hand.
    fn wait(&self) {
        for _ in 0..spins() {
            if self.pending.load(Ordering::Acquire) == 0 {
                return;
            }
            std::hint::spin_loop();
        }
        *self.caller.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        // Either this thread sees that nothing is pending, or the last one sees that this sleeps:
        // both store first and look after, in one total order.
        self.caller_asleep.store(true, Ordering::SeqCst);
        while self.pending.load(Ordering::SeqCst) != 0 {
            thread::park();
        }
        self.caller_asleep.store(false, Ordering::SeqCst);
    }

    /// A thread says that it has finished; the last wakes the caller.
    fn finish(&self) {
        let last = self.pending.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && self.caller_asleep.load(Ordering::SeqCst) {
            let caller = self.caller.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(caller) = &*caller {
                caller.unpark();
            }
        }
    }

    /// What a thread of the pool does all its life.
    fn work(&self, thread: usize) {
        let slot = &self.slots[thread - 1];
        let threads = self.slots.len() + 1;
        while let Some(job) = self.next(slot) {
            // SAFETY: `job` points to a `Job` on the stack of a caller that waits, in `Pool::run`,
            // until this thread has called `finish`; the task and what it borrows live as long.
            // `Job` holds a reference to a `Sync` task, so it may be used from this thread.
            let job = unsafe { &*job };
            self.run_parts(thread, threads, job);
            slot.job.store(std::ptr::null_mut(), Ordering::Relaxed);
            // From here on the job may be gone.
            self.finish();
        }
    }

    /// The next job of a slot's owner; `None` when the pool ends.
    fn next(&self, slot: &Slot) -> Option<*const Job<'static>> {
        loop {
            for _ in 0..spins().max(1) {
                let job = slot.job.load(Ordering::Acquire);
                if !job.is_null() {
                    return Some(job);
                }
                std::hint::spin_loop();
            }
            if self.stop.load(Ordering::SeqCst) {
                return None;
            }
            // As in `wait`: either the job is seen here, or the caller sees that this sleeps.
            slot.asleep.store(true, Ordering::SeqCst);
            if slot.job.load(Ordering::SeqCst).is_null() && !self.stop.load(Ordering::SeqCst) {
                thread::park();
            }
            slot.asleep.store(false, Ordering::SeqCst);
        }
    }
}

/// A fixed number of threads, the caller's among them.
///
/// Pools are values: several live side by side, each with its own share of the processor. A pool
/// that is already at work (a part that uses its own pool, two threads that share one) runs the
/// second piece of work on its caller's thread alone, so that nothing waits for itself.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    threads: usize,
    /// What this pool adds to the threads of all pools.
    counted: usize,
}

impl Pool {
    /// A pool of `threads` threads in all, at least one: the caller's and `threads - 1` others.
    /// Where the system refuses a thread the pool has fewer.
    pub fn new(threads: usize) -> Self {
        let threads = threads.max(1);
        let slots = (1..threads).map(|_| Slot::default()).collect();
        let shared = Arc::new(Shared {
            slots,
            ..Shared::default()
        });
        let workers: Vec<_> = (1..threads)
            .map_while(|index| {
                let shared = Arc::clone(&shared);
                let name = format!("museau-{index}");
                thread::Builder::new()
                    .name(name)
                    .spawn(move || shared.work(index))
                    .ok()
            })
            .collect();
        if workers.len() + 1 < threads {
            // The threads divide the parts by the number of slots: start again with as many as
            // there can be.
            let possible = workers.len() + 1;
            end(&shared, workers);
            return Self::new(possible);
        }
        THREADS_OF_ALL_POOLS.fetch_add(threads, Ordering::Relaxed);
        Pool {
            shared,
            workers,
            threads,
            counted: threads,
        }
    }

    /// The caller's thread alone. It costs nothing and is not counted among the pools: what uses
    /// it is already a part of some pool's work.
    pub fn serial() -> Self {
        Pool {
            shared: Arc::default(),
            workers: Vec::new(),
            threads: 1,
            counted: 0,
        }
    }

    /// How many threads, the caller's among them.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `task(part)` once for each part of `0..parts`, on the pool's threads, and returns when
    /// all are done. Part p runs on thread `p % threads`, so equal parts balance.
    ///
    /// # Panics
    /// With the panic of a part, after all others have ended or panicked too.
    pub fn run(&self, parts: usize, task: &(dyn Fn(usize) + Sync)) {
        let helpers = self.threads.min(parts).saturating_sub(1);
        if helpers == 0 || self.shared.busy.swap(true, Ordering::Acquire) {
            for part in 0..parts {
                task(part);
            }
            return;
        }
        let shared = &*self.shared;
        let job = Job { task, parts };
        // The lifetime is erased here. Nothing between this line and `wait` can unwind: panics of
        // parts are caught in `run_parts`.
        let pointer = (&raw const job).cast::<Job<'static>>().cast_mut();
        shared.pending.store(helpers, Ordering::Relaxed);
        for (slot, worker) in shared.slots.iter().zip(&self.workers).take(helpers) {
            slot.job.store(pointer, Ordering::SeqCst);
            if slot.asleep.load(Ordering::SeqCst) {
                worker.thread().unpark();
            }
        }
        shared.run_parts(0, self.threads, &job);
        shared.wait();
        let payload = shared
            .panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        shared.busy.store(false, Ordering::Release);
        if let Some(payload) = payload {
            panic::resume_unwind(payload);
        }
    }

    /// Runs `task(index, item)` once for each item, as [`Pool::run`] runs its parts.
    ///
    /// # Panics
    /// As [`Pool::run`].
    pub fn for_each<T: Send>(&self, items: &mut [T], task: impl Fn(usize, &mut T) + Sync) {
        let parts = items.len();
        let items = Parts::new(items);
        self.run(parts, &|part| {
            // SAFETY: `run` calls each part once, so no item is borrowed twice.
            let item = unsafe { items.range(part, part + 1) };
            task(part, &mut item[0]);
        });
    }

    /// Cuts a slice into pieces of `size` (the last may be shorter) and runs `task(part, piece)` once
    /// for each, as [`Pool::run`] runs its parts.
    ///
    /// # Panics
    /// As [`Pool::run`]; where `size` is 0.
    pub fn for_each_chunk<T: Send>(
        &self,
        items: &mut [T],
        size: usize,
        task: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let length = items.len();
        let parts = length.div_ceil(size);
        let items = Parts::new(items);
        self.run(parts, &|part| {
            // SAFETY: pieces lie side by side, and `run` calls each part once.
            let piece = unsafe { items.range(part * size, (part * size + size).min(length)) };
            task(part, piece);
        });
    }

    /// Cuts two slices into `parts` pieces and runs `task(part, piece, other piece)` once for each:
    /// piece p of `first` begins where `first_starts[p]` says and ends where `first_starts[p + 1]`
    /// does; `second` likewise.
    ///
    /// # Panics
    /// As [`Pool::run`]; where the starts do not rise, lie outside, or are not `parts + 1`.
    pub fn run_split<A: Send, B: Send>(
        &self,
        parts: usize,
        (first, first_starts): (&mut [A], &[usize]),
        (second, second_starts): (&mut [B], &[usize]),
        task: impl Fn(usize, &mut [A], &mut [B]) + Sync,
    ) {
        check_starts(parts, first_starts, first.len());
        check_starts(parts, second_starts, second.len());
        let (first, second) = (Parts::new(first), Parts::new(second));
        self.run(parts, &|part| {
            // SAFETY: the starts rise and lie inside, and `run` calls each part once, so that no
            // two pieces overlap.
            let (first, second) = unsafe {
                (
                    first.range(first_starts[part], first_starts[part + 1]),
                    second.range(second_starts[part], second_starts[part + 1]),
                )
            };
            task(part, first, second);
        });
    }
}

fn check_starts(parts: usize, starts: &[usize], length: usize) {
    assert_eq!(starts.len(), parts + 1, "a start for each part and an end");
    assert!(starts.is_sorted(), "starts that rise");
    assert!(
        starts.last().is_some_and(|&end| end <= length),
        "pieces inside of the slice"
    );
}

/// A slice that several threads borrow piece by piece.
struct Parts<'a, T> {
    items: &'a [UnsafeCell<T>],
}

// SAFETY: pieces of a `Parts` are handed to other threads as `&mut [T]`, which `T: Send` allows;
// `range` asks its caller that they do not overlap.
unsafe impl<T: Send> Sync for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    fn new(items: &'a mut [T]) -> Self {
        // SAFETY: `UnsafeCell<T>` has the layout of `T`, and the slice is borrowed mutably for 'a.
        let items = unsafe { &*(std::ptr::from_mut(items) as *const [UnsafeCell<T>]) };
        Parts { items }
    }

    /// # Safety
    /// No two living pieces may overlap.
    #[expect(
        clippy::mut_from_ref,
        reason = "pieces are disjoint by the caller's promise"
    )]
    unsafe fn range(&self, start: usize, end: usize) -> &mut [T] {
        let piece = &self.items[start..end];
        // SAFETY: the piece is inside of a slice that is borrowed mutably as long as `self`, and
        // the caller keeps pieces apart.
        unsafe { std::slice::from_raw_parts_mut(UnsafeCell::raw_get(piece.as_ptr()), piece.len()) }
    }
}

/// Ends the threads of a pool and waits for them.
fn end(shared: &Shared, workers: Vec<JoinHandle<()>>) {
    shared.stop.store(true, Ordering::SeqCst);
    for worker in workers {
        worker.thread().unpark();
        // A worker catches the panics of its parts, so there is nothing to hear of here.
        let _ = worker.join();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        end(&self.shared, std::mem::take(&mut self.workers));
        THREADS_OF_ALL_POOLS.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pool({} threads)", self.threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    /// Every part runs once, on the thread that the contract names.
    fn check(pool: &Pool, parts: usize) {
        let runs: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
        let threads: Vec<OnceLock<thread::ThreadId>> =
            (0..parts).map(|_| OnceLock::new()).collect();
        pool.run(parts, &|part| {
            runs[part].fetch_add(1, Ordering::Relaxed);
            threads[part].set(thread::current().id()).unwrap();
        });
        assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
        for (part, thread) in threads.iter().enumerate() {
            assert_eq!(thread.get(), threads[part % pool.threads()].get());
        }
        if let Some(first) = threads.first() {
            assert_eq!(first.get(), Some(&thread::current().id()));
        }
    }

    #[test]
    fn every_part_runs_once_on_its_thread() {
        for threads in [0, 1, 2, 3, 8, 33] {
            let pool = Pool::new(threads);
            assert_eq!(pool.threads(), threads.max(1));
            for parts in [0, 1, 2, 3, 7, 64, 100] {
                check(&pool, parts);
            }
        }
    }

    #[test]
    fn what_the_parts_wrote_is_seen_by_the_caller() {
        // Many short jobs, borrowed data of each seen and gone at once: the hand-over's test.
        let pool = Pool::new(4);
        let mut total = 0u64;
        for round in 0..5000u64 {
            let mut values = vec![0u64; 7];
            pool.for_each(&mut values, |index, value| *value = round + index as u64);
            total += values.iter().sum::<u64>();
            if round % 500 == 0 {
                // Long enough for the threads to fall asleep.
                thread::sleep(std::time::Duration::from_millis(3));
            }
        }
        assert_eq!(total, (0..5000u64).map(|round| 7 * round + 21).sum());
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(3);
        for guilty in 0..5 {
            let finished = AtomicUsize::new(0);
            let result = panic::catch_unwind(AssertUnwindSafe(|| {
                pool.run(5, &|part| {
                    assert!(part != guilty, "part {part}");
                    finished.fetch_add(1, Ordering::Relaxed);
                });
            }));
            let payload = result.unwrap_err();
            let message = payload.downcast_ref::<String>().unwrap();
            assert_eq!(message, &format!("part {guilty}"));
            check(&pool, 9);
        }
    }

    #[test]
    fn nested_and_shared_use_is_safe() {
        let pool = Pool::new(3);
        let count = AtomicU64::new(0);
        pool.run(4, &|_| {
            pool.run(5, &|_| _ = count.fetch_add(1, Ordering::Relaxed))
        });
        assert_eq!(count.load(Ordering::Relaxed), 20);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..300 {
                        pool.run(6, &|_| _ = count.fetch_add(1, Ordering::Relaxed));
                    }
                });
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 20 + 4 * 300 * 6);
    }

    #[test]
    fn pools_live_side_by_side() {
        thread::scope(|scope| {
            for threads in [2, 3, 4] {
                scope.spawn(move || {
                    for _ in 0..50 {
                        let pool = Pool::new(threads);
                        check(&pool, 11);
                    }
                });
            }
        });
    }

    #[test]
    fn pieces_of_two_slices() {
        let pool = Pool::new(2);
        let (mut bytes, mut words) = ([0u8; 10], [0u32; 4]);
        let cuts = ([1, 4, 4, 9], [0, 2, 3, 4]);
        pool.run_split(
            3,
            (&mut bytes, &cuts.0),
            (&mut words, &cuts.1),
            |part, bytes, words| {
                bytes.fill(part as u8 + 1);
                words.fill(part as u32 + 1);
            },
        );
        assert_eq!(bytes, [0, 1, 1, 1, 3, 3, 3, 3, 3, 0]);
        assert_eq!(words, [1, 1, 2, 3]);
        let overlap = panic::catch_unwind(AssertUnwindSafe(|| {
            pool.run_split(
                2,
                (&mut bytes, &[0, 5, 4]),
                (&mut words, &[0, 1, 2]),
                |_, _, _| (),
            );
        }));
        assert!(overlap.is_err());
    }
}
