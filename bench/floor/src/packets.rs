//! Packets that stand in memory.

use std::io;

use crate::memory::HugeMemory;

/// Frames begin at multiples of this many bytes: a cache line, as in a NIC's ring.
pub const SLOT: usize = 64;

/// Where a frame stands and when it was seen: what a NIC's receive descriptor says.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Descriptor {
    /// Nanoseconds since 1970-01-01 UTC.
    pub time: i64,
    /// First slot of the frame: its offset divided by [`SLOT`].
    pub slot: u32,
    /// Bytes in memory.
    pub captured: u16,
    /// Bytes on the wire, without FCS.
    pub wire: u16,
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// Ethernet frames in memory, in order of time.
pub struct Packets {
    memory: HugeMemory,
    used: usize,
    descriptors: Vec<Descriptor>,
}

impl Packets {
    /// Room for `frames` frames that together take `bytes` bytes, rounded up to slots each.
    ///
    /// # Errors
    /// What the system said when asked for the memory.
    pub fn with_capacity(frames: usize, bytes: usize) -> io::Result<Self> {
        Ok(Packets {
            memory: HugeMemory::new(bytes)?,
            used: 0,
            descriptors: Vec::with_capacity(frames),
        })
    }

    /// Appends a frame of `captured` bytes, written by `write` (the bytes are what stood there before); `false` if there is no room.
    #[inline]
    pub fn push(
        &mut self,
        captured: u16,
        wire: u16,
        time: i64,
        write: impl FnOnce(&mut [u8]),
    ) -> bool {
        let end = self.used + usize::from(captured);
        let (Some(bytes), Ok(slot)) = (
            self.memory.get_mut(self.used..end),
            u32::try_from(self.used / SLOT),
        ) else {
            return false;
        };
        write(bytes);
        self.descriptors.push(Descriptor {
            time,
            slot,
            captured,
            wire,
        });
        self.used = end.next_multiple_of(SLOT);
        true
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.used = 0;
        self.descriptors.clear();
    }

    /// Where the frames stand.
    #[inline]
    #[must_use]
    pub fn descriptors(&self) -> &[Descriptor] {
        &self.descriptors
    }

    /// The same, to move their times, with the memory, to change the frames.
    pub fn parts_mut(&mut self) -> (&mut [u8], &mut [Descriptor]) {
        (&mut self.memory, &mut self.descriptors)
    }

    /// The bytes of a frame. Empty for a descriptor that is not of these packets.
    #[inline]
    #[must_use]
    pub fn bytes(&self, descriptor: &Descriptor) -> &[u8] {
        let start = descriptor.slot as usize * SLOT;
        self.memory
            .get(start..start + usize::from(descriptor.captured))
            .unwrap_or_default()
    }

    /// Asks for the first cache line of a frame, to be read soon.
    #[inline]
    pub fn prefetch(&self, descriptor: &Descriptor) {
        crate::table::prefetch(
            self.memory
                .as_ptr()
                .wrapping_add(descriptor.slot as usize * SLOT),
        );
    }

    /// Asks for the lines that a frame's headers reach into, TCP's options among them: two, if the frame is longer than one.
    /// What Portreeve's own sources do; the floor reads no options and needs the first line only.
    #[inline]
    pub fn prefetch_headers(&self, descriptor: &Descriptor) {
        self.prefetch(descriptor);
        if usize::from(descriptor.captured) > LINE {
            let second = descriptor.slot as usize * SLOT + LINE;
            crate::table::prefetch(self.memory.as_ptr().wrapping_add(second));
        }
    }

    /// Bytes of memory that the frames take.
    #[must_use]
    pub fn memory_used(&self) -> usize {
        self.used
    }

    /// Bytes on the wire, FCS, preamble and gap left out.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        self.descriptors.iter().map(|d| u64::from(d.wire)).sum()
    }
}
