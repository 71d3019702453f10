//! Sums by key and bucket, in blocks of buckets that follow one another: a conversation that goes on for a minute has sixty of them, and each is
//! the next place in memory rather than another search.

use std::collections::HashMap;
use std::hash::Hash;

use ahash::RandomState;

/// Buckets of a block.
const LENGTH: usize = 64;

/// Sums of type `V` by key and number of the bucket.
pub(super) struct Blocks<K, V> {
    places: HashMap<(K, i64), usize, RandomState>,
    blocks: Vec<Block<K, V>>,
    /// The block that was asked for last: most likely the next one too.
    last: usize,
}

struct Block<K, V> {
    key: K,
    /// Its number: that of its first bucket, divided by [`LENGTH`].
    number: i64,
    buckets: Box<[V; LENGTH]>,
}

impl<K, V> Default for Blocks<K, V> {
    fn default() -> Self {
        Blocks {
            places: HashMap::default(),
            blocks: Vec::new(),
            last: 0,
        }
    }
}

impl<K: Copy + Eq + Hash, V: Copy + Default + PartialEq> Blocks<K, V> {
    /// Bytes of memory that one block takes, with its place: in a map that may be half empty, and in a list that may have doubled.
    pub const BLOCK: usize = size_of::<[V; LENGTH]>()
        + 2 * size_of::<Block<K, V>>()
        + 2 * size_of::<((K, i64), usize)>();

    /// The sum of a bucket.
    pub fn at(&mut self, key: K, bucket: i64) -> &mut V {
        let number = bucket.div_euclid(LENGTH as i64);
        let is_last = self
            .blocks
            .get(self.last)
            .is_some_and(|block| block.number == number && block.key == key);
        if !is_last {
            self.last = *self.places.entry((key, number)).or_insert_with(|| {
                self.blocks.push(Block {
                    key,
                    number,
                    buckets: Box::new([V::default(); LENGTH]),
                });
                self.blocks.len() - 1
            });
        }
        &mut self.blocks[self.last].buckets[bucket.rem_euclid(LENGTH as i64) as usize]
    }

    /// How many blocks there are, each of some kilobytes.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Every sum that is not zero, with its key and bucket.
    pub fn iter(&self) -> impl Iterator<Item = (K, i64, &V)> {
        let zero = V::default();
        self.blocks.iter().flat_map(move |block| {
            let first = block.number.saturating_mul(LENGTH as i64);
            let buckets = (first..).zip(block.buckets.iter());
            buckets
                .filter(move |(_, sum)| **sum != zero)
                .map(|(bucket, sum)| (block.key, bucket, sum))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_of_every_key_has_its_own_sum() {
        let mut blocks: Blocks<u8, u64> = Blocks::default();
        let asked = [(1, 0), (1, 63), (1, 64), (2, 0), (1, -1), (1, 0), (2, 0)];
        for (key, bucket) in asked {
            *blocks.at(key, bucket) += 1;
        }
        // Asked for, and left as it was.
        blocks.at(3, 7);
        let mut sums: Vec<(u8, i64, u64)> = blocks
            .iter()
            .map(|(key, bucket, sum)| (key, bucket, *sum))
            .collect();
        sums.sort_unstable();
        assert_eq!(
            sums,
            [(1, -1, 1), (1, 0, 2), (1, 63, 1), (1, 64, 1), (2, 0, 2)]
        );
        assert_eq!(blocks.len(), 5);
    }
}
