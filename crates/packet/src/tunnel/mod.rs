//! Tunnels: from a packet's payload to the layer it carries.
//!
//! A tunnel over UDP is told by its port, and its header has to make sense; Teredo's peers use any port, so
//! that it is told by its addresses and lengths.

mod gre;
mod gtp;
mod l2tp;
pub(crate) mod teredo;
mod vxlan;
mod wireless;

use crate::bytes::array;
use crate::general::Carried;
use crate::layer::Layer;
use crate::link::{Link, mpls};
use crate::network::Datagram;
use crate::transport::{Transport, protocol};
use crate::view::Tunnel;

/// UDP ports of tunnels (IANA "Service Name and Transport Protocol Port Number Registry").
mod port {
    pub(super) const L2TP: u16 = 1701;
    pub(super) const GTP_U: u16 = 2152;
    pub(super) const TEREDO: u16 = 3544;
    pub(super) const GRE: u16 = 4754;
    pub(super) const VXLAN: u16 = 4789;
    pub(super) const VXLAN_GPE: u16 = 4790;
    pub(super) const CAPWAP_DATA: u16 = 5247;
    pub(super) const GENEVE: u16 = 6081;
    pub(super) const MPLS: u16 = 6635;
    /// Linux's port for VXLAN from before there was an assigned one.
    pub(super) const OLD_VXLAN: u16 = 8472;
}

/// All of them.
pub(crate) const PORTS: [u16; 10] = [
    port::L2TP,
    port::GTP_U,
    port::TEREDO,
    port::GRE,
    port::VXLAN,
    port::VXLAN_GPE,
    port::CAPWAP_DATA,
    port::GENEVE,
    port::MPLS,
    port::OLD_VXLAN,
];

/// A perfect hash of [`PORTS`] into 16 slots: half a cache line, one look per port.
const fn slot(port: u16) -> usize {
    (port.wrapping_mul(0x31d) >> 12) as usize
}

static SLOTS: [u16; 16] = {
    let mut slots = [0; 16];
    let mut i = 0;
    while i < PORTS.len() {
        assert!(
            slots[slot(PORTS[i])] == 0,
            "the multiplier no longer separates the ports"
        );
        slots[slot(PORTS[i])] = PORTS[i];
        i += 1;
    }
    slots
};

/// Whether this is a port of a tunnel over UDP.
#[inline(always)]
pub(crate) fn is_port(port: u16) -> bool {
    port != 0 && SLOTS[slot(port) & 15] == port
}

/// What the payload of `datagram` carries, `payload` being its bounds and the outer context.
pub(crate) fn carried(
    data: &[u8],
    payload: Layer,
    datagram: &Datagram,
    transport: &Transport,
) -> Option<Carried> {
    match datagram.protocol {
        protocol::UDP => {
            let (source, destination) = (transport.source_port, transport.destination_port);
            if is_port(destination) {
                over_udp(data, payload, destination)
            } else if answers_from(source) {
                over_udp(data, payload, source)
            } else if is_port(source) {
                None
            } else {
                teredo::between_peers(data, payload)
            }
        }
        protocol::IPV4 => Some(in_ip(data, payload, datagram)),
        protocol::IPV6 => Some(in_ip(data, payload, datagram)),
        protocol::GRE => gre::carried(data, payload),
        protocol::L2TP => l2tp::over_ip(data, payload),
        protocol::ETHERIP => {
            // RFC 3378: version 3 and twelve zero bits.
            let mut layer = payload;
            let header: &[u8; 2] = layer.take(data).ok()?;
            (header == &[0x30, 0]).then(|| enter(layer, Tunnel::EtherIp, 0, Link::Ethernet))
        }
        protocol::ETHERNET => Some(enter(payload, Tunnel::EtherIp, 0, Link::Ethernet)),
        protocol::MPLS => Some(enter(payload, Tunnel::Mpls, 0, Link::Mpls)),
        _ => None,
    }
}

/// Whether a tunnel sends from its own port, too. The others' source ports are chosen by the inner flow, so that such a port there is chance: RFC 7348
/// section 5, 8926 section 3.3, 7510 section 3, 8086 section 3.
fn answers_from(port: u16) -> bool {
    matches!(
        port,
        port::L2TP | port::GTP_U | port::TEREDO | port::CAPWAP_DATA
    )
}

fn over_udp(data: &[u8], payload: Layer, port: u16) -> Option<Carried> {
    match port {
        port::VXLAN | port::OLD_VXLAN => vxlan::vxlan(data, payload),
        port::VXLAN_GPE => vxlan::generic(data, payload),
        port::GENEVE => vxlan::geneve(data, payload),
        port::GTP_U => gtp::user_plane(data, payload),
        port::TEREDO => teredo::with_server(data, payload),
        port::L2TP => l2tp::over_udp(data, payload),
        port::CAPWAP_DATA => wireless::capwap(data, payload),
        port::GRE => gre::carried(data, payload),
        port::MPLS if mpls::is_sound(data, &payload) => {
            Some(enter(payload, Tunnel::Mpls, 0, Link::Mpls))
        }
        _ => None,
    }
}

/// IP in IP (RFC 2003, 2473, 4213), of which 6to4 (RFC 3056) is known by its addresses.
fn in_ip(data: &[u8], payload: Layer, outer: &Datagram) -> Carried {
    const SIX_TO_FOUR: [u8; 2] = [0x20, 0x02];
    let prefix = |at: usize| array::<2>(data, payload.at.saturating_add(at)) == Some(&SIX_TO_FOUR);
    let six_to_four =
        outer.version == 4 && outer.protocol == protocol::IPV6 && (prefix(8) || prefix(24));
    let kind = if six_to_four {
        Tunnel::SixToFour
    } else {
        Tunnel::IpInIp
    };
    enter(payload, kind, 0, Link::Ip)
}

/// The layer inside a tunnel of this kind.
fn enter(layer: Layer, kind: Tunnel, identifier: u32, link: Link) -> Carried {
    let mut layer = layer;
    layer.enter(kind, identifier);
    (layer, link)
}
