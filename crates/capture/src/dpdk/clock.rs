//! A counter turned into UTC: the processor's cycles, which give a burst its time, or the ticks of a NIC's own clock.
//!
//! One multiplication a reading. About ten times a second, off the hot path, the clock is compared with the
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
    // SAFETY: it only reads a register.
    crate::cycles().unwrap_or_else(|| unsafe { portreeve_dpdk_sys::pr_cycles() })
}

/// A counter's reading, and what the wall's clock showed meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) counter: u64,
    /// Nanoseconds since 1970 UTC.
    pub(super) time: i64,
    /// How long the reading took, nanoseconds: it is no better than that.
    pub(super) took: i64,
}

/// Turns a counter into nanoseconds since 1970 UTC.
#[derive(Clone)]
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
    /// The processor's counter as a clock that shows the wall's time. The first one of the process measures the counter for 10 milliseconds.
    pub(super) fn new() -> Clock {
        static RATE: OnceLock<u64> = OnceLock::new();
        let true_rate = *RATE.get_or_init(measure);
        let Reading { counter, time, .. } = read(wall);
        Clock {
            cycles: counter,
            time,
            rate: true_rate,
            true_rate,
        }
    }

    /// Any counter as a clock, by two readings of it, the more apart the better. `None`: it does not run.
    pub(super) fn between(first: &Reading, last: &Reading) -> Option<Clock> {
        let counted = last.counter.checked_sub(first.counter).filter(|n| *n > 0)?;
        let passed = last.time.checked_sub(first.time).filter(|n| *n > 0)?;
        let rate = (u128::from(passed.unsigned_abs()) << FRACTION) / u128::from(counted);
        let rate = u64::try_from(rate).ok().filter(|rate| *rate > 0)?;
        Some(Clock {
            cycles: last.counter,
            time: last.time,
            rate,
            true_rate: rate,
        })
    }

    /// The time of a reading of the counter.
    #[inline(always)]
    pub(super) fn at(&self, cycles: u64) -> i64 {
        let since = u128::from(cycles.saturating_sub(self.cycles));
        self.time
            .saturating_add(((since * u128::from(self.rate)) >> FRACTION) as i64)
    }

    /// The time of a reading of the counter that may be older than the last comparison, or not have been read by us.
    #[inline]
    pub(super) fn around(&self, counter: u64) -> i64 {
        let since = i128::from(counter.wrapping_sub(self.cycles) as i64);
        self.time
            .saturating_add(((since * i128::from(self.rate)) >> FRACTION) as i64)
    }

    /// Compares the processor's clock with the wall's. About ten times a second.
    pub(super) fn compare(&mut self) {
        self.compare_by(&read(wall));
    }

    /// Compares the clock with the wall's by this reading.
    pub(super) fn compare_by(&mut self, reading: &Reading) {
        if reading.took <= INTERRUPTED {
            self.follow(reading.counter, reading.time);
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
pub(super) fn wall() -> i64 {
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

/// A reading of the processor's counter together with that of a clock.
fn read(clock: fn() -> i64) -> Reading {
    let begun = steady();
    let before = cycles();
    let time = clock();
    let after = cycles();
    Reading {
        counter: before + after.saturating_sub(before) / 2,
        time,
        took: steady() - begun,
    }
}

fn measure() -> u64 {
    let first = read(steady);
    std::thread::sleep(MEASURED);
    let last = read(steady);
    let passed = (last.time - first.time).max(1);
    let counted = last.counter.saturating_sub(first.counter).max(1);
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
    fn any_counter_is_a_clock_by_two_readings() {
        let reading = |counter, time| Reading {
            counter,
            time,
            took: 100,
        };
        // A NIC's clock of 78.125 MHz, and the same one second later.
        let (first, last) = (
            reading(1_000_000, 5_000_000_000),
            reading(79_125_000, 6_000_000_000),
        );
        let clock = Clock::between(&first, &last).expect("it runs");
        assert!((clock.around(79_125_000 + 78_125_000) - 7_000_000_000).abs() < 10);
        // A frame that came before the last comparison.
        assert!((clock.around(79_125_000 - 781_250) - 5_990_000_000).abs() < 10);
        assert!(Clock::between(&last, &last).is_none());
        assert!(Clock::between(&last, &first).is_none());
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
