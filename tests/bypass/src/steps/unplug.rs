//! A NIC that is pulled out while a run watches it and another one.

use crate::fault::{Outcome, ensure};
use crate::machine::Machine;
use crate::run::{Plan, Run};
use crate::steps::{kernel, plug, user};

/// Packets to each NIC before one is pulled out, and to the other one behind that.
const PACKETS: u64 = 500;
/// Packets a second.
const RATE: u64 = 1_000;

/// The run is told, says so, and lets go of the NIC, without which the guest's kernel would wait for ever; what the other one brings is counted as if nothing
/// had happened, and so is all that came before.
///
/// # Errors
/// Something does not hold.
pub fn nic(
    machine: &mut Machine,
    pulled: &str,
    driver: &str,
    other: &str,
    mode: &'static str,
) -> Outcome<()> {
    for name in [pulled, other] {
        kernel::counts(machine, name)?;
        user::bind(machine, name, driver)?;
    }
    let (feeder, mut traffic) = plug(machine, pulled)?;
    let (other_feeder, mut other_traffic) = plug(machine, other)?;
    let nic = machine.nic(pulled)?;
    let name = format!("dpdk:{}", nic.address());
    let also = format!("-i dpdk:{}", machine.nic(other)?.address());
    let run = Run::start(machine, &Plan::new(name.clone(), mode).more(&also))?;
    feeder.send(&mut traffic, PACKETS, RATE)?;
    other_feeder.send(&mut other_traffic, PACKETS, RATE)?;
    run.wait_for(machine, 2 * PACKETS)?;
    machine.unplug(&nic)?;
    let address = nic.address();
    let gone = machine.run(&format!("! test -e /sys/bus/pci/devices/{address}"))?;
    ensure(gone.status == 0, || format!("{address} is still there"))?;
    other_feeder.send(&mut other_traffic, PACKETS, RATE)?;
    run.wait_for(machine, 3 * PACKETS)?;
    let left = run.end(machine)?;
    left.ended_with(1)?;
    ensure(left.stderr.contains(&format!("{name} is gone")), || {
        format!("nothing is said of {name}:\n{}", left.stderr)
    })?;
    let delivered = left.total("delivered")?;
    ensure(delivered == 3 * PACKETS, || {
        format!("delivered {delivered}:\n{}", left.stderr)
    })?;
    user::unbind(machine, other)
}
