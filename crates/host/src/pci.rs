//! The functions on the PCI bus, and which of them are NICs.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::Root;

const DEVICES: &str = "sys/bus/pci/devices";

/// Where a function is on the bus: `0000:3b:00.0` (domain, bus, device, function).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PciAddress(String);

impl PciAddress {
    /// As the kernel writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its folder below the root.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("{DEVICES}/{}", self.0)
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PciAddress {
    type Err = String;

    /// With or without the domain, which is then 0: `3b:00.0`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no PCI address; they look like 0000:3b:00.0");
        let full = match text.matches(':').count() {
            1 => format!("0000:{text}"),
            _ => text.to_owned(),
        };
        let parts: Vec<&str> = full.split([':', '.']).collect();
        let [domain, bus, device, function] = parts[..] else {
            return Err(wrong());
        };
        let number = |part: &str, digits: std::ops::RangeInclusive<usize>| {
            digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        // Domains behind a VMD controller have five digits or more.
        let sound = number(domain, 4..=8)
            && number(bus, 2..=2)
            && number(device, 2..=2)
            && number(function, 1..=1)
            && full.rfind(':') < full.find('.');
        if !sound {
            return Err(wrong());
        }
        Ok(PciAddress(full.to_ascii_lowercase()))
    }
}

/// A function of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Function {
    /// Where it is.
    pub address: PciAddress,
    /// What it is: base class, subclass, interface (`0x020000`: Ethernet).
    pub class: u32,
    /// The vendor's number.
    pub vendor: u16,
    /// The vendor's number for the device.
    pub device: u16,
    /// The driver it is bound to.
    pub driver: Option<String>,
    /// The only driver that may have it, if somebody said so.
    pub driver_override: Option<String>,
    /// The IOMMU group it is in, if there is an IOMMU.
    pub iommu_group: Option<u32>,
    /// The NUMA node it is attached to.
    pub node: Option<usize>,
    /// The kernel's interfaces on it: none if its driver is in user space, seldom more than one.
    pub interfaces: Vec<String>,
    /// It is a virtual function (SR-IOV) of another one.
    pub virtual_function: bool,
}

impl Function {
    /// Whether it is a network controller.
    #[must_use]
    pub fn is_network(&self) -> bool {
        self.class >> 16 == 0x02
    }

    /// Whether it is a bridge: those have the kernel's driver and do not hinder their group.
    #[must_use]
    pub fn is_bridge(&self) -> bool {
        self.class >> 16 == 0x06
    }

    /// Vendor and device by name, or by number.
    #[must_use]
    pub fn name(&self) -> String {
        match (
            vendor_name(self.vendor),
            device_name(self.vendor, self.device),
        ) {
            (Some(vendor), Some(device)) => format!("{vendor} {device}"),
            (Some(vendor), None) => format!("{vendor} {:04x}", self.device),
            (None, _) => format!("{:04x}:{:04x}", self.vendor, self.device),
        }
    }
}

/// The function at that address.
#[must_use]
pub fn function(root: &Root, address: &PciAddress) -> Option<Function> {
    let folder = address.folder();
    let identity = |file: &str| root.hexadecimal(format!("{folder}/{file}"));
    let driver_override = root
        .read(format!("{folder}/driver_override"))
        .ok()
        .filter(|text| !text.is_empty() && text != "(null)");
    // A virtio interface belongs to the virtio device on the function.
    let mut interfaces = root.names(format!("{folder}/net"));
    for name in root.names(&folder) {
        if name.starts_with("virtio") {
            interfaces.extend(root.names(format!("{folder}/{name}/net")));
        }
    }
    Some(Function {
        class: identity("class")?,
        vendor: u16::try_from(identity("vendor")?).ok()?,
        device: u16::try_from(identity("device")?).ok()?,
        driver: root.link_name(format!("{folder}/driver")),
        driver_override,
        iommu_group: root
            .link_name(format!("{folder}/iommu_group"))
            .and_then(|group| group.parse().ok()),
        node: root.number(format!("{folder}/numa_node")),
        interfaces,
        virtual_function: root.exists(format!("{folder}/physfn")),
        address: address.clone(),
    })
}

