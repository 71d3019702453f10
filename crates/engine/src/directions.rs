//! Which way packets go, seen from the local networks.

use portreeve_flow::Prefix;
use portreeve_packet::View;
use serde::{Deserialize, Serialize};

use crate::counters::WorkerCounters;

/// What went one way since the start, scaled up where only a sample of the bursts was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// The ways there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From elsewhere to a local host.
    In,
    /// From a local host to elsewhere.
    Out,
    /// From one local host to another.
    Internal,
    /// Between hosts elsewhere.
    Other,
}

/// How many.
pub(crate) const WAYS: usize = 4;

/// All that went each way since the start. Frames without IP are in none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directions {
    /// The networks are configured; else they are what [`crate::EngineConfig::ours`] presumes.
    #[serde(default)]
    pub configured: bool,
    /// Came in from elsewhere.
    pub inward: Passed,
    /// Left for elsewhere.
    pub outward: Passed,
    /// From one local host to another.
    pub internal: Passed,
    /// Between hosts elsewhere.
    pub other: Passed,
}

impl Directions {
    /// The sums of all workers.
    pub(crate) fn of(cells: &[WorkerCounters]) -> Directions {
        let way = |way: Way| Passed {
            packets: cells.iter().map(|c| c.way_packets[way as usize]).sum(),
            bytes: cells.iter().map(|c| c.way_bytes[way as usize]).sum(),
        };
        Directions {
            configured: false,
            inward: way(Way::In),
            outward: way(Way::Out),
            internal: way(Way::Internal),
            other: way(Way::Other),
        }
    }

    /// All ways together.
    #[must_use]
    pub fn total(&self) -> Passed {
        let all = [self.inward, self.outward, self.internal, self.other];
        Passed {
            packets: all.iter().map(|passed| passed.packets).sum(),
            bytes: all.iter().map(|passed| passed.bytes).sum(),
        }
    }
}

/// One worker's account of ways.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ways {
    /// The networks that are ours.
    pub(crate) ours: Vec<Prefix>,
    pub(crate) packets: [u64; WAYS],
    pub(crate) bytes: [u64; WAYS],
}

impl Ways {
    /// Counts a frame by its outermost conversation, for `weight` of them.
    pub(crate) fn count(&mut self, view: &View, wire_len: u32, weight: u64) {
        let is_ours = |address| self.ours.iter().any(|net| net.contains(address));
        let (low, high) = (is_ours(view.key.low_ip()), is_ours(view.key.high_ip()));
        let (from, to) = if view.high_to_low() {
            (high, low)
        } else {
            (low, high)
        };
        let way = match (from, to) {
            (false, true) => Way::In,
            (true, false) => Way::Out,
            (true, true) => Way::Internal,
            (false, false) => Way::Other,
        } as usize;
        self.packets[way] += weight;
        self.bytes[way] += u64::from(wire_len) * weight;
    }
}
