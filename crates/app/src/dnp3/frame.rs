//! Frames of the link layer.

use crate::bytes::Reader;

pub(super) const START: &[u8] = &[0x05, 0x64];
/// Bytes of a header with its checksum.
pub(super) const HEADER: usize = 10;
/// Of the length, what is in the header.
const IN_HEADER: usize = 5;
const BLOCK: usize = 16;
const CHECKSUM: usize = 2;

pub(super) struct Header {
    pub(super) from_master: bool,
    /// Bytes behind it, checksums and all.
    pub(super) rest: usize,
}

impl Header {
    /// A header whose checksum is right.
    pub(super) fn parse(bytes: &[u8]) -> Option<Header> {
        if !bytes.starts_with(START) {
            return None;
        }
        let mut reader = Reader::new(bytes);
        let checked = reader.take(HEADER - CHECKSUM)?;
        let (&[_, _, len, control], _) = checked.split_first_chunk()?;
        if reader.u16_le()? != checksum(checked) {
            return None;
        }
        let data = usize::from(len).checked_sub(IN_HEADER)?;
        Some(Header {
            from_master: control & 0x80 != 0,
            rest: data + data.div_ceil(BLOCK) * CHECKSUM,
        })
    }
}

/// CRC-16/DNP: the polynomial 0x3d65, bits reversed.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    let crc = bytes.iter().fold(0u16, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| {
            if crc & 1 == 0 {
                crc >> 1
            } else {
                (crc >> 1) ^ 0xa6bc
            }
        })
    });
    !crc
}

/// What a frame's data says, if a fragment of a message begins with it: the function code, and the indications of a response.
pub(super) fn function(data: &[u8]) -> Option<(u8, Option<u16>)> {
    const FIRST: u8 = 0x40;
    const RESPONSES: u8 = 0x81;
    let mut reader = Reader::new(data);
    let [transport, _, code] = reader.array()?;
    if transport & FIRST == 0 {
        return None;
    }
    if code < RESPONSES {
        return Some((code, None));
    }
    Some((code, Some(reader.u16()?)))
}
