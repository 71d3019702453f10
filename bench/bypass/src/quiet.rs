//! Whether a trial was left alone: time that the hypervisor stole from a core, and time that a thread stood in line for it.

use std::fs;
use std::path::{Path, PathBuf};

/// What was taken from a trial.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disturbance {
    /// Stolen from either core, in ticks of 10 ms (`/proc/stat`).
    pub stolen: u64,
    /// How long the receiver wanted its core and did not have it, nanoseconds (`schedstat`). The generator catches up.
    pub waited: u64,
}

/// Standing in line for less is what any ring absorbs.
const WAIT_IS_NOTHING: u64 = 30_000;
impl std::fmt::Display for Disturbance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let waited = self.waited as f64 / 1e6;
        match (self.stolen * 10, self.waited > WAIT_IS_NOTHING) {
            (0, false) => write!(f, "nothing"),
            (0, true) => write!(f, "{waited:.2} ms by other threads"),
            (stolen, false) => write!(f, "{stolen} ms stolen"),
            (stolen, true) => write!(f, "{stolen} ms stolen, {waited:.2} ms by other threads"),
        }
    }
}

/// Looks at the cores and at the receiver: before a trial, and after.
pub struct Look {
    stolen: u64,
    waited: u64,
}

/// In the names of receiving threads, the program's and testpmd's.
const RECEIVING: &str = "worker";

impl Look {
    /// At these cores, and at the receiving thread of this process.
    #[must_use]
    pub fn at(cpus: &[usize], receiver: u32) -> Look {
        Look {
            stolen: cpus.iter().map(|cpu| stolen(*cpu)).sum(),
            waited: receiving(receiver).map(|thread| waited(&thread)).sum(),
        }
    }

    /// What happened since `before`.
    #[must_use]
    pub fn since(&self, before: &Look) -> Disturbance {
        Disturbance {
            stolen: self.stolen.saturating_sub(before.stolen),
            waited: self.waited.saturating_sub(before.waited),
        }
    }
}

/// The folders of a process's receiving threads.
fn receiving(process: u32) -> impl Iterator<Item = PathBuf> {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    let folders = tasks
        .into_iter()
        .flatten()
        .flatten()
        .map(|task| task.path());
    folders.filter(|folder| {
        fs::read_to_string(folder.join("comm")).is_ok_and(|name| name.contains(RECEIVING))
    })
}

fn waited(thread: &Path) -> u64 {
    let text = fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
    let waited = text.split_whitespace().nth(1);
    waited.and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn stolen(cpu: usize) -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let name = format!("cpu{cpu}");
    let line = text
        .lines()
        .find(|line| line.split(' ').next() == Some(&name));
    line.and_then(|line| line.split_whitespace().nth(8)?.parse().ok())
        .unwrap_or(0)
}

/// Puts the receiving threads of a process before all that is not real-time, if the system lets us.
pub fn make_real_time(process: u32) {
    for folder in receiving(process) {
        let name = folder.file_name().and_then(|name| name.to_str());
        let Some(thread) = name.and_then(|name| name.parse().ok()) else {
            continue;
        };
        before_ordinary(thread, 0);
    }
}

/// Puts a thread (0: the calling one) before all that is not real-time, so many steps above the least that is, if the system lets us.
pub fn before_ordinary(thread: libc::pid_t, steps: i32) {
    // SAFETY: all bits zero is a value of this struct of integers, and it is there for the call.
    unsafe {
        let mut parameter: libc::sched_param = std::mem::zeroed();
        parameter.sched_priority = libc::sched_get_priority_min(libc::SCHED_FIFO) + steps;
        libc::sched_setscheduler(thread, libc::SCHED_FIFO, &raw const parameter);
    }
}
