//! How records reach an output: the reading end of the engine's rings.

use std::time::Duration;

use crate::Record;

/// Where one output takes its records from. The engine implements it over its rings (one from each worker);
/// the output's thread is the only one that calls it.
pub trait RecordFeed: Send {
    /// Shows what is queued now to `each`, where it lies, and returns how many records that were: oldest first, of one worker or, where they are put in order, of all.
    /// What others may still come before stays queued. An implementation may stop after a bounded number, so that the caller gets to look at the clock.
    fn drain(&mut self, each: &mut dyn FnMut(&Record)) -> usize;

    /// Whether nothing is queued and nothing will come any more: every producer has gone.
    fn is_finished(&self) -> bool;

    /// Waits until something may be queued, at most `timeout`. Waking early is allowed.
    fn wait(&mut self, timeout: Duration);
}
