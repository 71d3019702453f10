//! Interfaces: how they are named, and the list of them.

use std::fmt;
use std::str::FromStr;

use portreeve_capture::interfaces::{self, Interface};

use crate::exit::Failure;

/// How frames get from an interface to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapturePath {
    /// The fastest that is safe on that interface as it is set up now.
    Best,
    /// The kernel's packet socket.
    AfPacket,
    /// AF_XDP: the kernel's driver, around its stack.
    AfXdp,
    /// DPDK: around the kernel.
    Dpdk,
}

impl CapturePath {
    fn scheme(self) -> &'static str {
        match self {
            CapturePath::Best => "",
            CapturePath::AfPacket => "afpacket:",
            CapturePath::AfXdp => "afxdp:",
            CapturePath::Dpdk => "dpdk:",
        }
    }
}

/// An interface as `-i` names it: `eth0`, `afpacket:eth0`, `dpdk:0000:3b:00.0`, `dpdk:net_memif0,role=client`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceName {
    /// The capture path, if one was named.
    pub path: CapturePath,
    /// The system's name; for DPDK a PCI address or a virtual device with its arguments.
    pub name: String,
}

impl FromStr for InterfaceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // `eth0:1` is an alias of old: no scheme is before its colon.
        let (path, name) = match text.split_once(':') {
            Some(("afpacket", name)) => (CapturePath::AfPacket, name),
            Some(("afxdp", name)) => (CapturePath::AfXdp, name),
            Some(("dpdk", name)) => (CapturePath::Dpdk, name),
            _ => (CapturePath::Best, text),
        };
        if name.is_empty() {
            return Err("an interface has a name; portreeve -D lists them".into());
        }
        // IFNAMSIZ, netdevice(7): 16 bytes with the closing zero.
        if path != CapturePath::Dpdk && (name.len() > 15 || name.contains(['/', ' '])) {
            return Err(format!(
                "\"{name}\" cannot be an interface's name; portreeve -D lists them"
            ));
        }
        Ok(InterfaceName {
            path,
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path.scheme(), self.name)
    }
}

/// The interfaces that there are.
///
/// # Errors
/// The kernel refused to list them.
pub fn list() -> Result<Vec<Interface>, Failure> {
    interfaces::list()
        .map_err(|error| Failure::failed(format!("the interfaces cannot be listed: {error}")))
}

/// The list as `-D` prints it.
#[must_use]
pub fn table(interfaces: &[Interface]) -> String {
    let width = interfaces
        .iter()
        .map(|i| i.name.len())
        .max()
        .unwrap_or(0)
        .max(9);
    let mut text = format!("{:width$}  STATE    SPEED       ADDRESSES\n", "INTERFACE");
    for interface in interfaces {
        let state = match (interface.up, interface.running) {
            (true, true) => "up",
            (true, false) => "no link",
            (false, _) => "down",
        };
        let speed = match interface.speed {
            Some(speed) if speed % 1000 == 0 => format!("{} Gbit/s", speed / 1000),
            Some(speed) => format!("{speed} Mbit/s"),
            None => "-".into(),
        };
        let mut rest: Vec<String> = interface
            .addresses
            .iter()
            .map(|address| address.ip.to_string())
            .collect();
        if let Some(driver) = interface.driver.as_ref().or(interface.kind.as_ref()) {
            rest.push(format!("[{driver}]"));
        }
        if interface.default_route {
            rest.push("(default route)".into());
        }
        let line = format!(
            "{:width$}  {state:7}  {speed:10}  {}",
            interface.name,
            rest.join(" ")
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_their_path() {
        let name = |text: &str| text.parse::<InterfaceName>();
        assert_eq!(name("eth0").unwrap().name, "eth0");
        assert_eq!(name("afpacket:br-lan").unwrap().path, CapturePath::AfPacket);
        assert_eq!(name("afxdp:eth0").unwrap().path, CapturePath::AfXdp);
        let memif = "dpdk:net_memif0,socket=/run/portreeve/memif.sock";
        assert_eq!(name(memif).unwrap().to_string(), memif);
        assert_eq!(name("eth0:1").unwrap().name, "eth0:1");
        assert_eq!(name("dpdk:0000:3b:00.0").unwrap().name, "0000:3b:00.0");
        for wrong in ["", "afpacket:", "../etc", "a name", "morethanfifteenbytes"] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_loopback_interface_is_listed() {
        let interfaces = list().unwrap();
        assert!(interfaces.iter().any(|i| i.name == "lo"), "{interfaces:?}");
        let text = table(&interfaces);
        assert!(text.lines().any(|line| line.starts_with("lo ")), "{text}");
    }
}
