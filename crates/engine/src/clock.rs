//! A worker's clock: it follows the packets, never runs back, and does not trust one absurd timestamp.

/// A step further than this is taken only when the packets that follow agree on it.
const MAX_STEP: i64 = 60 * 1_000_000_000;
/// Packets that come seldom confirm one another too, if each is later than the one before by no more than this.
const SELDOM: i64 = 3600 * 1_000_000_000;
/// How many bursts must agree on a far step before it is believed.
const CONFIRMATIONS: u32 = 3;

/// Time as one worker knows it, in nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    now: Option<i64>,
    far: i64,
    agreed: u32,
}

impl Clock {
    /// The time, or `None` before the first packet.
    #[must_use]
    pub fn now(&self) -> Option<i64> {
        self.now
    }

    /// A clock that saw everything says it is `time`: taken as it is, unless it would run back.
    pub fn catch_up(&mut self, time: i64) {
        self.now = Some(self.now.map_or(time, |now| now.max(time)));
    }

    /// Packets say what time it is, one after the other; `latest` is the latest of `times`. The same as [`Clock::observe`] for each, which is only needed where one is far ahead.
    #[inline]
    pub fn observe_all(&mut self, latest: i64, times: impl Iterator<Item = i64>) {
        let is_near = |now| latest.saturating_sub(now) <= MAX_STEP;
        if self.now.is_some_and(is_near) {
            self.observe(latest);
        } else {
            times.for_each(|time| _ = self.observe(time));
        }
    }

    /// A packet, or something else that knows the time, says it is `time`. Returns the time that is taken.
    #[inline]
    pub fn observe(&mut self, time: i64) -> i64 {
        let Some(now) = self.now else {
            self.now = Some(time);
            return time;
        };
        let step = time.saturating_sub(now);
        if step <= 0 {
            return now;
        }
        if step <= MAX_STEP {
            self.agreed = 0;
            self.now = Some(time);
            return time;
        }
        // A gap of hours is real when more packets come from behind it.
        let behind = time.saturating_sub(self.far);
        if self.agreed > 0 && (-MAX_STEP..=SELDOM).contains(&behind) {
            self.agreed += 1;
        } else {
            self.agreed = 1;
        }
        self.far = time;
        let taken = if self.agreed >= CONFIRMATIONS {
            time
        } else {
            now.saturating_add(MAX_STEP)
        };
        self.now = Some(taken);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const S: i64 = 1_000_000_000;

    #[test]
    fn never_back() {
        let mut clock = Clock::default();
        assert_eq!(clock.observe(100 * S), 100 * S);
        assert_eq!(clock.observe(90 * S), 100 * S);
    }

    #[test]
    fn one_absurd_timestamp_moves_it_a_step() {
        let mut clock = Clock::default();
        clock.observe(100 * S);
        assert_eq!(clock.observe(i64::MAX), 160 * S);
        assert_eq!(clock.observe(161 * S), 161 * S);
    }

    #[test]
    fn packets_together_say_what_they_say_one_by_one() {
        let far = [
            0,
            7,
            3,
            61,
            62,
            500,
            4,
            501,
            502,
            503,
            504,
            i64::MAX / S,
            505,
        ];
        for length in 1..=far.len() {
            let (mut together, mut one_by_one) = (Clock::default(), Clock::default());
            for burst in far.map(|seconds| seconds * S).chunks(length) {
                let latest = burst.iter().copied().max().unwrap();
                together.observe_all(latest, burst.iter().copied());
                for time in burst {
                    one_by_one.observe(*time);
                }
                assert_eq!(together, one_by_one, "{length}, {burst:?}");
            }
        }
    }

    #[test]
    fn packets_that_come_seldom_are_believed() {
        let mut clock = Clock::default();
        for minutes in [0, 5, 10, 15, 20, 60] {
            clock.observe(minutes * 60 * S);
        }
        assert_eq!(clock.now(), Some(3600 * S));
        // Absurd ones are years apart.
        for years in [40, 7, 90, 21] {
            clock.observe(years * 365 * 86_400 * S);
        }
        assert!(clock.now() < Some(2 * 3600 * S));
    }

    #[test]
    fn a_real_gap_is_believed_when_it_is_confirmed() {
        let mut clock = Clock::default();
        clock.observe(0);
        clock.observe(86_400 * S);
        clock.observe(86_401 * S);
        assert_eq!(clock.observe(86_402 * S), 86_402 * S);
    }
}
