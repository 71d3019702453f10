//! What was told lately is not told again.

use std::hash::Hash;

use crate::bounded::Bounded;

/// Things that were told, and when.
#[derive(Debug)]
pub(crate) struct Recent<K> {
    told: Bounded<K, i64>,
    again: i64,
}

impl<K: Eq + Hash> Recent<K> {
    /// Nothing yet; what is told is told again after `again` nanoseconds.
    pub(crate) fn new(entries: usize, again: i64) -> Self {
        Recent {
            told: Bounded::new(entries),
            again,
        }
    }

    /// After how long things are told again, from now on.
    pub(crate) fn tell_again_after(&mut self, again: i64) {
        self.again = again;
    }

    /// Whether it is to be told at `now`, a record's time; then it counts as told. Records do not come in the order of their times: what was told for a later one was told.
    pub(crate) fn is_new(&mut self, key: K, now: i64) -> bool {
        if let Some(told) = self.told.get(&key)
            && now.abs_diff(*told) < self.again.unsigned_abs()
        {
            return false;
        }
        self.told.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_once_until_it_is_old() {
        let mut recent = Recent::new(10, 100);
        assert!(recent.is_new("a", 1000));
        assert!(!recent.is_new("a", 1099));
        assert!(!recent.is_new("a", 950));
        assert!(recent.is_new("b", 1000));
        assert!(recent.is_new("a", 1100));
        assert!(!recent.is_new("a", 1150));
        // One absurd time does not silence it for good.
        assert!(recent.is_new("a", i64::MAX));
        assert!(recent.is_new("a", 1200));
    }
}
