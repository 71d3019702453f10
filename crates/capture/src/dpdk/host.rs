//! What of the host's set-up would keep a port from opening, found before libdpdk is asked: its own answers seldom name the cause.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::config::{DEFAULT_DESCRIPTORS, DpdkConfig};
use super::device::Device;
use super::{fault, pool};
use crate::error::CaptureError;
use crate::interfaces;

/// What EAL and the drivers take besides packet buffers, in bytes.
const OWN_NEED: u64 = 24 << 20;

/// Kernel drivers that hand a device to user space.
const USER_SPACE: [&str; 3] = ["vfio-pci", "uio_pci_generic", "igb_uio"];
/// Kernel drivers that keep their device while libdpdk uses it too.
const SHARED: [&str; 3] = ["mlx5_core", "mlx4_core", "mana"];

/// Where EAL's memory comes from.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// From pages of 4 KiB.
    pub(super) without_huge_pages: bool,
    /// MiB to be taken at the start. `None`: as it is needed.
    pub(super) preallocate: Option<u32>,
    /// What that costs, and what to type.
    pub(super) warning: Option<String>,
}

const HUGE_PAGES: &str = "/sys/kernel/mm/hugepages";

/// The command that makes the reserve of huge pages large enough for so many bytes more than are free.
pub(super) fn reserve_line(bytes: u64) -> String {
    let reserved = fs::read_to_string(Path::new(HUGE_PAGES).join("hugepages-2048kB/nr_hugepages"));
    let reserved: u64 = reserved
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let missing = bytes.saturating_sub(free_huge_pages(Path::new(HUGE_PAGES)));
    format!(
        "sudo portreeve nic hugepages 2MiB={}",
        reserved + missing.div_ceil(2 << 20)
    )
}

/// Decides where memory comes from.
pub(super) fn memory(
    config: &DpdkConfig,
    devices: &[Device],
    workers: usize,
) -> Result<Memory, CaptureError> {
    let given = |name: &str| config.extra.iter().any(|word| word == name);
    if given("--no-huge") {
        return Ok(Memory {
            without_huge_pages: true,
            preallocate: config.memory,
            warning: None,
        });
    }
    let buffers: u64 = devices
        .iter()
        .map(|device| {
            let asked = device.ring().or(config.descriptors);
            let descriptors = asked.unwrap_or(DEFAULT_DESCRIPTORS);
            workers as u64 * u64::from(pool::buffers(config, descriptors, device))
        })
        .sum();
    let need = (pool::bytes(buffers) + OWN_NEED).max(u64::from(config.memory.unwrap_or(0)) << 20);
    let free = free_huge_pages(Path::new(HUGE_PAGES));
    if free >= need {
        return Ok(Memory {
            preallocate: config.memory,
            ..Memory::default()
        });
    }
    let first = devices.first().map_or("", Device::name);
    let (need_mb, free_mb) = (need.div_ceil(1 << 20), free >> 20);
    let what = match free_mb {
        0 => format!("needs {need_mb} MiB of huge pages, and none are free"),
        _ => format!(
            "needs {need_mb} MiB of huge pages for {buffers} packet buffers, and {free_mb} MiB are free"
        ),
    };
    let all_virtual = devices
        .iter()
        .all(|device| matches!(device, Device::Virtual { .. }));
    if free_mb == 0 && all_virtual && config.may_do_without_huge_pages {
        return Ok(Memory {
            without_huge_pages: true,
            preallocate: Some(u32::try_from(need_mb + need_mb / 8).unwrap_or(u32::MAX)),
            warning: Some(format!(
                "{first}: {what}: packet buffers are on pages of 4 KiB, which costs a good part of the rate; to reserve huge pages, run: {}",
                reserve_line(need)
            )),
        });
    }
    let smaller = if free_mb > 0 {
        ", or fewer with --set dpdk.descriptors=…"
    } else {
        ""
    };
    Err(fault(
        first,
        what,
        Some(&format!("{}{smaller}", reserve_line(need))),
    ))
}

/// Bytes of huge pages, of all sizes, that nobody has taken.
fn free_huge_pages(root: &Path) -> u64 {
    let Ok(sizes) = fs::read_dir(root) else {
        return 0;
    };
    sizes
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let kilobytes: u64 = name
                .strip_prefix("hugepages-")?
                .strip_suffix("kB")?
                .parse()
                .ok()?;
            let number = |file: &str| -> Option<u64> {
                fs::read_to_string(entry.path().join(file))
                    .ok()?
                    .trim()
                    .parse()
                    .ok()
            };
            // What is reserved for a mapping is still counted as free.
            let free =
                number("free_hugepages")?.saturating_sub(number("resv_hugepages").unwrap_or(0));
            Some(free * kilobytes * 1024)
        })
        .sum()
}

/// Looks whether a device can be opened.
pub(super) fn check(device: &Device, take_over: bool) -> Result<(), CaptureError> {
    match device {
        Device::Pci(address) => check_pci(Path::new("/sys/bus/pci"), address, take_over),
        Device::Virtual { .. } => match device.interface() {
            Some(interface) => interfaces::find(interface).map(|_| ()),
            None => check_file(device),
        },
    }
}

