//! The door of the room: [`Tracker`].

mod burst;
mod settings;
mod showing;

use portreeve_packet::{FlowKey, View, ViewFlags, Views};
use portreeve_record::{CaptureLoss, EndReason, Record, RecordSink};

use crate::again::Again;
use crate::clock::Clock;
use crate::config::{SECOND, TrackerConfig};
use crate::counters::{FlowCounters, MemoryReport};
use crate::emit;
use crate::error::FlowError;
use crate::fragments::{Fragments, Later};
use crate::hash::{self, KeyWords, Seeds};
use crate::health;
use crate::layout::{HEAP, Layout};
use crate::memory::{Memory, Wish};
use crate::other;
use crate::ports::PortSet;
use crate::recognise::{flips, is_copy};
use crate::shared::Shared;
use crate::slot::{Class, Cold, ColdSide, Hot, Side, State, tcp_state};
use crate::table::{NONE, Table};
use crate::tcp::{self, Tcp, next_update};
use crate::tunnels;
use crate::uid::Uids;
use crate::watch::{Flow, Out, Watcher};
use crate::weird::WeirdKind;

/// Slots the wheel is asked for at a time.
const DUE_BATCH: usize = 16;
/// Slots looked at for each call of [`Tracker::advance`].
const ADVANCE_BATCHES: usize = 64;
/// Slots looked at for each burst: more than a burst of new flows makes.
const BURST_BATCHES: usize = 8;
/// Slots emptied for each call of [`Tracker::drain`].
const DRAIN: u32 = 4096;
/// Of the slot so far behind the one that is emptied the bucket line is fetched.
const DRAIN_AHEAD: u32 = 8;
/// First `capture_loss` after this long (Zeek's `initial_watch_interval`).
const FIRST_LOSS_INTERVAL: i64 = 60 * SECOND;

/// One worker's flows.
///
/// ```
/// use portreeve_flow::{Tracker, TrackerConfig};
/// use portreeve_packet::{FlowKey, View, Views, key::mapped};
/// use portreeve_record::Record;
///
/// let mut tracker = Tracker::new(TrackerConfig::default())?;
/// let mut views = Views::default();
/// let (key, _) = FlowKey::new((mapped([10, 0, 0, 1]), 5353), (mapped([10, 0, 0, 2]), 53), 17, 4);
/// views.push(View { key, timestamp: 1_000_000_000, ip_len: 60, payload_len: 32, ..View::default() });
/// let mut records = Vec::new();
/// tracker.process(&mut views, &mut records);
/// tracker.finish(&mut records);
/// assert!(matches!(&records[..], [Record::Conn(conn)] if conn.orig.pkts == 1 && conn.orig.ip_bytes == 60));
/// # Ok::<(), portreeve_flow::FlowError>(())
/// ```
pub struct Tracker {
    table: Table,
    shared: Shared,
    fragments: Fragments,
    ports: PortSet,
    config: TrackerConfig,
    clock: Clock,
    /// The bits in which two times differ that are far enough apart for something to be due.
    far: i64,
    /// Idle times by class.
    idle: [i64; Class::ALL.len()],
    /// The timeouts were changed: the next update of a flow may be later than they say.
    retimed: bool,
    loss_since: Option<i64>,
    loss_next: i64,
    loss_before: (u64, u64),
    drained: u32,
    ahead: burst::Ahead,
    notes: showing::Notes,
    page_size: Option<usize>,
    /// All of its memory.
    bytes: usize,
}

/// What is found out about a view before its flow is touched.
#[derive(Clone, Copy)]
struct Place {
    words: KeyWords,
    hash: u64,
    /// The flow of the tunnel that it came in.
    parent: u32,
}

