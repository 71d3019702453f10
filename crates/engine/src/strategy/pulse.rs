//! Whether a thread looks at its sources often enough: rings fill while it does not, whoever has its core.
//!
//! In each round it reads the processor's counter; a look at the clock would cost as much as a packet's headers. How many cycles a nanosecond has is found out once, by
//! the looks at the clock that are made anyway.

use std::time::{Duration, Instant};

use portreeve_capture::cycles;

use crate::counters::WorkerCounters;

/// How long cycles are counted to find out how many a nanosecond has. Until then no stall is seen.
const MEASURED: Duration = Duration::from_millis(100);
/// Being away for less is not a stall, however short the rings: a burst can take as long.
const LEAST: Duration = Duration::from_micros(100);

/// The rounds of one thread.
#[derive(Default)]
pub(super) struct Pulse {
    /// More than this between two rounds is a stall. `None`: nobody's ring fills.
    most: Option<Duration>,
    /// The same in cycles, once known.
    limit: Option<u64>,
    /// When counting began, by the clock and by the counter.
    began: Option<(Instant, u64)>,
    /// The end of the last round, in cycles.
    looked: u64,
}

impl Pulse {
    /// From now on, rings that hold out this long fill while nobody looks. The time from which on being away is a stall; `None`: this processor's counter cannot be read,
    /// and none is seen.
    pub(super) fn watch(&mut self, holds_out: Duration) -> Option<Duration> {
        *self = Pulse {
            most: cycles().map(|_| holds_out.max(LEAST)),
            ..Pulse::default()
        };
        self.most
    }

    /// Nobody's ring fills any more.
    pub(super) fn stop(&mut self) {
        *self = Pulse::default();
    }

    /// A round is over: whether the one before ended too long ago.
    #[inline]
    pub(super) fn beat(&mut self, counters: &mut WorkerCounters) {
        let Some(limit) = self.limit else { return };
        let now = cycles().unwrap_or_default();
        let away = now.saturating_sub(self.looked);
        self.looked = now;
        if away > limit {
            self.stalled(away, limit, counters);
        }
    }

    #[cold]
    fn stalled(&self, away: u64, limit: u64, counters: &mut WorkerCounters) {
        let most = self.most.unwrap_or_default().as_nanos();
        let nanoseconds = u128::from(away) * most / u128::from(limit.max(1));
        counters.stalls += 1;
        counters.longest_stall_ns = counters.longest_stall_ns.max(nanoseconds as u64);
    }

    /// The sources were looked at just now, or will wake whoever sleeps on them.
    pub(super) fn rest(&mut self) {
        self.looked = cycles().unwrap_or_default();
    }

    /// The clock shows `now`.
    #[inline]
    pub(super) fn learn(&mut self, now: Instant) {
        if self.most.is_some() && self.limit.is_none() {
            self.measure(now);
        }
    }

    #[cold]
    fn measure(&mut self, now: Instant) {
        let (Some(most), Some(counter)) = (self.most, cycles()) else {
            return;
        };
        let (begin, first) = *self.began.get_or_insert((now, counter));
        let passed = now.duration_since(begin);
        if passed >= MEASURED {
            let counted = u128::from(counter.saturating_sub(first));
            self.limit = Some((counted * most.as_nanos() / passed.as_nanos()) as u64);
            self.looked = counter;
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn stalls_are_as_long_as_the_clock_says() {
        let (mut pulse, mut counters) = (Pulse::default(), WorkerCounters::default());
        let most = pulse.watch(Duration::from_millis(5));
        assert_eq!(most, Some(Duration::from_millis(5)));
        let begin = Instant::now();
        while begin.elapsed() < MEASURED * 2 {
            pulse.learn(Instant::now());
        }
        assert!(pulse.limit.is_some());
        pulse.rest();
        let away = Instant::now();
        std::thread::sleep(Duration::from_millis(30));
        pulse.beat(&mut counters);
        let most = away.elapsed().as_nanos() as u64;
        assert_eq!(counters.stalls, 1);
        let longest = counters.longest_stall_ns;
        assert!(
            (29_000_000..most + most / 10).contains(&longest),
            "{longest} of {most}"
        );
        pulse.stop();
        std::thread::sleep(Duration::from_millis(30));
        pulse.beat(&mut counters);
        assert_eq!(counters.stalls, 1);
        assert_eq!(pulse.watch(Duration::ZERO), Some(LEAST));
    }
}
