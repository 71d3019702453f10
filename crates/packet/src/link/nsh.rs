//! The network service header (RFC 8300).

use super::Link;
use crate::bytes::be16;
use crate::layer::{Layer, Stop};
use crate::view::Tunnel;

/// Base header, service path and metadata; then what the next-protocol field says.
///
/// The service path identifier differs between the directions and so stays out of the key.
pub(super) fn header(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let base: &[u8; 4] = layer.peek(data)?;
    let words = usize::from(base[1] & 0x3f);
    if base[0] >> 6 != 0 || words < 2 {
        return Err(Stop::MALFORMED_LINK);
    }
    layer.skip(words * 4)?;
    layer.enter(Tunnel::Nsh, 0);
    match base[3] {
        1 | 2 => Ok(Link::Ip),
        3 => Ok(Link::Ethernet),
        4 => Ok(Link::Nsh),
        5 => Ok(Link::Mpls),
        other => Err(Stop::NotIp(be16(0, other))),
    }
}
