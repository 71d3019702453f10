//! The stages of a burst: decode all, find homes, look up and update all, tally.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portreeve_app::{Frames, Stage};
use portreeve_capture::burst::MAX_BURST;
use portreeve_capture::{Batch, Burst, Frame, Source};
use portreeve_flow::Tracker;
use portreeve_packet::{DecodeOptions, Outcome, Undecodable, Views, decode};
use portreeve_record::{Record, RecordSink, SourceId, Weird, When};

use crate::bins::Bins;
use crate::clock::Clock;
use crate::config::{FrameFilter, NewFilter};
use crate::counters::{WorkerCounters, count_lent};
use crate::home::{Home, Homes};
use crate::lane::{Errand, LaneOut};
use crate::shared::Shared;
use crate::sink::Outlet;
use crate::subscribe::PacketSubscriber;
use crate::talkers::Tallies;

/// Room for copies in a batch on the way to the packet writer: more than any frame has.
pub(crate) const TAP_COPY_BYTES: usize = 512 << 10;

/// Bursts whose hand-overs share a batch.
const BURSTS_A_BATCH: u64 = 8;

/// Full bursts in a row from which on flows that begin are not looked into: the ring fills, and packets come first.
const FULL_BURSTS: u32 = 64;

/// The frames of a burst, for the application stage.
struct Lent<'a, 'b>(&'a Burst<'b>);

impl Frames for Lent<'_, '_> {
    #[inline]
    fn bytes(&self, frame: u16) -> &[u8] {
        self.0.frame(frame.into()).map_or(&[], |frame| frame.data)
    }
}

/// How a burst came to this worker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// From the worker's own source of this index: not yet filtered, not yet at home.
    Source(u16),
    /// From another thread, filtered and at home; bit i: frame i is only a note for the flow it quotes.
    HandedIn {
        /// See [`crate::lane::Parcel`].
        notes: u64,
    },
}

/// What a frame passes before it is decoded, in the thread that took it from its source.
pub(crate) struct Gate {
    /// Filters that run in user space, by source.
    pub(crate) filters: Vec<Option<FrameFilter>>,
    /// What these filters were made by, if they are not those that the sources were opened with.
    pub(crate) made_by: Option<NewFilter>,
    /// Bytes of a frame that are looked at.
    pub(crate) snap_len: u32,
    /// Frames that may still pass.
    pub(crate) left: Option<u64>,
    /// The lane to the packet writer.
    pub(crate) tap: Option<LaneOut>,
    /// Not live: wait for the writer.
    pub(crate) lossless: bool,
    /// Set when waiting must end.
    pub(crate) abandon: Arc<AtomicBool>,
}

impl Gate {
    /// The frame, cut to size, if it passes.
    #[inline(never)]
    pub(crate) fn pass<'a>(
        &mut self,
        frame: &Frame<'a>,
        source: u16,
        counters: &mut WorkerCounters,
    ) -> Option<Frame<'a>> {
        if let Some(Some(filter)) = self.filters.get_mut(usize::from(source))
            && !filter(frame)
        {
            counters.filtered += 1;
            return None;
        }
        if let Some(left) = &mut self.left {
            if *left == 0 {
                counters.beyond_count += 1;
                return None;
            }
            *left -= 1;
        }
        let mut frame = *frame;
        self.cut(&mut frame);
        if self.tap.is_some() {
            self.tap(&frame, counters);
        }
        Some(frame)
    }

    /// Has another filter decide from now on, if it is another one. A source that cannot let go of its own keeps it beside: `shared` is told.
    pub(crate) fn take_filter(
        &mut self,
        new: Option<NewFilter>,
        sources: &mut [Option<Box<dyn Source>>],
        shared: &Shared,
    ) {
        let Some(new) = new else { return };
        if self.made_by.as_ref().is_some_and(|old| old.is(&new)) {
            return;
        }
        for (filter, source) in self.filters.iter_mut().zip(sources) {
            if let Some(Err(error)) = source.as_mut().map(|source| source.lift_filter()) {
                shared.tell(vec![format!("{error}; the filter before holds as well")]);
            }
            *filter = new.make();
        }
        self.made_by = Some(new);
    }

    /// Whether every frame passes, cut to size.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.left.is_none() && self.tap.is_none() && self.filters.iter().all(Option::is_none)
    }

    /// Cuts a frame to the snap length.
    #[inline]
    pub(crate) fn cut(&self, frame: &mut Frame<'_>) {
        frame.data = &frame.data[..frame.data.len().min(self.snap_len as usize)];
    }

    /// Whether the packet count that was asked for is reached.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    #[cold]
    fn tap(&mut self, frame: &Frame<'_>, counters: &mut WorkerCounters) {
        let Some(lane) = &mut self.tap else { return };
        while lane
            .push_copy(frame, Errand::Frame, Some(frame.timestamp))
            .is_err()
        {
            let give_up = !self.lossless
                || lane.is_abandoned()
                || frame.data.len() > TAP_COPY_BYTES
                || self.abandon.load(Ordering::Relaxed);
            if give_up {
                counters.write_dropped += 1;
                return;
            }
            std::thread::sleep(std::time::Duration::from_micros(50));
        }
        counters.write_queued += 1;
    }
}

