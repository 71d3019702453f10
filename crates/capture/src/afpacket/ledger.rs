//! The socket's accounts, kept so that they balance at any moment.
//!
//! ```text
//! wire = NIC missed + NIC errors + passed the socket filter + rejected by it
//! passed = kernel drops + in the ring, not yet taken + taken
//! taken = delivered + rejected in user space
//! ```

use std::os::fd::OwnedFd;

use crate::counters::SourceCounters;
use crate::interfaces::{self, Interface, Netlink, NicCounters};

use super::sys;

/// How many frames may be taken before the kernel's 32-bit statistics are read again.
const READ_AGAIN: u64 = 1 << 30;

/// The NIC's counters since the source was opened.
struct Nic {
    netlink: Netlink,
    index: u32,
    start: NicCounters,
    last: NicCounters,
}

/// What one socket has counted.
pub(super) struct Ledger {
    /// Frames that passed the socket filter: `tp_packets`, which contains `tp_drops`.
    passed: u64,
    dropped: u64,
    /// Frames taken out of the ring.
    pub(super) taken: u64,
    /// Of those, rejected by a filter that runs in user space.
    pub(super) rejected: u64,
    pub(super) delivered: u64,
    pub(super) delivered_bytes: u64,
    read_at: u64,
    nic: NicAccount,
}

/// Whose the interface's own losses are. They are the interface's and not the queue's: of several sources that share one, the
/// first reports them.
enum NicAccount {
    Unknown,
    OnAnother,
    Mine(Box<Nic>),
}

impl Ledger {
    /// Books that begin now. `interface` is given if there is one and its driver counts; `first` says whether this is
    /// the source of its group that reports the NIC's losses.
    pub(super) fn open(interface: Option<&Interface>, first: bool) -> Ledger {
        let nic = match interface {
            Some(interface) if interface.counts_losses() && first => Netlink::open()
                .and_then(|mut netlink| {
                    let start = interfaces::counters(&mut netlink, interface.index)?;
                    Ok(NicAccount::Mine(Box::new(Nic {
                        netlink,
                        index: interface.index,
                        start,
                        last: start,
                    })))
                })
                .unwrap_or(NicAccount::Unknown),
            Some(interface) if interface.counts_losses() => NicAccount::OnAnother,
            _ => NicAccount::Unknown,
        };
        Ledger {
            passed: 0,
            dropped: 0,
            taken: 0,
            rejected: 0,
            delivered: 0,
            delivered_bytes: 0,
            read_at: 0,
            nic,
        }
    }

    /// Adds what the kernel counted since the last time.
    pub(super) fn read(&mut self, fd: &OwnedFd) {
        self.read_at = self.taken;
        if let Ok(statistics) = sys::statistics(fd) {
            self.passed += u64::from(statistics.packets);
            self.dropped += u64::from(statistics.drops);
        }
    }

    /// Whether the kernel's counters must be read lest they overflow.
    #[inline]
    pub(super) fn is_stale(&self) -> bool {
        self.taken - self.read_at > READ_AGAIN
    }

    /// Frames in the ring, not yet taken, as of the last [`Ledger::read`].
    pub(super) fn in_flight(&self) -> u64 {
        (self.passed - self.dropped.min(self.passed)).saturating_sub(self.taken)
    }

    /// The whole of it. `kernel_rejected` is what the socket filter counted, if it counts.
    pub(super) fn counters(&mut self, kernel_rejected: Option<u64>) -> SourceCounters {
        let (nic_missed, nic_errors) = match &mut self.nic {
            NicAccount::Unknown => (None, None),
            NicAccount::OnAnother => (Some(0), Some(0)),
            NicAccount::Mine(nic) => {
                if let Ok(counters) = interfaces::counters(&mut nic.netlink, nic.index) {
                    nic.last = counters;
                }
                (
                    Some(nic.last.missed.saturating_sub(nic.start.missed)),
                    Some(nic.last.errors.saturating_sub(nic.start.errors)),
                )
            }
        };
        let in_flight = self.in_flight();
        let filtered = kernel_rejected.map(|rejected| rejected + self.rejected);
        // The ring can be ahead of the statistics as last read, never behind: what was taken did pass.
        let passed = self.dropped + in_flight + self.taken;
        SourceCounters {
            wire: filtered.map(|_| {
                nic_missed.unwrap_or(0)
                    + nic_errors.unwrap_or(0)
                    + passed
                    + kernel_rejected.unwrap_or(0)
            }),
            nic_missed,
            nic_errors,
            kernel_drops: Some(self.dropped),
            filtered,
            in_flight: Some(in_flight),
            delivered: self.delivered,
            delivered_bytes: self.delivered_bytes,
        }
    }
}
