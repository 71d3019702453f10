//! What is said in a burst's packets, behind what its flows count of them.
//!
//! The flows' code and the watcher's are more than a first-level instruction cache holds together, and the watcher's is another for every protocol. So packets that
//! are to be shown are noted while the burst's flows are looked up and counted, and shown when all are: those of the same well-known port behind one another, which
//! are mostly of one protocol. Packets of one flow stay in their order. A flow that ends or tells of itself in the middle of a burst has what is noted shown first.

use portreeve_packet::View;
use portreeve_packet::limits::MAX_VIEWS;
use portreeve_record::RecordSink;

use crate::table::NONE;
use crate::tracker::Tracker;
use crate::watch::{Flow, Out, Watcher};

/// A packet that is to be shown, as a number by which they are ordered: the lower port, its place in the burst, its flow's slot.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Noted(u64);

impl Noted {
    fn new(view: &View, index: usize, slot: u32) -> Noted {
        let port = view.key.low_port.min(view.key.high_port);
        Noted(u64::from(port) << 48 | (index as u64 & 0xffff) << 32 | u64::from(slot))
    }

    fn view(self) -> usize {
        (self.0 >> 32) as usize & 0xffff
    }

    fn slot(self) -> u32 {
        self.0 as u32
    }
}

/// The packets of the burst at hand that are still to be shown.
pub(super) struct Notes {
    notes: [Noted; MAX_VIEWS],
    len: usize,
}

impl Notes {
    pub(super) const NONE: Notes = Notes {
        notes: [Noted(0); MAX_VIEWS],
        len: 0,
    };

    fn as_slice(&self) -> &[Noted] {
        self.notes.get(..self.len).unwrap_or_default()
    }

    /// Whether any is of this flow. (Looks at all of them, several at a time: with a full table every new flow asks.)
    fn has(&self, slot: u32) -> bool {
        let notes = self.as_slice().iter();
        notes.fold(false, |has, noted| has | (noted.slot() == slot))
    }
}

impl Tracker {
    /// Notes that a view is to be shown.
    #[inline(always)]
    pub(super) fn note(&mut self, view: &View, index: usize, slot: u32) {
        // A burst has no more views than there are places.
        if let Some(place) = self.notes.notes.get_mut(self.notes.len) {
            *place = Noted::new(view, index, slot);
            self.notes.len += 1;
        }
    }

    /// Shows what is noted of `views`.
    #[inline(always)]
    pub(super) fn show_noted<W: Watcher>(
        &mut self,
        views: &[View],
        sink: &mut Out<'_, W, impl RecordSink>,
    ) {
        if W::WATCHES && self.notes.len > 0 {
            self.show_all(views, sink);
        }
    }

    /// The same, if any of them is of this flow.
    pub(super) fn show_noted_of<W: Watcher>(
        &mut self,
        slot: u32,
        views: &[View],
        sink: &mut Out<'_, W, impl RecordSink>,
    ) {
        if W::WATCHES && self.notes.has(slot) {
            self.show_noted(views, sink);
        }
    }

    /// The same, if any of them is of this flow and carries something: what came before a handshake's end mostly does not.
    pub(super) fn show_noted_data_of<W: Watcher>(
        &mut self,
        slot: u32,
        views: &[View],
        sink: &mut Out<'_, W, impl RecordSink>,
    ) {
        let carries = |noted: &Noted| {
            let view = views.get(noted.view());
            noted.slot() == slot && view.is_some_and(|view| view.payload_len > 0)
        };
        if W::WATCHES && self.notes.as_slice().iter().any(carries) {
            self.show_noted(views, sink);
        }
    }

    #[inline(never)]
    fn show_all(&mut self, views: &[View], sink: &mut Out<'_, impl Watcher, impl RecordSink>) {
        let len = std::mem::take(&mut self.notes.len);
        let mut notes = self.notes.notes;
        let notes = notes.get_mut(..len).unwrap_or_default();
        notes.sort_unstable();
        let mut slots = [NONE; MAX_VIEWS];
        for (slot, noted) in slots.iter_mut().zip(&*notes) {
            *slot = noted.slot();
        }
        sink.watcher.soon(slots.get(..len).unwrap_or_default());
        for noted in notes {
            let slot = noted.slot() as usize;
            let (Some(view), Some(hot), Some(cold)) = (
                views.get(noted.view()),
                self.table.hot.get(slot),
                self.table.cold.get(slot),
            ) else {
                continue;
            };
            let flow = Flow::new(hot, cold, &self.shared);
            let more = sink.watcher.packet(noted.slot(), view, &flow, sink.records);
            if !more && let Some(hot) = self.table.hot.get_mut(slot) {
                hot.state.set_watched(false);
            }
        }
    }
}
