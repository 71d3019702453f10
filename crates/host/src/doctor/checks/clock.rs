//! What the time is read from.

use crate::doctor::{Change, Examination, Finding};

use super::HOST;

const ID: &str = "clock";
const FOLDER: &str = "sys/devices/system/clocksource/clocksource0";

/// Those that are read without entering the kernel.
const FAST: [&str; 4] = [
    "tsc",
    "kvm-clock",
    "arch_sys_counter",
    "hyperv_clocksource_tsc_page",
];

pub(super) fn check(examination: &Examination) -> Vec<Finding> {
    let root = examination.root;
    let Ok(current) = root.read(format!("{FOLDER}/current_clocksource")) else {
        return Vec::new();
    };
    if FAST.contains(&current.as_str()) {
        return vec![Finding::ok(
            ID,
            HOST,
            format!("the kernel's clock is {current}"),
        )];
    }
    let available = root
        .read(format!("{FOLDER}/available_clocksource"))
        .unwrap_or_default();
    let better = FAST
        .iter()
        .find(|fast| available.split_whitespace().any(|one| one == **fast));
    let finding = Finding::costs(ID, HOST, format!("the kernel's clock is {current}"))
        .why("Every reading of the time then enters the kernel and asks a slow device: a microsecond or more for each burst.");
    vec![match better {
        Some(better) => finding
            .fix(format!(
                "echo {better} | sudo tee /{FOLDER}/current_clocksource"
            ))
            .change(Change::file(
                format!("{FOLDER}/current_clocksource"),
                better,
            )),
        None => finding
            .fix("sudo dmesg | grep -i clocksource   # why the kernel does not trust the TSC"),
    }]
}
