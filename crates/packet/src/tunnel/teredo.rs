//! Teredo (RFC 4380): IPv6 in UDP, with servers on port 3544 and between peers on any port.

use super::enter;
use crate::bytes::{array, be16};
use crate::general::Carried;
use crate::layer::Layer;
use crate::link::Link;
use crate::view::Tunnel;

/// The Teredo service prefix, 2001::/32 (RFC 4380 section 2.6).
const PREFIX: [u8; 4] = [0x20, 0x01, 0, 0];

/// A packet to or from a server's port: indications, then an IPv6 packet that fits.
pub(super) fn with_server(data: &[u8], payload: Layer) -> Option<Carried> {
    let mut layer = payload;
    indications(data, &mut layer)?;
    let head: &[u8; 40] = layer.peek(data).ok()?;
    // Behind the packet there may be trailers (RFC 6081).
    let fits = packet_length(head) <= layer.wire_rest() || layer.fragmented;
    (head[0] >> 4 == 6 && fits).then(|| enter(layer, Tunnel::Teredo, 0, Link::Ip))
}

/// A packet between any ports: an IPv6 packet of exactly the payload's length with a Teredo address.
pub(super) fn between_peers(data: &[u8], payload: Layer) -> Option<Carried> {
    let first = array::<6>(data, payload.at)?;
    if !may_begin(first, payload.wire_rest()) {
        return None;
    }
    let head: &[u8; 40] = payload.peek(data).ok()?;
    let of_teredo = |at| array::<4>(head, at) == Some(&PREFIX);
    (of_teredo(8) || of_teredo(24)).then(|| enter(payload, Tunnel::Teredo, 0, Link::Ip))
}

/// Whether a UDP payload of `length` bytes that begins like this may be a packet between Teredo peers.
#[inline(always)]
pub(crate) fn may_begin(first: &[u8; 6], length: usize) -> bool {
    first[0] >> 4 == 6 && usize::from(be16(first[4], first[5])) + 40 == length
}

/// The authentication and the origin indication (RFC 4380 section 5.1.1), each of which may be absent.
fn indications(data: &[u8], layer: &mut Layer) -> Option<()> {
    if let [0, 1, identifier, value, ..] = layer.rest(data) {
        let length = 4 + usize::from(*identifier) + usize::from(*value) + 8 + 1;
        layer.skip(length).ok()?;
    }
    if let [0, 0, ..] = layer.rest(data) {
        layer.skip(8).ok()?;
    }
    Some(())
}

fn packet_length(head: &[u8; 40]) -> usize {
    usize::from(be16(head[4], head[5])) + 40
}
