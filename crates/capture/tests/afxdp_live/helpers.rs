//! What the tests of AF_XDP share.

use std::time::{Duration, Instant};

use portreeve_capture::afxdp::{AfXdpConfig, AfXdpSource, Mode};
use portreeve_capture::{Fetch, Frame, Source, SourceCounters};
use portreeve_netlab::Lab;

/// One end.
pub const A: [u8; 4] = [10, 0, 0, 1];
/// The other.
pub const B: [u8; 4] = [10, 0, 0, 2];

/// Both ways the program can run.
pub const MODES: [Mode; 2] = [Mode::Native, Mode::Generic];

/// Rings that hold whatever a test sends, on the receiving end.
pub fn config(mode: Mode) -> AfXdpConfig {
    AfXdpConfig {
        mode,
        ..AfXdpConfig::new(Lab::RX)
    }
}

/// All queues in one source.
pub fn open(config: &AfXdpConfig) -> AfXdpSource {
    let mut sources = AfXdpSource::open(config, 1).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(sources.len(), 1);
    sources.remove(0)
}

/// Takes frames until there are `enough`, or for at most twenty seconds.
pub fn take(source: &mut AfXdpSource, mut each: impl FnMut(Frame<'_>), enough: u64) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(20);
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

/// Waits until `arrived` frames are in the books, lent or not: the kernel may bring them a little after they were sent.
pub fn settle(source: &mut AfXdpSource, arrived: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while source.counters().wire < Some(arrived) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Frames that the receiving end lost in front of the program. In native mode there are none: the queue between the ends is the
/// sender's.
pub fn missed(mode: Mode, counters: &SourceCounters) -> u64 {
    let missed = counters.nic_missed.expect("known for one source");
    assert!(mode == Mode::Generic || missed == 0, "{counters:?}");
    missed
}

/// Stops the source, takes all that is left, and returns the counters, which balance.
pub fn finish(source: &mut AfXdpSource) -> SourceCounters {
    source.stop();
    take(source, |_| {}, u64::MAX);
    assert!(matches!(source.next_burst(), Ok(Fetch::End)));
    let counters = source.counters();
    balanced(&counters);
    assert_eq!(counters.in_flight, Some(0), "the ring is empty at the end");
    assert_eq!(source.malformed(), 0);
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

/// What `ip` says of an interface, in full.
pub fn link(lab: &Lab, interface: &str) -> String {
    let output = lab
        .namespace()
        .command("ip")
        .args(["-statistics", "link", "show", "dev", interface])
        .output()
        .expect("starts ip");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Frames that the sending end of the pair dropped, since the queue between the ends was full: those never arrived.
pub fn sender_drops(lab: &Lab) -> u64 {
    let text = link(lab, Lab::TX);
    // "TX: bytes packets errors dropped …", the figures in the line below.
    let mut lines = text
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("TX:"));
    let figures = lines.nth(1).expect("figures of what was sent");
    let dropped = figures
        .split_whitespace()
        .nth(3)
        .expect("the fourth figure");
    dropped.parse().expect("a number")
}

/// Whether an XDP program is on the receiving end.
pub fn has_program(lab: &Lab) -> bool {
    link(lab, Lab::RX).contains("xdp")
}

/// Waits until the kernel has taken the program off. What other tests start has copies of all descriptors for a moment, so it need not be at once.
pub fn until_clean(lab: &Lab) {
    until(|| !has_program(lab), "the kernel takes the program off");
}

/// Waits until something holds.
pub fn until(mut holds: impl FnMut() -> bool, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