impl Tracker {
    /// A tracker with all its memory.
    ///
    /// # Errors
    /// [`FlowError`] if the budget is too small or the system gives no memory.
    pub fn new(config: TrackerConfig) -> Result<Tracker, FlowError> {
        let layout = Layout::of(config.memory)?;
        let wish = Wish {
            huge: config.huge_pages,
            node: config.node,
            prefault: config.prefault,
        };
        let failed = |error| FlowError::Memory {
            bytes: config.memory,
            error,
        };
        let mut memory = Memory::new(layout.area, wish).map_err(failed)?;
        let seeds = Seeds::new(config.hash_seed);
        let table = Table::new(layout.flows, seeds, &mut memory).map_err(failed)?;
        let again = Again::new(layout.ended, &mut memory).map_err(failed)?;
        let fragments = Fragments::new(
            layout.datagrams,
            Seeds::new(!config.hash_seed),
            config.timeouts.fragment,
            &mut memory,
        )
        .map_err(failed)?;
        // Last, so that what nobody touches lies together.
        let mut shared = Shared::new(
            layout.pools,
            &mut memory,
            Uids::new(config.uid_seed),
            again,
            config.weirds_per_second,
        )
        .map_err(failed)?;
        shared.local_nets = config.local_nets.clone().into_boxed_slice();
        let (idle, far) = settings::idle_times(&config.timeouts);
        Ok(Tracker {
            page_size: memory.page_size(),
            bytes: memory.bytes() + HEAP,
            far,
            idle,
            retimed: false,
            ports: config.server_ports.clone(),
            table,
            shared,
            fragments,
            clock: Clock::default(),
            loss_since: None,
            loss_next: i64::MAX,
            loss_before: (0, 0),
            drained: 0,
            ahead: burst::Ahead::NOTHING,
            notes: showing::Notes::NONE,
            config,
        })
    }

    /// The whole way of `views[index]`.
    #[inline(never)]
    fn whole<W: Watcher>(
        &mut self,
        views: &[View],
        index: usize,
        parent: u32,
        sink: &mut Out<'_, W, impl RecordSink>,
    ) -> u32 {
        let Some(view) = views.get(index) else {
            return NONE;
        };
        let words = hash::words(&view.key);
        if view.flags.has(ViewFlags::LATER_FRAGMENT) {
            return self.later_fragment(view, index, &words, sink);
        }
        let place = Place {
            words,
            hash: view.hash,
            parent,
        };
        let slot = self.flow_of(view, &place, views, sink);
        if slot == NONE {
            return NONE;
        }
        self.account(slot, view, view.high_to_low());
        if view.flags.has(ViewFlags::FIRST_FRAGMENT) {
            self.first_fragment(slot, view, &words);
        }
        let sound = self.update(slot, view);
        if W::WATCHES && sound && self.table.hot[slot as usize].state.watched() {
            self.note(view, index, slot);
        }
        slot
    }

    /// The flow of a view: the one there, or one that begins with it; [`NONE`] if there is no place.
    fn flow_of(
        &mut self,
        view: &View,
        place: &Place,
        views: &[View],
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) -> u32 {
        let slot = self.table.find(&place.words, place.hash, view.slot);
        if slot == NONE {
            return self.begin(view, place, views, sink);
        }
        let hot = &self.table.hot[slot as usize];
        let class = hot.state.class();
        let special = matches!(class, Class::TcpAttempt | Class::TcpClosed);
        if special || (hot.last ^ view.timestamp) & self.far != 0 {
            health::forget_old_samples(&mut self.table.hot[slot as usize], view.timestamp);
            let (hot, cold) = (
                &self.table.hot[slot as usize],
                &self.table.cold[slot as usize],
            );
            if self.deadline(hot, cold) <= view.timestamp {
                let reason = reason(class);
                self.show_noted_of(slot, views, sink);
                self.restart(slot, view, reason, place.parent, sink);
                return slot;
            }
            if !special && self.retimed {
                self.retime(slot, view.timestamp);
            }
            if !special && self.table.cold[slot as usize].timer <= view.timestamp {
                self.show_noted_of(slot, views, sink);
                self.update_record(slot, view.timestamp, sink);
            }
        }
        if view.tcp_flags.syn() && view.key.protocol == 6 && !corrupt(view) {
            let (hot, cold) = (
                &self.table.hot[slot as usize],
                &mut self.table.cold[slot as usize],
            );
            let reuse = tcp::is_reuse(hot, cold, view);
            if let Some(Some(kind)) = reuse {
                self.shared.weird(kind, hot, cold, view.timestamp);
            }
            // It may say that the flow begins with another byte than was thought, or with the other side.
            self.show_noted_data_of(slot, views, sink);
            if reuse.is_some() {
                self.show_noted_of(slot, views, sink);
                self.restart(slot, view, EndReason::TcpEnd, place.parent, sink);
            }
        }
        slot
    }

