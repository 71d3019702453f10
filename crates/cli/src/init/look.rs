//! What `portreeve init` finds.

use std::path::Path;

use ipnet::IpNet;
use nix::sys::statvfs::statvfs;
use nix::sys::sysinfo;
use portreeve_engine::placement;
use portreeve_host::nics::{CapturePath, Nic, details, list};
use portreeve_host::{Root, hugepages, usage};
use portreeve_interfaces::Interface;

use crate::exit::Failure;
use crate::{input, interface, settings};

/// A host, as far as its configuration depends on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its Ethernet interfaces, without loopback.
    pub interfaces: Vec<Found>,
    /// Processors that may be used.
    pub processors: usize,
    /// Isolated ones among them.
    pub isolated: usize,
    /// NUMA nodes.
    pub nodes: usize,
    /// Workers that there will be.
    pub workers: usize,
    /// Bytes of memory.
    pub memory: u64,
    /// Reserved huge pages that are free: bytes of a page, and how many.
    pub huge_pages: Vec<(u64, u64)>,
    /// Bytes free where history will be.
    pub disk: u64,
}

/// An interface.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// The driver, or the kind of a virtual interface.
    pub driver: String,
    /// It is set up and has a carrier.
    pub up: bool,
    /// Megabits a second.
    pub speed: Option<u32>,
    /// Receive queues.
    pub queues: Option<u32>,
    /// Networks of its addresses.
    pub networks: Vec<IpNet>,
    /// The default route leads through it.
    pub default_route: bool,
    /// What the host needs it for; empty: nothing.
    pub used_for: Vec<String>,
    /// AF_XDP could take it.
    pub afxdp: bool,
}

/// Looks at this host.
///
/// # Errors
/// The interfaces cannot be listed.
pub fn host() -> Result<Host, Failure> {
    let root = Root::system();
    let interfaces = interface::list()?;
    let nics = list(&root, &interfaces, usage::ssh_address(&root), details);
    let topology = placement::topology();
    let pools = hugepages::read(&root).pools;
    let free = pools
        .iter()
        .filter(|pool| pool.node.is_none() && pool.free > 0)
        .map(|pool| (pool.size.bytes(), pool.free));
    Ok(Host {
        name: settings::host_name(),
        interfaces: nics
            .iter()
            .filter_map(|nic| found(nic, &interfaces))
            .collect(),
        processors: topology.allowed().count(),
        isolated: topology.allowed().filter(|cpu| cpu.isolated).count(),
        nodes: topology.nodes().len().max(1),
        workers: input::live_workers(&topology),
        memory: sysinfo::sysinfo().map_or(0, |info| info.ram_total()),
        huge_pages: free.collect(),
        disk: disk(),
    })
}

fn found(nic: &Nic, interfaces: &[Interface]) -> Option<Found> {
    let name = nic.interface.as_ref()?;
    let interface = interfaces.iter().find(|other| other.name == *name)?;
    let ethernet = interface.link_type() == Some(portreeve_packet::LinkType::Ethernet);
    if interface.loopback || !ethernet {
        return None;
    }
    let network = |address: &portreeve_interfaces::Address| {
        IpNet::new(address.ip, address.prefix)
            .ok()
            .map(|net| net.trunc())
    };
    Some(Found {
        name: name.clone(),
        driver: nic.driver.clone().unwrap_or_else(|| nic.name.clone()),
        up: interface.up && interface.running,
        speed: nic.speed,
        queues: nic.queues,
        networks: interface.addresses.iter().filter_map(network).collect(),
        default_route: interface.default_route,
        used_for: nic.used_for.clone(),
        afxdp: nic.ways.iter().any(|way| way.path == CapturePath::AfXdp),
    })
}

/// Bytes free where history will be, or where that folder will be made.
fn disk() -> u64 {
    let folders = ["/var/lib/portreeve", "/var/lib", "/"].map(Path::new);
    let disk = folders.iter().find_map(|folder| statvfs(*folder).ok());
    disk.map_or(0, |disk| {
        disk.blocks_available().saturating_mul(disk.fragment_size())
    })
}
