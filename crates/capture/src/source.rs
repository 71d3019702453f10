//! The door: what every source offers.

use std::os::fd::RawFd;
use std::time::Duration;

use portreeve_packet::steer::Spreading;

use crate::burst::{Burst, Loan};
use crate::counters::SourceCounters;
use crate::error::CaptureError;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceKind {
    /// A capture file, or several in time order.
    File,
    /// A Linux interface through AF_PACKET.
    AfPacket,
    /// A queue of a Linux interface through AF_XDP.
    AfXdp,
    /// A queue of a port that DPDK drives.
    Dpdk,
    /// Frames that stand in memory (benchmarks, tests).
    Memory,
}

/// What a source says of itself.
#[derive(Clone, Debug)]
pub struct SourceInfo {
    /// What it is.
    pub kind: SourceKind,
    /// The interface or file, as the user named it.
    pub name: String,
    /// Live: time passes without packets, and what is not fetched in time is lost. Not live: the source waits.
    pub live: bool,
    /// One line for the start report: the capture path that was chosen and why, ring sizes, filter place.
    pub description: String,
    /// Bytes to be read in all, for files whose size is known.
    pub total_bytes: Option<u64>,
}

/// What [`Source::next_burst`] found.
pub enum Fetch<'a> {
    /// Frames; at least one.
    Frames(Burst<'a>),
    /// Nothing now.
    Empty,
    /// Nothing any more.
    End,
}

/// Why [`Source::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// There may be frames.
    Ready,
    /// The time was up.
    TimedOut,
}

/// What [`Source::arm`] says a worker may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Armed {
    /// There are frames, or news of the source: fetch, do not sleep.
    Ready,
    /// Sleep until this descriptor is readable or has an error (`poll(2)`, level-triggered). It stays open as long as the source.
    Descriptor(RawFd),
    /// Nothing will wake the worker: sleep no longer than this, which is what the ring absorbs at line rate.
    Timed(Duration),
}

/// Where one worker's frames come from. A source belongs to one thread at a time.
pub trait Source: Send {
    /// What this source is.
    fn info(&self) -> &SourceInfo;

    /// Gives the burst before back and lends the next one, of at most [`crate::burst::MAX_BURST`] frames. Does not block if live.
    ///
    /// # Errors
    /// What ended the source early. The next call gives [`Fetch::End`], or goes on behind what could be skipped (the next file).
    fn next_burst(&mut self) -> Result<Fetch<'_>, CaptureError>;

    /// Sleeps until there may be frames or `timeout` is over: arms the wake-up, looks once more, waits.
    ///
    /// # Errors
    /// What ended the source.
    fn wait(&mut self, timeout: Duration) -> Result<Wake, CaptureError>;

    /// Arms the wake-up (the receive interrupt), then looks at the ring once more, so that no wake-up is lost between a last empty
    /// burst and the sleep. Gives the burst before back. A worker with several sources arms them all and sleeps on all descriptors together.
    ///
    /// # Errors
    /// What ended the source.
    fn arm(&mut self) -> Result<Armed, CaptureError>;

    /// After a sleep, whatever ended it: disarms the wake-up and takes note of what the descriptor reported.
    ///
    /// # Errors
    /// What ended the source.
    fn disarm(&mut self) -> Result<(), CaptureError> {
        Ok(())
    }

    /// How long the source can be left alone at its line rate before its ring is full: the longest pause in adaptive mode, where nothing wakes
    /// the worker. The default is what 1024 descriptors absorb of 64-byte packets at 10 Gbit/s, with something to spare.
    fn absorbs(&self) -> Duration {
        Duration::from_micros(50)
    }

    /// How long the ring takes frames in at line rate while nobody looks at it: whoever is away for longer may lose some. The default is what [`Source::absorbs`] says,
    /// which has something to spare.
    fn holds_out(&self) -> Duration {
        self.absorbs()
    }

    /// By which hash the frames of several workers were spread over their sources. Where all sources of a run have the same, it decides a frame's home.
    fn spreading(&self) -> Spreading {
        Spreading::Steering
    }

    /// Whether frames carry the time at which the NIC or the kernel received them, rather than when they were fetched: then the time from
    /// there to the worker can be told.
    fn stamps_on_arrival(&self) -> bool {
        false
    }

    /// Takes packet buffers back that left a burst by reference ([`crate::Batch::push_shared`]) and empties the list. A source without such
    /// buffers never gets any.
    fn take_back(&mut self, loans: &mut Vec<Loan>) {
        loans.clear();
    }

    /// The capture side of the ledger. May make a system call: for once a second, not for every burst.
    fn counters(&mut self) -> SourceCounters;

    /// What the source has to tell a person since it was last asked: the link went down, interrupts do not come. One line each. For when
    /// the counters are read, not for every burst.
    fn notices(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Takes the source's own filter away, while it runs: all frames that are ours come in from here on, and another filter decides. What the old one
    /// rejected stays counted. A source without a filter of its own has nothing to do.
    ///
    /// # Errors
    /// The kernel refused: the old filter stays.
    fn lift_filter(&mut self) -> Result<(), CaptureError> {
        Ok(())
    }

    /// Lets no further frame in, so that what is in the ring is the last: called before a live source is drained at shut-down.
    fn stop(&mut self) {}

    /// How far a file has been read, in bytes of [`SourceInfo::total_bytes`].
    fn position(&self) -> Option<u64> {
        None
    }
}