    /// A flow that begins with this view.
    fn begin(
        &mut self,
        view: &View,
        place: &Place,
        views: &[View],
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) -> u32 {
        if self.table.is_full() {
            // What lives in the same tunnel packet as this view stays.
            match self.table.wheel.victim() {
                Some(victim) if victim != place.parent => {
                    self.show_noted_of(victim, views, sink);
                    self.end(victim, EndReason::Evicted, sink);
                }
                _ => {
                    self.shared.counters.refused += 1;
                    return NONE;
                }
            }
        }
        let Some(slot) = self.table.insert(&place.words, place.hash) else {
            self.shared.counters.refused += 1;
            return NONE;
        };
        self.fill(slot, view, place.parent, sink);
        slot
    }

    /// Writes the state of a flow that begins with this view, and puts it on the wheel.
    fn fill(
        &mut self,
        slot: u32,
        view: &View,
        parent: u32,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        self.shared.counters.opened += 1;
        self.shared.counters.active += 1;
        let class = match view.key.protocol {
            6 => Class::TcpHandshake,
            17 | 136 => Class::Udp,
            1 | 58 => Class::Icmp,
            _ => Class::Other,
        };
        let parent_uid = (parent != NONE)
            .then(|| {
                self.table
                    .hot
                    .get(parent as usize)
                    .zip(self.table.cold.get_mut(parent as usize))
            })
            .flatten()
            .map(|(hot, cold)| {
                let found = (view.tunnel, view.timestamp);
                tunnels::discovered(hot, cold, &self.shared, found, sink);
                self.shared.uids.of(&hot.key, cold.start, cold.again())
            });
        let hot = &mut self.table.hot[slot as usize];
        let cold = &mut self.table.cold[slot as usize];
        hot.last = view.timestamp;
        hot.state = State(if view.high_to_low() {
            State::HIGH_IS_ORIG
        } else {
            0
        });
        hot.state.set_class(class);
        hot.state
            .set_watched(sink.watcher.begin(slot, view.key.protocol));
        let uids = self.shared.uids;
        let again = self
            .shared
            .again
            .count(view.timestamp, || uids.of(&hot.key, view.timestamp, 0));
        hot.ip_ids = [0; 2];
        hot.sides = [Side::default(); 2];
        let timer = next_update(view.timestamp, self.config.timeouts.active);
        *cold = Cold::new(view.timestamp, timer, self.shared.source.0, again);
        if flips(view, class, &self.ports) {
            hot.state.flip();
            cold.letters.push_flip();
        }
        if let Some(uid) = parent_uid
            && let Some(rare) = self.shared.rare_of(cold)
        {
            rare.parent = uid.0;
        }
        self.table.wheel.set_now(view.timestamp);
        self.on_wheel(slot);
    }

    fn on_wheel(&mut self, slot: u32) {
        let (hot, cold) = (
            &self.table.hot[slot as usize],
            &self.table.cold[slot as usize],
        );
        let (ring, due) = (Table::ring(hot.state), self.deadline(hot, cold));
        self.table.wheel.insert(slot, ring, due);
    }

    /// When a flow is over if nothing comes any more.
    #[inline]
    fn deadline(&self, hot: &Hot, cold: &Cold) -> i64 {
        let class = hot.state.class();
        let idle = hot.last.saturating_add(self.idle[class as usize]);
        match class {
            Class::TcpAttempt => idle.min(cold.timer),
            Class::TcpClosed => cold.timer,
            _ => idle,
        }
    }

    /// Counts a packet in its flow.
    fn account(&mut self, slot: u32, view: &View, high_to_low: bool) {
        self.shared.counters.tracked += 1;
        let side = usize::from(high_to_low);
        let hot = &mut self.table.hot[slot as usize].sides[side];
        let cold = &mut self.table.cold[slot as usize].sides[side];
        add_ip_bytes(hot, cold, u64::from(view.ip_len));
        hot.pkts = hot.pkts.wrapping_add(1);
        if hot.pkts == 0 {
            cold.pkts_high = cold.pkts_high.saturating_add(1);
        }
    }

