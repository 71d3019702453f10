//! The memory that frames stand in.
//!
//! ```text
//! chunks: one frame each, registered with the kernel            joined: frames that came in several chunks
//! ├────┬────┬────┬── … ──┬────┤                                  ├────────────┬── … ──┤
//! ```
//!
//! A chunk is at any moment in one place: with the kernel (fill ring or receive ring), in the burst that is lent, or out on loan.
//! The fill ring has an entry for every chunk, so that giving back always succeeds and no list of free chunks is needed.

use std::ptr::NonNull;

use portreeve_pages::{Area, AreaError, PageSize, Preference, Request};

use crate::burst::Region;

/// What the kernel keeps free in front of each frame (`XDP_PACKET_HEADROOM`).
const HEADROOM: u32 = 256;
/// The most that a frame of several chunks keeps of its bytes: no interface delivers more at once.
pub(super) const MAX_JOINED: usize = 64 << 10;
/// Frames of several chunks that can be lent or on loan at a time.
pub(super) const JOINED: u32 = 128;

/// How the memory is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bytes of a chunk: a power of two.
    pub(super) chunk: u32,
    /// How many.
    pub(super) frames: u32,
    /// Bytes kept of a frame that came in several chunks; 0: there are none.
    pub(super) joined: usize,
}

impl Layout {
    /// Chunks that hold a frame of `mtu` bytes of payload whole, if that is possible: an aligned chunk is at most a page.
    pub(super) fn for_mtu(mtu: u32, frames: u32) -> Layout {
        /// Ethernet's header and two VLAN tags.
        const HEADERS: u32 = 14 + 8;
        let chunk = if mtu.saturating_add(HEADERS) <= 2048 - HEADROOM {
            2048
        } else {
            4096
        };
        Layout {
            chunk,
            frames,
            joined: 0,
        }
    }

    /// The longest frame that one chunk holds.
    pub(super) fn room(&self) -> u32 {
        self.chunk - HEADROOM
    }

    /// Bytes of all chunks.
    pub(super) fn len(&self) -> usize {
        self.chunk as usize * self.frames as usize
    }
}

/// The memory of one queue. It is there for as long as a frame of it is on loan.
pub(super) struct Umem {
    chunks: Area,
    joined: Option<Area>,
    layout: Layout,
}

impl Region for Umem {}

impl Umem {
    pub(super) fn new(
        layout: Layout,
        pages: Preference,
        node: Option<usize>,
    ) -> Result<Umem, AreaError> {
        let area = |bytes, name| {
            let request = Request {
                preference: pages,
                node,
                prefault: true,
                ..Request::named(name)
            };
            let area = Area::new(bytes, request)?;
            super::sys::keep_out_of_children(area.start(), area.len());
            Ok(area)
        };
        let joined = match layout.joined {
            0 => None,
            each => Some(area(each * JOINED as usize, "joined AF_XDP frames")?),
        };
        Ok(Umem {
            chunks: area(layout.len(), "AF_XDP frames")?,
            joined,
            layout,
        })
    }

    /// Where the chunks begin.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.chunks.start()
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    pub(super) fn page_size(&self) -> PageSize {
        self.chunks.page_size()
    }

    /// The bytes that a descriptor of the kernel names; `None` if they are not within the chunks.
    #[inline]
    pub(super) fn bytes(&self, address: u64, len: u32) -> Option<NonNull<u8>> {
        let start = usize::try_from(address).ok()?;
        let end = start.checked_add(len as usize)?;
        if end > self.layout.len() {
            return None;
        }
        // SAFETY: within the area, as just checked.
        Some(unsafe { self.chunks.start().add(start) })
    }

    /// The place of joined frame `index`.
    pub(super) fn joined(&self, index: u32) -> Option<NonNull<u8>> {
        let area = self.joined.as_ref()?;
        if index >= JOINED {
            return None;
        }
        // SAFETY: the area has room for `JOINED` frames of that many bytes.
        Some(unsafe { area.start().add(index as usize * self.layout.joined) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_hold_a_whole_frame_where_a_page_can() {
        assert_eq!(Layout::for_mtu(1500, 8).chunk, 2048);
        assert!(Layout::for_mtu(1500, 8).room() >= 1522);
        assert_eq!(Layout::for_mtu(3000, 8).chunk, 4096);
        assert!(Layout::for_mtu(3000, 8).room() >= 3022);
        assert_eq!(Layout::for_mtu(9000, 8).chunk, 4096);
        assert!(Layout::for_mtu(u32::MAX, 8).room() < 9000);
    }

    #[test]
    fn a_descriptor_outside_the_memory_is_not_followed() {
        let mut layout = Layout::for_mtu(1500, 8);
        layout.joined = 9216;
        let umem = Umem::new(layout, Preference::Off, None).expect("memory");
        assert!(umem.bytes(0, 2048).is_some());
        assert!(umem.bytes(7 * 2048 + 256, 1792).is_some());
        assert!(umem.bytes(7 * 2048 + 256, 1793).is_none());
        assert!(umem.bytes(u64::MAX, 2).is_none());
        assert!(umem.joined(JOINED - 1).is_some());
        assert!(umem.joined(JOINED).is_none());
    }
}
