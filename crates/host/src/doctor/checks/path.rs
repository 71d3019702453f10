//! The driver, and the capture paths that it allows.

use crate::bind::{self, UserDriver};
use crate::doctor::{Examination, Finding, Target, driver};

const ID: &str = "driver";

pub(super) fn check(examination: &Examination, target: &Target) -> Vec<Finding> {
    let root = examination.root;
    let name = target.name();
    if let (None, Some(function)) = (&target.interface, &target.function) {
        let driver = function.driver.as_deref().unwrap_or("no driver");
        if driver != UserDriver::VfioPci.name()
            && bind::candidates(root, function).contains(&UserDriver::VfioPci)
        {
            return vec![
                Finding::note(ID, &name, format!("its driver is {driver}, though there is an IOMMU"))
                    .why("vfio-pci protects memory from the NIC and has receive interrupts on most NICs, so that workers can sleep.")
                    .fix(format!("sudo portreeve nic bind {name} --driver vfio-pci")),
            ];
        }
        return vec![Finding::ok(
            ID,
            &name,
            format!("its driver is {driver}, for DPDK"),
        )];
    }
    let Some(interface) = &target.interface else {
        return Vec::new();
    };
    let driver = driver::name_of(interface);
    let fast = interface.speed.is_some_and(|speed| speed >= 10_000);
    let candidates = target
        .function
        .as_ref()
        .filter(|function| !bind::is_bifurcated(function))
        .map(|function| (function, bind::candidates(root, function)));
    let free = target.used_for.is_empty();
    match candidates {
        Some((function, candidates)) if fast && free && !candidates.is_empty() => vec![
            Finding::note(ID, &name, format!("its driver is {driver}, the kernel's: each frame passes the kernel"))
                .why("At 10 Gbit/s small frames come every 67 ns, which the kernel's path does not keep up with on one core; DPDK does.")
                .fix(format!("sudo portreeve nic bind {} --driver {}", function.address, candidates[0])),
        ],
        _ => vec![Finding::ok(ID, &name, format!("its driver is {driver}"))],
    }
}
