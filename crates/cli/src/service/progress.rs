//! Whether workers go on: each publishes its books several times a second, also when there is nothing to do.

use std::time::{Duration, Instant};

/// A worker whose books stand still for so long hangs, or has broken down. It sleeps a tenth of a second at most.
pub const STUCK_AFTER: Duration = Duration::from_secs(5);

/// One worker.
#[derive(Debug)]
struct Pulse {
    name: String,
    /// How often it has published its books.
    beats: u64,
    /// When that was last seen to grow.
    since: Instant,
}

/// All workers of a run.
#[derive(Debug, Default)]
pub struct Progress {
    pulses: Vec<Pulse>,
    /// The run ends: workers only hand over what they have.
    ending: bool,
}

impl Progress {
    /// Takes how often each worker has published its books, at `now`. The workers are the same each time.
    pub fn take<'a>(&mut self, beats: impl IntoIterator<Item = (&'a str, u64)>, now: Instant) {
        for (index, (name, beats)) in beats.into_iter().enumerate() {
            match self.pulses.get_mut(index) {
                Some(pulse) if pulse.beats == beats => {}
                Some(pulse) => {
                    pulse.beats = beats;
                    pulse.since = now;
                }
                None => self.pulses.push(Pulse {
                    name: name.to_owned(),
                    beats,
                    since: now,
                }),
            }
        }
    }

    /// Whether every worker has its sources and takes packets.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !self.pulses.is_empty() && self.pulses.iter().all(|pulse| pulse.beats > 0)
    }

    /// The run ends. From now on nobody is stuck: workers take no packets, hand over what they have, as fast as the outputs take it, and are given up
    /// on by a deadline.
    pub fn end(&mut self) {
        self.ending = true;
    }

    /// Those that do not go on.
    #[must_use]
    pub fn stuck(&self, now: Instant) -> Vec<&str> {
        self.pulses
            .iter()
            .filter(|_| !self.ending)
            .filter(|pulse| now.saturating_duration_since(pulse.since) >= STUCK_AFTER)
            .map(|pulse| pulse.name.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_still_for_long_is_stuck_until_it_goes_on() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut progress = Progress::default();
        assert!(!progress.has_begun());
        progress.take([("worker-0", 1), ("worker-1", 0)], at(0));
        assert!(!progress.has_begun(), "worker-1 has not begun");
        progress.take([("worker-0", 9), ("worker-1", 3)], at(1));
        assert!(progress.has_begun());
        progress.take([("worker-0", 9), ("worker-1", 7)], at(5));
        assert!(progress.stuck(at(5)).is_empty());
        progress.take([("worker-0", 9), ("worker-1", 12)], at(6));
        assert_eq!(progress.stuck(at(6)), ["worker-0"]);
        progress.take([("worker-0", 10), ("worker-1", 12)], at(7));
        assert!(progress.stuck(at(7)).is_empty());
        assert_eq!(progress.stuck(at(20)).len(), 2);
        progress.end();
        assert!(
            progress.stuck(at(20)).is_empty(),
            "a large table is written"
        );
    }
}
