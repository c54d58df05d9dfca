//! Work over many photos on several threads, each taking the next photo when it is done with one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Called now and then with how many of how many are done; may come from any thread.
pub type Progress<'run> = &'run (dyn Fn(usize, usize) + Sync);

/// `task(index)` for each index below `count` on `threads` threads; the results in order.
pub fn map<T: Send>(
    threads: usize,
    count: usize,
    progress: Progress<'_>,
    task: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let gathered = Mutex::new(Vec::with_capacity(count));
    let work = || {
        let mut own = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            own.push((index, task(index)));
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, count);
        }
        gathered
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .extend(own);
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, count.max(1)) {
            scope.spawn(work);
        }
        work();
    });
    let mut results = gathered
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_comes_once_and_in_order() {
        for threads in [1, 3, 64] {
            for count in [0, 1, 100] {
                let squares = map(threads, count, &|_, _| {}, |index| index * index);
                let expected: Vec<_> = (0..count).map(|index| index * index).collect();
                assert_eq!(squares, expected);
            }
        }
    }
}
