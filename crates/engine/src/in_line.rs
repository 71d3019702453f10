//! How long a thread stood in line for its core: it wanted to run, and the kernel let others. A loss that comes from there has its cause outside of this program, and this is the only account that tells.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// One thread's account; the thread begins and ends it, anybody reads it.
#[derive(Default)]
pub(crate) struct InLine {
    /// The thread's number; 0: it does not run.
    thread: AtomicI32,
    /// What was read last, nanoseconds.
    last: AtomicU64,
}

impl InLine {
    /// By the thread itself, before its work.
    pub(crate) fn begin(&self) {
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        self.thread.store(thread, Ordering::Release);
    }

    /// By the thread itself, behind its work: with the thread the kernel's account of it goes.
    pub(crate) fn end(&self) {
        self.nanoseconds();
        self.thread.store(0, Ordering::Release);
    }

    /// Nanoseconds in line so far; 0 where the kernel keeps no such account (`CONFIG_SCHED_INFO`).
    pub(crate) fn nanoseconds(&self) -> u64 {
        let thread = self.thread.load(Ordering::Acquire);
        if thread != 0
            && let Ok(text) = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat"))
            && let Some(waited) = second_number(&text)
        {
            self.last.fetch_max(waited, Ordering::AcqRel);
        }
        self.last.load(Ordering::Acquire)
    }
}

/// A schedstat file is nanoseconds on a processor, nanoseconds in line for one, and turns (Documentation/scheduler/sched-stats in Linux).
fn second_number(text: &str) -> Option<u64> {
    text.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_line_is_the_second_number() {
        assert_eq!(second_number("1904056642 15792271 150\n"), Some(15_792_271));
        assert_eq!(second_number("0\n"), None);
    }

    #[test]
    fn what_was_read_stays_when_the_thread_has_gone() {
        let account = std::sync::Arc::new(InLine::default());
        assert_eq!(account.nanoseconds(), 0);
        let own = std::sync::Arc::clone(&account);
        let thread = std::thread::spawn(move || {
            own.begin();
            own.end();
            own.last.store(7, Ordering::Release);
        });
        thread.join().expect("it ends");
        assert_eq!(account.nanoseconds(), 7);
    }
}
