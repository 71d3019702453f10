//! The checks, one file each.

mod clock;
mod governor;
mod hash;
mod huge_pages;
mod interrupts;
mod iommu;
mod isolation;
mod kernel;
mod limits;
mod link;
mod losses;
mod moderation;
mod mtu;
mod node;
mod offloads;
mod path;
mod pause;
mod privileges;
mod queues;
mod rings;
mod sleep_states;
mod slot;
mod softnet;

use super::{Examination, Finding, Target};

/// What the host itself is asked.
const OF_HOST: [fn(&Examination) -> Vec<Finding>; 12] = [
    huge_pages::check,
    huge_pages::mounted,
    iommu::check,
    isolation::check,
    governor::check,
    sleep_states::check,
    clock::check,
    kernel::check,
    softnet::check,
    interrupts::balancer,
    limits::check,
    privileges::check,
];

/// What each NIC is asked.
const OF_NIC: [fn(&Examination, &Target) -> Vec<Finding>; 13] = [
    link::check,
    path::check,
    slot::check,
    node::check,
    offloads::check,
    rings::check,
    queues::check,
    hash::check,
    interrupts::check,
    moderation::check,
    pause::check,
    mtu::check,
    losses::check,
];

/// The names of all checks, as [`Finding::id`] has them.
pub const CHECKS: [&str; 36] = [
    "bpf-compiler",
    "capabilities",
    "clock",
    "driver",
    "frequency-governor",
    "gro",
    "huge-pages",
    "huge-pages-mounted",
    "interrupt-moderation",
    "interrupts",
    "iommu",
    "irqbalance",
    "isolated-cores",
    "kernel-backlog",
    "kernel-budget",
    "link",
    "locked-memory",
    "lro",
    "mtu",
    "nic-losses",
    "numa-balancing",
    "numa-node",
    "open-files",
    "pause-frames",
    "queues",
    "real-time-limit",
    "receive-hash",
    "receive-ring",
    "sleep-states",
    "slot",
    "statistics-timer",
    "swapping",
    "timer-ticks",
    "tso",
    "zone-reclaim",
    "no-nic",
];

/// Runs every check; the worst first, in the order of the checks among equals.
#[must_use]
pub fn examine(examination: &Examination) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    if examination.targets.is_empty() {
        findings.push(
            Finding::note("no-nic", HOST, "no NIC is up, and none is bound for DPDK")
                .why("Only the host itself was looked at; an interface that is named is looked at in any case.")
                .fix("portreeve nic list"),
        );
    }
    for target in &examination.targets {
        for check in OF_NIC {
            findings.extend(check(examination, target));
        }
    }
    for check in OF_HOST {
        findings.extend(check(examination));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// The subject of findings that are about no NIC.
const HOST: &str = "host";
