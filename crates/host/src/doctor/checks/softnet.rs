//! What the kernel's receive path lost or put off.

use crate::doctor::{Examination, Finding};

use super::HOST;

const ID: &str = "kernel-backlog";

pub(super) fn check(examination: &Examination) -> Vec<Finding> {
    let root = examination.root;
    // One line for each core, hexadecimal: processed, dropped, rounds that ended for want of budget.
    let Ok(text) = root.read("proc/net/softnet_stat") else {
        return Vec::new();
    };
    let column = |index: usize| -> u64 {
        let of_line = |line: &str| {
            let word = line.split_whitespace().nth(index)?;
            u64::from_str_radix(word, 16).ok()
        };
        text.lines().filter_map(of_line).sum()
    };
    let (processed, dropped, squeezed) = (column(0), column(1), column(2));
    let setting = |name: &str| root.number::<u64>(format!("proc/sys/net/core/{name}"));
    let mut findings = Vec::new();
    if dropped > 0 {
        let backlog = setting("netdev_max_backlog").unwrap_or(1000);
        findings.push(
            Finding::note(ID, HOST, format!("the kernel's backlog dropped {dropped} of {processed} frames since boot"))
                .why("Frames of virtual interfaces, and of RPS, wait in this queue; AF_PACKET sees those that were dropped as little as everybody else.")
                .fix(format!("sudo sysctl -w net.core.netdev_max_backlog={}", backlog.max(1000) * 10)),
        );
    }
    // Once in a while is normal.
    if squeezed > 100 && squeezed > processed / 100_000 {
        let budget = setting("netdev_budget").unwrap_or(300);
        findings.push(
            Finding::note("kernel-budget", HOST, format!("{squeezed} rounds of receiving ended before the rings were empty, since boot"))
                .why("The kernel stops after so many frames or microseconds and leaves the rest in the ring for later; it matters for AF_PACKET and generic AF_XDP.")
                .fix(format!("sudo sysctl -w net.core.netdev_budget={} net.core.netdev_budget_usecs=8000", budget.max(300) * 2)),
        );
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            ID,
            HOST,
            format!("the kernel's backlog dropped none of {processed} frames"),
        ));
    }
    findings
}