/// What the frames of one burst add up to.
#[derive(Default)]
struct Sums {
    frames: u64,
    /// On the wire.
    bytes: u64,
    /// Of these frames, those that are not analysed here.
    left_out: u64,
    left_out_bytes: u64,
}

impl Sums {
    #[inline]
    fn leave_out(&mut self, wire_len: u32) {
        self.left_out += 1;
        self.left_out_bytes += u64::from(wire_len);
    }
}

/// Everything between a worker's bursts and its records.
pub(crate) struct Pipeline {
    pub(crate) worker: usize,
    pub(crate) gate: Gate,
    pub(crate) decode: DecodeOptions,
    pub(crate) views: Box<Views>,
    pub(crate) tracker: Tracker,
    /// What looks into conversations, if they are looked into.
    pub(crate) applications: Option<Stage>,
    /// Who sees packets.
    pub(crate) subscriber: Option<Box<dyn PacketSubscriber>>,
    /// Full bursts in a row.
    pub(crate) full_bursts: u32,
    pub(crate) outlet: Outlet,
    pub(crate) tallies: Option<Tallies>,
    /// What comes by the millisecond, where somebody may look.
    pub(crate) bins: Option<Bins>,
    pub(crate) counters: WorkerCounters,
    pub(crate) clock: Clock,
    /// Notes for other workers' flows that found no room.
    pub(crate) notes_lost: u64,
    pub(crate) homes: Homes,
    /// Lanes to the other workers, by number; this worker's own is `None`. Empty for a single worker.
    pub(crate) mesh: Vec<Option<LaneOut>>,
}

impl Pipeline {
    /// Takes one burst through all stages.
    pub(crate) fn take(&mut self, burst: &Burst<'_>, arrival: Arrival) {
        let steer = !self.mesh.is_empty() && matches!(arrival, Arrival::Source(_));
        let mut sums = self.see(burst, arrival, steer);
        let open = self.gate.is_open();
        self.shed(burst.len());
        // Who takes a frame by reference is given a copy, `&{ frame }`: so this one stays in registers. And nothing is counted of the usual one: what is left out is.
        for (index, mut frame) in burst.frames().enumerate() {
            match arrival {
                Arrival::Source(source) => {
                    if steer {
                        self.clock.observe(frame.timestamp);
                    }
                    if open {
                        self.gate.cut(&mut frame);
                    } else {
                        match self.gate.pass(&{ frame }, source, &mut self.counters) {
                            Some(passed) => frame = passed,
                            None => {
                                sums.leave_out(frame.wire_len);
                                continue;
                            }
                        }
                    }
                }
                Arrival::HandedIn { notes } => {
                    if notes & (1 << (index % 64)) != 0 {
                        sums.frames -= 1;
                        sums.bytes -= u64::from(frame.wire_len);
                        self.annotate(&{ frame }, burst);
                        continue;
                    }
                    // Frames by reference come whole.
                    self.gate.cut(&mut frame);
                }
            }
            if !self.views.has_room() {
                self.track(burst);
            }
            let first = self.views.len();
            let outcome = decode(&frame.bytes(index as u16), &self.decode, &mut self.views);
            if let Outcome::Analysed(_) = outcome {
                if steer && self.steer(burst, &frame, first) {
                    sums.leave_out(frame.wire_len);
                    continue;
                }
                self.tracker.look_ahead(&mut self.views);
            } else {
                sums.leave_out(frame.wire_len);
                self.count_apart(frame.timestamp, outcome);
            }
        }
        self.track(burst);
        self.add(&sums, arrival);
        if let (Some(bins), Arrival::Source(_)) = (&mut self.bins, arrival) {
            bins.count(burst, sums.bytes);
        }
        // Small bursts fill a batch together, but not for long: its frames' flows go on elsewhere.
        if steer && self.counters.bursts.is_multiple_of(BURSTS_A_BATCH) {
            self.flush_lanes();
        }
        self.counters.bursts += 1;
    }

