//! All that can be known before a NIC is touched.

use crate::pci::{self, Function, PciAddress};
use crate::{Root, modules, usage};

use super::{BindError, Host, Request, UserDriver, function_of_interface, is_bifurcated, memory};

/// The NICs that are meant, each once.
pub(super) fn resolve(host: &Host, targets: &[String]) -> Result<Vec<Function>, BindError> {
    let mut nics: Vec<Function> = Vec::new();
    for target in targets {
        let nic = resolve_one(host, target)?;
        if !nics.iter().any(|other| other.address == nic.address) {
            nics.push(nic);
        }
    }
    Ok(nics)
}

fn resolve_one(host: &Host, target: &str) -> Result<Function, BindError> {
    let root = host.root;
    // As the inputs are named, so that one can be copied to the other.
    let name = target.strip_prefix("dpdk:").unwrap_or(target);
    if let Some(nic) = function_of_interface(root, name) {
        return nic_only(nic);
    }
    if let Some(interface) = host.interfaces.iter().find(|i| i.name == name) {
        let kind = interface.kind.as_ref().or(interface.driver.as_ref());
        return Err(BindError::NotPci {
            name: name.into(),
            kind: kind.map_or("no device behind it", |kind| kind).into(),
        });
    }
    if let Ok(address) = name.parse::<PciAddress>()
        && let Some(function) = pci::function(root, &address)
    {
        return nic_only(function);
    }
    // The name of an interface that went away with the binding.
    let bound = memory::records(root).unwrap_or_default();
    let record = bound
        .iter()
        .find(|record| record.interfaces.iter().any(|i| i.name == name));
    if let Some(function) = record
        .and_then(|record| record.address.parse().ok())
        .and_then(|address| pci::function(root, &address))
    {
        return Ok(function);
    }
    let known = pci::network_functions(root);
    let known = known.iter().map(|nic| match nic.interfaces.first() {
        Some(interface) => format!("{} ({interface})", nic.address),
        None => nic.address.to_string(),
    });
    Err(BindError::NoSuchNic {
        name: target.into(),
        known: known.collect(),
    })
}

fn nic_only(function: Function) -> Result<Function, BindError> {
    if function.is_network() {
        Ok(function)
    } else {
        Err(BindError::NotANic {
            address: function.address,
            class: function.class,
        })
    }
}

/// Whether all of them can go to `driver`.
pub(super) fn may_be_bound(
    host: &Host,
    request: &Request,
    nics: &[Function],
    driver: UserDriver,
) -> Result<(), BindError> {
    let root = host.root;
    for nic in nics {
        if is_bifurcated(nic) {
            let driver = nic.driver.clone();
            return Err(BindError::KernelDriverStays {
                address: nic.address.clone(),
                driver: driver.unwrap_or_else(|| "the kernel's driver".into()),
            });
        }
        if !request.take_over {
            is_free(host, nic)?;
        }
    }
    if modules::presence(root, driver.name()) == modules::Presence::Missing {
        return Err(BindError::NoDriver {
            driver,
            hint: modules::how_to_get(root, driver.name()),
        });
    }
    for nic in nics {
        match driver {
            UserDriver::VfioPci => is_viable(root, request, nic, nics)?,
            UserDriver::UioPciGeneric | UserDriver::IgbUio => {
                if is_translated(root, nic) {
                    return Err(BindError::Translated {
                        address: nic.address.clone(),
                        driver,
                    });
                }
                if is_locked_down(root) {
                    return Err(BindError::LockedDown { driver });
                }
            }
        }
    }
    // Last: what is wrong with the request is worth knowing before asking for the password.
    if !root.is_superuser() {
        return Err(BindError::NotRoot);
    }
    nics.iter().try_for_each(|nic| is_released(root, nic))
}

