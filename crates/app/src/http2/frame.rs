//! Frames (RFC 9113 section 4).

use crate::Reader;

/// What a client sends first (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of a frame's header.
pub(super) const HEADER: usize = 9;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const CONTINUATION: u8 = 9;

/// In DATA and HEADERS: the sender has no more for this stream.
pub(super) const END_STREAM: u8 = 0x01;
/// In SETTINGS: they are only acknowledged.
pub(super) const ACK: u8 = 0x01;
/// The block of fields is whole.
pub(super) const END_HEADERS: u8 = 0x04;
/// There is padding, whose length stands at the front.
pub(super) const PADDED: u8 = 0x08;
/// In HEADERS: a priority stands at the front.
pub(super) const PRIORITY: u8 = 0x20;

/// A frame's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) len: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Frame {
    /// The header at the front, and what is behind it.
    pub(super) fn split(bytes: &[u8]) -> Option<(Frame, &[u8])> {
        let mut reader = Reader::new(bytes);
        let frame = Frame {
            len: reader.u24()? as usize,
            kind: reader.u8()?,
            flags: reader.u8()?,
            stream: reader.u32()? & 0x7fff_ffff,
        };
        Some((frame, reader.rest()))
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload of HEADERS, PUSH_PROMISE or CONTINUATION as the stream it is about and its part of a block of fields.
    pub(super) fn block<'a>(&self, payload: &'a [u8]) -> Option<(u32, &'a [u8])> {
        if self.kind == CONTINUATION {
            return Some((self.stream, payload));
        }
        let mut reader = Reader::new(payload);
        let padding = if self.has(PADDED) { reader.u8()? } else { 0 };
        let mut stream = self.stream;
        if self.kind == PUSH_PROMISE {
            stream = reader.u32()? & 0x7fff_ffff;
        } else if self.has(PRIORITY) {
            reader.take(5)?;
        }
        let block = reader.len().checked_sub(padding.into())?;
        Some((stream, reader.take(block)?))
    }
}