    /// What a counted packet does to its flow. Whether its payload is to be believed, and was not seen before as this very packet.
    fn update(&mut self, slot: u32, view: &View) -> bool {
        let side = usize::from(view.high_to_low());
        let hot = &mut self.table.hot[slot as usize];
        let cold = &mut self.table.cold[slot as usize];
        let (class, ring) = (hot.state.class(), Table::ring(hot.state));
        let duplicate = is_copy(hot, view, side);
        if duplicate {
            self.shared.counters.duplicates += 1;
            if let Some(rare) = self.shared.rare_of(cold) {
                let count = &mut rare.sides[side].duplicates;
                *count = count.saturating_add(1);
            }
        }
        if view.flags.has(ViewFlags::BAD_IP_CHECKSUM) {
            self.shared
                .weird(WeirdKind::BadIpChecksum, hot, cold, view.timestamp);
        }
        if view.key.protocol == 6 {
            let mut segment = Tcp {
                hot,
                cold,
                shared: &mut self.shared,
                timeouts: &self.config.timeouts,
                ts: view.timestamp,
                side,
            };
            if view.flags.has(ViewFlags::MALFORMED_TRANSPORT) {
                segment.unreadable(WeirdKind::BadTcpHeaderLen);
            } else if view.flags.has(ViewFlags::TRUNCATED_TRANSPORT) {
                segment.unreadable(WeirdKind::TruncatedHeader);
            } else if corrupt(view) {
                segment.corrupt();
            } else {
                segment.segment(view, duplicate);
            }
        } else {
            other::packet(hot, cold, &mut self.shared, view, side);
        }
        let hot = &mut self.table.hot[slot as usize];
        hot.ip_ids[side] = view.ip_id as u16;
        if hot.state.class() != class || Table::ring(hot.state) != ring {
            self.table.wheel.remove(slot);
            self.on_wheel(slot);
        }
        const UNSOUND: u32 = ViewFlags::MALFORMED_TRANSPORT.0
            | ViewFlags::TRUNCATED_TRANSPORT.0
            | ViewFlags::BAD_TRANSPORT_CHECKSUM.0;
        !duplicate && view.flags.0 & UNSOUND == 0
    }

    fn first_fragment(&mut self, slot: u32, view: &View, words: &KeyWords) {
        let held = self.fragments.first(words, view);
        let side = usize::from(view.high_to_low());
        let pkts = held.pkts;
        let hot = &mut self.table.hot[slot as usize];
        let cold = &mut self.table.cold[slot as usize];
        if let Some(rare) = self.shared.rare_of(cold) {
            let count = &mut rare.sides[side].fragments;
            *count = count.saturating_add(pkts).saturating_add(1);
        }
        if pkts == 0 {
            return;
        }
        self.shared.counters.tracked += u64::from(pkts);
        let mine = &mut hot.sides[side];
        add_ip_bytes(mine, &mut cold.sides[side], held.ip_bytes);
        if view.key.protocol != 6 {
            add_payload(mine, held.payload);
        }
    }

    fn later_fragment(
        &mut self,
        view: &View,
        index: usize,
        words: &KeyWords,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) -> u32 {
        let Later::Ports(low, high) = self.fragments.later(words, view) else {
            sink.watcher.early_fragment(view);
            return NONE;
        };
        let mut whole = *view;
        whole.key.low_port = low;
        whole.key.high_port = high;
        let words = hash::words(&whole.key);
        let hash = self.table.hash(&words);
        // A flow that ended between the fragments is not begun anew by the rest of a datagram.
        let slot = self.table.find(&words, hash, NONE);
        if slot == NONE {
            self.shared.counters.fragments_unmatched += 1;
            self.shared.weird_packet(
                WeirdKind::FragmentsWithoutFirst,
                Some((&words, view.high_to_low())),
                view.timestamp,
                None,
            );
            self.shared.flush(sink);
            return NONE;
        }
        // A datagram is one packet, as for everybody who reassembles: its first fragment was counted. Bytes are those on the wire.
        self.shared.counters.tracked += 1;
        let side = usize::from(view.high_to_low());
        let hot = &mut self.table.hot[slot as usize];
        let cold = &mut self.table.cold[slot as usize];
        let ip_len = u64::from(view.ip_len);
        add_ip_bytes(&mut hot.sides[side], &mut cold.sides[side], ip_len);
        hot.last = hot.last.max(view.timestamp);
        if let Some(rare) = self.shared.rare_of(cold) {
            let count = &mut rare.sides[side].fragments;
            *count = count.saturating_add(1);
        }
        let mine = &mut hot.sides[side];
        if view.key.protocol == 6 {
            // The rest of the segment whose header came first, in order or not: its bytes lie behind what was sent.
            if hot.state.tcp(side) > tcp_state::SYN_ACK_SENT && !hot.state.did_close(side) {
                mine.seq = mine.seq.wrapping_add(view.payload_len);
            }
        } else {
            add_payload(mine, u64::from(view.payload_len));
        }
        // Segments of TCP are not put together: the rest of one is missing, as if it were lost.
        if view.key.protocol != 6 && self.table.hot[slot as usize].state.watched() {
            self.note(&whole, index, slot);
        }
        slot
    }

