//! A map that never holds more than it may.
//!
//! Two generations: what is new goes into the younger; when that is half of what may be held, the older is forgotten and the younger takes its place. So a
//! full map forgets what was put in longest ago, in one go, without a list to keep in order.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use ahash::RandomState;

/// A map of at most so many entries.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
    half: usize,
}

impl<K: Eq + Hash, V> Bounded<K, V> {
    /// A map of at most `entries`, two at least. Room is made as it is needed.
    pub(crate) fn new(entries: usize) -> Self {
        Bounded {
            young: HashMap::default(),
            old: HashMap::default(),
            half: (entries / 2).max(1),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(crate) fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        match self.young.get_mut(key) {
            Some(value) => Some(value),
            None => self.old.get_mut(key),
        }
    }

    /// Puts it in, in the place of what had this key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// The value of `key`, made if there is none.
    pub(crate) fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        if let Some(value) = self.old.remove(&key) {
            self.insert_new(key, value)
        } else if self.young.contains_key(&key) {
            self.young.entry(key).or_default()
        } else {
            self.insert_new(key, V::default())
        }
    }

    fn insert_new(&mut self, key: K, value: V) -> &mut V {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.entry(key).or_insert(value)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_and_forgets_the_oldest() {
        let mut map = Bounded::new(100);
        for key in 0..1000 {
            map.insert(key, key);
            assert!(map.len() <= 100);
            assert_eq!(map.get(&key), Some(&key));
            // The last half is always there.
            assert!(map.get(&(key - key.min(49))).is_some());
        }
        assert_eq!(map.get(&0), None);
        *map.get_mut(&999).unwrap() = 5;
        assert_eq!(*map.entry(999), 5);
        assert_eq!(*map.entry(7), 0);
        assert!(map.len() <= 100);
    }

    #[test]
    fn what_is_put_in_again_is_young_again() {
        let mut map = Bounded::new(4);
        for key in [1, 2, 3, 1, 4, 5] {
            map.insert(key, ());
        }
        assert!(map.get(&1).is_some(), "{map:?}");
        assert!(map.get(&2).is_none(), "{map:?}");
    }
}
