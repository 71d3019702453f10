//! Everything on this machine that costs packets, why, and the way to change it and back.
//!
//! [`Examination::new`] gathers what is to be looked at, [`examine`] runs every check, [`repair::fix`] changes what costs packets
//! and remembers how it was, [`repair::undo`] restores it. A check is one function in one small file below `checks/`; it says what was
//! found with its numbers, why it matters, the command that changes it, and, where a machine can do that, the same as a [`Change`].

mod change;
mod checks;
mod driver;
mod finding;
pub mod repair;

use std::net::IpAddr;

use portreeve_interfaces::{Channels, Interface, Rings};

pub use change::{Change, Knob, Setting};
pub use checks::{CHECKS, examine};
pub use driver::Driver;
pub use finding::{Finding, Severity};

use crate::cpus::Topology;
use crate::pci::{self, Function};
use crate::{Root, bind, usage};

/// A NIC that is to be watched.
#[derive(Clone, Debug)]
pub struct Target {
    /// The kernel's interface, unless a user-space driver has the NIC.
    pub interface: Option<Interface>,
    /// Its function on the PCI bus, if it is there.
    pub function: Option<Function>,
    /// What the interface is needed for.
    pub used_for: Vec<String>,
    /// Its rings, if the driver says.
    pub rings: Option<Rings>,
    /// Its queues, if the driver says.
    pub channels: Option<Channels>,
    /// It was asked for by name.
    pub named: bool,
}

impl Target {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        match (&self.interface, &self.function) {
            (Some(interface), _) => interface.name.clone(),
            (None, Some(function)) => function.address.to_string(),
            (None, None) => String::new(),
        }
    }

    /// Its NUMA node.
    #[must_use]
    pub fn node(&self) -> Option<usize> {
        self.function.as_ref()?.node
    }

    /// The frames of minimal size that its link can bring in a second, if its speed is known.
    #[must_use]
    pub fn line_rate(&self) -> Option<f64> {
        // 64 bytes and the preamble and gap around them, in bits.
        const FRAME: f64 = 84.0 * 8.0;
        let speed = self.interface.as_ref()?.speed?;
        Some(f64::from(speed) * 1e6 / FRAME)
    }

    /// The microseconds of line rate that `frames` in a ring absorb.
    #[must_use]
    pub fn absorbs(&self, frames: u32) -> Option<f64> {
        Some(f64::from(frames) * 1e6 / self.line_rate()?)
    }
}

/// What is looked at.
pub struct Examination<'a> {
    /// The machine's files.
    pub root: &'a Root,
    /// The drivers of its interfaces.
    pub driver: &'a dyn Driver,
    /// Its cores.
    pub topology: Topology,
    /// The NICs to be watched.
    pub targets: Vec<Target>,
}

/// No interface and no NIC is called so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchTarget(pub String);

impl std::fmt::Display for NoSuchTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "there is no interface and no NIC \"{}\"; portreeve nic list shows them",
            self.0
        )
    }
}

impl std::error::Error for NoSuchTarget {}

impl<'a> Examination<'a> {
    /// Of the interfaces or PCI addresses that are named; with none named, of every NIC that is up or that a user-space driver has.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn new(
        root: &'a Root,
        driver: &'a dyn Driver,
        interfaces: &[Interface],
        ssh: Option<IpAddr>,
        names: &[String],
    ) -> Result<Examination<'a>, NoSuchTarget> {
        let functions = pci::network_functions(root);
        let of = |interface: Option<&Interface>, function: Option<&Function>, named: bool| {
            let name = interface.map(|i| i.name.as_str());
            Target {
                used_for: interface.map_or_else(Vec::new, |i| usage::reasons(i, interfaces, ssh)),
                rings: name.and_then(|name| driver.rings(name).ok()),
                channels: name.and_then(|name| driver.channels(name).ok()),
                interface: interface.cloned(),
                function: function.cloned(),
                named,
            }
        };
        let on = |name: &str| {
            functions
                .iter()
                .find(|f| f.interfaces.iter().any(|i| i == name))
        };
        let mut targets = Vec::new();
        for name in names {
            let plain = name
                .split_once(':')
                .map_or(name.as_str(), |(scheme, rest)| match scheme {
                    "afpacket" | "afxdp" | "dpdk" => rest,
                    _ => name.as_str(),
                });
            if let Some(interface) = interfaces.iter().find(|i| i.name == plain) {
                targets.push(of(Some(interface), on(plain), true));
                continue;
            }
            let function = plain
                .parse()
                .ok()
                .and_then(|address| functions.iter().find(|f| f.address == address))
                .ok_or_else(|| NoSuchTarget(name.clone()))?;
            let interface = interfaces
                .iter()
                .find(|i| function.interfaces.contains(&i.name));
            targets.push(of(interface, Some(function), true));
        }
        if names.is_empty() {
            let up = interfaces.iter().filter(|i| i.physical && i.up);
            targets.extend(up.map(|interface| of(Some(interface), on(&interface.name), false)));
            let bound = functions.iter().filter(|function| {
                function
                    .driver
                    .as_deref()
                    .is_some_and(bind::UserDriver::is_one)
            });
            targets.extend(bound.map(|function| of(None, Some(function), false)));
        }
        Ok(Examination {
            root,
            driver,
            topology: Topology::read(root),
            targets,
        })
    }

    /// Whether some NIC brings 10 Gbit/s or more: what is a matter of taste below costs packets there.
    #[must_use]
    pub fn is_fast(&self) -> bool {
        self.targets
            .iter()
            .filter_map(|target| target.interface.as_ref()?.speed)
            .any(|speed| speed >= 10_000)
    }

    /// Whether a user-space driver has one of the NICs.
    #[must_use]
    pub fn has_bypass(&self) -> bool {
        self.targets.iter().any(|target| {
            let driver = target.function.as_ref().and_then(|f| f.driver.as_deref());
            driver.is_some_and(bind::UserDriver::is_one)
        })
    }
}
