//! What comes again and again, remembered by each worker: to compare it with what was seen takes a fraction of the time that sums and parsing take.

use std::hash::Hash;

use ahash::RandomState;

use crate::ssh::Hasshes;
use crate::tls::{Certificates, Known};

/// What was seen before.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) certificates: Certificates,
    pub(crate) fingerprints: Known,
    pub(crate) hasshes: Hasshes,
}

/// Places for what was seen, `COUNT` of them: each content has one, which the latest takes.
pub(crate) struct Places<T, const COUNT: usize> {
    /// None at all until they are needed.
    places: Vec<Option<T>>,
    /// What is given where there are no places.
    none: Option<T>,
    hasher: RandomState,
}

impl<T, const COUNT: usize> Default for Places<T, COUNT> {
    fn default() -> Self {
        Places {
            places: Vec::new(),
            none: None,
            hasher: RandomState::default(),
        }
    }
}

impl<T, const COUNT: usize> Places<T, COUNT> {
    /// The place of what is `content`, or of something else: the caller compares.
    pub(crate) fn of(&mut self, content: impl Hash) -> &mut Option<T> {
        if self.places.is_empty() {
            self.places.resize_with(COUNT, || None);
        }
        let number = self.hasher.hash_one(content) as usize;
        let place = self.places.get_mut(number % COUNT.max(1));
        place.unwrap_or(&mut self.none)
    }
}
