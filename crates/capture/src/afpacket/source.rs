//! The source: bursts out of the ring, the wait, the end.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use crate::burst::{Burst, MAX_BURST};
use crate::counters::SourceCounters;
use crate::error::CaptureError;
use crate::filter::Filter;
use crate::frame::RawFrame;
use crate::interfaces::{self, Netlink};
use crate::source::{Armed, Fetch, Source, SourceInfo, Wake};

use super::filter::{Gate, REJECT_ALL};
use super::ledger::Ledger;
use super::ring::Ring;
use super::sys;

/// How many bursts that the filter refused entirely are passed over in one call.
const MAX_REFUSED_BURSTS: usize = 16;

/// What the smallest ring (16 MiB) takes in of 64-byte packets at 10 Gbit/s, each with its descriptor, several times over.
const ABSORBS: Duration = Duration::from_millis(1);

/// How far the source's life is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// No further frame comes in; what is in the ring is delivered.
    Draining {
        gone: bool,
    },
    Ended,
}

/// The descriptors of the frames lent last.
struct Descriptors(Vec<RawFrame>);

// SAFETY: they point into the ring that they move with.
unsafe impl Send for Descriptors {}

/// Frames of one interface, or one worker's share of them, through a packet socket with a mapped ring.
pub struct AfPacketSource {
    pub(super) info: SourceInfo,
    // The ring is unmapped before the socket is closed.
    ring: Ring,
    fd: OwnedFd,
    index: u32,
    gate: Gate,
    frames: Descriptors,
    ledger: Ledger,
    state: State,
    /// For asking whether the interface is there, in the namespace it was opened in.
    netlink: Netlink,
    downs: u64,
}

/// What a source is put together from.
pub(super) struct Parts {
    pub(super) info: SourceInfo,
    pub(super) ring: Ring,
    pub(super) fd: OwnedFd,
    pub(super) index: u32,
    pub(super) gate: Gate,
    pub(super) ledger: Ledger,
    pub(super) netlink: Netlink,
}

impl AfPacketSource {
    pub(super) fn new(parts: Parts) -> AfPacketSource {
        AfPacketSource {
            info: parts.info,
            ring: parts.ring,
            fd: parts.fd,
            index: parts.index,
            gate: parts.gate,
            frames: Descriptors(Vec::with_capacity(MAX_BURST)),
            ledger: parts.ledger,
            state: State::Running,
            netlink: parts.netlink,
            downs: 0,
        }
    }

    /// From here on frames come in.
    pub(super) fn open_gate(&mut self, filter: Option<&Filter>) -> std::io::Result<()> {
        self.gate.open(&self.fd, filter)?;
        if !self.gate.description.is_empty() {
            self.describe(self.gate.description);
        }
        Ok(())
    }

    /// Adds to what the source says of itself.
    pub(super) fn describe(&mut self, more: &str) {
        self.info.description.push_str("; ");
        self.info.description.push_str(more);
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// How often the interface was seen to go down since the source was opened. Nothing arrives while it is; the source goes
    /// on when it is up again.
    #[must_use]
    pub fn downs(&self) -> u64 {
        self.downs
    }

    /// Frames whose description in the ring made no sense and that were left out. Always 0 with a sane kernel.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.ring.malformed
    }

    /// Looks why the socket reports an error. The ring keeps what was received before.
    fn notice_error(&mut self) -> Result<(), CaptureError> {
        let Some(error) = sys::take_error(&self.fd) else {
            return Ok(());
        };
        if error.raw_os_error() != Some(libc::ENETDOWN) {
            return Err(CaptureError::System {
                what: format!("capture on {}", self.info.name),
                error,
            });
        }
        self.downs += 1;
        if self.index != 0 && !interfaces::exists(&mut self.netlink, self.index) {
            self.drain(true);
        }
        Ok(())
    }

    fn drain(&mut self, gone: bool) {
        if self.state == State::Running {
            sys::wait_for_packets_in_progress();
            self.ledger.read(&self.fd);
            self.state = State::Draining { gone };
        }
    }
}