/// Whether the kernel's interfaces on it serve nobody.
fn is_free(host: &Host, nic: &Function) -> Result<(), BindError> {
    if let Some(driver) = &nic.driver {
        // Variants of vfio-pci are called mlx5_vfio_pci and so on.
        let is_idle = UserDriver::is_one(driver)
            || driver == "pci-stub"
            || driver.replace('-', "_").ends_with("vfio_pci");
        if nic.interfaces.is_empty() && !is_idle {
            return Err(BindError::Hidden {
                address: nic.address.clone(),
                driver: driver.clone(),
            });
        }
    }
    for interface in host.interfaces {
        if !nic.interfaces.contains(&interface.name) {
            continue;
        }
        let reasons = usage::reasons(interface, host.interfaces, host.ssh);
        if !reasons.is_empty() {
            return Err(BindError::InUse {
                address: nic.address.clone(),
                interface: interface.name.clone(),
                reasons,
            });
        }
    }
    Ok(())
}

/// Whether VFIO would hand out its group: nobody else in it has a driver of the kernel.
fn is_viable(
    root: &Root,
    request: &Request,
    nic: &Function,
    together: &[Function],
) -> Result<(), BindError> {
    let Some(group) = nic.iommu_group else {
        if request.no_iommu {
            return Ok(());
        }
        return Err(BindError::NoIommu {
            address: nic.address.clone(),
            others_have: pci::has_iommu(root),
        });
    };
    let hinder = |other: &Function| {
        !other.is_bridge()
            && !together.iter().any(|one| one.address == other.address)
            && other
                .driver
                .as_deref()
                .is_some_and(|driver| !matches!(driver, "vfio-pci" | "pci-stub" | "pcieport"))
    };
    let mut others = pci::group_members(root, group);
    others.retain(hinder);
    if others.is_empty() {
        return Ok(());
    }
    Err(BindError::GroupNotViable {
        address: nic.address.clone(),
        group,
        nics: others.iter().all(Function::is_network),
        others: others
            .into_iter()
            .map(|other| (other.address, other.driver.unwrap_or_default()))
            .collect(),
    })
}

/// Whether the IOMMU gives the device addresses of its own, which UIO knows nothing of.
pub(super) fn is_translated(root: &Root, nic: &Function) -> bool {
    let Some(group) = nic.iommu_group else {
        return false;
    };
    // `DMA` and `DMA-FQ` translate, `identity` (iommu=pt) does not. Kernels before 5.11 do not say.
    root.read(format!("sys/kernel/iommu_groups/{group}/type"))
        .is_ok_and(|kind| kind.starts_with("DMA"))
}

fn is_locked_down(root: &Root) -> bool {
    root.read("sys/kernel/security/lockdown")
        .is_ok_and(|text| text.contains("[integrity]") || text.contains("[confidentiality]"))
}

/// Whether no program has its device file open: VFIO would make us wait until that program ends.
pub(super) fn is_released(root: &Root, nic: &Function) -> Result<(), BindError> {
    let mut files: Vec<String> = root
        .names(format!("{}/uio", nic.address.folder()))
        .iter()
        .map(|name| format!("/dev/{name}"))
        .collect();
    if nic.driver.as_deref() == Some("vfio-pci")
        && let Some(group) = nic.iommu_group
    {
        files.push(format!("/dev/vfio/{group}"));
        files.push(format!("/dev/vfio/noiommu-{group}"));
    }
    if files.is_empty() {
        return Ok(());
    }
    for process in root.names("proc") {
        let Ok(number) = process.parse::<u32>() else {
            continue;
        };
        let folder = format!("proc/{process}/fd");
        let holds = root.names(&folder).iter().any(|descriptor| {
            std::fs::read_link(root.path(format!("{folder}/{descriptor}")))
                .is_ok_and(|target| files.iter().any(|file| target.as_os_str() == file.as_str()))
        });
        if holds {
            return Err(BindError::Held {
                address: nic.address.clone(),
                process: number,
                program: root
                    .read(format!("proc/{process}/comm"))
                    .unwrap_or_else(|_| "a program".into()),
            });
        }
    }
    Ok(())
}
