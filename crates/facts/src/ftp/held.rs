//! What is held back for a moment, because what it waits for may be a little behind at another worker.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

/// How long something is held, by the clock.
pub(super) const HOLD: Duration = Duration::from_secs(2);
/// The most that are held at a time.
pub(super) const MAX_HELD: usize = 1024;

/// Things that wait, oldest first, each with the clock's first tick since it came.
#[derive(Debug)]
pub(super) struct Held<T>(VecDeque<(Option<SystemTime>, T)>);

impl<T> Default for Held<T> {
    fn default() -> Self {
        Held(VecDeque::new())
    }
}

impl<T> Held<T> {
    pub(super) fn has_room(&self) -> bool {
        self.0.len() < MAX_HELD
    }

    pub(super) fn push(&mut self, held: T) {
        self.0.push_back((None, held));
    }

    /// Takes out what came for one that waits: the last to come of those that `is_it`.
    pub(super) fn take_last(&mut self, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let place = self.0.iter().rposition(|(_, held)| is_it(held))?;
        self.0.remove(place).map(|(_, held)| held)
    }

    /// The next that was held long enough at `now`. To be called a few times a second.
    pub(super) fn due(&mut self, now: SystemTime) -> Option<T> {
        let (since, _) = self.0.front()?;
        // A clock that was set back holds nothing longer.
        if since.is_some_and(|since| now.duration_since(since).unwrap_or(HOLD) >= HOLD) {
            return self.pop();
        }
        // Those without a time are the last ones.
        let new = self.0.iter_mut().rev();
        for (since, _) in new.take_while(|(since, _)| since.is_none()) {
            *since = Some(now);
        }
        None
    }

    /// The one that was held longest.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.0.pop_front().map(|(_, held)| held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_held_longer_than_two_seconds() {
        let at = |milliseconds| SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        let mut held = Held::default();
        for n in 1..=4 {
            held.push(n);
            assert_eq!(held.due(at(100 * n)), None);
        }
        assert_eq!(held.take_last(|n| n % 2 == 0), Some(4));
        assert_eq!(held.take_last(|n| *n == 2), Some(2));
        assert_eq!(held.due(at(2099)), None);
        assert_eq!(held.due(at(2100)), Some(1));
        assert_eq!(held.due(at(2100)), None);
        // The clock was set back.
        assert_eq!(held.due(at(0)), Some(3));
        assert_eq!(held.pop(), None);
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut held = Held::default();
        for n in 0..MAX_HELD {
            assert!(held.has_room());
            held.push(n);
        }
        assert!(!held.has_room());
    }
}
