//! Handing a NIC to a user-space driver and giving it back.
//!
//! A PCI function has one driver at a time. The kernel is told by four files of sysfs which one:
//!
//! ```text
//! devices/ADDRESS/driver_override   the only driver that may have it
//! devices/ADDRESS/driver/unbind     the present one lets it go
//! drivers_probe                     whoever may have it takes it
//! drivers/NAME/bind                 that one takes it
//! ```
//!
//! [`bind`] checks all that can be known before the NIC is touched, remembers what had it, does that, and looks whether it came out as
//! wanted; if not, everything is put back. [`unbind`] restores what is remembered. A reboot undoes any binding, and what is remembered
//! with it: each record holds the boot that it belongs to.

mod check;
mod error;
mod memory;
mod swap;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use portreeve_interfaces::Interface;
use serde::Serialize;

pub use error::BindError;
pub use memory::{Record, Remembered, records};

use crate::pci::{self, Function, PciAddress};
use crate::{Root, modules};

/// A driver that leaves the NIC to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum UserDriver {
    /// VFIO: memory is protected by the IOMMU, and interrupts work on most NICs.
    #[serde(rename = "vfio-pci")]
    VfioPci,
    /// UIO, part of the kernel: no IOMMU needed, legacy interrupts only.
    #[serde(rename = "uio_pci_generic")]
    UioPciGeneric,
    /// UIO, a module of DPDK's: no IOMMU needed, one message-signalled interrupt.
    #[serde(rename = "igb_uio")]
    IgbUio,
}

impl UserDriver {
    /// All of them, the best first.
    pub const ALL: [UserDriver; 3] = [
        UserDriver::VfioPci,
        UserDriver::IgbUio,
        UserDriver::UioPciGeneric,
    ];

    /// Its name, which is its module's too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            UserDriver::VfioPci => "vfio-pci",
            UserDriver::UioPciGeneric => "uio_pci_generic",
            UserDriver::IgbUio => "igb_uio",
        }
    }

    /// Whether `driver` is one of them.
    #[must_use]
    pub fn is_one(driver: &str) -> bool {
        UserDriver::ALL.iter().any(|one| one.name() == driver)
    }
}

impl fmt::Display for UserDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for UserDriver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.replace('-', "_");
        UserDriver::ALL
            .into_iter()
            .find(|driver| driver.name().replace('-', "_") == plain)
            .ok_or_else(|| format!("\"{text}\" is none of vfio-pci, uio_pci_generic, igb_uio"))
    }
}

/// The machine that a NIC is in, as far as binding must know it.
#[derive(Clone, Debug)]
pub struct Host<'a> {
    /// Its files.
    pub root: &'a Root,
    /// The kernel's interfaces.
    pub interfaces: &'a [Interface],
    /// The address by which this terminal's SSH session came in.
    pub ssh: Option<IpAddr>,
}

/// What is to be bound, and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// PCI addresses or names of interfaces.
    pub targets: Vec<String>,
    /// To which driver; `None`: the best one there is.
    pub driver: Option<UserDriver>,
    /// Also if the interface is in use.
    pub take_over: bool,
    /// vfio-pci without an IOMMU: the NIC may then write anywhere in memory.
    pub no_iommu: bool,
}

/// A NIC that a user-space driver has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// Where it is.
    pub address: PciAddress,
    /// What its interfaces were called.
    pub interfaces: Vec<String>,
    /// The driver.
    pub driver: UserDriver,
    /// The driver before.
    pub previous: Option<String>,
    /// False: it had this driver already.
    pub changed: bool,
}

/// A NIC that its old driver has again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Where it is.
    pub address: PciAddress,
    /// The driver; `None`: it had none before either.
    pub driver: Option<String>,
    /// What its interfaces are called now.
    pub interfaces: Vec<String>,
    /// How they were before, if that is remembered: they come back down and without addresses.
    pub before: Vec<Remembered>,
    /// False: no user-space driver had it.
    pub changed: bool,
}

/// Binds the NICs to a user-space driver: all of them or none.
///
/// # Errors
/// Why not, and what to do about it. Nothing is changed then, or, if the kernel failed half-way, it was put back.
pub fn bind(host: &Host, request: &Request) -> Result<Vec<Bound>, BindError> {
    let root = host.root;
    let nics = check::resolve(host, &request.targets)?;
    let driver = match request.driver {
        Some(driver) => driver,
        None => auto(root, &nics),
    };
    check::may_be_bound(host, request, &nics, driver)?;
    swap::make_ready(root, driver, request.no_iommu)?;
    let mut done: Vec<Bound> = Vec::new();
    for nic in &nics {
        match swap::take(host, nic, driver) {
            Ok(bound) => done.push(bound),
            Err(error) => {
                // Those before it go back too: a pair of ports of which one is bound is of no use to anybody.
                for bound in done.iter().filter(|bound| bound.changed) {
                    let _ = swap::give_back(host, &bound.address);
                }
                return Err(error);
            }
        }
    }
    Ok(done)
}

/// Gives the NICs back to the drivers that had them.
///
/// # Errors
/// Why not, and what to do about it; those before the one that failed are restored.
pub fn unbind(host: &Host, targets: &[String]) -> Result<Vec<Restored>, BindError> {
    if !host.root.is_superuser() {
        return Err(BindError::NotRoot);
    }
    let nics = check::resolve(host, targets)?;
    for nic in &nics {
        check::is_released(host.root, nic)?;
    }
    nics.iter()
        .map(|nic| swap::give_back(host, &nic.address))
        .collect()
}

/// The driver that is best for these NICs: vfio-pci where there is an IOMMU, else what there is of UIO.
fn auto(root: &Root, nics: &[Function]) -> UserDriver {
    if nics.iter().all(|nic| nic.iommu_group.is_some()) {
        return UserDriver::VfioPci;
    }
    let there =
        |driver: &UserDriver| modules::presence(root, driver.name()) != modules::Presence::Missing;
    [UserDriver::IgbUio, UserDriver::UioPciGeneric]
        .into_iter()
        .find(there)
        .unwrap_or(UserDriver::UioPciGeneric)
}

/// The user-space drivers that could have this NIC as the machine is now, the best first.
#[must_use]
pub fn candidates(root: &Root, nic: &Function) -> Vec<UserDriver> {
    UserDriver::ALL
        .into_iter()
        .filter(|driver| modules::presence(root, driver.name()) != modules::Presence::Missing)
        .filter(|driver| match driver {
            UserDriver::VfioPci => nic.iommu_group.is_some(),
            UserDriver::IgbUio | UserDriver::UioPciGeneric => !check::is_translated(root, nic),
        })
        .collect()
}

/// Whether DPDK drives this NIC through the kernel's driver, which therefore keeps it.
#[must_use]
pub fn is_bifurcated(nic: &Function) -> bool {
    // NVIDIA's (mlx4, mlx5) and Microsoft's (mana).
    matches!(nic.vendor, 0x15b3 | 0x1414)
}

/// The PCI function of the interface of that name, if it is on PCI.
#[must_use]
pub fn function_of_interface(root: &Root, name: &str) -> Option<Function> {
    pci::functions(root)
        .into_iter()
        .find(|function| function.interfaces.iter().any(|i| i == name))
}
