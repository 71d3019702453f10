//! CAPWAP data: what access points carry to their controller (RFC 5415, 5416).

use super::enter;
use crate::general::Carried;
use crate::layer::Layer;
use crate::link::Link;
use crate::view::Tunnel;

/// A data packet: preamble, header in units of 4 bytes, then an Ethernet frame or the radio's own.
pub(super) fn capwap(data: &[u8], payload: Layer) -> Option<Carried> {
    const NATIVE: u8 = 0x01;
    const FRAGMENT: u8 = 0x80;
    const KEEP_ALIVE: u8 = 0x08;
    const IEEE80211: u8 = 1;
    let mut layer = payload;
    let head: &[u8; 8] = layer.peek(data).ok()?;
    // Version 0 and type 0; type 1 is DTLS.
    if head[0] != 0 || head[3] & KEEP_ALIVE != 0 {
        return None;
    }
    if head[3] & FRAGMENT != 0 {
        let offset = u16::from_be_bytes([head[6], head[7]]) >> 3;
        if offset != 0 {
            return None;
        }
        layer.fragmented = true;
    }
    let length = usize::from(head[1] >> 3) * 4;
    if length < 8 {
        return None;
    }
    let binding = head[2] >> 1 & 0x1f;
    layer.skip(length).ok()?;
    let link = match (head[2] & NATIVE, binding) {
        (0, _) => Link::Ethernet,
        (_, IEEE80211) => native(data, &layer)?,
        _ => return None,
    };
    Some(enter(layer, Tunnel::Capwap, 0, link))
}

/// An 802.11 frame, whose frame control field some access points send with its bytes swapped.
fn native(data: &[u8], layer: &Layer) -> Option<Link> {
    let control: &[u8; 2] = layer.peek(data).ok()?;
    let is_data = |byte: u8| byte & 0x0f == 0x08;
    if is_data(control[1]) && !is_data(control[0]) {
        Some(Link::Ieee80211Swapped)
    } else {
        Some(Link::Ieee80211)
    }
}
