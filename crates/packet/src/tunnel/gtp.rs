//! GTP-U, the user plane of mobile networks (3GPP TS 29.281).

use super::enter;
use crate::bytes::be16;
use crate::general::Carried;
use crate::layer::Layer;
use crate::link::Link;
use crate::view::Tunnel;

const MAX_EXTENSIONS: usize = 16;

/// A G-PDU of version 1: header, optional fields, extension headers, then a user's packet.
///
/// Tunnel endpoint identifiers differ between the directions and stay out of the key.
pub(super) fn user_plane(data: &[u8], payload: Layer) -> Option<Carried> {
    const G_PDU: u8 = 255;
    const VERSION_AND_TYPE: u8 = 0xf0;
    const OPTIONAL_FIELDS: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    let mut layer = payload;
    let head: &[u8; 8] = layer.take(data).ok()?;
    if head[0] & VERSION_AND_TYPE != 0x30 || head[1] != G_PDU {
        return None;
    }
    layer.limit(usize::from(be16(head[2], head[3])));
    if head[0] & OPTIONAL_FIELDS != 0 {
        let fields: &[u8; 4] = layer.take(data).ok()?;
        if head[0] & EXTENSION != 0 {
            extensions(data, &mut layer, fields[3])?;
        }
    }
    // Users' packets are IP, Ethernet or unstructured; nothing here says which.
    let first: &[u8; 1] = layer.peek(data).ok()?;
    matches!(first[0] >> 4, 4 | 6).then(|| enter(layer, Tunnel::GtpU, 0, Link::Ip))
}

/// Extension headers: a length in units of 4 bytes, content, and the next one's type.
fn extensions(data: &[u8], layer: &mut Layer, first: u8) -> Option<()> {
    let mut next = first;
    for _ in 0..MAX_EXTENSIONS {
        if next == 0 {
            return Some(());
        }
        let length: &[u8; 1] = layer.peek(data).ok()?;
        let length = usize::from(length[0]) * 4;
        layer.skip(length.checked_sub(1)?).ok()?;
        next = layer.take::<1>(data).ok()?[0];
    }
    None
}
