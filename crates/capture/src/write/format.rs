//! Frames to bytes: the records of pcap and pcapng files.

use std::collections::HashMap;

use portreeve_packet::LinkType;

use crate::frame::Frame;

/// Bytes of the longest record header and trailer around a frame.
const FRAMING: usize = 40;
/// Interfaces described in one pcapng file; frames of further ones count as of the last.
const MAX_INTERFACES: usize = 65_535;
/// Nanoseconds in a second.
const NANOS: i64 = 1_000_000_000;

/// How a file is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Classic, with microseconds.
    PcapMicros,
    /// Classic, with nanoseconds.
    PcapNanos,
    /// Blocks; several interfaces and link types in one file; nanoseconds.
    PcapNg,
}

/// Writes records of one file into a buffer.
pub(super) struct Encoder {
    format: FileFormat,
    snap_length: u32,
    /// The one link type of a classic file.
    link: Option<LinkType>,
    /// The interfaces that a pcapng file describes so far.
    interfaces: HashMap<(u16, LinkType), u32>,
    names: Vec<String>,
}

/// The frame's link type is not the file's: a classic file has only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OtherLink;

impl Encoder {
    pub(super) fn new(format: FileFormat, snap_length: u32, names: Vec<String>) -> Encoder {
        let snap_length = if snap_length == 0 {
            262_144
        } else {
            snap_length
        };
        Encoder {
            format,
            snap_length,
            link: None,
            interfaces: HashMap::new(),
            names,
        }
    }

    /// A new file begins: what the last one's header said has to be said again.
    pub(super) fn begin(&mut self) {
        self.link = None;
        self.interfaces.clear();
    }

    /// Records that were not written yet are lost; `all` the file had. What they described has to be described again.
    pub(super) fn lost(&mut self, all: bool) {
        if all || self.format == FileFormat::PcapNg {
            // In a pcapng file that begins a new section.
            self.begin();
        }
    }

    /// How many bytes of buffer a frame needs at most.
    pub(super) fn room(frame: &Frame<'_>) -> usize {
        // A file header (24) or section and interface description (28 + 32 and a name) may come before it.
        frame.data.len() + FRAMING + 512
    }

    /// What a file without frames consists of.
    pub(super) fn empty(&mut self, out: &mut Vec<u8>, link: LinkType) {
        match self.format {
            FileFormat::PcapNg if self.interfaces.is_empty() => section(out),
            FileFormat::PcapMicros | FileFormat::PcapNanos if self.link.is_none() => {
                self.header(out, link);
            }
            _ => {}
        }
    }

    /// Appends a frame's record, and what has to stand before it.
    pub(super) fn record(&mut self, out: &mut Vec<u8>, frame: &Frame<'_>) -> Result<(), OtherLink> {
        if self.format == FileFormat::PcapNg {
            let interface = self.interface(out, frame);
            self.enhanced_packet(out, frame, interface);
            return Ok(());
        }
        match self.link {
            None => self.header(out, frame.link),
            Some(link) if link != frame.link => return Err(OtherLink),
            Some(_) => {}
        }
        let per_unit = if self.format == FileFormat::PcapNanos {
            1
        } else {
            1000
        };
        let seconds = frame
            .timestamp
            .div_euclid(NANOS)
            .clamp(0, i64::from(u32::MAX)) as u32;
        let fraction = (frame.timestamp.rem_euclid(NANOS) / per_unit) as u32;
        let parts = Parts::of(frame, self.snap_length);
        for word in [seconds, fraction, parts.captured(), parts.wire_len] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        parts.write(out);
        Ok(())
    }

    fn header(&mut self, out: &mut Vec<u8>, link: LinkType) {
        let magic: u32 = match self.format {
            FileFormat::PcapNanos => 0xa1b2_3c4d,
            _ => 0xa1b2_c3d4,
        };
        out.extend_from_slice(&magic.to_le_bytes());
        out.extend_from_slice(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&self.snap_length.to_le_bytes());
        out.extend_from_slice(&link.number().to_le_bytes());
        self.link = Some(link);
    }

