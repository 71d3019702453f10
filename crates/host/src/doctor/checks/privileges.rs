//! What this process is allowed to.

use crate::doctor::{Examination, Finding};

use super::HOST;

const ID: &str = "capabilities";
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
pub(super) const CAP_IPC_LOCK: u32 = 14;

fn effective(examination: &Examination) -> Option<u64> {
    let status = examination.root.read("proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// Whether this process has the capability of that number.
pub(super) fn has(examination: &Examination, capability: u32) -> bool {
    effective(examination).is_some_and(|set| set & (1 << capability) != 0)
}

pub(super) fn check(examination: &Examination) -> Vec<Finding> {
    if effective(examination).is_none() {
        return Vec::new();
    }
    let grant = "sudo setcap cap_net_raw,cap_net_admin=ep \"$(command -v portreeve)\"";
    if !has(examination, CAP_NET_RAW) {
        return vec![
            Finding::blocks(ID, HOST, "this user may not capture: no cap_net_raw")
                .why("Without it the kernel hands no frames out.")
                .fix(grant),
        ];
    }
    if !has(examination, CAP_NET_ADMIN) {
        return vec![
            Finding::note(
                ID,
                HOST,
                "this user may capture, but not set a NIC promiscuous: no cap_net_admin",
            )
            .why("Without promiscuous mode the NIC takes only frames that are addressed to it.")
            .fix(grant),
        ];
    }
    vec![Finding::ok(ID, HOST, "this user may capture")]
}
