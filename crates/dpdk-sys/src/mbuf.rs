//! The fields of an mbuf that a receiver reads.
//!
//! Every function reads one field of the mbuf that `mbuf` points to: inlined, it is one load.
//!
//! # Safety
//! Of all of them: `mbuf` must point to an mbuf that a receive call handed out and nobody has freed, and no other thread may write to it.

use crate::binding::*;

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty = $offset:ident;)*) => {
        $(
            $(#[doc = $doc])*
            ///
            /// # Safety
            /// See the [module](self).
            #[inline(always)]
            #[must_use]
            pub unsafe fn $name(mbuf: *const rte_mbuf) -> $type {
                // SAFETY: the offset is that of a field of this size, as the C compiler has it.
                unsafe { mbuf.byte_add($offset as usize).cast::<$type>().read() }
            }
        )*
    };
}

fields! {
    /// Where the segment's buffer begins; the bytes begin [`data_off`] behind.
    buf_addr: *const u8 = PR_MBUF_BUF_ADDR;
    /// Bytes from the start of the buffer to the frame's first.
    data_off: u16 = PR_MBUF_DATA_OFF;
    /// How many hold the segment; whoever brings it to 0 frees it.
    references: u16 = PR_MBUF_REFERENCES;
    /// Segments that the frame has.
    segments: u16 = PR_MBUF_SEGMENTS;
    /// What the driver says of the frame: `PR_RX_…` and more.
    flags: u64 = PR_MBUF_FLAGS;
    /// Bytes of the frame, all segments together.
    pkt_len: u32 = PR_MBUF_PKT_LEN;
    /// Bytes in this segment.
    data_len: u16 = PR_MBUF_DATA_LEN;
    /// The VLAN tag that the NIC took out, if the flags say so.
    vlan_tci: u16 = PR_MBUF_VLAN;
    /// The hash that selected the queue, if the flags say so.
    rss_hash: u32 = PR_MBUF_HASH;
    /// The pool that the segment goes back to.
    pool: *mut rte_mempool = PR_MBUF_POOL;
    /// The next segment; null at the last.
    next: *mut rte_mbuf = PR_MBUF_NEXT;
}

/// The first byte of the segment.
///
/// # Safety
/// See the [module](self).
#[inline(always)]
#[must_use]
pub unsafe fn data(mbuf: *const rte_mbuf) -> *const u8 {
    // SAFETY: the caller's promise; the bytes begin within the buffer.
    unsafe { buf_addr(mbuf).add(usize::from(data_off(mbuf))) }
}

/// Whether the frame is one segment that nobody else holds, with its bytes in its own buffer: it may go back to its pool as it is.
///
/// # Safety
/// See the [module](self).
#[inline(always)]
#[must_use]
pub unsafe fn is_plain(mbuf: *const rte_mbuf) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        (references(mbuf) == 1) & (segments(mbuf) == 1) & (flags(mbuf) & PR_MBUF_ELSEWHERE == 0)
    }
}

/// A dynamic field of eight bytes, at the offset at which it was registered.
///
/// # Safety
/// See the [module](self); `offset` is what the registration of a field of eight bytes returned.
#[inline(always)]
#[must_use]
pub unsafe fn dynamic_u64(mbuf: *const rte_mbuf, offset: usize) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { mbuf.byte_add(offset).cast::<u64>().read_unaligned() }
}
