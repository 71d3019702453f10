//! How a thread falls asleep and wakes: the steps and their order, on which it hangs that no wake-up is lost.

use std::time::Duration;

use super::bell::{Flag, Word};

/// What the steps are taken with: a worker's sources and descriptors, or the model's.
pub(crate) trait Sleepy {
    /// Arms every source, each of which then looks at its ring once more. `None`: one of them has something.
    fn arm(&mut self) -> Option<Duration>;
    /// Whether there is anything else to do than to sleep: in the lanes, from the outside.
    fn has_news(&self) -> bool;
    /// Sleeps until a source or the bell wakes it, at most so long.
    fn sleep(&mut self, most: Duration);
    /// Makes the bell quiet, if it was rung.
    fn hush(&mut self, rung: bool);
    /// Disarms every source that was armed.
    fn disarm(&mut self);
}

/// Arm, look again, sleep, wake, disarm. Returns whether it slept.
///
/// The sources look again *after* they were armed and the lanes are looked at *after* the flag was set: what came before is seen there, what comes
/// after ends the sleep.
pub(crate) fn doze<W: Word>(flag: &Flag<W>, sleepy: &mut impl Sleepy) -> bool {
    let most = sleepy.arm();
    let mut slept = false;
    if let Some(most) = most {
        flag.doze();
        if !sleepy.has_news() {
            sleepy.sleep(most);
            slept = true;
        }
        let rung = flag.wake();
        sleepy.hush(rung);
    }
    sleepy.disarm();
    slept
}
