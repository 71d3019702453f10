//! The scheduling of a thread: which others it goes before. Beside [`crate::privileges`], since both are between the process and the kernel.

use std::io;

use libc::c_int;

/// What goes before whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Equal among equals.
    Normal,
    /// Before ordinary threads when both want the core, by this nice value (-20 to -1).
    Nice(i8),
    /// Real-time, first in first out, at the lowest priority: before everything that is not real-time, at once.
    Fifo,
}

/// Gives the calling thread this policy; threads that it starts inherit it. More than it has takes `CAP_SYS_NICE`; less takes nothing.
///
/// # Errors
/// What the system said: `EPERM` without the capability.
pub fn set(policy: Policy) -> io::Result<()> {
    let (kind, priority, nice) = match policy {
        Policy::Normal => (libc::SCHED_OTHER, 0, 0),
        Policy::Nice(nice) => (libc::SCHED_OTHER, 0, c_int::from(nice)),
        Policy::Fifo => (libc::SCHED_FIFO, 1, 0),
    };
    // SAFETY: all bits zero is a value of this struct of integers.
    let mut parameter: libc::sched_param = unsafe { std::mem::zeroed() };
    parameter.sched_priority = priority;
    // SAFETY: 0 is the calling thread, and the parameter is there for the call.
    check(unsafe { libc::sched_setscheduler(0, kind, &raw const parameter) })?;
    // On Linux the nice value is the thread's.
    // SAFETY: no memory is passed.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) })
}

/// The policy of the calling thread.
///
/// # Errors
/// What the system said; it is not to be expected.
pub fn current() -> io::Result<Policy> {
    // SAFETY: no memory is passed.
    let kind = unsafe { libc::sched_getscheduler(0) };
    check(kind.min(0))?;
    if kind == libc::SCHED_FIFO {
        return Ok(Policy::Fifo);
    }
    // SAFETY: no memory is passed. No error is to be expected for the calling thread, and -1 is a nice value too.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    Ok(if nice < 0 {
        Policy::Nice(nice as i8)
    } else {
        Policy::Normal
    })
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gets_what_it_asks_for_its_children_too_and_can_go_back() {
        // On a thread of its own, lest the others' tests inherit it.
        let tested = std::thread::spawn(|| {
            for policy in [Policy::Nice(-5), Policy::Fifo] {
                match set(policy) {
                    Ok(()) => {
                        assert_eq!(current().expect("a policy"), policy);
                        let child = std::thread::spawn(|| current().expect("a policy"));
                        assert_eq!(child.join().expect("it ends"), policy);
                    }
                    // No privilege, or a container that has none to give.
                    Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EPERM)),
                }
                set(Policy::Normal).expect("less is always allowed");
                assert_eq!(current().expect("a policy"), Policy::Normal);
            }
        });
        tested.join().expect("it ends");
    }
}
