//! Datagrams that came in fragments, put together for the application stage (RFC 791 section 3.2, RFC 8200 section 4.5).
//!
//! Only what is looked into is held: UDP. A datagram whose fragments overlap is let go of, as RFC 5722 demands for IPv6: who sends it wants two readers to see two things.
//! Exact copies of a fragment are copies. Bounds: datagrams at a time, fragments of one, bytes of all, and age.

use portreeve_packet::{FlowKey, View, ViewFlags};

use crate::budget::Budget;

/// Datagrams of which fragments are held at a time.
pub(crate) const MAX_DATAGRAMS: usize = 256;
/// Fragments of one datagram: it has at most 64 KiB.
pub(crate) const MAX_FRAGMENTS: usize = 128;
/// The longest payload of a datagram, bytes (RFC 768).
const MAX_PAYLOAD: u32 = 65_507;
/// How long a datagram is waited for, nanoseconds: the time of Linux (RFC 8200 says 60 s, at which many are gone).
const MAX_AGE: i64 = 30_000_000_000;
/// The header before the payload, in the first fragment.
const UDP_HEADER: u32 = 8;

/// No flow's slot.
const UNKNOWN: u32 = u32::MAX;

/// What was counted of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FragmentCounters {
    /// Datagrams put together.
    pub(crate) whole: u64,
    /// Datagrams let go of: fragments overlapped or never came, or there was no room.
    pub(crate) given_up: u64,
}

/// A datagram of which not all has come.
struct Datagram {
    /// The conversation, without ports.
    key: FlowKey,
    high_to_low: bool,
    /// In order of where they begin; none overlap.
    pieces: Vec<(u32, Box<[u8]>)>,
    /// Where the payload ends, once the last fragment has come.
    end: Option<u32>,
    /// Nothing of it is of use any more: what comes is thrown away.
    refused: bool,
}

impl Datagram {
    fn held(&self) -> usize {
        self.pieces.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Takes a piece. Whether the datagram is still one.
    fn add(&mut self, at: u32, bytes: &[u8], last: bool, budget: &Budget) -> bool {
        let end = at.saturating_add(bytes.len() as u32);
        let beyond = self
            .end
            .is_some_and(|known| end > known || last && end != known);
        let reached = self.pieces.last().map_or(0, |(at, b)| at + b.len() as u32);
        if end > MAX_PAYLOAD || beyond || last && reached > end {
            return false;
        }
        let place = self.pieces.partition_point(|(begin, _)| *begin < at);
        let before = place.checked_sub(1).and_then(|p| self.pieces.get(p));
        if before.is_some_and(|(begin, b)| begin + b.len() as u32 > at) {
            return false;
        }
        match self.pieces.get(place) {
            Some((begin, there)) if *begin == at && **there == *bytes => return true,
            Some((begin, _)) if *begin < end => return false,
            _ => {}
        }
        if last {
            self.end = Some(end);
        }
        if self.pieces.len() >= MAX_FRAGMENTS || !budget.take(bytes.len()) {
            return false;
        }
        self.pieces.insert(place, (at, bytes.into()));
        true
    }

    fn is_whole(&self) -> bool {
        self.end.is_some_and(|end| self.held() == end as usize)
    }
}

/// The datagrams of which fragments were seen lately.
pub(crate) struct Datagrams {
    open: Vec<Datagram>,
    /// The slots of their flows, or [`UNKNOWN`] as long as they are not known: apart, since every flow that ends is looked for among them.
    slots: Vec<u32>,
    /// Their identifications: apart, since every fragment's is looked for among them.
    ids: Vec<u32>,
    /// When they began, likewise.
    since: Vec<i64>,
    /// None whose flow is not known began before.
    earliest: i64,
    budget: Budget,
    counters: FragmentCounters,
}

impl Datagrams {
    /// With room for so many bytes.
    pub(crate) fn new(bytes: usize) -> Datagrams {
        Datagrams {
            open: Vec::new(),
            slots: Vec::new(),
            ids: Vec::new(),
            since: Vec::new(),
            earliest: i64::MAX,
            budget: Budget::new(bytes),
            counters: FragmentCounters::default(),
        }
    }

    pub(crate) fn counters(&self) -> FragmentCounters {
        self.counters
    }

