//! A worker's way out: each record into every output's ring.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portreeve_record::{Record, RecordSink, When};
use rtrb::Producer;

use crate::counters::{MAX_OUTPUTS, WorkerCounters};
use crate::order::{Stamp, Stamper};
use crate::subscribe::RecordSubscriber;

/// The producing ends of one worker's rings, one for each output.
pub struct Outlet {
    rings: Vec<Producer<Record>>,
    /// Where records of several workers are put in order.
    stamper: Option<Stamper>,
    /// Not live: rather wait than drop.
    lossless: bool,
    /// Set when waiting must end (the drain deadline passed, or a second signal).
    abandon: Arc<AtomicBool>,
    queued: [u64; MAX_OUTPUTS],
    dropped: [u64; MAX_OUTPUTS],
    records: u64,
    subscriber: Option<Box<dyn RecordSubscriber>>,
}

impl Outlet {
    pub(crate) fn new(
        rings: Vec<Producer<Record>>,
        stamper: Option<Stamper>,
        lossless: bool,
        abandon: Arc<AtomicBool>,
        subscriber: Option<Box<dyn RecordSubscriber>>,
    ) -> Self {
        Outlet {
            rings,
            stamper,
            lossless,
            abandon,
            queued: [0; MAX_OUTPUTS],
            dropped: [0; MAX_OUTPUTS],
            records: 0,
            subscriber,
        }
    }

    /// Writes what was emitted so far into the worker's counters.
    pub(crate) fn count(&self, counters: &mut WorkerCounters) {
        counters.records = self.records;
        counters.records_queued = self.queued;
        counters.records_dropped = self.dropped;
    }

    /// From now on records wait for room even if the run is live: the worker has no packets to lose any more.
    pub(crate) fn wait_for_room(&mut self) {
        self.lossless = true;
    }

    /// What orders its records, if something does.
    pub(crate) fn stamper(&mut self) -> Option<&mut Stamper> {
        self.stamper.as_mut()
    }
}

impl RecordSink for Outlet {
    fn emit(&mut self, record: Record, when: When) {
        self.records += 1;
        if let Some(subscriber) = &mut self.subscriber {
            subscriber.record(&record);
        }
        // The last gets the record itself: a single output, as most runs have, costs no copy.
        let Some(last) = self.rings.len().checked_sub(1) else {
            return;
        };
        let stamp = self.stamper.as_mut().map(|s| s.stamp(&record, when));
        for at in 0..last {
            if self.has_room(at) {
                self.put(at, record.clone(), stamp);
            }
        }
        if self.has_room(last) {
            self.put(last, record, stamp);
        }
    }
}

impl Outlet {
    /// Whether a ring takes another record, now or after a wait; if not, one is counted as dropped.
    #[inline]
    fn has_room(&mut self, at: usize) -> bool {
        let Some(ring) = self.rings.get(at) else {
            return false;
        };
        // Asked before the record is touched: it is large, and moved once.
        if !ring.is_full() || self.waited(at) {
            return true;
        }
        if let Some(dropped) = self.dropped.get_mut(at) {
            *dropped += 1;
        }
        false
    }

    /// Waits for room in a ring that is full, unless the run is live or is to end.
    #[cold]
    fn waited(&self, at: usize) -> bool {
        let Some(ring) = self.rings.get(at) else {
            return false;
        };
        while ring.is_full() {
            let give_up =
                !self.lossless || ring.is_abandoned() || self.abandon.load(Ordering::Relaxed);
            if give_up {
                return false;
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        true
    }

    /// Into a ring that has room.
    #[inline]
    fn put(&mut self, at: usize, record: Record, stamp: Option<Stamp>) {
        // First: who sees the record finds its stamp.
        if let (Some(stamper), Some(stamp)) = (&mut self.stamper, stamp) {
            stamper.put(at, stamp);
        }
        let (Some(ring), Some(queued)) = (self.rings.get_mut(at), self.queued.get_mut(at)) else {
            return;
        };
        // Only a conversation's end fills a place of the ring: of what is a pointer, no more than that is to be moved.
        let pushed = match record {
            Record::App(app) => ring.push(Record::App(app)),
            other => ring.push(other),
        };
        *queued += u64::from(pushed.is_ok());
    }
}
