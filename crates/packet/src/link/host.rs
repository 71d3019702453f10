//! The pseudo headers that operating systems put in front of packets.

use super::{Link, LinkType};
use crate::bytes::be16;
use crate::layer::{Layer, Stop};

/// Linux "cooked" capture v1: 16 bytes, the protocol last.
pub(super) fn sll(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let header: &[u8; 16] = layer.take(data)?;
    cooked(be16(header[2], header[3]), be16(header[14], header[15]))
}

/// Linux "cooked" capture v2: 20 bytes, the protocol first.
pub(super) fn sll2(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let header: &[u8; 20] = layer.take(data)?;
    cooked(be16(header[8], header[9]), be16(header[0], header[1]))
}

/// What follows a cooked header: `device` is an ARPHRD_ number, `protocol` mostly an EtherType.
fn cooked(device: u16, protocol: u16) -> Result<Link, Stop> {
    const NETLINK: u16 = 824;
    const FRAME_RELAY: u16 = 770;
    const IEEE80211: u16 = 801;
    const IEEE80211_RADIOTAP: u16 = 803;
    match (device, protocol) {
        (NETLINK, _) => Err(Stop::NotIp(protocol)),
        (FRAME_RELAY, _) => Ok(Link::FrameRelay),
        (IEEE80211, _) => Ok(Link::Ieee80211),
        (IEEE80211_RADIOTAP, _) => Ok(Link::Radiotap),
        (_, 0x0004) => Ok(Link::Llc),
        _ => Ok(Link::EtherType(protocol)),
    }
}

/// BSD loopback: the address family in the byte order of the host that captured, or in network order.
pub(super) fn loopback(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let family: &[u8; 4] = layer.take(data)?;
    let family = match *family {
        [0, 0, high, low] | [low, high, 0, 0] => be16(high, low),
        _ => return Err(Stop::MALFORMED_LINK),
    };
    match family {
        // AF_INET everywhere; AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
        2 | 10 | 23 | 24 | 28 | 30 => Ok(Link::Ip),
        other => Err(Stop::NotIp(other)),
    }
}

/// Per-packet information (PPI): version, flags, length and link type, little-endian; then fields.
pub(super) fn ppi(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let header: &[u8; 8] = layer.peek(data)?;
    let length = u16::from_le_bytes([header[2], header[3]]);
    let number = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    nested(layer, usize::from(length), 8, number)
}

/// Apple's PKTAP: length, record type, link type, little-endian; then much about the process.
pub(super) fn pktap(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let header: &[u8; 12] = layer.peek(data)?;
    let word =
        |i: usize| u32::from_le_bytes([header[i], header[i + 1], header[i + 2], header[i + 3]]);
    nested(layer, word(0) as usize, 12, word(8))
}

/// Behind a header of `length` bytes stands a frame of link type `number`.
fn nested(layer: &mut Layer, length: usize, least: usize, number: u32) -> Result<Link, Stop> {
    if length < least {
        return Err(Stop::MALFORMED_LINK);
    }
    layer.skip(length)?;
    Link::of(LinkType::from_number(number)).ok_or(Stop::NotIp(number as u16))
}

/// Solaris IPNET: 24 bytes, then IP.
pub(super) fn ipnet(layer: &mut Layer) -> Result<Link, Stop> {
    layer.skip(24)?;
    Ok(Link::Ip)
}

/// BSD SLIP: 16 bytes of direction and compression state, then IP.
pub(super) fn slip(layer: &mut Layer) -> Result<Link, Stop> {
    layer.skip(16)?;
    Ok(Link::Ip)
}

/// Linux netfilter log: family, version and resource, then attributes in host order, of which one is the packet.
pub(super) fn nflog(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    const PAYLOAD: u16 = 9;
    const MAX_ATTRIBUTES: usize = 32;
    layer.skip(4)?;
    for _ in 0..MAX_ATTRIBUTES {
        let head: &[u8; 4] = layer.peek(data)?;
        // Types are small numbers, which tells the byte order.
        let read = if head[3] == 0 {
            u16::from_le_bytes
        } else {
            u16::from_be_bytes
        };
        let (length, kind) = (
            usize::from(read([head[0], head[1]])),
            read([head[2], head[3]]),
        );
        if length < 4 {
            return Err(Stop::MALFORMED_LINK);
        }
        if kind == PAYLOAD {
            layer.limit(length);
            layer.skip(4)?;
            return Ok(Link::Ip);
        }
        layer.skip(length.next_multiple_of(4))?;
    }
    Err(Stop::MALFORMED_LINK)
}
