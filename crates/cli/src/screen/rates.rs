//! What changes between two snapshots: rates, and their recent past.

use std::collections::VecDeque;

use portreeve_engine::Snapshot;

/// Seconds of the past that are kept for the curve.
const PAST: usize = 240;

/// Rates a second, between the two latest snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Packets delivered.
    pub packets: f64,
    /// Bytes delivered.
    pub bytes: f64,
    /// Flows opened.
    pub flows: f64,
    /// Packets lost.
    pub lost: f64,
    /// Bytes of a file read.
    pub read: f64,
}

/// Keeps the last snapshot that rates were made of.
#[derive(Default)]
pub struct Meter {
    before: Option<Totals>,
    /// The latest rates.
    pub rates: Rates,
    /// Bytes a second, oldest first.
    pub past: VecDeque<u64>,
}

#[derive(Clone, Copy)]
struct Totals {
    uptime_ns: u64,
    packets: u64,
    bytes: u64,
    flows: u64,
    lost: u64,
    read: u64,
}

impl Meter {
    /// Takes a snapshot in; ones less than half a second after the last are left out, since their rates would only flicker.
    pub fn take(&mut self, snapshot: &Snapshot) {
        let ledger = &snapshot.ledger;
        let now = Totals {
            uptime_ns: snapshot.uptime_ns,
            packets: ledger.frames.delivered,
            bytes: ledger.frames.delivered_bytes,
            flows: ledger.flows.opened,
            lost: ledger.lost_frames(),
            read: snapshot.position.map_or(0, |(read, _)| read),
        };
        let Some(before) = self.before else {
            self.before = Some(now);
            return;
        };
        let seconds = now.uptime_ns.saturating_sub(before.uptime_ns) as f64 / 1e9;
        if seconds < 0.5 {
            return;
        }
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        self.rates = Rates {
            packets: rate(now.packets, before.packets),
            bytes: rate(now.bytes, before.bytes),
            flows: rate(now.flows, before.flows),
            lost: rate(now.lost, before.lost),
            read: rate(now.read, before.read),
        };
        if self.past.len() == PAST {
            self.past.pop_front();
        }
        self.past.push_back(self.rates.bytes as u64);
        self.before = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uptime_ns: u64, delivered: u64) -> Snapshot {
        let mut snapshot = Snapshot {
            uptime_ns,
            ..Snapshot::default()
        };
        snapshot.ledger.frames.delivered = delivered;
        snapshot.ledger.frames.delivered_bytes = delivered * 100;
        snapshot
    }

    #[test]
    fn rates_are_of_the_time_between() {
        let mut meter = Meter::default();
        meter.take(&at(0, 0));
        meter.take(&at(2_000_000_000, 50));
        assert_eq!((meter.rates.packets, meter.rates.bytes), (25.0, 2500.0));
        // Too soon: the rates stay.
        meter.take(&at(2_100_000_000, 1000));
        assert_eq!(meter.rates.packets, 25.0);
        meter.take(&at(3_000_000_000, 1050));
        assert_eq!(meter.rates.packets, 1000.0);
        assert_eq!(meter.past, [2500, 100_000]);
    }

    #[test]
    fn the_past_is_bounded_and_counters_that_fall_are_no_rates() {
        let mut meter = Meter::default();
        for second in 0..1000 {
            meter.take(&at(second * 1_000_000_000, 1000 - second));
        }
        assert_eq!(meter.past.len(), PAST);
        assert_eq!(meter.rates.packets, 0.0);
    }
}
