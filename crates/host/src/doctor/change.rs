//! Something that can be set, read back, and set as it was.

use std::fmt;
use std::io;

use portreeve_interfaces::Merging;
use serde::{Deserialize, Serialize};

use crate::Root;

use super::Driver;

/// A property of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    /// Generic receive offload: `on`, `off`.
    Gro,
    /// Large receive offload: `on`, `off`.
    Lro,
    /// Frames in a receive ring.
    ReceiveRing,
    /// MTU in bytes.
    Mtu,
    /// Key of the receive hash, bytes in hexadecimal with colons between them.
    HashKey,
}

/// Something that has a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// One of the kernel's files.
    File(String),
    /// A property of an interface.
    Interface {
        /// Its name.
        name: String,
        /// The property.
        knob: Knob,
    },
}

/// A setting, and the value that it shall have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub setting: Setting,
    /// How.
    pub value: String,
}

impl Change {
    /// The file `path` (without a leading slash) shall hold `value`.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike")]
    pub fn file(path: impl Into<String>, value: impl ToString) -> Change {
        Change {
            setting: Setting::File(path.into()),
            value: value.to_string(),
        }
    }

    /// The property of the interface shall be `value`.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike")]
    pub fn interface(name: impl Into<String>, knob: Knob, value: impl ToString) -> Change {
        Change {
            setting: Setting::Interface {
                name: name.into(),
                knob,
            },
            value: value.to_string(),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::File(path) => write!(f, "/{path}"),
            Setting::Interface { name, knob } => {
                let knob = match knob {
                    Knob::Gro => "GRO",
                    Knob::Lro => "LRO",
                    Knob::ReceiveRing => "receive ring",
                    Knob::Mtu => "MTU",
                    Knob::HashKey => "receive hash key",
                };
                write!(f, "{name}: {knob}")
            }
        }
    }
}

impl Setting {
    /// Whether a link may go down for a moment while it is set.
    #[must_use]
    pub fn is_disruptive(&self) -> bool {
        matches!(
            self,
            Setting::Interface {
                knob: Knob::ReceiveRing | Knob::Mtu | Knob::HashKey,
                ..
            }
        )
    }

    /// The value it has.
    ///
    /// # Errors
    /// It is not there, or its driver does not say.
    pub fn read(&self, root: &Root, driver: &dyn Driver) -> io::Result<String> {
        let on_off = |on: bool| if on { "on" } else { "off" }.to_owned();
        match self {
            Setting::File(path) => {
                let text = root.read(path)?;
                // Where the kernel lists all choices, the one in force is in brackets.
                let chosen = text
                    .split_whitespace()
                    .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
                Ok(chosen.map_or_else(|| text.clone(), str::to_owned))
            }
            Setting::Interface { name, knob } => Ok(match knob {
                Knob::Gro => on_off(driver.merging(name, Merging::Gro)?),
                Knob::Lro => on_off(driver.merging(name, Merging::Lro)?),
                Knob::ReceiveRing => driver.rings(name)?.rx.to_string(),
                Knob::Mtu => driver.mtu(name)?.to_string(),
                Knob::HashKey => format_key(&driver.receive_hash(name)?.key),
            }),
        }
    }

    /// Gives it a value.
    ///
    /// # Errors
    /// It is not there, or whoever has it will not.
    pub fn write(&self, root: &Root, driver: &dyn Driver, value: &str) -> io::Result<()> {
        let number = || value.parse::<u32>().map_err(io::Error::other);
        match self {
            Setting::File(path) => root.write(path, &format!("{value}\n")),
            Setting::Interface { name, knob } => match knob {
                Knob::Gro => driver.set_merging(name, Merging::Gro, value == "on"),
                Knob::Lro => driver.set_merging(name, Merging::Lro, value == "on"),
                Knob::ReceiveRing => driver.set_receive_ring(name, number()?),
                Knob::Mtu => driver.set_mtu(name, number()?),
                Knob::HashKey => {
                    let key = parse_key(value)
                        .ok_or_else(|| io::Error::other("this is no key in hexadecimal"))?;
                    driver.set_hash_key(name, &key)
                }
            },
        }
    }
}

/// As ethtool(8) writes it.
pub(super) fn format_key(key: &[u8]) -> String {
    let bytes: Vec<String> = key.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

fn parse_key(text: &str) -> Option<Vec<u8>> {
    text.split(':')
        .map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_ethtool_does() {
        let key = [0x6d, 0x5a, 0x00, 0xff];
        assert_eq!(format_key(&key), "6d:5a:00:ff");
        assert_eq!(parse_key("6d:5a:00:ff").as_deref(), Some(&key[..]));
        assert_eq!(parse_key("6d:5"), Some(vec![0x6d, 0x05]));
        assert_eq!(parse_key("6d:xy"), None);
    }
}
