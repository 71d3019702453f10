//! Clocks: the processor's counter for stages, the thread's CPU time for passes; and the process's memory.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The processor's time-stamp counter; elsewhere than on x86-64, nanoseconds of the monotonic clock.
#[inline]
#[must_use]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction.
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        ORIGIN.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }
}

/// Ticks a nanosecond, measured once against the monotonic clock.
#[must_use]
pub fn ticks_per_ns() -> f64 {
    static RATE: OnceLock<f64> = OnceLock::new();
    *RATE.get_or_init(|| {
        let (instant, begin) = (Instant::now(), ticks());
        std::thread::sleep(Duration::from_millis(100));
        (ticks() - begin) as f64 / instant.elapsed().as_nanos() as f64
    })
}

/// CPU time this thread has used, nanoseconds: what other processes take is not in it.
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    cpu_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time that all threads of this process have used, nanoseconds.
#[must_use]
pub fn process_cpu_ns() -> u64 {
    cpu_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn cpu_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec to write to.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Memory that this process has taken, bytes; 0 if the system does not say. Pages of the huge page reserve are in it, which the sums of `/proc/self/status` leave out;
/// the program's own file is not. Exact: those sums lack what each processor has not added yet.
#[must_use]
pub fn resident_bytes() -> u64 {
    let sums = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let kibibytes = |name: &str| -> u64 {
        sums.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    };
    let parts = ["Anonymous", "Private_Hugetlb", "Shared_Hugetlb"];
    parts.map(kibibytes).iter().sum::<u64>() * 1024
}

/// Memory that can be had without hurting others, bytes.
#[must_use]
pub fn available_bytes() -> u64 {
    std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|info| {
            let line = info
                .lines()
                .find(|line| line.starts_with("MemAvailable:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .unwrap_or(0)
        * 1024
}

/// Runs this thread on one processor from now on, if the system lets it.
pub fn pin(cpu: usize) {
    // SAFETY: an all-zero cpu_set_t is the empty set; CPU_SET checks its bounds.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        set
    };
    // SAFETY: `set` is valid and of the size given; 0 is this thread.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
}

/// The median; 0 of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}
