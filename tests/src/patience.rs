//! How long a test waits for what must come: longer than it takes on a machine that has much else to do.

use std::time::{Duration, Instant};

/// The longest wait: only a test that fails waits that long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until that holds.
///
/// # Panics
/// With `what`, if it does not within [`PATIENCE`].
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
