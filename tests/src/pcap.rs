//! Writing small capture files.

use std::path::Path;

/// A frame to write: when (nanoseconds since 1970) and its bytes.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Nanoseconds since 1970-01-01 UTC.
    pub time: i64,
    /// The bytes captured.
    pub data: Vec<u8>,
    /// Length on the wire; at least `data.len()`.
    pub wire: u32,
}

/// A frame that was captured whole.
#[must_use]
pub fn packet(time: i64, data: Vec<u8>) -> Packet {
    let wire = data.len() as u32;
    Packet { time, data, wire }
}

/// The first instant of the tests' traffic: 2024-01-01 00:00:00 UTC, in nanoseconds.
pub const START: i64 = 1_704_067_200_000_000_000;

/// A millisecond in nanoseconds.
pub const MS: i64 = 1_000_000;

/// Ethernet.
pub const ETHERNET: u32 = 1;

/// Which kind of pcap file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Microseconds, little-endian.
    MicroLittle,
    /// Microseconds, big-endian.
    MicroBig,
    /// Nanoseconds, little-endian.
    NanoLittle,
    /// pcapng, nanoseconds, little-endian.
    Pcapng,
}

/// A capture file as bytes.
#[must_use]
pub fn file(form: Form, link: u32, packets: &[Packet]) -> Vec<u8> {
    if form == Form::Pcapng {
        return pcapng(link, packets);
    }
    let big = form == Form::MicroBig;
    let word = |value: u32| {
        if big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    };
    let half = |value: u16| {
        if big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    };
    let mut bytes = Vec::new();
    let nano = form == Form::NanoLittle;
    bytes.extend(word(if nano { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }));
    bytes.extend(half(2));
    bytes.extend(half(4));
    bytes.extend([0; 8]);
    bytes.extend(word(262_144));
    bytes.extend(word(link));
    for packet in packets {
        let fraction = packet.time.rem_euclid(1_000_000_000);
        bytes.extend(word(packet.time.div_euclid(1_000_000_000) as u32));
        bytes.extend(word(if nano { fraction } else { fraction / 1000 } as u32));
        bytes.extend(word(packet.data.len() as u32));
        bytes.extend(word(packet.wire));
        bytes.extend(&packet.data);
    }
    bytes
}

fn pcapng(link: u32, packets: &[Packet]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let block = |kind: u32, body: &[u8]| {
        let length = 12 + body.len().next_multiple_of(4) as u32;
        let mut block = Vec::new();
        block.extend(kind.to_le_bytes());
        block.extend(length.to_le_bytes());
        block.extend(body);
        block.resize(length as usize - 4, 0);
        block.extend(length.to_le_bytes());
        block
    };
    let mut section = Vec::from(0x1a2b_3c4d_u32.to_le_bytes());
    section.extend([1, 0, 0, 0]);
    section.extend((-1_i64).to_le_bytes());
    bytes.extend(block(0x0a0d_0d0a, &section));
    let mut interface = Vec::from((link as u16).to_le_bytes());
    interface.extend([0; 6]);
    // if_tsresol: 10^-9; end of options.
    interface.extend([9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(block(1, &interface));
    for packet in packets {
        let mut body = Vec::from([0; 4]);
        body.extend(((packet.time as u64 >> 32) as u32).to_le_bytes());
        body.extend((packet.time as u32).to_le_bytes());
        body.extend((packet.data.len() as u32).to_le_bytes());
        body.extend(packet.wire.to_le_bytes());
        body.extend(&packet.data);
        bytes.extend(block(6, &body));
    }
    bytes
}

/// Writes a capture file of Ethernet frames with microseconds.
///
/// # Panics
/// If it cannot be written.
pub fn write(path: &Path, packets: &[Packet]) {
    std::fs::write(path, file(Form::MicroLittle, ETHERNET, packets))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
