//! One receive queue: its socket, its rings, its memory, and the burst that is lent from it.

use std::cell::Cell;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;

use portreeve_packet::LinkType;

use crate::burst::{Buffers, Burst, Loan, MAX_BURST, Region};
use crate::frame::{ChecksumStatus, RawFrame};

use super::rings::{Descriptor, Fill, Filled};
use super::sys;
use super::umem::{JOINED, Umem};

/// The most chunks that one frame is in: the kernel's own limit is 17 fragments behind a head.
const MAX_CHUNKS: u32 = 64;

/// What a loan's number is made of: the queue's place in its source, and the chunk's offset or, marked, a joined frame's index.
const PLACE_SHIFT: u32 = usize::BITS - 8;
const JOINED_MARK: usize = 1 << (PLACE_SHIFT - 1);

/// A queue that frames come from.
pub(super) struct Queue {
    /// Which of the interface's queues.
    pub(super) id: u32,
    /// Which of its source's.
    place: usize,
    pub(super) filled: Filled,
    fill: Fill,
    pub(super) fd: OwnedFd,
    umem: Arc<Umem>,
    /// The same, as bursts lend it.
    regions: [Arc<dyn Region>; 1],
    frames: Descriptors,
    loans: Vec<Loan>,
    kept: Cell<u64>,
    /// Joined frames that are free.
    spare: Vec<u32>,
    busy_poll: bool,
    /// Frames taken out of the ring.
    pub(super) taken: u64,
    /// Of those, the ones whose description made no sense. Always 0 with a sane kernel.
    pub(super) malformed: u64,
    /// Of those taken, the ones that came in several chunks.
    pub(super) joined: u64,
    /// Joined frames that were longer than what is kept of one.
    pub(super) cut: u64,
}

/// The descriptors of the frames lent last.
struct Descriptors(Vec<RawFrame>);

// SAFETY: they point into the memory that the queue holds.
unsafe impl Send for Descriptors {}

/// What a queue is put together from.
pub(super) struct Parts {
    pub(super) id: u32,
    pub(super) fd: OwnedFd,
    pub(super) fill: Fill,
    pub(super) filled: Filled,
    pub(super) umem: Arc<Umem>,
    pub(super) busy_poll: bool,
}

impl Queue {
    /// All of its memory is given to the kernel here.
    pub(super) fn new(parts: Parts) -> Queue {
        let layout = parts.umem.layout();
        let mut fill = parts.fill;
        for chunk in 0..u64::from(layout.frames) {
            fill.give(chunk * u64::from(layout.chunk));
        }
        if fill.publish() {
            let _ = sys::poll(parts.fd.as_raw_fd(), 0);
        }
        let region: Arc<dyn Region> = Arc::clone(&parts.umem) as _;
        Queue {
            id: parts.id,
            place: 0,
            filled: parts.filled,
            fill,
            fd: parts.fd,
            umem: parts.umem,
            regions: [region],
            frames: Descriptors(Vec::with_capacity(MAX_BURST)),
            loans: Vec::with_capacity(MAX_BURST),
            kept: Cell::new(0),
            spare: if layout.joined == 0 {
                Vec::new()
            } else {
                (0..JOINED).collect()
            },
            busy_poll: parts.busy_poll,
            taken: 0,
            malformed: 0,
            joined: 0,
            cut: 0,
        }
    }

    /// The longest frame that one chunk holds.
    pub(super) fn room(&self) -> u32 {
        self.umem.layout().room()
    }

    /// Its ring and memory, for the start report.
    pub(super) fn describe(&self) -> String {
        let layout = self.umem.layout();
        format!(
            ", ring of {} descriptors, {} frames of {} bytes on {}",
            self.filled.size(),
            layout.frames,
            layout.chunk,
            self.umem.page_size()
        )
    }

    /// Which of its source's queues it is: loans are to come back to it.
    pub(super) fn set_place(&mut self, place: usize) {
        self.place = place;
    }

    /// The place in its source of the queue that a loan is of.
    pub(super) fn place_of(loan: Loan) -> usize {
        loan.0 >> PLACE_SHIFT
    }

    /// Gives what was lent last and not kept back to the kernel.
    #[inline]
    pub(super) fn give_back(&mut self) {
        if !self.loans.is_empty() {
            let kept = self.kept.replace(0);
            for (index, loan) in self.loans.iter().enumerate() {
                if kept >> index & 1 == 0 {
                    give(&mut self.fill, &mut self.spare, *loan);
                }
            }
            self.loans.clear();
            self.frames.0.clear();
        }
        self.publish();
    }

    /// Takes back a buffer that was kept.
    #[inline]
    pub(super) fn take_back(&mut self, loan: Loan) {
        give(&mut self.fill, &mut self.spare, loan);
    }

    /// Shows the kernel what was given back, and wakes a driver that waits for it.
    #[inline]
    pub(super) fn publish(&mut self) {
        if self.fill.publish() {
            // Only a driver that ran out of chunks asks for this: once after a famine, not for every burst.
            let _ = sys::poll(self.fd.as_raw_fd(), 0);
        }
    }

