//! Packets in a datagram: the headers that can be read without a key (RFC 8999, RFC 9000 section 17).
//!
//! ```text
//!  long:   1 1 TT .... | version 4 | DCID len 1, DCID | SCID len 1, SCID |  Initial:   token len i, token | length i | number, payload
//!                                                                           0-RTT, Handshake:              length i | number, payload
//!                                                                           Retry:     token, tag 16
//!  short:  0 1 .......                                  the rest of the datagram
//!  none:   1 ......... | 0 4       | DCID len 1, DCID | SCID len 1, SCID |  versions 4 each: Version Negotiation
//! ```

use super::version::{Generation, Version};
use crate::Reader;

/// The most bytes of a connection identifier (RFC 9000 section 17.2).
pub(super) const MAX_ID: usize = 20;

/// The bit that says that the header is a long one.
const LONG: u8 = 0x80;
/// The bit that is always set (RFC 9000 section 17.2), but by those who agreed not to (RFC 9287).
const FIXED: u8 = 0x40;

/// A length of 1 to 8 bytes (RFC 9000 section 16).
pub(super) fn number(reader: &mut Reader<'_>) -> Option<u64> {
    let mut ahead = *reader;
    let first = ahead.u8()?;
    let more = (1usize << (first >> 6)) - 1;
    let rest = ahead.take(more)?;
    *reader = ahead;
    let number = rest.iter().fold(u64::from(first & 0x3f), |number, &byte| {
        number << 8 | u64::from(byte)
    });
    Some(number)
}

/// What a packet with a long header is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// The first ones, protected with keys that everybody can make.
    Initial {
        /// The packet from its first byte to its last.
        packet: &'a [u8],
        /// Where in it the packet number begins.
        number_at: usize,
    },
    /// Data sent before the handshake is done.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// A server wants to see a token first.
    Retry,
    /// A server does not speak the client's version.
    VersionNegotiation,
    /// One of Google's old versions: its frames, in the clear.
    Clear(&'a [u8]),
    /// A version that is not known.
    Unknown,
}

/// A packet with a long header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Long<'a> {
    /// The version.
    pub(super) version: Version,
    /// The receiver's connection identifier.
    pub(super) dcid: &'a [u8],
    /// The sender's connection identifier.
    pub(super) scid: &'a [u8],
    /// What it is for.
    pub(super) kind: Kind<'a>,
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// One with a long header.
    Long(Long<'a>),
    /// One with a short header: the handshake is done on its sender's side.
    Short,
    /// Bytes that are no packet, or none of a version that we know.
    Discarded,
}

/// The packets of a datagram.
#[derive(Clone, Debug)]
pub(super) struct Packets<'a> {
    rest: &'a [u8],
    greased: bool,
}

