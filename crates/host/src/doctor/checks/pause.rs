//! Pause frames: losses that move to where nobody counts them for us.

use crate::doctor::{Examination, Finding, Target};

const ID: &str = "pause-frames";

pub(super) fn check(examination: &Examination, target: &Target) -> Vec<Finding> {
    let Some(interface) = &target.interface else {
        return Vec::new();
    };
    let name = &interface.name;
    let Ok(on) = examination.driver.sends_pause(name) else {
        return Vec::new();
    };
    if !on {
        return vec![Finding::ok(ID, name, "it sends no pause frames")];
    }
    let found = "it tells the other side to stop while its ring is full (pause frames)";
    // An interface without addresses is there to listen.
    let finding = if interface.addresses.is_empty() {
        Finding::costs(ID, name, found)
    } else {
        Finding::note(ID, name, found)
    };
    vec![
        finding
            .why("A mirror port that is told to stop drops what it would have sent: the loss is the switch's, and no counter here shows it. A monitor also must not slow down what it watches.")
            .fix(format!("sudo ethtool -A {name} autoneg off rx off tx off")),
    ]
}
