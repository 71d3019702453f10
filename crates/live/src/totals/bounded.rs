//! Sums by key, of bounded number: what is full forgets what weighs least.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;

/// Keys of one kind within a minute that goes on.
pub(super) const MOST_OPEN: usize = 1024;
/// Keys of one kind that are kept of a minute that is over.
pub(super) const MOST_CLOSED: usize = 512;

/// Something that is summed up.
pub(super) trait Tally: Clone + Default {
    /// Adds another one of the same key.
    fn add(&mut self, other: &Self);

    /// What decides who is forgotten.
    fn weight(&self) -> u64;

    /// Bytes that it has on the heap.
    fn heap(&self) -> usize {
        0
    }
}

/// What sums are kept by.
pub(super) trait Key: Clone + Eq + Hash {
    /// Bytes that it has on the heap.
    fn heap(&self) -> usize {
        0
    }
}

/// Sums by key.
#[derive(Clone, Debug)]
pub(super) struct Bounded<K, V> {
    sums: HashMap<K, V>,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Bounded {
            sums: HashMap::new(),
        }
    }
}

impl<K: Key, V: Tally> Bounded<K, V> {
    /// The sum of a key.
    pub fn at(&mut self, key: K) -> &mut V {
        if self.sums.len() >= MOST_OPEN && !self.sums.contains_key(&key) {
            self.keep(MOST_OPEN / 2);
        }
        self.sums.entry(key).or_default()
    }

    /// Keeps so many, the heaviest.
    pub fn keep(&mut self, most: usize) {
        let Some(beyond) = self.sums.len().checked_sub(most).filter(|n| *n > 0) else {
            return;
        };
        let mut weights: Vec<u64> = self.sums.values().map(V::weight).collect();
        let (_, border, heavier) = weights.select_nth_unstable(beyond);
        let border = *border;
        // Of those that weigh the same, as many as there is room for.
        let above = heavier.iter().filter(|weight| **weight > border).count();
        let mut room = most - above;
        self.sums.retain(|_, sum| match sum.weight().cmp(&border) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => {
                let stays = room > 0;
                room = room.saturating_sub(1);
                stays
            }
        });
    }

    /// Keeps what is kept of a minute that is over, in no more room than that takes.
    pub fn close(&mut self) {
        self.keep(MOST_CLOSED);
        self.sums.shrink_to_fit();
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        let heap = |(key, sum): (&K, &V)| key.heap() + sum.heap();
        self.sums.capacity() * (size_of::<(K, V)>() + 1) + self.sums.iter().map(heap).sum::<usize>()
    }

    /// Its entries.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.sums.iter()
    }

    /// The sum of a key, if there is one.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.sums.get(key)
    }
}

/// Adds up several.
pub(super) fn merged<'a, K: Key + 'a, V: Tally + 'a>(
    all: impl Iterator<Item = &'a Bounded<K, V>>,
) -> HashMap<K, V> {
    let mut sums: HashMap<K, V> = HashMap::new();
    for (key, sum) in all.flat_map(Bounded::iter) {
        match sums.get_mut(key) {
            Some(known) => known.add(sum),
            None => {
                sums.insert(key.clone(), sum.clone());
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Weight(u64);

    impl Tally for Weight {
        fn add(&mut self, other: &Self) {
            self.0 += other.0;
        }

        fn weight(&self) -> u64 {
            self.0
        }
    }

    impl Key for u32 {}

    #[test]
    fn the_heaviest_stay_whatever_comes() {
        let mut sums: Bounded<u32, Weight> = Bounded::default();
        for key in 0..100 {
            sums.at(key).0 += 1000;
        }
        for key in 100..50_000 {
            sums.at(key).0 += 1;
            assert!(sums.sums.len() <= MOST_OPEN);
        }
        assert!((0..100).all(|key| sums.get(&key).is_some_and(|sum| sum.0 == 1000)));
        sums.close();
        assert_eq!(sums.sums.len(), MOST_CLOSED);
        assert!((0..100).all(|key| sums.get(&key).is_some()));
    }

    #[test]
    fn several_are_added_up() {
        let [mut one, mut other] = [(); 2].map(|()| Bounded::<u32, Weight>::default());
        one.at(1).0 += 5;
        other.at(1).0 += 6;
        other.at(2).0 += 7;
        let sums = merged([&one, &other].into_iter());
        assert_eq!((sums[&1].0, sums[&2].0, sums.len()), (11, 7, 2));
    }
}
