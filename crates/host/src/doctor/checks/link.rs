//! Whether anything can arrive.

use crate::doctor::{Examination, Finding, Target};

const ID: &str = "link";

pub(super) fn check(_: &Examination, target: &Target) -> Vec<Finding> {
    let Some(interface) = &target.interface else {
        return Vec::new();
    };
    let name = &interface.name;
    if !interface.up {
        return vec![
            Finding::blocks(ID, name, "it is down")
                .why("A NIC that is not up takes no frames.")
                .fix(format!("sudo ip link set dev {name} up")),
        ];
    }
    if !interface.running {
        let found = "up, but without a carrier";
        let finding = if target.named {
            Finding::blocks(ID, name, found)
        } else {
            Finding::note(ID, name, found)
        };
        return vec![
            finding
                .why("No cable, no optics, or the other side is down: nothing arrives.")
                .fix(format!("sudo ethtool -m {name}   # what the optics say; then the cable and the other side")),
        ];
    }
    let speed = match interface.speed {
        Some(speed) => format!("{speed} Mbit/s"),
        None => "speed unknown".into(),
    };
    vec![Finding::ok(ID, name, format!("up, {speed}"))]
}
