//! The newer capture file: blocks in sections (draft-ietf-opsawg-pcapng).

use portreeve_packet::LinkType;

use super::interfaces::{FileInterface, Interfaces};
use super::limits::{MAX_BLOCK, MAX_FRAME, MAX_SECTION_INTERFACES};
use super::options::{self, Endian};
use super::parse::{Parsed, Stop};
use super::pcap::max_captured;
use super::scale::Scale;
use crate::burst::MAX_BURST;
use crate::frame::{ChecksumStatus, RawFrame};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Bytes of type, length and trailing length.
const FRAMING: usize = 12;
/// Type and length of a block.
const HEAD: usize = 8;
/// Bytes of a section header that are needed to read it: type, length, byte-order magic.
const SECTION_START: usize = 12;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// An interface of the present section.
#[derive(Clone, Debug)]
struct Interface {
    link: LinkType,
    max_captured: u32,
    /// Longest capture, for simple packet blocks; `u32::MAX` for no limit.
    snap_length: u32,
    scale: Scale,
    fcs: u32,
    number: u16,
    drops: Drops,
    /// Sum of the packets' own counts (`epb_dropcount`, the old packet block's drops).
    between: Option<u64>,
}

/// Frames that whoever wrote the file lost, as it says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drops {
    /// By the interface (statistics block, `isb_ifdrop`).
    pub(crate) interface: Option<u64>,
    /// By the operating system: the latest statistics (`isb_osdrop`), else the sum of the packets' own counts.
    pub(crate) system: Option<u64>,
}

impl Drops {
    /// Both together.
    pub(crate) fn add(self, other: Drops) -> Drops {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        Drops {
            interface: sum(self.interface, other.interface),
            system: sum(self.system, other.system),
        }
    }
}

/// The reader of one pcapng file.
#[derive(Clone, Debug)]
pub(crate) struct PcapNg {
    endian: Endian,
    interfaces: Vec<Interface>,
    /// The latest packet's time: simple packet blocks have none of their own.
    last: i64,
    /// Losses told in the sections before.
    drops: Drops,
}

/// One block's frame, as its kind of block states it.
struct Packet<'a> {
    interface: usize,
    units: Option<u64>,
    captured: u32,
    wire: u32,
    /// The block's bytes from the frame's first one on, as far as they are in the window.
    data: &'a [u8],
    /// Bytes of the block from the frame's first one to its trailing length.
    body: usize,
    /// Frames lost before this one, if the block's fixed part says so.
    lost: Option<u64>,
}

/// A block that makes no sense, and why.
struct Wrong(String);

fn wrong<T>(what: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong(what.into()))
}

/// Whether a file that begins with `head` is a pcapng file.
pub(crate) fn is_pcapng(head: &[u8]) -> bool {
    head.starts_with(&SECTION_HEADER.to_be_bytes())
        && matches!(
            head.get(8..12),
            Some([0x1a, 0x2b, 0x3c, 0x4d] | [0x4d, 0x3c, 0x2b, 0x1a])
        )
}

impl PcapNg {
    pub(crate) fn new() -> PcapNg {
        PcapNg {
            endian: Endian::Little,
            interfaces: Vec::new(),
            last: 0,
            drops: Drops::default(),
        }
    }

    /// The losses told so far.
    pub(crate) fn drops(&self) -> Drops {
        self.interfaces.iter().fold(self.drops, |sum, interface| {
            sum.add(Drops {
                interface: interface.drops.interface,
                system: interface.drops.system.or(interface.between),
            })
        })
    }

    /// Reads the blocks in `window`, their frames into `frames`, up to a burst.
    pub(crate) fn parse(
        &mut self,
        window: &[u8],
        frames: &mut Vec<RawFrame>,
        names: &mut Interfaces,
    ) -> Parsed {
        let mut at = 0;
        let stop = loop {
            if frames.len() >= MAX_BURST {
                break Stop::Full;
            }
            match self.block(window.get(at..).unwrap_or_default(), frames, names) {
                Ok(Block::Whole(length)) => at += length,
                Ok(Block::Part(length, skip)) => {
                    at += length;
                    break Stop::Skip(skip);
                }
                Ok(Block::Need(count)) => break Stop::Need(count),
                Err(Wrong(what)) => break Stop::Damage(what),
            }
        };
        Parsed { consumed: at, stop }
    }

