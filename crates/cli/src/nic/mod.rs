//! `portreeve nic`: wiring and printing; the work is `portreeve_host`'s.

mod hugepages;
mod table;

use std::fmt::Write as _;
use std::process::ExitCode;

use portreeve_host::bind::{self, Bound, Host, Request, Restored, UserDriver};
use portreeve_host::{Root, nics, usage};
use portreeve_interfaces::Interface;

use crate::args::nic::{BindArgs, NicCommand};
use crate::exit::Failure;
use crate::{interface, print};

/// Does what was asked for.
///
/// # Errors
/// What could not be done, and what to type next.
pub fn run(command: &NicCommand) -> Result<ExitCode, Failure> {
    let root = Root::system();
    match command {
        NicCommand::List { json } => list(&root, *json),
        NicCommand::Bind(args) => bind(&root, args),
        NicCommand::Unbind { nics, json } => unbind(&root, nics, *json),
        NicCommand::Hugepages(args) => hugepages::run(&root, args),
    }
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<ExitCode, Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(Failure::failed)?;
    text.push('\n');
    print(text.as_bytes())
}

fn list(root: &Root, json: bool) -> Result<ExitCode, Failure> {
    let interfaces = interface::list()?;
    let nics = nics::list(root, &interfaces, usage::ssh_address(root), nics::details);
    if json {
        return print_json(&nics);
    }
    print(table::table(&nics).as_bytes())
}

fn bind(root: &Root, args: &BindArgs) -> Result<ExitCode, Failure> {
    let interfaces = interface::list()?;
    let host = Host {
        root,
        interfaces: &interfaces,
        ssh: usage::ssh_address(root),
    };
    let request = Request {
        targets: args.nics.clone(),
        driver: args.driver.0,
        take_over: args.take_over,
        no_iommu: args.no_iommu,
    };
    let bound = bind::bind(&host, &request).map_err(Failure::failed)?;
    if args.json {
        return print_json(&bound);
    }
    print(bound_text(&bound, args.no_iommu).as_bytes())
}

fn bound_text(bound: &[Bound], no_iommu: bool) -> String {
    let mut text = String::new();
    for nic in bound {
        let Bound {
            address, driver, ..
        } = nic;
        let name = match nic.interfaces.first() {
            Some(interface) => format!("{address} ({interface})"),
            None => address.to_string(),
        };
        let from = nic.previous.as_deref().unwrap_or("no driver");
        let _ = if nic.changed {
            writeln!(text, "{name} went from {from} to {driver}")
        } else {
            writeln!(text, "{name} has {driver} already, before that {from}")
        };
    }
    if no_iommu && bound.iter().any(|nic| nic.driver == UserDriver::VfioPci) {
        text.push_str("without an IOMMU: these NICs may write anywhere in memory\n");
    }
    let inputs: Vec<String> = bound
        .iter()
        .map(|nic| format!("-i dpdk:{}", nic.address))
        .collect();
    let addresses: Vec<&str> = bound.iter().map(|nic| nic.address.as_str()).collect();
    let _ = writeln!(text, "to watch:     portreeve {}", inputs.join(" "));
    let _ = writeln!(
        text,
        "to give back: sudo portreeve nic unbind {}",
        addresses.join(" ")
    );
    text
}

fn unbind(root: &Root, nics: &[String], json: bool) -> Result<ExitCode, Failure> {
    let interfaces: Vec<Interface> = interface::list()?;
    let host = Host {
        root,
        interfaces: &interfaces,
        ssh: None,
    };
    let restored = bind::unbind(&host, nics).map_err(Failure::failed)?;
    if json {
        return print_json(&restored);
    }
    print(restored_text(&restored).as_bytes())
}

fn restored_text(restored: &[Restored]) -> String {
    let mut text = String::new();
    for nic in restored {
        let driver = nic.driver.as_deref().unwrap_or("no driver");
        let interfaces = match nic.interfaces.as_slice() {
            [] => String::new(),
            names => format!(" as {}", names.join(", ")),
        };
        let _ = if nic.changed {
            writeln!(text, "{} is with {driver} again{interfaces}", nic.address)
        } else {
            writeln!(
                text,
                "{} is with {driver}{interfaces}; nothing was to be done",
                nic.address
            )
        };
        for (before, now) in nic.before.iter().zip(&nic.interfaces) {
            if before.up {
                let _ = writeln!(
                    text,
                    "  it was up:  sudo ip link set {now} up mtu {}",
                    before.mtu
                );
            }
            for address in &before.addresses {
                // Link-local addresses come by themselves.
                if !address.starts_with("fe80:") {
                    let _ = writeln!(
                        text,
                        "  it had:     sudo ip address add {address} dev {now}"
                    );
                }
            }
        }
    }
    text
}
