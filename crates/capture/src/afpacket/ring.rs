//! The mapped ring: blocks of frames that the kernel fills and we give back (TPACKET_V3).
//!
//! ```text
//! block 0 [ descriptor | header, sockaddr_ll, frame | header, … ]   ours: TP_STATUS_USER
//! block 1 [ descriptor | …                                      ]   the kernel's: TP_STATUS_KERNEL
//! …
//! ```
//!
//! A block is handed over as a whole, when it is full or when the retire timer has run out on it;
//! the status word is the only one that both sides write, so ownership is its acquire and release.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use portreeve_packet::{LinkType, VlanTag};

use crate::frame::{ChecksumStatus, RawFrame};

use super::sys;

/// Block status: the block belongs to user space.
const STATUS_USER: u32 = 1;
/// Frame status: the transport checksum is left to the sender's NIC.
const STATUS_CHECKSUM_NOT_READY: u32 = 1 << 3;
/// Frame status: the VLAN tag was taken out of the frame.
const STATUS_VLAN_VALID: u32 = 1 << 4;
/// Frame status: the tag's protocol identifier is known.
const STATUS_VLAN_TPID_VALID: u32 = 1 << 6;
/// Frame status: the NIC or the kernel verified the checksum.
const STATUS_CHECKSUM_VALID: u32 = 1 << 7;
/// Offset of the `sockaddr_ll` behind a frame header (`TPACKET_ALIGN(sizeof(struct tpacket3_hdr))`).
const ADDRESS_OFFSET: usize = 48;
/// Bytes of a Linux cooked v2 header (LINKTYPE_LINUX_SLL2).
const SLL2_LENGTH: usize = 20;
/// First byte behind the `sockaddr_ll`: where a cooked header may begin.
const BEHIND_ADDRESS: usize = ADDRESS_OFFSET + size_of::<libc::sockaddr_ll>();
/// The smallest block that holds one frame of the largest MTU.
pub(super) const MIN_BLOCK: usize = 128 << 10;

/// `struct tpacket_block_desc` with its only header version.
#[repr(C)]
struct BlockDescriptor {
    version: u32,
    offset_to_private: u32,
    status: AtomicU32,
    frames: u32,
    first: u32,
    length: u32,
    sequence: u64,
    times: [u32; 4],
}

/// `struct tpacket3_hdr`.
#[repr(C)]
#[derive(Clone, Copy)]
struct FrameHeader {
    next: u32,
    seconds: u32,
    nanoseconds: u32,
    captured: u32,
    wire: u32,
    status: u32,
    mac: u16,
    network: u16,
    hash: u32,
    vlan_tci: u32,
    vlan_tpid: u16,
    padding: u16,
    reserved: [u8; 8],
}

const _: () = assert!(size_of::<BlockDescriptor>() == 48 && size_of::<FrameHeader>() == 48);

/// `struct tpacket_req3`.
#[repr(C)]
#[derive(Clone, Copy)]
struct RingRequest {
    block_size: u32,
    blocks: u32,
    frame_size: u32,
    frames: u32,
    retire_timeout_ms: u32,
    private: u32,
    features: u32,
}

/// The size of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Bytes of a block: a power of two.
    pub(super) block_size: usize,
    /// How many.
    pub(super) blocks: usize,
    /// After how many milliseconds the kernel hands over a block that is not full.
    pub(super) retire_timeout_ms: u32,
    /// Whether the kernel is to hash every frame.
    pub(super) hash: bool,
}

/// What the frames of a ring are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// As the interface has them: the link type says what the first byte is.
    Raw(LinkType),
    /// The kernel took the link-layer header off: a cooked v2 header is written in its place.
    Cooked,
}

impl FrameKind {
    /// What the first byte of a delivered frame is.
    pub(super) fn link_type(self) -> LinkType {
        match self {
            FrameKind::Raw(link) => link,
            FrameKind::Cooked => LinkType::LinuxSll2,
        }
    }
}

/// Where reading stands.
struct Cursor {
    /// Offset in the block of the next frame header.
    offset: usize,
    /// Frames not yet lent.
    left: u32,
}

/// The ring of one socket.
pub(super) struct Ring {
    base: NonNull<u8>,
    geometry: Geometry,
    kind: FrameKind,
    block: usize,
    cursor: Option<Cursor>,
    /// Frames whose header does not fit its block: never seen, counted so that nothing is lost silently.
    pub(super) malformed: u64,
}

// SAFETY: the mapping belongs to the ring alone; the kernel side is synchronised by the status words.
unsafe impl Send for Ring {}

