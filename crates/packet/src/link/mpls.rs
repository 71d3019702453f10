//! MPLS label stacks (RFC 3032) and what they carry.
//!
//! Nothing in a label stack says what stands behind it. As routers and other analysers do, it is guessed
//! from the first bytes: a nibble of 4 or 6 that begins a consistent IP header is IP, 1 is a pseudowire's
//! associated channel (RFC 4385), and anything else an Ethernet pseudowire (RFC 4448), with its control word (a nibble
//! of 0) or without.

use super::ethernet::ethertype;
use super::{Link, guess};
use crate::layer::{Layer, Stop};
use crate::limits::MAX_LINK_TAGS;
use crate::outcome::Undecodable;

/// The bottom-of-stack bit, in the third byte of an entry.
const BOTTOM: u8 = 0x01;

/// Whether there is a label stack with something behind it that is sure: for where only a port says that there is one.
pub(crate) fn is_sound(data: &[u8], layer: &Layer) -> bool {
    let mut layer = *layer;
    for _ in 0..MAX_LINK_TAGS {
        let Ok(entry) = layer.take::<4>(data) else {
            return false;
        };
        if entry[2] & BOTTOM != 0 {
            return guess::ip_alone(data, &layer)
                || guess::ethernet(data, &layer, 0)
                || guess::ethernet(data, &layer, 4);
        }
    }
    false
}

/// The label stack and the guess behind it.
pub(super) fn stack(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    for _ in 0..MAX_LINK_TAGS {
        let entry: &[u8; 4] = layer.take(data)?;
        if entry[2] & BOTTOM != 0 {
            return behind(data, layer);
        }
    }
    Err(Stop::Undecodable(Undecodable::TooManyLinkTags))
}

fn behind(data: &[u8], layer: &mut Layer) -> Result<Link, Stop> {
    let first: &[u8; 1] = layer.peek(data)?;
    let nibble = first[0] >> 4;
    let plain = guess::ethernet(data, layer, 0);
    match nibble {
        4 | 6 if !guess::ethernet_with_ip(data, layer, 0) && guess::ip(data, layer, 0) => {
            Ok(Link::Ip)
        }
        4 | 6 if !plain => Ok(Link::Ip),
        1 => Err(Stop::NotIp(ethertype::MPLS)),
        0 if guess::ethernet(data, layer, 4) => {
            layer.skip(4)?;
            Ok(Link::Ethernet)
        }
        _ if plain => Ok(Link::Ethernet),
        _ => Err(Stop::NotIp(ethertype::MPLS)),
    }
}
