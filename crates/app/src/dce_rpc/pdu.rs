//! Packets (DCE 1.1: RPC, section 12.6).

use crate::{Peer, Reader, Verdict};

/// Bytes that every packet begins with.
pub(super) const HEADER: usize = 16;
const VERSION: u8 = 5;
/// The highest kind that there is.
const LAST_KIND: u8 = 19;
/// This fragment is the last of its call or answer.
const LAST_FRAGMENT: u8 = 2;

/// The beginning of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) is_last: bool,
    pub(super) little: bool,
    pub(super) len: usize,
    pub(super) auth_len: usize,
    pub(super) call: u32,
}

pub(super) const REQUEST: u8 = 0;
pub(super) const RESPONSE: u8 = 2;
pub(super) const FAULT: u8 = 3;
pub(super) const BIND: u8 = 11;
pub(super) const BIND_ACK: u8 = 12;
pub(super) const BIND_NAK: u8 = 13;
pub(super) const ALTER_CONTEXT: u8 = 14;
pub(super) const ALTER_CONTEXT_ACK: u8 = 15;
pub(super) const AUTH3: u8 = 16;

/// Numbers in the sender's order of bytes.
pub(super) struct Numbers<'a> {
    pub(super) reader: Reader<'a>,
    little: bool,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(bytes: &'a [u8], little: bool) -> Self {
        Numbers {
            reader: Reader::new(bytes),
            little,
        }
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        if self.little {
            self.reader.u16_le()
        } else {
            self.reader.u16()
        }
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        if self.little {
            self.reader.u32_le()
        } else {
            self.reader.u32()
        }
    }

    /// A UUID, as it is written.
    pub(super) fn uuid(&mut self) -> Option<u128> {
        let (a, b, c) = (self.u32()?, self.u16()?, self.u16()?);
        let rest = self.reader.u64()?;
        Some(u128::from(a) << 96 | u128::from(b) << 80 | u128::from(c) << 64 | u128::from(rest))
    }
}

/// A header, if `bytes` begin with one.
pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    let &[
        VERSION,
        0..=1,
        kind @ 0..=LAST_KIND,
        flags,
        representation,
        0..=3,
        0,
        0,
    ] = bytes.first_chunk::<8>()?
    else {
        return None;
    };
    if representation & !0x11 != 0 {
        return None;
    }
    let little = representation & 0x10 != 0;
    let mut numbers = Numbers::new(bytes.get(8..)?, little);
    let (len, auth_len) = (numbers.u16()?.into(), numbers.u16()?.into());
    let call = numbers.u32()?;
    (len >= HEADER && auth_len <= len - HEADER).then_some(Header {
        kind,
        is_last: flags & LAST_FRAGMENT != 0,
        little,
        len,
        auth_len,
        call,
    })
}

/// Whether a packet may begin so, and who sends such.
pub(super) fn begins(bytes: &[u8]) -> Verdict {
    match *bytes {
        [] => return Verdict::More,
        [VERSION, 0..=1, 0..=LAST_KIND, ..] if bytes.len() >= HEADER => {}
        [VERSION] | [VERSION, 0..=1] => return Verdict::More,
        [VERSION, 0..=1, 0..=LAST_KIND, ref rest @ ..] => {
            let representation = rest.get(1..).unwrap_or_default();
            let zero = |at: usize| representation.get(at).is_none_or(|byte| *byte == 0);
            let known = representation.first().is_none_or(|byte| byte & !0x11 == 0);
            return if known && zero(2) && zero(3) {
                Verdict::More
            } else {
                Verdict::No
            };
        }
        _ => return Verdict::No,
    }
    match header(bytes) {
        Some(header) => match header.kind {
            REQUEST | BIND | ALTER_CONTEXT | AUTH3 => Verdict::Yes(Peer::Client),
            RESPONSE | FAULT | BIND_ACK | BIND_NAK | ALTER_CONTEXT_ACK => {
                Verdict::Yes(Peer::Server)
            }
            _ => Verdict::No,
        },
        None => Verdict::No,
    }
}

/// How much behind its header is to be looked at.
pub(super) fn needs(header: &Header) -> usize {
    let body = header.len - HEADER;
    match header.kind {
        BIND | BIND_ACK | ALTER_CONTEXT | ALTER_CONTEXT_ACK | AUTH3 => body,
        REQUEST | RESPONSE => body.min(8),
        _ => 0,
    }
}
