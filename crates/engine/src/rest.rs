//! Outputs rest while all workers sleep.
//!
//! An output looks at its rings every few milliseconds, since a worker makes no system call for a record. While every worker sleeps nothing comes: the
//! output then waits, and the first worker that has something to do again wakes it, which costs a system call after a sleep and a look at a word for each burst
//! otherwise. Whoever misses the other (each writes one thing and then looks at the other's) loses nothing: rests are short.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::Thread;
use std::time::Duration;

/// What the workers and the outputs of a run know of each other's sleep.
pub(crate) struct Rest {
    workers: usize,
    asleep: AtomicUsize,
    /// Outputs that rest: what workers look at.
    resting: AtomicUsize,
    outputs: Vec<Output>,
}

#[derive(Default)]
struct Output {
    rests: AtomicBool,
    /// Its thread: the one that has asked first.
    thread: OnceLock<Thread>,
}

impl Rest {
    /// For so many workers and outputs.
    pub(crate) fn new(workers: usize, outputs: usize) -> Self {
        Rest {
            workers,
            asleep: AtomicUsize::new(0),
            resting: AtomicUsize::new(0),
            outputs: (0..outputs).map(|_| Output::default()).collect(),
        }
    }

    /// A worker goes to sleep.
    pub(crate) fn worker_sleeps(&self) {
        self.asleep.fetch_add(1, SeqCst);
    }

    /// A worker is awake, though it may have nothing to do.
    pub(crate) fn worker_wakes(&self) {
        self.asleep.fetch_sub(1, SeqCst);
    }

    /// A worker has something to do, and may have records soon.
    #[inline]
    pub(crate) fn rouse(&self) {
        if self.resting.load(SeqCst) > 0 {
            self.wake_outputs();
        }
    }

    #[cold]
    fn wake_outputs(&self) {
        for output in &self.outputs {
            if output.rests.swap(false, SeqCst)
                && let Some(thread) = output.thread.get()
            {
                thread.unpark();
            }
        }
    }

    /// The thread of an output waits for a worker that has something to do, so long at most; whether all of them slept when it began to.
    pub(crate) fn output_rests(&self, output: usize, most: Duration) -> bool {
        let Some(output) = self.outputs.get(output) else {
            return false;
        };
        output.thread.get_or_init(std::thread::current);
        output.rests.store(true, SeqCst);
        self.resting.fetch_add(1, SeqCst);
        let rests = self.asleep.load(SeqCst) == self.workers;
        if rests {
            std::thread::park_timeout(most);
        }
        self.resting.fetch_sub(1, SeqCst);
        output.rests.store(false, SeqCst);
        rests
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn an_output_rests_while_all_sleep_and_no_longer() {
        let rest = Arc::new(Rest::new(2, 2));
        rest.worker_sleeps();
        assert!(!rest.output_rests(1, LONG), "one is awake");
        rest.worker_sleeps();
        let begun = Instant::now();
        let output = std::thread::spawn({
            let rest = Arc::clone(&rest);
            move || rest.output_rests(0, LONG)
        });
        while rest.resting.load(SeqCst) == 0 {
            std::thread::yield_now();
        }
        // It rests, or is about to look who sleeps: in either case this ends it.
        while !output.is_finished() {
            rest.worker_wakes();
            rest.rouse();
            rest.worker_sleeps();
            std::thread::yield_now();
        }
        output.join().unwrap();
        assert_eq!(rest.resting.load(SeqCst), 0);
        assert!(begun.elapsed() < LONG);
        assert!(!rest.output_rests(7, LONG), "there is no such output");
    }
}
