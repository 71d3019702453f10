//! How Portreeve could watch a NIC.

use portreeve_interfaces::Interface;
use serde::Serialize;

use crate::bind::{self, UserDriver};
use crate::pci::Function;
use crate::{Root, modules};

/// How frames get from the NIC to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CapturePath {
    /// Around the kernel.
    Dpdk,
    /// The kernel's driver, around its stack.
    AfXdp,
    /// The kernel's packet socket.
    AfPacket,
}

/// One way to watch a NIC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The path.
    pub path: CapturePath,
    /// What is to be known of it: the driver, the mode.
    pub note: String,
    /// What to type first, if anything.
    pub prepare: Option<String>,
    /// What to type.
    pub command: String,
}

/// Drivers with XDP of their own (`xdp_features` of Linux 6.1's drivers); with others the kernel does it generically, later.
const NATIVE_XDP: [&str; 26] = [
    "atlantic",
    "bnxt_en",
    "dpaa2-eth",
    "ena",
    "enetc",
    "gve",
    "hv_netvsc",
    "i40e",
    "ice",
    "igb",
    "igc",
    "ixgbe",
    "ixgbevf",
    "mana",
    "mlx4_en",
    "mlx5_core",
    "mvneta",
    "nfp",
    "qede",
    "sfc",
    "stmmaceth",
    "thunder-nicvf",
    "tun",
    "veth",
    "virtio_net",
    "vmxnet3",
];

/// Of these, those that hand frames over without a copy.
const ZERO_COPY: [&str; 6] = ["i40e", "ice", "igc", "ixgbe", "mlx5_core", "stmmaceth"];

/// The ways there are, the fastest first. `used`: the kernel needs the interface.
pub(super) fn ways(
    root: &Root,
    function: Option<&Function>,
    interface: Option<&Interface>,
    used: bool,
) -> Vec<Way> {
    let take_over = if used { " --take-over" } else { "" };
    let mut ways = Vec::new();
    if let Some(function) = function {
        ways.extend(dpdk(root, function, take_over));
    }
    if let Some(interface) = interface {
        let name = &interface.name;
        let driver = interface.driver.as_deref().unwrap_or_default();
        if interface.link_type() == Some(portreeve_interfaces::LinkType::Ethernet) {
            let note = if ZERO_COPY.contains(&driver) {
                "native, no copy"
            } else if NATIVE_XDP.contains(&driver) {
                "native"
            } else {
                "generic"
            };
            ways.push(Way {
                path: CapturePath::AfXdp,
                note: note.into(),
                prepare: None,
                command: format!("portreeve -i afxdp:{name}{take_over}"),
            });
        }
        ways.push(Way {
            path: CapturePath::AfPacket,
            note: "always works".into(),
            prepare: None,
            command: format!("portreeve -i afpacket:{name}"),
        });
    }
    ways
}

fn dpdk(root: &Root, function: &Function, take_over: &str) -> Option<Way> {
    let address = &function.address;
    let driver = function.driver.as_deref().unwrap_or_default();
    let command = format!("portreeve -i dpdk:{address}");
    if UserDriver::is_one(driver) {
        return Some(Way {
            path: CapturePath::Dpdk,
            note: format!("bound to {driver}"),
            prepare: None,
            command,
        });
    }
    if bind::is_bifurcated(function) {
        return Some(Way {
            path: CapturePath::Dpdk,
            note: format!("through {driver}, which keeps it"),
            prepare: None,
            command: format!("{command}{take_over}"),
        });
    }
    let candidates = bind::candidates(root, function);
    let best = candidates.first()?;
    let names: Vec<&str> = candidates.iter().map(|driver| driver.name()).collect();
    Some(Way {
        path: CapturePath::Dpdk,
        note: format!("by {}", names.join(" or ")),
        prepare: Some(format!(
            "sudo portreeve nic bind {address} --driver {best}{take_over}"
        )),
        command,
    })
}

/// Why no user-space driver could have it; `None`: one could, or none is needed.
pub(super) fn why_no_dpdk(root: &Root, function: &Function) -> Option<String> {
    let driver = function.driver.as_deref().unwrap_or_default();
    if UserDriver::is_one(driver)
        || bind::is_bifurcated(function)
        || !bind::candidates(root, function).is_empty()
    {
        return None;
    }
    let best = match function.iommu_group {
        Some(_) => UserDriver::VfioPci,
        None => UserDriver::UioPciGeneric,
    };
    Some(format!(
        "needs {best}: {}",
        modules::how_to_get(root, best.name())
    ))
}
