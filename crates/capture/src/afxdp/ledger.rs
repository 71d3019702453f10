//! The accounts of a queue and of its interface.
//!
//! ```text
//! wire = NIC missed + NIC errors + redirected by the program
//! redirected = kernel drops + in flight + taken out of the ring
//! kernel drops = rx_dropped + rx_ring_full + what neither counts
//! ```
//!
//! `rx_fill_ring_empty_descs` is a cause and no account: the frame that found no chunk is in `rx_dropped` too when the kernel copies, and was
//! missed by the NIC when the NIC writes itself.

use std::time::{Duration, Instant};

use crate::interfaces::{self, Interface, Netlink, NicCounters};

/// A frame that was redirected so long ago is in the ring or lost.
const SETTLED_AFTER: Duration = Duration::from_millis(50);

/// What is known of a queue at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// Sent to the socket by the program. Read last, so that it is never behind the others.
    pub(super) redirected: u64,
    /// `rx_dropped` and `rx_ring_full`.
    pub(super) dropped: u64,
    /// Put into the ring: taken, or still there.
    pub(super) arrived: u64,
}

/// A queue's account.
pub(super) struct QueueLedger {
    last: Reading,
    /// When, and what had been redirected then; and the same before that.
    mark: (Instant, u64),
    settled: u64,
    closed: bool,
}

impl QueueLedger {
    pub(super) fn new() -> QueueLedger {
        QueueLedger {
            last: Reading::default(),
            mark: (Instant::now(), 0),
            settled: 0,
            closed: false,
        }
    }

    /// Takes a reading over.
    pub(super) fn read(&mut self, reading: Reading, now: Instant) {
        if now.duration_since(self.mark.0) >= SETTLED_AFTER {
            self.settled = self.mark.1;
            self.mark = (now, reading.redirected);
        }
        self.last = reading;
    }

    /// No packet is in progress any more: what did not arrive is lost.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Redirected to the socket and lost: by the socket's statistics, and what they do not have (a socket that was taken off its queue).
    pub(super) fn dropped(&self) -> u64 {
        let Reading {
            redirected,
            dropped,
            arrived,
        } = self.last;
        let settled = if self.closed {
            redirected
        } else {
            self.settled
        };
        dropped + settled.saturating_sub(dropped + arrived)
    }

    /// Redirected in all.
    pub(super) fn redirected(&self) -> u64 {
        // A statistic that ran ahead of the program's count would be a fault; the books follow what was seen.
        self.last
            .redirected
            .max(self.last.dropped + self.last.arrived)
    }
}

/// Which of the interface's counters says what was lost before the program ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Losses {
    /// A NIC's missed and bad frames.
    Missed,
    /// `rx_dropped`: the kernel's queue in front of a virtual interface was full.
    Dropped,
    /// `rx_dropped`, in which the driver counts what the socket refused, too.
    DroppedOrRefused,
}

/// The interface's own losses. They are the interface's and not a queue's: of several sources that share one, the first reports
/// them.
pub(super) enum Nic {
    Unknown,
    OnAnother,
    Mine(Box<Mine>),
}

/// The counters of the interface as this source reports them.
pub(super) struct Mine {
    netlink: Netlink,
    index: u32,
    start: NicCounters,
    losses: Losses,
    missed: u64,
    errors: Option<u64>,
    frozen: bool,
}

impl Nic {
    /// Books that begin now. `first` is the source that reports; `only` says that it has all the queues.
    pub(super) fn open(interface: &Interface, native: bool, first: bool, only: bool) -> Nic {
        let virtual_pair = interface.kind.as_deref() == Some("veth");
        let losses = if interface.counts_losses() {
            Losses::Missed
        } else if virtual_pair && !native {
            Losses::Dropped
        } else if virtual_pair && only {
            Losses::DroppedOrRefused
        } else {
            return Nic::Unknown;
        };
        if !first {
            return Nic::OnAnother;
        }
        Netlink::open()
            .and_then(|mut netlink| {
                let start = interfaces::counters(&mut netlink, interface.index)?;
                Ok(Nic::Mine(Box::new(Mine {
                    netlink,
                    index: interface.index,
                    start,
                    losses,
                    missed: 0,
                    errors: (losses == Losses::Missed).then_some(0),
                    frozen: false,
                })))
            })
            .unwrap_or(Nic::Unknown)
    }

    /// Reads the interface's counters. Call it before the queues are read, and then [`Nic::account`].
    pub(super) fn read(&mut self) -> Option<NicCounters> {
        match self {
            Nic::Mine(mine) if !mine.frozen => {
                interfaces::counters(&mut mine.netlink, mine.index).ok()
            }
            _ => None,
        }
    }

    /// What the interface counts from here on is not read any more.
    pub(super) fn freeze(&mut self) {
        if let Nic::Mine(mine) = self {
            mine.frozen = true;
        }
    }

    /// Takes the reading over; `refused` is what the sockets lost, as read after it.
    pub(super) fn account(&mut self, now: Option<NicCounters>, refused: u64) {
        let (Nic::Mine(mine), Some(now)) = (self, now) else {
            return;
        };
        let dropped = now.dropped.saturating_sub(mine.start.dropped);
        let missed = match mine.losses {
            Losses::Missed => now.missed.saturating_sub(mine.start.missed),
            Losses::Dropped => dropped,
            // The driver's counter was read first, so this is never too much.
            Losses::DroppedOrRefused => dropped.saturating_sub(refused),
        };
        mine.missed = mine.missed.max(missed);
        if let Some(errors) = &mut mine.errors {
            *errors = now.errors.saturating_sub(mine.start.errors);
        }
    }

    /// Missed and bad frames since the source was opened.
    pub(super) fn losses(&self) -> (Option<u64>, Option<u64>) {
        match self {
            Nic::Unknown => (None, None),
            Nic::OnAnother => (Some(0), Some(0)),
            Nic::Mine(mine) => (Some(mine.missed), mine.errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(redirected: u64, dropped: u64, arrived: u64) -> Reading {
        Reading {
            redirected,
            dropped,
            arrived,
        }
    }

    #[test]
    fn what_is_on_its_way_is_not_lost_until_it_had_the_time_to_arrive() {
        let start = Instant::now();
        let mut ledger = QueueLedger::new();
        ledger.read(reading(100, 5, 90), start);
        assert_eq!((ledger.redirected(), ledger.dropped()), (100, 5));
        ledger.read(reading(100, 5, 90), start + SETTLED_AFTER * 2);
        assert_eq!(ledger.dropped(), 5);
        ledger.read(reading(110, 5, 95), start + SETTLED_AFTER * 4);
        assert_eq!(ledger.dropped(), 5);
        // Of the first hundred and ten, ten never came.
        ledger.read(reading(200, 5, 95), start + SETTLED_AFTER * 6);
        assert_eq!(ledger.dropped(), 15);
        // They did after all.
        ledger.read(reading(200, 5, 195), start + SETTLED_AFTER * 7);
        assert_eq!(ledger.dropped(), 5);
    }

    #[test]
    fn at_the_end_what_did_not_arrive_is_lost() {
        let mut ledger = QueueLedger::new();
        ledger.read(reading(100, 5, 90), Instant::now());
        ledger.close();
        assert_eq!(ledger.dropped(), 10);
    }
}