    /// Whether there are frames.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.filled.available() > 0
    }

    /// Whether all chunks are the kernel's: with an empty ring, all of them are free to be filled.
    pub(super) fn chunks_with_kernel(&self) -> u32 {
        self.fill.waiting() + self.filled.available()
    }

    /// Takes up to [`MAX_BURST`] frames; how many bytes they had on the wire. `now` is asked for once, if there are any.
    #[inline]
    pub(super) fn fetch(&mut self, now: impl FnOnce() -> i64) -> u64 {
        let mut available = self.filled.available();
        if available == 0 && self.busy_poll {
            sys::busy_poll(&self.fd);
            available = self.filled.available();
        }
        if available == 0 {
            return 0;
        }
        let start = now();
        let mut bytes = 0;
        let mut next = 0;
        while next < available && self.frames.0.len() < MAX_BURST {
            let descriptor = self.filled.peek(next);
            // A nanosecond apart, which is far less than they were: so their order shows, and a conversation within one burst has a duration.
            let timestamp = start + self.frames.0.len() as i64;
            if descriptor.goes_on() {
                let Some(chunks) = self.join(next, available, timestamp) else {
                    break;
                };
                next += chunks;
            } else {
                self.single(descriptor, timestamp);
                next += 1;
            }
            self.taken += 1;
        }
        self.filled.take(next);
        for frame in &self.frames.0 {
            bytes += u64::from(frame.wire_len);
        }
        bytes
    }

    #[inline]
    fn single(&mut self, descriptor: Descriptor, timestamp: i64) {
        match self.umem.bytes(descriptor.address, descriptor.len) {
            Some(data) => {
                self.loans.push(self.loan(descriptor.address));
                self.frames
                    .0
                    .push(frame(data, descriptor.len, descriptor.len, timestamp));
            }
            None => self.malformed += 1,
        }
    }

    /// Copies a frame of several chunks into one piece and gives the chunks back; how many there were. `None`: not now, since there is
    /// no free place for it (all are on loan) or the kernel has not delivered its end.
    #[cold]
    fn join(&mut self, first: u32, available: u32, timestamp: i64) -> Option<u32> {
        let last = (first..available).find(|at| !self.filled.peek(*at).goes_on())?;
        let chunks = last - first + 1;
        let index = self.spare.pop()?;
        let place = self.umem.joined(index);
        let room = self.umem.layout().joined;
        let (mut length, mut captured) = (0u64, 0usize);
        let mut sound = chunks <= MAX_CHUNKS && place.is_some();
        for at in first..=last {
            let part = self.filled.peek(at);
            length += u64::from(part.len);
            match (self.umem.bytes(part.address, part.len), place) {
                (Some(bytes), Some(place)) if sound => {
                    let count = (part.len as usize).min(room - captured);
                    // SAFETY: `count` bytes of a chunk that is ours until it is given back, to behind what was copied so far, with room for them. The places
                    // are in another area.
                    unsafe {
                        let to = place.add(captured);
                        to.copy_from_nonoverlapping(bytes, count);
                    }
                    captured += count;
                }
                (None, _) => {
                    sound = false;
                    continue;
                }
                _ => {}
            }
            let loan = self.loan(part.address);
            give(&mut self.fill, &mut self.spare, loan);
        }
        match place {
            Some(place) if sound => {
                self.joined += 1;
                self.cut += u64::from(length > captured as u64);
                self.loans.push(Loan(
                    self.place << PLACE_SHIFT | JOINED_MARK | index as usize,
                ));
                let length = u32::try_from(length).unwrap_or(u32::MAX);
                self.frames
                    .0
                    .push(frame(place, captured as u32, length, timestamp));
            }
            _ => {
                self.spare.push(index);
                self.malformed += 1;
            }
        }
        Some(chunks)
    }

    #[inline]
    fn loan(&self, address: u64) -> Loan {
        // The kernel may begin a frame anywhere in its chunk: what goes back is the chunk.
        let chunk = address as usize & !(self.umem.layout().chunk as usize - 1);
        Loan(self.place << PLACE_SHIFT | chunk)
    }

    /// How many frames there are to lend.
    pub(super) fn lent(&self) -> usize {
        self.frames.0.len()
    }

    /// The frames fetched last.
    #[inline]
    pub(super) fn burst(&self) -> Burst<'_> {
        // SAFETY: each frame stands in a chunk or place that is ours until its loan is given back: by `give_back`, which only the next call that
        // borrows the source mutably makes, or, if it was kept, by `take_back`. The region is the memory itself.
        unsafe {
            Burst::of_buffers(
                &self.frames.0,
                &self.regions,
                Buffers {
                    loans: &self.loans,
                    kept: &self.kept,
                },
            )
        }
    }
}

#[inline]
fn give(fill: &mut Fill, spare: &mut Vec<u32>, loan: Loan) {
    let number = loan.0 & ((1 << PLACE_SHIFT) - 1);
    if number & JOINED_MARK == 0 {
        fill.give(number as u64);
    } else if spare.len() < JOINED as usize {
        spare.push((number & !JOINED_MARK) as u32);
    }
}

#[inline]
fn frame(data: NonNull<u8>, captured: u32, wire_len: u32, timestamp: i64) -> RawFrame {
    RawFrame {
        data: data.as_ptr().cast_const(),
        captured,
        wire_len,
        timestamp,
        link: LinkType::Ethernet,
        rx_hash: None,
        vlan: None,
        interface: 0,
        checksum: ChecksumStatus::Unknown,
    }
}
