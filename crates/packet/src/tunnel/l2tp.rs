//! L2TP version 2 (RFC 2661) and version 3 (RFC 3931).

use super::enter;
use crate::bytes::{array, be16};
use crate::general::Carried;
use crate::layer::Layer;
use crate::link::{Link, guess};
use crate::view::Tunnel;

/// Control messages carry no user's packets.
const CONTROL: u16 = 0x8000;

/// A data message over UDP, of either version. Tunnel and session IDs differ between the directions.
pub(super) fn over_udp(data: &[u8], payload: Layer) -> Option<Carried> {
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    let mut layer = payload;
    let flags = be16_of(layer.take(data).ok()?);
    if flags & CONTROL != 0 {
        return None;
    }
    match flags & 0x000f {
        2 => {
            if flags & LENGTH != 0 {
                let length = usize::from(be16_of(layer.take(data).ok()?));
                layer.limit(length.checked_sub(4)?);
            }
            layer.skip(4).ok()?;
            if flags & SEQUENCE != 0 {
                layer.skip(4).ok()?;
            }
            if flags & OFFSET != 0 {
                let offset = be16_of(layer.take(data).ok()?);
                layer.skip(usize::from(offset)).ok()?;
            }
            Some(enter(layer, Tunnel::L2tp, 0, Link::Ppp))
        }
        3 => {
            // Two reserved bytes, and the session.
            layer.skip(6).ok()?;
            behind_session(data, layer)
        }
        _ => None,
    }
}

/// Version 3 straight over IP: a session, of which 0 is the control channel.
pub(super) fn over_ip(data: &[u8], payload: Layer) -> Option<Carried> {
    let mut layer = payload;
    let session: &[u8; 4] = layer.take(data).ok()?;
    if session == &[0; 4] {
        return None;
    }
    behind_session(data, layer)
}

/// Only the control channel says how long the cookie is (0, 4 or 8 bytes), whether a sublayer header of 4 bytes
/// follows, and what is inside: it is guessed, and the guess has to be consistent.
fn behind_session(data: &[u8], layer: Layer) -> Option<Carried> {
    for skip in [0, 4, 8, 12] {
        let at = layer.at.saturating_add(skip);
        let link = match array::<4>(data, at)? {
            [0xff, 0x03, 0x00, 0x21 | 0x57] if guess::ip(data, &layer, skip + 4) => Link::Ppp,
            [0x0f | 0x8f, 0, _, _] if guess::ip(data, &layer, skip + 4) => Link::CiscoHdlc,
            _ if guess::ethernet(data, &layer, skip) => Link::Ethernet,
            _ => continue,
        };
        let mut layer = layer;
        layer.skip(skip).ok()?;
        return Some(enter(layer, Tunnel::L2tp, 0, link));
    }
    None
}

fn be16_of(bytes: &[u8; 2]) -> u16 {
    be16(bytes[0], bytes[1])
}