    /// Takes a fragment of a datagram, `captured` of its payload; `slot` is its flow's, if that is known yet. The payload of the datagram, if it is whole now.
    pub(crate) fn take(
        &mut self,
        view: &View,
        slot: Option<u32>,
        captured: &[u8],
    ) -> Option<Vec<u8>> {
        let place = self.place(view);
        let datagram = self.open.get_mut(place)?;
        if let (Some(known), Some(slot)) = (self.slots.get_mut(place), slot)
            && *known == UNKNOWN
        {
            *known = slot;
        }
        let at = u32::from(view.fragment_offset) * 8;
        let at = at.saturating_sub(UDP_HEADER);
        let last = !view.flags.has(ViewFlags::MORE_FRAGMENTS);
        let cut = captured.len() < view.payload_len as usize;
        if datagram.refused {
            return None;
        }
        if cut || !datagram.add(at, captured, last, &self.budget) {
            self.counters.given_up += 1;
            datagram.refused = true;
            self.budget.give(datagram.held());
            datagram.pieces = Vec::new();
            return None;
        }
        if !datagram.is_whole() {
            return None;
        }
        self.counters.whole += 1;
        let datagram = self.remove(place);
        let mut whole = Vec::with_capacity(datagram.held());
        for (_, bytes) in &datagram.pieces {
            whole.extend_from_slice(bytes);
        }
        Some(whole)
    }

    /// The first fragment of a datagram of the flow in `slot` that will not be whole any more, and whether its high endpoint sent it.
    pub(crate) fn first_of(&mut self, slot: u32) -> Option<(Box<[u8]>, bool)> {
        // Nearly always there is none, which a search for anything at all finds out many at a time.
        while self.slots.contains(&slot)
            && let Some(place) = self.slots.iter().position(|&of| of == slot)
        {
            let datagram = self.close(place);
            if let Some((0, bytes)) = datagram.pieces.into_iter().next() {
                return Some((bytes, datagram.high_to_low));
            }
        }
        None
    }

    fn close(&mut self, place: usize) -> Datagram {
        let datagram = self.remove(place);
        self.counters.given_up += u64::from(!datagram.refused);
        datagram
    }

    fn remove(&mut self, place: usize) -> Datagram {
        self.slots.swap_remove(place);
        self.ids.swap_remove(place);
        self.since.swap_remove(place);
        let datagram = self.open.swap_remove(place);
        self.budget.give(datagram.held());
        datagram
    }

    /// The place of a fragment's datagram: the one there, or a new one, in the place of the oldest if there are too many.
    fn place(&mut self, view: &View) -> usize {
        let key = FlowKey {
            low_port: 0,
            high_port: 0,
            ..view.key
        };
        let oldest_allowed = view.timestamp.saturating_sub(MAX_AGE);
        if self.earliest < oldest_allowed {
            self.close_stale(oldest_allowed);
        }
        match self.find(view, &key) {
            // An identification that is used again.
            Some(place) if self.since.get(place).is_some_and(|&at| at < oldest_allowed) => {
                drop(self.close(place));
            }
            Some(place) => return place,
            None => {}
        }
        if self.open.len() >= MAX_DATAGRAMS {
            let ages = self.since.iter().enumerate();
            if let Some((oldest, _)) = ages.min_by_key(|(_, since)| **since) {
                self.close(oldest);
            }
        }
        self.open.push(Datagram {
            key,
            high_to_low: view.high_to_low(),
            pieces: Vec::new(),
            end: None,
            refused: false,
        });
        self.slots.push(UNKNOWN);
        self.ids.push(view.ip_id);
        self.since.push(view.timestamp);
        self.earliest = self.earliest.min(view.timestamp);
        self.open.len() - 1
    }

    /// Lets those go that began before and whose flow is not known. One whose flow is known waits for the flow's end, so that what becomes of it does not hang on other flows.
    fn close_stale(&mut self, before: i64) {
        let nobodys = |(slot, since): (&u32, &i64)| *slot == UNKNOWN && *since < before;
        while let Some(place) = self.slots.iter().zip(&self.since).position(nobodys) {
            self.close(place);
        }
        let left = self.slots.iter().zip(&self.since);
        let left = left.filter(|(slot, _)| **slot == UNKNOWN);
        self.earliest = left.map(|(_, since)| *since).min().unwrap_or(i64::MAX);
    }