impl<'a> Packets<'a> {
    /// The packets of this datagram. `greased`: long headers may lack the fixed bit, since it is known already that this is QUIC (RFC 9287).
    pub(super) fn of(datagram: &'a [u8], greased: bool) -> Packets<'a> {
        Packets {
            rest: datagram,
            greased,
        }
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let (packet, rest) = split(self.rest, self.greased)?;
        self.rest = rest;
        Some(packet)
    }
}

/// The first packet of what is left of a datagram, and the rest. `None` where there is nothing.
fn split(datagram: &[u8], greased: bool) -> Option<(Packet<'_>, &[u8])> {
    let &first = datagram.first()?;
    if first & LONG == 0 {
        let packet = match google_old(datagram) {
            Some(long) => Packet::Long(long),
            None if first & FIXED == 0 => Packet::Discarded,
            None => Packet::Short,
        };
        return Some((packet, &[]));
    }
    let Some((long, rest)) = long(datagram, greased) else {
        return Some((Packet::Discarded, &[]));
    };
    Some((Packet::Long(long), rest))
}

/// A packet with a long header, and what is behind it. `greased`: it may lack the fixed bit.
pub(super) fn long(datagram: &[u8], greased: bool) -> Option<(Long<'_>, &[u8])> {
    let mut reader = Reader::new(datagram);
    let first = reader.u8()?;
    if first & LONG == 0 {
        return None;
    }
    let version = Version(reader.u32()?);
    let generation = version.generation();
    if generation == Some(Generation::GoogleLong) {
        return google_long(first, version, reader).map(|long| (long, &[][..]));
    }
    let dcid = reader.vec8().filter(|id| id.len() <= MAX_ID)?;
    let scid = reader.vec8().filter(|id| id.len() <= MAX_ID)?;
    let with = |kind| Long {
        version,
        dcid,
        scid,
        kind,
    };
    if version == Version::NEGOTIATION {
        return Some((with(Kind::VersionNegotiation), &[]));
    }
    if first & FIXED == 0 && !greased {
        return None;
    }
    let generation = match generation {
        Some(generation) => generation,
        // It is to be refused, but what is in it is as in those that are not.
        None if version.forces_negotiation() => Generation::Ietf,
        None => return Some((with(Kind::Unknown), &[])),
    };
    // RFC 9369 section 3.2 moves the numbers on by one.
    let two = u8::from(generation == Generation::Two);
    let kind = (first >> 4).wrapping_sub(two) & 3;
    if kind == 3 {
        return Some((with(Kind::Retry), &[]));
    }
    if kind == 0 {
        let token = number(&mut reader)?;
        reader.take(usize::try_from(token).ok()?)?;
    }
    let len = usize::try_from(number(&mut reader)?).ok()?;
    let number_at = datagram.len() - reader.len();
    // A packet that was cut off where it was captured is none that can be opened; its header still tells something.
    let whole = reader.take(len).is_some();
    let (packet, rest) = datagram
        .split_at_checked(number_at.saturating_add(len))
        .unwrap_or((datagram, &[]));
    let kind = match kind {
        0 if whole => Kind::Initial { packet, number_at },
        0 => Kind::Initial {
            packet: &[],
            number_at: 0,
        },
        1 => Kind::ZeroRtt,
        _ => Kind::Handshake,
    };
    Some((with(kind), rest))
}

/// Bytes of the hash that Google's versions have before their frames.
const GOOGLE_HASH: usize = 12;

/// Q046: a byte with the lengths of both identifiers, then them, a packet number of 1 to 4 bytes, and a hash.
fn google_long(first: u8, version: Version, mut reader: Reader<'_>) -> Option<Long<'_>> {
    let lengths = reader.u8()?;
    let length = |code: u8| if code == 0 { 0 } else { usize::from(code) + 3 };
    let dcid = reader.take(length(lengths >> 4))?;
    let scid = reader.take(length(lengths & 15))?;
    reader.take(usize::from(first & 3) + 1)?;
    reader.take(GOOGLE_HASH)?;
    Some(Long {
        version,
        dcid,
        scid,
        kind: Kind::Clear(reader.rest()),
    })
}

/// Q043 and older, as a client's first packets are: flags, an identifier of 8 bytes, the version, a packet number of 1 to 6 bytes, and a hash.
pub(super) fn google_old(datagram: &[u8]) -> Option<Long<'_>> {
    const VERSION: u8 = 0x01;
    const ID: u8 = 0x08;
    const RESERVED: u8 = 0xc0;
    let mut reader = Reader::new(datagram);
    let flags = reader.u8()?;
    if flags & (VERSION | ID) != VERSION | ID || flags & RESERVED != 0 {
        return None;
    }
    let dcid = reader.take(8)?;
    let version = Version(reader.u32()?);
    if version.generation() != Some(Generation::GoogleOld) {
        return None;
    }
    let number = match flags >> 4 & 3 {
        0 => 1,
        code => 2 * usize::from(code),
    };
    reader.take(number + GOOGLE_HASH)?;
    Some(Long {
        version,
        dcid,
        scid: &[],
        kind: Kind::Clear(reader.rest()),
    })
}

/// The versions that a Version Negotiation packet names; `None` if it is none.
pub(super) fn versions<'a>(
    datagram: &'a [u8],
    long: &Long<'_>,
) -> Option<impl Iterator<Item = Version> + use<'a>> {
    /// Flags, version, the lengths of two identifiers.
    const HEADER: usize = 7;
    let list = datagram.get(HEADER + long.dcid.len() + long.scid.len()..)?;
    if list.is_empty() || list.len() % 4 != 0 {
        return None;
    }
    let versions = list.as_chunks::<4>().0;
    Some(
        versions
            .iter()
            .map(|&bytes| Version(u32::from_be_bytes(bytes))),
    )
}
