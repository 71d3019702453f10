//! What the NIC has lost already.

use crate::doctor::{Examination, Finding, Target};

const ID: &str = "nic-losses";

pub(super) fn check(_: &Examination, target: &Target) -> Vec<Finding> {
    let Some(interface) = &target.interface else {
        return Vec::new();
    };
    let name = &interface.name;
    if !interface.counts_losses() {
        return vec![Finding::ok(ID, name, "its driver does not count losses")];
    }
    let counters = interface.counters;
    let lost = counters.missed + counters.errors;
    if lost == 0 {
        return vec![Finding::ok(
            ID,
            name,
            format!("the NIC lost none of {} frames", counters.packets),
        )];
    }
    vec![
        Finding::note(ID, name, format!("{} frames missed and {} bad, {} received, since the driver was loaded", counters.missed, counters.errors, counters.packets))
            .why("Missed: the ring was full. Bad: cable, optics, or longer than the MTU. It is history; whether it goes on, the ledger of a run says.")
            .fix(format!("ethtool -S {name} | grep -iE 'miss|err|drop|no_buf'")),
    ]
}