impl Ring {
    /// Sets the ring up and maps it. With too little memory, tries with half the blocks, down to two.
    pub(super) fn new(fd: &OwnedFd, wanted: Geometry, kind: FrameKind) -> io::Result<Ring> {
        sys::set_option(fd, libc::SOL_PACKET, libc::PACKET_VERSION, &2i32)?;
        if kind == FrameKind::Cooked {
            sys::set_option(
                fd,
                libc::SOL_PACKET,
                libc::PACKET_RESERVE,
                &(SLL2_LENGTH as i32),
            )?;
        }
        let mut geometry = wanted;
        loop {
            match Ring::try_new(fd, geometry, kind) {
                Err(error) if geometry.blocks > 2 && error.raw_os_error() == Some(libc::ENOMEM) => {
                    geometry.blocks = (geometry.blocks / 2).max(2);
                }
                result => return result,
            }
        }
    }

    fn try_new(fd: &OwnedFd, geometry: Geometry, kind: FrameKind) -> io::Result<Ring> {
        const FRAME_SIZE: u32 = 2048;
        let bytes = geometry
            .block_size
            .checked_mul(geometry.blocks)
            .and_then(|bytes| u32::try_from(bytes).ok())
            .ok_or(io::ErrorKind::InvalidInput)?;
        let request = |blocks| RingRequest {
            block_size: geometry.block_size as u32,
            blocks,
            frame_size: FRAME_SIZE,
            frames: if blocks == 0 { 0 } else { bytes / FRAME_SIZE },
            retire_timeout_ms: geometry.retire_timeout_ms,
            private: 0,
            features: u32::from(geometry.hash),
        };
        sys::set_option(
            fd,
            libc::SOL_PACKET,
            libc::PACKET_RX_RING,
            &request(geometry.blocks as u32),
        )?;
        // The kernel enters every page into the mapping at once: no fault comes later, and nothing is swapped.
        // SAFETY: a new mapping at an address of the kernel's choice.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes as usize,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                0,
            )
        };
        let base = if base == libc::MAP_FAILED {
            None
        } else {
            NonNull::new(base.cast::<u8>())
        };
        let Some(base) = base else {
            let error = sys::last_error();
            let empty = RingRequest {
                block_size: 0,
                frame_size: 0,
                retire_timeout_ms: 0,
                features: 0,
                ..request(0)
            };
            sys::set_option(fd, libc::SOL_PACKET, libc::PACKET_RX_RING, &empty)?;
            return Err(error);
        };
        Ok(Ring {
            base,
            geometry,
            kind,
            block: 0,
            cursor: None,
            malformed: 0,
        })
    }

    /// The size that was granted.
    pub(super) fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn descriptor(&self) -> &BlockDescriptor {
        // SAFETY: `block` is below the number of blocks, so the descriptor lies in the mapping, page
        // aligned; the status is atomic and the other words are only read while the block is ours.
        unsafe {
            self.base
                .add(self.block * self.geometry.block_size)
                .cast()
                .as_ref()
        }
    }

    /// Whether there are frames, without a system call.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.cursor.as_ref().is_some_and(|cursor| cursor.left > 0)
            || self.descriptor().status.load(Ordering::Acquire) & STATUS_USER != 0
    }

    /// Gives the block back if all its frames were lent. To be called only when none is borrowed any more.
    #[inline]
    pub(super) fn give_back(&mut self) {
        if self.cursor.as_ref().is_some_and(|cursor| cursor.left == 0) {
            self.descriptor().status.store(0, Ordering::Release);
            self.cursor = None;
            self.block += 1;
            if self.block == self.geometry.blocks {
                self.block = 0;
            }
        }
    }

    /// Puts up to `room` frames of the current block at the end of `frames`. Returns how many frames it took from the ring
    /// (those that `keep` refused included).
    ///
    /// The descriptors are valid until [`Ring::give_back`] is called.
    #[inline]
    pub(super) fn fetch(
        &mut self,
        frames: &mut Vec<RawFrame>,
        room: usize,
        mut keep: impl FnMut(&RawFrame) -> bool,
    ) -> u64 {
        let block_size = self.geometry.block_size;
        let kind = self.kind;
        let block = {
            let descriptor = self.descriptor();
            if self.cursor.is_none() {
                if descriptor.status.load(Ordering::Acquire) & STATUS_USER == 0 {
                    return 0;
                }
                let (offset, left) = (descriptor.first as usize, descriptor.frames);
                self.cursor = Some(Cursor { offset, left });
            }
            // SAFETY: as in `descriptor`.
            unsafe { self.base.add(self.block * block_size) }
        };
        let Some(cursor) = self.cursor.as_mut() else {
            return 0;
        };
        let mut taken = 0;
        for _ in 0..room {
            if cursor.left == 0 {
                break;
            }
            let start = cursor.offset;
            if start % 8 != 0 || start > block_size - BEHIND_ADDRESS {
                self.malformed += u64::from(cursor.left);
                taken += u64::from(cursor.left);
                cursor.left = 0;
                break;
            }
            // SAFETY: header and address lie in the block, which is ours, aligned as the kernel's ring is.
            let (header, address) = unsafe {
                let at = block.add(start);
                (
                    at.cast::<FrameHeader>().read(),
                    at.add(ADDRESS_OFFSET).cast::<libc::sockaddr_ll>().as_ref(),
                )
            };
            cursor.left -= 1;
            cursor.offset = start + header.next as usize;
            taken += 1;
            let mut data = start + usize::from(header.mac);
            let mut captured = header.captured as usize;
            let mut wire = header.wire;
            if data + captured > block_size {
                self.malformed += 1;
                continue;
            }
            let link = match kind {
                FrameKind::Raw(link) => link,
                FrameKind::Cooked => {
                    if usize::from(header.mac) < BEHIND_ADDRESS + SLL2_LENGTH {
                        self.malformed += 1;
                        continue;
                    }
                    data -= SLL2_LENGTH;
                    captured += SLL2_LENGTH;
                    wire = wire.saturating_add(SLL2_LENGTH as u32);
                    // SAFETY: the gap between the address and the frame is in the block, ours, and nobody borrows it.
                    unsafe {
                        block
                            .add(data)
                            .cast::<[u8; SLL2_LENGTH]>()
                            .write(cooked_header(address));
                    }
                    LinkType::LinuxSll2
                }
            };
            let frame = RawFrame {
                // SAFETY: checked above to lie in the block.
                data: unsafe { block.add(data) }.as_ptr(),
                captured: captured as u32,
                wire_len: wire.max(captured as u32),
                timestamp: i64::from(header.seconds) * 1_000_000_000
                    + i64::from(header.nanoseconds),
                link,
                rx_hash: self.geometry.hash.then_some(header.hash),
                vlan: vlan_tag(&header),
                interface: 0,
                checksum: if header.status & STATUS_CHECKSUM_NOT_READY != 0 {
                    ChecksumStatus::NotComputed
                } else if header.status & STATUS_CHECKSUM_VALID != 0 {
                    ChecksumStatus::Good
                } else {
                    ChecksumStatus::Unknown
                },
            };
            if keep(&frame) {
                frames.push(frame);
            }
        }
        taken
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `try_new` with this size, and no borrow of it outlives the ring.
        unsafe {
            libc::munmap(
                self.base.as_ptr().cast(),
                self.geometry.block_size * self.geometry.blocks,
            );
        }
    }
}

