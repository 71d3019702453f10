//! Early fragments: those that come before their first, which alone knows where their home is.
//!
//! They wait here, a few datagrams at a time and not for long, and go home before their first, in the order they came in: so what their home sees is
//! what a single worker would see. Where no first comes, where too many datagrams wait or one has too many fragments, they go to the worker
//! that their addresses alone select, and are counted there as fragments without a first. All memory is there from the start.

use portreeve_capture::Batch;
use portreeve_capture::burst::MAX_BURST;

use crate::home::Datagram;

/// Datagrams that wait at a time: the fragments of one come together, mostly.
const DATAGRAMS: usize = 16;

/// Whose fragments wait in a place.
#[derive(Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) datagram: Datagram,
    /// The source that they came from, by its number.
    pub(crate) source: u16,
    /// The worker that their addresses alone select.
    pub(crate) alone: usize,
    /// When the first of them came, by the clock of the thread: a frame's own time may be absurd.
    pub(crate) since: i64,
}

impl Waiting {
    fn is_with(&self, other: &Waiting) -> bool {
        self.datagram == other.datagram && self.source == other.source
    }
}

/// What waited in a place, on its way out. To be given back with [`Early::give_back`].
pub(crate) struct Leaving {
    pub(crate) batch: Batch,
    /// The source that the frames came from.
    pub(crate) source: u16,
    /// The worker that their addresses alone select.
    pub(crate) alone: usize,
    place: usize,
}

struct Place {
    /// `None`: free.
    of: Option<Waiting>,
    /// `None` while what waited is on its way out.
    batch: Option<Batch>,
}

/// The store; belongs to one thread.
pub(crate) struct Early {
    places: Box<[Place]>,
    /// Places that are not free.
    taken: usize,
}

impl Early {
    /// With room for so many bytes of copies of each datagram; without any place where nobody has another home.
    pub(crate) fn new(workers: usize, copy_bytes: usize) -> Early {
        let places = if workers > 1 { DATAGRAMS } else { 0 };
        let place = |_| Place {
            of: None,
            batch: Some(Batch::new(MAX_BURST, copy_bytes)),
        };
        Early {
            places: (0..places).map(place).collect(),
            taken: 0,
        }
    }

    /// Whether nothing waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Has one more fragment wait, which `put` adds to those of its datagram.
    ///
    /// # Errors
    /// The place that has to be emptied before. If it is empty, the frame has no room in any.
    pub(crate) fn hold(
        &mut self,
        waiting: Waiting,
        put: impl FnOnce(&mut Batch) -> bool,
    ) -> Result<(), usize> {
        let index = self.place_for(&waiting);
        let Some(place) = self.places.get_mut(index) else {
            return Err(index);
        };
        let is_its = place.of.is_none_or(|of| of.is_with(&waiting));
        if !is_its || !place.batch.as_mut().is_some_and(put) {
            return Err(index);
        }
        if place.of.is_none() {
            place.of = Some(waiting);
            self.taken += 1;
        }
        Ok(())
    }

    /// The place of a datagram: its own, or a free one, or else that of the one that has waited longest.
    fn place_for(&self, waiting: &Waiting) -> usize {
        let order = |place: &Place| match place.of {
            Some(of) if of.is_with(waiting) => (0, 0),
            None => (1, 0),
            Some(of) => (2, of.since),
        };
        let places = self.places.iter().enumerate();
        places
            .min_by_key(|(_, place)| order(place))
            .map_or(0, |(index, _)| index)
    }

