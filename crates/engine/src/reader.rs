//! The reader of a shared source: one thread that shares the frames out to the workers, by reference where it can.
//!
//! A file's reader waits for the workers, and nothing is lost. A live one, for an interface with one queue (software RSS), waits for nobody: a full
//! lane costs the frame, counted. Packet buffers that went out by reference come back with their batches and go to the source after
//! each burst; at the end the source stays until they are all back.
//!
//! A file's reader tells workers without frames the time whenever it waits: outputs wait to hear from each worker how far it is ([`crate::merge`]).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use portreeve_capture::{Batch, Burst, Fetch, Frame, Loan, Source};
use portreeve_packet::{DecodeOptions, Outcome, Views, decode};

use crate::bins::Bins;
use crate::clock::Clock;
use crate::counters::{Cell, WorkerCounters, count_lent};
use crate::home::{Home, Homes};
use crate::lane::{Errand, LaneOut};
use crate::pipeline::Gate;
use crate::shared::Shared;
use crate::strategy::{News, Step, Strategy};
use crate::worker::{PUBLISH, READ_COUNTERS, WALL_CLOCK_LAG, wall_clock};

/// Bursts after which every worker is told the time, with frames or without; and sent what waits for its batch to fill.
const TELL_TIME: u64 = 16;
/// While buffers are out the reader does not sleep longer: without them its source may have none left to receive into, and wakes nobody.
const WAIT_FOR_BUFFERS: Duration = Duration::from_millis(1);
/// How long the end of a live source waits for the buffers that are out.
const LAST_BUFFERS: Duration = Duration::from_secs(2);

/// The reader, ready to run on its thread.
pub(crate) struct Reader {
    /// `Some` until it has ended.
    pub(crate) source: Option<Box<dyn Source>>,
    pub(crate) lanes: Vec<LaneOut>,
    pub(crate) gate: Gate,
    pub(crate) homes: Homes,
    pub(crate) decode: DecodeOptions,
    pub(crate) views: Box<Views>,
    pub(crate) counters: WorkerCounters,
    pub(crate) clock: Clock,
    pub(crate) cell: Arc<Cell>,
    pub(crate) shared: Arc<Shared>,
    /// What comes by the millisecond, where somebody may look.
    pub(crate) bins: Option<Bins>,
    pub(crate) strategy: Strategy,
    /// The longest one sleep.
    pub(crate) longest_sleep: Duration,
    pub(crate) live: bool,
    pub(crate) settings_version: u64,
    /// Loans on their way from the lanes to the source.
    pub(crate) loans: Vec<Loan>,
    /// Buffers that are out.
    pub(crate) out: u64,
    /// Frames have come since it slept.
    pub(crate) found: bool,
}

impl Reader {
    /// Runs until the source ends or a stop is asked for, and has been drained if it is live.
    pub(crate) fn run(mut self) {
        self.strategy.settle_in();
        self.counters.source_count = 1;
        if self.live {
            let source = self.source.iter().map(Box::as_ref);
            self.strategy.watch(source, &mut self.counters);
        }
        self.read_counters();
        self.cell.publish(&self.counters);
        let (mut read, mut published) = (Instant::now(), Instant::now());
        let mut stopped = false;
        while !self.shared.abandoned() {
            if !stopped && (self.shared.stopping() || self.gate.is_done()) {
                stopped = true;
                // What stands in a file was not taken from anyone: there is nothing to drain.
                if !self.live {
                    break;
                }
                self.strategy.stop_watching();
                if let Some(source) = &mut self.source {
                    source.stop();
                }
            }
            self.take_over_settings();
            let Some(found) = self.burst() else { break };
            self.collect();
            let round = self.strategy.round(found, &mut self.counters);
            if let Some(now) = round {
                if self.live && now.duration_since(read) >= READ_COUNTERS {
                    read = now;
                    self.read_counters();
                }
                if now.duration_since(published) >= PUBLISH {
                    published = now;
                    self.publish();
                }
            }
            match round.filter(|_| !found) {
                None => {}
                Some(now) => {
                    self.flush(false);
                    match self.strategy.next_step(now) {
                        _ if !self.live => self.sleep(stopped),
                        Step::Pause => std::hint::spin_loop(),
                        Step::Yield => std::thread::yield_now(),
                        Step::Sleep => self.sleep(stopped),
                    }
                }
            }
        }
        self.end();
    }

