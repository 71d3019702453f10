//! One sleep on several descriptors: what a worker does when all its sources are armed and none has anything.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

/// The descriptors that end a sleep. The list is used again from sleep to sleep and allocates nothing once it has had its longest.
#[derive(Default)]
pub struct Sleeper {
    entries: Vec<libc::pollfd>,
}

impl Sleeper {
    /// A list with room for so many descriptors.
    #[must_use]
    pub fn with_capacity(descriptors: usize) -> Self {
        Sleeper {
            entries: Vec::with_capacity(descriptors),
        }
    }

    /// Forgets all descriptors.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The sleep also ends when `fd` is readable, has an error or is closed at its other end.
    pub fn add(&mut self, fd: RawFd) {
        self.entries.push(libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        });
    }

    /// Whether the descriptor that was added as number `index` (from 0) ended the last sleep.
    #[must_use]
    pub fn is_ready(&self, index: usize) -> bool {
        self.entries
            .get(index)
            .is_some_and(|entry| entry.revents != 0)
    }

    /// Sleeps until one of the descriptors has something, a signal comes or `timeout` is over. Returns how many have something: 0 after a
    /// signal or the whole time. The limit is met as finely as the kernel's timers allow, not in whole milliseconds.
    ///
    /// # Errors
    /// What the system said; it is not to be expected.
    pub fn sleep(&mut self, timeout: Duration) -> io::Result<usize> {
        let limit = libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let count = self.entries.len() as libc::nfds_t;
        // SAFETY: as many entries as said, and a limit, there for the call; no signal mask. A descriptor that is none is reported, not followed.
        let ready = unsafe {
            libc::ppoll(
                self.entries.as_mut_ptr(),
                count,
                &raw const limit,
                std::ptr::null(),
            )
        };
        if ready >= 0 {
            return Ok(ready as usize);
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            error => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::time::Instant;

    #[test]
    fn any_of_the_descriptors_ends_the_sleep_and_none_lets_it_last() {
        let (quiet, _kept) = io::pipe().expect("a pipe");
        let (loud, mut writer) = io::pipe().expect("a pipe");
        let mut sleeper = Sleeper::with_capacity(2);
        sleeper.add(quiet.as_raw_fd());
        sleeper.add(loud.as_raw_fd());
        let begin = Instant::now();
        assert_eq!(sleeper.sleep(Duration::from_millis(5)).expect("a sleep"), 0);
        assert!(begin.elapsed() >= Duration::from_millis(5));
        writer.write_all(b"!").expect("written");
        assert_eq!(sleeper.sleep(Duration::from_secs(60)).expect("a sleep"), 1);
        assert!(sleeper.is_ready(1) && !sleeper.is_ready(0));
        // The other end is gone: that is news too.
        drop(writer);
        assert_eq!(sleeper.sleep(Duration::from_secs(60)).expect("a sleep"), 1);
        sleeper.clear();
        assert_eq!(sleeper.sleep(Duration::ZERO).expect("a sleep"), 0);
    }
}
