//! A worker's doorbell: who puts something into its lanes wakes it, and makes no system call unless it sleeps.
//!
//! Sender and sleeper each write one thing and then look at the other's, with a full fence between (Dekker's rule):
//!
//! ```text
//! sender     push into the lane ─ fence ─ does the flag say DOZING? then ring
//! sleeper    flag := DOZING     ─ fence ─ is anything in the lanes? then do not sleep
//! ```
//!
//! Whatever the order, at least one of them sees the other, so that nothing is left in a lane while its worker sleeps. The flag is generic over
//! the atomic type: `super::model` runs this very code through every interleaving.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering, fence};
use std::time::Instant;

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::event::{EventfdFlags, eventfd};

const AWAKE: u8 = 0;
/// Asleep, or about to: somebody must ring.
const DOZING: u8 = 1;
/// Somebody has rung; nobody else need.
const RUNG: u8 = 2;

/// An atomic byte and the fence that goes with it: the standard library's, or the model checker's.
pub(crate) trait Word {
    fn awake() -> Self;
    fn load(&self) -> u8;
    fn store(&self, value: u8);
    fn swap(&self, value: u8) -> u8;
    /// Whether `from` was there and is now `to`.
    fn exchange(&self, from: u8, to: u8) -> bool;
    fn fence();
}

impl Word for AtomicU8 {
    fn awake() -> Self {
        AtomicU8::new(AWAKE)
    }

    #[inline]
    fn load(&self) -> u8 {
        self.load(Ordering::Relaxed)
    }

    fn store(&self, value: u8) {
        self.store(value, Ordering::Relaxed);
    }

    fn swap(&self, value: u8) -> u8 {
        self.swap(value, Ordering::AcqRel)
    }

    fn exchange(&self, from: u8, to: u8) -> bool {
        self.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    #[inline]
    fn fence() {
        fence(Ordering::SeqCst);
    }
}

/// Whether the owner sleeps and whether somebody has rung.
pub(crate) struct Flag<W>(W);

impl<W: Word> Flag<W> {
    pub(crate) fn new() -> Self {
        Flag(W::awake())
    }

    /// The owner is about to sleep; what it looks at after this was not missed.
    pub(crate) fn doze(&self) {
        self.0.store(DOZING);
        W::fence();
    }

    /// The owner is awake; whether somebody has rung, or is about to.
    pub(crate) fn wake(&self) -> bool {
        self.0.swap(AWAKE) == RUNG
    }

    /// A sender has left something: whether it has to ring.
    #[inline]
    pub(crate) fn knock(&self) -> bool {
        W::fence();
        self.0.load() == DOZING && self.0.exchange(DOZING, RUNG)
    }
}

/// The doorbell of a thread of the engine: an event descriptor that ends its sleep.
pub(crate) struct Bell {
    /// A line of its own: senders look at it for each batch.
    flag: Padded<Flag<AtomicU8>>,
    rung_at: AtomicU64,
    fd: OwnedFd,
    start: Instant,
}

#[repr(align(128))]
struct Padded<T>(T);

impl Bell {
    /// A bell. `start` is what its times count from.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub(crate) fn new(start: Instant) -> std::io::Result<Bell> {
        Ok(Bell {
            flag: Padded(Flag::new()),
            rung_at: AtomicU64::new(0),
            fd: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            start,
        })
    }

    /// What a sender calls after it has left something. A system call only if the owner sleeps and nobody else has rung.
    #[inline]
    pub(crate) fn ring(&self) {
        if self.flag.0.knock() {
            self.strike();
        }
    }

    #[cold]
    fn strike(&self) {
        self.rung_at
            .store(self.start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        // It holds 2^64 strokes; and the sleep is finite whatever happens here.
        let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
    }

    pub(super) fn flag(&self) -> &Flag<AtomicU8> {
        &self.flag.0
    }

    pub(super) fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Makes the descriptor quiet again.
    pub(super) fn hush(&self) {
        let mut strokes = [0; 8];
        // Nothing in it yet: the stroke of a ringer that is late ends the next sleep early, no more.
        let _ = rustix::io::read(&self.fd, &mut strokes);
    }

    /// Nanoseconds since it was rung.
    pub(super) fn since_rung(&self) -> u64 {
        (self.start.elapsed().as_nanos() as u64)
            .saturating_sub(self.rung_at.load(Ordering::Relaxed))
    }
}
