//! The IOMMU: needed for VFIO, and a cost for the kernel's drivers where it translates.

use crate::doctor::{Examination, Finding};
use crate::pci;

use super::HOST;

const ID: &str = "iommu";

pub(super) fn check(examination: &Examination) -> Vec<Finding> {
    let root = examination.root;
    if !examination
        .targets
        .iter()
        .any(|target| target.function.is_some())
    {
        return Vec::new();
    }
    let processor = root.read("proc/cpuinfo").unwrap_or_default();
    let option = if processor.contains("AuthenticAMD") {
        "amd_iommu=on iommu=pt"
    } else {
        "intel_iommu=on iommu=pt"
    };
    let guest = processor.lines().any(|line| {
        line.starts_with("flags") && line.split_whitespace().any(|w| w == "hypervisor")
    });
    if !pci::has_iommu(root) {
        let finding = Finding::note(ID, HOST, "no IOMMU is in use").why("vfio-pci, the driver for DPDK that protects memory and has receive interrupts on most NICs, needs one; UIO works without.");
        return vec![if guest {
            finding.by_hand(
                "give this virtual machine an IOMMU (QEMU: -device intel-iommu), or use uio_pci_generic",
            )
        } else {
            finding
                .by_hand("switch it on in the firmware (VT-d, AMD-Vi)")
                .boot_with(option)
        }];
    }
    let translated = examination.targets.iter().find_map(|target| {
        let function = target.function.as_ref()?;
        target.interface.as_ref()?;
        let group = function.iommu_group?;
        let kind = root
            .read(format!("sys/kernel/iommu_groups/{group}/type"))
            .ok()?;
        kind.starts_with("DMA").then(|| (target.name(), kind))
    });
    match translated {
        Some((name, kind)) => vec![
            Finding::note(ID, HOST, format!("the IOMMU translates what {name} addresses ({kind})"))
                .why("The kernel's driver then maps and unmaps memory for its frames, which costs it a part of its rate; vfio-pci does not mind.")
                .boot_with("iommu=pt"),
        ],
        None => vec![Finding::ok(ID, HOST, "an IOMMU is in use")],
    }
}
