//! The kernel's network interfaces: which there are, how they are set, which carries the default route.
//!
//! For `-D`, for choosing an interface, for errors that say what there is, for the ledger's NIC accounts, and for `portreeve nic` and
//! `portreeve doctor`. Everything is read in the network namespace of the calling thread, through netlink and the ethtool call.
//! `unsafe` is confined to those two.

mod ethtool;
mod netlink;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use portreeve_packet::LinkType;

pub use ethtool::{Channels, Coalescing, Ethtool, Merging, ReceiveHash, Rings};
pub use netlink::Netlink;
use netlink::{attributes, half, long, word};

const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;
const ARPHRD_IEEE80211: u16 = 801;
const ARPHRD_IEEE80211_RADIOTAP: u16 = 803;
const ARPHRD_RAWIP: u16 = 519;
const ARPHRD_NONE: u16 = 0xfffe;
const IFLA_PARENT_DEV_NAME: u16 = 56;
const IFLA_NUM_RX_QUEUES: u16 = 32;
const IFLA_PROMISCUITY: u16 = 30;

/// What the host does to frames before or after the capture sees them. `None`: the driver does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// Generic receive offload: the kernel joins received segments to larger ones.
    pub gro: Option<bool>,
    /// Large receive offload: the NIC does.
    pub lro: Option<bool>,
    /// Generic segmentation offload: sent segments are seen before they are cut.
    pub gso: Option<bool>,
    /// TCP segmentation offload by the NIC.
    pub tso: Option<bool>,
    /// The NIC verifies received checksums.
    pub rx_checksum: Option<bool>,
    /// The NIC computes sent checksums: captured ones are not filled in.
    pub tx_checksum: Option<bool>,
    /// The NIC takes VLAN tags out of received frames.
    pub rx_vlan: Option<bool>,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Bits of the network part.
    pub prefix: u8,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// What the NIC's driver counted on receive since it was loaded, in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NicCounters {
    /// Received.
    pub packets: u64,
    /// Lost for want of buffers (`rx_missed_errors`).
    pub missed: u64,
    /// Bad: length, CRC, alignment, overrun (`rx_errors`).
    pub errors: u64,
    /// Of the bad ones, those of the wrong length: mostly frames that are longer than the MTU lets in (`rx_length_errors`).
    pub length: u64,
    /// Received and not processed by the host, for want of memory or a handler (`rx_dropped`); the taps saw most of them.
    pub dropped: u64,
}

/// A network interface.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index, which stays when it is renamed.
    pub index: u32,
    /// ARPHRD_ number: what its link-layer header is.
    pub hardware: u16,
    /// Set up by the administrator.
    pub up: bool,
    /// Has a carrier: a cable, a peer.
    pub running: bool,
    /// Whether it leads back to this host.
    pub loopback: bool,
    /// Whether something, perhaps another monitor, has set it promiscuous.
    pub promiscuous: bool,
    /// The largest payload of a frame, in bytes.
    pub mtu: u32,
    /// Link-layer address, if it has one.
    pub mac: Option<[u8; 6]>,
    /// Kind of a virtual interface: `veth`, `bridge`, `vlan`, `tun` …
    pub kind: Option<String>,
    /// Index of the bridge or bond it belongs to.
    pub master: Option<u32>,
    /// Index of the interface it stands on, for those that are part of another one (VLAN, macvlan); a veth's is its peer, perhaps
    /// in another namespace.
    pub lower: Option<u32>,
    /// Whether a device stands behind it (a NIC, also an emulated one).
    pub physical: bool,
    /// Receive queues.
    pub rx_queues: u32,
    /// Link speed in megabits a second, if it has a carrier and says so.
    pub speed: Option<u32>,
    /// The driver's name.
    pub driver: Option<String>,
    /// IPv4 and IPv6 addresses.
    pub addresses: Vec<Address>,
    /// Whether an IPv4 or IPv6 default route leads through it.
    pub default_route: bool,
    /// Offloads.
    pub offloads: Offloads,
    /// The driver's receive counters.
    pub counters: NicCounters,
}

impl Interface {
    /// What frames captured on it begin with; `None`: the kernel is to take the header off (cooked capture).
    ///
    /// Ethernet and loopback show their header; tunnels without one (tun, WireGuard) begin with IP. Others (PPP, GRE, InfiniBand …)
    /// have headers that differ by direction or driver.
    #[must_use]
    pub fn link_type(&self) -> Option<LinkType> {
        match self.hardware {
            ARPHRD_ETHER | ARPHRD_LOOPBACK => Some(LinkType::Ethernet),
            ARPHRD_RAWIP | ARPHRD_NONE => Some(LinkType::RawIp),
            ARPHRD_IEEE80211 => Some(LinkType::Ieee80211),
            ARPHRD_IEEE80211_RADIOTAP => Some(LinkType::Ieee80211Radiotap),
            _ => None,
        }
    }