    /// Shares out one burst. Whether there was one; `None` at the end.
    fn burst(&mut self) -> Option<bool> {
        let mut source = self.source.take()?;
        let found = self.share(source.as_mut());
        self.source = Some(source);
        found
    }

    /// The same with the source in hand.
    fn share(&mut self, source: &mut dyn Source) -> Option<bool> {
        let timed = self.strategy.awaits_first() && source.stamps_on_arrival();
        match source.next_burst() {
            Ok(Fetch::Frames(burst)) => {
                if timed && let Some(frame) = burst.frame(0) {
                    let late = wall_clock().saturating_sub(frame.timestamp).max(0);
                    self.strategy
                        .first_frame(late.unsigned_abs(), &mut self.counters);
                }
                let bytes = self.way_out().share(&burst);
                self.found = true;
                if let Some(bins) = &mut self.bins {
                    bins.count(&burst, bytes);
                }
            }
            Ok(Fetch::Empty) => return Some(false),
            Ok(Fetch::End) => return None,
            Err(error) => {
                let name = source.info().name.clone();
                self.shared.report(&name, error);
            }
        }
        self.counters.bursts += 1;
        if self.counters.bursts.is_multiple_of(TELL_TIME) {
            self.flush(true);
        }
        if let Some(position) = source.position() {
            self.shared.position.store(position, Ordering::Relaxed);
        }
        Some(true)
    }

