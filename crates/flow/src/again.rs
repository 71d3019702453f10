//! Flows that begin again: the same key at the same time, where a capture holds packets twice or time runs back.
//!
//! A uid is made of a flow's key and first time, so the second such flow would have the first one's. What ended lately is kept
//! here, a word each; how often it was there already goes into the uid. Only the flow's own past counts, so that any number of
//! workers gives the same uids. Of very many flows that ended before time ran back, some are forgotten.

use std::io;

use portreeve_record::Uid;

use crate::memory::{Array, Memory};

/// Places where the same flow may be kept.
pub(crate) const WAYS: usize = 4;
/// Bits of a word that count; the others are the uid's.
const COUNT: u64 = 0xff;

/// What ended lately.
pub(crate) struct Again {
    words: Array<u64>,
    /// The latest beginning of a flow that ended: what begins later cannot have been there.
    latest: i64,
}

impl Again {
    /// Room for `len` flows.
    pub(crate) fn new(len: usize, memory: &mut Memory) -> io::Result<Again> {
        Ok(Again {
            words: memory.array(len.max(WAYS).next_multiple_of(WAYS))?,
            latest: i64::MIN,
        })
    }

    fn set(&mut self, uid: Uid) -> (&mut [u64], u64) {
        let sets = self.words.len() / WAYS;
        let base = ((u64::from(uid.0[2]) * sets as u64) >> 32) as usize * WAYS;
        let mark = (u64::from(uid.0[0]) << 32 | u64::from(uid.0[1])) & !COUNT;
        (&mut self.words[base..base + WAYS], mark)
    }

    /// A flow that began at `start` ended; `uid` is the one it would have had the first time, `count` how often it had been there before.
    pub(crate) fn ended(&mut self, uid: Uid, start: i64, count: u8) {
        self.latest = self.latest.max(start);
        let (set, mark) = self.set(uid);
        // Latest first.
        let way = set
            .iter()
            .position(|word| word & !COUNT == mark)
            .unwrap_or(WAYS - 1);
        set[..=way].rotate_right(1);
        set[0] = mark | (u64::from(count) + 1).min(COUNT);
    }

    /// How often a flow that begins at `start` was there before; `uid` is asked for only where it may have been.
    #[inline]
    pub(crate) fn count(&mut self, start: i64, uid: impl FnOnce() -> Uid) -> u8 {
        if start > self.latest {
            return 0;
        }
        let (set, mark) = self.set(uid());
        set.iter()
            .find(|word| **word & !COUNT == mark)
            .map_or(0, |word| (word & COUNT) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_was_there_and_forgets_the_oldest() {
        let mut again = Again::new(1, &mut Memory::plain(4096)).unwrap();
        let uid = |n: u32| Uid([n, 256, 7]);
        assert_eq!(again.count(10, || uid(1)), 0);
        again.ended(uid(1), 10, 0);
        assert_eq!(again.count(10, || uid(1)), 1);
        assert_eq!(again.count(11, || uid(1)), 0);
        assert_eq!(again.count(10, || uid(2)), 0);
        again.ended(uid(1), 10, 1);
        assert_eq!(again.count(10, || uid(1)), 2);
        again.ended(uid(1), 10, u8::MAX);
        assert_eq!(again.count(10, || uid(1)), u8::MAX);
        for n in 2..6 {
            again.ended(uid(n), 10, 0);
        }
        assert_eq!(again.count(10, || uid(1)), 0);
        assert_eq!(again.count(10, || uid(5)), 1);
    }
}
