//! What flows say when they end, or go on for long; and whose time has come.

use portreeve_packet::View;
use portreeve_record::{CaptureLoss, EndReason, Record, RecordSink, When};

use crate::config::SECOND;
use crate::emit;
use crate::slot::Class;
use crate::table::{NONE, Table};
use crate::tracker::Tracker;
use crate::tunnels;
use crate::watch::{AtItsEnd, Flow, Out, Watcher};
use crate::wheel::Wheel;

/// Slots the wheel is asked for at a time.
const DUE_BATCH: usize = 16;
/// First `capture_loss` after this long (Zeek's `initial_watch_interval`).
const FIRST_LOSS_INTERVAL: i64 = 60 * SECOND;

impl Tracker {
    /// Ends a flow whose slot begins another of the same key at once.
    pub(super) fn restart(
        &mut self,
        slot: u32,
        view: &View,
        reason: EndReason,
        parent: u32,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        self.table.wheel.remove(slot);
        self.record(slot, reason, When::packet(view.timestamp), sink);
        let cold = &mut self.table.cold[slot as usize];
        self.shared.give_back(cold);
        self.fill(slot, view, parent, sink);
    }

    /// Ends a flow that stands on the wheel.
    pub(super) fn end(
        &mut self,
        slot: u32,
        reason: EndReason,
        when: When,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        self.table.wheel.remove(slot);
        self.end_off_wheel(slot, reason, when, sink);
    }

    fn end_off_wheel(
        &mut self,
        slot: u32,
        reason: EndReason,
        when: When,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        self.record(slot, reason, when, sink);
        self.shared.give_back(&mut self.table.cold[slot as usize]);
        self.table.remove(slot);
    }

    /// Emits what a flow that ends has to say, and counts it.
    fn record(
        &mut self,
        slot: u32,
        reason: EndReason,
        when: When,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        let (hot, cold) = (
            &self.table.hot[slot as usize],
            &self.table.cold[slot as usize],
        );
        let flow = Flow::new(hot, cold, &self.shared);
        let records = &mut *sink.records;
        let found = sink
            .watcher
            .end(slot, &flow, &mut AtItsEnd { records, when });
        if let Some(kind) = cold.tunnel() {
            tunnels::ended(hot, cold, &self.shared, (kind, reason, when), sink);
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
            sink.emit(Record::ConnUpdate(rest), when);
        }
        let first = if cold.again() == 0 {
            conn.uid
        } else {
            self.shared.uids.of(&hot.key, cold.start, 0)
        };
        self.shared.again.ended(first, cold.start, cold.again());
        self.shared.counters.active -= 1;
        self.shared.counters.ended[reason as usize] += 1;
        sink.emit(Record::Conn(conn), when);
    }

    /// Emits what was added to a flow that goes on.
    pub(super) fn update_record(
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
        let (sizes, last) = (emit::sizes(hot, cold), hot.last);
        if let Some(snapshot) = self.shared.snapshots.get_mut(number) {
            // Packets of a busy flow are counted for some seconds before its time is looked at: what came behind the boundary is in the counters.
            emit::since(&mut conn, snapshot, sizes, boundary.max(last));
            self.shared.counters.updates += 1;
            sink.emit(Record::ConnUpdate(conn), When::packet(ts));
        }
    }

    /// Looks at flows that may be over at `now`; whether more are due.
    pub(super) fn expire(
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
        // Records must not depend on how far the wheel has come when a packet comes late.
        let now = now.saturating_sub(self.config.lateness);
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
                let due = self.deadline(hot, cold);
                if due <= now {
                    let reason = reason(hot.state.class());
                    let looked_at = Wheel::looks_at(Table::ring(hot.state), due)
                        .saturating_add(self.config.lateness);
                    self.end_off_wheel(*slot, reason, When::over(looked_at, due), sink);
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

    pub(super) fn emit_loss(
        &mut self,
        now: i64,
        sink: &mut Out<'_, impl Watcher, impl RecordSink>,
    ) {
        let Some(since) = self.loss_since else {
            return;
        };
        let (gaps, acks) = self.loss_before;
        self.loss_before = (self.shared.gaps, self.shared.acks);
        let loss = Record::CaptureLoss(CaptureLoss {
            ts: now,
            ts_delta: now.saturating_sub(since),
            worker: self.config.worker,
            gaps: self.shared.gaps - gaps,
            acks: self.shared.acks - acks,
            source: self.shared.source,
        });
        sink.emit(loss, When::packet(now));
    }
}

impl Tracker {
    /// Why a flow ends that is there at the end: its time may have been over before.
    pub(super) fn reason_at_end(&self, slot: u32) -> EndReason {
        let (hot, cold) = (
            &self.table.hot[slot as usize],
            &self.table.cold[slot as usize],
        );
        match self.clock.now() {
            Some(now) if self.deadline(hot, cold) <= now => reason(hot.state.class()),
            _ => EndReason::EndOfInput,
        }
    }
}

/// Why a flow of this class ends when its time is over.
pub(super) fn reason(class: Class) -> EndReason {
    match class {
        Class::TcpAttempt | Class::TcpClosed => EndReason::TcpEnd,
        _ => EndReason::Idle,
    }
}
