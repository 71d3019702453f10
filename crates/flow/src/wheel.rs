//! When flows are looked at again: two timing wheels of doubly linked slots.
//!
//! A slot stands in the list of the second (about) in which its time may be over. When that second comes the slot is looked at:
//! over, it ends; else it moves to where its time now is. So a packet never touches the wheel: only the first packets of a
//! flow and its end do.
//!
//! There are two wheels. Flows that may be evicted when the table is full (unanswered, half open, closed) stand in one, the others
//! in the other. A victim is the last of the first list in use of the former: what would have ended soonest, the oldest of those.

use std::io;

use crate::memory::{Array, Memory};

/// log2 of the length of a wheel's tick, nanoseconds: 1.07 seconds.
const TICK_SHIFT: u32 = 30;
/// Lists of one wheel: 9 minutes. What is due later is looked at then, and moved on.
const LISTS: usize = 512;
/// No slot.
const NONE: u32 = u32::MAX;

/// Which wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    /// Flows that may be evicted.
    Evictable = 0,
    /// Flows that must not be.
    Protected = 1,
}

/// First (latest come) and last slot of each list, by wheel.
type Ends = [[[u32; 2]; LISTS]; 2];

/// Both wheels.
pub(crate) struct Wheel {
    /// By slot: the next and the previous one in its list. What is before the first and behind the last is the list's number, marked.
    links: Array<[u32; 2]>,
    ends: Box<Ends>,
    /// Which lists have a slot, a bit each.
    used: [[u64; LISTS / 64]; 2],
    /// The tick whose lists are due next; `i64::MIN` before the first packet.
    tick: i64,
}

/// Marks a link as the number of a list.
const LIST: u32 = 1 << 31;

impl Wheel {
    /// Bytes for each slot.
    pub(crate) const PER_SLOT: usize = size_of::<[u32; 2]>();
    /// Bytes apart from that, on the heap.
    pub(crate) const HEAP: usize = size_of::<Ends>();