#[inline]
fn vlan_tag(header: &FrameHeader) -> Option<VlanTag> {
    (header.status & STATUS_VLAN_VALID != 0).then_some(VlanTag {
        tpid: if header.status & STATUS_VLAN_TPID_VALID != 0 {
            header.vlan_tpid
        } else {
            0x8100
        },
        tci: header.vlan_tci as u16,
    })
}

/// The LINKTYPE_LINUX_SLL2 header for a frame from `address`: everything in network order.
#[inline]
fn cooked_header(address: &libc::sockaddr_ll) -> [u8; SLL2_LENGTH] {
    let mut header = [0; SLL2_LENGTH];
    header[0..2].copy_from_slice(&address.sll_protocol.to_ne_bytes());
    header[4..8].copy_from_slice(&address.sll_ifindex.to_be_bytes());
    header[8..10].copy_from_slice(&address.sll_hatype.to_be_bytes());
    header[10] = address.sll_pkttype;
    header[11] = address.sll_halen;
    header[12..20].copy_from_slice(&address.sll_addr);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cooked_headers_are_in_network_order() {
        // SAFETY: an all-zero sockaddr_ll is a valid value.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_protocol = 0x0800u16.to_be();
        address.sll_ifindex = 7;
        address.sll_hatype = 1;
        address.sll_pkttype = 4;
        address.sll_halen = 6;
        address.sll_addr = [1, 2, 3, 4, 5, 6, 0, 0];
        assert_eq!(
            cooked_header(&address),
            [8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 4, 6, 1, 2, 3, 4, 5, 6, 0, 0]
        );
    }
}
