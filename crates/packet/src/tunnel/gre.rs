//! Generic routing encapsulation (RFC 2784, 2890; routing: RFC 1701), and what is built on it: PPTP (RFC 2637), NVGRE
//! (RFC 7637) and ERSPAN (draft-foschiano-erspan).

use super::enter;
use crate::bytes::be16;
use crate::general::Carried;
use crate::layer::Layer;
use crate::link::{Link, ethertype};
use crate::view::Tunnel;

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// How every packet of MikroTik's Ethernet over IP begins.
const EOIP: (u16, u16) = (0x2001, 0x6400);

/// The payload of a GRE packet.
pub(super) fn carried(data: &[u8], payload: Layer) -> Option<Carried> {
    let mut layer = payload;
    let head: &[u8; 4] = layer.take(data).ok()?;
    let flags = be16(head[0], head[1]);
    let protocol = be16(head[2], head[3]);
    match flags & VERSION {
        0 => plain(data, layer, flags, protocol),
        1 if (flags, protocol) == EOIP => eoip(data, layer),
        1 => pptp(data, layer, flags, protocol),
        _ => None,
    }
}

fn plain(data: &[u8], mut layer: Layer, flags: u16, protocol: u16) -> Option<Carried> {
    const ERSPAN: u16 = 0x88be;
    const ERSPAN_III: u16 = 0x22eb;
    const WCCP: u16 = 0x883e;
    if flags & (CHECKSUM | ROUTING) != 0 {
        layer.skip(4).ok()?;
    }
    let mut key = None;
    if flags & KEY != 0 {
        key = Some(u32::from_be_bytes(*layer.take(data).ok()?));
    }
    if flags & SEQUENCE != 0 {
        layer.skip(4).ok()?;
    }
    if flags & ROUTING != 0 {
        routing(data, &mut layer)?;
    }
    match (protocol, key) {
        // RFC 7637 section 3.2: a key, of which 24 bits are the virtual subnet, no checksum and no sequence.
        (ethertype::TRANSPARENT_BRIDGING, Some(key)) if flags & (CHECKSUM | SEQUENCE) == 0 => {
            Some(enter(layer, Tunnel::Nvgre, key >> 8, Link::Ethernet))
        }
        (ERSPAN, _) if flags & SEQUENCE == 0 => {
            Some(enter(layer, Tunnel::Erspan, 0, Link::Ethernet))
        }
        (ERSPAN, _) => {
            layer.skip(8).ok()?;
            Some(enter(layer, Tunnel::Erspan, 0, Link::Ethernet))
        }
        (ERSPAN_III, _) => erspan_iii(data, layer),
        // Aruba's controllers: an 802.11 frame, the low bits numbering radios and streams.
        (0x8200..=0x8210 | 0x8280..=0x8310 | 0x8380..=0x8410, _) => {
            Some(enter(layer, Tunnel::Gre, 0, Link::Ieee80211))
        }
        (WCCP, _) => {
            // Version 2 puts four bytes in front of the packet, version 1 none.
            let first: &[u8; 1] = layer.peek(data).ok()?;
            if first[0] >> 4 != 4 {
                layer.skip(4).ok()?;
            }
            Some(enter(layer, Tunnel::Gre, 0, Link::Ip))
        }
        _ => Some(enter(layer, Tunnel::Gre, 0, Link::EtherType(protocol))),
    }
}

/// MikroTik's Ethernet over IP: length of the frame and, little-endian, the tunnel.
fn eoip(data: &[u8], mut layer: Layer) -> Option<Carried> {
    let head: &[u8; 4] = layer.take(data).ok()?;
    layer.limit(usize::from(be16(head[0], head[1])));
    Some(enter(
        layer,
        Tunnel::Gre,
        u32::from(be16(head[3], head[2])),
        Link::Ethernet,
    ))
}

/// Source route entries: address family, offset and length; the last one is empty.
fn routing(data: &[u8], layer: &mut Layer) -> Option<()> {
    const MAX_ENTRIES: usize = 16;
    for _ in 0..MAX_ENTRIES {
        let entry: &[u8; 4] = layer.take(data).ok()?;
        if entry[3] == 0 {
            return Some(());
        }
        layer.skip(usize::from(entry[3])).ok()?;
    }
    None
}

/// ERSPAN type III: 12 bytes, 8 more if the last bit says so; an Ethernet frame or, by the P and frame-type bits, an IP packet.
fn erspan_iii(data: &[u8], mut layer: Layer) -> Option<Carried> {
    let head: &[u8; 12] = layer.take(data).ok()?;
    if head[0] >> 4 != 2 {
        return None;
    }
    if head[11] & 1 != 0 {
        layer.skip(8).ok()?;
    }
    let link = match be16(head[10], head[11]) >> 10 & 0x1f {
        2 => Link::Ip,
        _ => Link::Ethernet,
    };
    Some(enter(layer, Tunnel::Erspan, 0, link))
}

/// GRE version 1: always a key, of payload length and call ID, and PPP inside. Call IDs differ between the directions.
fn pptp(data: &[u8], mut layer: Layer, flags: u16, protocol: u16) -> Option<Carried> {
    if flags & KEY == 0 || protocol != ethertype::PPP {
        return None;
    }
    let key: &[u8; 4] = layer.take(data).ok()?;
    let length = usize::from(be16(key[0], key[1]));
    if flags & SEQUENCE == 0 || length == 0 {
        // An acknowledgement only.
        return None;
    }
    layer.skip(4).ok()?;
    if flags & ACKNOWLEDGEMENT != 0 {
        layer.skip(4).ok()?;
    }
    layer.limit(length);
    Some(enter(layer, Tunnel::Pptp, 0, Link::Ppp))
}