    /// The number of the frame's interface in this file; described first if it is new.
    fn interface(&mut self, out: &mut Vec<u8>, frame: &Frame<'_>) -> u32 {
        if let Some(number) = self.interfaces.get(&(frame.interface, frame.link)) {
            return *number;
        }
        if self.interfaces.is_empty() {
            section(out);
        }
        let number = self.interfaces.len() as u32;
        if self.interfaces.len() >= MAX_INTERFACES {
            return number - 1;
        }
        self.interfaces
            .insert((frame.interface, frame.link), number);
        let name = self.names.get(usize::from(frame.interface));
        let name = name.map(String::as_bytes).unwrap_or_default();
        let name = name.get(..name.len().min(255)).unwrap_or_default();
        let mut options = Vec::with_capacity(300);
        if !name.is_empty() {
            option(&mut options, 2, name);
        }
        // if_tsresol: 10^-9.
        option(&mut options, 9, &[9]);
        options.extend_from_slice(&[0; 4]);
        let length = 20 + options.len() as u32;
        out.extend_from_slice(&1u32.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(frame.link.number() as u16).to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.snap_length.to_le_bytes());
        out.extend_from_slice(&options);
        out.extend_from_slice(&length.to_le_bytes());
        number
    }

    fn enhanced_packet(&self, out: &mut Vec<u8>, frame: &Frame<'_>, interface: u32) {
        let parts = Parts::of(frame, self.snap_length);
        let padded = parts.captured().next_multiple_of(4);
        let length = 32 + padded;
        let time = frame.timestamp.max(0).cast_unsigned();
        let words = [
            6,
            length,
            interface,
            (time >> 32) as u32,
            time as u32,
            parts.captured(),
            parts.wire_len,
        ];
        for word in words {
            out.extend_from_slice(&word.to_le_bytes());
        }
        parts.write(out);
        out.resize(out.len() + (padded - parts.captured()) as usize, 0);
        out.extend_from_slice(&length.to_le_bytes());
    }
}

/// A section header block without options, of unknown length.
fn section(out: &mut Vec<u8>) {
    for word in [0x0a0d_0d0au32, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28] {
        out.extend_from_slice(&word.to_le_bytes());
    }
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// A frame as it is written: with its VLAN tag in place, cut at the snap length.
struct Parts<'a> {
    before: &'a [u8],
    tag: [u8; 4],
    tag_len: usize,
    behind: &'a [u8],
    wire_len: u32,
}

impl<'a> Parts<'a> {
    fn of(frame: &Frame<'a>, snap_length: u32) -> Parts<'a> {
        let snap = snap_length as usize;
        let whole = |wire_len| Parts {
            before: frame
                .data
                .get(..frame.data.len().min(snap))
                .unwrap_or_default(),
            tag: [0; 4],
            tag_len: 0,
            behind: &[],
            wire_len,
        };
        let Some(vlan) = frame.vlan.filter(|_| frame.link == LinkType::Ethernet) else {
            return whole(frame.wire_len);
        };
        // The tag stands behind the two addresses.
        let wire_len = frame.wire_len.saturating_add(4);
        let Some((before, behind)) = frame.data.split_at_checked(12).filter(|_| snap > 12) else {
            return whole(wire_len);
        };
        let ([p0, p1], [c0, c1]) = (vlan.tpid.to_be_bytes(), vlan.tci.to_be_bytes());
        let tag_len = (snap - 12).min(4);
        let room = snap - 12 - tag_len;
        Parts {
            before,
            tag: [p0, p1, c0, c1],
            tag_len,
            behind: behind.get(..behind.len().min(room)).unwrap_or_default(),
            wire_len,
        }
    }

    fn captured(&self) -> u32 {
        (self.before.len() + self.tag_len + self.behind.len()) as u32
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.before);
        out.extend_from_slice(self.tag.get(..self.tag_len).unwrap_or_default());
        out.extend_from_slice(self.behind);
    }
}
