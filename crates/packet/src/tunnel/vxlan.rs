//! VXLAN (RFC 7348), VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe) and Geneve (RFC 8926).

use super::enter;
use crate::bytes::be16;
use crate::general::Carried;
use crate::layer::Layer;
use crate::link::Link;
use crate::view::Tunnel;

/// The flag that says that the network identifier is valid.
const VALID_IDENTIFIER: u8 = 0x08;

/// VXLAN: flags, network identifier, then a frame.
pub(super) fn vxlan(data: &[u8], payload: Layer) -> Option<Carried> {
    let mut layer = payload;
    let head: &[u8; 8] = layer.take(data).ok()?;
    if head[0] & VALID_IDENTIFIER == 0 {
        return None;
    }
    Some(enter(
        layer,
        Tunnel::Vxlan,
        identifier(head),
        Link::Ethernet,
    ))
}

/// VXLAN-GPE: as VXLAN, and a number that says what follows.
pub(super) fn generic(data: &[u8], payload: Layer) -> Option<Carried> {
    const NEXT_PROTOCOL: u8 = 0x04;
    let mut layer = payload;
    let head: &[u8; 8] = layer.take(data).ok()?;
    if head[0] & (VALID_IDENTIFIER | NEXT_PROTOCOL) == 0 || head[0] & 0x30 != 0 {
        return None;
    }
    let link = match (head[0] & NEXT_PROTOCOL, head[3]) {
        (0, _) | (_, 3) => Link::Ethernet,
        (_, 1 | 2) => Link::Ip,
        (_, 4) => Link::Nsh,
        (_, 5) => Link::Mpls,
        _ => return None,
    };
    Some(enter(layer, Tunnel::VxlanGpe, identifier(head), link))
}

/// Geneve: version, options in units of 4 bytes, an EtherType and a network identifier.
pub(super) fn geneve(data: &[u8], payload: Layer) -> Option<Carried> {
    let mut layer = payload;
    let head: &[u8; 8] = layer.take(data).ok()?;
    if head[0] >> 6 != 0 {
        return None;
    }
    layer.skip(usize::from(head[0] & 0x3f) * 4).ok()?;
    let link = Link::EtherType(be16(head[2], head[3]));
    Some(enter(layer, Tunnel::Geneve, identifier(head), link))
}

/// The 24-bit virtual network identifier that all three have in the same place.
fn identifier(head: &[u8; 8]) -> u32 {
    u32::from_be_bytes([0, head[4], head[5], head[6]])
}
