//! The source: bursts from its queues in turn, the wait, the end.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::burst::Loan;
use crate::counters::SourceCounters;
use crate::error::CaptureError;
use crate::source::{Armed, Fetch, Source, SourceInfo, Wake};

use super::attach::Attached;
use super::ledger::{Nic, QueueLedger, Reading};
use super::queue::Queue;
use super::sys;

/// The most queues of one source: a loan's number has eight bits for it.
pub(super) const MAX_QUEUES: usize = 256;

/// How far the source's life is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// No further frame comes in; what is in the rings is delivered.
    Draining {
        gone: bool,
    },
    Ended,
}

/// Frames of some queues of one interface, through an AF_XDP socket for each.
pub struct AfXdpSource {
    info: SourceInfo,
    // The program is shut before the sockets are closed, and they before the link: see `drop`.
    queues: Vec<(Queue, QueueLedger)>,
    attached: Arc<Attached>,
    /// Readable while any of the queues has frames; `None`: there is one queue.
    any: Option<OwnedFd>,
    /// Holds the interface promiscuous.
    _promiscuous: Option<Arc<OwnedFd>>,
    nic: Nic,
    /// The queue to look at first.
    next: usize,
    /// The queue whose frames are lent.
    lent: Option<usize>,
    delivered: u64,
    delivered_bytes: u64,
    state: State,
    /// What went wrong while the books were read: told with the next burst.
    failed: Option<CaptureError>,
    /// Whether the interface had a link when it was last looked at, and the socket to ask through; `None`: another source of the interface looks.
    link: Option<(bool, OwnedFd)>,
}

/// What a source is put together from.
pub(super) struct Parts {
    pub(super) info: SourceInfo,
    pub(super) queues: Vec<Queue>,
    pub(super) attached: Arc<Attached>,
    pub(super) promiscuous: Option<Arc<OwnedFd>>,
    pub(super) nic: Nic,
}

impl AfXdpSource {
    pub(super) fn new(parts: Parts) -> std::io::Result<AfXdpSource> {
        let mut queues = parts.queues;
        for (place, queue) in queues.iter_mut().enumerate() {
            queue.set_place(place);
        }
        let any = match queues.len() {
            1 => None,
            _ => Some(sys::any_of(queues.iter().map(|queue| &queue.fd))?),
        };
        Ok(AfXdpSource {
            info: parts.info,
            queues: queues
                .into_iter()
                .map(|queue| (queue, QueueLedger::new()))
                .collect(),
            attached: parts.attached,
            any,
            _promiscuous: parts.promiscuous,
            nic: parts.nic,
            next: 0,
            lent: None,
            delivered: 0,
            delivered_bytes: 0,
            state: State::Running,
            failed: None,
            link: None,
        })
    }

    /// From here on frames come in.
    pub(super) fn open_gate(&mut self) {
        for (queue, _) in &self.queues {
            self.attached.open(queue.id);
        }
    }

    /// The interface's own losses are counted from here on. `first`: this is the source that speaks for the interface.
    pub(super) fn count_losses(&mut self, nic: Nic, first: bool) {
        self.nic = nic;
        if first && let Ok(socket) = sys::questions() {
            let link = sys::has_link(&socket, &self.info.name);
            self.link = link.map(|link| (link, socket));
        }
    }

    /// Frames that came in several chunks and were copied into one piece.
    #[must_use]
    pub fn joined(&self) -> u64 {
        self.queues.iter().map(|(queue, _)| queue.joined).sum()
    }

