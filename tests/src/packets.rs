//! Building packets, byte by byte: the tests' own traffic, independent of the decoder it tests.

use std::net::{IpAddr, Ipv4Addr};

/// TCP control bits (RFC 9293 section 3.1).
pub mod flags {
    #![allow(missing_docs)]
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
}

/// Protocol numbers (IANA).
pub mod protocol {
    #![allow(missing_docs)]
    pub const ICMP: u8 = 1;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const ICMP6: u8 = 58;
    pub const FRAGMENT: u8 = 44;
}

/// The one's complement sum of RFC 1071, not yet complemented.
fn sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// The checksum of a transport segment with its pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1).
fn transport_checksum(source: IpAddr, destination: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let (source, destination) = (octets(source), octets(destination));
    let length = (segment.len() as u32).to_be_bytes();
    let checksum = !sum(&[
        &source,
        &destination,
        &length,
        &[0, 0, 0, protocol],
        segment,
    ]);
    if checksum == 0 && protocol == protocol::UDP {
        0xffff
    } else {
        checksum
    }
}

/// One end of a conversation.
pub type End = (IpAddr, u16);

/// A TCP segment's fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp<'a> {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Control bits.
    pub flags: u8,
    /// Options; their length must be a multiple of 4.
    pub options: &'a [u8],
    /// Payload.
    pub payload: &'a [u8],
}

/// A TCP segment.
#[must_use]
pub fn tcp(source: End, destination: End, segment: &Tcp<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(source.1.to_be_bytes());
    bytes.extend(destination.1.to_be_bytes());
    bytes.extend(segment.seq.to_be_bytes());
    bytes.extend(segment.ack.to_be_bytes());
    let words = 5 + segment.options.len() / 4;
    bytes.extend([(words as u8) << 4, segment.flags]);
    bytes.extend(0xfaf0_u16.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(segment.options);
    bytes.extend(segment.payload);
    let checksum = transport_checksum(source.0, destination.0, protocol::TCP, &bytes);
    bytes[16..18].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// A UDP datagram.
#[must_use]
pub fn udp(source: End, destination: End, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(source.1.to_be_bytes());
    bytes.extend(destination.1.to_be_bytes());
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0; 2]);
    bytes.extend(payload);
    let checksum = transport_checksum(source.0, destination.0, protocol::UDP, &bytes);
    bytes[6..8].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// An ICMP message (RFC 792), or an ICMPv6 one (RFC 4443) if the addresses are IPv6.
#[must_use]
pub fn icmp(source: IpAddr, destination: IpAddr, kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend(rest);
    let checksum = match source {
        IpAddr::V4(_) => !sum(&[&bytes]),
        IpAddr::V6(_) => transport_checksum(source, destination, protocol::ICMP6, &bytes),
    };
    bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// An IPv4 packet (RFC 791). `fragment`: offset in bytes, and whether more follow.
///
/// # Panics
/// If the addresses are not IPv4.
#[must_use]
pub fn ipv4(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    id: u16,
    fragment: (u16, bool),
    payload: &[u8],
) -> Vec<u8> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) else {
        panic!("not IPv4")
    };
    let mut bytes = vec![0x45, 0];
    bytes.extend((20 + payload.len() as u16).to_be_bytes());
    bytes.extend(id.to_be_bytes());
    bytes.extend(((fragment.0 / 8) | (u16::from(fragment.1) << 13)).to_be_bytes());
    bytes.extend([64, protocol, 0, 0]);
    bytes.extend(source.octets());
    bytes.extend(destination.octets());
    let checksum = !sum(&[&bytes]);
    bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// An IPv6 packet (RFC 8200); `next` is the number of the first header in `payload`.
///
/// # Panics
/// If the addresses are not IPv6.
#[must_use]
pub fn ipv6(source: IpAddr, destination: IpAddr, next: u8, payload: &[u8]) -> Vec<u8> {
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (source, destination) else {
        panic!("not IPv6")
    };
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((payload.len() as u16).to_be_bytes());
    bytes.extend([next, 64]);
    bytes.extend(source.octets());
    bytes.extend(destination.octets());
    bytes.extend(payload);
    bytes
}

/// An unfragmented IP packet of either version.
#[must_use]
pub fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match source {
        IpAddr::V4(_) => ipv4(source, destination, protocol, 0x1234, (0, false), payload),
        IpAddr::V6(_) => ipv6(source, destination, protocol, payload),
    }
}

/// An Ethernet II frame around an IP packet, with VLAN tags, outermost first: (TPID, VLAN ID).
#[must_use]
pub fn ethernet(tags: &[(u16, u16)], packet: &[u8]) -> Vec<u8> {
    let kind: u16 = if packet.first().is_some_and(|byte| byte >> 4 == 6) {
        0x86dd
    } else {
        0x0800
    };
    frame(tags, kind, packet)
}

/// An Ethernet II frame of any EtherType.
#[must_use]
pub fn frame(tags: &[(u16, u16)], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for (tpid, id) in tags {
        bytes.extend(tpid.to_be_bytes());
        bytes.extend(id.to_be_bytes());
    }
    bytes.extend(kind.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A VXLAN packet's UDP payload (RFC 7348) around an Ethernet frame.
#[must_use]
pub fn vxlan(vni: u32, inner: &[u8]) -> Vec<u8> {
    let mut bytes = vec![8, 0, 0, 0];
    bytes.extend((vni << 8).to_be_bytes());
    bytes.extend(inner);
    bytes
}

/// `10.0.0.n`.
#[must_use]
pub fn v4(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, n))
}

/// `2001:db8::n`.
#[must_use]
pub fn v6(n: u16) -> IpAddr {
    IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_rfc_1071_section_3() {
        assert_eq!(
            sum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]),
            0xddf2
        );
    }

    #[test]
    fn a_packet_verifies_against_its_own_checksum() {
        let (a, b) = ((v4(1), 1000), (v4(2), 80));
        let segment = tcp(
            a,
            b,
            &Tcp {
                payload: b"odd",
                flags: flags::ACK,
                ..Tcp::default()
            },
        );
        let pseudo = [10, 0, 0, 1, 10, 0, 0, 2, 0, 6, 0, segment.len() as u8];
        assert_eq!(sum(&[&pseudo, &segment]), 0xffff);
        let packet = ip(a.0, b.0, protocol::TCP, &segment);
        assert_eq!(sum(&[&packet[..20]]), 0xffff);
    }
}
