//! Interfaces: how they are named, and the list of them.

use std::fmt;
use std::str::FromStr;

use portreeve_capture::interfaces::{self, Interface};

use crate::exit::Failure;

/// An interface as `-i` names it: `eth0`, `afpacket:eth0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceName {
    /// The system's name.
    pub name: String,
    /// The capture path was named too, not left to Portreeve.
    pub path_named: bool,
}

impl FromStr for InterfaceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, name) = match text.split_once(':') {
            // `eth0:1` is an alias of old: no scheme is before its colon.
            Some((scheme @ ("afpacket" | "afxdp" | "dpdk"), name)) => (Some(scheme), name),
            _ => (None, text),
        };
        match scheme {
            Some("afxdp") => Err(format!(
                "this build cannot capture by AF_XDP; type afpacket:{name} or {name}"
            )),
            Some("dpdk") => Err(
                "this build cannot capture by DPDK; give an interface of the kernel (portreeve -D lists them)"
                    .into(),
            ),
            _ if name.is_empty() => Err("an interface has a name; portreeve -D lists them".into()),
            // IFNAMSIZ, netdevice(7): 16 bytes with the closing zero.
            _ if name.len() > 15 || name.contains(['/', ' ']) => {
                Err(format!("\"{name}\" cannot be an interface's name; portreeve -D lists them"))
            }
            _ => Ok(InterfaceName {
                name: name.to_owned(),
                path_named: scheme.is_some(),
            }),
        }
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.path_named { "afpacket:" } else { "" };
        write!(f, "{scheme}{}", self.name)
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
        assert!(name("afpacket:br-lan").unwrap().path_named);
        assert_eq!(name("eth0:1").unwrap().name, "eth0:1");
        assert!(name("afxdp:eth0").unwrap_err().contains("afpacket:eth0"));
        assert!(name("dpdk:0000:3b:00.0").unwrap_err().contains("DPDK"));
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