    fn way_out(&mut self) -> Out<'_> {
        Out {
            lanes: &mut self.lanes,
            gate: &mut self.gate,
            homes: &mut self.homes,
            decode: &self.decode,
            views: &mut self.views,
            counters: &mut self.counters,
            clock: &mut self.clock,
            shared: &self.shared,
            live: self.live,
            out: &mut self.out,
        }
    }

    /// Packet buffers that the workers are done with go back to the source.
    #[inline]
    fn collect(&mut self) {
        if self.out == 0 {
            return;
        }
        for lane in &mut self.lanes {
            lane.collect(&mut self.loans);
        }
        if let Some(source) = &mut self.source
            && !self.loans.is_empty()
        {
            self.out -= (self.loans.len() as u64).min(self.out);
            source.take_back(&mut self.loans);
        }
    }

    /// Sends what waits for its batch to fill; with `tell_time`, the time alone where nothing does.
    fn flush(&mut self, tell_time: bool) {
        if !self.homes.early.is_empty() {
            self.let_go_of_overdue();
        }
        let now = self.clock.now();
        for lane in &mut self.lanes {
            lane.flush(now, tell_time);
        }
        if let Some(tap) = &mut self.gate.tap {
            tap.flush(now, false);
        }
    }

    /// Fragments whose first does not come wait no longer. Live, also when nothing comes at all.
    #[cold]
    fn let_go_of_overdue(&mut self) {
        if self.live {
            self.clock.observe(wall_clock() - WALL_CLOCK_LAG);
        }
        let now = self.clock.now();
        let mut out = self.way_out();
        while let Some(place) = now.and_then(|now| out.homes.overdue(now)) {
            out.let_go(place, None);
        }
    }

    fn sleep(&mut self, stopped: bool) {
        if !self.live {
            self.cell.publish(&self.counters);
            // A pipe with nothing in it yet. What is there by now is not to wait for more: its time is over.
            if std::mem::take(&mut self.found)
                && let Some(now) = self.clock.now()
            {
                self.clock.catch_up(now.saturating_add(1));
            }
            let now = self.clock.now();
            for lane in &mut self.lanes {
                lane.tell(now);
            }
            if let Some(source) = &mut self.source {
                let most = self.longest_sleep;
                // What ended it, its next burst tells.
                let _ = self
                    .strategy
                    .wait(source.as_mut(), most, &mut self.counters);
            }
            return;
        }
        let news = News {
            lanes: &[],
            shared: &self.shared,
            stopped,
            closing: false,
            settings_version: self.settings_version,
            most: if self.out == 0 {
                self.longest_sleep
            } else {
                WAIT_FOR_BUFFERS
            },
        };
        if let Some(bins) = &mut self.bins {
            bins.publish();
        }
        let source = std::slice::from_mut(&mut self.source);
        self.strategy
            .sleep(source, &mut self.counters, &self.cell, &news);
    }

    fn publish(&mut self) {
        if let Some(bins) = &mut self.bins {
            bins.publish();
        }
        self.cell.publish(&self.counters);
    }

    fn take_over_settings(&mut self) {
        let version = self.shared.version();
        if version != self.settings_version {
            self.settings_version = version;
            if self.live {
                self.strategy.wait_by(self.shared.waiting());
            }
            if let Some(settings) = self.shared.settings() {
                let source = std::slice::from_mut(&mut self.source);
                self.gate.take_filter(settings.filter, source, &self.shared);
            }
        }
    }

    fn read_counters(&mut self) {
        if let Some(source) = &mut self.source {
            self.counters.sources[0] = source.counters();
        }
    }

    fn end(mut self) {
        self.read_counters();
        let mut out = self.way_out();
        while let Some(place) = out.homes.early.any() {
            out.let_go(place, None);
        }
        for lane in self.lanes.iter_mut().chain(&mut self.gate.tap) {
            lane.flush(self.clock.now(), true);
        }
        // Not every lane had a batch to spare for it.
        if let Some(now) = self.clock.now() {
            self.shared.last_time.store(now, Ordering::Release);
        }
        self.cell.publish(&self.counters);
        // What the workers still read stays: its region does, whatever happens; and a source that has all its buffers back ends cleanly.
        let begin = Instant::now();
        while self.out > 0
            && begin.elapsed() < LAST_BUFFERS
            && !self.shared.abandoned()
            && !self.lanes.iter().any(LaneOut::is_abandoned)
        {
            std::thread::sleep(Duration::from_micros(100));
            self.collect();
        }
        // The lanes close; then nobody sends any more.
        self.lanes.clear();
        self.gate.tap = None;
        self.source = None;
        self.shared.sent_all();
        self.shared.running.fetch_sub(1, Ordering::AcqRel);
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
    live: bool,
    out: &'a mut u64,
}