    /// Takes frames that the reader of a file handed in, by its time `now`; and says of the outlet's records which may be handed out. All that is due
    /// by then ends here: what ends later is not to be of before.
    pub(crate) fn take_in_order(&mut self, burst: &Burst<'_>, arrival: Arrival, now: Option<i64>) {
        if let Some(now) = now {
            // The reader saw every frame, and moved its clock with care.
            self.clock.catch_up(now);
        }
        let now = self.clock.now().unwrap_or(i64::MIN);
        if let Some(stamper) = self.outlet.stamper() {
            stamper.expect(now, burst.frames().map(|frame| frame.timestamp));
        }
        if !burst.is_empty() {
            self.take(burst, arrival);
        }
        while self.advance() {}
        if let Some(stamper) = self.outlet.stamper() {
            stamper.raise();
        }
    }

    /// What the times and lengths of a burst's frames say, before any is looked into.
    #[inline]
    fn see(&mut self, burst: &Burst<'_>, arrival: Arrival, steer: bool) -> Sums {
        let (mut bytes, mut latest) = (0u64, i64::MIN);
        for frame in burst.frames() {
            bytes += u64::from(frame.wire_len);
            latest = latest.max(frame.timestamp);
        }
        self.counters.newest_packet = self.counters.newest_packet.max(latest.max(0) as u64);
        // What is handed on goes with the time that it is by then, and not with the time of the burst's end.
        if matches!(arrival, Arrival::Source(_)) && !steer && !burst.is_empty() {
            let times = burst.frames().map(|frame| frame.timestamp);
            self.clock.observe_all(latest, times);
        }
        Sums {
            frames: burst.len() as u64,
            bytes,
            ..Sums::default()
        }
    }

    /// Sends what waits for its batch to fill: when there is nothing else to do, and at the end. Between two bursts.
    pub(crate) fn flush_lanes(&mut self) {
        let now = self.clock.now();
        if !self.homes.early.is_empty() {
            while let Some(place) = now.and_then(|now| self.homes.overdue(now)) {
                self.let_go(place, None);
            }
        }
        for lane in self.mesh.iter_mut().flatten().chain(&mut self.gate.tap) {
            lane.flush(now, false);
        }
    }

    /// What waits for its first waits no longer: at the end.
    pub(crate) fn let_go_of_all(&mut self) {
        while let Some(place) = self.homes.early.any() {
            self.let_go(place, None);
        }
    }

    /// Time goes on: due flows end, records are made of what is over. Returns whether more is due.
    pub(crate) fn advance(&mut self) -> bool {
        match self.clock.now() {
            Some(now) => match &mut self.applications {
                Some(stage) => {
                    let watcher = &mut stage.over(&());
                    self.tracker.advance_watched(now, watcher, &mut self.outlet)
                }
                None => self.tracker.advance(now, &mut self.outlet),
            },
            None => false,
        }
    }

    /// Ends every flow: first those that were over by now, then the rest. So the reasons do not depend on how far the expiry wheel got.
    pub(crate) fn finish(&mut self) {
        self.outlet.wait_for_room();
        while self.advance() {}
        if let Some(stamper) = self.outlet.stamper() {
            stamper.end();
        }
        match &mut self.applications {
            Some(stage) => {
                let watcher = &mut stage.over(&());
                while self.tracker.drain_watched(watcher, &mut self.outlet) {}
            }
            None => self.tracker.finish(&mut self.outlet),
        }
    }

    /// Brings the flow and record counts into the counters, which then balance.
    pub(crate) fn settle(&mut self) {
        let flows = self.tracker.counters();
        self.counters.flows_opened = flows.opened;
        self.counters.flows_active = flows.active;
        self.counters.flows_refused = flows.refused;
        self.counters.duplicates = flows.duplicates;
        self.counters.fragments_unmatched = flows.fragments_unmatched;
        self.counters.fragments_held = flows.fragments_held;
        self.counters.pool_full = flows.pool_full + self.notes_lost;
        self.counters.absurd_timestamps = flows.absurd_timestamps;
        self.counters.weirds_suppressed = flows.weirds_suppressed;
        for (to, from) in self.counters.flows_ended.iter_mut().zip(flows.ended) {
            *to = from;
        }
        if let Some(stage) = &self.applications {
            let found = stage.counters();
            self.counters.app_opened = found.opened;
            self.counters.app_open = found.open;
            self.counters.app_recognised = found.recognised;
            self.counters.app_refused = found.refused;
            self.counters.app_shed = found.shed;
            self.counters.app_given_up = found.given_up;
            self.counters.app_outside_window = found.outside_window;
            self.counters.app_datagrams_whole = found.datagrams_whole;
            self.counters.app_datagrams_given_up = found.datagrams_given_up;
            self.counters.weirds_suppressed += found.weirds_suppressed;
        }
        if let Some(tallies) = &self.tallies {
            self.counters.way_packets = tallies.ways.packets;
            self.counters.way_bytes = tallies.ways.bytes;
        }
        if let Some(bins) = &mut self.bins {
            bins.publish();
        }
        self.outlet.count(&mut self.counters);
    }

