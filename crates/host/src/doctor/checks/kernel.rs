//! `vm.*` and what else the kernel does to a worker's memory and filters.

use crate::doctor::{Change, Examination, Finding, Severity};

use super::HOST;

/// One of the kernel's settings.
struct Sysctl {
    id: &'static str,
    name: &'static str,
    /// Whether this value is bad on this machine.
    is_bad: fn(i64, &Examination) -> bool,
    good: i64,
    severity: Severity,
    why: &'static str,
}

const SETTINGS: [Sysctl; 6] = [
    Sysctl {
        id: "zone-reclaim",
        name: "vm.zone_reclaim_mode",
        is_bad: |value, _| value != 0,
        good: 0,
        severity: Severity::CostsPackets,
        why: "A node that runs short of memory then throws pages away, for milliseconds, in the thread that asked, before it takes memory of another node.",
    },
    Sysctl {
        id: "numa-balancing",
        name: "kernel.numa_balancing",
        is_bad: |value, examination| value != 0 && examination.topology.nodes().len() > 1,
        good: 0,
        severity: Severity::CostsPackets,
        why: "The kernel takes pages of the flow table away to see who wants them: page faults in the middle of a burst, on memory that is where it belongs already.",
    },
    Sysctl {
        id: "bpf-compiler",
        name: "net.core.bpf_jit_enable",
        is_bad: |value, _| value == 0,
        good: 1,
        severity: Severity::CostsPackets,
        why: "Filters and the program that spreads frames over the workers are interpreted, for every frame, instead of compiled.",
    },
    Sysctl {
        id: "statistics-timer",
        name: "vm.stat_interval",
        is_bad: |value, examination| {
            value < 10 && examination.topology.cpus.iter().any(|cpu| cpu.isolated)
        },
        good: 120,
        severity: Severity::Note,
        why: "The kernel sums its memory statistics on every core so often, isolated ones too: an interruption of some microseconds.",
    },
    Sysctl {
        id: "swapping",
        name: "vm.swappiness",
        is_bad: |value, examination| {
            let swaps = examination.root.read("proc/swaps").unwrap_or_default();
            value > 10 && swaps.lines().count() > 1
        },
        good: 10,
        severity: Severity::Note,
        why: "Flow tables that are not on reserved huge pages may be swapped out, and a packet that finds its flow there waits for the disk.",
    },
    Sysctl {
        id: "real-time-limit",
        name: "kernel.sched_rt_runtime_us",
        is_bad: |value, examination| {
            (0..1_000_000).contains(&value)
                && examination.topology.cpus.iter().any(|cpu| cpu.isolated)
        },
        good: -1,
        severity: Severity::Note,
        why: "A worker that polls with real-time priority is stopped for the rest of each second. Without that priority, or in interrupt mode, this does not matter.",
    },
];

pub(super) fn check(examination: &Examination) -> Vec<Finding> {
    let root = examination.root;
    SETTINGS
        .iter()
        .filter_map(|setting| {
            let path = format!("proc/sys/{}", setting.name.replace('.', "/"));
            let value: i64 = root.number(&path)?;
            let found = format!("{} is {value}", setting.name);
            if !(setting.is_bad)(value, examination) {
                return Some(Finding::ok(setting.id, HOST, found));
            }
            Some(
                Finding::new(setting.id, HOST, setting.severity, found)
                    .why(setting.why)
                    .fix(format!("sudo sysctl -w {}={}", setting.name, setting.good))
                    .change(Change::file(path, setting.good)),
            )
        })
        .collect()
}
