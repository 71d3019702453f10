//! A worker's way out: each record into every output's ring.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portreeve_record::{Record, RecordSink};
use rtrb::{Producer, PushError};

use crate::counters::{MAX_OUTPUTS, WorkerCounters};
use crate::subscribe::RecordSubscriber;

/// The producing ends of one worker's rings, one for each output.
pub struct Outlet {
    rings: Vec<Producer<Record>>,
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
        lossless: bool,
        abandon: Arc<AtomicBool>,
        subscriber: Option<Box<dyn RecordSubscriber>>,
    ) -> Self {
        Outlet {
            rings,
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
}

impl RecordSink for Outlet {
    fn emit(&mut self, record: Record) {
        self.records += 1;
        if let Some(subscriber) = &mut self.subscriber {
            subscriber.record(&record);
        }
        let last = self.rings.len().saturating_sub(1);
        let mut record = Some(record);
        let counts = self.queued.iter_mut().zip(&mut self.dropped);
        for (at, (ring, (queued, dropped))) in self.rings.iter_mut().zip(counts).enumerate() {
            // The last gets the record itself: a single output, as most runs have, costs no copy.
            let own = if at == last {
                record.take()
            } else {
                record.clone()
            };
            let Some(mut rest) = own else { break };
            loop {
                match ring.push(rest) {
                    Ok(()) => {
                        *queued += 1;
                        break;
                    }
                    Err(PushError::Full(back)) => {
                        let give_up = !self.lossless
                            || ring.is_abandoned()
                            || self.abandon.load(Ordering::Relaxed);
                        if give_up {
                            *dropped += 1;
                            break;
                        }
                        rest = back;
                        std::thread::sleep(Duration::from_micros(50));
                    }
                }
            }
        }
    }
}
