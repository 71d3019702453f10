//! What the tests of live capture share.

use std::time::{Duration, Instant};

use portreeve_capture::afpacket::{AfPacketConfig, AfPacketSource};
use portreeve_capture::{Fetch, Frame, Source, SourceCounters};
use portreeve_netlab::Lab;

/// One end.
pub const A: [u8; 4] = [10, 0, 0, 1];
/// The other.
pub const B: [u8; 4] = [10, 0, 0, 2];

/// A small, quick ring on the receiving end.
pub fn config() -> AfPacketConfig {
    AfPacketConfig {
        block_size: 256 << 10,
        blocks: 64,
        retire_timeout: Duration::from_millis(10),
        ..AfPacketConfig::new(Lab::RX)
    }
}

/// Takes frames until `enough` says so of their number, or for at most five seconds.
pub fn take(source: &mut AfPacketSource, mut each: impl FnMut(Frame<'_>), enough: u64) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut taken = 0;
    while taken < enough && Instant::now() < deadline {
        let empty = match source.next_burst().expect("a burst") {
            Fetch::Frames(burst) => {
                assert!(!burst.is_empty() && burst.len() <= 64);
                taken += burst.len() as u64;
                burst.frames().for_each(&mut each);
                false
            }
            Fetch::Empty => true,
            Fetch::End => break,
        };
        if empty {
            source
                .wait(Duration::from_millis(100))
                .expect("waits for frames");
        }
    }
    taken
}

/// Stops the source, takes all that is left, and returns the counters, which balance.
pub fn finish(source: &mut AfPacketSource) -> SourceCounters {
    source.stop();
    take(source, |_| {}, u64::MAX);
    assert!(matches!(source.next_burst(), Ok(Fetch::End)));
    let counters = source.counters();
    balanced(&counters);
    assert_eq!(counters.in_flight, Some(0), "the ring is empty at the end");
    counters
}

/// The books balance.
pub fn balanced(counters: &SourceCounters) {
    let sum = counters.nic_missed.unwrap_or(0)
        + counters.nic_errors.unwrap_or(0)
        + counters.kernel_drops.unwrap_or(0)
        + counters.in_flight.unwrap_or(0)
        + counters.filtered.unwrap_or(0)
        + counters.delivered;
    assert_eq!(counters.wire, Some(sum), "{counters:?}");
}
