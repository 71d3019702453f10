//! Identifiers: a seeded hash of a flow's key and first time.

use portreeve_record::Uid;

use crate::hash::{KeyWords, Seeds};

/// Makes identifiers from one seed. They depend on the seed, the key, the time of the first packet and how often such a flow was there before, and on nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uids {
    first: Seeds,
    second: Seeds,
}

impl Uids {
    pub(crate) fn new(seed: u64) -> Uids {
        Uids {
            first: Seeds::new(seed),
            second: Seeds::new(seed ^ 0x5bf0_3635_dcc7_1a9d),
        }
    }

    /// The identifier of the flow with this key that began at `start`, for the time after `again` others (see [`crate::again`]).
    pub(crate) fn of(&self, key: &KeyWords, start: i64, again: u8) -> Uid {
        let time = start as u64;
        let mut words = *key;
        words[4] ^= time.rotate_left(32);
        words[5] ^= u64::from(again) << 40;
        words[2] ^= time.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let (a, b) = (self.first.hash(&words), self.second.hash(&words));
        Uid([(a >> 32) as u32, a as u32, b as u32])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_depend_on_seed_key_and_time() {
        let key = [0, 1, 0, 2, 3, 4];
        let base = Uids::new(1).of(&key, 1000, 0);
        assert_eq!(base, Uids::new(1).of(&key, 1000, 0));
        assert_ne!(base, Uids::new(2).of(&key, 1000, 0));
        assert_ne!(base, Uids::new(1).of(&key, 1001, 0));
        assert_ne!(base, Uids::new(1).of(&[0, 1, 0, 2, 4, 4], 1000, 0));
        assert_ne!(base, Uids::new(1).of(&key, 1000, 1));
        let mut all: Vec<_> = (0..10_000).map(|t| Uids::new(1).of(&key, t, 0)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 10_000);
    }
}
