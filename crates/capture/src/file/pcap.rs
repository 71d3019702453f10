//! The classic capture file: a 24-byte header, then records (draft-ietf-opsawg-pcap).

use portreeve_packet::LinkType;

use super::limits::{MAX_CAPTURED, MAX_CAPTURED_BUS, MAX_FRAME};
use super::parse::{Parsed, Stop};
use crate::burst::MAX_BURST;
use crate::frame::{ChecksumStatus, RawFrame};

/// Size of the file header.
pub(crate) const FILE_HEADER: usize = 24;

/// How the two lengths of a record stand (files older than version 2.4 have them the other way round).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    InOrder,
    Swapped,
    SwappedIfLarger,
}

/// The reader of one classic capture file.
#[derive(Clone, Debug)]
pub(crate) struct Pcap {
    /// The file was written in the other byte order than this machine's.
    swapped: bool,
    /// Nanoseconds in a unit of the second time word.
    unit: i64,
    /// Bytes of a record header.
    header: usize,
    lengths: Lengths,
    link: LinkType,
    /// Bytes of frame check sequence at each frame's end.
    fcs: u32,
    /// Captured length above which a record is damage.
    max_captured: u32,
    interface: u16,
}

/// What the header of a classic file says.
pub(crate) enum Opened {
    /// A file we read, its link type number.
    Yes(Pcap, u32),
    /// Not a classic capture file.
    No,
    /// One we do not read, and why.
    Unsupported(String),
}

/// Reads a file header.
pub(crate) fn open(head: &[u8; FILE_HEADER]) -> Opened {
    let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let magic = word(0);
    // (nanoseconds a unit, bytes of record header): plain, nanoseconds, Kuznetzov's modified format.
    let variant = |magic: u32| match magic {
        0xa1b2_c3d4 => Some((1000, 16)),
        0xa1b2_3c4d => Some((1, 16)),
        0xa1b2_cd34 => Some((1000, 24)),
        _ => None,
    };
    let (swapped, (unit, header)) = match (variant(magic), variant(magic.swap_bytes())) {
        (Some(found), _) => (false, found),
        (None, Some(found)) => (true, found),
        (None, None) => return Opened::No,
    };
    let word = |at: usize| {
        if swapped {
            word(at).swap_bytes()
        } else {
            word(at)
        }
    };
    let versions = word(4);
    // Two 16-bit words in file order.
    let (major, minor) = if cfg!(target_endian = "little") {
        (versions & 0xffff, versions >> 16)
    } else {
        (versions >> 16, versions & 0xffff)
    };
    let (major, minor) = if swapped {
        (minor, major)
    } else {
        (major, minor)
    };
    let lengths = match (major, minor) {
        (2, 0..=2) | (543, 0) => Lengths::Swapped,
        (2, 3) => Lengths::SwappedIfLarger,
        (2, _) => Lengths::InOrder,
        _ => return Opened::Unsupported(format!("pcap version {major}.{minor}; there is 2.x")),
    };
    // The link type's word: bits 0–25 link type, bit 26 "FCS length present", bits 28–31 that length in 16-bit units.
    let word = word(20);
    let link = word & 0x03ff_ffff;
    let fcs = if word & 0x0400_0000 != 0 {
        (word >> 28) * 2
    } else {
        0
    };
    let pcap = Pcap {
        swapped,
        unit,
        header,
        lengths,
        link: LinkType::from_number(link),
        fcs,
        max_captured: max_captured(link),
        interface: 0,
    };
    Opened::Yes(pcap, link)
}

/// The largest captured length of a record on this link that is not taken for damage.
pub(crate) fn max_captured(link: u32) -> u32 {
    // USBPcap, usbmon, Darwin USB, D-Bus, EBHSCR, and the speed-specific USB 2.0 types.
    match link {
        186 | 189 | 220 | 231 | 249 | 266 | 279 | 288 | 293..=295 => MAX_CAPTURED_BUS,
        _ => MAX_CAPTURED,
    }
}

impl Pcap {
    /// Sets the number of the interface that the frames are of.
    pub(crate) fn set_interface(&mut self, interface: u16) {
        self.interface = interface;
    }

    /// Reads the records in `window` into `frames`, up to a burst.
    #[inline]
    pub(crate) fn parse(&self, window: &[u8], frames: &mut Vec<RawFrame>) -> Parsed {
        if self.swapped {
            self.run::<true>(window, frames)
        } else {
            self.run::<false>(window, frames)
        }
    }

    #[inline]
    fn run<const SWAPPED: bool>(&self, window: &[u8], frames: &mut Vec<RawFrame>) -> Parsed {
        let mut at = 0;
        let stop = loop {
            if frames.len() >= MAX_BURST {
                break Stop::Full;
            }
            let rest = window.get(at..).unwrap_or_default();
            let (Some(head), true) = (rest.first_chunk::<16>(), rest.len() >= self.header) else {
                break Stop::Need(self.header);
            };
            let word = |at: usize| {
                let word = u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
                if SWAPPED { word.swap_bytes() } else { word }
            };
            let (seconds, fraction, mut captured, mut wire) = (word(0), word(4), word(8), word(12));
            if self.lengths != Lengths::InOrder
                && (self.lengths == Lengths::Swapped || captured > wire)
            {
                std::mem::swap(&mut captured, &mut wire);
            }
            if captured > self.max_captured {
                break Stop::Damage(format!(
                    "the record says {captured} bytes were captured; at most {} can be",
                    self.max_captured
                ));
            }
            let lent = (captured as usize).min(MAX_FRAME);
            let Some(data) = rest.get(self.header..self.header + lent) else {
                break Stop::Need(self.header + lent);
            };
            let wire = wire.max(captured);
            let wire_len = wire.saturating_sub(self.fcs);
            frames.push(RawFrame {
                data: data.as_ptr(),
                captured: (lent as u32).min(wire_len),
                wire_len,
                timestamp: i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.unit,
                link: self.link,
                rx_hash: None,
                vlan: None,
                interface: self.interface,
                checksum: ChecksumStatus::Unknown,
            });
            at += self.header + lent;
            if captured as usize > lent {
                break Stop::Skip(u64::from(captured) - lent as u64);
            }
        };
        Parsed { consumed: at, stop }
    }
}