    /// A place of which this is so.
    fn find(&self, is_so: impl Fn(&Waiting) -> bool) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        let mut places = self.places.iter();
        places.position(|place| place.of.as_ref().is_some_and(&is_so))
    }

    /// A place in which fragments of this datagram wait.
    pub(crate) fn of(&self, datagram: &Datagram) -> Option<usize> {
        self.find(|of| of.datagram == *datagram)
    }

    /// A place in which they wait since `time` or longer.
    pub(crate) fn since(&self, time: i64) -> Option<usize> {
        self.find(|of| of.since <= time)
    }

    /// A place in which any wait.
    pub(crate) fn any(&self) -> Option<usize> {
        self.find(|_| true)
    }

    /// Takes out what waits in a place, if anything does.
    pub(crate) fn take(&mut self, place: usize) -> Option<Leaving> {
        let there = self.places.get_mut(place)?;
        let of = there.of.take()?;
        self.taken -= 1;
        Some(Leaving {
            batch: there.batch.take()?,
            source: of.source,
            alone: of.alone,
            place,
        })
    }

    /// The place can be used again.
    pub(crate) fn give_back(&mut self, left: Leaving) {
        let mut batch = left.batch;
        batch.clear();
        if let Some(place) = self.places.get_mut(left.place) {
            place.batch = Some(batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_capture::{ChecksumStatus, Frame};
    use portreeve_packet::{LinkType, View};

    fn of(id: u32, since: i64) -> Waiting {
        Waiting {
            datagram: Datagram::of(&View {
                ip_id: id,
                ..View::default()
            }),
            source: 0,
            alone: 1,
            since,
        }
    }

    fn hold(early: &mut Early, waiting: Waiting, length: usize) -> Result<(), usize> {
        let frame = Frame {
            data: &vec![7; length],
            wire_len: length as u32,
            timestamp: waiting.since,
            link: LinkType::Ethernet,
            interface: 0,
            vlan: None,
            rx_hash: None,
            checksum: ChecksumStatus::Unknown,
        };
        early.hold(waiting, |batch| batch.push_copy(&frame).is_ok())
    }

    #[test]
    fn those_of_one_datagram_wait_together_and_leave_in_order() {
        let mut early = Early::new(2, 1000);
        for (id, length) in [(1, 10), (2, 20), (1, 30)] {
            assert_eq!(hold(&mut early, of(id, 5), length), Ok(()));
        }
        // The same from another source is another frame's copy.
        let mut other = of(1, 6);
        other.source = 1;
        assert_eq!(hold(&mut early, other, 40), Ok(()));
        let mut lengths = Vec::new();
        while let Some(left) = early
            .of(&of(1, 0).datagram)
            .and_then(|place| early.take(place))
        {
            lengths.extend(left.batch.burst().frames().map(|frame| frame.wire_len));
            early.give_back(left);
        }
        assert_eq!(lengths, [10, 30, 40]);
        assert!(!early.is_empty() && early.since(4).is_none());
        let left = early.since(5).and_then(|place| early.take(place));
        early.give_back(left.expect("the second one waits since 5"));
        assert!(early.is_empty() && early.any().is_none());
    }

    #[test]
    fn the_oldest_makes_room_and_so_do_too_many_of_one() {
        let mut early = Early::new(2, 1000);
        for id in 0..DATAGRAMS as u32 {
            // The sixth is the oldest.
            let since = if id == 5 { 1 } else { i64::from(id) + 10 };
            assert_eq!(hold(&mut early, of(id, since), 10), Ok(()));
        }
        let place = hold(&mut early, of(99, 50), 10).expect_err("all places are taken");
        assert_eq!(early.of(&of(5, 0).datagram), Some(place));
        let left = early.take(place).expect("it waits");
        early.give_back(left);
        assert_eq!(hold(&mut early, of(99, 50), 10), Ok(()));
        // No room for another byte, and what has no room alone.
        assert_eq!(hold(&mut early, of(99, 50), 991), Err(place));
        let left = early.take(place).expect("it waits");
        early.give_back(left);
        assert_eq!(hold(&mut early, of(99, 50), 1001), Err(place));
        assert!(early.take(place).is_none());
        // Where there is one worker nothing has to wait, and nothing can.
        assert!(hold(&mut Early::new(1, 1000), of(1, 0), 10).is_err());
    }
}
