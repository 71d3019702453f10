//! The tracker's clock: the time of the packets, but no single packet can move it far.

use crate::config::SECOND;

/// A timestamp further than this from the clock needs others that agree with it.
const STEP: i64 = 60 * SECOND;
/// Packets that come seldom agree too, if each is later than the one before by no more than this.
const SELDOM: i64 = 3600 * SECOND;
/// How many in a row must agree.
const AGREE: u32 = 4;

/// The time up to which flows are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    now: Option<i64>,
    candidate: i64,
    agreed: u32,
}

impl Clock {
    /// The time, if any packet was seen.
    pub(crate) fn now(&self) -> Option<i64> {
        self.now
    }

    /// Somebody who knows says what time it is. The clock does not go back.
    pub(crate) fn tell(&mut self, now: i64) {
        self.now = Some(self.now.map_or(now, |was| was.max(now)));
    }

    /// A packet of this time was seen. `false`: too far off to be believed yet.
    #[inline(always)]
    pub(crate) fn see(&mut self, ts: i64) -> bool {
        if let Some(now) = self.now {
            let ahead = ts.wrapping_sub(now);
            if (0..=STEP).contains(&ahead) {
                self.now = Some(ts);
                self.agreed = 0;
                return true;
            }
            if (-STEP..0).contains(&ahead) {
                return true;
            }
        }
        self.see_far(ts)
    }

    /// Packets were seen whose times lie between `earliest` and `latest`. `false`: they have to be seen one by one, and nothing was taken.
    #[inline(always)]
    pub(crate) fn see_all(&mut self, earliest: i64, latest: i64) -> bool {
        let Some(now) = self.now else { return false };
        // Wherever between these two the clock stands meanwhile, each of them is near it.
        if earliest < now.saturating_sub(STEP / 2) || latest > now.saturating_add(STEP / 2) {
            return false;
        }
        if latest >= now {
            self.now = Some(latest);
            self.agreed = 0;
        }
        true
    }

    #[cold]
    fn see_far(&mut self, ts: i64) -> bool {
        if self.now.is_none() {
            self.now = Some(ts);
            return true;
        }
        let near = ts.saturating_sub(self.candidate);
        if self.agreed > 0 && (-STEP..=SELDOM).contains(&near) {
            self.agreed += 1;
        } else {
            self.agreed = 1;
        }
        self.candidate = ts;
        if self.agreed >= AGREE {
            self.now = Some(ts);
            self.agreed = 0;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_absurd_time_moves_nothing_and_four_that_agree_do() {
        let mut clock = Clock::default();
        assert!(clock.see(100 * SECOND));
        assert!(clock.see(101 * SECOND) && clock.see(99 * SECOND));
        assert_eq!(clock.now(), Some(101 * SECOND));
        assert!(!clock.see(i64::MAX) && !clock.see(i64::MIN) && !clock.see(0));
        assert!(clock.see(102 * SECOND));
        assert_eq!(clock.now(), Some(102 * SECOND));
        for i in 0..3 {
            assert!(!clock.see((5000 + i) * SECOND));
        }
        assert!(clock.see(5003 * SECOND));
        assert_eq!(clock.now(), Some(5003 * SECOND));
        // A first packet from the future does not stop the clock for good.
        for i in 0..4 {
            clock.see((200 + i) * SECOND);
        }
        assert_eq!(clock.now(), Some(203 * SECOND));
        // One packet each ten minutes.
        let mut seldom = Clock::default();
        for i in 0..5 {
            seldom.see(600 * i * SECOND);
        }
        assert_eq!(seldom.now(), Some(2400 * SECOND));
        clock.tell(10 * SECOND);
        assert_eq!(clock.now(), Some(203 * SECOND));
    }
}
