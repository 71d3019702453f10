//! What had a NIC before it was bound.

use std::io;

use portreeve_interfaces::Interface;
use serde::{Deserialize, Serialize};

use crate::pci::{Function, PciAddress};
use crate::{Root, state};

const NAME: &str = "nic-bindings";

/// How an interface was before its NIC was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its name.
    pub name: String,
    /// It was up.
    pub up: bool,
    /// Its MTU.
    pub mtu: u32,
    /// Its addresses, with their prefixes.
    pub addresses: Vec<String>,
}

/// A NIC that Portreeve bound to a user-space driver in the present boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where it is.
    pub address: String,
    /// The boot in which it was bound: with the next the binding is gone.
    pub boot: String,
    /// The driver that had it.
    pub driver: Option<String>,
    /// The driver that it was reserved for.
    pub driver_override: Option<String>,
    /// Its interfaces.
    pub interfaces: Vec<Remembered>,
}

impl Record {
    pub(super) fn of(root: &Root, nic: &Function, interfaces: &[Interface]) -> Record {
        let remember = |interface: &Interface| Remembered {
            name: interface.name.clone(),
            up: interface.up,
            mtu: interface.mtu,
            addresses: interface
                .addresses
                .iter()
                .map(ToString::to_string)
                .collect(),
        };
        Record {
            address: nic.address.to_string(),
            boot: root.boot_id(),
            driver: nic.driver.clone(),
            driver_override: nic.driver_override.clone(),
            interfaces: interfaces
                .iter()
                .filter(|interface| nic.interfaces.contains(&interface.name))
                .map(remember)
                .collect(),
        }
    }
}

/// What is remembered of the present boot.
///
/// # Errors
/// The file is there and cannot be read.
pub fn records(root: &Root) -> io::Result<Vec<Record>> {
    let mut records: Vec<Record> = state::load(root, NAME)?;
    let boot = root.boot_id();
    records.retain(|record| record.boot == boot);
    Ok(records)
}

/// The record of that NIC.
pub(super) fn find(root: &Root, address: &PciAddress) -> io::Result<Option<Record>> {
    let all = records(root)?;
    Ok(all.into_iter().find(|r| r.address == address.as_str()))
}

/// Remembers it, in place of what was remembered of the same NIC.
pub(super) fn remember(root: &Root, record: Record) -> io::Result<()> {
    let mut all = records(root)?;
    all.retain(|other| other.address != record.address);
    all.push(record);
    state::save(root, NAME, &all)
}

/// Forgets what is remembered of that NIC.
pub(super) fn forget(root: &Root, address: &PciAddress) -> io::Result<()> {
    let mut all = records(root)?;
    let before = all.len();
    all.retain(|other| other.address != address.as_str());
    if all.len() == before {
        return Ok(());
    }
    if all.is_empty() {
        return root.remove(state::file(NAME));
    }
    state::save(root, NAME, &all)
}
