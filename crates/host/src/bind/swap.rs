//! The exchange itself, with the way back.

use std::io;
use std::time::{Duration, Instant};

use crate::pci::{self, Function, PciAddress};
use crate::{Root, modules};

use super::{BindError, Bound, Host, Record, Restored, UserDriver, memory};

const DRIVERS: &str = "sys/bus/pci/drivers";
const PROBE: &str = "sys/bus/pci/drivers_probe";
const NO_IOMMU: &str = "sys/module/vfio/parameters/enable_unsafe_noiommu_mode";

/// How long a driver may take until its interface is there (firmware is loaded, udev renames it).
const INTERFACE_WAIT: Duration = Duration::from_secs(3);

fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> BindError {
    let what = what.into();
    |error| BindError::System { what, error }
}

/// Loads the driver.
pub(super) fn make_ready(root: &Root, driver: UserDriver, no_iommu: bool) -> Result<(), BindError> {
    let name = driver.name();
    if !modules::has_pci_driver(root, name) {
        modules::load(root, name).map_err(system(format!("load the module {name}")))?;
    }
    if driver == UserDriver::VfioPci && no_iommu && !pci::has_iommu(root) {
        if !root.exists(NO_IOMMU) {
            return Err(BindError::NoNoIommu);
        }
        root.write(NO_IOMMU, "1")
            .map_err(system("allow VFIO without an IOMMU"))?;
    }
    if driver == UserDriver::VfioPci && !root.exists("sys/module/vfio_iommu_type1") {
        // Without it the group opens and nothing can be mapped. Part of the kernel in some, loaded on demand in most.
        let _ = modules::load(root, "vfio_iommu_type1");
    }
    if !modules::has_pci_driver(root, name) {
        return Err(BindError::NoDriver {
            driver,
            hint: modules::how_to_get(root, name),
        });
    }
    Ok(())
}

/// Hands the NIC to `driver`.
pub(super) fn take(host: &Host, nic: &Function, driver: UserDriver) -> Result<Bound, BindError> {
    let root = host.root;
    let address = &nic.address;
    let known = memory::find(root, address).map_err(system("read what was bound before"))?;
    let previous = known
        .as_ref()
        .map_or(nic.driver.clone(), |r| r.driver.clone());
    let mut bound = Bound {
        address: address.clone(),
        interfaces: nic.interfaces.clone(),
        driver,
        previous,
        changed: false,
    };
    if nic.driver.as_deref() == Some(driver.name()) {
        return Ok(bound);
    }
    // Whoever else bound it knows what had it before; we do not, and ask the kernel when it is given back.
    let is_new = known.is_none() && !nic.driver.as_deref().is_some_and(UserDriver::is_one);
    if is_new {
        // Before anything is changed: whatever happens, there is a way back.
        let record = Record::of(root, nic, host.interfaces);
        memory::remember(root, record).map_err(system("remember the present driver"))?;
    }
    let noise = kernel_messages(root, address).len();
    match exchange(root, nic, driver.name()) {
        Ok(()) => {
            bound.changed = true;
            Ok(bound)
        }
        Err(error) => {
            let said = why(root, address, noise, &error);
            let now = put_back(root, nic);
            if is_new && now == nic.driver {
                let _ = memory::forget(root, address);
            }
            if error.kind() == io::ErrorKind::PermissionDenied {
                return Err(system(format!("exchange the driver of {address}"))(error));
            }
            Err(BindError::Refused {
                address: address.clone(),
                driver: driver.name().into(),
                said,
                now,
            })
        }
    }
}