    /// Where the datagram of a fragment is.
    fn find(&self, view: &View, key: &FlowKey) -> Option<usize> {
        let is_its = |datagram: &Datagram| {
            datagram.high_to_low == view.high_to_low() && datagram.key == *key
        };
        let same = self.ids.iter().zip(&self.open);
        same.enumerate()
            .find(|(_, (id, datagram))| **id == view.ip_id && is_its(datagram))
            .map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fragment of datagram `id` from byte `at` of the payload on (a multiple of 8 behind the header).
    fn fragment(id: u32, at: u32, len: u32, more: bool, timestamp: i64) -> View {
        let mut flags = ViewFlags(if at == 0 {
            ViewFlags::FIRST_FRAGMENT.0
        } else {
            ViewFlags::LATER_FRAGMENT.0
        });
        if more {
            flags.set(ViewFlags::MORE_FRAGMENTS);
        }
        View {
            ip_id: id,
            fragment_offset: if at == 0 {
                0
            } else {
                ((at + UDP_HEADER) / 8) as u16
            },
            payload_len: len,
            flags,
            timestamp,
            ..View::default()
        }
    }

    fn bytes(from: u32, len: u32) -> Vec<u8> {
        (from..from + len).map(|n| n as u8).collect()
    }

    #[test]
    fn a_datagram_is_whole_in_any_order_with_copies() {
        let parts = [(0, 16, true), (16, 24, true), (40, 5, false)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let mut datagrams = Datagrams::new(1000);
            let mut whole = None;
            for (n, part) in order.into_iter().enumerate() {
                let (at, len, more) = parts[part];
                // The second one comes twice.
                for _ in 0..1 + usize::from(n == 1) {
                    assert!(whole.is_none());
                    whole =
                        datagrams.take(&fragment(7, at, len, more, 0), Some(1), &bytes(at, len));
                }
            }
            assert_eq!(whole.unwrap(), bytes(0, 45));
            assert_eq!(
                (datagrams.counters().whole, datagrams.counters().given_up),
                (1, 0)
            );
            assert_eq!((datagrams.budget.held(), datagrams.open.len()), (0, 0));
        }
    }

    #[test]
    fn what_overlaps_or_lies_about_its_end_is_let_go_of() {
        for (at, len, more) in [
            (8, 16, true),
            (16, 8, true),
            (0, 16, true),
            (24, 8, false),
            (48, 8, true),
            (16, 4, false),
        ] {
            let mut datagrams = Datagrams::new(1000);
            assert!(
                datagrams
                    .take(&fragment(7, 0, 24, true, 0), None, &bytes(0, 24))
                    .is_none()
            );
            assert!(
                datagrams
                    .take(&fragment(7, 40, 5, false, 0), None, &bytes(40, 5))
                    .is_none()
            );
            let lie = bytes(at + 1, len);
            assert!(
                datagrams
                    .take(&fragment(7, at, len, more, 0), None, &lie)
                    .is_none()
            );
            assert_eq!(datagrams.counters().given_up, 1, "{at} {len} {more}");
            // What would have made it whole comes too late.
            assert!(
                datagrams
                    .take(&fragment(7, 24, 16, true, 0), None, &bytes(24, 16))
                    .is_none()
            );
            assert_eq!(
                (datagrams.counters().whole, datagrams.budget.held()),
                (0, 0)
            );
        }
    }

    #[test]
    fn number_bytes_and_age_are_bounded() {
        let mut datagrams = Datagrams::new(10_000);
        for id in 0..1000 {
            datagrams.take(
                &fragment(id, 0, 800, true, i64::from(id)),
                None,
                &bytes(0, 800),
            );
            assert!(datagrams.open.len() <= MAX_DATAGRAMS && datagrams.budget.held() <= 10_000);
        }
        let later = fragment(5000, 0, 8, true, 1000 + MAX_AGE);
        datagrams.take(&later, Some(3), &bytes(0, 8));
        assert_eq!((datagrams.open.len(), datagrams.budget.held()), (1, 8));
        assert_eq!(datagrams.counters().given_up, 1000);
        assert_eq!(datagrams.first_of(3).unwrap().0[..], bytes(0, 8));
        assert!(datagrams.first_of(3).is_none());
        assert_eq!(
            (datagrams.budget.held(), datagrams.counters().given_up),
            (0, 1001)
        );
        // As many fragments as there may be, and no more.
        for n in 0..200 {
            datagrams.take(&fragment(9, n * 16, 8, true, 0), None, &bytes(0, 8));
        }
        assert_eq!(
            (datagrams.budget.held(), datagrams.counters().given_up),
            (0, 1002)
        );
    }
}