impl Source for AfPacketSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    #[inline]
    fn next_burst(&mut self) -> Result<Fetch<'_>, CaptureError> {
        self.frames.0.clear();
        self.ring.give_back();
        if self.state == State::Ended {
            return Ok(Fetch::End);
        }
        let mut bytes = 0;
        for _ in 0..MAX_REFUSED_BURSTS {
            let room = match self.state {
                // After the stop exactly what was in the ring then is delivered.
                State::Draining { .. } => self.ledger.in_flight().min(MAX_BURST as u64) as usize,
                _ => MAX_BURST,
            };
            let (gate, ledger) = (&self.gate, &mut self.ledger);
            let taken = self.ring.fetch(&mut self.frames.0, room, |frame| {
                // SAFETY: the block is ours, and the frame is not kept here.
                let passes = gate.passes(&unsafe { frame.lend() });
                if passes {
                    bytes += u64::from(frame.wire_len);
                } else {
                    ledger.rejected += 1;
                }
                passes
            });
            self.ledger.taken += taken;
            if taken == 0 || !self.frames.0.is_empty() {
                break;
            }
            self.ring.give_back();
        }
        if self.frames.0.is_empty() {
            if let State::Draining { gone } = self.state
                && self.ledger.in_flight() == 0
            {
                self.state = State::Ended;
                if gone {
                    return Err(CaptureError::InterfaceGone {
                        name: self.info.name.clone(),
                    });
                }
                return Ok(Fetch::End);
            }
            return Ok(Fetch::Empty);
        }
        self.ledger.delivered += self.frames.0.len() as u64;
        self.ledger.delivered_bytes += bytes;
        if self.state == State::Running && self.ledger.is_stale() {
            self.ledger.read(&self.fd);
        }
        // SAFETY: the frames stand in a block that is ours until `give_back`, which only the next call that
        // borrows the source mutably makes.
        Ok(Fetch::Frames(unsafe { Burst::new(&self.frames.0, &[]) }))
    }

    fn wait(&mut self, timeout: Duration) -> Result<Wake, CaptureError> {
        self.frames.0.clear();
        self.ring.give_back();
        let deadline = Instant::now() + timeout;
        loop {
            if self.ring.is_ready() || self.state == State::Ended {
                return Ok(Wake::Ready);
            }
            if matches!(self.state, State::Draining { .. }) && self.ledger.in_flight() == 0 {
                return Ok(Wake::Ready);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() && !timeout.is_zero() {
                return Ok(Wake::TimedOut);
            }
            // Rounded up, lest the last fraction of a millisecond be spent spinning.
            let milliseconds = left.as_nanos().div_ceil(1_000_000).min(60_000) as i32;
            let polled =
                sys::poll(&self.fd, milliseconds).map_err(|error| CaptureError::System {
                    what: format!("wait for frames on {}", self.info.name),
                    error,
                })?;
            if polled.error {
                self.notice_error()?;
            }
            if polled.readable && self.ring.is_ready() {
                return Ok(Wake::Ready);
            }
            if timeout.is_zero() {
                return Ok(Wake::TimedOut);
            }
        }
    }

    fn arm(&mut self) -> Result<Armed, CaptureError> {
        self.frames.0.clear();
        self.ring.give_back();
        let drained = self.state != State::Running && self.ledger.in_flight() == 0;
        if drained || self.state == State::Ended || self.ring.is_ready() {
            return Ok(Armed::Ready);
        }
        // The socket is readable while a block is ours: there is nothing to switch on.
        Ok(Armed::Descriptor(self.fd.as_raw_fd()))
    }

    fn disarm(&mut self) -> Result<(), CaptureError> {
        self.notice_error()
    }

    fn absorbs(&self) -> Duration {
        ABSORBS
    }

    fn holds_out(&self) -> Duration {
        /// What a 64-byte packet takes of the ring, with its descriptor.
        const BYTES: u64 = 192;
        /// At 10 Gbit/s.
        const NANOSECONDS: u64 = 67;
        let geometry = self.ring.geometry();
        let bytes = geometry.block_size as u64 * geometry.blocks as u64;
        Duration::from_nanos(bytes / BYTES * NANOSECONDS)
    }

    fn stamps_on_arrival(&self) -> bool {
        true
    }

    fn counters(&mut self) -> SourceCounters {
        if self.state == State::Running {
            self.ledger.read(&self.fd);
        }
        self.ledger.counters(self.gate.rejected())
    }

    fn lift_filter(&mut self) -> Result<(), CaptureError> {
        if self.state != State::Running {
            return Ok(());
        }
        self.gate
            .lift(&self.fd)
            .map_err(|error| CaptureError::System {
                what: format!("take the filter from the socket of {}", self.info.name),
                error,
            })
    }

    fn stop(&mut self) {
        if self.state == State::Running {
            // Should the kernel refuse, the count taken in `drain` still says which frame is the last.
            let _ = sys::attach_filter(&self.fd, &REJECT_ALL);
            self.drain(false);
        }
    }
}
