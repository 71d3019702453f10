//! How a device is named: a PCI address, or a virtual device with its arguments.

use std::path::PathBuf;

use super::fault;
use crate::error::CaptureError;
use crate::file::FileSource;
use crate::source::{Fetch, Source};

/// The PCI vendor whose NIC is vmxnet3, as the kernel writes it.
const VMWARE: &str = "0x15ad";

/// What a memif's ring is made by, the logarithm to base 2 of its descriptors, where its arguments do not say.
const MEMIF_RSIZE: u32 = 10;
/// Where a memif's socket is, where its arguments do not say.
const MEMIF_SOCKET: &str = "/run/memif.sock";
/// No queue has more descriptors than this: the largest power of two in 16 bits.
const LONGEST_RING: u16 = 1 << 15;

/// A device as the user named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// A PCI device, by its full address: `0000:3b:00.0`.
    Pci(String),
    /// A virtual device: driver and number, then `key=value` arguments.
    Virtual {
        /// `net_memif0`
        name: String,
        /// `role=client,socket=/run/memif.sock`; empty if there are none.
        arguments: String,
    },
}

impl Device {
    /// Reads a name.
    ///
    /// # Errors
    /// It is neither a PCI address nor the name of a virtual network device.
    pub fn parse(text: &str) -> Result<Device, CaptureError> {
        if let Some(address) = pci_address(text) {
            return Ok(Device::Pci(address));
        }
        let (name, arguments) = text.split_once(',').unwrap_or((text, ""));
        let virtual_name = ["net_", "eth_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            && name.len() < 64;
        if !virtual_name {
            return Err(fault(
                text,
                "neither a PCI address (0000:3b:00.0) nor a virtual device (net_af_packet0,iface=eth0)",
                Some("portreeve nic list"),
            ));
        }
        if text
            .bytes()
            .any(|byte| byte.is_ascii_control() || byte == b' ')
        {
            return Err(fault(text, "a device's arguments have no spaces", None));
        }
        Ok(Device::Virtual {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        })
    }

    /// What libdpdk calls the device.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Device::Pci(address) => address,
            Device::Virtual { name, .. } => name,
        }
    }

    /// What the device is probed by.
    #[must_use]
    pub fn arguments(&self) -> String {
        match self {
            Device::Pci(address) => address.clone(),
            Device::Virtual { name, arguments } if arguments.is_empty() => name.clone(),
            Device::Virtual { name, arguments } => format!("{name},{arguments}"),
        }
    }

    /// The value of an argument of a virtual device.
    #[must_use]
    pub fn argument(&self, key: &str) -> Option<&str> {
        let Device::Virtual { arguments, .. } = self else {
            return None;
        };
        arguments
            .split(',')
            .filter_map(|argument| argument.split_once('='))
            .find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The kernel's interface that a virtual device stands on, if it stands on one.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        let standing = ["net_af_packet", "net_af_xdp", "net_pcap"];
        if !standing
            .iter()
            .any(|driver| self.name().starts_with(driver))
        {
            return None;
        }
        self.argument("iface").or_else(|| self.argument("rx_iface"))
    }

    /// Descriptors of a queue of a virtual device, where its arguments, and what its driver takes for those that are not given, are what decides. Such drivers do not tell,
    /// and what is asked for when a queue is set up makes no ring longer. A memif server's ring is its client's, so that both are to be given the same `rsize`.
    pub(super) fn ring(&self) -> Option<u16> {
        let (driver, default) = [
            ("net_memif", 1 << MEMIF_RSIZE),
            ("net_virtio_user", 256),
            ("net_af_packet", 512),
        ]
        .into_iter()
        .find(|(driver, _)| self.name().starts_with(driver))?;
        // What is no number, or is too large, the driver refuses.
        let given = |key| self.argument(key).and_then(|text| text.parse::<u32>().ok());
        let ring = match driver {
            "net_memif" => given("rsize").map(|log| 1u32.checked_shl(log).unwrap_or(0)),
            "net_virtio_user" => given("queue_size"),
            _ => given("framecnt"),
        };
        let ring = ring.unwrap_or(default);
        (ring > 0).then(|| u16::try_from(ring).unwrap_or(LONGEST_RING))
    }

    /// The socket that another process has to have made before the device starts: a memif client's.
    pub(super) fn server(&self) -> Option<&str> {
        let serves = ["server", "master"]
            .map(Some)
            .contains(&self.argument("role"));
        (self.name().starts_with("net_memif") && !serves)
            .then(|| self.argument("socket").unwrap_or(MEMIF_SOCKET))
    }

    /// Whether packet buffers are shared with another process, which can only have so many pieces of memory.
    #[must_use]
    pub(super) fn shares_memory(&self) -> bool {
        ["net_virtio_user", "net_vhost", "net_memif"]
            .iter()
            .any(|driver| self.name().starts_with(driver))
    }

    /// Buffers that the driver fills each descriptor of a queue with. VMware's has a second ring beside the first, for the rest of long frames, as long and as full;
    /// with too few buffers for both it hands out none at all.
    pub(super) fn buffers_per_descriptor(&self) -> u32 {
        let vendor = format!("/sys/bus/pci/devices/{}/vendor", self.name());
        let vendor = std::fs::read_to_string(vendor).unwrap_or_default();
        if vendor.trim() == VMWARE { 2 } else { 1 }
    }

    /// Buffers that the driver fills for good: a file that is lent over and over stands in buffers as a whole.
    pub(super) fn buffers_taken(&self) -> u32 {
        let over_and_over = self
            .argument("infinite_rx")
            .is_some_and(|value| value != "0");
        match self.argument("rx_pcap") {
            Some(path) if over_and_over => frames_of(PathBuf::from(path)),
            _ => 0,
        }
    }
}

