//! How long the NIC waits before it interrupts.

use crate::doctor::{Examination, Finding, Target};

const ID: &str = "interrupt-moderation";

pub(super) fn check(examination: &Examination, target: &Target) -> Vec<Finding> {
    let (Some(interface), Some(rings)) = (&target.interface, target.rings) else {
        return Vec::new();
    };
    let name = &interface.name;
    if interface.driver.as_deref() == Some("virtio_net") {
        // Host and guest tell each other when no interrupt is wanted; the two numbers say nothing.
        return Vec::new();
    }
    let Ok(coalescing) = examination.driver.coalescing(name) else {
        return Vec::new();
    };
    let waits = coalescing.microseconds;
    if coalescing.adaptive {
        return vec![Finding::ok(
            ID,
            name,
            "its driver adapts interrupts to the load",
        )];
    }
    let absorbed = target.absorbs(rings.rx);
    if absorbed.is_some_and(|absorbed| f64::from(waits) > absorbed) {
        let absorbed = absorbed.unwrap_or_default();
        return vec![
            Finding::costs(ID, name, format!("it waits {waits} µs before it interrupts, and its ring is full after {absorbed:.0} µs of line rate"))
                .why("A burst then overflows the ring before anybody is told that it began.")
                .fix(format!("sudo ethtool -C {name} rx-usecs {:.0}", absorbed / 4.0)),
        ];
    }
    if waits == 0 && coalescing.frames <= 1 {
        return vec![
            Finding::note(ID, name, "it interrupts for every frame")
                .why("Under load the processor is then busy with being interrupted. With DPDK, or a driver that polls under load, this does not matter.")
                .fix(format!("sudo ethtool -C {name} rx-usecs 20")),
        ];
    }
    vec![Finding::ok(
        ID,
        name,
        format!("it interrupts {waits} µs after a frame"),
    )]
}