    /// Live, when burst after burst is full, packets come before what they say: flows that begin now are not looked into.
    #[inline]
    fn shed(&mut self, frames: usize) {
        if frames < MAX_BURST {
            if self.full_bursts >= FULL_BURSTS {
                self.set_shedding(false);
            }
            self.full_bursts = 0;
        } else {
            self.full_bursts = self.full_bursts.saturating_add(1);
            if self.full_bursts == FULL_BURSTS && !self.gate.lossless {
                self.set_shedding(true);
            }
        }
    }

    #[cold]
    fn set_shedding(&mut self, yes: bool) {
        if let Some(stage) = &mut self.applications {
            stage.shed(yes);
        }
    }

    #[inline]
    fn track(&mut self, burst: &Burst<'_>) {
        if self.views.is_empty() {
            return;
        }
        self.counters.views += self.views.len() as u64;
        if let Some(subscriber) = &mut self.subscriber {
            let frames = Lent(burst);
            for view in self.views.as_slice() {
                let frame = frames.bytes(view.frame);
                let cut = frame.len().min(self.gate.snap_len as usize);
                subscriber.packet(view, frame.get(..cut).unwrap_or_default());
            }
        }
        match &mut self.applications {
            Some(stage) => {
                let frames = Lent(burst);
                let watcher = &mut stage.over(&frames);
                self.tracker
                    .process_watched(&mut self.views, watcher, &mut self.outlet);
            }
            None => self.tracker.process(&mut self.views, &mut self.outlet),
        }
        if let Some(tallies) = &mut self.tallies {
            let frame = |index: u16| burst.frame(index.into());
            tallies.tally(self.views.as_slice(), |index| {
                frame(index).map_or(0, |frame| frame.wire_len)
            });
        }
        self.views.clear();
    }

    fn add(&mut self, sums: &Sums, arrival: Arrival) {
        self.counters.analysed += sums.frames - sums.left_out;
        self.counters.analysed_bytes += sums.bytes - sums.left_out_bytes;
        let Arrival::Source(source) = arrival else {
            self.counters.handed_in += sums.frames;
            return;
        };
        self.counters.delivered += sums.frames;
        self.counters.delivered_bytes += sums.bytes;
        if let Some(account) = self.counters.sources.get_mut(usize::from(source)) {
            count_lent(account, sums.frames, sums.bytes);
        }
    }

    /// Counts a frame that is in no flow.
    #[cold]
    fn count_apart(&mut self, timestamp: i64, outcome: Outcome) {
        match outcome {
            Outcome::Analysed(_) => {}
            Outcome::NotIp(ethertype) => self.counters.count_not_ip(ethertype),
            Outcome::Undecodable(reason) => self.undecodable(reason, timestamp),
        }
    }

    #[cold]
    fn undecodable(&mut self, reason: Undecodable, timestamp: i64) {
        let Some(count) = self.counters.undecodable.get_mut(reason as usize) else {
            return;
        };
        *count += 1;
        // The counter is complete; of the records, the 1st, 10th, 100th … are enough to find the cause.
        if count.is_power_of_ten() {
            let addl = Some(*count);
            let weird = Weird {
                ts: timestamp,
                uid: None,
                endpoints: None,
                name: reason.name(),
                addl,
                source: SourceId(self.views.source),
            };
            self.outlet
                .emit(Record::Weird(weird), When::packet(timestamp));
        }
    }

    /// Sends the frame whose views are `views[first..]` home, if that is elsewhere: then it is no longer ours. What it quotes may be
    /// elsewhere too: then a note goes there.
    #[inline]
    fn steer(&mut self, burst: &Burst<'_>, frame: &Frame<'_>, mut first: usize) -> bool {
        let home = match self.homes.of(&self.views, first) {
            Some(Home::At(home)) => home,
            Some(Home::Behind(home)) => {
                first = self.let_pass(burst, &{ *frame }, first, home);
                home
            }
            Some(Home::Unknown) => return self.hold(burst, &{ *frame }, first),
            None => self.worker,
        };
        if let Some(quoted) = self.homes.of_quoted(&self.views, first)
            && quoted != home
        {
            self.views.drop_quotes(first);
            self.hand_over(&{ *frame }, quoted, Errand::Note);
        }
        if home == self.worker {
            return false;
        }
        self.views.truncate(first);
        self.hand_over(&{ *frame }, home, Errand::Frame);
        true
    }

