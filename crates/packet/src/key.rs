//! The flow key: the 5-tuple and its context, the same for both directions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which end of a [`FlowKey`] sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the low endpoint to the high one.
    LowToHigh,
    /// From the high endpoint to the low one.
    HighToLow,
}

/// A conversation: two endpoints, in numeric order, the protocol and the context.
///
/// Both directions of a conversation have the same key; [`FlowKey::new`] says which one a packet
/// was. Addresses are 16 bytes, IPv4 as `::ffff:a.b.c.d`, and `version` tells real IPv6 from it.
/// Ports are in host order. ICMP has Zeek's ports: the type, and the type that answers it (or the code
/// where none does), so that an echo request and its reply share a key and a one-way message
/// does not: a one-way message ([`crate::ViewFlags::ONE_WAY`]) has its sender as the low endpoint, whatever
/// the numeric order.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// Address of the low endpoint.
    pub low_addr: [u8; 16],
    /// Address of the high endpoint.
    pub high_addr: [u8; 16],
    /// Port of the low endpoint, host order.
    pub low_port: u16,
    /// Port of the high endpoint, host order.
    pub high_port: u16,
    /// Outer VLAN ID (1–4094), or 0 for none.
    pub vlan: u16,
    /// Inner VLAN ID (802.1ad, QinQ), or 0 for none.
    pub inner_vlan: u16,
    /// Tunnel context: 0 outside any tunnel, else a digest of the tunnel kinds and of those of
    /// their identifiers that are the same in both directions (VNI, NVGRE VSID; not a GTP TEID).
    pub tunnel: u32,
    /// IP protocol number of the transport (IANA "Protocol Numbers").
    pub protocol: u8,
    /// 4 or 6.
    pub version: u8,
    /// Always zero: the key has no uninitialised bytes.
    pub reserved: u16,
}

/// One end of a conversation: a 16-byte address and a port in host order.
pub type Endpoint = ([u8; 16], u16);

impl FlowKey {
    /// The key of a packet from `source` to `destination`, with no VLAN and no tunnel, and the direction it was.
    #[inline]
    #[must_use]
    pub fn new(
        source: Endpoint,
        destination: Endpoint,
        protocol: u8,
        version: u8,
    ) -> (FlowKey, Direction) {
        let forward = (u128::from_be_bytes(source.0), source.1)
            <= (u128::from_be_bytes(destination.0), destination.1);
        let (low, high, direction) = if forward {
            (source, destination, Direction::LowToHigh)
        } else {
            (destination, source, Direction::HighToLow)
        };
        let key = FlowKey {
            low_addr: low.0,
            high_addr: high.0,
            low_port: low.1,
            high_port: high.1,
            vlan: 0,
            inner_vlan: 0,
            tunnel: 0,
            protocol,
            version,
            reserved: 0,
        };
        (key, direction)
    }

    /// The low endpoint's address as the user knows it.
    #[must_use]
    pub fn low_ip(&self) -> IpAddr {
        ip(self.version, self.low_addr)
    }

    /// The high endpoint's address as the user knows it.
    #[must_use]
    pub fn high_ip(&self) -> IpAddr {
        ip(self.version, self.high_addr)
    }
}

impl Default for FlowKey {
    fn default() -> Self {
        FlowKey::new(([0; 16], 0), ([0; 16], 0), 0, 4).0
    }
}

/// An IPv4 address in the 16 bytes a key holds (`::ffff:a.b.c.d`).
#[inline]
#[must_use]
pub fn mapped(v4: [u8; 4]) -> [u8; 16] {
    [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, v4[0], v4[1], v4[2], v4[3],
    ]
}

fn ip(version: u8, bytes: [u8; 16]) -> IpAddr {
    if version == 4 {
        IpAddr::V4(Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]))
    } else {
        IpAddr::V6(Ipv6Addr::from(bytes))
    }
}