/// Every function on the bus, by address.
#[must_use]
pub fn functions(root: &Root) -> Vec<Function> {
    root.names(DEVICES)
        .iter()
        .filter_map(|name| function(root, &name.parse().ok()?))
        .collect()
}

/// Every network controller on the bus, by address.
#[must_use]
pub fn network_functions(root: &Root) -> Vec<Function> {
    let mut functions = functions(root);
    functions.retain(Function::is_network);
    functions
}

/// The functions of an IOMMU group.
#[must_use]
pub fn group_members(root: &Root, group: u32) -> Vec<Function> {
    root.names(format!("sys/kernel/iommu_groups/{group}/devices"))
        .iter()
        .filter_map(|name| function(root, &name.parse().ok()?))
        .collect()
}

/// Whether the machine has an IOMMU that is in use.
#[must_use]
pub fn has_iommu(root: &Root) -> bool {
    !root.names("sys/kernel/iommu_groups").is_empty()
}

fn vendor_name(vendor: u16) -> Option<&'static str> {
    Some(match vendor {
        0x1022 => "AMD",
        0x1077 => "Marvell QLogic",
        0x10ec => "Realtek",
        0x1137 => "Cisco",
        0x1414 => "Microsoft",
        0x1425 => "Chelsio",
        0x14e4 => "Broadcom",
        0x15ad => "VMware",
        0x15b3 => "NVIDIA",
        0x177d => "Marvell Cavium",
        0x1924 => "AMD Solarflare",
        0x19e5 => "Huawei",
        0x1ae0 => "Google",
        0x1af4 => "Red Hat",
        0x1d0f => "Amazon",
        0x1dd8 => "AMD Pensando",
        0x8086 => "Intel",
        _ => return None,
    })
}

/// Those that a monitor is likely to meet, after the PCI ID repository.
fn device_name(vendor: u16, device: u16) -> Option<&'static str> {
    Some(match (vendor, device) {
        (0x14e4, 0x16d7) => "BCM57414",
        (0x14e4, 0x16d8) => "BCM57416",
        (0x15ad, 0x07b0) => "vmxnet3",
        (0x15b3, 0x1013) => "ConnectX-4",
        (0x15b3, 0x1015) => "ConnectX-4 Lx",
        (0x15b3, 0x1017) => "ConnectX-5",
        (0x15b3, 0x1019) => "ConnectX-5 Ex",
        (0x15b3, 0x101b) => "ConnectX-6",
        (0x15b3, 0x101d) => "ConnectX-6 Dx",
        (0x15b3, 0x101f) => "ConnectX-6 Lx",
        (0x15b3, 0x1021) => "ConnectX-7",
        (0x1ae0, 0x0042) => "gVNIC",
        (0x1af4, 0x1000 | 0x1041) => "virtio-net",
        (0x1d0f, 0xec20) => "ENA",
        (0x8086, 0x100e | 0x100f) => "82540EM",
        (0x8086, 0x10c9) => "82576",
        (0x8086, 0x10d3) => "82574L",
        (0x8086, 0x10fb) => "82599",
        (0x8086, 0x125b..=0x125d) => "I226",
        (0x8086, 0x1521) => "I350",
        (0x8086, 0x1528) => "X540",
        (0x8086, 0x1533) => "I210",
        (0x8086, 0x1563) => "X550",
        (0x8086, 0x1572) => "X710",
        (0x8086, 0x1583) => "XL710",
        (0x8086, 0x158b) => "XXV710",
        (0x8086, 0x1592 | 0x1593) => "E810-C",
        (0x8086, 0x159b) => "E810-XXV",
        (0x8086, 0x15f2 | 0x15f3) => "I225",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_the_kernel_writes() {
        let parse = |text: &str| text.parse::<PciAddress>().map(|a| a.to_string());
        assert_eq!(parse("3b:00.0").as_deref(), Ok("0000:3b:00.0"));
        assert_eq!(parse("0000:3B:1f.7").as_deref(), Ok("0000:3b:1f.7"));
        assert_eq!(parse("10000:01:00.0").as_deref(), Ok("10000:01:00.0"));
        for wrong in [
            "",
            "eth0",
            "3b:00",
            "3b:0.0",
            "0000:3b.00:0",
            "0:3b:00.0",
            "0000:3g:00.0",
            "../../x:00.0",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