fn check_file(device: &Device) -> Result<(), CaptureError> {
    match device.argument("rx_pcap") {
        Some(path) => match fs::File::open(path) {
            Ok(_) => Ok(()),
            Err(error) => Err(CaptureError::File {
                path: path.into(),
                error,
            }),
        },
        None => check_socket(device),
    }
}

/// The folder of the socket that a device is to listen on or connect to: some drivers only wait for ever if it is missing.
fn check_socket(device: &Device) -> Result<(), CaptureError> {
    let name = device.name();
    let path = if name.starts_with("net_memif") && device.argument("socket-abstract") == Some("no")
    {
        device.argument("socket")
    } else if name.starts_with("net_vhost") {
        device.argument("iface")
    } else if name.starts_with("net_virtio_user") {
        device.argument("path")
    } else {
        None
    };
    let Some(folder) = path.and_then(|path| Path::new(path).parent()) else {
        return Ok(());
    };
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let shown = folder.display();
    Err(fault(
        name,
        format!("{shown}, where its socket is to be, is no folder"),
        Some(&format!("sudo mkdir -p {shown}")),
    ))
}

fn check_pci(bus: &Path, address: &str, take_over: bool) -> Result<(), CaptureError> {
    let folder = bus.join("devices").join(address);
    if !folder.exists() {
        let known = network_devices(bus).join(", ");
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known
        };
        return Err(fault(
            address,
            format!("there is no such PCI device; network devices: {known}"),
            Some("portreeve nic list"),
        ));
    }
    let bind = format!("sudo portreeve nic bind {address}");
    let Some(driver) = link_name(&folder.join("driver")) else {
        return Err(fault(
            address,
            "no driver is bound to the device",
            Some(&bind),
        ));
    };
    if SHARED.contains(&driver.as_str()) {
        return if take_over {
            Ok(())
        } else {
            refuse_own_traffic(&folder, address)
        };
    }
    if !USER_SPACE.contains(&driver.as_str()) {
        if !take_over {
            refuse_own_traffic(&folder, address)?;
        }
        return Err(fault(
            address,
            format!("the device is bound to the kernel's driver {driver}"),
            Some(&bind),
        ));
    }
    let Some(node) = device_node(&folder, &driver) else {
        return Ok(());
    };
    check_access(address, &node)
}

/// A device that the host itself talks through is not taken from it.
fn refuse_own_traffic(folder: &Path, address: &str) -> Result<(), CaptureError> {
    let Ok(names) = fs::read_dir(folder.join("net")) else {
        return Ok(());
    };
    let names: Vec<String> = names
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let all = interfaces::list().unwrap_or_default();
    for interface in all
        .iter()
        .filter(|interface| names.contains(&interface.name))
    {
        let carries = match (interface.default_route, interface.addresses.first()) {
            (true, _) => "the default route".to_owned(),
            (false, Some(first)) => format!("the address {first}"),
            (false, None) => continue,
        };
        return Err(fault(
            address,
            format!(
                "the device is the host's own interface {}, which carries {carries}: capturing would take the host's traffic away",
                interface.name
            ),
            Some("the same with --take-over, if that is what you want"),
        ));
    }
    Ok(())
}

/// What has to be opened: the group's file for VFIO, the device's own for UIO.
fn device_node(folder: &Path, driver: &str) -> Option<PathBuf> {
    if driver == "vfio-pci" {
        return Some(Path::new("/dev/vfio").join(link_name(&folder.join("iommu_group"))?));
    }
    let mut entries = fs::read_dir(folder.join("uio")).ok()?.flatten();
    Some(Path::new("/dev").join(entries.next()?.file_name()))
}

fn check_access(address: &str, node: &Path) -> Result<(), CaptureError> {
    let Ok(path) = CString::new(node.as_os_str().as_bytes()) else {
        return Ok(());
    };
    // SAFETY: the path ends with a zero byte and is there for the call.
    let descriptor = unsafe { libc::open(path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
    if descriptor >= 0 {
        // SAFETY: the descriptor was opened above and nobody else has it.
        unsafe { libc::close(descriptor) };
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    let shown = node.display();
    match error.raw_os_error() {
        Some(libc::EBUSY) => Err(fault(
            address,
            format!("{shown} is in use: another process drives the device"),
            Some(&format!("sudo fuser -v {shown}")),
        )),
        Some(libc::EACCES | libc::EPERM) => Err(fault(
            address,
            format!("{shown}: {error}"),
            Some(&format!("sudo chown \"$USER\" {shown}, or start with sudo")),
        )),
        Some(libc::ENOENT) => Err(fault(
            address,
            format!("{shown} is missing"),
            Some("sudo modprobe vfio-pci"),
        )),
        _ => Err(fault(
            address,
            format!("{shown}: {error}"),
            Some("portreeve doctor"),
        )),
    }
}

fn network_devices(bus: &Path) -> Vec<String> {
    let Ok(devices) = fs::read_dir(bus.join("devices")) else {
        return Vec::new();
    };
    let mut names: Vec<String> = devices
        .flatten()
        .filter(|entry| {
            fs::read_to_string(entry.path().join("class"))
                .is_ok_and(|class| class.starts_with("0x02"))
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn link_name(link: &Path) -> Option<String> {
    fs::read_link(link)
        .ok()?
        .file_name()?
        .to_str()
        .map(str::to_owned)
}