/// Gives the NIC back to the driver that had it.
pub(super) fn give_back(host: &Host, address: &PciAddress) -> Result<Restored, BindError> {
    let root = host.root;
    let gone = || BindError::NoSuchNic {
        name: address.to_string(),
        known: Vec::new(),
    };
    let nic = pci::function(root, address).ok_or_else(gone)?;
    let record = memory::find(root, address).map_err(system("read what was bound before"))?;
    let has_user_driver = nic.driver.as_deref().is_some_and(UserDriver::is_one);
    let reserved = nic
        .driver_override
        .as_deref()
        .is_some_and(UserDriver::is_one);
    if record.is_none() && !has_user_driver && !reserved && nic.driver.is_some() {
        return Ok(Restored {
            address: address.clone(),
            driver: nic.driver,
            interfaces: nic.interfaces,
            before: Vec::new(),
            changed: false,
        });
    }
    let wanted = record.as_ref().and_then(|record| record.driver.clone());
    let module = match record {
        Some(_) => wanted.clone(),
        None => own_module(root, address),
    };
    if let Some(module) = &module
        && !modules::has_pci_driver(root, module)
    {
        // It may have been unloaded since; if that fails, so does the binding, which says why.
        let _ = modules::load(root, module);
    }
    let noise = kernel_messages(root, address).len();
    let back = Function {
        driver_override: record.as_ref().and_then(|r| r.driver_override.clone()),
        ..nic
    };
    let result = restore(root, &back, wanted.as_deref(), record.is_none());
    let now = pci::function(root, address).ok_or_else(gone)?;
    let as_before = match &wanted {
        Some(wanted) => now.driver.as_ref() == Some(wanted),
        None => {
            record.is_some()
                || now
                    .driver
                    .as_deref()
                    .is_some_and(|d| !UserDriver::is_one(d))
        }
    };
    if !as_before {
        let error = result
            .err()
            .unwrap_or_else(|| io::Error::other("the kernel gave no reason"));
        return Err(BindError::Refused {
            address: address.clone(),
            driver: wanted.unwrap_or_else(|| "the kernel's driver".into()),
            said: why(root, address, noise, &error),
            now: now.driver,
        });
    }
    memory::forget(root, address).map_err(system("forget the binding"))?;
    let before = record.map_or_else(Vec::new, |record| record.interfaces);
    Ok(Restored {
        address: address.clone(),
        driver: now.driver,
        interfaces: interfaces_now(root, address, before.len()),
        before,
        changed: true,
    })
}

/// One driver lets go, the other takes.
fn exchange(root: &Root, nic: &Function, driver: &str) -> io::Result<()> {
    let folder = nic.address.folder();
    let address = nic.address.as_str();
    root.write(format!("{folder}/driver_override"), driver)?;
    if nic.driver.is_some() {
        root.write(format!("{folder}/driver/unbind"), address)?;
    }
    let probed = root.write(PROBE, address);
    let took = || root.link_name(format!("{folder}/driver")).as_deref() == Some(driver);
    if took() {
        return Ok(());
    }
    // The bus may have found no driver where this one, asked by name, says why it will not.
    root.write(format!("{DRIVERS}/{driver}/bind"), address)?;
    if took() {
        return Ok(());
    }
    Err(probed
        .err()
        .unwrap_or_else(|| io::Error::other("the kernel gave no reason")))
}

/// After a failed exchange: the driver that had the NIC has it again. Returns the one that has it then.
fn put_back(root: &Root, nic: &Function) -> Option<String> {
    let _ = restore(root, nic, nic.driver.as_deref(), false);
    root.link_name(format!("{}/driver", nic.address.folder()))
}

/// Takes the NIC from whoever has it, lifts the reservation, and has `wanted` take it (`None` and `any`: whoever will).
fn restore(root: &Root, nic: &Function, wanted: Option<&str>, any: bool) -> io::Result<()> {
    let folder = nic.address.folder();
    let address = nic.address.as_str();
    let current = || root.link_name(format!("{folder}/driver"));
    // An empty line lifts it.
    let reservation = nic.driver_override.as_deref().unwrap_or("\n");
    root.write(format!("{folder}/driver_override"), reservation)?;
    if let Some(driver) = current() {
        if Some(driver.as_str()) == wanted {
            return Ok(());
        }
        root.write(format!("{folder}/driver/unbind"), address)?;
    }
    match wanted {
        Some(driver) => {
            let bound = root.write(format!("{DRIVERS}/{driver}/bind"), address);
            if current().is_none() {
                root.write(PROBE, address)?;
            }
            bound
        }
        None if any => root.write(PROBE, address),
        None => Ok(()),
    }
}

/// The module of the kernel's own driver for the function there.
fn own_module(root: &Root, address: &PciAddress) -> Option<String> {
    let alias = root.read(format!("{}/modalias", address.folder())).ok()?;
    modules::claiming(root, &alias).filter(|module| !UserDriver::is_one(module))
}

/// What the interfaces are called, once there are as many as before.
fn interfaces_now(root: &Root, address: &PciAddress, count: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        let now = pci::function(root, address).map_or_else(Vec::new, |nic| nic.interfaces);
        if now.len() >= count || start.elapsed() > INTERFACE_WAIT {
            return now;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What the kernel logged about the device.
fn kernel_messages(root: &Root, address: &PciAddress) -> Vec<String> {
    let Ok(ran) = root.run("dmesg", &[]) else {
        return Vec::new();
    };
    let lines = ran.text.lines();
    lines
        .filter(|line| line.contains(address.as_str()))
        .map(str::to_owned)
        .collect()
}

/// The error, and what the kernel has logged about it since.
fn why(root: &Root, address: &PciAddress, noise: usize, error: &io::Error) -> String {
    let messages = kernel_messages(root, address);
    match messages.get(noise..) {
        Some([.., last]) => format!("{error}; the kernel's log: {}", last.trim()),
        _ => error.to_string(),
    }
}
