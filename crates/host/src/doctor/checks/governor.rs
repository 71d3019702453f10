//! Who chooses the cores' frequency.

use crate::cpus::format_list;
use crate::doctor::{Change, Examination, Finding};

use super::HOST;

const ID: &str = "frequency-governor";

pub(super) fn check(examination: &Examination) -> Vec<Finding> {
    let cpus = || examination.topology.allowed();
    if cpus().all(|cpu| cpu.governor.is_none()) {
        return vec![Finding::ok(
            ID,
            HOST,
            "the cores' frequency is not the kernel's to choose (virtual machine, or firmware)",
        )];
    }
    let slow: Vec<_> = cpus()
        .filter(|cpu| {
            cpu.governor
                .as_deref()
                .is_some_and(|governor| governor != "performance")
        })
        .collect();
    let Some(first) = slow.first() else {
        return vec![Finding::ok(ID, HOST, "the governor is performance")];
    };
    let ids: Vec<usize> = slow.iter().map(|cpu| cpu.id).collect();
    let found = format!(
        "the governor is {} on cores {}",
        first.governor.as_deref().unwrap_or_default(),
        format_list(&ids)
    );
    let finding = if examination.is_fast() {
        Finding::costs(ID, HOST, found)
    } else {
        Finding::note(ID, HOST, found)
    };
    vec![
        finding
            .why("A core that slept runs slowly when the burst comes and is sped up only after it: the burst's beginning is lost.")
            .fix("echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")
            .changes(ids.iter().map(|id| {
                Change::file(
                    format!("sys/devices/system/cpu/cpu{id}/cpufreq/scaling_governor"),
                    "performance",
                )
            })),
    ]
}
