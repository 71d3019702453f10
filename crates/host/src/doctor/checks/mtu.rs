//! Frames that are longer than the interface takes.

use crate::doctor::{Change, Examination, Finding, Knob, Target};

const ID: &str = "mtu";
/// What jumbo frames have nearly everywhere.
const JUMBO: u32 = 9000;

pub(super) fn check(_: &Examination, target: &Target) -> Vec<Finding> {
    let Some(interface) = &target.interface else {
        return Vec::new();
    };
    let name = &interface.name;
    let mtu = interface.mtu;
    let why = "A NIC drops frames that are longer than its MTU and the headers around it, before anybody can count what was in them.";
    let fix = format!("sudo ip link set dev {name} mtu {JUMBO}");
    if mtu < JUMBO && interface.counters.length > 0 {
        return vec![
            Finding::costs(
                ID,
                name,
                format!(
                    "{} frames did not fit an MTU of {mtu} bytes, since the driver was loaded",
                    interface.counters.length
                ),
            )
            .why(why)
            .fix(fix)
            .change(Change::interface(name, Knob::Mtu, JUMBO)),
        ];
    }
    // An interface without addresses is there to listen.
    if mtu < JUMBO && interface.addresses.is_empty() && target.function.is_some() {
        return vec![
            Finding::note(
                ID,
                name,
                format!("its MTU is {mtu} bytes; so far every frame fitted"),
            )
            .why(why)
            .fix(format!(
                "{fix}   # if the network that is mirrored has jumbo frames"
            )),
        ];
    }
    vec![Finding::ok(
        ID,
        name,
        format!("its MTU is {mtu} bytes; every frame fitted"),
    )]
}