    /// An ICMP error quoted a packet of this conversation.
    fn annotate_flow(&mut self, key: &FlowKey, view: &View) {
        let words = hash::words(key);
        let hash = self.table.hash(&words);
        let slot = self.table.find(&words, hash, NONE);
        if slot == NONE {
            self.shared.counters.quotes_unmatched += 1;
            return;
        }
        let cold = &mut self.table.cold[slot as usize];
        if let Some(rare) = self.shared.rare_of(cold) {
            rare.icmp_errors = rare.icmp_errors.saturating_add(1);
            rare.icmp_type = view.icmp_type;
            rare.icmp_code = view.icmp_code;
        }
    }

    /// Ends a flow whose slot begins another of the same key at once.
    fn restart(
        &mut self,
        slot: u32,
        view: &View,
        reason: EndReason,
        parent: u32,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        self.table.wheel.remove(slot);
        self.record(slot, reason, sink);
        let cold = &mut self.table.cold[slot as usize];
        self.shared.give_back(cold);
        self.fill(slot, view, parent, sink);
    }

    /// Ends a flow that stands on the wheel.
    fn end(
        &mut self,
        slot: u32,
        reason: EndReason,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        self.table.wheel.remove(slot);
        self.end_off_wheel(slot, reason, sink);
    }

    fn end_off_wheel(
        &mut self,
        slot: u32,
        reason: EndReason,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        self.record(slot, reason, sink);
        self.shared.give_back(&mut self.table.cold[slot as usize]);
        self.table.remove(slot);
    }

    /// Emits what a flow that ends has to say, and counts it.
    fn record(
        &mut self,
        slot: u32,
        reason: EndReason,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        let (hot, cold) = (
            &self.table.hot[slot as usize],
            &self.table.cold[slot as usize],
        );
        let flow = Flow::new(hot, cold, &self.shared);
        let found = sink.watcher.end(slot, &flow, sink.records);
        if let Some(kind) = cold.tunnel() {
            tunnels::ended(hot, cold, &self.shared, (kind, reason), sink);
        }
        let mut conn = emit::conn(hot, cold, &self.shared, reason);
        (conn.service, conn.app) = (found.service, found.app);
        let sizes = emit::sizes(hot, cold);
        let last = hot.last;
        let snapshot = self
            .shared
            .rare
            .get(cold.rare)
            .map_or(0, |rare| rare.snapshot);
        if let Some(snapshot) = self.shared.snapshots.get_mut(snapshot) {
            // The rest since the last update, so that the updates add up to the whole.
            let mut rest = conn;
            emit::since(&mut rest, snapshot, sizes, last);
            self.shared.counters.updates += 1;
            sink.emit(Record::ConnUpdate(rest));
        }
        let first = if cold.again() == 0 {
            conn.uid
        } else {
            self.shared.uids.of(&hot.key, cold.start, 0)
        };
        self.shared.again.ended(first, cold.start, cold.again());
        self.shared.counters.active -= 1;
        self.shared.counters.ended[reason as usize] += 1;
        sink.emit(Record::Conn(conn));
    }

