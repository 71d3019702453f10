//! Community ID, version 1: the same text for the same conversation in every tool that knows it.
//!
//! The text is `1:` and the base64 of a SHA-1 over seed, addresses, protocol and ports in network order, the
//! smaller endpoint first. ICMP takes the message's type and its counterpart's type as ports; a message without a
//! counterpart is one-way and keeps its direction. Protocols without ports are hashed without them.
//!
//! Records carry ICMP "ports" as Zeek writes them: type and counterpart type, or type and code for one-way
//! messages, originator first. That is what this function expects.

use std::net::IpAddr;

use crate::value::Text;

/// The conversation to name: as in a record, originator first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// Originator.
    pub orig_h: IpAddr,
    /// Originator's port; ICMP type.
    pub orig_p: u16,
    /// Responder.
    pub resp_h: IpAddr,
    /// Responder's port; ICMP counterpart type or code.
    pub resp_p: u16,
    /// IP protocol number.
    pub ip_proto: u8,
}

/// The type that answers an ICMP (protocol 1) or ICMPv6 (58) message, if messages of this type are answered.
#[must_use]
pub fn icmp_counterpart(ip_proto: u8, icmp_type: u16) -> Option<u16> {
    let pairs: &[(u16, u16)] = match ip_proto {
        // echo, router solicitation, timestamp, information, mask
        1 => &[(8, 0), (10, 9), (13, 14), (15, 16), (17, 18)],
        // echo, multicast listener, router, neighbour, node information, home agent discovery
        58 => &[
            (128, 129),
            (130, 131),
            (133, 134),
            (135, 136),
            (139, 140),
            (144, 145),
        ],
        _ => return None,
    };
    pairs.iter().find_map(|&(a, b)| {
        if icmp_type == a {
            Some(b)
        } else if icmp_type == b {
            Some(a)
        } else {
            None
        }
    })
}

/// Whether the specification hashes ports for this protocol: TCP, UDP, SCTP, ICMP and ICMPv6.
fn has_ports(ip_proto: u8) -> bool {
    matches!(ip_proto, 1 | 6 | 17 | 58 | 132)
}

/// The community ID of a conversation.
#[must_use]
pub fn community_id(tuple: &Tuple, seed: u16) -> Text {
    let ports = has_ports(tuple.ip_proto);
    let one_way = matches!(tuple.ip_proto, 1 | 58)
        && icmp_counterpart(tuple.ip_proto, tuple.orig_p).is_none();
    let (orig_p, resp_p) = if ports {
        (tuple.orig_p, tuple.resp_p)
    } else {
        (0, 0)
    };

    let mut block = [0u8; 64];
    block[..2].copy_from_slice(&seed.to_be_bytes());
    let rest = match (tuple.orig_h, tuple.resp_h) {
        (IpAddr::V4(orig), IpAddr::V4(resp)) => {
            let (orig, resp) = ((orig.to_bits(), orig_p), (resp.to_bits(), resp_p));
            let (a, b) = ordered(orig, resp, one_way);
            block[2..6].copy_from_slice(&a.0.to_be_bytes());
            block[6..10].copy_from_slice(&b.0.to_be_bytes());
            put_rest(&mut block, 10, tuple.ip_proto, a.1, b.1)
        }
        (orig, resp) => {
            let (orig, resp) = ((bits(orig), orig_p), (bits(resp), resp_p));
            let (a, b) = ordered(orig, resp, one_way);
            block[2..18].copy_from_slice(&a.0.to_be_bytes());
            block[18..34].copy_from_slice(&b.0.to_be_bytes());
            put_rest(&mut block, 34, tuple.ip_proto, a.1, b.1)
        }
    };
    let digest = sha1_of_one_block(block, if ports { rest } else { rest - 4 });

    let mut text = [0u8; 30];
    text[..2].copy_from_slice(b"1:");
    base64(&digest, &mut text);
    Text::from_ascii(&text)
}

/// The endpoints in the order in which they are hashed.
#[inline(always)]
fn ordered<E: Ord>(orig: E, resp: E, one_way: bool) -> (E, E) {
    if one_way || orig <= resp {
        (orig, resp)
    } else {
        (resp, orig)
    }
}

/// An IPv6 address's number; an IPv4 one next to an IPv6 one, which no packet has, is mapped.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Protocol, a zero, and the ports, which are 0 where there are none, from `at` on; returns where they end.
#[inline(always)]
fn put_rest(block: &mut [u8; 64], at: usize, ip_proto: u8, a: u16, b: u16) -> usize {
    let [a0, a1] = a.to_be_bytes();
    let [b0, b1] = b.to_be_bytes();
    block[at..at + 6].copy_from_slice(&[ip_proto, 0, a0, a1, b0, b1]);
    at + 6
}

/// The five words of the SHA-1 (FIPS 180-4) of the first `len` bytes of `block`, behind which it is zero: at most 55, so
/// that message and padding are one block and the hash is one compression.
fn sha1_of_one_block(mut block: [u8; 64], len: usize) -> [u32; 5] {
    let len = len.min(55);
    block[len] = 0x80;
    block[56..].copy_from_slice(&(len as u64 * 8).to_be_bytes());
    let mut state = [
        0x6745_2301,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    sha1::compress(&mut state, &[block.into()]);
    state
}

/// Base64 (RFC 4648 section 4) of a SHA-1, from the third character of `out` on: 160 bits are 26 characters of 6 bits, one
/// of 4, and one of padding.
fn base64(digest: &[u32; 5], out: &mut [u8; 30]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let [a, b, c, d, e] = digest.map(u64::from);
    // Two pieces of 60 bits, ten characters each, and the 40 bits that remain.
    let pieces = [
        a << 28 | b >> 4,
        (b & 0xf) << 56 | c << 24 | d >> 8,
        ((d & 0xff) << 32 | e) << 20,
    ];
    let character = |piece: u64, at: usize| ALPHABET[(piece >> (54 - 6 * at)) as usize & 63];
    for at in 0..10 {
        out[2 + at] = character(pieces[0], at);
        out[12 + at] = character(pieces[1], at);
    }
    for at in 0..7 {
        out[22 + at] = character(pieces[2], at);
    }
    out[29] = b'=';
}