    /// Whether [`NicCounters::missed`] and [`NicCounters::errors`] say something: there is a NIC, and its driver counts.
    #[must_use]
    pub fn counts_losses(&self) -> bool {
        // virtio's driver has no counter of frames for which the host found no buffer.
        self.physical && self.driver.as_deref() != Some("virtio_net")
    }
}

/// All interfaces of the thread's network namespace, by index.
///
/// # Errors
/// The kernel refused the request.
pub fn list() -> io::Result<Vec<Interface>> {
    let mut netlink = Netlink::open()?;
    let mut interfaces = Vec::new();
    netlink.dump(libc::RTM_GETLINK, libc::RTM_NEWLINK, 0, |payload| {
        interfaces.extend(parse_link(payload));
    })?;
    let ethtool = Ethtool::open().ok();
    for interface in &mut interfaces {
        if let Some(ethtool) = &ethtool {
            let name = &interface.name;
            interface.speed = ethtool.speed(name);
            interface.driver = ethtool.driver(name);
            interface.offloads = ethtool.offloads(name);
            if let Some(queues) = ethtool.receive_queues(name) {
                interface.rx_queues = queues;
            }
        }
    }
    netlink.dump(libc::RTM_GETADDR, libc::RTM_NEWADDR, 0, |payload| {
        if let Some((index, address)) = parse_address(payload)
            && let Some(interface) = interfaces.iter_mut().find(|i| i.index == index)
        {
            interface.addresses.push(address);
        }
    })?;
    netlink.dump(libc::RTM_GETROUTE, libc::RTM_NEWROUTE, 0, |payload| {
        for index in parse_default_route(payload) {
            if let Some(interface) = interfaces.iter_mut().find(|i| i.index == index) {
                interface.default_route = true;
            }
        }
    })?;
    interfaces.sort_by_key(|interface| interface.index);
    Ok(interfaces)
}

/// The interface to watch if none is named: that of the default route, else the first that is up with a carrier and an
/// address, else the first that is up with a carrier, else the loopback.
#[must_use]
pub fn best(interfaces: &[Interface]) -> Option<&Interface> {
    let live = || {
        interfaces
            .iter()
            .filter(|interface| interface.up && interface.running && !interface.loopback)
    };
    live()
        .find(|interface| interface.default_route)
        .or_else(|| live().find(|interface| !interface.addresses.is_empty()))
        .or_else(|| live().next())
        .or_else(|| interfaces.iter().find(|interface| interface.loopback))
}

