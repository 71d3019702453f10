//! Which cores the NIC interrupts.

use crate::Root;
use crate::cpus::{format_list, parse_list};
use crate::doctor::{Change, Examination, Finding, Target};

use super::HOST;

const ID: &str = "interrupts";

/// An interrupt of a receive queue and the cores it goes to.
struct Interrupt {
    number: u32,
    cores: Vec<usize>,
}

/// Whether an interrupt is for sending alone: `eth3-tx-0`, but not `eth1-rxtx-0` or `i40e-eth1-TxRx-3`.
fn sends(user: &str) -> bool {
    let user = user.to_ascii_lowercase();
    !user.contains("rx") && user.split('-').any(|part| part == "tx")
}

/// Those that are in use and not for something else than receiving.
fn interrupts(root: &Root, target: &Target) -> Vec<Interrupt> {
    let Some(function) = &target.function else {
        return Vec::new();
    };
    let numbers = root.names(format!("{}/msi_irqs", function.address.folder()));
    let mut interrupts: Vec<Interrupt> = numbers
        .iter()
        .filter_map(|number| {
            let number: u32 = number.parse().ok()?;
            let folder = format!("proc/irq/{number}");
            // A folder is named after whoever asked for the interrupt: i40e-eth1-TxRx-3, virtio2-input.0.
            let user = root
                .names(&folder)
                .into_iter()
                .find(|name| root.path(format!("{folder}/{name}")).is_dir())?;
            let other = [
                "config", "control", "async", "misc", "output", "event", "mgmnt",
            ];
            let is_other = other.iter().any(|word| user.contains(word)) || sends(&user);
            // The NIC's own one, for its link, where its queues have others.
            let is_other = is_other || (numbers.len() > 1 && user == target.name());
            let file = |name: &str| root.read(format!("{folder}/{name}")).ok();
            let cores = file("effective_affinity_list")
                .filter(|text| !text.is_empty())
                .or_else(|| file("smp_affinity_list"))?;
            (!is_other).then_some(Interrupt {
                number,
                cores: parse_list(&cores)?,
            })
        })
        .collect();
    interrupts.sort_by_key(|interrupt| interrupt.number);
    interrupts
}

pub(super) fn check(examination: &Examination, target: &Target) -> Vec<Finding> {
    let name = target.name();
    if target.interface.is_none() {
        return Vec::new();
    }
    let interrupts = interrupts(examination.root, target);
    if interrupts.is_empty() {
        return Vec::new();
    }
    let topology = &examination.topology;
    let node = target.node().filter(|_| topology.nodes().len() > 1);
    let near: Vec<usize> = topology
        .allowed()
        .filter(|cpu| node.is_none() || cpu.node == node)
        .map(|cpu| cpu.id)
        .collect();
    let mut used: Vec<usize> = interrupts.iter().flat_map(|i| i.cores.clone()).collect();
    used.sort_unstable();
    used.dedup();
    let count = interrupts.len();
    let far = used.iter().any(|core| {
        node.is_some()
            && topology
                .cpu(*core)
                .is_some_and(|cpu| cpu.node.is_some() && cpu.node != node)
    });
    let crowded = count > 1 && near.len() > 1 && used.len() == 1;
    if near.is_empty() || !(far || crowded) {
        let found = format!(
            "its receive interrupts ({count}) are on cores {}",
            format_list(&used)
        );
        return vec![Finding::ok(ID, name, found)];
    }
    let found = match node {
        Some(node) if far => format!(
            "its {count} receive interrupts are on cores {}; the NIC is on node {node}",
            format_list(&used)
        ),
        _ => format!("all {count} queues interrupt core {}", format_list(&used)),
    };
    let mut finding = Finding::costs(ID, name, found).why(
        "With the kernel's driver, the core that is interrupted empties the queue: one core for all of them, or one that is far from the NIC, is what limits the rate. With DPDK this does not matter.",
    );
    for (interrupt, core) in interrupts.iter().zip(near.iter().cycle()) {
        let file = format!("proc/irq/{}/smp_affinity_list", interrupt.number);
        finding = finding
            .fix(format!("echo {core} | sudo tee /{file}"))
            .change(Change::file(file, core));
    }
    vec![finding]
}

/// The daemon that moves interrupts around.
pub(super) fn balancer(examination: &Examination) -> Vec<Finding> {
    const ID: &str = "irqbalance";
    let root = examination.root;
    let runs = root
        .names("proc")
        .iter()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .any(|process| {
            root.read(format!("proc/{process}/comm"))
                .is_ok_and(|name| name == "irqbalance")
        });
    if !runs {
        return vec![Finding::ok(ID, HOST, "irqbalance is not running")];
    }
    vec![
        Finding::note(ID, HOST, "irqbalance runs")
            .why("It moves interrupts from core to core, also onto workers' cores, unless these are isolated.")
            .fix("sudo systemctl disable --now irqbalance   # or name the workers' cores in IRQBALANCE_BANNED_CPULIST"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_told_from_receivers() {
        assert!(sends("eth3-tx-0") && sends("ens5-Tx-1"));
        for receiver in [
            "eth1-rxtx-0",
            "i40e-eth1-TxRx-3",
            "eth3-rx-0",
            "virtio2-input.0",
        ] {
            assert!(!sends(receiver), "{receiver}");
        }
    }
}
