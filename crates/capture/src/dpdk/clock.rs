//! The burst's time: the processor's cycle counter, turned into UTC.
//!
//! One read of the counter a burst and one multiplication. About ten times a second, off the hot path, the clock is compared with the
//! wall's and its rate bent by at most [`MOST_BENT`], so that time neither jumps nor stands still; only when they are further
//! apart than [`STEP_BEYOND`] (somebody set the wall's clock) it steps.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Beyond this distance from the wall's clock, in nanoseconds, the clock steps.
const STEP_BEYOND: i64 = 100_000_000;
/// The most that the rate is bent: a 2000th, 500 parts per million.
const MOST_BENT: i64 = 2000;
/// A distance is made good in about this long, in nanoseconds.
const MADE_GOOD_IN: i64 = 1_000_000_000;
/// How long the counter's rate is measured at the start.
const MEASURED: Duration = Duration::from_millis(10);
/// Readings that were interrupted for longer than this many nanoseconds are not used.
const INTERRUPTED: i64 = 20_000;
/// Bits behind the point of a rate.
const FRACTION: u32 = 32;

/// The processor's cycle counter.
#[inline(always)]
pub(super) fn cycles() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction.
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: it only reads a register.
    unsafe {
        portreeve_dpdk_sys::pr_cycles()
    }
}

/// Turns the cycle counter into nanoseconds since 1970 UTC.
pub(super) struct Clock {
    /// A reading of the counter, and the time it stood for.
    cycles: u64,
    time: i64,
    /// Nanoseconds a cycle, with [`FRACTION`] bits behind the point.
    rate: u64,
    /// The same, not bent.
    true_rate: u64,
}

impl Clock {
    /// A clock that shows the wall's time. The first one of the process measures the counter for 10 milliseconds.
    pub(super) fn new() -> Clock {
        static RATE: OnceLock<u64> = OnceLock::new();
        let true_rate = *RATE.get_or_init(measure);
        let (cycles, time, _) = read(wall);
        Clock {
            cycles,
            time,
            rate: true_rate,
            true_rate,
        }
    }

    /// The time of a reading of the counter.
    #[inline(always)]
    pub(super) fn at(&self, cycles: u64) -> i64 {
        let since = u128::from(cycles.saturating_sub(self.cycles));
        self.time
            .saturating_add(((since * u128::from(self.rate)) >> FRACTION) as i64)
    }

    /// Compares the clock with the wall's. About ten times a second.
    pub(super) fn compare(&mut self) {
        let (cycles, wall, took) = read(wall);
        if took <= INTERRUPTED {
            self.follow(cycles, wall);
        }
    }

    fn follow(&mut self, cycles: u64, wall: i64) {
        let shown = self.at(cycles);
        let behind = wall.saturating_sub(shown);
        let (time, bent) = if behind.abs() > STEP_BEYOND {
            (wall, 0)
        } else {
            let rate = i128::from(self.true_rate);
            let bent = rate * i128::from(behind) / i128::from(MADE_GOOD_IN);
            let most = rate / i128::from(MOST_BENT);
            (shown, bent.clamp(-most, most) as i64)
        };
        *self = Clock {
            cycles,
            time,
            rate: self.true_rate.saturating_add_signed(bent),
            true_rate: self.true_rate,
        };
    }
}

/// The wall's clock, in nanoseconds since 1970 (read without a system call).
fn wall() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as i64)
}

fn steady() -> i64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes one structure, which is there for the call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// A reading of the counter together with that of another clock, and how many nanoseconds that took.
fn read(clock: fn() -> i64) -> (u64, i64, i64) {
    let begun = steady();
    let before = cycles();
    let time = clock();
    let after = cycles();
    (
        before + after.saturating_sub(before) / 2,
        time,
        steady() - begun,
    )
}

fn measure() -> u64 {
    let (first, begun, _) = read(steady);
    std::thread::sleep(MEASURED);
    let (last, ended, _) = read(steady);
    let (passed, counted) = ((ended - begun).max(1), last.saturating_sub(first).max(1));
    ((u128::from(passed.unsigned_abs()) << FRACTION) / u128::from(counted)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two cycles a nanosecond.
    fn clock() -> Clock {
        let rate = 1 << (FRACTION - 1);
        Clock {
            cycles: 1000,
            time: 5_000_000_000,
            rate,
            true_rate: rate,
        }
    }

    #[test]
    fn cycles_become_nanoseconds() {
        assert_eq!(clock().at(1000), 5_000_000_000);
        assert_eq!(clock().at(3000), 5_000_001_000);
        // A core whose counter is a little behind does not make time run back.
        assert_eq!(clock().at(10), 5_000_000_000);
        // A year.
        let year = 365 * 86_400 * 1_000_000_000i64;
        assert_eq!(clock().at(1000 + 2 * year as u64), 5_000_000_000 + year);
    }

    #[test]
    fn a_small_distance_is_made_good_without_a_jump() {
        let mut clock = clock();
        let (mut cycles, mut shown) = (1000, 5_000_000_000);
        for tenth in 1..=100 {
            cycles += 200_000_000;
            assert!(clock.at(cycles) >= shown);
            shown = clock.at(cycles);
            // The wall's clock is 300 microseconds ahead.
            clock.follow(cycles, 5_000_300_000 + tenth * 100_000_000);
            assert_eq!(clock.at(cycles), shown);
        }
        let ahead = 5_000_300_000 + 100 * 100_000_000 - shown;
        assert!(ahead.abs() < 1_000, "{ahead}");
    }

    #[test]
    fn a_clock_that_was_set_is_followed_at_once() {
        let mut clock = clock();
        clock.follow(2000, 9_000_000_000);
        assert_eq!(clock.at(2000), 9_000_000_000);
        clock.follow(4000, 1_000_000_000);
        assert_eq!(clock.at(6000), 1_000_001_000);
    }

    #[test]
    fn it_shows_the_walls_time() {
        let clock = Clock::new();
        std::thread::sleep(Duration::from_millis(20));
        let apart = (clock.at(cycles()) - wall()).abs();
        assert!(apart < 50_000_000, "{apart} ns");
    }
}
