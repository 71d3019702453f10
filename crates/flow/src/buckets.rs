//! From a hash to a slot: cache lines of ten tagged slot numbers.
//!
//! A key has two candidate lines. It lives in the first unless that was full when it came; each line counts the keys that are its
//! own and live in their second, so that a look-up reads one line nearly always. When both are full, one that lives there
//! moves to its other line.

use std::io;

use crate::memory::{Array, Memory, Zeroable};

/// Entries of one line.
const WAYS: usize = 10;
/// Entries used of a line, on average, when the table is full: then three keys in a hundred live in their second line. (With 8 it would be five, for one byte
/// a flow less.)
pub(crate) const MEAN_LOAD: usize = 7;

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(crate) struct Bucket {
    tags: [u16; WAYS],
    /// Keys whose first line this is and that live in their second.
    strays: u16,
    /// Which entries are used, a bit each.
    used: u16,
    slots: [u32; WAYS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

// SAFETY: integers only.
unsafe impl Zeroable for Bucket {}

impl Bucket {
    /// The used entries with this tag, a bit each.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn matches(&self, tag: u16) -> u32 {
        use std::arch::x86_64::{
            _mm_cmpeq_epi16, _mm_load_si128, _mm_loadl_epi64, _mm_movemask_epi8, _mm_packs_epi16,
            _mm_set1_epi16,
        };
        const { assert!(std::mem::offset_of!(Bucket, tags) == 0 && WAYS == 10) };
        let line = std::ptr::from_ref(self);
        // SAFETY: SSE2 is part of x86-64; a line is 64 bytes, aligned to 64, and both loads lie within it.
        let equal = unsafe {
            let tags = _mm_set1_epi16(tag as i16);
            let first = _mm_cmpeq_epi16(_mm_load_si128(line.cast()), tags);
            // Tags 8 and 9, and two words of which `used` masks what comes out.
            let rest = _mm_cmpeq_epi16(_mm_loadl_epi64(line.cast::<u8>().add(16).cast()), tags);
            _mm_movemask_epi8(_mm_packs_epi16(first, rest))
        };
        equal as u32 & u32::from(self.used)
    }

    /// The used entries with this tag, a bit each.
    #[cfg(not(target_arch = "x86_64"))]
    fn matches(&self, tag: u16) -> u32 {
        let equal = |at: usize| u32::from(self.tags[at] == tag) << at;
        (0..WAYS).fold(0, |found, at| found | equal(at)) & u32::from(self.used)
    }

    /// The first slot with this tag.
    #[inline(always)]
    fn slot_of(&self, tag: u16) -> Option<u32> {
        // With a bit behind the last entry, "none" is a place too, and one comparison is enough.
        let found = self.matches(tag) | 1 << WAYS;
        self.slots.get(found.trailing_zeros() as usize).copied()
    }

    fn free(&self) -> Option<usize> {
        let way = (!self.used).trailing_zeros() as usize;
        (way < WAYS).then_some(way)
    }

    fn put(&mut self, way: usize, tag: u16, slot: u32) {
        self.tags[way] = tag;
        self.slots[way] = slot;
        self.used |= 1 << way;
    }

    fn way_of(&self, tag: u16, slot: u32) -> Option<usize> {
        let mut found = self.matches(tag);
        while found != 0 {
            let way = found.trailing_zeros() as usize;
            if self.slots[way] == slot {
                return Some(way);
            }
            found &= found - 1;
        }
        None
    }
}

/// All the lines.
pub(crate) struct Buckets {
    lines: Array<Bucket>,
}

#[inline(always)]
fn tag(hash: u64) -> u16 {
    hash as u16
}

impl Buckets {
    /// Lines for `capacity` slots.
    pub(crate) fn new(capacity: usize, memory: &mut Memory) -> io::Result<Buckets> {
        Ok(Buckets {
            lines: memory.array(capacity.div_ceil(MEAN_LOAD).max(2))?,
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.lines.bytes()
    }

    #[inline(always)]
    fn first(&self, hash: u64) -> usize {
        // Multiply and shift: a fair index below any length, without a division.
        (((hash >> 32) * self.lines.len() as u64) >> 32) as usize
    }

    #[inline(always)]
    fn second(&self, hash: u64) -> usize {
        let other = hash.rotate_left(24).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (((other >> 32) * self.lines.len() as u64) >> 32) as usize
    }

    /// Fetches the first line of a hash; its number.
    #[inline(always)]
    pub(crate) fn prefetch(&self, hash: u64) -> u32 {
        let line = self.first(hash);
        self.lines.prefetch(line, 1);
        line as u32
    }

    /// The first slot with the right tag in the first line of a hash, whose number is `line`: a guess, right nearly always.
    #[inline(always)]
    pub(crate) fn guess(&self, hash: u64, line: u32) -> Option<u32> {
        self.lines.get(line as usize)?.slot_of(tag(hash))
    }

    /// Fetches the second line of a hash, if there is anything to be looked for.
    #[inline]
    pub(crate) fn prefetch_second(&self, hash: u64) {
        if self.lines[self.first(hash)].strays != 0 {
            self.lines.prefetch(self.second(hash), 1);
        }
    }

    /// The same as [`Buckets::guess`] in the second line.
    #[inline]
    pub(crate) fn guess_second(&self, hash: u64) -> Option<u32> {
        if self.lines[self.first(hash)].strays == 0 {
            return None;
        }
        self.lines[self.second(hash)].slot_of(tag(hash))
    }

    /// The slot that `is_it` accepts, of those with the right tag, or [`NONE`].
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> u32 {
        let first = &self.lines[self.first(hash)];
        let mut found = first.matches(tag(hash));
        while found != 0 {
            let slot = first.slots[found.trailing_zeros() as usize % WAYS];
            if is_it(slot) {
                return slot;
            }
            found &= found - 1;
        }
        if first.strays == 0 {
            return NONE;
        }
        let second = &self.lines[self.second(hash)];
        let mut found = second.matches(tag(hash));
        while found != 0 {
            let slot = second.slots[found.trailing_zeros() as usize % WAYS];
            if is_it(slot) {
                return slot;
            }
            found &= found - 1;
        }
        NONE
    }

    /// Notes that `slot` holds a key of this hash; `hash_of` gives the hash of any slot in use. Refused (`false`) when there is no room near enough.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) -> bool {
        let (first, second) = (self.first(hash), self.second(hash));
        if let Some(way) = self.lines[first].free() {
            self.lines[first].put(way, tag(hash), slot);
            return true;
        }
        if self.lines[first].strays == u16::MAX {
            return false;
        }
        if self.lines[second].free().is_none() {
            if self.make_room(first, &hash_of) {
                if let Some(way) = self.lines[first].free() {
                    self.lines[first].put(way, tag(hash), slot);
                    return true;
                }
                return false;
            }
            if !self.make_room(second, &hash_of) {
                return false;
            }
        }
        let Some(way) = self.lines[second].free() else {
            return false;
        };
        self.lines[second].put(way, tag(hash), slot);
        // Where both lines are one, the key is found in the first.
        if first != second {
            self.lines[first].strays += 1;
        }
        true
    }

    /// Moves one entry of `line` to its other line; whether one could be moved.
    fn make_room(&mut self, line: usize, hash_of: &impl Fn(u32) -> u64) -> bool {
        for way in 0..WAYS {
            let slot = self.lines[line].slots[way];
            let hash = hash_of(slot);
            let (first, second) = (self.first(hash), self.second(hash));
            let other = if first == line { second } else { first };
            if other == line || self.lines[first].strays == u16::MAX {
                continue;
            }
            if let Some(free) = self.lines[other].free() {
                self.lines[other].put(free, tag(hash), slot);
                self.lines[line].used &= !(1 << way);
                if other == second {
                    self.lines[first].strays += 1;
                } else {
                    self.lines[first].strays -= 1;
                }
                return true;
            }
        }
        false
    }

    /// Forgets `slot`, whose key has this hash.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        let (first, second) = (self.first(hash), self.second(hash));
        if let Some(way) = self.lines[first].way_of(tag(hash), slot) {
            self.lines[first].used &= !(1 << way);
        } else if let Some(way) = self.lines[second].way_of(tag(hash), slot) {
            self.lines[second].used &= !(1 << way);
            self.lines[first].strays = self.lines[first].strays.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(mut x: u64) -> u64 {
        x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        x = (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        x ^ (x >> 33)
    }

    /// Filled to the brim, emptied by half, filled again, many times: every slot is found, no other is.
    #[test]
    fn full_tables_keep_every_slot() {
        let capacity = 40_000u32;
        let mut buckets = Buckets::new(capacity as usize, &mut Memory::plain(1 << 20)).unwrap();
        let mut hashes: Vec<u64> = (0..u64::from(capacity)).map(mix).collect();
        let mut seed = 1u64;
        for slot in 0..capacity {
            assert!(buckets.insert(hashes[slot as usize], slot, |s| hashes[s as usize]));
        }
        for _round in 0..20 {
            for slot in 0..capacity {
                assert_eq!(buckets.find(hashes[slot as usize], |s| s == slot), slot);
            }
            assert_eq!(buckets.find(mix(1 << 60), |_| false), NONE);
            for slot in (0..capacity).filter(|s| mix(u64::from(*s) ^ seed) & 1 == 0) {
                buckets.remove(hashes[slot as usize], slot);
                assert_eq!(buckets.find(hashes[slot as usize], |s| s == slot), NONE);
            }
            for slot in (0..capacity).filter(|s| mix(u64::from(*s) ^ seed) & 1 == 0) {
                hashes[slot as usize] = mix(u64::from(slot) ^ seed << 40);
                assert!(buckets.insert(hashes[slot as usize], slot, |s| hashes[s as usize]));
            }
            seed += 1;
        }
        for slot in 0..capacity {
            buckets.remove(hashes[slot as usize], slot);
        }
        assert!(
            buckets
                .lines
                .iter()
                .all(|line| line.used == 0 && line.strays == 0)
        );
    }

    /// Keys of one hash (which only luck or a known seed makes) fill two lines and are then refused, not lost.
    #[test]
    fn equal_hashes_are_refused_when_two_lines_are_full() {
        let mut buckets = Buckets::new(1000, &mut Memory::plain(1 << 20)).unwrap();
        let hash = mix(7);
        let taken = (0..100)
            .take_while(|slot| buckets.insert(hash, *slot, |_| hash))
            .count() as u32;
        assert_eq!(taken, 20);
        for slot in 0..taken {
            assert_eq!(buckets.find(hash, |s| s == slot), slot);
        }
    }
}