    /// Has a fragment wait for its first. It is no longer among the views.
    #[cold]
    fn hold(&mut self, burst: &Burst<'_>, frame: &Frame<'_>, first: usize) -> bool {
        let Some(view) = self.views.as_slice().get(first).copied() else {
            return false;
        };
        self.views.truncate(first);
        let source = self.views.source;
        let now = self.clock.now().unwrap_or(view.timestamp);
        // Twice: something may have to make room.
        for _ in 0..2 {
            let put = |batch: &mut Batch| batch.push_copy(frame).is_ok();
            match self.homes.hold(&view, source, now, put) {
                Ok(()) => {
                    self.counters.fragments_waiting += 1;
                    return true;
                }
                Err(place) => {
                    self.track(burst);
                    self.let_go(place, None);
                }
            }
        }
        self.counters.hand_over_full += 1;
        true
    }

    /// Lets what waited for a first fragment, whose views are `views[first..]`, go home before it. Where its views are then.
    #[cold]
    fn let_pass(
        &mut self,
        burst: &Burst<'_>,
        frame: &Frame<'_>,
        first: usize,
        home: usize,
    ) -> usize {
        let Some(view) = self.views.as_slice().get(first).copied() else {
            return first;
        };
        self.views.truncate(first);
        self.track(burst);
        while let Some(place) = self.homes.waiting(&view) {
            self.let_go(place, Some(home));
        }
        let first = self.views.len();
        decode(&frame.bytes(view.frame), &self.decode, &mut self.views);
        first
    }

    /// Lets go of the fragments that wait in a place: to their home, or where that is not known to the worker that their addresses select.
    /// There are no views of other frames.
    #[cold]
    fn let_go(&mut self, place: usize, home: Option<usize>) {
        let Some(left) = self.homes.early.take(place) else {
            return;
        };
        let home = home.unwrap_or(left.alone);
        let source = std::mem::replace(&mut self.views.source, left.source);
        let burst = left.batch.burst();
        self.counters.fragments_waiting -= burst.len() as u64;
        if home == self.worker {
            self.take_early(&burst);
        } else {
            for frame in burst.frames() {
                self.hand_over(&frame, home, Errand::Frame);
            }
        }
        self.views.source = source;
        self.homes.early.give_back(left);
    }

    /// Takes in frames that waited here and are at home here.
    fn take_early(&mut self, burst: &Burst<'_>) {
        for (index, frame) in burst.frames().enumerate() {
            if !self.views.has_room() {
                self.track(burst);
            }
            decode(&frame.bytes(index as u16), &self.decode, &mut self.views);
            self.tracker.look_ahead(&mut self.views);
            self.counters.analysed += 1;
            self.counters.analysed_bytes += u64::from(frame.wire_len);
        }
        self.track(burst);
    }

    #[cold]
    fn hand_over(&mut self, frame: &Frame<'_>, home: usize, errand: Errand) {
        let now = self.clock.now();
        let lane = self.mesh.get_mut(home).and_then(Option::as_mut);
        let source = self.views.source;
        let taken = lane.is_some_and(|lane| {
            lane.of_source(source, now);
            lane.push_copy(frame, errand, now).is_ok()
        });
        match (errand, taken) {
            (Errand::Frame, true) => self.counters.handed_out += 1,
            (Errand::Frame, false) => self.counters.hand_over_full += 1,
            // The frame is analysed at its own home; an annotation less is told as a fact not kept.
            (Errand::Note, true) => {}
            (Errand::Note, false) => self.notes_lost += 1,
        }
    }

    /// Another worker has counted this ICMP error; the flow it quotes is here.
    #[cold]
    fn annotate(&mut self, frame: &Frame<'_>, burst: &Burst<'_>) {
        self.track(burst);
        decode(&frame.bytes(0), &self.decode, &mut self.views);
        self.tracker.annotate(&self.views);
        self.views.clear();
    }
}

trait PowerOfTen {
    fn is_power_of_ten(&self) -> bool;
}

impl PowerOfTen for u64 {
    fn is_power_of_ten(&self) -> bool {
        *self > 0 && 10u64.checked_pow(self.ilog10()) == Some(*self)
    }
}