/// The present receive counters of the interface with this index.
///
/// # Errors
/// There is no such interface, or the kernel refused the request.
pub fn counters(netlink: &mut Netlink, index: u32) -> io::Result<NicCounters> {
    let mut found = None;
    netlink.link(index, |payload| {
        found = parse_link(payload).map(|link| link.counters);
    })?;
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Whether the interface with this index is set up and has a carrier; one that is gone has none.
///
/// # Errors
/// The kernel refused the request.
pub fn has_carrier(netlink: &mut Netlink, index: u32) -> io::Result<bool> {
    let mut found = false;
    let answer = netlink.link(index, |payload| {
        found = parse_link(payload).is_some_and(|link| link.up && link.running);
    });
    match answer {
        Err(error) if error.raw_os_error() != Some(libc::ENODEV) => Err(error),
        _ => Ok(found),
    }
}

/// Whether the interface with this index still exists.
#[must_use]
pub fn exists(netlink: &mut Netlink, index: u32) -> bool {
    match netlink.link(index, |_| {}) {
        Ok(()) => true,
        Err(error) => error.raw_os_error() != Some(libc::ENODEV),
    }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn parse_link(payload: &[u8]) -> Option<Interface> {
    let hardware = half(payload, 2)?;
    let index = word(payload, 4)?;
    let flags = word(payload, 8)?;
    let has = |flag: libc::c_int| flags & flag.cast_unsigned() != 0;
    let mut interface = Interface {
        name: String::new(),
        index,
        hardware,
        up: has(libc::IFF_UP),
        running: has(libc::IFF_RUNNING),
        loopback: has(libc::IFF_LOOPBACK),
        promiscuous: has(libc::IFF_PROMISC),
        mtu: 0,
        mac: None,
        kind: None,
        master: None,
        lower: None,
        physical: false,
        rx_queues: 1,
        speed: None,
        driver: None,
        addresses: Vec::new(),
        default_route: false,
        offloads: Offloads::default(),
        counters: NicCounters::default(),
    };
    for (kind, value) in attributes(payload.get(16..)?) {
        match kind {
            libc::IFLA_IFNAME => interface.name = text(value),
            libc::IFLA_MTU => interface.mtu = word(value, 0).unwrap_or(0),
            libc::IFLA_ADDRESS => interface.mac = value.try_into().ok(),
            libc::IFLA_LINK => interface.lower = word(value, 0),
            libc::IFLA_MASTER => interface.master = word(value, 0),
            IFLA_PROMISCUITY => {
                interface.promiscuous |= word(value, 0).is_some_and(|count| count > 0);
            }
            IFLA_NUM_RX_QUEUES => interface.rx_queues = word(value, 0).unwrap_or(1),
            IFLA_PARENT_DEV_NAME => interface.physical = true,
            libc::IFLA_LINKINFO => {
                const IFLA_INFO_KIND: u16 = 1;
                interface.kind = attributes(value)
                    .find(|(kind, _)| *kind == IFLA_INFO_KIND)
                    .map(|(_, value)| text(value));
            }
            libc::IFLA_STATS64 => {
                // struct rtnl_link_stats64: packets, -, bytes, -, errors, -, dropped, … length at index 10, missed at 15.
                let counter = |index: usize| long(value, index * 8).unwrap_or(0);
                interface.counters = NicCounters {
                    packets: counter(0),
                    errors: counter(4),
                    dropped: counter(6),
                    length: counter(10),
                    missed: counter(15),
                };
            }
            _ => {}
        }
    }
    (!interface.name.is_empty()).then_some(interface)
}

fn ip(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match i32::from(family) {
        libc::AF_INET => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
        _ => None,
    }
}

fn parse_address(payload: &[u8]) -> Option<(u32, Address)> {
    let family = *payload.first()?;
    let prefix = *payload.get(1)?;
    let index = word(payload, 4)?;
    let (mut local, mut peer) = (None, None);
    for (kind, value) in attributes(payload.get(8..)?) {
        match kind {
            // On a point-to-point link IFA_ADDRESS is the peer's, IFA_LOCAL ours; IPv6 often has the former only.
            libc::IFA_LOCAL => local = ip(family, value),
            libc::IFA_ADDRESS => peer = ip(family, value),
            _ => {}
        }
    }
    let ip = local.or(peer)?;
    Some((index, Address { ip, prefix }))
}

/// The interfaces of a unicast default route in the main table.
fn parse_default_route(payload: &[u8]) -> Vec<u32> {
    let default = payload.get(1) == Some(&0)
        && payload.get(4) == Some(&libc::RT_TABLE_MAIN)
        && payload.get(7) == Some(&libc::RTN_UNICAST);
    let mut indices = Vec::new();
    for (kind, value) in attributes(payload.get(12..).unwrap_or(&[])) {
        match kind {
            libc::RTA_OIF => indices.extend(word(value, 0)),
            libc::RTA_MULTIPATH => {
                // struct rtnexthop: length (2 bytes), flags, hops, interface (4 bytes), attributes.
                let mut rest = value;
                while let (Some(length), Some(index)) = (half(rest, 0), word(rest, 4)) {
                    indices.push(index);
                    let length = usize::from(length).max(8).next_multiple_of(4);
                    rest = rest.get(length..).unwrap_or(&[]);
                }
            }
            _ => {}
        }
    }
    if default { indices } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_listed_as_it_is() {
        let interfaces = list().expect("the kernel lists its interfaces");
        let lo = interfaces
            .iter()
            .find(|interface| interface.name == "lo")
            .expect("every namespace has a loopback");
        assert_eq!(lo.index, 1);
        assert!(lo.loopback && !lo.physical && !lo.default_route);
        assert_eq!(lo.hardware, ARPHRD_LOOPBACK);
        assert_eq!(lo.link_type(), Some(LinkType::Ethernet));
        assert!(lo.mtu > 0);
        if lo.up {
            assert!(
                lo.addresses
                    .iter()
                    .any(|a| a.ip == IpAddr::V4(Ipv4Addr::LOCALHOST) && a.prefix == 8)
            );
        }
    }
}
