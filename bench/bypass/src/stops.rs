//! How often the machine stops the worker's core for longer than its ring holds, whatever runs there: a hypervisor that gives the core to somebody else tells of it in
//! ticks of 10 ms, if at all. A loop that does nothing but read the processor's counter sees every stop.

use std::time::{Duration, Instant};

use portreeve_bench::clock::pin;
use portreeve_capture::scheduling::{self, Policy};
use portreeve_dpdk_sys as sys;

/// What the loop saw.
#[derive(Clone, Copy, Debug)]
pub struct Stops {
    /// How long it looked.
    pub looked: Duration,
    /// Stops that were longer than the limit.
    pub long: usize,
    /// The longest of all.
    pub longest: Duration,
}

/// Looks at a core for so long, before ordinary threads, for stops longer than `limit`. EAL has to run.
#[must_use]
pub fn look(cpu: usize, time: Duration, limit: Duration) -> Stops {
    let thread = std::thread::spawn(move || {
        pin(cpu);
        let _ = scheduling::set(Policy::Fifo);
        // SAFETY: EAL runs; reading the counter needs nothing.
        let (hertz, counter) = unsafe { (sys::rte_get_tsc_hz(), || sys::pr_cycles()) };
        let ticks = |time: Duration| (time.as_secs_f64() * hertz as f64) as u64;
        let (begun, limit, until) = (Instant::now(), ticks(limit), ticks(time));
        let first = counter();
        let (mut last, mut long, mut longest) = (first, 0, 0);
        while last - first < until {
            let now = counter();
            let gap = now - last;
            longest = longest.max(gap);
            long += usize::from(gap > limit);
            last = now;
        }
        Stops {
            looked: begun.elapsed(),
            long,
            longest: Duration::from_secs_f64(longest as f64 / hertz as f64),
        }
    });
    thread.join().unwrap_or(Stops {
        looked: Duration::ZERO,
        long: 0,
        longest: Duration::ZERO,
    })
}