    fn block(
        &mut self,
        rest: &[u8],
        frames: &mut Vec<RawFrame>,
        names: &mut Interfaces,
    ) -> Result<Block, Wrong> {
        let Some(head) = rest.first_chunk::<HEAD>() else {
            // No more than is read now: where a file ends behind it, what it tells must not depend on how much came at once.
            return Ok(Block::Need(HEAD));
        };
        let [k0, k1, k2, k3, l0, l1, l2, l3] = *head;
        let mut endian = self.endian;
        if [k0, k1, k2, k3] == SECTION_HEADER.to_be_bytes() {
            let Some(start) = rest.first_chunk::<SECTION_START>() else {
                return Ok(Block::Need(SECTION_START));
            };
            endian = match u32::from_le_bytes([start[8], start[9], start[10], start[11]]) {
                BYTE_ORDER_MAGIC => Endian::Little,
                magic if magic.swap_bytes() == BYTE_ORDER_MAGIC => Endian::Big,
                magic => return wrong(format!("section with byte-order magic {magic:#010x}")),
            };
        }
        let kind = endian.u32([k0, k1, k2, k3]);
        let length = endian.u32([l0, l1, l2, l3]) as usize;
        if length < FRAMING || !length.is_multiple_of(4) {
            return wrong(format!("block of type {kind} with a length of {length}"));
        }
        if length > MAX_BLOCK {
            return self.large_block(kind, length, rest, frames);
        }
        let Some(block) = rest.get(..length) else {
            return Ok(Block::Need(length));
        };
        let trailing = block
            .last_chunk::<4>()
            .map(|bytes| endian.u32(*bytes) as usize);
        if trailing != Some(length) {
            return wrong(format!(
                "block of type {kind} with the lengths {length} before and {} behind",
                trailing.unwrap_or(0)
            ));
        }
        let body = block.get(8..length - 4).unwrap_or_default();
        match kind {
            ENHANCED_PACKET | PACKET | SIMPLE_PACKET => {
                let packet = self.packet(kind, body, body.len())?;
                frames.push(self.frame(&packet)?);
                self.losses(kind, &packet);
            }
            SECTION_HEADER => self.section(endian, body)?,
            INTERFACE_DESCRIPTION => self.interface(body, names)?,
            INTERFACE_STATISTICS => self.statistics(body),
            _ => {}
        }
        Ok(Block::Whole(length))
    }

    /// A block that is larger than any packet of a network makes it: its frame's beginning, if it has one.
    fn large_block(
        &mut self,
        kind: u32,
        length: usize,
        rest: &[u8],
        frames: &mut Vec<RawFrame>,
    ) -> Result<Block, Wrong> {
        if !matches!(kind, ENHANCED_PACKET | PACKET | SIMPLE_PACKET) {
            // Other kinds: all that is lost with their options is a name.
            return match kind {
                SECTION_HEADER | INTERFACE_DESCRIPTION => {
                    wrong(format!("block of type {kind} with a length of {length}"))
                }
                _ => Ok(Block::Part(0, length as u64)),
            };
        }
        let Some(body) = rest.get(8..MAX_BLOCK) else {
            return Ok(Block::Need(MAX_BLOCK));
        };
        let packet = self.packet(kind, body, length - FRAMING)?;
        frames.push(self.frame(&packet)?);
        Ok(Block::Part(MAX_BLOCK, (length - MAX_BLOCK) as u64))
    }

