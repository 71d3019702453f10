//! Guesses for headers that do not say what follows them. Each wants several facts to agree.

use super::ethernet::{FIRST_ETHERTYPE, ethertype};
use crate::bytes::{array, u16_at};
use crate::layer::Layer;

/// Whether a consistent IPv4 or IPv6 header stands `skip` bytes behind the layer's position.
pub(crate) fn ip(data: &[u8], layer: &Layer, skip: usize) -> bool {
    let at = layer.at.saturating_add(skip);
    let wire = layer.wire_end.saturating_sub(at);
    let Some(head) = array::<8>(data, at) else {
        return false;
    };
    match head[0] >> 4 {
        4 => {
            let header = usize::from(head[0] & 0x0f) * 4;
            let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
            header >= 20 && total >= header && (total <= wire || layer.fragmented)
        }
        6 => {
            let payload = usize::from(u16::from_be_bytes([head[4], head[5]]));
            payload + 40 <= wire || layer.fragmented
        }
        _ => false,
    }
}

/// Whether an IP packet stands at the layer's position that by its own length fills it: of random bytes one in a hundred thousand.
pub(crate) fn ip_alone(data: &[u8], layer: &Layer) -> bool {
    let Some(head) = array::<8>(data, layer.at) else {
        return false;
    };
    let length = match head[0] >> 4 {
        4 => usize::from(u16::from_be_bytes([head[2], head[3]])),
        _ => usize::from(u16::from_be_bytes([head[4], head[5]])) + 40,
    };
    ip(data, layer, 0) && (length == layer.wire_rest() || layer.fragmented)
}

/// Whether an Ethernet header and, behind it, a consistent IP header stand `skip` bytes behind the layer's
/// position: more agreement than any other guess needs.
pub(crate) fn ethernet_with_ip(data: &[u8], layer: &Layer, skip: usize) -> bool {
    let value = u16_at(data, layer.at.saturating_add(skip).saturating_add(12));
    matches!(value, Some(ethertype::IPV4 | ethertype::IPV6))
        && ip(data, layer, skip.saturating_add(14))
}

/// Whether an Ethernet header with a known EtherType, or a length that fits, stands `skip` bytes behind
/// the layer's position.
pub(crate) fn ethernet(data: &[u8], layer: &Layer, skip: usize) -> bool {
    let at = layer.at.saturating_add(skip);
    let Some(value) = u16_at(data, at.saturating_add(12)) else {
        return false;
    };
    match value {
        ethertype::IPV4 | ethertype::IPV6 => ip(data, layer, skip.saturating_add(14)),
        ethertype::ARP
        | ethertype::VLAN
        | ethertype::SERVICE_VLAN
        | ethertype::MPLS
        | ethertype::PPPOE_SESSION
        | 0x8863
        | 0x8902
        | 0x88cc => true,
        length if length < FIRST_ETHERTYPE => {
            // LLC: SNAP, spanning tree, IS-IS, or Novell; and the length fits the wire.
            let wire = layer.wire_end.saturating_sub(at.saturating_add(14));
            usize::from(length) <= wire
                && matches!(
                    array::<2>(data, at.saturating_add(14)),
                    Some([0xaa, 0xaa] | [0x42, 0x42] | [0xfe, 0xfe] | [0xff, 0xff] | [0xe0, 0xe0])
                )
        }
        _ => false,
    }
}
