//! `weird` and `capture_loss`.

use std::net::IpAddr;

use crate::SourceId;
use crate::uid::Uid;

/// Something odd in the traffic (Zeek's weird.log). Rate-limited where it is made: the ledger's counters are complete, these are samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weird {
    /// When.
    pub ts: i64,
    /// The flow, if it belongs to one.
    pub uid: Option<Uid>,
    /// Originator and responder, if known: address and port.
    pub endpoints: Option<(IpAddr, u16, IpAddr, u16)>,
    /// Zeek's name where it has one.
    pub name: &'static str,
    /// More on it.
    pub addl: Option<u64>,
    /// Which source it came from.
    pub source: SourceId,
}

/// How much of the TCP data that was acknowledged was never seen (Zeek's `capture_loss.log`): loss before us.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CaptureLoss {
    /// End of the interval.
    pub ts: i64,
    /// Length of the interval, nanoseconds.
    pub ts_delta: i64,
    /// Which worker measured.
    pub worker: u16,
    /// Gaps: acknowledgements of bytes never seen.
    pub gaps: u64,
    /// Acknowledgements seen.
    pub acks: u64,
    /// Which source it came from.
    pub source: SourceId,
}

impl Weird {
    /// Whether fields that only TCP has apply: it has none.
    #[inline(always)]
    pub(crate) fn is_tcp(&self) -> bool {
        false
    }
}

impl CaptureLoss {
    /// Whether fields that only TCP has apply: it has none.
    #[inline(always)]
    pub(crate) fn is_tcp(&self) -> bool {
        false
    }

    /// Gaps as a percentage of acknowledgements.
    #[must_use]
    pub fn percent_lost(&self) -> f64 {
        if self.acks == 0 {
            0.0
        } else {
            100.0 * self.gaps as f64 / self.acks as f64
        }
    }
}
