//! Google's own handshake, from before TLS 1.3 was there: a `CHLO` message with tagged values, the server's name among them.
//!
//! ```text
//!  "CHLO" | count 2 | 0 2 | count × (tag 4, end 4) | values
//! ```
//!
//! All numbers have their lowest byte first. A value begins where the one before ends.

use crate::Reader;

/// How far into a packet's frames the message may begin: behind an acknowledgement, a stream frame's header.
const MAX_BEFORE: usize = 128;
/// The most tags that are looked at; real messages have some 25.
const MAX_TAGS: usize = 128;

/// The client's hello in these frames, from its mark on.
pub(super) fn hello(frames: &[u8]) -> Option<&[u8]> {
    let window = frames.get(..MAX_BEFORE).unwrap_or(frames);
    let at = window.windows(4).position(|bytes| bytes == b"CHLO")?;
    frames.get(at..)
}

/// Whether a datagram is a server's answer to a hello that it wants more of, in a version up to Q043: flags, identifier, number, hash, and a `REJ` message soon
/// behind them.
pub(super) fn is_rejection(datagram: &[u8]) -> bool {
    const ID: u8 = 0x08;
    /// Version, reset, and what is reserved: nothing of that is set.
    const OTHERS: u8 = 0xc3;
    /// Flags, identifier, the shortest number, hash.
    const HEADER: usize = 22;
    /// How far behind that the message may begin.
    const NEAR: usize = 32;
    datagram
        .first()
        .is_some_and(|flags| flags & ID != 0 && flags & OTHERS == 0)
        && datagram
            .get(HEADER..)
            .map(|rest| rest.get(..NEAR).unwrap_or(rest))
            .is_some_and(|near| near.windows(4).any(|bytes| bytes == b"REJ\0"))
}

/// The value of a tag in a client's hello; `None` if it is not there, or empty, or has not come in full.
pub(super) fn value(hello: &[u8], wanted: [u8; 4]) -> Option<&[u8]> {
    let mut reader = Reader::new(hello.strip_prefix(b"CHLO")?);
    let count = usize::from(reader.u16_le()?);
    let _padding = reader.u16_le()?;
    let mut tags = Reader::new(reader.take(8 * count)?);
    let values = reader.rest();
    let mut begin = 0;
    for _ in 0..count.min(MAX_TAGS) {
        let tag: [u8; 4] = tags.array()?;
        let end = tags.u32_le()? as usize;
        if tag == wanted {
            return values.get(begin..end).filter(|value| !value.is_empty());
        }
        begin = end;
    }
    None
}
