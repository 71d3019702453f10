//! The flow table: buckets, slots and the wheel, kept in step.

use std::io;

use crate::buckets::{self, Buckets};
use crate::hash::{KeyWords, Seeds};
use crate::memory::{Array, Memory};
use crate::slot::{Class, Cold, Hot, State};
use crate::wheel::{Ring, Wheel};

pub(crate) use crate::buckets::NONE;

/// The flow table.
pub(crate) struct Table {
    pub(crate) hot: Array<Hot>,
    pub(crate) cold: Array<Cold>,
    pub(crate) wheel: Wheel,
    buckets: Buckets,
    seeds: Seeds,
    /// Slots that were used and are free, linked through the wheel's links.
    free: u32,
    /// Slots from here on were never used.
    untouched: u32,
}

/// Whether two keys are the same.
#[inline(always)]
pub(crate) fn same(a: &KeyWords, b: &KeyWords) -> bool {
    let differ = (a[0] ^ b[0])
        | (a[1] ^ b[1])
        | (a[2] ^ b[2])
        | (a[3] ^ b[3])
        | (a[4] ^ b[4])
        | (a[5] ^ b[5]);
    differ == 0
}

impl Table {
    pub(crate) fn new(capacity: usize, seeds: Seeds, memory: &mut Memory) -> io::Result<Table> {
        Ok(Table {
            hot: memory.array(capacity)?,
            buckets: Buckets::new(capacity, memory)?,
            cold: memory.array(capacity)?,
            wheel: Wheel::new(capacity, memory)?,
            seeds,
            free: NONE,
            untouched: 0,
        })
    }

    pub(crate) fn capacity(&self) -> usize {
        self.hot.len()
    }

    pub(crate) fn bucket_bytes(&self) -> usize {
        self.buckets.bytes()
    }

    #[inline(always)]
    pub(crate) fn hash(&self, words: &KeyWords) -> u64 {
        self.seeds.hash(words)
    }

    /// Fetches the bucket line of a hash; its number.
    #[inline(always)]
    pub(crate) fn prefetch_bucket(&self, hash: u64) -> u32 {
        self.buckets.prefetch(hash)
    }

    /// Fetches the bucket line of a slot that will be removed, probably.
    pub(crate) fn prefetch_bucket_of(&self, slot: u32) {
        if let Some(hot) = self.hot.get(slot as usize) {
            self.buckets.prefetch(self.hash(&hot.key));
        }
    }

    /// Where the flow of this hash probably is, by its bucket line; fetches it.
    #[inline(always)]
    pub(crate) fn guess(&self, hash: u64, line: u32) -> Option<u32> {
        let slot = self.buckets.guess(hash, line)?;
        self.hot.prefetch(slot as usize, 2);
        Some(slot)
    }

    /// Where there is no guess: fetches what [`Table::guess_second`] needs.
    #[inline(never)]
    pub(crate) fn prefetch_second(&self, hash: u64) {
        self.buckets.prefetch_second(hash);
    }

    /// Where the flow of this hash is if it is not where it should be; fetches it.
    #[inline]
    pub(crate) fn guess_second(&self, hash: u64) -> Option<u32> {
        let slot = self.buckets.guess_second(hash)?;
        self.hot.prefetch(slot as usize, 2);
        Some(slot)
    }

    /// Fetches the slot that the next new flow will have.
    pub(crate) fn prefetch_free(&self, ahead: u32) {
        let slot = if self.free != NONE {
            self.free
        } else {
            self.untouched.wrapping_add(ahead)
        };
        self.hot.prefetch(slot as usize, 2);
        self.cold.prefetch(slot as usize, 2);
        self.wheel.prefetch(slot);
    }

    /// The slot of this key, or [`NONE`].
    #[inline(always)]
    pub(crate) fn find(&self, words: &KeyWords, hash: u64, guess: u32) -> u32 {
        let guessed = self.hot.get(guess as usize);
        if guessed.is_some_and(|hot| same(&hot.key, words)) {
            return guess;
        }
        self.find_all(words, hash)
    }

    #[inline(never)]
    fn find_all(&self, words: &KeyWords, hash: u64) -> u32 {
        self.buckets
            .find(hash, |slot| same(&self.hot[slot as usize].key, words))
    }

    /// A slot that is free, if there is one.
    fn take(&mut self) -> Option<u32> {
        if self.free != NONE {
            let slot = self.free;
            self.free = *self.wheel.spare_link(slot);
            return Some(slot);
        }
        if (self.untouched as usize) < self.hot.len() {
            self.untouched += 1;
            return Some(self.untouched - 1);
        }
        None
    }

    /// Whether no slot is free.
    pub(crate) fn is_full(&self) -> bool {
        self.free == NONE && self.untouched as usize >= self.hot.len()
    }

    /// A fresh slot for a key; `None` if there is none, or no room in the buckets. It stands in no list of the wheel yet.
    pub(crate) fn insert(&mut self, words: &KeyWords, hash: u64) -> Option<u32> {
        let slot = self.take()?;
        let (hot, seeds) = (&self.hot, &self.seeds);
        if !self
            .buckets
            .insert(hash, slot, |other| seeds.hash(&hot[other as usize].key))
        {
            self.release(slot);
            return None;
        }
        self.hot[slot as usize].key = *words;
        Some(slot)
    }

    fn release(&mut self, slot: u32) {
        *self.wheel.spare_link(slot) = self.free;
        self.free = slot;
    }

    /// Forgets a flow that stands in no list of the wheel any more.
    pub(crate) fn remove(&mut self, slot: u32) {
        let hot = &mut self.hot[slot as usize];
        let hash = self.seeds.hash(&hot.key);
        self.buckets.remove(hash, slot);
        // No key looks like this: a guess that comes too late does not match.
        hot.key = [0; 6];
        hot.state = State::default();
        self.release(slot);
    }

    /// Which wheel a flow belongs in.
    pub(crate) fn ring(state: State) -> Ring {
        if state.protected() && state.class() != Class::TcpClosed {
            Ring::Protected
        } else {
            Ring::Evictable
        }
    }

    /// Slots in use, one after the other.
    pub(crate) fn next_used(&self, from: u32) -> Option<u32> {
        (from..self.untouched).find(|slot| self.hot[*slot as usize].state.class() != Class::Free)
    }
}

const _: () = assert!(buckets::MEAN_LOAD <= 8);
