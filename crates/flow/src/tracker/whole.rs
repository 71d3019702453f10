//! The whole way of a view: its flow is found or begun, and what it does to it is counted.

use portreeve_packet::{View, ViewFlags};
use portreeve_record::{EndReason, RecordSink, When};

use crate::hash::{self, KeyWords};
use crate::health;
use crate::other;
use crate::recognise::{flips, is_copy};
use crate::slot::{Class, Cold, ColdSide, Hot, Side, State};
use crate::table::{NONE, Table};
use crate::tcp::{self, Tcp, next_update};
use crate::tracker::Tracker;
use crate::tracker::ending::reason;
use crate::tunnels;
use crate::watch::{Out, Watcher};
use crate::weird::WeirdKind;
use crate::wheel::Ring;

/// What is found out about a view before its flow is touched.
#[derive(Clone, Copy)]
struct Place {
    words: KeyWords,
    hash: u64,
    /// The flow of the tunnel that it came in.
    parent: u32,
}

impl Tracker {
    /// The whole way of `views[index]`.
    #[inline(never)]
    pub(super) fn whole<W: Watcher>(
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
        let sound = self.update(slot, view);
        if view.flags.has(ViewFlags::FIRST_FRAGMENT) {
            self.first_fragment(slot, view, &words);
        }
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
                    let when = When::packet(view.timestamp);
                    self.end(victim, EndReason::Evicted, when, sink);
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
    pub(super) fn fill(
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

    pub(super) fn on_wheel(&mut self, slot: u32) {
        let (hot, cold) = (
            &self.table.hot[slot as usize],
            &self.table.cold[slot as usize],
        );
        let (ring, due) = (Table::ring(hot.state), self.deadline(hot, cold));
        self.table.wheel.insert(slot, ring, due);
    }

    /// Puts a flow elsewhere on the wheel if what it is there for is no longer its class and ring.
    #[inline]
    pub(super) fn keep_on_wheel(&mut self, slot: u32, was: (Class, Ring)) {
        let state = self.table.hot[slot as usize].state;
        if (state.class(), Table::ring(state)) != was {
            self.table.wheel.remove(slot);
            self.on_wheel(slot);
        }
    }

    /// When a flow is over if nothing comes any more.
    #[inline]
    pub(super) fn deadline(&self, hot: &Hot, cold: &Cold) -> i64 {
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
        self.keep_on_wheel(slot, (class, ring));
        const UNSOUND: u32 = ViewFlags::MALFORMED_TRANSPORT.0
            | ViewFlags::TRUNCATED_TRANSPORT.0
            | ViewFlags::BAD_TRANSPORT_CHECKSUM.0;
        !duplicate && view.flags.0 & UNSOUND == 0
    }
}

fn corrupt(view: &View) -> bool {
    view.flags.has(ViewFlags::BAD_TRANSPORT_CHECKSUM)
}

/// Counts bytes of IP packets.
pub(super) fn add_ip_bytes(hot: &mut Side, cold: &mut ColdSide, bytes: u64) {
    let sum = (u64::from(cold.ip_bytes_high) << 32 | u64::from(hot.ip_bytes)).wrapping_add(bytes);
    hot.ip_bytes = sum as u32;
    cold.ip_bytes_high = (sum >> 32) as u32;
}

pub(super) fn add_payload(side: &mut Side, bytes: u64) {
    let sum = (u64::from(side.acked) << 32 | u64::from(side.seq)).wrapping_add(bytes);
    side.seq = sum as u32;
    side.acked = (sum >> 32) as u32;
}
