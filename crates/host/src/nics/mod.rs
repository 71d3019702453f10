//! The NICs of this machine and what Portreeve could do with each.
//!
//! Every network controller on the PCI bus, whoever drives it, and the kernel's interfaces that are on none.

mod ways;

use std::net::IpAddr;

use portreeve_interfaces::{Channels, Ethtool, Interface, Rings};
use serde::Serialize;

pub use ways::{CapturePath, Way};

use crate::pci::{self, Function, PciAddress};
use crate::{Root, bind, cpus, usage};

/// Whether frames can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Up, with a carrier.
    Up,
    /// Up, no carrier: no cable, no peer.
    NoCarrier,
    /// Not set up.
    Down,
    /// The kernel does not know: it has no interface there.
    Unknown,
}

/// A NIC, or an interface without one.
#[derive(Clone, Debug, Serialize)]
pub struct Nic {
    /// Where it is on the PCI bus.
    pub address: Option<PciAddress>,
    /// The kernel's interface.
    pub interface: Option<String>,
    /// Vendor and device, or the kind of a virtual interface.
    pub name: String,
    /// The driver that has it.
    pub driver: Option<String>,
    /// The driver that gets it back, if Portreeve bound it.
    pub bound_from: Option<String>,
    /// Its NUMA node.
    pub node: Option<usize>,
    /// Its IOMMU group.
    pub iommu_group: Option<u32>,
    /// The others in that group: address and driver.
    pub group_others: Vec<(PciAddress, Option<String>)>,
    /// Its link.
    pub link: Link,
    /// Megabits a second.
    pub speed: Option<u32>,
    /// Receive queues in use.
    pub queues: Option<u32>,
    /// Receive queues that there can be.
    pub queues_max: Option<u32>,
    /// Frames that a receive ring holds.
    pub ring: Option<u32>,
    /// The most that it can be set to.
    pub ring_max: Option<u32>,
    /// Its MTU in bytes.
    pub mtu: Option<u32>,
    /// Addresses with their prefixes.
    pub addresses: Vec<String>,
    /// What it is needed for.
    pub used_for: Vec<String>,
    /// How Portreeve could watch it, the fastest first.
    pub ways: Vec<Way>,
    /// Why DPDK is not among the ways, for a NIC on PCI.
    pub no_dpdk: Option<String>,
}

/// What the driver says of an interface, beyond [`Interface`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Details {
    /// Its queues.
    pub channels: Option<Channels>,
    /// Its rings.
    pub rings: Option<Rings>,
}

/// Asks the driver.
#[must_use]
pub fn details(name: &str) -> Details {
    let Ok(ethtool) = Ethtool::open() else {
        return Details::default();
    };
    Details {
        channels: ethtool.channels(name).ok(),
        rings: ethtool.rings(name).ok(),
    }
}

/// All of them: those on PCI by address, then the others by index. `details` is asked for each of the kernel's interfaces.
#[must_use]
pub fn list(
    root: &Root,
    interfaces: &[Interface],
    ssh: Option<IpAddr>,
    details: impl Fn(&str) -> Details,
) -> Vec<Nic> {
    let records = bind::records(root).unwrap_or_default();
    let functions = pci::network_functions(root);
    let mut nics = Vec::new();
    for function in &functions {
        let bound_from = records
            .iter()
            .find(|record| record.address == function.address.as_str())
            .and_then(|record| record.driver.clone());
        let of_kernel = interfaces
            .iter()
            .filter(|interface| function.interfaces.contains(&interface.name));
        let mut any = false;
        for interface in of_kernel {
            any = true;
            let usage = usage::reasons(interface, interfaces, ssh);
            nics.push(nic(root, Some(function), Some(interface), usage, &details));
        }
        if !any {
            nics.push(nic(root, Some(function), None, Vec::new(), &details));
        }
        if let Some(nic) = nics.last_mut() {
            nic.bound_from = bound_from;
        }
    }
    let on_pci = |name: &String| functions.iter().any(|f| f.interfaces.contains(name));
    for interface in interfaces {
        if !interface.loopback && !on_pci(&interface.name) {
            let usage = usage::reasons(interface, interfaces, ssh);
            nics.push(nic(root, None, Some(interface), usage, &details));
        }
    }
    nics
}

fn nic(
    root: &Root,
    function: Option<&Function>,
    interface: Option<&Interface>,
    used_for: Vec<String>,
    details: &impl Fn(&str) -> Details,
) -> Nic {
    let Details { channels, rings } = interface.map_or_else(Details::default, |i| details(&i.name));
    let name = match (function, interface) {
        (Some(function), _) => function.name(),
        (None, Some(interface)) => {
            let kind = interface.kind.as_ref().or(interface.driver.as_ref());
            kind.cloned().unwrap_or_else(|| "virtual".into())
        }
        (None, None) => String::new(),
    };
    Nic {
        address: function.map(|f| f.address.clone()),
        name,
        driver: match (function, interface) {
            // The driver of the interface says more than that of its bus (virtio_net, not virtio-pci).
            (_, Some(interface)) => interface
                .driver
                .clone()
                .or(function.and_then(|f| f.driver.clone())),
            (Some(function), None) => function.driver.clone(),
            (None, None) => None,
        },
        bound_from: None,
        node: match (function, interface) {
            (Some(function), _) => function.node,
            (None, Some(interface)) => cpus::node_of_interface(root, &interface.name),
            (None, None) => None,
        },
        iommu_group: function.and_then(|f| f.iommu_group),
        group_others: function.map_or_else(Vec::new, |function| group_others(root, function)),
        link: match interface {
            Some(interface) if interface.up && interface.running => Link::Up,
            Some(interface) if interface.up => Link::NoCarrier,
            Some(_) => Link::Down,
            None => Link::Unknown,
        },
        speed: interface.and_then(|i| i.speed),
        queues: interface.map(|i| channels.map_or(i.rx_queues, |c| c.receive().max(1))),
        queues_max: channels.map(|c| c.receive_max().max(1)),
        ring: rings.map(|r| r.rx),
        ring_max: rings.map(|r| r.rx_max),
        mtu: interface.map(|i| i.mtu),
        addresses: interface.map_or_else(Vec::new, |interface| {
            interface
                .addresses
                .iter()
                .map(ToString::to_string)
                .collect()
        }),
        ways: ways::ways(root, function, interface, !used_for.is_empty()),
        no_dpdk: function.and_then(|function| ways::why_no_dpdk(root, function)),
        used_for,
        interface: interface.map(|i| i.name.clone()),
    }
}

fn group_others(root: &Root, function: &Function) -> Vec<(PciAddress, Option<String>)> {
    let Some(group) = function.iommu_group else {
        return Vec::new();
    };
    pci::group_members(root, group)
        .into_iter()
        .filter(|other| other.address != function.address)
        .map(|other| (other.address, other.driver))
        .collect()
}
