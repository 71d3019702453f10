//! PPP (RFC 1661) in its framings, and PPPoE (RFC 2516).

use super::{Link, hdlc};
use crate::bytes::be16;
use crate::layer::{Layer, Stop};

/// PPP, with HDLC-like framing (RFC 1662: address 0xff, control 0x03) or without; on serial lines also the Cisco
/// HDLC that some tools write with PPP's link type.
pub(super) fn frame(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    match layer.rest(data) {
        [0xff, 0x03, ..] => layer.skip(2)?,
        [hdlc::UNICAST | hdlc::MULTICAST, 0x00, ..] => return Ok(Link::CiscoHdlc),
        _ => {}
    }
    protocol(data, layer)
}

/// The protocol field: two bytes, or one if compressed (RFC 1661 section 6.5; its last bit is set then).
fn protocol(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let first: &[u8; 1] = layer.take(data)?;
    let number = if first[0] & 1 == 1 {
        u16::from(first[0])
    } else {
        let second: &[u8; 1] = layer.take(data)?;
        be16(first[0], second[0])
    };
    match number {
        0x0021 | 0x0057 => Ok(Link::Ip),
        // Multilink (RFC 1990), long sequence numbers: a fragment that is a whole packet.
        0x003d => {
            let header: &[u8; 4] = layer.take(data)?;
            if header[0] & 0xc0 == 0xc0 {
                protocol(data, layer)
            } else {
                Err(Stop::NotIp(number))
            }
        }
        0x0281 | 0x0283 => Ok(Link::Mpls),
        other => Err(Stop::NotIp(other)),
    }
}

/// A PPPoE session packet: version and type, code, session, length; then PPP without framing.
pub(super) fn over_ethernet(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let header: &[u8; 6] = layer.take(data)?;
    if header[0] != 0x11 || header[1] != 0 {
        return Err(Stop::MALFORMED_LINK);
    }
    let length = usize::from(be16(header[4], header[5]));
    if length != 0 {
        layer.limit(length);
    }
    protocol(data, layer)
}
