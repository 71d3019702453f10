//! The reader of a shared source: one thread that shares the frames out to the workers, by reference.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portreeve_capture::{Burst, Fetch, Source};
use portreeve_packet::{DecodeOptions, Outcome, Views, decode};

use crate::clock::Clock;
use crate::counters::{Cell, WorkerCounters};
use crate::home::Homes;
use crate::lane::{Errand, LaneOut};
use crate::pipeline::Gate;
use crate::shared::Shared;

/// Bursts after which every worker is told the time, with frames or without.
const TELL_TIME: u64 = 16;

/// The reader, ready to run on its thread. Its source is not live: it waits for the workers, and nothing is lost.
pub(crate) struct Reader {
    pub(crate) source: Box<dyn Source>,
    pub(crate) lanes: Vec<LaneOut>,
    pub(crate) gate: Gate,
    pub(crate) homes: Homes,
    pub(crate) decode: DecodeOptions,
    pub(crate) views: Box<Views>,
    pub(crate) counters: WorkerCounters,
    pub(crate) clock: Clock,
    pub(crate) cell: Arc<Cell>,
    pub(crate) shared: Arc<Shared>,
}

impl Reader {
    /// Runs until the source ends or a stop is asked for.
    pub(crate) fn run(mut self) {
        self.counters.source_count = 1;
        self.counters.sources[0] = self.source.counters();
        while !self.shared.stopping() && !self.gate.is_done() {
            match self.source.next_burst() {
                Ok(Fetch::Frames(burst)) => {
                    let out = Out {
                        lanes: &mut self.lanes,
                        gate: &mut self.gate,
                        homes: &mut self.homes,
                        decode: &self.decode,
                        views: &mut self.views,
                        counters: &mut self.counters,
                        clock: &mut self.clock,
                        shared: &self.shared,
                    };
                    out.share(&burst);
                }
                Ok(Fetch::Empty) => {
                    // A pipe with nothing in it yet.
                    let _ = self.source.wait(Duration::from_millis(100));
                }
                Ok(Fetch::End) => break,
                Err(error) => self.shared.report(&self.source.info().name, error),
            }
            self.after_burst();
        }
        self.counters.sources[0] = self.source.counters();
        for lane in self.lanes.iter_mut().chain(&mut self.gate.tap) {
            lane.flush(self.clock.now(), true);
        }
        // Not every lane had a batch to spare for it.
        if let Some(now) = self.clock.now() {
            self.shared.last_time.store(now, Ordering::Release);
        }
        self.cell.publish(&self.counters);
        // The lanes close; then nobody sends any more.
        self.lanes.clear();
        self.gate.tap = None;
        self.shared.sent_all();
        self.shared.running.fetch_sub(1, Ordering::AcqRel);
    }

    fn after_burst(&mut self) {
        self.counters.bursts += 1;
        if self.counters.bursts.is_multiple_of(TELL_TIME) {
            for lane in &mut self.lanes {
                lane.flush(self.clock.now(), true);
            }
        }
        if let Some(position) = self.source.position() {
            self.shared.position.store(position, Ordering::Relaxed);
        }
        self.cell.publish(&self.counters);
    }
}

/// The reader without its source, which the burst borrows.
struct Out<'a> {
    lanes: &'a mut [LaneOut],
    gate: &'a mut Gate,
    homes: &'a mut Homes,
    decode: &'a DecodeOptions,
    views: &'a mut Views,
    counters: &'a mut WorkerCounters,
    clock: &'a mut Clock,
    shared: &'a Shared,
}

impl Out<'_> {
    fn share(mut self, burst: &Burst<'_>) {
        for (index, frame) in burst.frames().enumerate() {
            self.counters.delivered += 1;
            self.counters.delivered_bytes += u64::from(frame.wire_len);
            let account = &mut self.counters.sources[0];
            account.delivered += 1;
            account.delivered_bytes += u64::from(frame.wire_len);
            if let Some(wire) = &mut account.wire {
                *wire += 1;
            }
            self.clock.observe(frame.timestamp);
            let Some(frame) = self.gate.pass(frame, 0, self.counters) else {
                continue;
            };
            self.views.clear();
            let outcome = decode(&frame.bytes(0), self.decode, self.views);
            // Frames without a conversation are spread too: their worker counts why.
            let home = match outcome {
                Outcome::Analysed(_) => self.homes.of(self.views, 0).unwrap_or(0),
                _ => index % self.lanes.len(),
            };
            if let Some(quoted) = self.homes.of_quoted(self.views, 0)
                && quoted != home
            {
                self.send(burst, index, quoted, Errand::Note);
            }
            // The home finds the same quote in the frame; it looks for the quoted flow, and does not have it.
            if self.send(burst, index, home, Errand::Frame) {
                self.counters.handed_out += 1;
            } else {
                self.counters.hand_over_full += 1;
            }
        }
    }

    /// Waits until there is room; false if the run is abandoned meanwhile.
    fn send(&mut self, burst: &Burst<'_>, index: usize, to: usize, errand: Errand) -> bool {
        let Some(lane) = self.lanes.get_mut(to) else {
            return false;
        };
        while lane
            .push_shared(burst, index, errand, self.clock.now())
            .is_err()
        {
            if lane.is_abandoned() || self.shared.abandoned() {
                return false;
            }
            std::thread::sleep(Duration::from_micros(20));
        }
        true
    }
}
