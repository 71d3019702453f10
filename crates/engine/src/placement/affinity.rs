//! Putting threads onto their cores.

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// The cores this thread may use, in order (its affinity).
#[must_use]
pub fn allowed_cpus() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect();
    if cpus.is_empty() { vec![0] } else { cpus }
}

/// Gives the calling thread the core `cpu` and no other.
///
/// # Errors
/// What the system said, if it may not (a core outside of the cpuset).
pub fn pin_this_thread(cpu: usize) -> std::io::Result<()> {
    let set = set_of(&[cpu]);
    if cpu >= CpuSet::MAX_CPU {
        return Err(std::io::Error::from(std::io::ErrorKind::InvalidInput));
    }
    sched_setaffinity(None, &set).map_err(std::io::Error::from)
}

/// Gives all threads of this process that run now the cores `rest`, and with that those that they start later; to be called before the workers start, who
/// then take their own.
pub fn keep_others_off(rest: &[usize]) {
    let set = set_of(rest);
    let tasks = std::fs::read_dir("/proc/self/task");
    for task in tasks.into_iter().flatten().flatten() {
        let thread = task.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(thread) = thread.and_then(Pid::from_raw) {
            // One that has ended meanwhile, or that the system keeps where it is.
            let _ = sched_setaffinity(Some(thread), &set);
        }
    }
}

fn set_of(cpus: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    for &cpu in cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
        set.set(cpu);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_has_one_core() {
        let cpu = allowed_cpus()[0];
        std::thread::spawn(move || {
            pin_this_thread(cpu).expect("an allowed core");
            assert_eq!(allowed_cpus(), [cpu]);
        })
        .join()
        .expect("the thread ends");
    }

    #[test]
    fn a_core_that_no_machine_has_is_refused() {
        assert!(pin_this_thread(CpuSet::MAX_CPU).is_err());
    }
}
