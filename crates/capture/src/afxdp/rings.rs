//! The two rings that are shared with the kernel: frames to be filled, and frames filled.
//!
//! Each has one producer and one consumer, and each side has a counter that only it writes: they run freely through 32 bits, and their
//! difference is what is in the ring.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::sys::{self, Map};

/// What the kernel says of a frame that it filled.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    /// Offset of its first byte in the frames' memory.
    pub(super) address: u64,
    pub(super) len: u32,
    options: u32,
}

impl Descriptor {
    /// Whether the next descriptor goes on with this frame.
    #[inline]
    pub(super) fn goes_on(&self) -> bool {
        self.options & libc::XDP_PKT_CONTD != 0
    }
}

struct Ring<T> {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    entries: NonNull<T>,
    size: u32,
    // What the pointers point into.
    _map: Map,
}

// SAFETY: the pointers are into the mapping that moves with them.
unsafe impl<T> Send for Ring<T> {}

impl<T: Copy> Ring<T> {
    fn new(
        fd: &OwnedFd,
        size: u32,
        page_offset: i64,
        at: &libc::xdp_ring_offset,
    ) -> io::Result<Ring<T>> {
        let len = at.desc as usize + size as usize * size_of::<T>();
        let map = Map::new(fd.as_raw_fd(), page_offset, len)?;
        let outside = || io::Error::other("the kernel placed a ring outside its mapping");
        let word = |offset: u64| map.at::<AtomicU32>(offset as usize, 1).ok_or_else(outside);
        Ok(Ring {
            producer: word(at.producer)?,
            consumer: word(at.consumer)?,
            flags: word(at.flags)?,
            entries: map
                .at::<T>(at.desc as usize, size as usize)
                .ok_or_else(outside)?,
            size,
            _map: map,
        })
    }

    #[inline]
    fn producer(&self) -> &AtomicU32 {
        // SAFETY: a word of the mapping, which lives as long as `self`.
        unsafe { self.producer.as_ref() }
    }

    #[inline]
    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: as above.
        unsafe { self.consumer.as_ref() }
    }

    #[inline]
    fn entry(&self, counter: u32) -> NonNull<T> {
        // SAFETY: `size` is a power of two and that many entries are mapped.
        unsafe { self.entries.add((counter & (self.size - 1)) as usize) }
    }
}

/// Frames that the kernel has filled.
pub(super) struct Filled {
    ring: Ring<Descriptor>,
    /// Our counter: what is before it, we have taken.
    taken: u32,
}

impl Filled {
    pub(super) fn new(
        fd: &OwnedFd,
        size: u32,
        offsets: &libc::xdp_mmap_offsets,
    ) -> io::Result<Filled> {
        let ring = Ring::new(fd, size, libc::XDP_PGOFF_RX_RING, &offsets.rx)?;
        let taken = ring.consumer().load(Ordering::Relaxed);
        Ok(Filled { ring, taken })
    }

    /// How many descriptors it has room for.
    pub(super) fn size(&self) -> u32 {
        self.ring.size
    }

    /// How many descriptors there are to take.
    #[inline]
    pub(super) fn available(&self) -> u32 {
        let filled = self.ring.producer().load(Ordering::Acquire);
        filled.wrapping_sub(self.taken).min(self.ring.size)
    }

    /// The descriptor `ahead` places from the next; only as far as [`Filled::available`] said.
    #[inline]
    pub(super) fn peek(&self, ahead: u32) -> Descriptor {
        // SAFETY: an entry of the ring that the kernel has written (`available` saw its counter behind it) and does not
        // write again before we give it back.
        unsafe { self.ring.entry(self.taken.wrapping_add(ahead)).read() }
    }

    /// Takes so many; their entries are the kernel's again.
    #[inline]
    pub(super) fn take(&mut self, descriptors: u32) {
        self.taken = self.taken.wrapping_add(descriptors);
        self.ring.consumer().store(self.taken, Ordering::Release);
    }

    /// Whole frames that wait, which may be fewer than the descriptors.
    pub(super) fn frames_waiting(&self) -> u64 {
        (0..self.available())
            .filter(|ahead| !self.peek(*ahead).goes_on())
            .count() as u64
    }
}

/// Chunks that the kernel may fill.
pub(super) struct Fill {
    ring: Ring<u64>,
    given: u32,
    published: u32,
}

impl Fill {
    pub(super) fn new(
        fd: &OwnedFd,
        size: u32,
        offsets: &libc::xdp_mmap_offsets,
    ) -> io::Result<Fill> {
        let ring: Ring<u64> =
            Ring::new(fd, size, libc::XDP_UMEM_PGOFF_FILL_RING as i64, &offsets.fr)?;
        let given = ring.producer().load(Ordering::Relaxed);
        Ok(Fill {
            ring,
            given,
            published: given,
        })
    }

    /// Adds a chunk; the kernel sees it after [`Fill::publish`]. The caller gives only what is out, and the ring has room for all there is.
    #[inline]
    pub(super) fn give(&mut self, address: u64) {
        // SAFETY: an entry of the ring. The kernel reads only up to our published counter.
        unsafe { self.ring.entry(self.given).write(address) };
        self.given = self.given.wrapping_add(1);
    }

    /// Shows the kernel what was added; whether the driver sleeps and has to be woken for it.
    #[inline]
    pub(super) fn publish(&mut self) -> bool {
        if self.published == self.given {
            return false;
        }
        self.published = self.given;
        self.ring.producer().store(self.given, Ordering::Release);
        // SAFETY: a word of the mapping, which lives as long as `self`.
        let flags = unsafe { self.ring.flags.as_ref() }.load(Ordering::Relaxed);
        flags & libc::XDP_RING_NEED_WAKEUP != 0
    }

    /// Chunks that the kernel has not fetched yet.
    pub(super) fn waiting(&self) -> u32 {
        self.given
            .wrapping_sub(self.ring.consumer().load(Ordering::Relaxed))
    }
}

/// Asks the kernel for rings of these sizes and maps the two that are used. The third, of sent frames, must be there and stays empty.
pub(super) fn make(fd: &OwnedFd, fill: u32, filled: u32) -> io::Result<(Fill, Filled)> {
    const UNUSED: u32 = 2;
    for (option, size) in [
        (libc::XDP_UMEM_FILL_RING, fill),
        (libc::XDP_UMEM_COMPLETION_RING, UNUSED),
        (libc::XDP_RX_RING, filled),
    ] {
        sys::set_option(fd, libc::SOL_XDP, option, &size)?;
    }
    let offsets = sys::offsets(fd)?;
    Ok((
        Fill::new(fd, fill, &offsets)?,
        Filled::new(fd, filled, &offsets)?,
    ))
}