    /// Of those, the ones whose end was left out, since they were longer than any frame is expected to be. Their length on the wire is right.
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.queues.iter().map(|(queue, _)| queue.cut).sum()
    }

    /// Frames whose description in the ring made no sense and that were left out. Always 0 with a sane kernel.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.queues.iter().map(|(queue, _)| queue.malformed).sum()
    }

    /// Chunks of memory that the kernel has or can have at once. With nothing lent and nothing on loan, this is all there are
    /// ([`super::AfXdpConfig::frames`] for each queue), less what the driver holds ready.
    #[must_use]
    pub fn chunks_with_kernel(&self) -> u64 {
        let chunks = self.queues.iter();
        chunks
            .map(|(queue, _)| u64::from(queue.chunks_with_kernel()))
            .sum()
    }

    fn give_back(&mut self) {
        if let Some((queue, _)) = self.lent.take().and_then(|lent| self.queues.get_mut(lent)) {
            queue.give_back();
        }
    }

    fn is_ready(&self) -> bool {
        self.queues.iter().any(|(queue, _)| queue.is_ready())
    }

    fn fd(&self) -> i32 {
        match (&self.any, self.queues.first()) {
            (Some(any), _) => any.as_raw_fd(),
            (None, Some((queue, _))) => queue.fd.as_raw_fd(),
            (None, None) => -1,
        }
    }

    /// Reads all accounts, in the order in which none can be ahead of what it is part of.
    fn read(&mut self) {
        let interface = self.nic.read();
        let now = Instant::now();
        let mut refused = 0;
        for (queue, ledger) in &mut self.queues {
            let dropped = sys::statistics(&queue.fd)
                .map_or(0, |counted| counted.rx_dropped + counted.rx_ring_full);
            let arrived = queue.taken + queue.filled.frames_waiting();
            let redirected = self.attached.redirected(queue.id);
            ledger.read(
                Reading {
                    redirected,
                    dropped,
                    arrived,
                },
                now,
            );
            refused += ledger.dropped();
        }
        self.nic.account(interface, refused);
    }

    /// Looks whether the interface is gone; its going takes the sockets off it, and that is all it does.
    fn notice_error(&mut self) -> Result<(), CaptureError> {
        let error = self
            .queues
            .iter()
            .find_map(|(queue, _)| sys::take_error(&queue.fd));
        match error {
            None => Ok(()),
            Some(error) if error.raw_os_error() == Some(libc::ENETDOWN) => {
                self.drain(true);
                Ok(())
            }
            Some(error) => Err(CaptureError::System {
                what: format!("capture on {}", self.info.name),
                error,
            }),
        }
    }

    fn drain(&mut self, gone: bool) {
        if self.state != State::Running {
            return;
        }
        // Once more before the gate: what the kernel gets from here on may be dropped by it, and that is not our loss.
        self.read();
        for (queue, _) in &self.queues {
            self.attached.shut(queue.id);
        }
        sys::wait_for_packets_in_progress();
        self.nic.freeze();
        self.read();
        for (_, ledger) in &mut self.queues {
            ledger.close();
        }
        self.state = State::Draining { gone };
    }

    /// The next burst of the queues in turn; `None`: there is nothing.
    fn fetch(&mut self) -> Option<usize> {
        let count = self.queues.len();
        for step in 0..count {
            let place = (self.next + step) % count;
            let (queue, _) = self.queues.get_mut(place)?;
            let bytes = queue.fetch(wall_clock);
            if queue.lent() > 0 {
                self.next = (place + 1) % count;
                self.lent = Some(place);
                self.delivered += queue.lent() as u64;
                self.delivered_bytes += bytes;
                return Some(place);
            }
        }
        None
    }
}

/// Nanoseconds since 1970, from the clock page that the kernel maps into every process: no system call.
fn wall_clock() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as i64)
}