    /// Takes apart a packet block. `body` is what is at hand of its `length` bytes between the framing.
    #[inline]
    fn packet<'a>(&self, kind: u32, body: &'a [u8], length: usize) -> Result<Packet<'a>, Wrong> {
        let endian = self.endian;
        if kind == SIMPLE_PACKET {
            let Some((head, data)) = body.split_first_chunk::<4>() else {
                return wrong("simple packet block that is too short");
            };
            let wire = endian.u32(*head);
            let snap = self
                .interfaces
                .first()
                .map_or(u32::MAX, |first| first.snap_length);
            let room = u32::try_from(length - 4).unwrap_or(u32::MAX);
            return Ok(Packet {
                interface: 0,
                units: None,
                captured: wire.min(snap).min(room),
                wire,
                data,
                body: length - 4,
                lost: None,
            });
        }
        let Some((head, data)) = body.split_first_chunk::<20>() else {
            return wrong("packet block that is too short");
        };
        let word = |at: usize| endian.u32([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (interface, lost) = if kind == PACKET {
            // 65535 is "unknown".
            let lost = Some(endian.u16([head[2], head[3]])).filter(|lost| *lost != u16::MAX);
            (
                usize::from(endian.u16([head[0], head[1]])),
                lost.map(u64::from),
            )
        } else {
            (word(0) as usize, None)
        };
        let captured = word(12);
        if captured as usize > length - 20 {
            return wrong(format!(
                "packet block of {length} bytes that says {captured} bytes were captured"
            ));
        }
        Ok(Packet {
            interface,
            units: Some(u64::from(word(4)) << 32 | u64::from(word(8))),
            captured,
            wire: word(16),
            data,
            body: length - 20,
            lost,
        })
    }

    /// The frame of a packet block.
    #[inline]
    fn frame(&mut self, packet: &Packet<'_>) -> Result<RawFrame, Wrong> {
        let Some(interface) = self.interfaces.get(packet.interface) else {
            return wrong(format!(
                "packet of interface {}, which no block describes",
                packet.interface
            ));
        };
        if packet.captured > interface.max_captured {
            return wrong(format!(
                "packet of which {} bytes were captured; at most {} can be",
                packet.captured, interface.max_captured
            ));
        }
        if let Some(units) = packet.units {
            self.last = interface.scale.nanoseconds(units);
        }
        let lent = (packet.captured as usize)
            .min(MAX_FRAME)
            .min(packet.data.len()) as u32;
        let wire_len = packet
            .wire
            .max(packet.captured)
            .saturating_sub(interface.fcs);
        Ok(RawFrame {
            data: packet.data.as_ptr(),
            captured: lent.min(wire_len),
            wire_len,
            timestamp: self.last,
            link: interface.link,
            rx_hash: None,
            vlan: None,
            interface: interface.number,
            checksum: ChecksumStatus::Unknown,
        })
    }

    /// Notes what was lost before a packet, if it says so.
    #[inline]
    fn losses(&mut self, kind: u32, packet: &Packet<'_>) {
        let padded = (packet.captured as usize).next_multiple_of(4);
        let lost = if kind == ENHANCED_PACKET && packet.body >= padded + 4 {
            let options = packet.data.get(padded..).unwrap_or_default();
            options::each(options, self.endian)
                .filter(|(code, _)| *code == options::EPB_DROPCOUNT)
                .find_map(|(_, value)| value.first_chunk::<8>().map(|v| self.endian.u64(*v)))
        } else {
            packet.lost
        };
        if let (Some(lost), Some(interface)) = (lost, self.interfaces.get_mut(packet.interface)) {
            interface.between = Some(interface.between.unwrap_or(0).saturating_add(lost));
        }
    }

    fn section(&mut self, endian: Endian, body: &[u8]) -> Result<(), Wrong> {
        let Some(head) = body.first_chunk::<16>() else {
            return wrong("section header block that is too short");
        };
        let major = endian.u16([head[4], head[5]]);
        if major != 1 {
            return wrong(format!("section of pcapng version {major}; there is 1"));
        }
        self.drops = self.drops();
        self.interfaces.clear();
        self.endian = endian;
        Ok(())
    }

    fn interface(&mut self, body: &[u8], names: &mut Interfaces) -> Result<(), Wrong> {
        let endian = self.endian;
        let Some((head, rest)) = body.split_first_chunk::<8>() else {
            return wrong("interface description block that is too short");
        };
        if self.interfaces.len() >= MAX_SECTION_INTERFACES {
            return wrong(format!(
                "more than {MAX_SECTION_INTERFACES} interfaces in one section"
            ));
        }
        let link_number = u32::from(endian.u16([head[0], head[1]]));
        let snap_length = endian.u32([head[4], head[5], head[6], head[7]]);
        let found = options::interface(rest, endian);
        let link = LinkType::from_number(link_number);
        let number = names.number(FileInterface {
            name: found.name,
            description: found.description,
            link,
            number: self.interfaces.len() as u32,
        });
        self.interfaces.push(Interface {
            link,
            max_captured: max_captured(link_number),
            snap_length: if snap_length == 0 {
                u32::MAX
            } else {
                snap_length
            },
            scale: Scale::new(found.resolution, found.offset),
            fcs: found.fcs,
            number,
            drops: Drops::default(),
            between: None,
        });
        Ok(())
    }

    /// Notes the losses of an interface statistics block; one that makes no sense is ignored.
    fn statistics(&mut self, body: &[u8]) {
        let Some((head, rest)) = body.split_first_chunk::<12>() else {
            return;
        };
        let endian = self.endian;
        let index = endian.u32([head[0], head[1], head[2], head[3]]) as usize;
        let Some(interface) = self.interfaces.get_mut(index) else {
            return;
        };
        for (code, value) in options::each(rest, endian) {
            let Some(count) = value.first_chunk::<8>().map(|value| endian.u64(*value)) else {
                continue;
            };
            match code {
                options::ISB_IFDROP => interface.drops.interface = Some(count),
                options::ISB_OSDROP => interface.drops.system = Some(count),
                _ => {}
            }
        }
    }
}

/// How far one block was dealt with.
enum Block {
    /// All its bytes.
    Whole(usize),
    /// So many bytes; the next so many are of no interest.
    Part(usize, u64),
    /// So many bytes are needed first.
    Need(usize),
}
