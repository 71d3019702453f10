//! The order of several workers' records, the feed's side: records stay in their rings, and are shown in the order of their stamps.
//!
//! # What is shown when
//!
//! What lies below the floors of all workers ([`crate::order`]) comes in its order for good: nothing earlier will be made. A worker that has gone has no floor any more.
//!
//! # Why nobody waits for ever
//!
//! A worker waits for room in one ring, a feed for floors, the reader for a lane. Let `m` be a worker that has the lowest floor of all.
//!
//! - It waits for room in a ring of feed `f`. Then that ring is full and no floor is lower than `m`'s: `f` hands out the earliest of what it has though
//!   it lies above the floor, again and again until there is room. (`m` itself could make something earlier then, in the rest of its parcel: only if one parcel fills a whole ring.)
//! - It runs: its floor rises, or it fills a ring.
//! - It has no parcel. Then either the reader runs; or it has ended, and `m` ends; or it waits for a lane. Then it has told its time to all others
//!   ([`crate::lane::LaneOut::tell`]), as it does before it waits for its source: the floor of `m` is the reader's time. No floor is above that, so all are the lowest, also that of the
//!   worker whose lane is full; which either runs or waits for room, as above.
//!
//! So something always goes on, whatever other outputs do, and whichever ring of `m`'s is the full one. At the end of the input a worker's floor is what it made last, and before it waits. When
//! the run is abandoned all is handed out as it lies.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portreeve_record::Record;
use rtrb::Consumer;

use crate::order::{Floor, Moment, Stamp};

#[cfg(test)]
mod model;

/// The most records shown at a time, for each worker.
const TURN: usize = 256;
/// Above all floors: those of workers that have gone.
const GONE: Moment = (i64::MAX, i64::MAX);

/// A record that is still to be shown.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    stamp: Stamp,
    ring: usize,
    /// Of all that ever came through the ring.
    number: u64,
}

/// What is known of one worker's ring.
struct Side {
    stamps: Consumer<Stamp>,
    floor: Arc<Floor>,
    /// How many records have left the ring.
    gone: u64,
    /// Of those in the ring whose stamps were taken: which were shown.
    shown: VecDeque<bool>,
}

/// What puts the records of one output's rings in order.
pub(crate) struct Merge {
    sides: Vec<Side>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// The lowest floor, when nothing was left below it.
    done: Option<Moment>,
    abandon: Arc<AtomicBool>,
}

impl Merge {
    /// For rings of `capacity` records, by worker.
    pub(crate) fn new(
        sides: Vec<(Consumer<Stamp>, Arc<Floor>)>,
        capacity: usize,
        abandon: Arc<AtomicBool>,
    ) -> Merge {
        let workers = sides.len();
        let side = |(stamps, floor)| Side {
            stamps,
            floor,
            gone: 0,
            shown: VecDeque::with_capacity(capacity),
        };
        Merge {
            sides: sides.into_iter().map(side).collect(),
            waiting: BinaryHeap::with_capacity(workers * capacity),
            done: None,
            abandon,
        }
    }

    /// Shows what may be shown, a bounded number; how many that were.
    pub(crate) fn drain(
        &mut self,
        rings: &mut [Consumer<Record>],
        each: &mut dyn FnMut(&Record),
    ) -> usize {
        // In this order: what was pushed before a floor was raised, or a worker went, is seen.
        let floor = self.floor(rings);
        let full = self.full(rings, floor);
        self.take(rings);
        let most = TURN * rings.len();
        let mut shown = 0;
        while shown < most && self.show(floor, rings, each) {
            shown += 1;
        }
        self.done = (shown < most).then_some(floor);
        if shown == 0
            && let Some(capacity) = full
        {
            // So much that its worker does not wait again at once.
            let some = (capacity / 2).max(1);
            while shown < some && self.show(GONE, rings, each) {
                shown += 1;
            }
        }
        self.leave(rings);
        shown
    }

    /// Whether [`Merge::drain`] would show something that it did not before.
    pub(crate) fn is_ready(&self, rings: &[Consumer<Record>]) -> bool {
        let floor = self.floor(rings);
        self.done != Some(floor) || self.full(rings, floor).is_some()
    }

    /// Below this nothing will come.
    fn floor(&self, rings: &[Consumer<Record>]) -> Moment {
        if self.abandon.load(Ordering::Relaxed) {
            return GONE;
        }
        let floors = self.sides.iter().zip(rings).map(|(side, ring)| {
            if ring.is_abandoned() {
                GONE
            } else {
                side.floor.moment()
            }
        });
        floors.min().unwrap_or(GONE)
    }

    /// Whether a worker that all may wait for waits for room here, or will; the length of its ring.
    fn full(&self, rings: &[Consumer<Record>], floor: Moment) -> Option<usize> {
        let mut sides = self.sides.iter().zip(rings);
        sides.find_map(|(side, ring)| {
            let capacity = ring.buffer().capacity();
            let is_full = ring.slots() == capacity && !ring.is_abandoned();
            (is_full && side.floor.moment() <= floor).then_some(capacity)
        })
    }

    /// Takes the stamps of what is in the rings.
    fn take(&mut self, rings: &[Consumer<Record>]) {
        for (number, (side, ring)) in self.sides.iter_mut().zip(rings).enumerate() {
            for _ in side.shown.len()..ring.slots() {
                let Ok(stamp) = side.stamps.pop() else { break };
                self.waiting.push(Reverse(Waiting {
                    stamp,
                    ring: number,
                    number: side.gone + side.shown.len() as u64,
                }));
                side.shown.push_back(false);
            }
        }
    }

    /// Shows the earliest record, if it lies below `floor`.
    fn show(
        &mut self,
        floor: Moment,
        rings: &mut [Consumer<Record>],
        each: &mut dyn FnMut(&Record),
    ) -> bool {
        match self.waiting.peek() {
            Some(Reverse(first)) if first.stamp.moment() < floor => {}
            _ => return false,
        }
        let Some(Reverse(Waiting { ring, number, .. })) = self.waiting.pop() else {
            return false;
        };
        let (Some(side), Some(ring)) = (self.sides.get_mut(ring), rings.get_mut(ring)) else {
            return false;
        };
        let at = (number - side.gone) as usize;
        if let Ok(chunk) = ring.read_chunk(at + 1) {
            let (first, second) = chunk.as_slices();
            let record = first.get(at).or_else(|| second.get(at - first.len()));
            if let Some(record) = record {
                each(record);
            }
        }
        if let Some(shown) = side.shown.get_mut(at) {
            *shown = true;
        }
        true
    }

    /// What was shown leaves the rings, as far as nothing before it is still to be shown.
    fn leave(&mut self, rings: &mut [Consumer<Record>]) {
        for (side, ring) in self.sides.iter_mut().zip(rings) {
            let shown = side.shown.iter().take_while(|shown| **shown).count();
            if let Ok(chunk) = ring.read_chunk(shown) {
                chunk.commit_all();
                side.shown.drain(..shown);
                side.gone += shown as u64;
            }
        }
    }
}