impl Source for AfXdpSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    #[inline]
    fn next_burst(&mut self) -> Result<Fetch<'_>, CaptureError> {
        self.give_back();
        if self.state == State::Ended {
            return Ok(Fetch::End);
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if let Some((queue, _)) = self.fetch().and_then(|place| self.queues.get(place)) {
            return Ok(Fetch::Frames(queue.burst()));
        }
        match self.state {
            // Frames in the ring that need a buffer still on loan are not forgotten.
            State::Draining { gone } if !self.is_ready() => {
                self.state = State::Ended;
                if gone {
                    return Err(CaptureError::InterfaceGone {
                        name: self.info.name.clone(),
                    });
                }
                Ok(Fetch::End)
            }
            _ => Ok(Fetch::Empty),
        }
    }

    fn wait(&mut self, timeout: Duration) -> Result<Wake, CaptureError> {
        let deadline = Instant::now() + timeout;
        loop {
            let Armed::Descriptor(fd) = self.arm()? else {
                return Ok(Wake::Ready);
            };
            let left = deadline.saturating_duration_since(Instant::now());
            // Rounded up, lest the last fraction of a millisecond be spent spinning.
            let milliseconds = left.as_nanos().div_ceil(1_000_000).min(60_000) as i32;
            let woken = sys::poll(fd, milliseconds).map_err(|error| CaptureError::System {
                what: format!("wait for frames on {}", self.info.name),
                error,
            });
            self.disarm()?;
            if woken? && self.is_ready() {
                return Ok(Wake::Ready);
            }
            if self.state == State::Running && deadline <= Instant::now() {
                return Ok(Wake::TimedOut);
            }
        }
    }

    fn arm(&mut self) -> Result<Armed, CaptureError> {
        self.give_back();
        if self.state != State::Running || self.is_ready() {
            return Ok(Armed::Ready);
        }
        // The socket is readable while its ring has frames: there is nothing to switch on. A driver that waits for chunks is woken by `give_back`,
        // and by the poll(2) of the sleep itself.
        Ok(Armed::Descriptor(self.fd()))
    }

    fn disarm(&mut self) -> Result<(), CaptureError> {
        self.notice_error()
    }

    fn absorbs(&self) -> Duration {
        // Half of the ring, for what comes while the worker wakes.
        self.holds_out() / 2
    }

    fn holds_out(&self) -> Duration {
        /// 64-byte frames at 10 Gbit/s.
        const NANOSECONDS_A_FRAME: u64 = 67;
        let smallest = self.queues.iter().map(|(queue, _)| queue.filled.size());
        let frames = u64::from(smallest.min().unwrap_or(0));
        Duration::from_nanos(frames * NANOSECONDS_A_FRAME)
    }

    fn take_back(&mut self, loans: &mut Vec<Loan>) {
        for loan in loans.drain(..) {
            if let Some((queue, _)) = self.queues.get_mut(Queue::place_of(loan)) {
                queue.take_back(loan);
            }
        }
        for (queue, _) in &mut self.queues {
            queue.publish();
        }
    }

    fn counters(&mut self) -> SourceCounters {
        if self.state == State::Running {
            self.read();
            // A worker that never sleeps learns of it here.
            self.failed = self.notice_error().err().or(self.failed.take());
        }
        let (nic_missed, nic_errors) = self.nic.losses();
        let (mut redirected, mut lost, mut taken, mut malformed) = (0, 0, 0, 0);
        for (queue, ledger) in &self.queues {
            redirected += ledger.redirected();
            lost += ledger.dropped();
            taken += queue.taken;
            malformed += queue.malformed;
        }
        // The ring can be ahead of the accounts as last read, never behind: what was taken did arrive.
        let redirected = redirected.max(lost + taken);
        SourceCounters {
            wire: Some(redirected + nic_missed.unwrap_or(0) + nic_errors.unwrap_or(0)),
            nic_missed,
            nic_errors,
            kernel_drops: Some(lost + malformed),
            filtered: Some(0),
            in_flight: Some(redirected - lost - taken),
            delivered: self.delivered,
            delivered_bytes: self.delivered_bytes,
        }
    }

    fn notices(&mut self) -> Vec<String> {
        let Some((before, socket)) = &mut self.link else {
            return Vec::new();
        };
        let name = &self.info.name;
        match sys::has_link(socket, name) {
            Some(now) if now != *before && self.state == State::Running => {
                *before = now;
                vec![if now {
                    format!("{name}: the link is up again")
                } else {
                    format!("{name}: the link is down; nothing arrives until it is up again")
                }]
            }
            _ => Vec::new(),
        }
    }

    fn stop(&mut self) {
        self.drain(false);
    }
}

impl Drop for AfXdpSource {
    fn drop(&mut self) {
        // Other sources may keep the program on the interface: from here on it leaves our queues' frames to the kernel.
        for (queue, _) in &self.queues {
            self.attached.shut(queue.id);
        }
    }
}
