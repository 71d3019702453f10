//! A wire in memory: a live [`Source`] with a bounded pool of packet buffers and a receive interrupt, as a NIC has them. For tests.
//!
//! Every buffer is overwritten when it comes back, so that whoever still reads it finds rubbish ([`RUBBISH`]) instead of its frame; and the pool
//! knows which buffers are out, so that a leak or a buffer given back twice shows.

use std::cell::{Cell, UnsafeCell};
use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portreeve_packet::LinkType;

use crate::burst::{Buffers, Burst, Loan, MAX_BURST, Region};
use crate::counters::SourceCounters;
use crate::error::CaptureError;
use crate::frame::{ChecksumStatus, RawFrame};
use crate::sleep::Sleeper;
use crate::source::{Armed, Fetch, Source, SourceInfo, SourceKind, Wake};

/// What stands in a buffer that was given back.
pub const RUBBISH: u8 = 0xdd;
/// Bytes of a buffer.
pub const BUFFER: usize = 2048;

/// How a wire's receiving end behaves.
#[derive(Clone, Copy, Debug)]
pub struct WireOptions {
    /// Packet buffers, which are also the places in the ring.
    pub buffers: usize,
    /// Whether there is a receive interrupt.
    pub interrupts: bool,
    /// Whether frames may leave by reference.
    pub lends: bool,
}

impl Default for WireOptions {
    fn default() -> Self {
        WireOptions {
            buffers: 1024,
            interrupts: true,
            lends: true,
        }
    }
}

/// The packet buffers.
struct Pool(Box<[UnsafeCell<[u8; BUFFER]>]>);

// SAFETY: a buffer is written only by whoever the books say has it (see `Books`), under their lock, when nobody reads it.
unsafe impl Sync for Pool {}
// SAFETY: plain bytes.
unsafe impl Send for Pool {}

impl Region for Pool {}

/// Where each buffer is: free, in the ring, or out (lent with a burst or by reference).
struct Books {
    free: Vec<usize>,
    ring: VecDeque<(usize, RawFrame)>,
    out: Vec<bool>,
    /// Given back without having been out.
    faults: u64,
}

struct Shared {
    pool: Arc<Pool>,
    books: Mutex<Books>,
    armed: AtomicBool,
    sent: AtomicU64,
    missed: AtomicU64,
    closed: AtomicBool,
    stopped: AtomicBool,
}

impl Shared {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, buffers: impl Iterator<Item = usize>) {
        let mut books = self.books();
        for buffer in buffers {
            let was_out = books.out.get_mut(buffer).map(std::mem::take);
            match (was_out, self.pool.0.get(buffer)) {
                (Some(true), Some(bytes)) => {
                    // SAFETY: it was out and is back: nobody reads it any more, and the lock keeps other writers off.
                    unsafe { (*bytes.get()).fill(RUBBISH) };
                    books.free.push(buffer);
                }
                _ => books.faults += 1,
            }
        }
    }
}

/// The end that sends.
pub struct WireEnd {
    shared: Arc<Shared>,
    interrupt: PipeWriter,
}

/// The end that receives.
pub struct WireSource {
    info: SourceInfo,
    shared: Arc<Shared>,
    interrupt: PipeReader,
    options: WireOptions,
    regions: Vec<Arc<dyn Region>>,
    /// Those lent last.
    frames: Vec<RawFrame>,
    loans: Vec<Loan>,
    kept: Cell<u64>,
    delivered: u64,
    delivered_bytes: u64,
}

/// A wire. `name` is the source's.
///
/// # Errors
/// The process has no descriptor left.
pub fn wire(name: &str, options: WireOptions) -> std::io::Result<(WireEnd, WireSource)> {
    let (reader, writer) = std::io::pipe()?;
    let pool: Arc<Pool> = Arc::new(Pool(
        (0..options.buffers)
            .map(|_| UnsafeCell::new([RUBBISH; BUFFER]))
            .collect(),
    ));
    let shared = Arc::new(Shared {
        pool: Arc::clone(&pool),
        books: Mutex::new(Books {
            free: (0..options.buffers).rev().collect(),
            ring: VecDeque::with_capacity(options.buffers),
            out: vec![false; options.buffers],
            faults: 0,
        }),
        armed: AtomicBool::new(false),
        sent: AtomicU64::new(0),
        missed: AtomicU64::new(0),
        closed: AtomicBool::new(false),
        stopped: AtomicBool::new(false),
    });
    let end = WireEnd {
        shared: Arc::clone(&shared),
        interrupt: writer,
    };
    let source = WireSource {
        info: SourceInfo {
            kind: SourceKind::Memory,
            name: name.to_owned(),
            live: true,
            description: format!("a wire in memory, {} buffers", options.buffers),
            total_bytes: None,
        },
        shared,
        interrupt: reader,
        options,
        regions: if options.lends {
            vec![pool]
        } else {
            Vec::new()
        },
        frames: Vec::with_capacity(MAX_BURST),
        loans: Vec::with_capacity(MAX_BURST),
        kept: Cell::new(0),
        delivered: 0,
        delivered_bytes: 0,
    };
    Ok((end, source))
}