impl Out<'_> {
    /// Shares the frames out; how many bytes they had on the wire.
    fn share(mut self, burst: &Burst<'_>) -> u64 {
        let (mut frames, mut bytes) = (0, 0);
        for (index, frame) in burst.frames().enumerate() {
            frames += 1;
            bytes += u64::from(frame.wire_len);
            self.clock.observe(frame.timestamp);
            let Some(frame) = self.gate.pass(&frame, 0, self.counters) else {
                continue;
            };
            self.views.clear();
            let outcome = decode(&frame.bytes(0), self.decode, self.views);
            // Frames without a conversation: their worker counts why. Live they are spread, since they may be many; a file's go to one worker, which samples them as one alone does.
            let home = match outcome {
                Outcome::Analysed(_) => match self.homes.of(self.views, 0) {
                    Some(Home::At(home)) => home,
                    Some(Home::Behind(home)) => {
                        self.let_pass(home);
                        home
                    }
                    Some(Home::Unknown) => {
                        self.hold(burst, index, &frame);
                        continue;
                    }
                    None => 0,
                },
                _ if self.live => index % self.lanes.len(),
                _ => 0,
            };
            if let Some(quoted) = self.homes.of_quoted(self.views, 0)
                && quoted != home
                && !self.send(burst, index, &frame, quoted, Errand::Note)
            {
                // The error is counted at its home; an annotation less is a fact not kept.
                self.counters.pool_full += 1;
            }
            // The home finds the same quote in the frame; it looks for the quoted flow, and does not have it.
            self.hand_out(burst, index, &frame, home);
        }
        self.counters.delivered += frames;
        self.counters.delivered_bytes += bytes;
        count_lent(&mut self.counters.sources[0], frames, bytes);
        bytes
    }

    /// Has a fragment wait for its first: by reference where that can be, but not in a buffer, which its source needs back.
    #[cold]
    fn hold(&mut self, burst: &Burst<'_>, index: usize, frame: &Frame<'_>) {
        let Some(view) = self.views.as_slice().first().copied() else {
            return;
        };
        let now = self.clock.now().unwrap_or(view.timestamp);
        let copied = !burst.may_leave(index) || burst.has_buffers();
        // Twice: something may have to make room.
        for _ in 0..2 {
            let put = |batch: &mut Batch| {
                let taken = if copied {
                    batch.push_copy(frame)
                } else {
                    batch.push_shared(burst, index)
                };
                taken.is_ok()
            };
            match self.homes.hold(&view, 0, now, put) {
                Ok(()) => {
                    self.counters.fragments_waiting += 1;
                    return;
                }
                Err(place) => self.let_go(place, None),
            }
        }
        self.counters.hand_over_full += 1;
    }

    /// Lets what waited for the first fragment at hand go home before it.
    #[cold]
    fn let_pass(&mut self, home: usize) {
        let Some(view) = self.views.as_slice().first().copied() else {
            return;
        };
        while let Some(place) = self.homes.waiting(&view) {
            self.let_go(place, Some(home));
        }
    }

    /// Lets go of the fragments that wait in a place: to their home, or where that is not known to the worker that their addresses select.
    #[cold]
    fn let_go(&mut self, place: usize, home: Option<usize>) {
        let Some(left) = self.homes.early.take(place) else {
            return;
        };
        let burst = left.batch.shared_burst();
        self.counters.fragments_waiting -= burst.len() as u64;
        for (index, frame) in burst.frames().enumerate() {
            self.hand_out(&burst, index, &frame, home.unwrap_or(left.alone));
        }
        self.homes.early.give_back(left);
    }

    #[inline]
    fn hand_out(&mut self, burst: &Burst<'_>, index: usize, frame: &Frame<'_>, home: usize) {
        if self.send(burst, index, frame, home, Errand::Frame) {
            self.counters.handed_out += 1;
        } else {
            self.counters.hand_over_full += 1;
        }
    }

    /// By reference where that can be; a packet buffer goes to one place only, so a note is a copy. A file waits until there is room; false if there
    /// is none, or the run is abandoned meanwhile.
    fn send(
        &mut self,
        burst: &Burst<'_>,
        index: usize,
        frame: &Frame<'_>,
        to: usize,
        errand: Errand,
    ) -> bool {
        let now = self.clock.now();
        // A frame that spans buffers stands in the source's own memory, and one goes to one place by reference.
        let copied = !burst.may_leave(index) || (burst.has_buffers() && errand == Errand::Note);
        loop {
            let Some(lane) = self.lanes.get_mut(to) else {
                return false;
            };
            let sent = if copied {
                lane.push_copy(frame, errand, now)
            } else {
                lane.push_shared(burst, index, errand, now)
            };
            if sent.is_ok() {
                *self.out += u64::from(!copied && burst.has_buffers());
                return true;
            }
            if self.live || lane.is_abandoned() || self.shared.abandoned() {
                return false;
            }
            // That worker may wait for an output, which waits to hear how far the others are.
            for lane in &mut *self.lanes {
                lane.tell(now);
            }
            std::thread::sleep(Duration::from_micros(20));
        }
    }
}
