//! Offloads that make other frames of those that came.

use portreeve_interfaces::Merging;

use crate::doctor::{Change, Examination, Finding, Knob, Target};

pub(super) fn check(examination: &Examination, target: &Target) -> Vec<Finding> {
    let Some(interface) = &target.interface else {
        return Vec::new();
    };
    let name = &interface.name;
    let mut findings = Vec::new();
    for (id, merging, knob, short, who) in [
        ("gro", Merging::Gro, Knob::Gro, "gro", "the kernel joins"),
        ("lro", Merging::Lro, Knob::Lro, "lro", "the NIC joins"),
    ] {
        let Ok(on) = examination.driver.merging(name, merging) else {
            continue;
        };
        findings.push(if on {
            Finding::costs(id, name, format!("{who} received frames to larger ones ({} on)", short.to_uppercase()))
                .why("A monitor then sees frames that were never on the wire: packets are missing from the counts, sizes and times are wrong, and what is larger than the snap length is cut.")
                .fix(format!("sudo ethtool -K {name} {short} off"))
                .change(Change::interface(name, knob, "off"))
        } else {
            Finding::ok(id, name, format!("{} off", short.to_uppercase()))
        });
    }
    let offloads = interface.offloads;
    if (offloads.tso == Some(true) || offloads.gso == Some(true)) && !interface.addresses.is_empty()
    {
        findings.push(
            Finding::note("tso", name, "what this host sends itself is seen before it is cut to frames (TSO, GSO on)")
                .why("Only this host's own traffic is concerned, not what a mirror port brings. Switched off, sending costs this host more.")
                .fix(format!("sudo ethtool -K {name} tso off gso off")),
        );
    }
    findings
}
