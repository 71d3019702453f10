//! Whom the workers go before, where a core is shared.
//!
//! A worker that sleeps on its receive interrupt leaves the core to others; when packets come, they have to yield at once, or the ring fills while they use up
//! their time slices. `fifo` makes the kernel do that. Real-time threads that never sleep starve a core, so the kernel stops them for a part of
//! each second unless it is told not to: in poll mode that part would be lost packets, so that combination is refused.

use std::io;
use std::path::Path;

use portreeve_capture::CaptureError;
use portreeve_capture::privileges;
use portreeve_capture::scheduling::{Policy, set};

use super::Mode;

/// What `nice` gives the workers.
const NICE: i8 = -10;

/// Whom the workers go before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduling {
    /// Nobody.
    #[default]
    Normal,
    /// Ordinary threads, by their nice value.
    Nice,
    /// Everything that is not real-time itself.
    Fifo,
}

impl Scheduling {
    fn policy(self) -> Policy {
        match self {
            Scheduling::Normal => Policy::Normal,
            Scheduling::Nice => Policy::Nice(NICE),
            Scheduling::Fifo => Policy::Fifo,
        }
    }

    /// Gives it to the calling thread, whose children inherit it: for the thread that starts the workers, before privileges are given up. The
    /// thread itself goes back with [`be_ordinary`].
    ///
    /// # Errors
    /// The privilege is missing: with the command that grants it.
    pub fn take(self) -> Result<(), CaptureError> {
        if self == Scheduling::Normal {
            return Ok(());
        }
        let what = match self {
            Scheduling::Fifo => "real-time priority for the workers (--scheduling fifo)",
            _ => "priority for the workers (--scheduling nice)",
        };
        set(self.policy()).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => CaptureError::Permission {
                what: what.to_owned(),
                fix: privileges::grant_line_with(&["cap_sys_nice"]),
            },
            _ => CaptureError::System {
                what: what.to_owned(),
                error,
            },
        })
    }

    /// Whether workers may wait by `mode` under it.
    ///
    /// # Errors
    /// The kernel would stop them for a part of each second: how much, and what to type.
    pub fn allows(self, mode: Mode) -> Result<(), String> {
        match (self, mode, throttled()) {
            (Scheduling::Fifo, Mode::Poll, Some(per_mille)) => Err(format!(
                "real-time workers (--scheduling fifo) that poll without end would be stopped by the kernel for {per_mille} ms of every second, in which \
                 packets are lost; to allow it: sudo sysctl kernel.sched_rt_runtime_us=-1; or take --mode interrupt, or --scheduling nice"
            )),
            _ => Ok(()),
        }
    }

    /// What is to be known about it, for the start report.
    #[must_use]
    pub fn note(self) -> Option<String> {
        match self {
            Scheduling::Normal => None,
            Scheduling::Nice => Some(format!("scheduling: workers have the nice value {NICE}")),
            Scheduling::Fifo => {
                let mut note = "scheduling: workers are real-time (fifo)".to_owned();
                if let Some(per_mille) = throttled() {
                    note.push_str(&format!(
                        "; load that never lets them sleep is interrupted by the kernel for {per_mille} ms of every second; to prevent it: sudo sysctl \
                         kernel.sched_rt_runtime_us=-1"
                    ));
                }
                Some(note)
            }
        }
    }
}

/// The calling thread goes before nobody any more.
pub fn be_ordinary() {
    // Less is always allowed.
    let _ = set(Policy::Normal);
}

/// Milliseconds of every second that the kernel takes from real-time threads which never sleep; `None`: it takes none.
fn throttled() -> Option<u64> {
    throttled_by(Path::new("/proc/sys/kernel"))
}

fn throttled_by(folder: &Path) -> Option<u64> {
    let read = |name: &str| -> Option<i64> {
        let text = std::fs::read_to_string(folder.join(name)).ok()?;
        text.trim().parse().ok()
    };
    let runtime = read("sched_rt_runtime_us")?;
    let period = read("sched_rt_period_us").filter(|period| *period > 0)?;
    let taken = period.checked_sub(runtime).filter(|_| runtime >= 0)?;
    let per_mille = taken.checked_mul(1000)? / period;
    u64::try_from(per_mille).ok().filter(|taken| *taken > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_is_read_from_the_kernels_own_words() {
        let folder = std::env::temp_dir().join(format!("portreeve-rt-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let says = |runtime: &str| {
            std::fs::write(folder.join("sched_rt_runtime_us"), runtime).expect("written");
            std::fs::write(folder.join("sched_rt_period_us"), "1000000\n").expect("written");
            throttled_by(&folder)
        };
        assert_eq!(says("950000\n"), Some(50));
        assert_eq!(says("-1\n"), None);
        assert_eq!(says("1000000\n"), None);
        std::fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(throttled_by(&folder), None, "a kernel without it");
    }

    #[test]
    fn only_real_time_polling_is_refused() {
        for scheduling in [Scheduling::Normal, Scheduling::Nice] {
            assert_eq!(scheduling.allows(Mode::Poll), Ok(()));
        }
        assert_eq!(Scheduling::Fifo.allows(Mode::Interrupt), Ok(()));
        let refused = Scheduling::Fifo.allows(Mode::Poll);
        assert_eq!(refused.is_err(), throttled().is_some());
        if let Err(why) = refused {
            assert!(why.contains("sched_rt_runtime_us=-1"), "{why}");
        }
    }
}
