//! Cisco HDLC, Frame Relay (RFC 2427) and multilink Frame Relay (FRF.16).

use super::{Link, ethernet};
use crate::bytes::be16;
use crate::layer::{Layer, Stop};

/// Cisco HDLC's address of a unicast frame.
pub(super) const UNICAST: u8 = 0x0f;
/// Cisco HDLC's address of a multicast frame.
pub(super) const MULTICAST: u8 = 0x8f;

/// Cisco HDLC: address, control, EtherType.
pub(super) fn cisco(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let header: &[u8; 4] = layer.take(data)?;
    Ok(Link::EtherType(be16(header[2], header[3])))
}

/// Frame Relay: an address of two to four bytes, then a Q.922 control field and NLPID, or Cisco's EtherType.
pub(super) fn frame_relay(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    // The last byte of the address has its lowest bit set.
    let first: &[u8; 2] = layer.take(data)?;
    if first[0] & 1 != 0 {
        return Err(Stop::MALFORMED_LINK);
    }
    if first[1] & 1 == 0 {
        let third: &[u8; 1] = layer.take(data)?;
        if third[0] & 1 == 0 {
            layer.skip(1)?;
        }
    }
    let next: &[u8; 2] = layer.take(data)?;
    if next[0] != 0x03 {
        return Ok(Link::EtherType(be16(next[0], next[1])));
    }
    // A pad byte aligns what follows.
    let protocol = if next[1] == 0 {
        layer.take::<1>(data)?[0]
    } else {
        next[1]
    };
    match protocol {
        0xcc | 0x8e => Ok(Link::Ip),
        0x80 => ethernet::snap(data, layer),
        0xcf => Ok(Link::Ppp),
        other => Err(Stop::NotIp(u16::from(other))),
    }
}

/// A multilink Frame Relay fragment: two bytes, of which the first two bits mark its beginning and end.
pub(super) fn multilink(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let header: &[u8; 2] = layer.take(data)?;
    if header[0] & 0xe0 == 0xc0 {
        Ok(Link::FrameRelay)
    } else {
        // A control message, or a part of a frame.
        Err(Stop::NotIp(be16(header[0], header[1])))
    }
}
