//! NICs that the kernel drives, watched through AF_PACKET: the rig's own proof, and that a NIC which was given back works.

use crate::fault::{Outcome, ensure, fail};
use crate::machine::Machine;
use crate::run::{Plan, Run};
use crate::steps::plug;

/// Packets for each NIC.
const PACKETS: u64 = 2_000;
/// Packets a second: far below what an emulated NIC takes.
const RATE: u64 = 2_000;

/// Loads the kernel's driver of a NIC and finds its interface.
///
/// # Errors
/// There is none.
pub fn interface(machine: &mut Machine, name: &str) -> Outcome<String> {
    let nic = machine.nic(name)?;
    machine.must(&format!("modprobe -a {}", nic.model.modules()))?;
    // virtio has a device of its own between the PCI device and the interface.
    let address = nic.address();
    let look = format!(
        "for d in /sys/class/net/*; do case $(readlink -f $d/device) in */{address}|*/{address}/*) basename $d;; esac; done"
    );
    // Some drivers make the interface a moment after they were loaded.
    for _ in 0..50 {
        if let Some(interface) = machine.must(&look)?.lines().next() {
            return Ok(interface.to_owned());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    fail(format!("{name}: no interface belongs to {address}"))
}

/// Known packets come to a NIC of the kernel's: the ledger and the records say exactly those.
///
/// # Errors
/// They do not.
pub fn counts(machine: &mut Machine, name: &str) -> Outcome<()> {
    let interface = interface(machine, name)?;
    machine.must(&format!("ip link set {interface} up"))?;
    let (feeder, mut traffic) = plug(machine, name)?;
    let plan = Plan::new(format!("afpacket:{interface}"), "interrupt");
    let run = Run::start(machine, &plan)?;
    feeder.send(&mut traffic, PACKETS, RATE)?;
    run.wait_for(machine, PACKETS)?;
    let left = run.end(machine)?;
    left.check()?;
    let delivered = left.total("delivered")?;
    ensure(delivered == PACKETS, || {
        format!(
            "{PACKETS} packets were sent, {delivered} delivered:\n{}",
            left.stderr
        )
    })?;
    traffic.check(&left.records)?;
    machine.must(&format!("ip link set {interface} down"))?;
    Ok(())
}
