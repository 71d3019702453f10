//! Packets and bytes by the millisecond, for microbursts: what a mean over a second hides.
//!
//! A worker adds up what its bursts bring in the millisecond at hand, in its own memory, and puts the sum on a shelf when the next begins or
//! before it sleeps: a thousand times a second at most, whatever the rate. A burst within one millisecond costs two comparisons; only one that goes
//! on into the next is looked through frame by frame. Whoever looks adds the shelves of all workers up and takes the maximum.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering, fence};

use portreeve_capture::Burst;
use serde::{Deserialize, Serialize};

/// Milliseconds that are kept; a power of two. They are read within two seconds.
const KEPT: usize = 4096;
/// Milliseconds of a second.
const SECOND: i64 = 1000;
/// Nanoseconds of a millisecond.
const MILLISECOND: i64 = 1_000_000;
/// Nothing was put here yet, or something is being put here.
const NONE: i64 = i64::MIN;

/// What was counted in one millisecond.
struct Slot {
    /// Which one: milliseconds since 1970-01-01 UTC.
    millisecond: AtomicI64,
    packets: AtomicU64,
    bytes: AtomicU64,
}

/// One worker's milliseconds: written by it alone, read by anyone.
pub(crate) struct Shelf {
    slots: Box<[Slot]>,
}

impl Shelf {
    fn new() -> Self {
        let slot = || Slot {
            millisecond: AtomicI64::new(NONE),
            packets: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        };
        Shelf {
            slots: (0..KEPT).map(|_| slot()).collect(),
        }
    }

    fn slot(&self, millisecond: i64) -> &Slot {
        &self.slots[millisecond.rem_euclid(KEPT as i64) as usize]
    }

    /// What was counted in that millisecond: packets and bytes.
    fn read(&self, millisecond: i64) -> Option<(u64, u64)> {
        let slot = self.slot(millisecond);
        if slot.millisecond.load(Ordering::Acquire) != millisecond {
            return None;
        }
        let packets = slot.packets.load(Ordering::Relaxed);
        let bytes = slot.bytes.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        // Another one was put here meanwhile: then this one is too long ago.
        (slot.millisecond.load(Ordering::Relaxed) == millisecond).then_some((packets, bytes))
    }
}

/// The milliseconds of a worker, where it counts them.
pub(crate) struct Bins {
    shelf: Arc<Shelf>,
    /// The one at hand.
    millisecond: i64,
    packets: u64,
    bytes: u64,
    /// Something was counted since it was last put on the shelf.
    is_new: bool,
}

impl Bins {
    /// Bins, and the shelf that they are seen on.
    pub(crate) fn new() -> (Self, Arc<Shelf>) {
        let shelf = Arc::new(Shelf::new());
        let bins = Bins {
            shelf: Arc::clone(&shelf),
            millisecond: NONE,
            packets: 0,
            bytes: 0,
            is_new: false,
        };
        (bins, shelf)
    }

    /// Counts a burst of frames that came from a source, `bytes` in all.
    #[inline]
    pub(crate) fn count(&mut self, burst: &Burst<'_>, bytes: u64) {
        let frames = burst.len();
        let time = |index: usize| burst.frame(index).map(|frame| frame.timestamp);
        let (Some(first), Some(last)) = (time(0), time(frames.wrapping_sub(1))) else {
            return;
        };
        if self.holds(first) && self.holds(last) {
            self.packets += frames as u64;
            self.bytes += bytes;
            self.is_new = true;
        } else {
            self.count_each(
                burst
                    .frames()
                    .map(|frame| (frame.timestamp, frame.wire_len)),
            );
        }
    }

    /// Whether a moment is in the millisecond at hand.
    #[inline]
    fn holds(&self, timestamp: i64) -> bool {
        let begin = self.millisecond.saturating_mul(MILLISECOND);
        (0..MILLISECOND).contains(&timestamp.wrapping_sub(begin))
    }

    fn count_each(&mut self, frames: impl Iterator<Item = (i64, u32)>) {
        for (timestamp, bytes) in frames {
            if !self.holds(timestamp) {
                self.turn_to(timestamp.div_euclid(MILLISECOND));
            }
            self.packets += 1;
            self.bytes += u64::from(bytes);
            self.is_new = true;
        }
    }

    /// Another millisecond is at hand: a later one, nearly always.
    fn turn_to(&mut self, millisecond: i64) {
        self.publish();
        // What was counted in it already, if packets come out of order.
        let before = self.shelf.read(millisecond);
        (self.packets, self.bytes) = before.unwrap_or_default();
        self.millisecond = millisecond;
    }

