//! Gives the system back the memory that photos needed, once they are done with.
use std::hint::black_box;
use std::thread;
use std::time::Duration;
use vision::Budget;

/// How long no photo is decoded before: to take memory anew costs a page fault for every 4 KiB, so it
/// is kept while photos come one after the other.
const REST: Duration = Duration::from_secs(5);

/// Watches for such times as long as the process lives, for those that live long. A thread that ends
/// makes the allocator look at all memory that has been free for a second, which it does else only when
/// it is asked for more.
pub fn give_back_when_idle() {
    let watch = || {
        loop {
            Budget::shared().wait_until_idle(REST);
            // One that never asked for memory is unknown to the allocator. Where the system has no thread
            // left, the next time will do.
            let known = || drop(black_box(Box::new(0u8)));
            if let Ok(ends) = thread::Builder::new().spawn(known) {
                let _ = ends.join();
            }
        }
    };
    // Where there is none for it, memory stays held, as harmless as before.
    let _ = thread::Builder::new()
        .name("memory".to_owned())
        .spawn(watch);
}
