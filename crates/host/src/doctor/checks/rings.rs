//! How much a receive ring absorbs.

use crate::doctor::{Change, Examination, Finding, Knob, Target};

const ID: &str = "receive-ring";

pub(super) fn check(_: &Examination, target: &Target) -> Vec<Finding> {
    let (Some(interface), Some(rings)) = (&target.interface, target.rings) else {
        return Vec::new();
    };
    let name = &interface.name;
    let absorbs = |frames: u32| match target.absorbs(frames) {
        Some(microseconds) if microseconds < 1000.0 => {
            format!(" ({microseconds:.0} µs of line rate)")
        }
        Some(microseconds) => format!(" ({:.1} ms of line rate)", microseconds / 1000.0),
        None => String::new(),
    };
    if rings.rx_max == 0 || rings.rx >= rings.rx_max {
        let found = format!(
            "its receive ring holds {} frames{}, all that it can",
            rings.rx,
            absorbs(rings.rx)
        );
        return vec![Finding::ok(ID, name, found)];
    }
    vec![
        Finding::costs(ID, name, format!("its receive ring holds {} frames{}, it could hold {}{}", rings.rx, absorbs(rings.rx), rings.rx_max, absorbs(rings.rx_max)))
            .why("What arrives while nobody empties the ring waits in it; when it is full, the NIC drops.")
            .fix(format!("sudo ethtool -G {name} rx {}", rings.rx_max))
            .change(Change::interface(name, Knob::ReceiveRing, rings.rx_max)),
    ]
}
