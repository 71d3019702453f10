//! One second of the past, and the hour of them that is kept.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// What went by in one second. Bits are of whole frames on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// When it began: milliseconds since 1970-01-01 UTC.
    pub ts: i64,
    /// Packets that were taken from the sources.
    pub packets: u64,
    /// Their bits.
    pub bits: u64,
    /// Bits that came into the local networks from elsewhere.
    pub in_bits: u64,
    /// Bits that left the local networks.
    pub out_bits: u64,
    /// Bits from one local host to another.
    pub internal_bits: u64,
    /// Bits that are none of these: between hosts elsewhere, or without IP.
    pub other_bits: u64,
    /// Packets that came in.
    pub in_packets: u64,
    /// Packets that left.
    pub out_packets: u64,
    /// Packets from one local host to another.
    pub internal_packets: u64,
    /// Packets that are none of these.
    pub other_packets: u64,
    /// Bits of the busiest millisecond, as a rate: bits a second.
    pub peak_bits: u64,
    /// Packets of the busiest millisecond (it may be another one), as a rate: packets a second.
    pub peak_packets: u64,
    /// Packets that are known to be lost; unset where nothing counts that.
    pub lost: Option<u64>,
    /// Conversations open at its end.
    pub flows_active: u64,
    /// Conversations that were opened.
    pub flows_opened: u64,
}

/// How far the clock may step back before what was later is forgotten, milliseconds. Less is the loop's own unrest.
const STEP_BACK: i64 = 2_000;

/// The seconds that are kept, oldest first.
#[derive(Debug)]
pub(crate) struct Seconds {
    most: usize,
    kept: VecDeque<Second>,
}

impl Seconds {
    pub(crate) fn new(most: usize) -> Self {
        Seconds {
            most: most.max(1),
            kept: VecDeque::with_capacity(most.max(1)),
        }
    }

    /// Whether a second that begins at `ts` goes on from what is kept: one that is there already does not, unless the clock stepped back.
    pub(crate) fn is_next(&self, ts: i64) -> bool {
        self.kept
            .back()
            .is_none_or(|last| ts > last.ts || ts < last.ts.saturating_sub(STEP_BACK))
    }

    pub(crate) fn push(&mut self, second: Second) {
        while self.kept.back().is_some_and(|last| last.ts >= second.ts) {
            self.kept.pop_back();
        }
        if self.kept.len() == self.most {
            self.kept.pop_front();
        }
        self.kept.push_back(second);
    }

    pub(crate) fn since(&self, since: i64) -> Vec<Second> {
        let from = self.kept.partition_point(|second| second.ts < since);
        self.kept.range(from..).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ts: i64) -> Second {
        Second {
            ts,
            ..Second::default()
        }
    }

    #[test]
    fn the_oldest_gives_way_and_the_rest_is_asked_for_by_time() {
        let mut seconds = Seconds::new(3);
        for ts in [1000, 2000, 3000, 4000] {
            assert!(seconds.is_next(ts));
            seconds.push(at(ts));
        }
        let times = |since| -> Vec<i64> { seconds.since(since).iter().map(|s| s.ts).collect() };
        assert_eq!(times(0), [2000, 3000, 4000]);
        assert_eq!(times(2001), [3000, 4000]);
        assert!(times(4001).is_empty());
    }

    #[test]
    fn a_clock_that_steps_back_takes_its_future_with_it() {
        let mut seconds = Seconds::new(10);
        for ts in [1000, 50_000, 51_000] {
            seconds.push(at(ts));
        }
        assert!(!seconds.is_next(51_000) && !seconds.is_next(50_000));
        assert!(seconds.is_next(2000));
        seconds.push(at(2000));
        let times: Vec<i64> = seconds.since(0).iter().map(|s| s.ts).collect();
        assert_eq!(times, [1000, 2000]);
    }
}