    pub(crate) fn new(capacity: usize, memory: &mut Memory) -> io::Result<Wheel> {
        Ok(Wheel {
            links: memory.array(capacity)?,
            ends: Box::new([[[NONE; 2]; LISTS]; 2]),
            used: [[0; LISTS / 64]; 2],
            tick: i64::MIN,
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.links.bytes()
    }

    /// The links of a slot that is in no list, for the use of whoever keeps free slots.
    #[inline]
    pub(crate) fn spare_link(&mut self, slot: u32) -> &mut u32 {
        &mut self.links[slot as usize][0]
    }

    #[inline(always)]
    pub(crate) fn prefetch(&self, slot: u32) {
        self.links.prefetch(slot as usize, 1);
    }

    /// The time up to which everything was looked at.
    pub(crate) fn set_now(&mut self, now: i64) {
        if self.tick == i64::MIN {
            self.tick = now >> TICK_SHIFT;
        }
    }

    /// Puts a slot where it will be looked at, not before `due`.
    pub(crate) fn insert(&mut self, slot: u32, ring: Ring, due: i64) {
        // Rounded up: when its list is due, so is the slot. Never beyond the horizon.
        let ahead = (due >> TICK_SHIFT)
            .saturating_add(1)
            .saturating_sub(self.tick)
            .clamp(0, LISTS as i64 - 1);
        let list = (self.tick.wrapping_add(ahead)).rem_euclid(LISTS as i64) as usize;
        let mark = LIST | (ring as u32) << 16 | list as u32;
        let [first, _] = self.ends[ring as usize][list];
        if first == NONE {
            self.links[slot as usize] = [mark, mark];
            self.ends[ring as usize][list] = [slot, slot];
            self.used[ring as usize][list / 64] |= 1 << (list % 64);
        } else {
            self.links[slot as usize] = [first, mark];
            self.links[first as usize][1] = slot;
            self.ends[ring as usize][list][0] = slot;
        }
    }

    /// Takes a slot out of its list.
    pub(crate) fn remove(&mut self, slot: u32) {
        let [next, previous] = self.links[slot as usize];
        let place = |mark: u32| ((mark >> 16 & 1) as usize, (mark & 0xffff) as usize % LISTS);
        match (previous & LIST != 0, next & LIST != 0) {
            (true, true) => {
                let (ring, list) = place(next);
                self.ends[ring][list] = [NONE; 2];
                self.used[ring][list / 64] &= !(1 << (list % 64));
            }
            (true, false) => {
                let (ring, list) = place(previous);
                self.ends[ring][list][0] = next;
                self.links[next as usize][1] = previous;
            }
            (false, true) => {
                let (ring, list) = place(next);
                self.ends[ring][list][1] = previous;
                self.links[previous as usize][0] = next;
            }
            (false, false) => {
                self.links[next as usize][1] = previous;
                self.links[previous as usize][0] = next;
            }
        }
    }

    /// The evictable slot that would be looked at soonest.
    pub(crate) fn victim(&self) -> Option<u32> {
        let used = &self.used[Ring::Evictable as usize];
        let from = self.tick.rem_euclid(LISTS as i64) as usize;
        let words = LISTS / 64;
        for step in 0..=words {
            let word = (from / 64 + step) % words;
            let mut bits = used[word];
            if step == 0 {
                bits &= u64::MAX << (from % 64);
            } else if step == words {
                bits &= !(u64::MAX << (from % 64));
            }
            if bits != 0 {
                let list = word * 64 + bits.trailing_zeros() as usize;
                let [_, last] = self.ends[Ring::Evictable as usize][list];
                return (last != NONE).then_some(last);
            }
        }
        None
    }

    /// The time from which on a slot in `ring` that is over at `due` is taken out; those of one list in the order of the wheels.
    pub(crate) fn looks_at(ring: Ring, due: i64) -> i64 {
        let list = (due >> TICK_SHIFT).saturating_add(1);
        list.saturating_mul(1 << TICK_SHIFT)
            .saturating_add(ring as i64)
    }

    /// Takes out up to `out.len()` slots whose lists are due at `now`; how many. None: all that is due was looked at.
    pub(crate) fn due(&mut self, now: i64, out: &mut [u32]) -> usize {
        let target = now >> TICK_SHIFT;
        if self.tick == i64::MIN {
            self.tick = target;
            return 0;
        }
        // Behind a long silence every list is due, once.
        if target.saturating_sub(self.tick) > LISTS as i64 {
            self.skip_to(target - LISTS as i64);
        }
        let mut found = 0;
        while self.tick <= target {
            let list = self.tick.rem_euclid(LISTS as i64) as usize;
            for ring in 0..2 {
                while self.ends[ring][list][1] != NONE {
                    if found == out.len() {
                        return found;
                    }
                    let slot = self.ends[ring][list][1];
                    self.remove(slot);
                    out[found] = slot;
                    found += 1;
                }
            }
            if self.tick == target {
                break;
            }
            self.tick += 1;
        }
        found
    }

    /// Moves the wheels on by whole turns: which list a slot is in stays the same.
    fn skip_to(&mut self, target: i64) {
        let turns = target.saturating_sub(self.tick) / LISTS as i64;
        self.tick = self.tick.saturating_add(turns.saturating_mul(LISTS as i64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn all_due(wheel: &mut Wheel, now: i64) -> Vec<u32> {
        let mut all = Vec::new();
        let mut out = [0; 3];
        loop {
            let n = wheel.due(now, &mut out);
            if n == 0 {
                break;
            }
            all.extend_from_slice(&out[..n]);
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn slots_come_when_due_and_not_before() {
        let mut wheel = Wheel::new(1000, &mut Memory::plain(1 << 13)).unwrap();
        let t0 = 1_600_000_000 * SECOND;
        wheel.set_now(t0);
        for slot in 0..1000u32 {
            let ring = if slot % 2 == 0 {
                Ring::Evictable
            } else {
                Ring::Protected
            };
            wheel.insert(slot, ring, t0 + i64::from(slot) * SECOND);
        }
        for slot in (0..1000).step_by(10) {
            wheel.remove(slot);
        }
        let mut seen = Vec::new();
        for second in 0..520 {
            for slot in all_due(&mut wheel, t0 + second * SECOND) {
                let (due, horizon) = (i64::from(slot), 547);
                assert!(
                    due <= second && second <= due + 3 || due >= horizon - 2,
                    "{slot} at {second}"
                );
                seen.push(slot);
            }
        }
        assert!(seen.len() > 450 && seen.iter().all(|slot| slot % 10 != 0));
        // A jump of years: the rest is due at once.
        let rest = all_due(&mut wheel, t0 * 2);
        assert_eq!(seen.len() + rest.len(), 900);
        assert_eq!(all_due(&mut wheel, i64::MAX), []);
    }

    #[test]
    fn when_a_slot_comes_is_known_before() {
        for due in [
            0,
            SECOND,
            1 << TICK_SHIFT,
            (1 << TICK_SHIFT) - 1,
            77 * SECOND,
        ] {
            let mut wheel = Wheel::new(10, &mut Memory::plain(1 << 13)).unwrap();
            wheel.set_now(0);
            wheel.insert(1, Ring::Evictable, due);
            let comes = Wheel::looks_at(Ring::Evictable, due);
            assert!(comes > due && comes < Wheel::looks_at(Ring::Protected, due));
            assert_eq!(all_due(&mut wheel, comes - 1), []);
            assert_eq!(all_due(&mut wheel, comes), [1]);
        }
        assert_eq!(Wheel::looks_at(Ring::Protected, i64::MAX), i64::MAX);
    }

    #[test]
    fn victims_are_the_soonest_of_the_evictable() {
        let mut wheel = Wheel::new(10, &mut Memory::plain(1 << 13)).unwrap();
        let t0 = 77 * SECOND;
        wheel.set_now(t0);
        assert_eq!(wheel.victim(), None);
        wheel.insert(0, Ring::Protected, t0);
        assert_eq!(wheel.victim(), None);
        wheel.insert(1, Ring::Evictable, t0 + 60 * SECOND);
        wheel.insert(2, Ring::Evictable, t0 + 5 * SECOND);
        wheel.insert(3, Ring::Evictable, t0 + 500 * SECOND);
        wheel.insert(4, Ring::Evictable, t0 + 5 * SECOND);
        wheel.insert(5, Ring::Evictable, t0 + 5 * SECOND);
        for expected in [2, 4, 5, 1, 3] {
            assert_eq!(wheel.victim(), Some(expected));
            wheel.remove(expected);
        }
        assert_eq!(wheel.victim(), None);
    }

    #[test]
    fn extreme_times_do_no_harm() {
        let mut wheel = Wheel::new(4, &mut Memory::plain(1 << 13)).unwrap();
        wheel.set_now(i64::MAX - 1);
        wheel.insert(0, Ring::Evictable, i64::MAX);
        wheel.insert(1, Ring::Evictable, i64::MIN);
        assert_eq!(wheel.victim(), Some(1));
        let mut wheel = Wheel::new(4, &mut Memory::plain(1 << 13)).unwrap();
        wheel.set_now(-5 * SECOND);
        wheel.insert(0, Ring::Protected, -SECOND);
        assert_eq!(all_due(&mut wheel, SECOND), [0]);
    }
}