impl WireEnd {
    /// Sends an Ethernet frame, received at `timestamp`. Whether there was a buffer for it; if not, it counts as missed.
    pub fn send(&self, timestamp: i64, frame: &[u8]) -> bool {
        let shared = &self.shared;
        shared.sent.fetch_add(1, Ordering::Relaxed);
        let mut books = shared.books();
        let buffer = books.free.pop().filter(|_| frame.len() <= BUFFER);
        let Some((buffer, bytes)) = buffer.and_then(|b| Some((b, shared.pool.0.get(b)?))) else {
            shared.missed.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        // SAFETY: it was free: nobody reads it, and the lock keeps other writers off.
        let data = unsafe {
            let data = bytes.get().cast::<u8>();
            std::ptr::copy_nonoverlapping(frame.as_ptr(), data, frame.len());
            data.cast_const()
        };
        let frame = RawFrame {
            data,
            captured: frame.len() as u32,
            wire_len: frame.len() as u32,
            timestamp,
            link: LinkType::Ethernet,
            interface: 0,
            vlan: None,
            rx_hash: None,
            checksum: ChecksumStatus::Unknown,
        };
        books.ring.push_back((buffer, frame));
        drop(books);
        fence(Ordering::SeqCst);
        if shared.armed.swap(false, Ordering::Relaxed) {
            // A pipe that is full wakes as well.
            let _ = (&self.interrupt).write(&[1]);
        }
        true
    }

    /// Buffers that are neither free nor in the ring.
    #[must_use]
    pub fn buffers_out(&self) -> usize {
        self.shared.books().out.iter().filter(|out| **out).count()
    }

    /// Buffers that were given back and had not been out.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.shared.books().faults
    }

    /// Frames sent for which there was no buffer.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.shared.missed.load(Ordering::Relaxed)
    }
}

impl Drop for WireEnd {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        let _ = (&self.interrupt).write(&[1]);
    }
}

impl WireSource {
    /// Gives the burst before back, but for what was kept of it.
    fn give_back(&mut self) {
        let kept = self.kept.replace(0);
        let rest = self
            .loans
            .drain(..)
            .enumerate()
            .filter(|(index, _)| kept >> index & 1 == 0)
            .map(|(_, loan)| loan.0);
        self.shared.give_back(rest);
        self.frames.clear();
    }

    fn is_over(&self) -> bool {
        self.shared.stopped.load(Ordering::Relaxed) || self.shared.closed.load(Ordering::Relaxed)
    }
}

impl Drop for WireSource {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Source for WireSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_burst(&mut self) -> Result<Fetch<'_>, CaptureError> {
        self.give_back();
        let over = self.is_over();
        let mut books = self.shared.books();
        while self.frames.len() < MAX_BURST
            && let Some((buffer, frame)) = books.ring.pop_front()
        {
            if let Some(out) = books.out.get_mut(buffer) {
                *out = true;
            }
            self.delivered_bytes += u64::from(frame.wire_len);
            self.frames.push(frame);
            self.loans.push(Loan(buffer));
        }
        drop(books);
        self.delivered += self.frames.len() as u64;
        if self.frames.is_empty() {
            return Ok(if over { Fetch::End } else { Fetch::Empty });
        }
        let frames = &self.frames;
        if !self.options.lends {
            // SAFETY: the buffers are out until the next call that borrows the source mutably.
            return Ok(Fetch::Frames(unsafe { Burst::new(frames, &[]) }));
        }
        let buffers = Buffers {
            loans: &self.loans,
            kept: &self.kept,
        };
        // SAFETY: the same; what was kept stays out until its loan comes back, and the pool stands as long as the region is held.
        let burst = unsafe { Burst::of_buffers(frames, &self.regions, buffers) };
        Ok(Fetch::Frames(burst))
    }

    fn wait(&mut self, timeout: Duration) -> Result<Wake, CaptureError> {
        let deadline = Instant::now() + timeout;
        let Armed::Descriptor(fd) = self.arm()? else {
            return Ok(Wake::Ready);
        };
        let mut sleeper = Sleeper::with_capacity(1);
        sleeper.add(fd);
        let slept = sleeper.sleep(deadline.saturating_duration_since(Instant::now()));
        self.disarm()?;
        match slept {
            Ok(0) => Ok(Wake::TimedOut),
            Ok(_) => Ok(Wake::Ready),
            Err(error) => Err(CaptureError::System {
                what: format!("wait for frames on {}", self.info.name),
                error,
            }),
        }
    }

    fn arm(&mut self) -> Result<Armed, CaptureError> {
        self.give_back();
        if !self.options.interrupts {
            let ready = self.is_over() || !self.shared.books().ring.is_empty();
            return Ok(if ready {
                Armed::Ready
            } else {
                Armed::Timed(self.absorbs())
            });
        }
        self.shared.armed.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.is_over() || !self.shared.books().ring.is_empty() {
            return Ok(Armed::Ready);
        }
        Ok(Armed::Descriptor(self.interrupt.as_raw_fd()))
    }

    fn disarm(&mut self) -> Result<(), CaptureError> {
        if self.options.interrupts && !self.shared.armed.swap(false, Ordering::AcqRel) {
            // Somebody has written, or is about to.
            let mut strokes = [0];
            let _ = self.interrupt.read(&mut strokes);
        }
        Ok(())
    }

    fn absorbs(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn stamps_on_arrival(&self) -> bool {
        true
    }

    fn take_back(&mut self, loans: &mut Vec<Loan>) {
        self.shared.give_back(loans.drain(..).map(|loan| loan.0));
    }

    fn counters(&mut self) -> SourceCounters {
        let in_flight = self.shared.books().ring.len() as u64;
        let missed = self.shared.missed.load(Ordering::Relaxed);
        SourceCounters {
            wire: Some(self.delivered + in_flight + missed),
            nic_missed: Some(missed),
            in_flight: Some(in_flight),
            delivered: self.delivered,
            delivered_bytes: self.delivered_bytes,
            ..SourceCounters::default()
        }
    }

    fn stop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
    }
}
