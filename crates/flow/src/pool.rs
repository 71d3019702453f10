//! Side pools: bounded stores for what few flows need. An entry is touched when it is first used.

use std::io;

use crate::memory::{Array, Memory, Zeroable};

/// Entries that say which one is free behind them.
pub(crate) trait Entry: Zeroable {
    /// An entry as it is handed out.
    fn fresh() -> Self;
    /// The link to the next free entry, kept in an entry that is free.
    fn link(&mut self) -> &mut u32;
}

/// A bounded store; number 0 is never handed out, it means "none".
pub(crate) struct Pool<T: Entry> {
    entries: Array<T>,
    free: u32,
    untouched: u32,
    used: u32,
}

impl<T: Entry> Pool<T> {
    /// Room for `len` entries.
    pub(crate) fn new(len: usize, memory: &mut Memory) -> io::Result<Pool<T>> {
        Ok(Pool {
            entries: memory.array(len.max(1) + 1)?,
            free: 0,
            untouched: 1,
            used: 0,
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.entries.bytes()
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// A fresh entry's number, if there is room.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let number = if self.free != 0 {
            let number = self.free;
            self.free = *self.entries.get_mut(number as usize)?.link();
            number
        } else if (self.untouched as usize) < self.entries.len() {
            self.untouched += 1;
            self.untouched - 1
        } else {
            return None;
        };
        *self.entries.get_mut(number as usize)? = T::fresh();
        self.used += 1;
        Some(number)
    }

    /// Takes an entry back; 0 is none.
    pub(crate) fn give(&mut self, number: u32) {
        if number == 0 {
            return;
        }
        let free = self.free;
        if let Some(entry) = self.entries.get_mut(number as usize) {
            *entry.link() = free;
            self.free = number;
            self.used -= 1;
        }
    }

    /// The entry with this number; `None` for 0.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        if number == 0 {
            return None;
        }
        self.entries.get(number as usize)
    }

    /// The same, to write.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        if number == 0 {
            return None;
        }
        self.entries.get_mut(number as usize)
    }
}

/// What was lost and sent again of one sender's stream.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct LossSide {
    /// Bytes acknowledged and never seen (Zeek's `missed_bytes`).
    pub(crate) missed: u64,
    /// Packets that Zeek calls retransmitted: with payload, and nothing in them beyond what was sent.
    pub(crate) rexmit: u32,
    pub(crate) retransmits: u32,
    pub(crate) out_of_order: u32,
    pub(crate) duplicate_acks: u32,
    pub(crate) zero_windows: u32,
    pub(crate) lost_segments: u32,
    /// Gaps that Zeek reports.
    pub(crate) gaps: u32,
    /// The holes in its stream, in their pool, or 0.
    pub(crate) holes: u32,
}

/// TCP's losses, by sender.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Loss {
    pub(crate) sides: [LossSide; 2],
}

// SAFETY: integers only.
unsafe impl Zeroable for Loss {}
impl Entry for Loss {
    fn fresh() -> Self {
        Loss::default()
    }
    fn link(&mut self) -> &mut u32 {
        &mut self.sides[0].holes
    }
}

/// The rare facts of one sender.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct RareSide {
    pub(crate) duplicates: u32,
    pub(crate) bad_checksums: u32,
    pub(crate) fragments: u32,
}

/// The rare facts of a flow.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Rare {
    /// The tunnel it is in; all zero for none.
    pub(crate) parent: [u32; 3],
    pub(crate) icmp_errors: u32,
    pub(crate) icmp_type: u8,
    pub(crate) icmp_code: u8,
    pub(crate) reserved: u16,
    /// What the last `conn_update` said, in its pool, or 0.
    pub(crate) snapshot: u32,
    pub(crate) sides: [RareSide; 2],
}

// SAFETY: integers only.
unsafe impl Zeroable for Rare {}
impl Entry for Rare {
    fn fresh() -> Self {
        Rare::default()
    }
    fn link(&mut self) -> &mut u32 {
        &mut self.snapshot
    }
}

/// What one sender had sent at the last `conn_update`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct SnapshotSide {
    pub(crate) pkts: u64,
    pub(crate) ip_bytes: u64,
    pub(crate) bytes: u64,
    pub(crate) missed: u64,
    pub(crate) retransmits: u32,
    pub(crate) out_of_order: u32,
    pub(crate) duplicate_acks: u32,
    pub(crate) zero_windows: u32,
    pub(crate) lost_segments: u32,
    pub(crate) duplicates: u32,
    pub(crate) bad_checksums: u32,
    pub(crate) fragments: u32,
}

/// What the last `conn_update` said.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Snapshot {
    /// Where the next interval begins.
    pub(crate) time: i64,
    pub(crate) icmp_errors: u32,
    pub(crate) link: u32,
    /// Originator's and responder's.
    pub(crate) sides: [SnapshotSide; 2],
}

// SAFETY: integers only.
unsafe impl Zeroable for Snapshot {}
impl Entry for Snapshot {
    fn fresh() -> Self {
        Snapshot::default()
    }
    fn link(&mut self) -> &mut u32 {
        &mut self.link
    }
}

/// A run of sequence numbers not seen yet, and when what lies behind it was seen.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// When it was found, [`crate::ticks`].
    pub(crate) found: u32,
}

/// The most holes of one stream.
pub(crate) const MAX_HOLES: usize = 5;

/// The holes of one stream, lowest first.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Holes {
    pub(crate) holes: [Hole; MAX_HOLES],
    pub(crate) len: u32,
}

// SAFETY: integers only.
unsafe impl Zeroable for Holes {}
impl Entry for Holes {
    fn fresh() -> Self {
        Holes::default()
    }
    fn link(&mut self) -> &mut u32 {
        &mut self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_pools_refuse_and_given_entries_come_again_fresh() {
        let mut pool = Pool::<Rare>::new(3, &mut Memory::plain(4096)).unwrap();
        let numbers: Vec<u32> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(numbers, [1, 2, 3]);
        pool.get_mut(2).unwrap().icmp_errors = 9;
        pool.give(2);
        pool.give(0);
        pool.give(1);
        assert_eq!(pool.used(), 1);
        assert_eq!(pool.take(), Some(1));
        assert_eq!(pool.take(), Some(2));
        assert_eq!(pool.get(2).unwrap().icmp_errors, 0);
        assert_eq!(pool.take(), None);
        assert!(pool.get(0).is_none() && pool.get(99).is_none());
    }
}
