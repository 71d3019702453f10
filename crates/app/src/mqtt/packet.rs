//! Parts of packets.

use crate::bytes::Reader;

pub(super) const CONNECT: u8 = 1;
pub(super) const CONNACK: u8 = 2;
pub(super) const PUBLISH: u8 = 3;
pub(super) const PUBACK: u8 = 4;
pub(super) const PUBREL: u8 = 6;
pub(super) const PUBCOMP: u8 = 7;
pub(super) const SUBSCRIBE: u8 = 8;
pub(super) const SUBACK: u8 = 9;
pub(super) const UNSUBSCRIBE: u8 = 10;
pub(super) const UNSUBACK: u8 = 11;
pub(super) const LAST: u8 = 15;

/// Bytes of a length.
pub(super) const MAX_LENGTH: u8 = 4;

/// The first byte and the length of a packet, taken in byte by byte.
#[derive(Clone, Copy, Default)]
pub(super) struct Length {
    pub(super) value: u32,
    bytes: u8,
}

impl Length {
    /// Takes in a byte: whether that was the last. Nothing if it is too long.
    pub(super) fn take(&mut self, byte: u8) -> Option<bool> {
        if self.bytes == MAX_LENGTH {
            return None;
        }
        self.value |= u32::from(byte & 0x7f) << (7 * self.bytes);
        self.bytes += 1;
        match byte & 0x80 {
            0 => Some(true),
            _ if self.bytes == MAX_LENGTH => None,
            _ => Some(false),
        }
    }

    /// A length at the front of what is read.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<usize> {
        let mut length = Length::default();
        while !length.take(reader.u8()?)? {}
        Some(length.value as usize)
    }
}

/// Skips the properties that version 5 has.
pub(super) fn properties(reader: &mut Reader<'_>, version: u8) -> Option<()> {
    if version >= 5 {
        let len = Length::read(reader)?;
        reader.take(len)?;
    }
    Some(())
}

/// Whether a CONNECT with a name there is begins the stream; nothing while it may be one.
pub(super) fn begins_with_connect(bytes: &[u8]) -> Option<bool> {
    let (&first, rest) = bytes.split_first()?;
    if first != CONNECT << 4 {
        return Some(false);
    }
    let mut reader = Reader::new(rest);
    let mut length = Length::default();
    loop {
        match length.take(reader.u8()?) {
            Some(true) => break,
            Some(false) => {}
            None => return Some(false),
        }
    }
    let mut matched = false;
    for name in [&b"\0\x04MQTT"[..], b"\0\x06MQIsdp"] {
        let there = reader.rest();
        let len = there.len().min(name.len());
        if there.get(..len) == name.get(..len) {
            if len == name.len() {
                return Some(true);
            }
            matched = true;
        }
    }
    if matched { None } else { Some(false) }
}
