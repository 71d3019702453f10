//! Why a NIC cannot be bound, and what to do about it.

use std::fmt;
use std::io;

use crate::pci::PciAddress;

use super::UserDriver;

/// Why a NIC could not be bound or given back. Each says what to type next.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// No interface and no PCI function is called so.
    NoSuchNic {
        /// The name given.
        name: String,
        /// NICs that there are.
        known: Vec<String>,
    },
    /// The interface is not on PCI.
    NotPci {
        /// Its name.
        name: String,
        /// Its kind or driver.
        kind: String,
    },
    /// The PCI function is no network controller.
    NotANic {
        /// Where it is.
        address: PciAddress,
        /// Its PCI class.
        class: u32,
    },
    /// Only root may.
    NotRoot,
    /// The interface is needed.
    InUse {
        /// Where the NIC is.
        address: PciAddress,
        /// The interface's name.
        interface: String,
        /// What it is needed for.
        reasons: Vec<String>,
    },
    /// A driver of the kernel has the NIC, and its interface is not to be seen here.
    Hidden {
        /// Where the NIC is.
        address: PciAddress,
        /// The driver.
        driver: String,
    },
    /// DPDK works through the kernel's driver, which keeps this NIC.
    KernelDriverStays {
        /// Where it is.
        address: PciAddress,
        /// The kernel's driver.
        driver: String,
    },
    /// The running kernel has no such driver.
    NoDriver {
        /// The driver.
        driver: UserDriver,
        /// How to get it.
        hint: String,
    },
    /// vfio-pci needs an IOMMU.
    NoIommu {
        /// Where the NIC is.
        address: PciAddress,
        /// The machine has an IOMMU in use, but not for this device.
        others_have: bool,
    },
    /// The kernel has no VFIO mode without an IOMMU.
    NoNoIommu,
    /// Others of the NIC's IOMMU group have drivers of the kernel.
    GroupNotViable {
        /// Where the NIC is.
        address: PciAddress,
        /// The group.
        group: u32,
        /// The others and their drivers.
        others: Vec<(PciAddress, String)>,
        /// Whether all the others are NICs, so that they can be bound too.
        nics: bool,
    },
    /// The IOMMU translates what the NIC addresses, which UIO cannot set up.
    Translated {
        /// Where the NIC is.
        address: PciAddress,
        /// The driver.
        driver: UserDriver,
    },
    /// The kernel is locked down (Secure Boot), and UIO is direct access to hardware.
    LockedDown {
        /// The driver.
        driver: UserDriver,
    },
    /// A program has the NIC open.
    Held {
        /// Where the NIC is.
        address: PciAddress,
        /// The process.
        process: u32,
        /// Its name.
        program: String,
    },
    /// The driver did not take the NIC.
    Refused {
        /// Where the NIC is.
        address: PciAddress,
        /// The driver.
        driver: String,
        /// What the kernel said.
        said: String,
        /// The driver that has it now, after it was put back.
        now: Option<String>,
    },
    /// The system refused something.
    System {
        /// What was to be done.
        what: String,
        /// What it said.
        error: io::Error,
    },
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::NoSuchNic { name, known } if known.is_empty() => {
                write!(f, "there is no NIC \"{name}\", and none on PCI at all")
            }
            BindError::NoSuchNic { name, known } => write!(
                f,
                "there is no NIC \"{name}\"; there are {} (portreeve nic list says more)",
                known.join(", ")
            ),
            BindError::NotPci { name, kind } => write!(
                f,
                "{name} ({kind}) is not on PCI and has no driver to exchange; it can be watched as it is: portreeve -i {name}"
            ),
            BindError::NotANic { address, class } => write!(
                f,
                "{address} is no network controller (PCI class {class:06x}) and stays as it is; portreeve nic list shows the NICs"
            ),
            BindError::NotRoot => f.write_str(
                "exchanging a NIC's driver takes root: type the same after sudo",
            ),
            BindError::InUse {
                address,
                interface,
                reasons,
            } => write!(
                f,
                "{interface} ({address}) is in use: it {}. Bound to a user-space driver it is gone from the kernel, and all that with it; if that is meant, add --take-over",
                reasons.join(", ")
            ),
            BindError::Hidden { address, driver } => write!(
                f,
                "{driver} has {address}, and there is no interface of it here: it may be at work in another network namespace (a container); if it may be taken from there, add --take-over"
            ),
            BindError::KernelDriverStays { address, driver } => write!(
                f,
                "{address} stays with {driver}: DPDK drives this NIC through the kernel's driver, nothing needs to be bound; watch it with portreeve -i dpdk:{address}"
            ),
            BindError::NoDriver { driver, hint } => {
                write!(f, "the running kernel has no driver {driver}: {hint}")
            }
            BindError::NoIommu {
                address,
                others_have: true,
            } => write!(
                f,
                "{address} is not behind the IOMMU that other devices are behind, and vfio-pci needs one; bind it to UIO: portreeve nic bind {address} --driver uio_pci_generic"
            ),
            BindError::NoIommu {
                address,
                others_have: false,
            } => write!(
                f,
                "vfio-pci needs an IOMMU, and none is in use for {address}. Switch it on in the firmware (VT-d, AMD-Vi) and boot with intel_iommu=on iommu=pt (Intel) or amd_iommu=on iommu=pt (AMD) on the kernel's command line; or bind to UIO, which needs none: portreeve nic bind {address} --driver uio_pci_generic. Last resort: --no-iommu, with which the NIC may write anywhere in memory"
            ),
            BindError::NoNoIommu => f.write_str(
                "this kernel has no VFIO without an IOMMU (CONFIG_VFIO_NOIOMMU; Debian's has not); use --driver uio_pci_generic",
            ),
            BindError::GroupNotViable {
                address,
                group,
                others,
                nics,
            } => {
                write!(
                    f,
                    "{address} shares IOMMU group {group} with "
                )?;
                for (i, (other, driver)) in others.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{other} ({driver})")?;
                }
                f.write_str(
                    ", and VFIO gives away whole groups only. ",
                )?;
                if *nics {
                    write!(f, "Bind them together: portreeve nic bind {address}")?;
                    for (other, _) in others {
                        write!(f, " {other}")?;
                    }
                    Ok(())
                } else {
                    f.write_str("Put the card into another slot, or bind to UIO with iommu=pt on the kernel's command line: --driver uio_pci_generic")
                }
            }
            BindError::Translated { address, driver } => write!(
                f,
                "the IOMMU translates what {address} addresses, and {driver} cannot tell it where our memory is: use --driver vfio-pci, or boot with iommu=pt on the kernel's command line"
            ),
            BindError::LockedDown { driver } => write!(
                f,
                "the kernel is locked down (Secure Boot), and {driver} is direct access to hardware: use --driver vfio-pci, or switch Secure Boot off in the firmware"
            ),
            BindError::Held {
                address,
                process,
                program,
            } => write!(
                f,
                "{program} (process {process}) has {address} open: end it first (kill {process})"
            ),
            BindError::Refused {
                address,
                driver,
                said,
                now,
            } => {
                write!(f, "{driver} did not take {address}: {said}. ")?;
                match now {
                    Some(now) => write!(f, "It was put back: {now} has it"),
                    None => write!(
                        f,
                        "No driver has it now; to try again: portreeve nic unbind {address}"
                    ),
                }
            }
            BindError::System { what, error }
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                write!(f, "not permitted to {what} ({error}): type the same after sudo; in a container /sys is often read-only")
            }
            BindError::System { what, error } => write!(f, "could not {what}: {error}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BindError::System { error, .. } => Some(error),
            _ => None,
        }
    }
}