    /// Puts the millisecond at hand on the shelf. To be done before a sleep.
    #[inline]
    pub(crate) fn publish(&mut self) {
        if !self.is_new {
            return;
        }
        self.is_new = false;
        let slot = self.shelf.slot(self.millisecond);
        let there = slot.millisecond.load(Ordering::Relaxed);
        if there > self.millisecond {
            // It is so long ago that its place is another's.
            return;
        }
        if there < self.millisecond {
            slot.millisecond.store(NONE, Ordering::Relaxed);
            fence(Ordering::Release);
        }
        slot.packets.store(self.packets, Ordering::Relaxed);
        slot.bytes.store(self.bytes, Ordering::Relaxed);
        slot.millisecond.store(self.millisecond, Ordering::Release);
    }
}

/// The busiest millisecond of one second, all workers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peak {
    /// The second: seconds since 1970-01-01 UTC, by the packets' time.
    pub second: i64,
    /// Packets of the millisecond with the most packets.
    pub packets: u64,
    /// Bytes on the wire of the millisecond with the most bytes; it may be another one.
    pub bytes: u64,
}

/// The peaks of the second that `now` (nanoseconds since 1970-01-01 UTC) is in and of the `before` ones before it, oldest first.
pub(crate) fn peaks(shelves: &[Arc<Shelf>], now: i64, before: i64) -> Vec<Peak> {
    let this = now.div_euclid(MILLISECOND * SECOND);
    let of = |second: i64| {
        let mut peak = Peak {
            second,
            ..Peak::default()
        };
        for millisecond in second * SECOND..(second + 1) * SECOND {
            let (mut packets, mut bytes) = (0, 0);
            for shelf in shelves {
                if let Some((more_packets, more_bytes)) = shelf.read(millisecond) {
                    packets += more_packets;
                    bytes += more_bytes;
                }
            }
            peak.packets = peak.packets.max(packets);
            peak.bytes = peak.bytes.max(bytes);
        }
        peak
    };
    (this.saturating_sub(before)..=this).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = MILLISECOND;

    fn count(bins: &mut Bins, frames: &[(i64, u32)]) {
        bins.count_each(frames.iter().copied());
    }

    #[test]
    fn the_busiest_millisecond_of_all_workers_is_the_peak() {
        let ((mut one, shelf), (mut other, beside)) = (Bins::new(), Bins::new());
        let second = 1_700_000_000;
        let at = |millisecond: i64| second * 1000 * MS + millisecond * MS;
        count(
            &mut one,
            &[(at(0), 100), (at(0) + MS - 1, 100), (at(1), 5000)],
        );
        // Both have something in the seventh: together it is the most packets, though not the most bytes.
        count(&mut one, &[(at(7), 100), (at(7), 100)]);
        count(&mut other, &[(at(7) + 1, 100), (at(900), 1)]);
        one.publish();
        other.publish();
        let seen = peaks(&[shelf, beside], at(1500), 1);
        assert_eq!(
            seen[0],
            Peak {
                second,
                packets: 3,
                bytes: 5000
            }
        );
        assert_eq!((seen.len(), seen[1].packets), (2, 0));
    }

    #[test]
    fn what_comes_late_is_added_and_what_comes_too_late_is_left() {
        let (mut bins, shelf) = Bins::new();
        count(&mut bins, &[(5 * MS, 10), (6 * MS, 10), (5 * MS, 7)]);
        assert_eq!(shelf.read(6), Some((1, 10)));
        bins.publish();
        assert_eq!(shelf.read(5), Some((2, 17)));
        let kept = KEPT as i64;
        count(&mut bins, &[((5 + kept) * MS, 1), (5 * MS, 1)]);
        bins.publish();
        assert_eq!(shelf.read(5), None);
        assert_eq!(shelf.read(5 + kept), Some((1, 1)));
    }

    #[test]
    fn before_1970_is_a_time_too() {
        let (mut bins, shelf) = Bins::new();
        count(&mut bins, &[(-1, 10), (0, 20)]);
        bins.publish();
        assert_eq!(
            (shelf.read(-1), shelf.read(0)),
            (Some((1, 10)), Some((1, 20)))
        );
    }

    #[test]
    fn a_reader_sees_a_whole_millisecond_or_none() {
        let (mut bins, shelf) = Bins::new();
        let writer = std::thread::spawn(move || {
            for millisecond in 0..200_000 {
                // Every packet of a millisecond has the millisecond's number of bytes.
                count(&mut bins, &[(millisecond * MS, millisecond as u32); 2]);
            }
            bins.publish();
        });
        while !writer.is_finished() {
            for millisecond in (0..200_000).step_by(KEPT / 2 + 1) {
                if let Some((packets, bytes)) = shelf.read(millisecond) {
                    assert_eq!(bytes, packets * millisecond.unsigned_abs());
                }
            }
        }
        writer.join().expect("no panic");
        assert_eq!(shelf.read(199_999), Some((2, 399_998)));
    }
}