    /// Emits what was added to a flow that goes on.
    fn update_record(
        &mut self,
        slot: u32,
        ts: i64,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        let active = self.config.timeouts.active;
        let hot = &self.table.hot[slot as usize];
        let cold = &mut self.table.cold[slot as usize];
        if active <= 0 {
            cold.timer = i64::MAX;
            return;
        }
        // The last boundary that this packet is behind.
        let over = ts.saturating_sub(cold.timer) / active;
        let boundary = cold.timer.saturating_add(over.saturating_mul(active));
        cold.timer = boundary.saturating_add(active);
        let start = cold.start;
        let Some(rare) = self.shared.rare_of(cold) else {
            return;
        };
        let mut number = rare.snapshot;
        if number == 0 {
            let Some(taken) = self.shared.snapshots.take() else {
                self.shared.counters.pool_full += 1;
                return;
            };
            number = taken;
            if let Some(rare) = self.shared.rare_of(cold) {
                rare.snapshot = taken;
            }
            if let Some(snapshot) = self.shared.snapshots.get_mut(taken) {
                snapshot.time = start;
            }
        }
        let mut conn = emit::conn(hot, cold, &self.shared, EndReason::Active);
        let found = sink.watcher.findings(slot);
        (conn.service, conn.app) = (found.service, found.app);
        let sizes = emit::sizes(hot, cold);
        if let Some(snapshot) = self.shared.snapshots.get_mut(number) {
            emit::since(&mut conn, snapshot, sizes, boundary);
            self.shared.counters.updates += 1;
            sink.emit(Record::ConnUpdate(conn));
        }
    }

    /// Looks at flows that may be over at `now`; whether more are due.
    fn expire(
        &mut self,
        now: i64,
        batches: usize,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) -> bool {
        self.loss_record(now, sink);
        self.fragments.sweep(now);
        self.shared.counters.fragments_held = self.fragments.held();
        let lost = self.fragments.take_lost();
        if lost > 0 {
            self.lost_fragments(lost, now, sink);
        }
        let mut due = [NONE; DUE_BATCH];
        for _ in 0..batches {
            let found = self.table.wheel.due(now, &mut due);
            for slot in &due[..found] {
                self.table.hot.prefetch(*slot as usize, 2);
                self.table.cold.prefetch(*slot as usize, 2);
            }
            for slot in &due[..found] {
                self.table.prefetch_bucket_of(*slot);
            }
            for slot in &due[..found] {
                let (hot, cold) = (
                    &self.table.hot[*slot as usize],
                    &self.table.cold[*slot as usize],
                );
                if self.deadline(hot, cold) <= now {
                    let reason = reason(hot.state.class());
                    self.end_off_wheel(*slot, reason, sink);
                } else {
                    self.on_wheel(*slot);
                }
            }
            if found < DUE_BATCH {
                return false;
            }
        }
        true
    }

    fn lost_fragments(
        &mut self,
        lost: u64,
        now: i64,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        self.shared.counters.fragments_unmatched += lost;
        self.shared
            .weird_packet(WeirdKind::FragmentsWithoutFirst, None, now, Some(lost));
        self.shared.flush(sink);
    }

    fn loss_record(&mut self, now: i64, sink: &mut Out<'_, impl Watcher, impl RecordSink>) {
        let interval = self.config.capture_loss_interval;
        if interval <= 0 || (self.loss_since.is_some() && now < self.loss_next) {
            return;
        }
        if self.loss_since.is_some() {
            self.emit_loss(now, sink);
            self.loss_next = now.saturating_add(interval);
        } else {
            self.loss_next = now.saturating_add(interval.min(FIRST_LOSS_INTERVAL));
        }
        self.loss_since = Some(now);
    }

    fn emit_loss(&mut self, now: i64, sink: &mut Out<'_, impl Watcher, impl RecordSink>) {
        let Some(since) = self.loss_since else {
            return;
        };
        let (gaps, acks) = self.loss_before;
        self.loss_before = (self.shared.gaps, self.shared.acks);
        sink.emit(Record::CaptureLoss(CaptureLoss {
            ts: now,
            ts_delta: now.saturating_sub(since),
            worker: self.config.worker,
            gaps: self.shared.gaps - gaps,
            acks: self.shared.acks - acks,
            source: self.shared.source,
        }));
    }

