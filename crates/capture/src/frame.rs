//! One captured frame, borrowed.

use portreeve_packet::{FrameBytes, LinkType, VlanTag};

/// What the source knows of a frame's transport checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumStatus {
    /// Nothing: it can be verified.
    #[default]
    Unknown,
    /// The NIC verified it.
    Good,
    /// The sender's NIC was to compute it later (transmit offload): the bytes are not a checksum.
    NotComputed,
}

/// A frame lent by a source.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The captured bytes, from the link-layer header on.
    pub data: &'a [u8],
    /// Length on the wire in bytes, without FCS; at least `data.len()`.
    pub wire_len: u32,
    /// Nanoseconds since 1970-01-01 UTC.
    pub timestamp: i64,
    /// What the first byte is.
    pub link: LinkType,
    /// Which of the source's interfaces (pcapng sections have several), from 0.
    pub interface: u16,
    /// A VLAN tag that the NIC or kernel took out of `data`.
    pub vlan: Option<VlanTag>,
    /// The hash the NIC or kernel computed, if it did.
    pub rx_hash: Option<u32>,
    /// What is known of the transport checksum.
    pub checksum: ChecksumStatus,
}

impl<'a> Frame<'a> {
    /// The frame as `portreeve_packet::decode` takes it; `index` is its place in the burst.
    #[inline]
    #[must_use]
    pub fn bytes(&self, index: u16) -> FrameBytes<'a> {
        FrameBytes {
            data: self.data,
            wire_len: self.wire_len,
            timestamp: self.timestamp,
            link: self.link,
            vlan: self.vlan,
            checksum_trusted: self.checksum != ChecksumStatus::Unknown,
            index,
        }
    }
}

/// Bytes at the front of a frame that its headers reach into, mostly.
const HEADERS: usize = 96;

/// A frame without its borrow: what bursts and batches keep. Valid only while its owner says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawFrame {
    pub(crate) data: *const u8,
    pub(crate) captured: u32,
    pub(crate) wire_len: u32,
    pub(crate) timestamp: i64,
    pub(crate) link: LinkType,
    pub(crate) rx_hash: Option<u32>,
    pub(crate) vlan: Option<VlanTag>,
    pub(crate) interface: u16,
    pub(crate) checksum: ChecksumStatus,
}

// SAFETY: a descriptor is a plain value; reading through it takes `lend`, whose caller vouches for the bytes.
unsafe impl Send for RawFrame {}
// SAFETY: as above.
unsafe impl Sync for RawFrame {}

impl RawFrame {
    /// Lends the frame for `'a`.
    ///
    /// # Safety
    /// `data` must point to `captured` initialised bytes that stay valid and unwritten for `'a`.
    #[inline]
    pub(crate) unsafe fn lend<'a>(&self) -> Frame<'a> {
        Frame {
            // SAFETY: the caller promises that the bytes are there for 'a.
            data: unsafe { std::slice::from_raw_parts(self.data, self.captured as usize) },
            wire_len: self.wire_len,
            timestamp: self.timestamp,
            link: self.link,
            interface: self.interface,
            vlan: self.vlan,
            rx_hash: self.rx_hash,
            checksum: self.checksum,
        }
    }

    /// Asks for the cache lines of the frame's headers. Only a hint: it reads nothing and cannot fault.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        // Into the second-level cache: to the first too few can be on their way at a time.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch of any address is allowed.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T1>(self.data.cast());
            // A short frame ends in the line that it begins in: the next one is another frame's, or nobody's.
            let reach = (self.captured as usize).min(HEADERS);
            _mm_prefetch::<_MM_HINT_T1>(self.data.wrapping_add(reach).wrapping_sub(1).cast());
        }
    }

    /// The descriptor of a borrowed frame.
    #[inline]
    pub(crate) fn of(frame: &Frame<'_>) -> RawFrame {
        RawFrame {
            data: frame.data.as_ptr(),
            captured: frame.data.len() as u32,
            wire_len: frame.wire_len,
            timestamp: frame.timestamp,
            link: frame.link,
            rx_hash: frame.rx_hash,
            vlan: frame.vlan,
            interface: frame.interface,
            checksum: frame.checksum,
        }
    }
}