/// How many frames a file has. What is wrong with it, its driver will say.
fn frames_of(path: PathBuf) -> u32 {
    let Ok(mut source) = FileSource::open([path]) else {
        return 0;
    };
    let mut frames = 0u32;
    while let Ok(Fetch::Frames(burst)) = source.next_burst() {
        frames = frames.saturating_add(burst.len() as u32);
    }
    frames
}

/// `3b:00.0` and `0000:3b:00.0`, in full and in lower case.
fn pci_address(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let (front, function) = text.rsplit_once('.')?;
    let parts: Vec<&str> = front.split(':').collect();
    let (domain, bus, slot) = match parts.as_slice() {
        [bus, slot] => ("0000", *bus, *slot),
        [domain, bus, slot] => (*domain, *bus, *slot),
        _ => return None,
    };
    let right = hex(domain, 4) && hex(bus, 2) && hex(slot, 2) && hex(function, 1);
    right.then(|| format!("{domain}:{bus}:{slot}.{function}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pci_addresses_with_and_without_their_domain() {
        let pci = |text: &str| Device::Pci(text.into());
        assert_eq!(Device::parse("0000:3b:00.0").unwrap(), pci("0000:3b:00.0"));
        assert_eq!(Device::parse("3B:00.1").unwrap(), pci("0000:3b:00.1"));
    }

    #[test]
    fn virtual_devices_with_and_without_arguments() {
        let device = Device::parse("net_af_packet0,iface=eth0,blocksz=65536").unwrap();
        assert_eq!(device.name(), "net_af_packet0");
        assert_eq!(device.argument("blocksz"), Some("65536"));
        assert_eq!(device.interface(), Some("eth0"));
        assert_eq!(
            device.arguments(),
            "net_af_packet0,iface=eth0,blocksz=65536"
        );
        let null = Device::parse("net_null0").unwrap();
        assert_eq!(
            (null.arguments().as_str(), null.interface()),
            ("net_null0", None)
        );
        // A tap's interface is the driver's own making.
        assert_eq!(
            Device::parse("net_tap0,iface=dtap0").unwrap().interface(),
            None
        );
    }

    #[test]
    fn rings_are_as_long_as_the_arguments_make_them() {
        let ring = |text: &str| Device::parse(text).unwrap().ring();
        assert_eq!(ring("net_memif0,role=client,rsize=14"), Some(16384));
        assert_eq!(ring("net_memif0"), Some(1024));
        assert_eq!(ring("net_memif0,rsize=40"), None);
        assert_eq!(ring("net_memif0,rsize=20"), Some(32768));
        assert_eq!(ring("net_virtio_user0,path=s"), Some(256));
        assert_eq!(ring("net_virtio_user0,path=s,queue_size=8192"), Some(8192));
        assert_eq!(ring("net_af_packet0,iface=eth0,framecnt=4096"), Some(4096));
        assert_eq!(ring("net_af_packet0,framecnt=100000"), Some(32768));
        // Its peer decides; a card is asked.
        assert_eq!(ring("net_vhost0,iface=s"), None);
        assert_eq!(ring("3b:00.0"), None);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for wrong in [
            "eth0",
            "0000:3b:00",
            "zz:00.0",
            "net_null0,size=60 -h",
            "net null",
            "--help",
            "crypto_null0",
        ] {
            assert!(Device::parse(wrong).is_err(), "{wrong}");
        }
    }
}
