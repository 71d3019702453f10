//! Fragments and their flows: the first has the ports and the protocol, the others follow it.

use portreeve_packet::View;
use portreeve_record::RecordSink;

use crate::fragments::{Bytes, Later};
use crate::hash::{self, KeyWords};
use crate::table::{NONE, Table};
use crate::tcp::Tcp;
use crate::tracker::Tracker;
use crate::tracker::whole::{add_ip_bytes, add_payload};
use crate::watch::{Out, Watcher};
use crate::weird::WeirdKind;

impl Tracker {
    /// A first fragment, which its flow knows as a packet already: what was held of its datagram.
    pub(super) fn first_fragment(&mut self, slot: u32, view: &View, words: &KeyWords) {
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
        } else if let Some(bytes) = held.held_bytes(view) {
            self.rest(slot, view, bytes);
        }
    }

    /// What later fragments have of a segment whose first was taken in.
    fn rest(&mut self, slot: u32, view: &View, bytes: Bytes) {
        let hot = &mut self.table.hot[slot as usize];
        let was = (hot.state.class(), Table::ring(hot.state));
        Tcp {
            hot,
            cold: &mut self.table.cold[slot as usize],
            shared: &mut self.shared,
            timeouts: &self.config.timeouts,
            ts: view.timestamp,
            side: usize::from(view.high_to_low()),
        }
        .rest(bytes);
        self.keep_on_wheel(slot, was);
    }

    pub(super) fn later_fragment<W: Watcher>(
        &mut self,
        view: &View,
        index: usize,
        words: &KeyWords,
        sink: &mut Out<'_, W, impl RecordSink>,
    ) -> u32 {
        let Later::Of {
            ports,
            protocol,
            bytes,
        } = self.fragments.later(words, view)
        else {
            sink.watcher.early_fragment(view);
            return NONE;
        };
        let mut whole = *view;
        [whole.key.low_port, whole.key.high_port] = ports;
        whole.key.protocol = protocol;
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
        if protocol != 6 {
            add_payload(&mut hot.sides[side], u64::from(view.payload_len));
        } else if let Some(bytes) = bytes {
            self.rest(slot, view, bytes);
        }
        // Segments of TCP are not put together: the rest of one is missing, as if it were lost.
        let watched = W::WATCHES && self.table.hot[slot as usize].state.watched();
        if watched && protocol != 6 {
            self.note(&whole, index, slot);
        }
        slot
    }

    pub(super) fn lost_fragments(
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
}