    /// Only notes in the flows that the ICMP errors among `views` quote that there were errors: another tracker counts the errors themselves.
    pub fn annotate(&mut self, views: &Views) {
        for quote in views.quotes() {
            if let Some(view) = views.as_slice().get(usize::from(quote.view)) {
                self.annotate_flow(&quote.key, view);
            }
        }
    }

    /// Time passes: expires what is due, a bounded amount of work a call. `now` is nanoseconds since 1970-01-01 UTC. Returns whether more is due.
    pub fn advance(&mut self, now: i64, sink: &mut impl RecordSink) -> bool {
        self.advance_watched(now, &mut (), sink)
    }

    /// [`Tracker::advance`], with somebody who watches.
    pub fn advance_watched(
        &mut self,
        now: i64,
        watcher: &mut impl Watcher,
        sink: &mut impl RecordSink,
    ) -> bool {
        self.clock.tell(now);
        self.expire(now, ADVANCE_BATCHES, &mut Out::new(watcher, sink))
    }

    /// The end, a bounded amount of work a call: ends some flows; whether there are more. For sinks that cannot take everything at once.
    pub fn drain(&mut self, sink: &mut impl RecordSink) -> bool {
        self.drain_watched(&mut (), sink)
    }

    /// [`Tracker::drain`], with somebody who watches.
    pub fn drain_watched(
        &mut self,
        watcher: &mut impl Watcher,
        sink: &mut impl RecordSink,
    ) -> bool {
        let sink = &mut Out::new(watcher, sink);
        for _ in 0..DRAIN {
            let Some(slot) = self.table.next_used(self.drained) else {
                self.finish_rest(sink);
                return false;
            };
            self.drained = slot + 1;
            self.table.prefetch_bucket_of(slot + DRAIN_AHEAD);
            self.end(slot, EndReason::EndOfInput, sink);
        }
        true
    }

    /// The end: every flow is emitted and the table is empty.
    pub fn finish(&mut self, sink: &mut impl RecordSink) {
        while self.drain(sink) {}
    }

    fn finish_rest(&mut self, sink: &mut Out<'_, impl Watcher, impl RecordSink>) {
        self.drained = 0;
        self.fragments.finish();
        self.shared.counters.fragments_held = 0;
        let lost = self.fragments.take_lost();
        let now = self.clock.now().unwrap_or_default();
        if lost > 0 {
            self.lost_fragments(lost, now, sink);
        }
        if self.shared.acks > self.loss_before.1 && self.config.capture_loss_interval > 0 {
            self.emit_loss(now, sink);
        }
        self.loss_since = None;
    }

    /// What was counted since the tracker was made.
    #[must_use]
    pub fn counters(&self) -> &FlowCounters {
        &self.shared.counters
    }

    /// What the memory is made of.
    #[must_use]
    pub fn memory(&self) -> MemoryReport {
        let mut report = MemoryReport {
            capacity: self.table.capacity(),
            buckets: self.table.bucket_bytes(),
            hot: self.table.hot.bytes(),
            cold: self.table.cold.bytes() + self.table.wheel.bytes(),
            pools: self.shared.pool_bytes(),
            fixed: 0,
            page_size: self.page_size,
        };
        report.fixed = self.bytes - report.total();
        report
    }
}

/// Why a flow of this class ends when its time is over.
fn reason(class: Class) -> EndReason {
    match class {
        Class::TcpAttempt | Class::TcpClosed => EndReason::TcpEnd,
        _ => EndReason::Idle,
    }
}

fn corrupt(view: &View) -> bool {
    view.flags.has(ViewFlags::BAD_TRANSPORT_CHECKSUM)
}

/// Counts bytes of IP packets.
fn add_ip_bytes(hot: &mut Side, cold: &mut ColdSide, bytes: u64) {
    let sum = (u64::from(cold.ip_bytes_high) << 32 | u64::from(hot.ip_bytes)).wrapping_add(bytes);
    hot.ip_bytes = sum as u32;
    cold.ip_bytes_high = (sum >> 32) as u32;
}

fn add_payload(side: &mut Side, bytes: u64) {
    let sum = (u64::from(side.acked) << 32 | u64::from(side.seq)).wrapping_add(bytes);
    side.seq = sum as u32;
    side.acked = (sum >> 32) as u32;
}
