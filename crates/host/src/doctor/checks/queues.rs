//! Receive queues, one for each worker.

use crate::doctor::{Examination, Finding, Target};

const ID: &str = "queues";

pub(super) fn check(examination: &Examination, target: &Target) -> Vec<Finding> {
    let (Some(interface), Some(channels)) = (&target.interface, target.channels) else {
        return Vec::new();
    };
    let name = &interface.name;
    let (now, most) = (channels.receive(), channels.receive_max());
    let cores = u32::try_from(examination.topology.allowed().count()).unwrap_or(u32::MAX);
    let wanted = most.min(cores);
    if now >= wanted {
        return vec![Finding::ok(
            ID,
            name,
            format!("{now} of {most} receive queues in use"),
        )];
    }
    let kind = if channels.combined_max > 0 {
        "combined"
    } else {
        "rx"
    };
    vec![
        Finding::note(ID, name, format!("{now} receive queues in use, there could be {most}; {cores} cores could empty them"))
            .why("Each queue is emptied by one core: fewer queues than workers make one core pass frames on to the others.")
            .fix(format!("sudo ethtool -L {name} {kind} {wanted}")),
    ]
}
